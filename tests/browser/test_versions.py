"""Versions in the browser: what is in force where, what differs in words and on both drawings, who may approve what."""

import json
import re
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import NARROW, WIDE, Desk, Sit
from tests.browser.test_migrations import BASE, post, redrawn, step

DAY = "2027-03-01"
YEAR = DAY[:4]


def drafted(desk: Desk, title: str) -> int:
    """A draft in which two steps are replaced, a limit is shorter and one shape only lies elsewhere. Its number."""
    id = int(post(desk, "api/drafts", {"base": BASE, "key": f"zhenjiang/{DAY}-{title}", "title": title})["draft"])
    save(desk, id, "matter.bpmn", lambda text: elsewhere(redrawn(text), "close"))
    save(desk, id, "limits.json", shorter)
    return id


def save(desk: Desk, draft: int, path: str, change: Any) -> None:
    file = desk.ask(f"api/drafts/{draft}/files/{path}")
    body = {"path": path, "text": change(file["text"]), "based_on": file["hash"]}
    assert "revision" in post(desk, f"api/drafts/{draft}/files", body)


def shorter(text: str) -> str:
    limits = json.loads(text)
    next(one for one in limits if one["key"] == "handle")["amount"] = 3
    return json.dumps(limits, ensure_ascii=False)


def elsewhere(xml: str, element: str) -> str:
    """One shape ten further to the right."""
    found = re.search(rf'bpmnElement="{element}">\s*<dc:Bounds x="(\d+)"', xml)
    assert found is not None
    return xml[: found.start(1)] + str(int(found[1]) + 10) + xml[found.end(1) :]


def seen(page: Page, label: str) -> list[float]:
    """What part of a drawing is seen: scale and place of its content."""
    script = "one => {const {a, e, f} = one.querySelector('.viewport').getCTM(); return [a, e, f]}"
    return [round(value, 2) for value in page.get_by_role("region", name=label).evaluate(script)]


def middle(element: Locator) -> tuple[float, float]:
    box = element.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def inside(page: Page, label: str, element: str) -> bool:
    """Whether an element of a drawing is in the middle of what is seen of it."""
    drawing = page.get_by_role("region", name=label)
    (x, y), (to_x, to_y) = middle(drawing), middle(drawing.locator(f"[data-element-id={element}]"))
    return abs(x - to_x) < 20 and abs(y - to_y) < 20


def test_what_differs_is_said_in_words_and_shown_on_both_drawings(sit: Sit) -> None:
    desk = sit("designer")
    draft = drafted(desk, "compare")
    desk.go(f"/compare?from={BASE}&to=draft:{draft}")
    page = desk.page
    listed = page.get_by_role("region", name="修改内容")
    words = listed.get_by_role("button", name=re.compile("“办理”的时限由5个工作日改为3个工作日"))
    expect(words).to_be_visible(timeout=20_000)
    old, new = page.get_by_role("region", name="原版本的流程图"), page.get_by_role("region", name="新版本的流程图")
    expect(old.locator("[data-element-id=verify].wg-removed")).to_be_attached(timeout=15_000)
    expect(new.locator("[data-element-id=look_into].wg-added")).to_be_attached(timeout=15_000)
    expect(new.locator("[data-element-id=handle].wg-changed")).to_be_attached()
    expect(old.locator("[data-element-id=close]:is(.wg-added, .wg-removed, .wg-changed)")).to_have_count(0)
    expect(page.get_by_text("仅排版 1 处")).to_be_visible()
    expect(page.get_by_role("group", name="对在办事项的影响")).to_contain_text("在办", timeout=15_000)
    desk.picture("compare-wide")
    assert desk.checked() == []

    words.click()
    expect(old.locator("[data-element-id=handle].wg-chosen")).to_be_attached()
    assert inside(page, "原版本的流程图", "handle")
    assert inside(page, "新版本的流程图", "handle")
    desk.picture("compare-chosen")

    # By keyboard: the list leads, the drawings follow.
    listed.get_by_role("button", name=re.compile("新增办理环节“核实情况”")).press("Home")
    expect(new.locator("[data-element-id=look_into].wg-chosen")).to_be_attached()
    page.keyboard.press("ArrowDown")
    expect(new.locator("[data-element-id=hand_up].wg-chosen")).to_be_attached()
    expect(page.locator("button:focus")).to_have_attribute("aria-current", "true")
    assert inside(page, "新版本的流程图", "hand_up")

    # Moved and zoomed together, until one lets them loose.
    page.get_by_role("button", name="适合窗口").click()
    assert seen(page, "原版本的流程图") == seen(page, "新版本的流程图")
    before = seen(page, "新版本的流程图")
    drag(page, old)
    expect(old.locator(".viewport")).to_be_attached()
    assert seen(page, "新版本的流程图") != before
    assert seen(page, "原版本的流程图") == seen(page, "新版本的流程图")
    page.locator(".el-checkbox", has_text="双图同步移动缩放").click()
    before = seen(page, "新版本的流程图")
    drag(page, old)
    assert seen(page, "新版本的流程图") == before
    assert seen(page, "原版本的流程图") != before

    # Narrowed to one kind; the address holds it.
    page.get_by_role("group", name="修改内容").get_by_role("button", name=re.compile("删除")).click()
    expect(listed.get_by_role("button", name=re.compile("删除办理环节“核实”"))).to_be_visible()
    expect(words).to_have_count(0)
    assert "show=removed" in page.url
    expect(new.locator(".wg-added")).to_have_count(0)


