"""What differs between two packs, and that nothing else does."""

from collections import Counter
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from engine import bpmn as reader
from engine.comparison import Change, compare, redrawn
from engine.definition import Process
from engine.model import encode_sorted, replace
from engine.publishing import PACKS, Folder
from engine.renames import processes
from tests.acceptance import test_seeded_faults as seeded
from tests.diagrams import bpmn
from tests.small_pack import Edit, pack

M = "matter.bpmn"
SWAP_ROWS: tuple[Edit, ...] = (
    ("triage.dmn", '<rule id="r1">', '<rule id="first">'),
    (
        "triage.dmn",
        '<rule id="r2"><inputEntry id="r2i"><text>"water"</text></inputEntry><outputEntry id="r2o"><text>"units"</text></outputEntry></rule>',
        "",
    ),
    (
        "triage.dmn",
        '<rule id="first">',
        '<rule id="r2"><inputEntry id="r2i"><text>"water"</text></inputEntry><outputEntry id="r2o"><text>"units"</text></outputEntry></rule><rule id="r1">',
    ),
)

ONE_CHANGE: dict[str, tuple[tuple[Edit, ...], tuple[Any, ...], str]] = {
    "boundary timer": (
        ((M, "PT24H", "PT48H"),),
        ("changed", "timer", "matter", "late", "timer", "PT24H", "PT48H"),
        "“超时”的计时由24小时改为48小时",
    ),
    "amount of the limit of a step": (
        (("limits.json", '"amount": 5', '"amount": 3'),),
        ("changed", "limit", "matter", "handle", "limit", {"limit": "handle", "amount": 5, "unit": "working_day"}, {"limit": "handle", "amount": 3, "unit": "working_day"}),
        "“办理”的时限由5个工作日改为3个工作日",
    ),
    "unit of the limit of a step": (
        (("limits.json", '"amount": 5, "unit": "working_day"', '"amount": 5, "unit": "natural_day"'),),
        ("changed", "limit", "matter", "handle", "limit", {"limit": "handle", "amount": 5, "unit": "working_day"}, {"limit": "handle", "amount": 5, "unit": "natural_day"}),
        "“办理”的时限由5个工作日改为5个自然日",
    ),
    "another limit": (
        ((M, 'wangge:limit="handle"', 'wangge:limit="inspect"'),),
        ("changed", "limit", "matter", "handle", "limit", {"limit": "handle", "amount": 5, "unit": "working_day"}, {"limit": "inspect", "amount": 4, "unit": "working_hour"}),
        "“办理”的时限由5个工作日（handle）改为4个工作时（inspect）",
    ),
    "amount of a limit that no step names": (
        (("limits.json", '"amount": 20', '"amount": 25'),),
        ("changed", "limit", "", "matter", "amount", {"amount": 20, "unit": "working_day"}, {"amount": 25, "unit": "working_day"}),
        "时限“matter”的长度由20个工作日改为25个工作日",
    ),
    "basis of a limit": (
        (("limits.json", '{"kind": "product_default", "article": "T-1"}', '{"kind": "draft", "article": "T-1"}'),),
        ("changed", "limit", "", "handle", "basis", "product_default", "draft"),
        "时限“handle”（办理）的依据由产品默认，不是法律规定改为草案，不是法律",
    ),
    "article of a limit": (
        (("limits.json", '{"kind": "product_default", "article": "T-1"}', '{"kind": "product_default", "article": "T-2"}'),),
        ("changed", "article", "", "handle", "article", "T-1", "T-2"),
        "时限“handle”（办理）的条款由T-1改为T-2",
    ),
    "condition": (
        ((M, 'by == "agency"', 'by != "units"'),),
        ("changed", "condition", "matter", "f3", "condition", 'by == "agency"', 'by != "units"'),
        '流向“谁来办→办理（机构）”的条件由by == "agency"改为by != "units"',
    ),
    "default flow": (
        ((M, 'default="f4"', 'default="f3"'),),
        ("changed", "flow", "matter", "choose", "default", "f4", "f3"),
        "“谁来办”的默认流向由“各单位办理”改为“办理”",
    ),
    "order of the conditions": (
        ((M, "<outgoing>f3</outgoing><outgoing>f4</outgoing>", "<outgoing>f4</outgoing><outgoing>f3</outgoing>"),
         (M, '<sequenceFlow id="f4" sourceRef="choose" targetRef="units"/>', ""),
         (M, '<sequenceFlow id="f3"', '<sequenceFlow id="f4" sourceRef="choose" targetRef="units"/><sequenceFlow id="f3"')),
        ("moved", "flow", "matter", "choose", "order", ["f3", "f4"], ["f4", "f3"]),
        "“谁来办”的次序改为：各单位办理、办理",
    ),
    "flow led elsewhere": (
        ((M, '<sequenceFlow id="f9" sourceRef="urged" targetRef="remind"/>', '<sequenceFlow id="f9" sourceRef="urged" targetRef="reminded"/>'),),
        ("changed", "flow", "matter", "f9", "target", "remind", "reminded"),
        "流向“催办→已提醒”的去向由“提醒”改为“已提醒”",
    ),
    "role of a step": (
        ((M, 'wangge:role="officer" wangge:unit', 'wangge:role="worker" wangge:unit'),),
        ("changed", "role", "matter", "handle", "role", "officer", "worker"),
        "“办理”的角色由分流员改为网格员",
    ),
    "lane": (
        ((M, "<flowNodeRef>triage</flowNodeRef>", ""), (M, "<flowNodeRef>choose</flowNodeRef>", "<flowNodeRef>choose</flowNodeRef><flowNodeRef>triage</flowNodeRef>")),
        ("moved", "role", "matter", "triage", "lane", "lane_worker", "lane_agency"),
        "“分流”由泳道“网格员”移到泳道“机构”",
    ),
    "role of a lane": (
        ((M, 'name="机构" wangge:role="officer"', 'name="机构" wangge:role="worker"'),),
        ("changed", "role", "matter", "lane_agency", "role", "officer", "worker"),
        "泳道“机构”的角色由分流员改为网格员",
    ),
    "permission of a role": (
        (("roles.json", '["urge"]', '["urge", "void"]'),),
        ("changed", "role", "", "officer", "permissions", ["urge"], ["urge", "void"]),
        "角色“分流员”的权限由urge改为urge、void",
    ),
    "status of a step": (
        ((M, 'wangge:status="handling"', 'wangge:status="to_triage"'),),
        ("changed", "status", "matter", "handle", "status", "handling", "to_triage"),
        "“办理”的状态由办理中改为待分流",
    ),
    "label of a status": (
        (("manifest.json", "待分流", "待受理"),),
        ("changed", "text", "", "to_triage", "label", ["待分流", "To triage"], ["待受理", "To triage"]),
        "状态“待受理”的名称由待分流改为待受理",
    ),
    "form of a step": (
        ((M, 'wangge:form="handle"', 'wangge:form="inspect"'),),
        ("changed", "form", "matter", "handle", "form", "handle", "inspect"),
        "“办理”的表单由“办理”（handle）改为“核查”（inspect）",
    ),
    "name of a step": (
        ((M, 'name="办理" wangge', 'name="处理" wangge'),),
        ("changed", "text", "matter", "handle", "name", "办理", "处理"),
        "“处理”的名称由办理改为处理",
    ),
    "documentation of a step": (
        ((M, "按表分流。", "由人分流。"),),
        ("changed", "text", "matter", "triage", "documentation", "按表分流。", "由人分流。"),
        "“分流”的说明由按表分流。改为由人分流。",
    ),
    "message": (
        ((M, 'name="urged"/>', 'name="chased"/>'),),
        ("changed", "element", "matter", "urged", "message", "urged", "chased"),
        "“催办”的消息由“urged”改为“chased”",
    ),
    "interrupting": (
        ((M, 'attachedToRef="handle" cancelActivity="false">\n      <outgoing>f8', 'attachedToRef="handle">\n      <outgoing>f8'),),
        ("changed", "element", "matter", "late", "interrupting", False, True),
        "“超时”的触发方式由不中断改为中断",
    ),
    "host of a boundary event": (
        ((M, 'name="催办" attachedToRef="handle"', 'name="催办" attachedToRef="check"'),),
        ("moved", "element", "matter", "urged", "host", "handle", "check"),
        "“催办”由所附环节“办理”移到所附环节“核查”",
    ),
    "called process": (
        ((M, 'calledElement="inspection"', 'calledElement="audit"'), ("inspection.bpmn", 'id="inspection"', 'id="audit"'), ("inspection.bpmn", "核查", "核查")),
        ("changed", "element", "matter", "check", "called", "inspection", "audit"),
        "“核查”的调用的流程由inspection改为audit",
    ),
    "repetition": (
        ((M, 'isSequential="true"', 'isSequential="false"'),),
        ("changed", "element", "matter", "units", "loop kind", "sequential", "parallel"),
        "“各单位办理”的“loop kind”由sequential改为parallel",
    ),
    "handler": (
        ((M, "unit.tell", "unit.ask"),),
        ("changed", "element", "matter", "tell", "handler", "unit.tell", "unit.ask"),
        "“通知”的处理程序由unit.tell改为unit.ask",
    ),
    "script": (
        ((M, "reminded = true", "reminded = false"),),
        ("changed", "element", "matter", "remind", "script", "reminded = true", "reminded = false"),
        "“提醒”的脚本由reminded = true改为reminded = false",
    ),
    "kind of an element": (
        ((M, "exclusiveGateway", "inclusiveGateway"),),
        ("changed", "element", "matter", "choose", "kind", "exclusive", "inclusive"),
        "“谁来办”的类型由排他网关改为包容网关",
    ),
    "choice of a field": (
        (("forms/found.json", '["light", "water", "other"]', '["light", "water"]'), ("forms/found.json", ', "other": {"zh": "其他", "en": "Other"}', "")),
        ("changed", "form", "", "found", "kind.choices", [["light", "路灯", "Light"], ["water", "积水", "Water"], ["other", "其他", "Other"]], [["light", "路灯", "Light"], ["water", "积水", "Water"]]),
        "表单“发现”的字段“类别”的选项由路灯、积水、其他改为路灯、积水",
    ),
    "length of a field": (
        (("forms/handle.json", "400", "4000"),),
        ("changed", "form", "", "handle", "opinion.maxLength", 400, 4000),
        "表单“办理”的字段“意见”的“maxLength”由400改为4000",
    ),
    "required field": (
        (("forms/handle.json", '"required": []', '"required": ["opinion"]'),),
        ("changed", "form", "", "handle", "opinion.required", None, True),
        "表单“办理”的字段“意见”新设必填：必填",
    ),
    "field inside a field": (
        (("forms/handle.json", '"title": "单位"', '"title": "承办单位"'),),
        ("changed", "text", "", "handle", "parts.unit.title", "单位", "承办单位"),
        "表单“办理”的字段“承办单位”的标题由单位改为承办单位",
    ),
    "cell that asks": (
        (("triage.dmn", '"water"', '"flood"'),),
        ("changed", "table", "", "triage", "row r2.input kind", '"water"', '"flood"'),
        '决策表“分流”第2行的“类别”由"water"改为"flood"',
    ),
    "cell that answers": (
        (("triage.dmn", '<text>"agency"</text>', '<text>"units"</text>'),),
        ("changed", "table", "", "triage", "row r1.output by", "agency", "units"),
        "决策表“分流”第1行的“谁”由agency改为units",
    ),
    "hit policy": (
        (("triage.dmn", "FIRST", "COLLECT"),),
        ("changed", "table", "", "triage", "hit_policy", "FIRST", "COLLECT"),
        "决策表“分流”的命中规则由FIRST改为COLLECT",
    ),
    "order of the rows": (
        SWAP_ROWS,
        ("moved", "table", "", "triage", "order", ["r1", "r2", "r3"], ["r2", "r1", "r3"]),
        "决策表“分流”的次序改为：r2、r1、r3",
    ),
    "statute rule": (
        (("rules.json", '"by": {"form": "found"}', '"by": {"form": "handle"}'),),
        ("changed", "rule", "", "t-1-handled-before-the-end", "by.form", "found", "handle"),
        "规则“先办理后办结”的“by.form”由found改为handle",
    ),
    "list item": (
        (("list.json", '"lead_department": "housing"', '"lead_department": "water"'),),
        ("changed", "item", "", "light", "lead_department", "housing", "water"),
        "清单事项“路灯”的“lead_department”由housing改为water",
    ),
    "setting": (
        (("manifest.json", "[300, 500]", "[250, 350]"),),
        ("changed", "setting", "", "grid_division", "households.urban", [300, 500], [250, 350]),
        "设置“grid_division”的“households.urban”由300、500改为250、350",
    ),
    "setting that is false": (
        (("manifest.json", '"self_handling": false', '"self_handling": true'),),
        ("changed", "setting", "", "self_handling", "value", False, True),
        "设置“self_handling”的取值由否改为是",
    ),
    "day": (
        (("manifest.json", '"in_force_from": "2026-01-01"', '"in_force_from": "2027-01-01"'),),
        ("changed", "setting", "", "", "in_force_from", "2026-01-01", "2027-01-01"),
        "流程包的施行日期由2026-01-01改为2027-01-01",
    ),
    "renamed step": (
        ((M, '"handle" name="办理"', '"deal" name="办理"'), (M, '<flowNodeRef>handle<', '<flowNodeRef>deal<'), (M, 'attachedToRef="handle"', 'attachedToRef="deal"'), (M, 'targetRef="handle"', 'targetRef="deal"'), (M, 'sourceRef="handle"', 'sourceRef="deal"')),
        ("renamed", "element", "matter", "deal", "id", "handle", "deal"),
        "办理环节“办理”的编号由handle改为deal",
    ),
    "renamed flow": (
        ((M, "f7", "f70"),),
        ("renamed", "flow", "matter", "f70", "id", "f7", "f70"),
        "流向“核查→办结”的编号由f7改为f70",
    ),
    "renamed lane": (
        ((M, "lane_agency", "lane_office"),),
        ("renamed", "role", "matter", "lane_office", "id", "lane_agency", "lane_office"),
        "泳道“机构”的编号由lane_agency改为lane_office",
    ),
    "renamed row": (
        (("triage.dmn", '"r2"', '"water"'),),
        ("renamed", "table", "", "triage", "row water.id", "r2", "water"),
        '决策表“分流”第2行（类别="water"，谁=units）的编号由r2改为water',
    ),
    "new field": (
        (("forms/handle.json", '"opinion":', '"remark": {"title": "备注", "type": "string"}, "opinion":'),),
        ("added", "form", "", "handle", "remark", None, None),
        "新增表单“办理”的字段“备注”",
    ),
    "row gone": (
        (("triage.dmn", '<rule id="r1"><inputEntry id="r1i"><text>"light"</text></inputEntry><outputEntry id="r1o"><text>"agency"</text></outputEntry></rule>', ""),),
        ("removed", "table", "", "triage", "row r1", None, None),
        '删除决策表“分流”第1行（类别="light"，谁=agency）',
    ),
    "new limit": (
        (("limits.json", '[{"key": "handle"', '[{"key": "extra", "amount": 1, "unit": "working_day", "basis": {"kind": "product_default"}}, {"key": "handle"'),),
        ("added", "limit", "", "extra", "", None, None),
        "新增时限“extra”",
    ),
}  # fmt: skip
"""What is done to the pack, the one change that comes of it, and its sentence."""

