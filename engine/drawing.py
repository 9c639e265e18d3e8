"""A BPMN file as it was drawn: every element with the id, the name and the line by which a person finds it.

Compiling (`bpmn`), judging the structure (`structure`) and accounting for what is there (`accounting`) are
three passes over one drawing. They share the words in which a finding names an element, and nothing else.
"""

from collections.abc import Container, Iterator
from typing import NamedTuple

from engine import xml
from engine.errors import Finding, Level
from engine.expressions import ExpressionError, compile_expression
from engine.xml import Element

MODEL = "http://www.omg.org/spec/BPMN/20100524/MODEL"
"""Namespace of the elements of BPMN 2.0."""

OURS = "urn:wangge:bpmn:1"
"""Namespace of the product's own attributes and extension elements."""

FLOW_NODES = {
    "startEvent": ("开始事件", "Start event"),
    "endEvent": ("结束事件", "End event"),
    "intermediateThrowEvent": ("中间抛出事件", "Intermediate throw event"),
    "intermediateCatchEvent": ("中间捕获事件", "Intermediate catch event"),
    "implicitThrowEvent": ("隐式抛出事件", "Implicit throw event"),
    "boundaryEvent": ("边界事件", "Boundary event"),
    "task": ("任务", "Task"),
    "userTask": ("用户任务", "User task"),
    "manualTask": ("人工任务", "Manual task"),
    "serviceTask": ("服务任务", "Service task"),
    "scriptTask": ("脚本任务", "Script task"),
    "businessRuleTask": ("业务规则任务", "Business rule task"),
    "sendTask": ("发送任务", "Send task"),
    "receiveTask": ("接收任务", "Receive task"),
    "exclusiveGateway": ("排他网关", "Exclusive gateway"),
    "parallelGateway": ("并行网关", "Parallel gateway"),
    "inclusiveGateway": ("包容网关", "Inclusive gateway"),
    "complexGateway": ("复杂网关", "Complex gateway"),
    "eventBasedGateway": ("事件网关", "Event-based gateway"),
    "subProcess": ("子流程", "Sub-process"),
    "transaction": ("事务子流程", "Transaction"),
    "adHocSubProcess": ("自由子流程", "Ad-hoc sub-process"),
    "callActivity": ("调用活动", "Call activity"),
    "choreographyTask": ("编排任务", "Choreography task"),
    "subChoreography": ("子编排", "Sub-choreography"),
    "callChoreography": ("调用编排", "Call choreography"),
}
"""What a sequence flow can connect, in the words of a person."""

NAMED = FLOW_NODES | {
    "definitions": ("文件", "File"),
    "process": ("流程", "Process"),
    "sequenceFlow": ("顺序流", "Sequence flow"),
    "laneSet": ("泳道组", "Lane set"),
    "lane": ("泳道", "Lane"),
    "collaboration": ("协作", "Collaboration"),
    "participant": ("参与者（泳池）", "Participant (pool)"),
    "messageFlow": ("消息流", "Message flow"),
    "dataObject": ("数据对象", "Data object"),
    "dataObjectReference": ("数据对象引用", "Data object reference"),
    "dataStore": ("数据存储", "Data store"),
    "dataStoreReference": ("数据存储引用", "Data store reference"),
    "message": ("消息", "Message"),
    "signal": ("信号", "Signal"),
    "error": ("错误", "Error"),
    "escalation": ("升级", "Escalation"),
    "association": ("关联", "Association"),
    "group": ("分组", "Group"),
    "textAnnotation": ("文本注释", "Text annotation"),
    "choreography": ("编排", "Choreography"),
    "globalTask": ("全局任务", "Global task"),
    "globalUserTask": ("全局用户任务", "Global user task"),
    "globalManualTask": ("全局人工任务", "Global manual task"),
    "globalScriptTask": ("全局脚本任务", "Global script task"),
    "globalBusinessRuleTask": ("全局业务规则任务", "Global business rule task"),
    "globalChoreographyTask": ("全局编排任务", "Global choreography task"),
    "globalConversation": ("全局会话", "Global conversation"),
    "conversation": ("会话", "Conversation"),
    "subConversation": ("子会话", "Sub-conversation"),
    "callConversation": ("调用会话", "Call conversation"),
}
"""What a person sees as one thing: a finding about anything inside names it."""

