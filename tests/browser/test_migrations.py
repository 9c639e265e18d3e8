"""From a redrawn process to the matters that go over to it: published by a second person, taken up by the next matter,
followed by an old one, refused by another with its reason, and undone. In a city of its own, as its rules change."""

import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Route, expect

from engine.calendars import SHANGHAI
from tests.browser.conftest import NARROW, Desk, Sit, served
from tests.browser.test_matter import begin, choose, reported, send, write

BASE = "zhenjiang/2026-01-01"
REDRAWN = {"verify": ("look_into", "核实情况"), "escalate": ("hand_up", "报上级")}
"""Two steps are replaced: a matter at the first has walked no further, so that it starts again from its report; one at
the second has done the first, which is gone, and has no place unless somebody chooses one."""


@pytest.fixture(scope="module")
def address(console: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with served(tmp_path_factory.mktemp("moving"), matters=0) as found:
        yield found


def post(desk: Desk, path: str, body: object) -> Any:
    """What the API answers to an act of this desk."""
    script = """async ([path, body]) => (await fetch(path, {method: "POST", body: JSON.stringify(body),
        headers: {"Content-Type": "application/json", "X-Requested-With": "wangge"}})).json()"""
    return desk.page.evaluate(script, [path, body])


def redrawn(xml: str) -> str:
    """The drawing with its two steps replaced."""
    for old, (new, name) in REDRAWN.items():
        xml = step(xml, old, new, name)
    return xml


def step(xml: str, old: str, new: str, name: str) -> str:
    """The drawing with another id and name for a step."""
    xml = re.sub(rf'(id|sourceRef|targetRef|bpmnElement)="{old}"', rf'\1="{new}"', xml)
    xml = xml.replace(f"flowNodeRef>{old}<", f"flowNodeRef>{new}<")
    return re.sub(rf'(<bpmn:userTask id="{new}" name=")[^"]*', rf"\g<1>{name}", xml)


def today() -> str:
    return datetime.now(SHANGHAI).date().isoformat()


def drafted(desk: Desk) -> int:
    """A draft with the two steps replaced. Its number."""
    id = int(post(desk, "api/drafts", {"base": BASE, "key": f"zhenjiang/{today()}", "title": "换两个环节"})["draft"])
    file = desk.ask(f"api/drafts/{id}/files/matter.bpmn")
    body = {"path": "matter.bpmn", "text": redrawn(file["text"]), "based_on": file["hash"]}
    assert post(desk, f"api/drafts/{id}/files", body)["revision"] == 1
    return id


def at_the_second_step(worker: Desk) -> str:
    """A matter that has been verified and waits to be passed on. Its number."""
    number = reported(worker)
    begin(worker, number, "complete")
    choose(worker, "核实结果", "属实")
    write(worker, "核实情况", "两盏不亮")
    send(worker)
    return number


def pack_of(desk: Desk, number: str) -> Any:
    return desk.ask(f"api/matters/{number}")["pack"]


def test_from_a_redrawn_process_to_its_matters_and_back(sit: Sit) -> None:
    worker = sit("worker")
    moves, stays = reported(worker), at_the_second_step(worker)
    assert {pack_of(worker, one) for one in (moves, stays)} == {BASE}

    # The author submits; nobody approves what they drew themselves.
    designer = sit("designer")
    draft = drafted(designer)
    designer.go(f"/drafts/{draft}/publish")
    page = designer.page
    expect(page.get_by_role("heading", name="① 检查 ✓ 通过")).to_be_visible(timeout=15_000)
    expect(page.get_by_role("main")).to_contain_text("新增办理环节“核实情况”", timeout=15_000)
    expect(page.get_by_role("group", name="对在办事项的影响")).to_contain_text("待选1", timeout=15_000)
    page.get_by_role("button", name=re.compile("^待选")).click()
    expect(page.get_by_role("region", name="待选")).to_contain_text("上报")
    page.get_by_role("button", name="送请审定").click()
    expect(page.get_by_text("您的岗位不含此操作，请交有发布权限的流程审定员")).to_be_visible()
    expect(page.get_by_role("button", name="批准并发布")).to_be_disabled()
    assert designer.checked() == []
    designer.picture("publish-author")

    # A second person publishes from today on.
    publisher = sit("publisher")
    publisher.go("/versions")
    page = publisher.page
    page.get_by_role("link", name="换两个环节").click()
    expect(page.get_by_role("heading", name="① 检查 ✓ 通过")).to_be_visible(timeout=15_000)
    page.get_by_label("自这一天起").fill(today())
    page.get_by_role("button", name="批准并发布").click()
    asked = page.get_by_role("dialog")
    expect(asked.get_by_role("button", name="先不发布")).to_be_focused()
    expect(asked).to_contain_text("内容不能再改")
    assert publisher.checked() == []
    publisher.picture("publish-confirm")
    asked.get_by_role("button", name="批准并发布").click()
    new = f"zhenjiang/{today()}"
    expect(page.get_by_text(f"版本 {new} 已发布")).to_be_visible(timeout=15_000)

    # The next matter takes the new version.
    next_one = reported(worker)
    assert pack_of(worker, next_one) == new
    expect(
        worker.page.get_by_role("heading", name="核实情况").or_(worker.page.get_by_text("核实情况")).first
    ).to_be_visible()

    # Tried, an old one can move and another cannot; the reason is told, and the matter one press away.
    page.get_by_role("button", name="准备迁移在办事项").click()
    page.wait_for_url(re.compile(r"#/migrations/\d+"), timeout=15_000)
    row = page.locator("tr[data-node=escalate]")
    expect(row).to_contain_text("待选", timeout=15_000)
    expect(page.locator("tr[data-node=verify]")).to_contain_text("按走过路径")
    expect(page.get_by_role("button", name=re.compile(r"^迁移\d+件$"))).to_be_disabled()
    page.get_by_role("button", name="试迁移（不写入）").click()
    count = page.get_by_test_id("counts")
    expect(count).to_contain_text("不能迁移 1", timeout=30_000)
    assert pack_of(worker, moves) == BASE, "a trial writes nothing"

    # One may choose where it goes, and let it be again.
    row.locator(".el-select__wrapper").click()
    page.get_by_role("option", name="报上级", exact=True).click()
    expect(row).to_contain_text("人工选定", timeout=15_000)
    expect(count).not_to_contain_text("不能迁移")
    row.locator(".el-select__wrapper").click()
    page.get_by_role("option", name="按建议", exact=True).click()
    expect(row).to_contain_text("? 待选", timeout=15_000)
    page.get_by_role("button", name="试迁移（不写入）").click()
    expect(count).to_contain_text("不能迁移 1", timeout=30_000)
    publisher.picture("migration-tried")
    assert publisher.checked() == []

    page.get_by_role("button", name=re.compile(r"^迁移\d+件$")).click()
    asked = page.get_by_role("dialog")
    expect(asked).to_contain_text("到期时间沿用")
    publisher.picture("migration-confirm")
    asked.get_by_role("button", name=re.compile(r"^迁移\d+件$")).click()
    expect(page.get_by_test_id("status")).to_have_text("已完成", timeout=30_000)
    assert pack_of(worker, moves) == new
    assert pack_of(worker, stays) == BASE
    expect(page.get_by_text("1件不能迁移，仍按原版本办理，逐件原因见下")).to_be_visible()
    page.get_by_role("group", name="逐件结果").get_by_role("button", name=re.compile("不能迁移")).click()
    listed = page.get_by_role("row").filter(has_text=stays)
    expect(listed).to_contain_text("新版本中没有与“上报”对应的环节")
    publisher.picture("migration-done")

    # The report is signed.
    migration = int(page.url.partition("#/migrations/")[2].partition("?")[0])
    publisher.go(f"/migrations/{migration}/report")
    expect(page.get_by_role("main")).to_contain_text(stays)
    expect(page.get_by_role("main")).to_contain_text("ed25519")
    assert publisher.checked() == []
    publisher.picture("migration-report")

    # And back.
    publisher.go(f"/migrations/{migration}")
    page.get_by_role("button", name="撤销：尚未流转的").click()
    page.get_by_role("dialog").get_by_role("button", name="撤销迁移").click()
    expect(page.get_by_test_id("status")).to_have_text("已撤销", timeout=30_000)
    assert pack_of(worker, moves) == BASE
    assert pack_of(worker, next_one) == new

    # The matter that has come back goes on by the old rules.
    begin(worker, moves, "complete")
    choose(worker, "核实结果", "属实")
    write(worker, "核实情况", "已看过")
    send(worker)


@pytest.mark.parametrize("size", [None, NARROW])
def test_its_pages_have_no_serious_fault_and_do_not_run_sideways(sit: Sit, size: dict[str, int] | None) -> None:
    desk = sit("publisher", size) if size else sit("publisher")
    for path in ("/migrations", *(f"/migrations/{one['id']}" for one in desk.ask("api/migrations")["migrations"])):
        desk.go(path)
        desk.page.wait_for_load_state("networkidle")
        desk.picture(f"{path.strip('/').replace('/', '-')}-{'narrow' if size else 'wide'}")
        assert desk.checked() == [], path
        assert desk.sideways() <= 0, path


def test_a_migration_that_is_not_there_says_so(sit: Sit) -> None:
    desk = sit("designer")
    desk.go("/migrations/4711")
    expect(desk.page.get_by_role("alert")).to_contain_text("未找到此迁移，或不在您的查看范围内")
    desk.go("/migrations")
    expect(desk.page.get_by_role("button", name="准备迁移")).to_be_disabled()


def test_a_long_run_shows_how_far_it_is_and_is_stopped_and_gone_on_with(sit: Sit) -> None:
    desk = sit("publisher")
    id = int(post(desk, "api/migrations", {"from": BASE, "to": "jiangsu/2021-01-01"})["migration"])
    told = desk.ask(f"api/migrations/{id}")
    counts = {**told["counts"], "waiting": 67, "moved": 118, "stays": 2, "total": 187}
    told |= {"status": "running", "counts": counts, "progress": {"done": 120, "of": 187}}
    asked: list[str] = []

    def answer(route: Route) -> None:
        verb = route.request.url.rpartition("/")[2]
        if route.request.method == "POST":
            asked.append(verb)
            told["status"] = {"stop": "stopped", "resume": "running"}[verb]
        route.fulfill(json=told)

    desk.page.route(re.compile(rf"api/migrations/{id}(/stop|/resume)?$"), answer)
    desk.go(f"/migrations/{id}")
    expect(desk.page.get_by_role("status").filter(has_text="120/187")).to_be_visible()
    expect(desk.page.get_by_test_id("counts")).to_contain_text("已迁移 118")
    assert desk.checked() == []
    desk.picture("migration-running")
    desk.page.get_by_role("button", name="停止").click()
    expect(desk.page.get_by_test_id("status")).to_have_text("已停止")
    expect(desk.page.get_by_role("button", name="撤销：尚未流转的")).to_be_visible()
    desk.page.get_by_role("button", name="继续").click()
    expect(desk.page.get_by_test_id("status")).to_have_text("正在迁移")
    assert asked == ["stop", "resume"]
