"""Redrawing a process in the browser: findings while drawing, trying out, saving, two people at one draft, a browser
that dies, files of other tools, Chinese throughout, and a diagram of 150 elements."""

import contextlib
import itertools
import json
import re
from pathlib import Path
from typing import Any

from playwright.sync_api import Error, Locator, Page, expect

from tests.browser.conftest import NARROW, Desk, Sit

BASE = "zhenjiang/2026-01-01"
MATTER = "matter.bpmn"
CHINESE = re.compile("[一-鿿]")

FOREIGN = """<?xml version="1.0" encoding="UTF-8"?>
<bpmn:definitions xmlns:bpmn="http://www.omg.org/spec/BPMN/20100524/MODEL"
  xmlns:acme="http://acme.example/tool" id="theirs" targetNamespace="urn:acme">
  <bpmn:process id="matter" name="来自别处" isExecutable="true" acme:keep="30">
    <bpmn:startEvent id="begun" name="开始" />
    <bpmn:userTask id="look" name="查看" acme:assignee="demo">
      <bpmn:extensionElements>
        <acme:form key="f"><acme:field id="a" /></acme:form>
        <acme:note>保留我</acme:note>
      </bpmn:extensionElements>
    </bpmn:userTask>
    <bpmn:endEvent id="over" name="结束" />
    <bpmn:sequenceFlow id="begun_to_look" sourceRef="begun" targetRef="look" />
    <bpmn:sequenceFlow id="look_to_over" sourceRef="look" targetRef="over" />
  </bpmn:process>
</bpmn:definitions>
"""

RISKY = """<?xml version="1.0" encoding="UTF-8"?>
<bpmn:definitions xmlns:bpmn="http://www.omg.org/spec/BPMN/20100524/MODEL"
  xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:bpmndi="http://www.omg.org/spec/BPMN/20100524/DI"
  xmlns:dc="http://www.omg.org/spec/DD/20100524/DC" xmlns:di="http://www.omg.org/spec/DD/20100524/DI"
  id="risks" targetNamespace="urn:risks">
  <bpmn:error id="error_broken" name="坏了" errorCode="broken" />
  <bpmn:process id="matter" name="会出错的流程" isExecutable="true">
    <bpmn:startEvent id="begun" name="开始" />
    <bpmn:parallelGateway id="apart" />
    <bpmn:exclusiveGateway id="merged" />
    <bpmn:serviceTask id="risky" name="可能出错" />
    <bpmn:boundaryEvent id="failed" name="坏了" attachedToRef="risky">
      <bpmn:errorEventDefinition errorRef="error_broken" />
    </bpmn:boundaryEvent>
    <bpmn:endEvent id="given_up" name="放弃" />
    <bpmn:exclusiveGateway id="ask" name="怎么办" default="ask_to_no" />
    <bpmn:endEvent id="yes" name="是" />
    <bpmn:endEvent id="no" name="否" />
    <bpmn:sequenceFlow id="begun_to_apart" sourceRef="begun" targetRef="apart" />
    <bpmn:sequenceFlow id="one_way" sourceRef="apart" targetRef="merged" />
    <bpmn:sequenceFlow id="other_way" sourceRef="apart" targetRef="merged" />
    <bpmn:sequenceFlow id="merged_to_risky" sourceRef="merged" targetRef="risky" />
    <bpmn:sequenceFlow id="failed_to_given_up" sourceRef="failed" targetRef="given_up" />
    <bpmn:sequenceFlow id="risky_to_ask" sourceRef="risky" targetRef="ask" />
    <bpmn:sequenceFlow id="ask_to_yes" sourceRef="ask" targetRef="yes">
      <bpmn:conditionExpression xsi:type="bpmn:tFormalExpression">answer == 1</bpmn:conditionExpression>
    </bpmn:sequenceFlow>
    <bpmn:sequenceFlow id="ask_to_no" sourceRef="ask" targetRef="no" />
  </bpmn:process>
  <bpmndi:BPMNDiagram id="picture"><bpmndi:BPMNPlane id="plane" bpmnElement="matter">{drawn}</bpmndi:BPMNPlane>
  </bpmndi:BPMNDiagram>
</bpmn:definitions>
"""
"""A machine's step that may fail, run twice at once, before a question that needs a variable nobody gave."""