KINDS = {"added": "removed", "removed": "added"}


@cache
def edited(*edits: Edit) -> Folder:
    return pack(*edits)


def told(change: Change) -> tuple[Any, ...]:
    return (change.kind, change.what, change.process, change.element, change.field, change.before, change.after)


def mirrored(change: Change) -> tuple[Any, ...]:
    element = change.before if change.kind == "renamed" and change.process else change.element
    field = change.field
    if change.kind == "renamed" and not change.process:
        field = f"row {change.before}.id"
    kind = KINDS.get(change.kind, change.kind)
    return (kind, change.what, change.process, element, field, change.after, change.before)


def counted(changes: list[tuple[Any, ...]]) -> Counter[str]:
    return Counter(map(repr, changes))


@pytest.mark.parametrize("name", [name for name in ONE_CHANGE if name != "called process"])
def test_a_change_is_told_once_with_its_sentence(name: str) -> None:
    edits, expected, sentence = ONE_CHANGE[name]
    (change,) = compare(edited(), edited(*edits))
    assert told(change) == expected
    assert change.zh == sentence
    assert change.en
    (back,) = compare(edited(*edits), edited())
    assert told(back) == mirrored(change)


def test_a_called_process_of_another_name_is_told_with_the_process() -> None:
    edits, expected, sentence = ONE_CHANGE["called process"]
    changes = {change.zh: change for change in compare(edited(), edited(*edits))}
    assert told(changes.pop(sentence)) == expected
    assert {told(change)[:5] for change in changes.values()} == {
        ("added", "element", "audit", "audit", ""),
        ("removed", "element", "inspection", "inspection", ""),
    }


