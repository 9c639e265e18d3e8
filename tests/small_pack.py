"""A pack small enough to be read at a glance: one matter with a triage table, a boundary timer, a limit, a sub-process
per unit and a called check. Tests change single words of its files."""

import json
from collections.abc import Mapping
from typing import Any

from engine.publishing import Folder, read_pack

MATTER = """<?xml version="1.0" encoding="UTF-8"?>
<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" xmlns:wangge="urn:wangge:bpmn:1"
  xmlns:bpmndi="http://www.omg.org/spec/BPMN/20100524/DI" xmlns:dc="http://www.omg.org/spec/DD/20100524/DC"
  xmlns:di="http://www.omg.org/spec/DD/20100524/DI" targetNamespace="urn:test">
  <message id="message_urged" name="urged"/>
  <process id="matter" name="事项" isExecutable="true">
    <documentation>一件小事。</documentation>
    <laneSet id="lanes">
      <lane id="lane_worker" name="网格员" wangge:role="worker">
        <flowNodeRef>found</flowNodeRef><flowNodeRef>triage</flowNodeRef>
      </lane>
      <lane id="lane_agency" name="机构" wangge:role="officer">
        <flowNodeRef>choose</flowNodeRef><flowNodeRef>handle</flowNodeRef><flowNodeRef>check</flowNodeRef>
        <flowNodeRef>units</flowNodeRef><flowNodeRef>handled</flowNodeRef><flowNodeRef>late</flowNodeRef>
        <flowNodeRef>urged</flowNodeRef><flowNodeRef>remind</flowNodeRef><flowNodeRef>reminded</flowNodeRef>
      </lane>
    </laneSet>
    <startEvent id="found" name="发现" wangge:form="found"><outgoing>f1</outgoing></startEvent>
    <businessRuleTask id="triage" name="分流" wangge:decision="triage" wangge:status="to_triage">
      <documentation>按表分流。</documentation><incoming>f1</incoming><outgoing>f2</outgoing>
    </businessRuleTask>
    <exclusiveGateway id="choose" name="谁来办" default="f4">
      <incoming>f2</incoming><outgoing>f3</outgoing><outgoing>f4</outgoing>
    </exclusiveGateway>
    <userTask id="handle" name="办理" wangge:role="officer" wangge:unit="agency" wangge:form="handle"
      wangge:limit="handle" wangge:status="handling" wangge:basis="T-1">
      <incoming>f3</incoming><outgoing>f5</outgoing>
    </userTask>
    <subProcess id="units" name="各单位办理">
      <incoming>f4</incoming><outgoing>f6</outgoing>
      <multiInstanceLoopCharacteristics isSequential="true">
        <loopDataInputRef>units_asked</loopDataInputRef><inputDataItem id="item" name="unit"/>
      </multiInstanceLoopCharacteristics>
      <startEvent id="begin"><outgoing>u1</outgoing></startEvent>
      <serviceTask id="tell" name="通知" wangge:handler="unit.tell">
        <extensionElements><wangge:parameter name="unit" value="unit"/></extensionElements>
        <incoming>u1</incoming><outgoing>u2</outgoing>
      </serviceTask>
      <endEvent id="told"><incoming>u2</incoming></endEvent>
      <sequenceFlow id="u1" sourceRef="begin" targetRef="tell"/>
      <sequenceFlow id="u2" sourceRef="tell" targetRef="told"/>
    </subProcess>
    <callActivity id="check" name="核查" calledElement="inspection">
      <incoming>f5</incoming><incoming>f6</incoming><outgoing>f7</outgoing>
    </callActivity>
    <endEvent id="handled" name="办结"><incoming>f7</incoming></endEvent>
    <boundaryEvent id="late" name="超时" attachedToRef="handle" cancelActivity="false">
      <outgoing>f8</outgoing>
      <timerEventDefinition><timeDuration>PT24H</timeDuration></timerEventDefinition>
    </boundaryEvent>
    <boundaryEvent id="urged" name="催办" attachedToRef="handle" cancelActivity="false">
      <outgoing>f9</outgoing><messageEventDefinition messageRef="message_urged"/>
    </boundaryEvent>
    <scriptTask id="remind" name="提醒">
      <incoming>f8</incoming><incoming>f9</incoming><outgoing>f10</outgoing><script>reminded = true</script>
    </scriptTask>
    <endEvent id="reminded" name="已提醒"><incoming>f10</incoming></endEvent>
    <sequenceFlow id="f1" sourceRef="found" targetRef="triage"/>
    <sequenceFlow id="f2" sourceRef="triage" targetRef="choose"/>
    <sequenceFlow id="f3" name="机构" sourceRef="choose" targetRef="handle">
      <conditionExpression>by == "agency"</conditionExpression>
    </sequenceFlow>
    <sequenceFlow id="f4" sourceRef="choose" targetRef="units"/>
    <sequenceFlow id="f5" sourceRef="handle" targetRef="check"/>
    <sequenceFlow id="f6" sourceRef="units" targetRef="check"/>
    <sequenceFlow id="f7" sourceRef="check" targetRef="handled"/>
    <sequenceFlow id="f8" sourceRef="late" targetRef="remind"/>
    <sequenceFlow id="f9" sourceRef="urged" targetRef="remind"/>
    <sequenceFlow id="f10" sourceRef="remind" targetRef="reminded"/>
  </process>
  <bpmndi:BPMNDiagram><bpmndi:BPMNPlane bpmnElement="matter">
    <bpmndi:BPMNShape id="shape_handle" bpmnElement="handle"><dc:Bounds x="100" y="80" width="100" height="80"/></bpmndi:BPMNShape>
    <bpmndi:BPMNEdge id="edge_f1" bpmnElement="f1"><di:waypoint x="10" y="20"/><di:waypoint x="60" y="20"/></bpmndi:BPMNEdge>
  </bpmndi:BPMNPlane></bpmndi:BPMNDiagram>
</definitions>
"""