SLOWER = 4
"""So many times longer than in a small diagram one step of a drag may take among 150 elements."""


# -- the way an administrator goes -------------------------------------------------------------------


def test_a_change_is_found_wrong_put_right_tried_out_and_saved(sit: Sit) -> None:
    desk = sit("designer")
    page = desk.page
    desk.go("/processes")
    row = page.get_by_role("row").filter(has_text=BASE)
    row.get_by_role("button", name="以此新建草稿").click()
    page.get_by_role("dialog").get_by_label("草稿名称").fill("办理时限改动")
    page.get_by_role("dialog").get_by_role("button", name="新建草稿").click()
    page.wait_for_url("**/processes/drafts/*")
    draft = page.url.rpartition("/")[2]
    _drawn(page, "handle")
    before = _text(desk, draft)

    _select(page, "handle")
    page.get_by_label("时限", exact=True).select_option("")
    page.get_by_role("tab", name="检查结果").click()
    found = page.get_by_test_id("findings").locator("li[data-level=error]").filter(has_text="办理")
    expect(found.first).to_contain_text("ZJ-13.3", timeout=15_000)
    expect(page.locator(".djs-overlay .wg-badge-error").first).to_contain_text("✕")
    expect(page.get_by_test_id("saved")).to_have_text(re.compile(r"草稿已存 \d\d:\d\d"), timeout=15_000)
    assert 'wangge:limit="handle"' not in _element(_text(desk, draft), "handle")
    desk.picture("editor-finding")

    page.get_by_role("button", name="撤销").click()
    expect(found).to_have_count(0, timeout=15_000)
    expect(page.locator(".djs-overlay .wg-badge-error")).to_have_count(0)

    page.get_by_role("tab", name="试运行").click()
    trial = page.get_by_test_id("try")
    _choose(trial.get_by_label("用示例事项推演"), "request_lead_and_co_handler")
    waiting = trial.locator("li[data-open]")
    expect(waiting.first).to_be_visible(timeout=15_000)
    first = waiting.first.get_attribute("data-open")
    trial.get_by_role("button", name="推演下一步").click()
    expect(trial.locator(f"li[data-open={first}]")).to_have_count(0, timeout=15_000)
    expect(page.locator(".djs-element.wg-now").first).to_be_attached()
    trial.get_by_role("button", name="退回一步").click()
    expect(trial.locator(f"li[data-open={first}]")).to_have_count(1, timeout=15_000)
    expect(trial.get_by_test_id("variables")).to_contain_text("matter_type")
    trial.get_by_role("button", name="推演到底").click()
    expect(trial).to_contain_text("已走到终点", timeout=20_000)
    desk.picture("editor-try")

    expect(page.get_by_test_id("saved")).to_have_text(re.compile(r"草稿已存 \d\d:\d\d"), timeout=15_000)
    assert 'wangge:limit="handle"' in _element(_text(desk, draft), "handle")
    assert _ours(_text(desk, draft)) == _ours(before)


def test_the_shortest_path_is_played_on_the_diagram(sit: Sit) -> None:
    desk = sit("designer")
    page = desk.page
    _open(desk, _draft(desk))
    _select(page, "feedback_done_or_not" if page.locator("[data-element-id=feedback_done_or_not]").count() else "check")
    page.keyboard.press("Delete")
    page.get_by_role("tab", name="检查结果").click()
    playable = page.get_by_test_id("findings").locator("li").filter(has=page.get_by_role("button", name="演示最短路径"))
    expect(playable.first).to_be_visible(timeout=15_000)
    playable.first.get_by_role("button", name="演示最短路径").click()
    told = page.get_by_text(re.compile(r"最短路径，第\d+步，共\d+步"))
    expect(told).to_be_visible(timeout=15_000)
    page.get_by_role("button", name="下一步", exact=True).click()
    expect(page.locator(".djs-element.wg-now")).to_have_count(1)
    expect(page.locator(".djs-element.wg-walked").first).to_be_attached()
    page.get_by_role("button", name="结束演示").click()
    expect(page.locator(".wg-now, .wg-walked")).to_have_count(0)