def test_a_limit_that_a_timer_names_is_told_at_the_timer_too() -> None:
    changed = compare(edited(), edited(("limits.json", '"amount": 4', '"amount": 8')))
    assert [(one.what, one.process, one.element, one.zh) for one in changed] == [
        ("limit", "inspection", "inspect", "“现场核查”的时限由4个工作时改为8个工作时"),
        ("timer", "inspection", "inspection_late", "边界事件“inspection_late”的计时由4个工作时改为8个工作时"),
    ]


def test_a_new_step_is_told_with_its_flows_and_what_moved_because_of_it() -> None:
    step = '<userTask id="sign" name="签收"><incoming>f3</incoming><outgoing>f11</outgoing></userTask>'
    flow = '<sequenceFlow id="f11" sourceRef="sign" targetRef="handle"/>'
    changes = compare(
        edited(),
        edited(
            (M, '<userTask id="handle"', f'{step}<userTask id="handle"'),
            (M, '<sequenceFlow id="f4"', f'{flow}<sequenceFlow id="f4"'),
            (M, 'sourceRef="choose" targetRef="handle"', 'sourceRef="choose" targetRef="sign"'),
        ),
    )
    assert [change.zh for change in changes] == [
        "新增办理环节“签收”",
        "流向“谁来办→签收（机构）”的去向由“办理”改为“签收”",
        "新增流向“签收→办理”",
    ]


