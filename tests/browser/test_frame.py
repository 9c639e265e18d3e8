"""Every page of the frame: nothing serious for axe, nothing wider than the window, in both languages and sizes."""

import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from werkzeug.exceptions import NotFound
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.serving import make_server

from tests.browser.conftest import NARROW, WIDE, Desk, Sit
from web.app import create_app, make_engine
from web.settings import Settings

PAGES = {
    "inbox": "/inbox",
    "matters": "/matters",
    "overdue": "/supervise/overdue",
    "decisions": "/decisions",
    "report": "/report",
}


def a_matter(desk: Desk) -> str:
    """One that is open, with a clock that runs by a limit of the product."""
    for row in desk.ask("api/matters?size=200")["rows"]:
        clocks = [step["clock"] for step in desk.ask(f"api/matters/{row['number']}")["steps"][:1] if step["clock"]]
        if any(clock["explained"] and clock["basis"]["kind"] == "product_default" for clock in clocks):
            return str(row["number"])
    raise AssertionError("the demonstration has no such matter")


@pytest.mark.parametrize(("size", "name"), [(WIDE, "wide"), (NARROW, "narrow")])
def test_no_page_has_a_serious_fault_or_runs_sideways(sit: Sit, size: dict[str, int], name: str) -> None:
    desk = sit("triage", size)
    pages = {**PAGES, "matter": f"/matters/{a_matter(desk)}"}
    for page, path in pages.items():
        desk.go(path)
        desk.page.wait_for_load_state("networkidle")
        desk.picture(f"{page}-{name}")
        assert desk.checked() == [], page
        assert desk.sideways() <= 0, page
        assert desk.spilling() == 0, page


def test_the_door_has_no_serious_fault(sit: Sit) -> None:
    desk = sit()
    desk.page.goto(f"{desk.address}/")
    desk.page.get_by_role("button", name="登录").wait_for()
    desk.picture("sign-in")
    assert desk.checked() == []


def test_large_type_and_high_contrast_hold_everywhere(sit: Sit) -> None:
    desk = sit("triage")
    desk.page.get_by_role("button", name="大字").click()
    desk.page.get_by_role("button", name="高对比").click()
    for page, path in {**PAGES, "matter": f"/matters/{a_matter(desk)}"}.items():
        desk.go(path)
        desk.page.wait_for_load_state("networkidle")
        assert desk.checked() == [], page
        assert desk.sideways() <= 0, page
    desk.picture("matter-large")
    size = desk.page.evaluate("getComputedStyle(document.documentElement).fontSize")
    assert size == "18.2px"


def test_english_is_one_press_away_and_stays(sit: Sit) -> None:
    desk = sit("supervisor")
    expect(desk.page.locator("html")).to_have_attribute("lang", "zh-CN")
    desk.page.get_by_role("button", name="EN").click()
    expect(desk.page.locator("html")).to_have_attribute("lang", "en")
    desk.page.reload()
    expect(desk.page.get_by_role("navigation", name="Main navigation")).to_contain_text("Overdue")
    desk.go("/supervise/overdue")
    desk.picture("overdue-english")
    left = desk.page.locator("main button, main th, nav a, h1").all_inner_texts()
    assert [text for text in left if re.search(r"[\u4e00-\u9fff]", text)] == []


def test_the_clock_is_explained_day_by_day(sit: Sit) -> None:
    desk = sit("triage")
    number = a_matter(desk)
    desk.go(f"/matters/{number}")
    desk.page.get_by_role("button", name="为何此时到期？").click()
    drawer = desk.page.get_by_role("dialog")
    told = desk.ask(f"api/matters/{number}")["steps"][0]["clock"]
    assert told["explained"]
    for day in (told["explained"][0], told["explained"][-1]):
        expect(drawer).to_contain_text(day["day"])
        expect(drawer).to_contain_text(day["zh"])
    expect(drawer).to_contain_text("此时限为产品默认，不是法律规定")
    desk.picture("why-due")
    assert desk.checked() == []


def test_the_drawing_shows_where_a_matter_stands_and_keeps_the_sign_of_its_library(sit: Sit) -> None:
    desk = sit("triage")
    number = a_matter(desk)
    desk.go(f"/matters/{number}")
    here = desk.page.locator(".wg-here").first
    here.wait_for()
    current = desk.ask(f"api/matters/{number}/diagram")["current"]
    assert here.get_attribute("data-element-id") in current
    sign = desk.page.locator(".bjs-powered-by")
    sign.scroll_into_view_if_needed()
    expect(sign).to_be_in_viewport()
    box = sign.bounding_box()
    assert box is not None
    top = "([x, y]) => document.elementFromPoint(x, y)?.closest('.bjs-powered-by') !== null"
    assert desk.page.evaluate(top, [box["x"] + box["width"] / 2, box["y"] + box["height"] / 2]), "the sign is covered"
    expect(desk.page.get_by_role("region", name="步骤表")).to_contain_text("现在在这里")


def test_no_token_is_where_a_script_can_read_it(sit: Sit) -> None:
    desk = sit("triage")
    kept = desk.page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])")
    token = next(one["value"] for one in desk.page.context.cookies() if one["name"] == "wangge_session")
    assert token
    assert token not in kept


def test_who_signs_out_is_out(sit: Sit) -> None:
    desk = sit("triage")
    desk.page.get_by_role("button", name="退出").click()
    desk.page.wait_for_url(re.compile("#/login"))
    desk.page.goto(f"{desk.address}/#/inbox")
    expect(desk.page.get_by_label("登录名")).to_be_visible()


def test_the_policy_lets_no_foreign_script_in(sit: Sit) -> None:
    desk = sit()
    answer = desk.page.goto(f"{desk.address}/")
    assert answer is not None
    policy = answer.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "script-src" not in policy or "unsafe" not in policy.partition("script-src")[2].partition(";")[0]
    assert "<script>" not in answer.text()
    assert answer.headers["cache-control"] == "no-cache"


@pytest.fixture
def under_a_path(console: Path, tmp_path: Path) -> Iterator[str]:
    """The address of a service that lies in a folder of another site."""
    engine = make_engine(f"sqlite:///{tmp_path / 'empty.sqlite'}")
    app = create_app(
        engine, Settings(data=tmp_path, cookie_secure=False, cookie_path="/grid/", cookie_name="wangge_grid")
    )
    site = DispatcherMiddleware(NotFound(), {"/grid": app})
    server = make_server("127.0.0.1", 0, site, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/grid"
    server.shutdown()
    thread.join(timeout=10)
    server.server_close()
    engine.store.close()


def test_it_works_in_a_folder_of_another_site(chromium: Browser, under_a_path: str) -> None:
    context = chromium.new_context(locale="zh-CN")
    desk = Desk(context, under_a_path)
    desk.page.goto(f"{under_a_path}/")
    desk.page.get_by_label("登录名").fill("nobody")
    desk.page.get_by_label("密码", exact=True).fill("nothing-at-all")
    desk.page.get_by_role("button", name="登录").click()
    expect(desk.page.get_by_role("alert")).to_contain_text("登录名或密码不正确")
    context.close()
    assert desk.faults == []