def test_what_no_example_passes_is_marked_on_the_diagram(sit: Sit) -> None:
    desk = sit("designer")
    page = desk.page
    draft = _draft(desk)
    _save(desk, draft, MATTER, _branch(_text(desk, draft), "worker_may_act", "look_again", "verify"))
    _open(desk, draft, first="look_again")
    page.get_by_role("tab", name="覆盖").click()
    told = page.get_by_test_id("coverage")
    passed = told.locator("[data-kind=nodes] > ul > li[data-id=verify]")
    missed = told.locator("[data-kind=nodes] > ul > li[data-id=look_again]")
    expect(missed).to_contain_text("未覆盖", timeout=20_000)
    expect(passed).to_contain_text(re.compile(r"\d+个示例"))
    expect(passed).not_to_contain_text("未覆盖")
    missed.get_by_role("button", name="再看一次").click()
    expect(page.locator("g.djs-element[data-element-id=look_again]").first).to_have_class(re.compile(r"\bselected\b"))
    assert page.locator(".wg-badge-uncovered").count() == 0

    told.get_by_text("在图上标出").click()
    expect(_badges(page, "look_again")).to_contain_text("未覆盖")
    marked = page.locator("g.djs-element.wg-uncovered")
    assert set(marked.evaluate_all("all => all.map(one => one.dataset.elementId)")) == {
        "look_again",
        "worker_may_act_to_look_again",
        "look_again_to_verify",
    }
    expect(_badges(page, "verify")).to_have_count(0)
    outline = page.locator("g[data-element-id=look_again] > .djs-visual > rect").first
    assert outline.evaluate("one => getComputedStyle(one).strokeDasharray") not in ("", "none")
    assert outline.evaluate("one => getComputedStyle(one).fill") == page.locator(
        "g[data-element-id=verify] > .djs-visual > rect"
    ).first.evaluate("one => getComputedStyle(one).fill")
    assert desk.checked() == []
    desk.picture("editor-coverage")

    page.locator(".djs-context-pad.open [data-action=delete]").dispatch_event("click")
    expect(marked).to_have_count(1)  # of the two lines one is left, and leads past where the task was
    expect(_badges(page, "worker_may_act_to_look_again")).to_contain_text("未覆盖")
    _select(page, "worker_may_act_to_look_again")
    page.locator(".djs-context-pad.open [data-action=delete]").dispatch_event("click")
    expect(marked).to_have_count(0)
    expect(page.get_by_test_id("saved")).to_have_text(re.compile("草稿已存"), timeout=15_000)
    expect(told).to_contain_text("此图的每个元素都有示例经过", timeout=20_000)


def test_coverage_says_that_there_are_no_examples_or_that_time_ran_out(sit: Sit) -> None:
    desk = sit("designer")
    page = desk.page
    draft = _draft(desk)
    page.route("**/coverage", lambda route: route.fulfill(json={"cases": [], "processes": []}))
    _open(desk, draft)
    page.get_by_role("tab", name="覆盖").click()
    told = page.get_by_test_id("coverage")
    expect(told).to_contain_text("草稿中没有示例事项", timeout=15_000)
    expect(told.get_by_text("在图上标出")).to_have_count(0)

    page.unroute("**/coverage")
    real = desk.ask(f"api/drafts/{draft}/coverage")
    assert not any(case["stopped"] for case in real["cases"])
    real["cases"][0]["stopped"] = True
    page.route("**/coverage", lambda route: route.fulfill(json=real))
    _rename(page, "verify", "核实情况")  # a save that has settled is asked about again
    expect(page.get_by_test_id("saved")).to_have_text(re.compile("草稿已存"), timeout=15_000)
    page.get_by_role("tab", name="覆盖").click()
    expect(told).to_contain_text("1个示例没有推演完", timeout=15_000)