def test_a_step_led_out_of_a_sub_process_has_moved() -> None:
    inside = "start s\nsub box {\nstart i\nuser a\nend j\ni -> a\na -> j\n}\nend e\ns -> box\nbox -> e"
    outside = "start s\nsub box {\nstart i\nend j\ni -> j\n}\nuser a\nend e\ns -> box\nbox -> a\na -> e"
    one, two = ({M: bpmn(f"process matter\n{text}").decode()} for text in (inside, outside))
    changes = {change.element: change for change in compare(pack(more=one), pack(more=two)) if change.kind == "moved"}
    assert changes.keys() == {"a"}
    assert (changes["a"].field, changes["a"].before, changes["a"].after) == ("inside", "box", None)
    assert changes["a"].zh == "“a”取消子流程（原为“box”）"


def test_a_renamed_sub_process_moves_nothing() -> None:
    renamed = edited((M, '"units" name', '"each" name'), (M, ">units<", ">each<"), (M, '="units"', '="each"'))
    assert [change.zh for change in compare(edited(), renamed)] == ["子流程“各单位办理”的编号由units改为each"]


def test_layout_is_no_change_and_counted_apart() -> None:
    moved = edited(
        (M, 'x="100" y="80"', 'x="300" y="80"'), (M, '<di:waypoint x="60" y="20"/>', '<di:waypoint x="60" y="90"/>')
    )
    assert compare(edited(), moved) == []
    assert redrawn(edited(), moved) == {"matter": ["handle", "f1"]}
    assert redrawn(edited(), edited()) == {}
    drawn_later = edited(
        (M, "PT24H", "PT48H"),
        (M, '<bpmndi:BPMNEdge id="edge_f1" bpmnElement="f1">', '<bpmndi:BPMNEdge id="e" bpmnElement="f2">'),
    )
    assert redrawn(edited(), drawn_later) == {}