def test_a_step_with_another_id_is_marked_in_both_drawings(sit: Sit) -> None:
    desk = sit("designer")
    key = f"zhenjiang/{DAY}-renamed"
    draft = int(post(desk, "api/drafts", {"base": BASE, "key": key, "title": "renamed"})["draft"])
    save(desk, draft, "matter.bpmn", lambda text: step(text, "inform", "inform_requester", "告知诉求人"))
    desk.go(f"/compare?from={BASE}&to=draft:{draft}")
    old, new = (desk.page.get_by_role("region", name=name) for name in ("原版本的流程图", "新版本的流程图"))
    expect(old.locator("[data-element-id=inform].wg-changed")).to_be_attached(timeout=20_000)
    expect(new.locator("[data-element-id=inform_requester].wg-changed")).to_be_attached()
    desk.page.get_by_role("region", name="修改内容").get_by_role(
        "button", name=re.compile("inform_requester")
    ).first.click()
    expect(old.locator("[data-element-id=inform].wg-chosen")).to_be_attached()
    expect(new.locator("[data-element-id=inform_requester].wg-chosen")).to_be_attached()


def drag(page: Page, drawing: Locator) -> None:
    """Moves a drawing by hand, from an empty corner of it."""
    box = drawing.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] - 30, box["y"] + 20
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 60, y + 40, steps=4)
    page.mouse.up()


def test_who_drew_it_does_not_approve_it(sit: Sit) -> None:
    desk = sit("publisher")
    draft = drafted(desk, "alone")
    desk.go(f"/drafts/{draft}/publish")
    desk.page.get_by_role("button", name="送请审定").click(timeout=20_000)
    expect(desk.page.get_by_text("系统规则：起草人不能审定本人的版本，请交他人")).to_be_visible(timeout=15_000)
    expect(desk.page.get_by_role("button", name="批准并发布")).to_be_disabled()
    refused = post(desk, f"api/drafts/{draft}/publish", {"in_force_from": DAY})
    assert refused["code"] == "draft.same-person"
    desk.page.get_by_role("button", name="撤回送审").click()
    desk.page.get_by_role("dialog").get_by_label("理由").fill("还要改")
    desk.page.get_by_role("dialog").get_by_role("button", name="撤回送审").click()
    expect(desk.page.get_by_role("button", name="送请审定")).to_be_enabled(timeout=15_000)