def test_an_automatic_step_fails_as_one_chooses_and_what_is_stuck_is_tried_again(sit: Sit) -> None:
    desk = sit("designer")
    page = desk.page
    draft = _draft(desk)
    _save(desk, draft, MATTER, RISKY.format(drawn=_risky()))
    _open(desk, draft, first="risky")
    page.get_by_role("tab", name="试运行").click()
    trial = page.get_by_test_id("try")
    trial.get_by_role("button", name="开始试运行").click()
    both = trial.locator("li[data-open=risky]")
    expect(both).to_have_count(2, timeout=15_000)
    expect(both.nth(0)).to_contain_text("第1个，共2个")
    first, second = both.nth(0).get_attribute("data-step"), both.nth(1).get_attribute("data-step")
    both.nth(1).get_by_role("button", name="出错：坏了").click()
    expect(both).to_have_count(1, timeout=15_000)
    assert first != second
    expect(both).to_have_attribute("data-step", str(first))
    both.get_by_role("button", name="正常完成").click()

    stuck = trial.locator("[data-stuck=ask]")
    expect(stuck).to_contain_text("卡住", timeout=15_000)
    stuck.get_by_label("重试前补充的变量").fill("{")
    expect(stuck.get_by_role("button", name="重试")).to_be_disabled()
    stuck.get_by_label("重试前补充的变量").fill('{"answer": 1}')
    stuck.get_by_role("button", name="重试").click()
    expect(stuck).to_have_count(0, timeout=15_000)
    expect(trial).to_contain_text("已走到终点")
    desk.picture("editor-try-ways")


def test_the_steps_are_edited_by_keyboard_and_undone_in_the_diagram(sit: Sit) -> None:
    desk = sit("designer")
    page = desk.page
    draft = _draft(desk)
    _open(desk, draft)
    page.get_by_role("tab", name="步骤表").click()
    role = page.get_by_label("核实：岗位", exact=True)
    role.focus()
    role.select_option("grid_chief")
    expect(page.get_by_test_id("saved")).to_have_text(re.compile("草稿已存"), timeout=15_000)
    assert 'wangge:role="grid_chief"' in _element(_text(desk, draft), "verify")
    assert desk.checked() == []
    page.get_by_role("tab", name="图", exact=True).click()
    page.get_by_role("button", name="撤销").click()
    page.get_by_role("tab", name="步骤表").click()
    expect(role).to_have_value("grid_worker")


def test_limits_and_forms_are_edited_where_they_are_written(sit: Sit) -> None:
    desk = sit("designer")
    page = desk.page
    draft = _draft(desk)
    _open(desk, draft)
    page.get_by_role("tab", name="时限表").click()
    amount = page.get_by_test_id("limits").locator("tr[data-step=verify]").get_by_label("核实：数量")
    amount.fill("3")
    amount.press("Tab")
    page.get_by_role("tab", name="表单").click()
    editor = page.get_by_test_id("form-editor")
    editor.get_by_role("button", name="加一个字段").click()
    expect(editor.locator("li[data-field^=field_]")).to_have_count(1)
    editor.locator("li[data-field^=field_]").get_by_label("中文名称").fill("补充说明")
    editor.locator("li[data-field^=field_]").get_by_label("中文名称").press("Tab")
    expect(editor.get_by_label("预览")).to_contain_text("补充说明")
    expect(page.get_by_test_id("saved")).to_have_text(re.compile("草稿已存"), timeout=15_000)
    assert {"key": "verify", "amount": 3} in [
        {name: one.get(name) for name in ("key", "amount")} for one in _json(desk, draft, "limits.json")
    ]
    assert desk.checked() == []


# -- nothing is lost ---------------------------------------------------------------------------------


def test_two_people_at_one_draft_see_each_other_and_overwrite_nothing(sit: Sit) -> None:
    one = sit("designer")
    draft = _draft(one)
    _open(one, draft)
    other = sit("designer2")
    _open(other, draft)
    expect(other.page.get_by_test_id("present")).to_contain_text("另有1人在看", timeout=15_000)
    expect(one.page.get_by_test_id("present")).to_contain_text("另有1人在看", timeout=20_000)

    _rename(one.page, "verify", "核实情况")
    expect(one.page.get_by_test_id("saved")).to_have_text(re.compile("草稿已存"), timeout=15_000)
    expect(other.page.get_by_text(re.compile("保存了.*已为您载入最新内容"))).to_be_visible(timeout=20_000)
    expect(other.page.locator("[data-element-id=verify]")).to_contain_text("核实情况")

    other.page.route("**/presence", lambda route: route.abort())  # not told in time: both draw at once
    _rename(one.page, "verify", "甲的名称")
    expect(one.page.get_by_test_id("saved")).to_have_text(re.compile("草稿已存"), timeout=15_000)
    one.page.wait_for_timeout(2_000)
    _rename(other.page, "verify", "乙的名称")
    clash = other.page.get_by_test_id("conflict")
    expect(clash).to_be_visible(timeout=15_000)
    expect(clash).to_contain_text("甲的名称")
    expect(clash).to_contain_text("乙的名称")
    assert "甲的名称" in _text(one, draft)
    clash.get_by_role("button", name="以我的为准").click()
    expect(clash).to_have_count(0)
    expect(other.page.get_by_test_id("saved")).to_have_text(re.compile("草稿已存"), timeout=15_000)
    assert "乙的名称" in _text(one, draft)
    assert len(one.ask(f"api/drafts/{draft}/history")["changes"]) == 3


