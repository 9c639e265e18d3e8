"""A matter in the browser, from the report to the archive, each step at the desk of the post that takes it."""

import re
from typing import Any

from playwright.sync_api import Locator, expect

from tests.browser.conftest import Desk, Sit


def field(desk: Desk, label: str) -> Locator:
    """The control of a field, by its question."""
    return desk.page.locator(".field", has=desk.page.locator(".label", has_text=re.compile(f"^\\s*{re.escape(label)}")))


def write(desk: Desk, label: str, text: str) -> None:
    field(desk, label).locator("textarea, input").first.fill(text)


def choose(desk: Desk, label: str, choice: str) -> None:
    """A choice of a field, wherever it is offered: as a button, or in a list that is typed into."""
    found = field(desk, label).last
    radio = found.get_by_role("radio", name=choice, exact=True)
    if radio.count():
        found.locator(".el-radio").filter(has_text=re.compile(f"^{re.escape(choice)}$")).click()
        return
    found.get_by_role("combobox").click()
    found.get_by_role("combobox").fill(choice)
    desk.page.get_by_role("option", name=choice, exact=True).click()


def begin(desk: Desk, number: str, act: str) -> None:
    """Opens the form of an act."""
    desk.go(f"/matters/{number}")
    desk.page.locator(f"[data-act={act}]").first.click()
    desk.page.get_by_role("dialog").wait_for()


def send(desk: Desk) -> None:
    """Sends the form that is open; it closes when the server has taken it."""
    desk.page.get_by_role("dialog").locator("button[type=submit]").click()
    desk.page.get_by_role("dialog").wait_for(state="detached")


def reported(desk: Desk) -> str:
    """A worker reports something that is on no list. Its number."""
    desk.go("/report")
    write(desk, "标题", "路灯不亮")
    write(desk, "情况说明", "巷口第二盏")
    write(desk, "地点", "巷口")
    choose(desk, "事项类别", "清单以外的事项")
    choose(desk, "区域类型", "城区")
    desk.page.locator("main button[type=submit]").click()
    desk.page.wait_for_url(re.compile(r"/matters/\d{4}-\d+"))
    return desk.page.url.rpartition("/")[2].partition("?")[0]


def escalated(worker: Desk) -> str:
    """A matter that is true and off the list, so that it goes to the agency. Its number."""
    number = reported(worker)
    begin(worker, number, "complete")
    choose(worker, "核实结果", "属实")
    write(worker, "核实情况", "两盏不亮")
    send(worker)
    begin(worker, number, "complete")
    choose(worker, "上报原因类别", "不在清单内")
    write(worker, "上报理由", "需要专业人员维修")
    send(worker)
    return number


def status(desk: Desk, number: str) -> Any:
    return desk.ask(f"api/matters/{number}")["status"]["key"]


def test_a_matter_walks_from_the_report_to_the_archive(sit: Sit) -> None:
    number = escalated(sit("worker"))

    triage = sit("triage")
    begin(triage, number, "complete")
    choose(triage, "分流意见", "分流至部门")
    write(triage, "意见", "请办理")
    triage.page.get_by_role("button", name="添加一项").click()
    choose(triage, "单位", "甲区城市管理部门")
    choose(triage, "职责", "主办")
    choose(triage, "办理时限", "一般事项")
    send(triage)

    receiver, handler = sit("receiver"), sit("handler")
    begin(receiver, number, "complete")
    choose(receiver, "签收人", "甲区城市管理签收人（签收人）")
    send(receiver)
    begin(handler, number, "complete")
    write(handler, "办理情况", "更换灯具")
    send(handler)
    begin(handler, number, "complete")
    choose(handler, "办理结果", "已办成")
    write(handler, "处理结果", "已修复")
    field(handler, "办结日期").locator("input").fill("2026-11-01")
    send(handler)

    check, duty = sit("check"), sit("duty")
    begin(check, number, "complete")
    choose(check, "核查结论", "通过")
    write(check, "核查情况", "现场已亮")
    send(check)
    begin(duty, number, "complete")
    choose(duty, "办结类型", "正常办结")
    choose(duty, "问题已解决", "是")
    send(duty)
    assert status(duty, number) == "archived"
    duty.go(f"/matters/{number}")
    expect(duty.page.locator("main")).to_contain_text("办结。")
    duty.picture("matter-archived")