def test_what_is_long_is_told_from_where_it_differs() -> None:
    lines = [f"name_{number} = {number}" for number in range(30)]
    old = edited((M, "reminded = true", "\n".join(lines)))
    new = edited((M, "reminded = true", "\n".join([*lines[:-1], "name_29 = 30"])))
    (change,) = compare(old, new)
    assert change.after.endswith("name_29 = 30")
    assert change.zh == "“提醒”的脚本由…8 name_29 = 29改为…8 name_29 = 30"


def test_two_packs_that_come_with_the_product_differ_as_their_titles_say() -> None:
    draft, law = seeded.folder("zhenjiang/2025-draft"), seeded.folder("zhenjiang/2026-01-01")
    changes = compare(draft, law)
    sentences = [change.zh for change in changes]
    assert "新增流程“紧急情况报告与处置”" in sentences
    assert not [change for change in changes if change.process == "emergency" and change.element != "emergency"]
    assert "删除边界事件“满24小时”" in sentences
    assert counted([told(change) for change in compare(law, draft)]) == counted(
        [mirrored(change) for change in changes]
    )
    assert [change.process for change in changes] == sorted(
        (change.process for change in changes), key=list(dict.fromkeys([*processes(law), *processes(draft), ""])).index
    )


@pytest.mark.parametrize("path", sorted(PACKS.glob("*/*/manifest.json")), ids=lambda path: path.parent.parent.name)
def test_a_pack_does_not_differ_from_itself(path: Any) -> None:
    here = seeded.folder(f"{path.parent.parent.name}/{path.parent.name}")
    assert compare(here, here) == []
    assert redrawn(here, here) == {}