def test_a_browser_that_dies_loses_nothing(sit: Sit) -> None:
    desk = sit("designer")
    draft = _draft(desk)
    _open(desk, draft)
    desk.page.route("**/files", lambda route: route.abort())
    _rename(desk.page, "verify", "断电之前")
    expect(desk.page.get_by_test_id("saved")).to_contain_text("已存本机", timeout=15_000)
    _die(desk)

    _open(desk, draft)
    assert "断电之前" not in _text(desk, draft)
    desk.page.get_by_role("button", name="恢复这些改动").click()
    expect(desk.page.locator("g[data-element-id=verify]").first).to_contain_text("断电之前")
    expect(desk.page.get_by_test_id("saved")).to_have_text(re.compile("草稿已存"), timeout=15_000)
    assert "断电之前" in _text(desk, draft)
    desk.page.reload()
    _drawn(desk.page, "verify")
    expect(desk.page.get_by_role("button", name="恢复这些改动")).to_have_count(0)


# -- files of other tools ----------------------------------------------------------------------------


def test_a_file_of_another_tool_opens_without_layout_and_keeps_what_is_its_own(sit: Sit, tmp_path: Path) -> None:
    desk = sit("designer")
    page = desk.page
    draft = _draft(desk)
    _open(desk, draft)
    theirs = tmp_path / "theirs.bpmn"
    theirs.write_text(FOREIGN, encoding="utf-8")
    page.get_by_test_id("import").set_input_files(theirs)
    page.get_by_role("dialog").get_by_role("button", name="导入并替换").click()
    expect(page.get_by_text("已自动排版")).to_be_visible()
    for id in ("begun", "look", "over", "begun_to_look", "look_to_over"):
        expect(page.locator(f"g[data-element-id={id}]")).to_have_count(1)
    _select(page, "look")
    page.get_by_label("岗位", exact=True).select_option("grid_worker")
    expect(page.get_by_test_id("saved")).to_have_text(re.compile("草稿已存"), timeout=15_000)
    page.wait_for_timeout(2_500)
    kept = _text(desk, draft)
    assert 'wangge:role="grid_worker"' in kept
    for part in ('acme:keep="30"', 'acme:assignee="demo"', '<acme:form key="f">', '<acme:field id="a" />', "保留我"):
        assert part in kept
    with page.expect_download() as saved:
        page.get_by_role("button", name="导出").click()
    assert saved.value.path().read_text(encoding="utf-8") == kept

    broken = tmp_path / "broken.bpmn"
    broken.write_text("<bpmn:definitions", encoding="utf-8")
    page.get_by_test_id("import").set_input_files(broken)
    page.get_by_role("dialog").get_by_role("button", name="导入并替换").click()
    expect(page.get_by_text(re.compile("这个文件读不进来"))).to_be_visible()
    expect(page.locator("g[data-element-id=look]")).to_have_count(1)


# -- the board itself --------------------------------------------------------------------------------