IDENTIFIED = frozenset(FLOW_NODES) | {"process", "sequenceFlow", "lane"}
"""What is given an id if the file gives none; only flows and lanes can do without one of their own."""

EVENT_DEFINITIONS = {
    "messageEventDefinition": "message",
    "timerEventDefinition": "timer",
    "signalEventDefinition": "signal",
    "errorEventDefinition": "error",
    "escalationEventDefinition": "escalation",
    "conditionalEventDefinition": "conditional",
    "terminateEventDefinition": "terminate",
    "linkEventDefinition": "link",
    "cancelEventDefinition": "cancel",
    "compensateEventDefinition": "compensation",
}
"""What an event waits for or does: tag -> kind."""


class _Found(NamedTuple):
    line: int
    position: int
    seen: Element
    finding: Finding


class Drawing:
    """The elements of one file and what was found wrong with them.

    `ids` gives each element its id: the file's, or one made from its place for what must have one.
    `elements` maps an id to the first drawn thing that bears it; `all` lists the elements in order of the
    file. `stand_ins` are the ids of refused elements: what was compiled for them only keeps the rest together.
    """

    def __init__(self, root: Element) -> None:
        self.root = root
        self.all: list[Element] = list(root.iter("*"))
        self.ids: dict[Element, str] = {}
        self.elements: dict[str, Element] = {}
        self.stand_ins: set[str] = set()
        self._positions = {element: position for position, element in enumerate(self.all)}
        self._given: dict[str, int] = {}
        self._found: list[_Found] = []
        self._identify()

    def report(self, element: Element, rule: str, zh: str, en: str, level: Level = "error") -> None:
        """Notes what is wrong with an element, under the id of the thing a person sees it in."""
        seen = self.seen(element)
        zh_kind, en_kind = NAMED.get(local(seen), ("元素", "Element"))
        label, number = name_of(seen), xml.line(element)
        where = self.ids.get(seen, "")
        finding = Finding(
            rule,
            level,
            where,
            f"{zh_kind}{_quoted(label, '“', '”')}（{_listed(where, f'第 {number} 行', '，')}）：{zh} "
            f"{en_kind}{_quoted(label, ' “', '”')} ({_listed(where, f'line {number}', ', ')}): {en}",
            label,
        )
        self._found.append(_Found(number, self._positions[seen], seen, finding))

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All that was found, by line."""
        return tuple(found.finding for found in sorted(self._found, key=lambda found: found[:2]))

    def processes_with(self, rules: Container[str]) -> frozenset[str]:
        """The ids of the processes in which one of these rules is broken by an error."""
        faults = (found for found in self._found if found.finding.level == "error")
        return frozenset(self.process_of(fault.seen) for fault in faults if fault.finding.rule in rules)

    def process_of(self, element: Element) -> str:
        """The id of the process that an element is or lies in, empty outside of all."""
        around = [element, *element.iterancestors()]
        return next((self.ids[one] for one in around if local(one) == "process"), "")

    def seen(self, element: Element) -> Element:
        """The element itself, or the nearest one around it that has an id and is one thing to a person."""
        while local(element) not in NAMED or element not in self.ids:
            parent = element.getparent()
            if parent is None:
                break
            element = parent
        return element

    def find(self, reference: str, *tags: str) -> Element | None:
        """The element that a reference means, if it is of one of these kinds; a prefix is left aside."""
        reference = reference.strip()
        found = self.elements.get(reference)
        if found is None:
            found = self.elements.get(unprefixed(reference))
        return found if found is not None and (not tags or local(found) in tags) else None

    def refuse(self, element: Element, zh: str, en: str) -> None:
        """Reports a construct of BPMN that is not executed, by its name."""
        self.stand_ins.add(self.ids[element])
        self.report(
            element,
            "form.refused-construct",
            f"不支持“{zh}”。请换用其他画法。",
            f"{en.lower()} is not supported. Draw it in another way.",
        )

    def referred(
        self, element: Element, holder: Element, attribute: str, tag: str, level: Level = "error"
    ) -> Element | None:
        """What an attribute of `holder` refers to, of this tag; what is missing is reported at `element`."""
        written = reference(holder, attribute)
        found = self.find(written, tag)
        if found is None and written:
            self.undefined(element, attribute, written, level)
        return found

    def undefined(self, element: Element, attribute: str, written: str, level: Level = "error") -> None:
        """Reports a reference to what the file does not hold."""
        self.report(
            element,
            "form.undefined-reference",
            f"{attribute} 引用的“{written}”在文件中不存在。请重新选择。",
            f"{attribute} refers to `{written}`, which this file does not define. Choose again.",
            level,
        )

    def expression(self, element: Element, source: str, rule: str = "form.expression") -> str:
        """The source, checked to compile; an empty one is none."""
        if source:
            try:
                compile_expression(source)
            except ExpressionError as error:
                self.report(element, rule, error.words.zh, error.words.en)
        return source

    def is_first(self, element: Element) -> bool:
        """Whether no earlier element bears the same id."""
        return self.elements.get(self.ids[element]) is element

    def _identify(self) -> None:
        for element in self.all:
            written = (element.get("id") or "").strip()
            if written and local(element):
                self.ids[element] = written
                self._claim(element, written)
        for element in self.all:
            if element not in self.ids and local(element) in IDENTIFIED:
                self._name(element)

    def _claim(self, element: Element, written: str) -> None:
        first = self.elements.setdefault(written, element)
        if first is element:
            return
        known, new = local(first) in NAMED, local(element) in NAMED
        if new and not known:
            self.elements[written] = element
        self.report(
            element,
            "form.duplicate-id",
            f"id “{written}” 在第 {xml.line(first)} 行已经用过。请改成文件中唯一的 id。",
            f"the id `{written}` is already used in line {xml.line(first)}. Give it an id of its own.",
            "error" if known and new else "warning",
        )

    def _name(self, element: Element) -> None:
        tag = local(element)
        if tag == "sequenceFlow":
            self._give(element, f"flow:{reference(element, 'sourceRef')}->{reference(element, 'targetRef')}")
            return
        self._give(element, tag)
        if tag == "lane":
            return
        self.report(
            element,
            "form.missing-id",
            "没有 id，无法连接或引用。请补上唯一的 id。",
            "it has no id, so nothing can refer to it. Give it an id of its own.",
        )

    def _give(self, element: Element, base: str) -> None:
        number, name = self._given.get(base, 0) + 1, base
        while number > 1 or name in self.elements:
            name = f"{base}#{number}"
            if name not in self.elements:
                break
            number += 1
        self._given[base] = number
        self.ids[element] = name
        self.elements[name] = element


def local(element: Element) -> str:
    """The name of an element of BPMN, empty for an element of another namespace."""
    namespace, _, name = str(element.tag).rpartition("}")
    return name if namespace[1:] == MODEL else ""


def ours(name: str) -> str:
    """An attribute or element of our namespace as lxml writes it."""
    return f"{{{OURS}}}{name}"


def children(element: Element, *tags: str) -> Iterator[Element]:
    """The direct children of these BPMN names, of any BPMN name if none is given."""
    for child in element:
        if (local(child) in tags) if tags else local(child):
            yield child


def text_of(element: Element | None) -> str:
    """The element's own text (its documentation left out), without space around it."""
    if element is None:
        return ""
    return "".join([element.text or "", *(child.tail or "" for child in element)]).strip()


def name_of(element: Element) -> str:
    """The label as drawn, on one line."""
    return " ".join((element.get("name") or "").split())


def reference(element: Element, attribute: str) -> str:
    """An attribute that names another element, as written, without space around it."""
    return (element.get(attribute) or "").strip()


def unprefixed(name: str) -> str:
    """A qualified name without its prefix."""
    return name.strip().rpartition(":")[2]


def is_true(element: Element, attribute: str, default: bool = False) -> bool:
    """An XML boolean; what is neither true nor false counts as the default."""
    written = (element.get(attribute) or "").strip().lower()
    return {"true": True, "1": True, "false": False, "0": False}.get(written, default)


def _quoted(label: str, opening: str, closing: str) -> str:
    return f"{opening}{label}{closing}" if label else ""


def _listed(first: str, second: str, comma: str) -> str:
    return f"{first}{comma}{second}" if first else second