INSPECTION = """<?xml version="1.0" encoding="UTF-8"?>
<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" xmlns:wangge="urn:wangge:bpmn:1" targetNamespace="urn:test">
  <process id="inspection" name="核查" isExecutable="true">
    <startEvent id="begin"><outgoing>f1</outgoing></startEvent>
    <userTask id="inspect" name="现场核查" wangge:role="officer" wangge:form="inspect" wangge:limit="inspect"
      wangge:status="checking" wangge:basis="T-1"><incoming>f1</incoming><outgoing>f2</outgoing></userTask>
    <endEvent id="done"><incoming>f2</incoming></endEvent>
    <boundaryEvent id="inspection_late" attachedToRef="inspect">
      <outgoing>f3</outgoing><timerEventDefinition><timeDuration>limit:inspect</timeDuration></timerEventDefinition>
    </boundaryEvent>
    <endEvent id="not_done"><incoming>f3</incoming></endEvent>
    <sequenceFlow id="f1" sourceRef="begin" targetRef="inspect"/>
    <sequenceFlow id="f2" sourceRef="inspect" targetRef="done"/>
    <sequenceFlow id="f3" sourceRef="inspection_late" targetRef="not_done"/>
  </process>
</definitions>
"""

TRIAGE = """<?xml version="1.0" encoding="UTF-8"?>
<definitions xmlns="https://www.omg.org/spec/DMN/20191111/MODEL/" id="file" name="分流" namespace="urn:test">
  <decision id="triage" name="分流">
    <decisionTable id="table" hitPolicy="FIRST">
      <input id="i1" label="类别"><inputExpression id="e1" typeRef="string"><text>kind</text></inputExpression></input>
      <output id="o1" label="谁" name="by" typeRef="string"/>
      <rule id="r1"><inputEntry id="r1i"><text>"light"</text></inputEntry><outputEntry id="r1o"><text>"agency"</text></outputEntry></rule>
      <rule id="r2"><inputEntry id="r2i"><text>"water"</text></inputEntry><outputEntry id="r2o"><text>"units"</text></outputEntry></rule>
      <rule id="r3"><inputEntry id="r3i"><text>-</text></inputEntry><outputEntry id="r3o"><text>"units"</text></outputEntry></rule>
    </decisionTable>
  </decision>
</definitions>
"""


def field(title: str, english: str, **more: Any) -> dict[str, Any]:
    return {"title": title, "x-en": english, "x-wangge": "routing", "type": "string", **more}