def test_returned_with_a_reason_then_approved_for_a_year_not_yet_announced_and_retired(sit: Sit) -> None:
    author, reviewer = sit("designer"), sit("publisher")
    draft = drafted(author, "returned")
    author.go(f"/drafts/{draft}/publish")
    author.page.get_by_role("button", name="送请审定").click(timeout=20_000)
    expect(author.page.get_by_role("heading", name=re.compile("待他人审定"))).to_be_visible(timeout=15_000)

    reviewer.go(f"/drafts/{draft}/publish")
    page = reviewer.page
    page.get_by_role("button", name="退回修改").click()
    asked = page.get_by_role("dialog")
    asked.get_by_role("button", name="退回修改").click()
    expect(asked.get_by_role("alert")).to_contain_text("请写明理由")
    asked.get_by_label("理由").fill("三个工作日太紧")
    asked.get_by_role("button", name="退回修改").click()
    expect(page.get_by_text("三个工作日太紧")).to_be_visible(timeout=15_000)

    author.go(f"/drafts/{draft}/publish")
    expect(author.page.get_by_text("三个工作日太紧")).to_be_visible()
    author.page.get_by_role("button", name="送请审定").click(timeout=20_000)
    expect(author.page.get_by_role("heading", name=re.compile("待他人审定"))).to_be_visible(timeout=15_000)

    reviewer.go(f"/drafts/{draft}/publish")
    page.get_by_label("自这一天起").fill("2026-12-31")
    provisional = page.get_by_text(f"{YEAR}年日历暂定")
    expect(page.get_by_role("button", name="批准并发布")).to_be_enabled(timeout=15_000)
    expect(provisional).to_have_count(0)
    page.get_by_label("自这一天起").fill(DAY)
    assert int(YEAR) not in reviewer.ask("api/packs")["confirmed_years"]
    expect(provisional).to_be_visible()
    page.get_by_role("button", name="批准并发布").click()
    page.get_by_role("dialog").get_by_role("button", name="批准并发布").click()
    expect(page.get_by_text(f"自 {DAY} 起适用")).to_be_visible(timeout=15_000)
    expect(provisional).to_be_visible()

    key = f"zhenjiang/{DAY}-returned"
    reviewer.go(f"/versions/{key}")
    expect(page.locator("dl").first).to_contain_text("待施行")
    expect(page.locator("dl").first).to_contain_text("已签名")
    page.get_by_role("button", name="停用此版本").click()
    asked = page.get_by_role("dialog")
    asked.get_by_label("最后一天").fill("2027-06-30")
    asked.get_by_label("停用理由").fill("只试行一个季度")
    asked.get_by_role("button", name="停用此版本").click()
    expect(page.locator("dl").first).to_contain_text(f"{DAY} 至 2027-06-30", timeout=15_000)


def test_what_applies_on_a_day_and_what_a_version_holds(sit: Sit) -> None:
    desk = sit("designer")
    page = desk.page
    desk.go("/versions")
    row = page.get_by_role("row").filter(has=page.get_by_role("link", name=BASE))
    expect(row).to_contain_text("施行中")
    expect(row).to_contain_text("✓ 适用")
    page.get_by_label("看这一天").fill("2025-12-31")
    expect(row).not_to_contain_text("✓ 适用")
    assert "day=2025-12-31" in page.url
    row.get_by_role("link", name=BASE).click()
    drawing = page.get_by_role("region", name="网格事项办理的流程图，只能查看")
    expect(drawing.locator("[data-element-id=handle]").first).to_be_attached(timeout=15_000)
    steps = page.get_by_role("region", name="步骤表")
    expect(steps.get_by_role("row").filter(has=page.get_by_role("rowheader", name="办理", exact=True))).to_contain_text(
        "5 个工作日"
    )
    page.get_by_role("tab", name="时限").click()
    expect(page.get_by_role("region", name="时限")).to_contain_text("产品默认")
    page.get_by_role("tab", name="条款").click()
    expect(page.get_by_role("region", name="条款")).to_contain_text("ZJ-13.3")
    page.get_by_role("tab", name="文件").click()
    expect(page.get_by_role("region", name="文件")).to_contain_text("matter.bpmn")
    assert desk.checked() == []


@pytest.mark.parametrize(("size", "name"), [(WIDE, "wide"), (NARROW, "narrow")])
def test_no_page_has_a_serious_fault_or_runs_sideways(sit: Sit, size: dict[str, int], name: str) -> None:
    desk = sit("designer", size)
    draft = drafted(desk, f"look-{name}")
    pages = {
        "versions": "/versions",
        "version": f"/versions/{BASE}",
        "compare": f"/compare?from={BASE}&to=draft:{draft}",
        "publish": f"/drafts/{draft}/publish",
        "migrations": "/migrations",
    }
    for page, path in pages.items():
        desk.go(path)
        desk.page.wait_for_load_state("networkidle")
        expect(desk.page.locator(".el-skeleton")).to_have_count(0, timeout=20_000)
        desk.picture(f"{page}-{name}")
        assert desk.checked() == [], page
        assert desk.sideways() <= 0, page


def test_english_says_all_of_it(sit: Sit) -> None:
    desk = sit("designer")
    draft = drafted(desk, "english")
    desk.page.get_by_role("button", name="EN").click()
    for path in (
        "/versions",
        f"/versions/{BASE}",
        "/migrations",
        f"/drafts/{draft}/publish",
        f"/compare?from={BASE}&to=draft:{draft}",
    ):
        desk.go(path)
        expect(desk.page.locator(".el-skeleton")).to_have_count(0, timeout=20_000)
        left = desk.page.locator(
            "main button:not(.added, .removed, .changed), main thead th, h1, h2, main dt"
        ).all_inner_texts()
        assert [text for text in left if re.search(r"[\u4e00-\u9fff]", text) and "镇江" not in text] == [], path
