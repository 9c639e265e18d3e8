"""Accounts for everything drawn: what is in the XML must be in the compiled process or in a finding.

The pass knows nothing of how compiling works. It walks the whole XML once more, compares each flow node,
sequence flow, event definition and condition with what came out, and names what is missing. It also names
elements that BPMN 2.0 does not have, words of our own namespace that nobody reads, and standard parts of BPMN
that are not executed. Elements and attributes of other tools' namespaces are theirs and are left alone.
"""

from collections.abc import Iterator, Mapping

from engine.definition import Flow, Node, Process
from engine.drawing import (
    EVENT_DEFINITIONS,
    FLOW_NODES,
    NAMED,
    OURS,
    Drawing,
    children,
    local,
    reference,
    text_of,
)
from engine.xml import Element

_OTHERS = """
activationCondition artifact assignment auditing baseElement category categoryValue categoryValueRef
childLaneSet choreographyRef complexBehaviorDefinition completionCondition condition conditionExpression
conversationAssociation conversationLink conversationNode correlationKey correlationProperty
correlationPropertyBinding correlationPropertyRef correlationPropertyRetrievalExpression
correlationSubscription dataInput dataInputAssociation dataInputRefs dataOutput dataOutputAssociation
dataOutputRefs dataPath dataState documentation endPoint endPointRef errorRef event eventDefinitionRef
expression extension extensionElements flowNodeRef formalExpression from humanPerformer import inMessageRef
incoming innerParticipantRef inputDataItem inputSet inputSetRefs interface interfaceRef ioBinding
ioSpecification itemDefinition loopCardinality loopCondition loopDataInputRef loopDataOutputRef
messageFlowAssociation messageFlowRef messagePath monitoring multiInstanceLoopCharacteristics operation
operationRef optionalInputRefs optionalOutputRefs outMessageRef outerParticipantRef outgoing outputDataItem
outputSet outputSetRefs participantAssociation participantMultiplicity participantRef partitionElement
partnerEntity partnerRole performer potentialOwner property relationship rendering resource
resourceAssignmentExpression resourceParameter resourceParameterBinding resourceRef resourceRole script
source sourceRef standardLoopCharacteristics supportedInterfaceRef supports target targetRef text timeCycle
timeDate timeDuration to transformation whileExecutingInputRefs whileExecutingOutputRefs
"""
KNOWN = frozenset(NAMED) | frozenset(EVENT_DEFINITIONS) | frozenset(_OTHERS.split())
"""The element names of BPMN 2.0 (OMG formal/2011-01-03, Semantic.xsd)."""

REFUSED = frozenset(
    {
        "choreography",
        "conversation",
        "subConversation",
        "callConversation",
        "globalTask",
        "globalUserTask",
        "globalManualTask",
        "globalScriptTask",
        "globalBusinessRuleTask",
        "globalChoreographyTask",
        "globalConversation",
    }
)
"""What stands beside processes and is not executed: drawn, it would promise something."""

NOT_EXECUTED = {
    "potentialOwner": ("候选人", "potential owner", "wangge:role"),
    "humanPerformer": ("办理人", "human performer", "wangge:role"),
    "performer": ("执行者", "performer", "wangge:role"),
    "resourceRole": ("资源角色", "resource role", "wangge:role"),
    "correlationSubscription": ("关联订阅", "correlation subscription", "wangge:key"),
    "correlationKey": ("关联键", "correlation key", "wangge:key"),
    "assignment": ("数据赋值", "data assignment", "a script task"),
    "transformation": ("数据转换", "data transformation", "a script task"),
}
"""Parts of BPMN that are read but never executed -> what does their work here."""

STEP = frozenset({"role", "unit", "form", "limit", "status", "basis", "handler", "result"})
_EVENTS = frozenset(tag for tag in FLOW_NODES if tag.endswith("Event"))
_STEPS = frozenset(tag for tag in FLOW_NODES if not tag.endswith("Gateway"))
ATTRIBUTES: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(_STEPS, STEP),
    **dict.fromkeys(_EVENTS | {"sendTask", "receiveTask"}, STEP | {"key"}),
    "businessRuleTask": STEP | {"decision"},
    "lane": frozenset({"role"}),
    "timerEventDefinition": frozenset({"limit"}),
}
"""Where attributes of our namespace are read."""

PARAMETERS = frozenset({"serviceTask", "sendTask", "businessRuleTask"})
"""Where `wangge:parameter` is read."""

EXPLAINED = frozenset(
    {
        "form.duplicate-id",
        "form.flow-crosses-border",
        "form.loop",
        "form.refused-construct",
        "form.two-event-definitions",
        "form.undefined-reference",
    }
)
"""Errors that say why something was not compiled; any other error leaves that to be said."""