def test_nothing_on_the_board_is_left_in_english(sit: Sit) -> None:
    desk = sit("designer")
    page = desk.page
    _open(desk, _draft(desk))
    titles = page.locator(".djs-palette .entry").evaluate_all("all => all.map(one => one.title).filter(Boolean)")
    assert len(titles) > 10
    assert [one for one in titles if not CHINESE.search(one)] == []
    kinds = page.evaluate("[...document.querySelectorAll('.djs-shape')].map(one => one.dataset.elementId)")
    for id in [one for one in kinds if not one.endswith("_label")][:60]:
        page.locator(f"g[data-element-id={id}]").first.dispatch_event("click")
        folded = page.locator(".bio-properties-panel-group-header:not(.open)")
        folded.evaluate_all("all => all.forEach(one => one.click())")
        for title in page.locator(".djs-context-pad.open .entry").evaluate_all("all => all.map(one => one.title)"):
            assert CHINESE.search(title), (id, title)
        change = page.locator(".djs-context-pad.open [data-action=replace]")
        if change.count():
            change.first.dispatch_event("click")
            offered = page.locator(".djs-popup .entry .djs-popup-label").all_inner_texts()
            assert all(CHINESE.search(one) for one in offered), offered
            assert not [one for one in offered if re.search("复杂|事务|自由|补偿", one)]
            page.keyboard.press("Escape")
    page.get_by_role("tab", name="决策表").click()
    page.locator(".dmn-decision-table-container").wait_for()
    assert page.get_by_test_id("board").get_attribute("data-missed") == ""
    assert page.get_by_test_id("table").get_attribute("data-missed") == ""


def test_the_watermark_stays_in_sight(sit: Sit) -> None:
    desk = sit("designer")
    _open(desk, _draft(desk))
    mark = desk.page.locator(".bjs-powered-by")
    expect(mark).to_be_visible()
    on_top = (
        "mark => { const box = mark.getBoundingClientRect();"
        " return mark.contains(document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2)) }"
    )
    assert mark.evaluate(on_top)


def test_names_and_values_are_proposed_and_a_slip_is_told_at_once(sit: Sit) -> None:
    desk = sit("designer")
    page = desk.page
    draft = _draft(desk)
    _open(desk, draft)
    _select(page, "worker_may_act")
    field = page.locator("[data-entry-id^='wangge-way-'] textarea").first
    field.fill("")
    field.press_sequentially("urg")
    page.get_by_role("option", name=re.compile("^urgency")).wait_for()
    field.press("Enter")
    field.press_sequentially(" == ")
    page.get_by_role("option", name=re.compile('"urgent"')).click()
    expect(field).to_have_value('urgency == "urgent"')
    field.press_sequentially(" and nobody")
    expect(page.get_by_text("没有“nobody”这个名称。")).to_be_visible()


def test_the_board_and_the_table_of_steps_are_accessible(sit: Sit) -> None:
    desk = sit("designer", NARROW)
    _open(desk, _draft(desk), shown="steps")
    assert desk.page.get_by_test_id("steps").is_visible()
    assert desk.sideways() <= 0
    desk.picture("editor-390")
    wide = sit("designer2")
    _open(wide, _draft(wide, "zhenjiang/2028-01-01"))
    assert wide.checked() == []
    wide.go("/processes")
    assert wide.checked() == []
    wide.picture("processes")


def test_a_drag_among_150_elements_stays_near_that_among_ten(sit: Sit) -> None:
    desk = sit("designer")
    draft = _draft(desk)
    times = []
    for count in (10, 150):
        _save(desk, draft, MATTER, _row_of_tasks(count))
        desk.page.goto("about:blank")
        _open(desk, draft, first="task_2")
        assert desk.page.locator(".djs-shape[data-element-id^=task_]").count() == count
        times.append(_drag(desk.page, "task_2"))
    few, many = times
    assert many < SLOWER * max(few, 2.0), f"one step of a drag: {few:.2f} ms among 10 elements, {many:.2f} ms among 150"


# -- what the tests do all the time ------------------------------------------------------------------


def _draft(desk: Desk, key: str = "zhenjiang/2027-01-01") -> str:
    """A new draft over the version in force."""
    made = _post(desk, "api/drafts", {"base": BASE, "key": key, "title": "草稿"})
    return str(made["draft"])


def _save(desk: Desk, draft: str, path: str, text: str) -> None:
    now = {one["path"]: one["hash"] for one in desk.ask(f"api/drafts/{draft}")["files"]}
    _post(desk, f"api/drafts/{draft}/files", {"path": path, "text": text, "based_on": now.get(path)})


def _post(desk: Desk, path: str, body: dict[str, Any]) -> Any:
    headers = {"X-Requested-With": "wangge"}
    answer = desk.page.request.post(f"{desk.address}/{path}", data=body, headers=headers)
    assert answer.ok, answer.text()
    return answer.json()