def test_a_wrong_password_is_refused_in_words(sit: Sit) -> None:
    desk = sit()
    desk.sign_in("triage", "not-the-password")
    expect(desk.page.get_by_role("alert")).to_contain_text("登录名或密码不正确")
    expect(desk.page.get_by_label("密码", exact=True)).to_have_value("")
    desk.sign_in("triage")
    expect(desk.page.get_by_role("heading", level=1)).to_have_text("待办")


def test_what_is_out_of_scope_and_what_is_missing_get_one_answer(sit: Sit) -> None:
    number = next(row["number"] for row in sit("supervisor").ask("api/matters?closed=all&size=200")["rows"])
    worker = sit("worker")
    told = []
    for asked in (foreign(sit, worker) or number, "2026-999999"):
        worker.page.goto(f"{worker.address}/#/matters/{asked}")
        alert = worker.page.get_by_role("alert")
        expect(alert).to_contain_text("不在您的查看范围内")
        told.append(alert.inner_text())
        worker.page.goto(f"{worker.address}/#/inbox")
    assert told[0] == told[1]


def foreign(sit: Sit, desk: Desk) -> str:
    """A matter that this desk does not see."""
    own = {row["number"] for row in desk.ask("api/matters?closed=all&size=200")["rows"]}
    all_ = [row["number"] for row in sit("supervisor").ask("api/matters?closed=all&size=200")["rows"]]
    return str(next(number for number in all_ if number not in own))


def test_who_is_slower_is_told_and_loses_nothing(sit: Sit) -> None:
    number = escalated(sit("worker"))
    slow, fast = sit("triage"), sit("triage")
    for desk, opinion in ((slow, "我认为应当协调"), (fast, "本机构协调")):
        begin(desk, number, "complete")
        choose(desk, "分流意见", "本机构协调处理")
        write(desk, "意见", opinion)
    send(fast)
    slow.page.get_by_role("dialog").locator("button[type=submit]").click()
    conflict = slow.page.locator(".conflict")
    expect(conflict).to_contain_text("第1街道分流员")
    expect(conflict).to_contain_text("我认为应当协调")
    slow.picture("conflict")
    assert slow.checked() == []
    conflict.get_by_role("button", name="按最新情况查看").click()
    slow.page.get_by_role("dialog").wait_for(state="detached")
    expect(slow.page.locator("main")).to_contain_text("本机构协调处理")


def test_what_was_begun_is_there_again_and_one_press_sends_once(sit: Sit) -> None:
    desk = sit("worker")
    number = reported(desk)
    begin(desk, number, "complete")
    write(desk, "核实情况", "两盏不亮")
    expect(desk.page.get_by_role("dialog")).to_contain_text("草稿已存", timeout=5000)
    desk.page.reload()
    expect(desk.page.get_by_role("dialog").locator("textarea").first).to_have_value("两盏不亮")
    choose(desk, "核实结果", "属实")
    asked = []
    desk.page.on("request", lambda request: asked.append(request) if request.method == "POST" else None)
    desk.page.get_by_role("dialog").locator("button[type=submit]").dblclick()
    desk.page.get_by_role("dialog").wait_for(state="detached")
    assert len(asked) == 1
    assert "idempotency-key" in asked[0].headers


def test_a_form_that_is_not_complete_says_where(sit: Sit) -> None:
    desk = sit("worker")
    begin(desk, reported(desk), "complete")
    desk.page.get_by_role("dialog").locator("button[type=submit]").click()
    summary = desk.page.get_by_role("dialog").get_by_role("alert")
    expect(summary).to_be_focused()
    expect(summary).to_contain_text("“核实结果”请填写这一项")
    summary.get_by_role("link", name="“核实结果”请填写这一项").click()
    assert desk.page.evaluate("document.activeElement.type") == "radio"
    desk.picture("form-faults")
    assert desk.checked() == []


def test_the_keyboard_is_enough(sit: Sit) -> None:
    desk = sit("worker")
    number = reported(desk)
    desk.go("/inbox")
    desk.page.get_by_role("row").nth(1).wait_for()
    desk.page.keyboard.press("j")
    desk.page.keyboard.press("Enter")
    desk.page.wait_for_url(re.compile(r"/matters/"))
    desk.go(f"/matters/{number}")
    desk.page.locator("[data-act=complete]").wait_for()
    desk.page.keyboard.press("e")
    desk.page.get_by_role("dialog").wait_for()
    desk.page.keyboard.press("Escape")
    desk.page.get_by_role("dialog").wait_for(state="detached")