_CONDITIONS = {
    "conditionExpression": "",
    "condition": "",
    "loopCondition": "condition",
    "loopCardinality": "cardinality",
    "completionCondition": "completion",
}
"""Tags of conditions -> the field of `Loop`, for those that belong to a repetition."""


def check(drawing: Drawing, processes: Mapping[str, Process]) -> None:
    """Reports what of the XML is neither in these processes nor in a finding so far."""
    _Account(drawing, processes).settle()


class _Account:
    """What was compiled and what was found, by id."""

    def __init__(self, drawing: Drawing, processes: Mapping[str, Process]) -> None:
        self.drawing = drawing
        self.nodes = {node.id: node for process in processes.values() for node in _nodes(process)}
        self.flows = {id: flow for process in processes.values() for id, flow in _flows(process)}
        self.processes = processes
        self.found = {one.element for one in drawing.findings if one.level == "error" and one.rule in EXPLAINED}
        self.extensions = _inside_extensions(drawing.all)
        self.referred = {
            drawing.find(text_of(element), *EVENT_DEFINITIONS)
            for element in drawing.all
            if local(element) == "eventDefinitionRef"
        }

    def settle(self) -> None:
        for element in self.drawing.all:
            self._words_of_ours(element)
            tag = local(element)
            if not tag:
                self._without_namespace(element)
            elif not self._is_accounted(element, tag):
                self._unaccounted(element)
            elif element not in self.extensions:
                self._remarks(element, tag)

    def _is_accounted(self, element: Element, tag: str) -> bool:
        """Whether the compiled form holds this element, a finding names it, or it asks for nothing."""
        id = self.drawing.ids.get(self.drawing.seen(element), "")
        if tag in FLOW_NODES:
            return (id in self.nodes and self.drawing.is_first(element)) or id in self.found
        if tag == "sequenceFlow":
            return (id in self.flows and self.drawing.is_first(element)) or id in self.found
        if tag == "process":
            return id in self.processes or id in self.found
        if element in self.extensions:
            return True
        if tag in EVENT_DEFINITIONS or tag == "eventDefinitionRef":
            return self._has_event(element, tag) or id in self.found
        if tag in _CONDITIONS:
            return self._has_condition(element, tag) or id in self.found
        return True

    def _has_event(self, element: Element, tag: str) -> bool:
        parent = element.getparent()
        if parent is None or parent is self.drawing.root:
            return True  # executed by the events that refer to it
        if tag == "eventDefinitionRef":
            meant = self.drawing.find(text_of(element), *EVENT_DEFINITIONS)
            tag = local(meant) if meant is not None else ""
        node = self.nodes.get(self.drawing.ids.get(parent, ""))
        return node is not None and node.trigger.kind == EVENT_DEFINITIONS.get(tag, "")

    def _has_condition(self, element: Element, tag: str) -> bool:
        id = self.drawing.ids.get(self.drawing.seen(element), "")
        if tag == "conditionExpression":
            return id in self.flows and self.flows[id].condition == text_of(element)
        if self._stands_in_root_definition(element):
            return True
        node = self.nodes.get(id)
        return node is not None and text_of(element) == _expected(node, tag)

    def _stands_in_root_definition(self, element: Element) -> bool:
        parent = element.getparent()
        return parent is not None and local(parent) in EVENT_DEFINITIONS and parent.getparent() is self.drawing.root

    def _unaccounted(self, element: Element) -> None:
        tag = local(element)
        self.drawing.report(
            element,
            "form.unaccounted",
            f"“{tag}”放在了不会执行的位置，已被忽略。请移到流程中正确的位置或删除。",
            f"`{tag}` stands where it cannot be executed. Move it to its place in a process, or remove it.",
        )

    # ---------------------------------------------------------------- remarks

    def _remarks(self, element: Element, tag: str) -> None:
        if tag in REFUSED:
            self.drawing.report(
                element,
                "form.refused-construct",
                f"不支持“{NAMED[tag][0]}”。请删除，或改画成流程。",
                f"{NAMED[tag][1].lower()} is not supported. Remove it, or draw it as a process.",
            )
        elif tag in NOT_EXECUTED:
            zh, en, instead = NOT_EXECUTED[tag]
            self._not_executed(element, zh, en, instead)
        elif tag == "ioSpecification" and self._declares_data(element):
            self._not_executed(element, "输入输出说明", "input and output specification", "data objects")
        elif tag in ("incoming", "outgoing"):
            self._refers(element, tag, text_of(element), "sequenceFlow")
        elif tag == "messageFlow":
            for end in ("sourceRef", "targetRef"):
                self._refers(element, end, reference(element, end))
        elif tag in EVENT_DEFINITIONS and element.getparent() is self.drawing.root:
            self._unused_definition(element)
        elif tag not in KNOWN:
            self._unknown(element, tag)

    def _refers(self, element: Element, what: str, written: str, *tags: str) -> None:
        """Warns where something says again what is drawn elsewhere, and that is not there any more."""
        if self.drawing.find(written, *tags) is None:
            self.drawing.report(
                element,
                "form.undefined-reference",
                f"{what} 引用的“{written}”在文件中不存在，可能有内容丢失。请检查。",
                f"{what} refers to `{written}`, which this file does not hold. Check that nothing was lost.",
                "warning",
            )

    def _not_executed(self, element: Element, zh: str, en: str, instead: str) -> None:
        self.drawing.report(
            element,
            "form.not-executed",
            f"其中的{zh}（{local(element)}）不会执行。可改用 {instead}。",
            f"the {en} ({local(element)}) in it is not executed. Use {instead} instead.",
            "advice",
        )

    def _declares_data(self, element: Element) -> bool:
        """Whether it declares more than the lists that a repetition of the same activity goes through."""
        parent = element.getparent()
        loops = children(parent, "multiInstanceLoopCharacteristics") if parent is not None else iter(())
        used = {text_of(one) for loop in loops for one in children(loop, "loopDataInputRef", "loopDataOutputRef")}
        declared = children(element, "dataInput", "dataOutput")
        return any((one.get("id") or "").strip() not in used for one in declared)

    def _unused_definition(self, element: Element) -> None:
        if element not in self.referred:
            self.drawing.report(
                element,
                "form.unused-definition",
                f"事件定义“{self.drawing.ids.get(element, '')}”没有事件引用。可以删除。",
                f"no event refers to the event definition `{self.drawing.ids.get(element, '')}`. It can be removed.",
                "advice",
            )

    def _unknown(self, element: Element, tag: str) -> None:
        self.drawing.report(
            element,
            "form.unknown-element",
            f"BPMN 2.0 没有元素“{tag}”。请检查拼写或删除。",
            f"BPMN 2.0 has no element `{tag}`. Check its spelling or remove it.",
        )

    def _without_namespace(self, element: Element) -> None:
        tag = str(element.tag)
        if tag in KNOWN and element not in self.extensions:
            self.drawing.report(
                element,
                "form.unknown-element",
                f"元素“{tag}”缺少 BPMN 的命名空间，已被忽略。请重新导出文件。",
                f"the element `{tag}` lacks the namespace of BPMN and was left out. Export the file again.",
            )

    # ---------------------------------------------------------------- our own words

    def _words_of_ours(self, element: Element) -> None:
        prefix = f"{{{OURS}}}"
        for name in element.attrib:
            word = str(name).removeprefix(prefix)
            if word != name and word not in ATTRIBUTES.get(local(element), ()):
                self.drawing.report(
                    element,
                    "form.unknown-attribute",
                    f"这里不能使用属性 wangge:{word}。请检查拼写或删除。",
                    f"the attribute wangge:{word} is not read here. Check its spelling or remove it.",
                )
        if str(element.tag).startswith(prefix) and not self._is_read(element):
            word = str(element.tag).removeprefix(prefix)
            self.drawing.report(
                element,
                "form.unknown-extension",
                f"这里不能使用扩展元素 wangge:{word}。请检查拼写或删除。",
                f"the extension element wangge:{word} is not read here. Check its spelling or remove it.",
            )

    def _is_read(self, element: Element) -> bool:
        extensions = element.getparent()
        owner = extensions.getparent() if extensions is not None else None
        if owner is None or extensions is None or local(extensions) != "extensionElements":
            return False
        word = str(element.tag).rpartition("}")[2]
        return (word == "property" and local(owner) in FLOW_NODES) or (
            word == "parameter" and local(owner) in PARAMETERS
        )


def _expected(node: Node, tag: str) -> str:
    """Where the compiled node keeps a condition that the XML writes under this tag."""
    if tag == "condition":
        return node.trigger.ref
    return str(getattr(node.loop, _CONDITIONS[tag], ""))


def _inside_extensions(elements: list[Element]) -> set[Element]:
    """The elements inside of extension elements; parents come before children in `elements`."""
    inside = set[Element]()
    for element in elements:
        parent = element.getparent()
        if parent is not None and (parent in inside or local(parent) == "extensionElements"):
            inside.add(element)
    return inside


def _nodes(process: Process) -> Iterator[Node]:
    bodies = [process.body]
    while bodies:
        for node in bodies.pop().nodes.values():
            yield node
            if node.body is not None:
                bodies.append(node.body)


def _flows(process: Process) -> Iterator[tuple[str, Flow]]:
    yield from process.body.flows.items()
    for node in _nodes(process):
        if node.body is not None:
            yield from node.body.flows.items()