def _open(desk: Desk, draft: str, first: str = "verify", shown: str = "board") -> None:
    desk.page.goto(f"{desk.address}/#/processes/drafts/{draft}")
    desk.page.get_by_test_id(shown).wait_for()
    _drawn(desk.page, first)


def _drawn(page: Page, id: str) -> None:
    page.locator(f"g[data-element-id={id}]").first.wait_for(state="attached", timeout=20_000)
    page.wait_for_function("!document.querySelector('[data-testid=findings]')?.textContent.includes('正在检查')")


def _die(desk: Desk) -> None:
    """The page ends without a last word; the person opens another one."""
    context = desk.page.context
    crashed = desk.page
    with crashed.expect_event("crash"), contextlib.suppress(Error):
        crashed.goto("chrome://crash")
    desk.page = context.new_page()


def _select(page: Page, id: str) -> None:
    """A click on what is selected would deselect it."""
    drawn = page.locator(f"g.djs-element[data-element-id={id}]").first
    if "selected" not in (drawn.get_attribute("class") or "").split():
        drawn.dispatch_event("click")
    expect(drawn).to_have_class(re.compile(r"\bselected\b"))


def _rename(page: Page, id: str, name: str) -> None:
    """Through the panel, whose groups may be folded up."""
    page.get_by_role("tab", name="属性").click()
    _select(page, id)
    folded = page.locator("[data-group-id=group-general] .bio-properties-panel-group-header:not(.open)")
    if folded.count():
        folded.click()
    field = page.locator("#bio-properties-panel-name")
    field.fill(name)
    field.press("Tab")


def _choose(select: Locator, text: str) -> None:
    select.click()
    select.page.locator(".el-select-dropdown__item:visible").filter(has_text=text).first.click()


def _text(desk: Desk, draft: str, path: str = MATTER) -> str:
    return str(desk.ask(f"api/drafts/{draft}/files/{path}")["text"])


def _json(desk: Desk, draft: str, path: str) -> Any:
    return json.loads(_text(desk, draft, path))


def _element(xml: str, id: str) -> str:
    """The opening tag of an element."""
    found = re.search(rf"<[^<>]*\sid=\"{id}\"[^<>]*>", xml)
    assert found is not None
    return found[0]


def _ours(xml: str) -> list[str]:
    """Every word of ours in a diagram."""
    return sorted(re.findall(r"wangge:\w+=\"[^\"]*\"|<wangge:[^>]*?/?>", xml))


def _badges(page: Page, id: str) -> Locator:
    """The words on an element that no example passes it."""
    return page.locator(f".djs-overlays[data-container-id={id}] .wg-badge-uncovered")


def _branch(xml: str, gateway: str, task: str, back: str) -> str:
    """The diagram with one more way out of a gateway, never taken, over a new task to a node that is there."""
    flows = (
        f'<bpmn:userTask id="{task}" name="再看一次" />'
        f'<bpmn:sequenceFlow id="{gateway}_to_{task}" sourceRef="{gateway}" targetRef="{task}">'
        '<bpmn:conditionExpression xsi:type="bpmn:tFormalExpression">1 == 2</bpmn:conditionExpression>'
        f'</bpmn:sequenceFlow><bpmn:sequenceFlow id="{task}_to_{back}" sourceRef="{task}" targetRef="{back}" />'
    )
    x, y = (
        int(float(found)) for found in re.findall(rf'bpmnElement="{back}".*?x="(\S+)" y="(\S+)"', xml, re.DOTALL)[0]
    )
    drawn = _shape(task, x, y - 120) + "".join(
        _edge(id, [(x + 20, y - 40), (x + 20, y)]) for id in (f"{gateway}_to_{task}", f"{task}_to_{back}")
    )
    process, plane = "</bpmn:process>", "</bpmndi:BPMNPlane>"
    return xml.replace(process, flows + process, 1).replace(plane, drawn + plane, 1)