# -- whatever is done to a pack ----------------------------------------------------------------------------

TOGETHER = [
    name for name in ONE_CHANGE
    if name not in {"another limit", "called process", "order of the conditions", "order of the rows", "row gone", "new limit", "renamed step", "renamed flow", "renamed lane", "renamed row", "kind of an element", "unit of the limit of a step", "default flow", "cell that asks", "article of a limit"}
]  # fmt: skip
"""Edits of different words: any of them can be made together, and each is one change of its own."""


@settings(max_examples=60, deadline=None)
@given(st.sets(st.sampled_from(TOGETHER), max_size=6), st.sets(st.sampled_from(TOGETHER), max_size=6))
def test_exactly_what_only_one_side_has_is_told(one: set[str], two: set[str]) -> None:
    old, new = _with(one), _with(two)
    changes = compare(old, new)
    expected = [ONE_CHANGE[name][1] for name in two - one]
    gone = [ONE_CHANGE[name][1] for name in one - two]
    assert counted([told(change) for change in changes]) == counted([*expected, *map(_turned, gone)])
    assert counted([told(change) for change in compare(new, old)]) == counted([mirrored(one) for one in changes])
    assert compare(new, new) == []


def _with(names: set[str]) -> Folder:
    return edited(*(edit for name in ONE_CHANGE if name in names for edit in ONE_CHANGE[name][0]))


def _turned(expected: tuple[Any, ...]) -> tuple[Any, ...]:
    kind, what, process, element, field, before, after = expected
    return (KINDS.get(kind, kind), what, process, element, field, after, before)


@pytest.mark.parametrize("fault", seeded.FAULTS[::3], ids=lambda fault: f"{fault.file}-{fault.expected}")
def test_whatever_breaks_a_rule_is_told(fault: seeded.Fault) -> None:
    here = seeded.folder(fault.pack)
    broken = _slim(_broken(here, fault), fault)
    here = _slim(here, fault)
    changes = compare(here, broken)
    assert bool(changes) == (_meaning(here) != _meaning(broken))
    assert changes, "a fault that changes nothing"
    assert counted([told(one) for one in compare(broken, here)]) == counted([mirrored(one) for one in changes])


def _broken(here: Folder, fault: seeded.Fault) -> Folder:
    tree = etree.fromstring(here.drawn[fault.file].xml)
    for edit in fault.edits:
        edit(tree)
    known = fault.pack_edit(here.pack) if fault.pack_edit else here.pack
    xml = etree.tostring(tree, xml_declaration=True, encoding="UTF-8")
    reading = reader.read(xml, decisions=known.decisions)
    drawn = {
        name: one._replace(
            xml=xml if name == fault.file else one.xml,
            definition=replace(one.definition, processes={id: reading.processes.get(id, process) for id, process in one.definition.processes.items()}),
        )
        for name, one in here.drawn.items()
    }  # fmt: skip
    return here._replace(pack=known, drawn=drawn)


def _slim(folder: Folder, fault: seeded.Fault) -> Folder:
    """Without what the fault does not touch, which would only take time."""
    apart: dict[str, Any] = {"articles": {}, "items": {}, "registries": {}}
    if not fault.pack_edit:
        apart |= {"forms": {}, "settings": {}, "decisions": {}}
    drawn = {name: one for name, one in folder.drawn.items() if name == fault.file}
    return folder._replace(pack=replace(folder.pack, **apart), drawn=drawn)


def _meaning(folder: Folder) -> bytes:
    """All that a pack says, as one text."""
    said: dict[str, Process] = processes(folder)
    return encode_sorted([said, replace(folder.pack, processes={})])


@pytest.mark.parametrize(
    "edit",
    [
        ("manifest.json", '"area": "/32/"', '"area": {"zh": 1}'),
        ("manifest.json", '"zh": "测试"', '"zh": -1'),
        ("roles.json", '"zh": "网格员"', '"zh": {"a": 1}'),
        ("articles.json", '{"zh": "及时办理。", "en": "Handle in time."}', '"及时办理。"'),
        ("articles.json", '"key": "T-1"', '"key": 1'),
        ("forms/handle.json", '"required": ["unit"]', '"required": true'),
    ],
)
def test_what_has_another_shape_in_a_draft_is_told_all_the_same(edit: Edit) -> None:
    assert compare(edited(), edited(edit))
    assert compare(edited(edit), edited())