def form(title: str, english: str, required: list[str], **fields: Any) -> dict[str, Any]:
    return {"title": title, "x-en": english, "type": "object", "properties": fields, "required": required}


LABELS = {
    "light": {"zh": "路灯", "en": "Light"},
    "water": {"zh": "积水", "en": "Water"},
    "other": {"zh": "其他", "en": "Other"},
}

FILES: Mapping[str, Any] = {
    "manifest.json": {
        "key": "test/2026-01-01",
        "place": "test",
        "title": {"zh": "测试", "en": "Test"},
        "area": "/32/",
        "force": "law",
        "in_force_from": "2026-01-01",
        "processes": {"matter": "matter.bpmn", "inspection": "inspection.bpmn"},
        "decisions": {"triage": "triage.dmn"},
        "statuses": [
            {"key": "to_triage", "zh": "待分流", "en": "To triage"},
            {"key": "handling", "zh": "办理中", "en": "Handling"},
            {"key": "checking", "zh": "核查中", "en": "Checking"},
        ],
        "ways_in": [
            {"event": "found", "zh": "发现", "en": "Found", "message": None, "form": "found", "basis": ["T-1"]}
        ],
        "without_basis": ["triage", "tell"],
        "settings": {"grid_division": {"households": {"urban": [300, 500]}}, "self_handling": False},
    },
    "limits.json": [
        {"key": "handle", "amount": 5, "unit": "working_day", "basis": {"kind": "product_default", "article": "T-1"}},
        {"key": "inspect", "amount": 4, "unit": "working_hour", "basis": {"kind": "product_default"}},
        {"key": "matter", "amount": 20, "unit": "working_day", "basis": {"kind": "product_default"}},
    ],
    "roles.json": [
        {"key": "worker", "label": {"zh": "网格员", "en": "Worker"}, "unit_kind": "grid", "basis": []},
        {"key": "officer", "label": {"zh": "分流员", "en": "Officer"}, "unit_kind": "agency", "permissions": ["urge"]},
    ],
    "articles.json": [{"key": "T-1", "summary": {"zh": "及时办理。", "en": "Handle in time."}}],
    "list.json": {
        "items": [{"key": "light", "label": {"zh": "路灯", "en": "Light"}, "lead_department": "housing"}],
        "departments": [{"key": "housing", "label": {"zh": "住建", "en": "Housing"}}],
    },
    "rules.json": [
        {
            "key": "t-1-handled-before-the-end",
            "article": "T-1",
            "force": "local",
            "process": "matter",
            "zh": "先办理后办结",
            "en": "Handled before closed",
            "predicate": "precedes",
            "of": {"kind": "end"},
            "by": {"form": "found"},
            "counter_example": "the start is taken away",
        }
    ],
    "forms/found.json": form(
        "发现", "Found", ["kind"], kind=field("类别", "Kind", enum=["light", "water", "other"], **{"x-labels": LABELS})
    ),
    "forms/handle.json": form(
        "办理",
        "Handle",
        [],
        opinion=field("意见", "Opinion", maxLength=400),
        parts={
            "title": "部分",
            "x-en": "Parts",
            "x-wangge": "record",
            "type": "array",
            "items": {"type": "object", "properties": {"unit": field("单位", "Unit")}, "required": ["unit"]},
        },
    ),
    "forms/inspect.json": form("核查", "Inspect", [], good=field("属实", "Good", type="boolean")),
    "matter.bpmn": MATTER,
    "inspection.bpmn": INSPECTION,
    "triage.dmn": TRIAGE,
}

Edit = tuple[str, str, str]
"""A file, a text in it, and what stands there instead."""


def files(*edits: Edit, more: Mapping[str, Any] | None = None) -> dict[str, bytes]:
    """The files of the pack with these edits; `more` are further files."""
    texts = {
        path: content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
        for path, content in {**FILES, **(more or {})}.items()
    }
    for path, old, new in edits:
        assert texts[path].count(old) >= 1, f"{old!r} is not in {path}"
        texts[path] = texts[path].replace(old, new)
    return {path: text.encode() for path, text in texts.items()}


def pack(*edits: Edit, more: Mapping[str, Any] | None = None) -> Folder:
    """The pack with these edits."""
    return read_pack(files(*edits, more=more))