def _risky() -> str:
    """The picture of `RISKY`, its lines straight from the middle of one shape to that of the next."""
    at = {"begun": 0, "apart": 100, "merged": 200, "risky": 320, "failed": 360, "given_up": 420, "ask": 480}
    down = {"failed": 162, "given_up": 240, "yes": 40, "no": 180}
    place = {id: (x, down.get(id, 100)) for id, x in {**at, "yes": 580, "no": 580}.items()}
    ends = re.findall(r'sequenceFlow id="(\w+)" sourceRef="(\w+)" targetRef="(\w+)"', RISKY)
    shapes = (_shape(id, x, y, *((100, 80) if id == "risky" else (36, 36))) for id, (x, y) in place.items())
    lines = (
        _edge(id, [(x + 18, y + 18 + 9 * (id == "other_way")) for x, y in (place[one], place[other])])
        for id, one, other in ends
    )
    return "".join([*shapes, *lines])


def _shape(id: str, x: int, y: int, width: int = 100, height: int = 80) -> str:
    bounds = f'<dc:Bounds x="{x}" y="{y}" width="{width}" height="{height}" />'
    return f'<bpmndi:BPMNShape id="{id}_di" bpmnElement="{id}">{bounds}</bpmndi:BPMNShape>'


def _edge(id: str, points: list[tuple[int, int]]) -> str:
    way = "".join(f'<di:waypoint x="{x}" y="{y}" />' for x, y in points)
    return f'<bpmndi:BPMNEdge id="{id}_di" bpmnElement="{id}">{way}</bpmndi:BPMNEdge>'


def _row_of_tasks(count: int) -> str:
    """A diagram of so many tasks in rows of fifteen, each with its shape and its flow."""
    ids = [f"task_{number}" for number in range(count)]
    steps = "".join(f'<bpmn:userTask id="{id}" name="步骤 {id}" />' for id in ids)
    flows = "".join(
        f'<bpmn:sequenceFlow id="flow_{at}" sourceRef="{one}" targetRef="{other}" />'
        for at, (one, other) in enumerate(itertools.pairwise(ids))
    )
    place = {id: (at % 15 * 150, at // 15 * 130) for at, id in enumerate(ids)}
    shapes = "".join(
        f'<bpmndi:BPMNShape id="{id}_di" bpmnElement="{id}"><dc:Bounds x="{x}" y="{y}" width="100" height="80" /></bpmndi:BPMNShape>'
        for id, (x, y) in place.items()
    )
    edges = "".join(
        f'<bpmndi:BPMNEdge id="flow_{at}_di" bpmnElement="flow_{at}">'
        f'<di:waypoint x="{place[one][0] + 100}" y="{place[one][1] + 40}" />'
        f'<di:waypoint x="{place[other][0]}" y="{place[other][1] + 40}" /></bpmndi:BPMNEdge>'
        for at, (one, other) in enumerate(itertools.pairwise(ids))
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<bpmn:definitions xmlns:bpmn="http://www.omg.org/spec/BPMN/20100524/MODEL"'
        ' xmlns:bpmndi="http://www.omg.org/spec/BPMN/20100524/DI" xmlns:dc="http://www.omg.org/spec/DD/20100524/DC"'
        ' xmlns:di="http://www.omg.org/spec/DD/20100524/DI" id="many" targetNamespace="urn:many">'
        f'<bpmn:process id="matter" isExecutable="true">{steps}{flows}</bpmn:process>'
        f'<bpmndi:BPMNDiagram id="picture"><bpmndi:BPMNPlane id="plane" bpmnElement="matter">{shapes}{edges}'
        "</bpmndi:BPMNPlane></bpmndi:BPMNDiagram></bpmn:definitions>"
    )


def _drag(page: Page, id: str) -> float:
    """Milliseconds that one step of a drag keeps the page busy: the middle one of sixty."""
    box = page.locator(f"g[data-element-id={id}] .djs-hit").first.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + 40, box["y"] + 40)
    taken = page.evaluate(
        """([x, y]) => Array.from({length: 60}, (_, step) => {
          const begun = performance.now();
          const at = {clientX: x + step, clientY: y + step / 2, bubbles: true};
          document.elementFromPoint(at.clientX, at.clientY).dispatchEvent(new MouseEvent("mousemove", at));
          document.body.getBoundingClientRect();
          return performance.now() - begun;
        })""",
        [box["x"] + 40, box["y"] + 40],
    )
    assert page.locator(".djs-dragging, .djs-drag-group").count() > 0
    page.mouse.up()
    page.keyboard.press("Control+z")
    return float(sorted(taken)[len(taken) // 2])
