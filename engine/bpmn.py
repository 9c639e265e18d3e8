"""Reads BPMN 2.0 XML: every process of a file as plain data, or a finding for whatever cannot be had.

The file is not read through another engine's parser, because those drop what they do not know without a word.
Here nothing drawn is dropped: a construct is compiled as BPMN 2.0 means it, or a finding names it;
`accounting` checks that on every file, independently of this module. A fault never stops the reading, so that
whoever drew the file hears everything at once. A refused construct is compiled as its nearest relative, only
to keep the rest of the drawing together: `Reading.definition` never lets such a process run.
"""

from collections.abc import Callable, Container, Iterator, Mapping
from typing import Any, NamedTuple

from engine import accounting, structure, xml
from engine.definition import (
    ACTIVITIES,
    Body,
    Definition,
    Flow,
    Kind,
    Lane,
    Loop,
    Node,
    Process,
    Trigger,
    Variable,
)
from engine.drawing import (
    FLOW_NODES,
    Drawing,
    children,
    is_true,
    local,
    name_of,
    ours,
    reference,
    text_of,
    unprefixed,
)
from engine.errors import Finding, Invalid
from engine.expressions import ExpressionError, compile_script
from engine.model import Value
from engine.triggers import Triggers
from engine.xml import Element

DEEPEST = 50
"""Levels of sub-processes inside each other; people get lost at three."""

CANNOT_RUN = frozenset(
    {
        "form.boundary-host",
        "form.called-missing",
        "form.duplicate-id",
        "form.event-gateway-target",
        "form.event-not-allowed",
        "form.event-subprocess-start",
        "form.flow-crosses-border",
        "form.link-two-catches",
        "form.link-without-catch",
        "form.link-without-name",
        "form.loop",
        "form.many-starts",
        "form.no-start",
        "form.refused-construct",
        "form.timer-unreadable",
        "form.too-deep",
        "form.two-event-definitions",
        "form.unaccounted",
        "form.undefined-reference",
        "form.unknown-element",
    }
)
"""Errors after which a compiled process is not what was drawn, or leads nowhere: it must not even be tried out.

After other errors (a condition that is missing or unreadable) its paths can still be explored.
"""

KINDS: Mapping[str, Kind] = {
    "startEvent": "start",
    "endEvent": "end",
    "intermediateThrowEvent": "throw",
    "intermediateCatchEvent": "catch",
    "boundaryEvent": "boundary",
    "task": "task",
    "userTask": "user",
    "manualTask": "manual",
    "serviceTask": "service",
    "scriptTask": "script",
    "businessRuleTask": "rule",
    "sendTask": "send",
    "receiveTask": "receive",
    "exclusiveGateway": "exclusive",
    "parallelGateway": "parallel",
    "inclusiveGateway": "inclusive",
    "eventBasedGateway": "event_gateway",
    "subProcess": "subprocess",
    "callActivity": "call",
}

STAND_INS: Mapping[str, Kind] = {
    "complexGateway": "inclusive",
    "transaction": "subprocess",
    "adHocSubProcess": "subprocess",
    "implicitThrowEvent": "throw",
    "choreographyTask": "task",
    "subChoreography": "task",
    "callChoreography": "task",
}
"""Refused flow nodes -> what keeps their place in the drawing."""

PROPERTIES = ("role", "unit", "form", "limit", "status", "basis", "result")
"""Attributes of our namespace that go into `Node.properties`."""

_TYPES: Mapping[str, str] = {
    "string": "string",
    "boolean": "boolean",
    "integer": "number",
    "int": "number",
    "long": "number",
    "decimal": "number",
    "double": "number",
    "float": "number",
    "number": "number",
    "date": "string",
    "dateTime": "string",
    "list": "list",
    "object": "object",
}
"""The structure of an item definition (a type of XML Schema) -> the kind of JSON value."""


class Reading(Value, frozen=True):
    """What a file holds.

    `processes` is everything that could be compiled, in the order of the file, also where findings forbid to
    run it; `findings` is everything that is wrong, by line. `executable` are the ids of the processes with
    which a case can begin, `calls` the ids of called processes that the file does not hold, `refused` those
    of processes that cannot be run, not even to try them out.
    """

    processes: dict[str, Process] = {}
    findings: tuple[Finding, ...] = ()
    executable: tuple[str, ...] = ()
    calls: frozenset[str] = frozenset()
    refused: frozenset[str] = frozenset()

    def definition(self, root: str | None = None, others: Mapping[str, Process] | None = None) -> Definition:
        """The process `root` with all it calls, from this file first, else from `others`.

        Without `root` it is the first executable process that no other process of the file calls. Raises
        `Invalid` when a process is missing, when calls lead back to their caller, or when one is `refused` (with
        all errors of this file).
        """
        root = self._root() if root is None else root
        linked = self._linked(root, others or {})
        recursive = [_recursion(call) for call in _recursive_calls(linked)]
        if recursive:
            raise _invalid(recursive)
        return Definition(root, linked)

    def _root(self) -> str:
        called = {node.called for process in self.processes.values() for node in _nodes(process.body)}
        candidates = [id for id in self.executable if id not in called] or list(self.executable)
        if not candidates:
            raise _invalid([Finding("form.nothing-executable", "error", "", " ".join(_NOTHING_EXECUTABLE))])
        return candidates[0]

    def _linked(self, root: str, others: Mapping[str, Process]) -> dict[str, Process]:
        faults, linked = list[Finding](), dict[str, Process]()
        pending = {root: Node(root, "call", called=root)}
        while pending:
            id, call = pending.popitem()
            process = self.processes.get(id) or others.get(id)
            if process is None:
                faults.append(_not_there(call))
            elif id in self.refused:
                faults += [finding for finding in self.findings if finding.level == "error"]
            else:
                linked[id] = process
                pending |= {node.called: node for node in _calls(process) if node.called not in linked}
        if faults:
            raise _invalid(list(dict.fromkeys(faults)))
        return {root: linked[root]} | dict(sorted(linked.items()))


def read(data: bytes, *, decisions: Container[str] | None = None) -> Reading:
    """Everything a BPMN file holds and everything that is wrong with it. Never raises on a bad file.

    With `decisions` (the keys of the decision tables there are) a business rule task that names another is a
    finding.
    """
    try:
        root = xml.parse(data)
    except Invalid as refused:
        return Reading(findings=tuple(refused.findings))
    drawing = Drawing(root)
    if local(root) != "definitions":
        _report_root(drawing)
        return Reading(findings=drawing.findings)
    return _Compiler(drawing, decisions).reading()


class _Level(NamedTuple):
    """One level while it is compiled: a process, or the inside of a sub-process `depth` levels down."""

    element: Element
    place: str
    depth: int
    lane: str
    flows: dict[str, Flow]
    incoming: dict[str, list[str]]
    outgoing: dict[str, list[str]]
    boundaries: dict[str, list[str]]


class _Compiler:
    """Compiles one drawing; what is wrong goes to `drawing.report`, never further."""

    def __init__(self, drawing: Drawing, decisions: Container[str] | None) -> None:
        self.drawing = drawing
        self.decisions = decisions
        self.triggers = Triggers(drawing)
        self.flows = self._all_flows()
        self.pool_names = self._pool_names()
        self.lane_of: dict[str, str] = {}
        self.specific: Mapping[Kind, Callable[[Element, _Level], dict[str, Any]]] = {
            "start": self._start,
            "end": self._event,
            "throw": self._event,
            "catch": self._event,
            "boundary": self._boundary,
            "service": self._service,
            "script": self._script,
            "rule": self._rule,
            "send": self._send,
            "receive": self._receive,
            "event_gateway": self._event_gateway,
            "subprocess": self._subprocess,
            "event_subprocess": self._subprocess,
            "call": self._call,
        }

    def reading(self) -> Reading:
        elements = {
            self.drawing.ids[element]: element
            for element in children(self.drawing.root, "process")
            if self.drawing.is_first(element)
        }
        processes = {id: self._process(id, element) for id, element in elements.items()}
        executable = tuple(
            id for id, process in processes.items() if process.body.nodes and _is_executable(elements[id])
        )
        self._check_calls(processes)
        if not executable:
            self.drawing.report(self.drawing.root, "form.nothing-executable", *_NOTHING_EXECUTABLE)
        for process in processes.values():
            structure.check(self.drawing, process)
        accounting.check(self.drawing, processes)
        called = {node.called for process in processes.values() for node in _calls(process)}
        return Reading(
            processes,
            self.drawing.findings,
            executable,
            frozenset(called - processes.keys()),
            self.drawing.processes_with(CANNOT_RUN) & processes.keys(),
        )

    # ---------------------------------------------------------------- processes

    def _process(self, id: str, element: Element) -> Process:
        inside = list(element.iter("*"))
        lanes = self._lanes([one for one in inside if local(one) == "lane"])
        return Process(
            id,
            self._body(element, "start", 0, ""),
            name_of(element) or self.pool_names.get(id, ""),
            self._variables(inside),
            lanes,
            "\n\n".join(filter(None, map(text_of, children(element, "documentation")))),
        )

    def _pool_names(self) -> dict[str, str]:
        """The name of the pool that each process is drawn in."""
        names = dict[str, str]()
        for collaboration in children(self.drawing.root, "collaboration"):
            for participant in children(collaboration, "participant"):
                if reference(participant, "processRef"):
                    process = self.drawing.referred(participant, participant, "processRef", "process")
                    if process is not None:
                        names.setdefault(self.drawing.ids[process], name_of(participant))
        return names

    def _lanes(self, elements: list[Element]) -> dict[str, Lane]:
        lanes = dict[str, Lane]()
        for element in elements:
            id = self.drawing.ids[element]
            lanes.setdefault(id, Lane(id, name_of(element), (element.get(ours("role")) or "").strip()))
            for child in children(element, "flowNodeRef"):
                self._put(text_of(child), element, id)
        return lanes

    def _put(self, reference: str, lane: Element, id: str) -> None:
        node = self.drawing.find(reference)
        if node is None:
            self.drawing.report(
                lane,
                "form.undefined-reference",
                f"列出的步骤“{reference}”不存在。请删除该引用或补上步骤。",
                f"it lists a step `{reference}` that does not exist. Remove the reference or draw the step.",
                "warning",
            )
            return
        before = self.lane_of.get(self.drawing.ids[node])
        around = {self.drawing.ids.get(one, "") for one in lane.iterancestors()}
        if before is not None and before != id and before not in around:
            self.drawing.report(
                node,
                "form.two-lanes",
                f"同时在泳道“{before}”和“{id}”中，按后者处理。请只放在一个泳道。",
                f"it lies in the lanes `{before}` and `{id}`; the latter counts. Keep it in one lane.",
                "warning",
            )
        self.lane_of[self.drawing.ids[node]] = id

    def _variables(self, inside: list[Element]) -> dict[str, Variable]:
        labels = dict[str, str]()
        for one in inside:
            if local(one) == "dataObjectReference" and reference(one, "dataObjectRef"):
                target = self.drawing.referred(one, one, "dataObjectRef", "dataObject", "warning")
                if target is not None:
                    labels.setdefault(self.drawing.ids[target], name_of(one))
        variables = dict[str, Variable]()
        for one in inside:
            if local(one) == "dataObject":
                name = self._variable_name(one)
                label = name_of(one) or labels.get(self.drawing.ids.get(one, ""), "")
                variables.setdefault(name, Variable(name, label, self._type(one)))
        return variables

    def _variable_name(self, element: Element) -> str:
        id, name = self.drawing.ids.get(element, ""), name_of(element)
        chosen = next((word for word in (id, name) if word.isidentifier()), "")
        if not chosen:
            self.drawing.report(
                element,
                "form.variable-name",
                "id 和名称都不能作为变量名，表达式无法使用它。请把 id 改为字母、数字和下划线。",
                "neither id nor name can be a variable's name, so no expression can use it. "
                "Write the id with letters, digits and underscores.",
                "advice",
            )
        return chosen or id or name

    def _type(self, element: Element) -> str:
        if is_true(element, "isCollection"):
            return "list"
        item = self.drawing.find(element.get("itemSubjectRef") or "", "itemDefinition")
        if item is None:
            return ""
        if is_true(item, "isCollection"):
            return "list"
        return _TYPES.get(unprefixed(item.get("structureRef") or ""), "")

    # ---------------------------------------------------------------- levels, flows

    def _body(self, element: Element, place: str, depth: int, lane: str) -> Body:
        nodes = [child for child in children(element) if local(child) in FLOW_NODES and self.drawing.is_first(child)]
        level = _Level(element, place, depth, lane, self.flows.get(element, {}), {}, {}, {})
        for flow in level.flows.values():
            level.outgoing.setdefault(flow.source, []).append(flow.id)
            level.incoming.setdefault(flow.target, []).append(flow.id)
        for node in nodes:
            host = self._host(node)
            if host is not None:
                level.boundaries.setdefault(self.drawing.ids[host], []).append(self.drawing.ids[node])
        return Body({self.drawing.ids[node]: self._node(node, level) for node in nodes}, level.flows)

    def _all_flows(self) -> dict[Element, dict[str, Flow]]:
        """The sequence flows of each level. Some tools write a flow elsewhere than beside its ends."""
        flows = dict[Element, dict[str, Flow]]()
        for element in self.drawing.all:
            if local(element) == "sequenceFlow" and self.drawing.is_first(element):
                self._add_flow(element, flows)
        return flows

    def _add_flow(self, element: Element, flows: dict[Element, dict[str, Flow]]) -> None:
        source = self._flow_end(element, "sourceRef")
        target = self._flow_end(element, "targetRef")
        if source is None or target is None:
            return
        level = source.getparent()
        if level is None or level is not target.getparent():
            self.drawing.report(
                element,
                "form.flow-crosses-border",
                "跨越了流程或子流程的边界。跨流程请用消息流，进出子流程请连到子流程本身。",
                "it crosses the border of a process or sub-process. Between processes use a message flow, "
                "into a sub-process connect to the sub-process itself.",
            )
            return
        ids = self.drawing.ids
        condition = self._condition(element)
        flow = Flow(ids[element], ids[source], ids[target], condition, name_of(element))
        flows.setdefault(level, {})[flow.id] = flow

    def _flow_end(self, element: Element, attribute: str) -> Element | None:
        zh, en = {"sourceRef": ("起点", "source"), "targetRef": ("终点", "target")}[attribute]
        written = reference(element, attribute)
        found = self.drawing.find(written, *FLOW_NODES)
        if found is None:
            self.drawing.report(
                element,
                "form.undefined-reference",
                f"{zh}“{written}”不是本文件中的步骤、事件或网关。请重新连接。",
                f"its {en} `{written}` is no step, event or gateway of this file. Connect it again.",
            )
        return found

    def _condition(self, element: Element) -> str:
        expression = next(children(element, "conditionExpression"), None)
        if expression is None:
            return ""
        source = text_of(expression)
        if not source:
            self.drawing.report(
                element,
                "form.condition-empty",
                "条件为空，按没有条件处理。请填写条件或删除它。",
                "its condition is empty and counts as none. Write the condition or remove it.",
                "warning",
            )
        return self.drawing.expression(element, source, "form.condition-unreadable")

    # ---------------------------------------------------------------- nodes

    def _node(self, element: Element, level: _Level) -> Node:
        kind = self._kind(element)
        id = self.drawing.ids[element]
        lane = self.lane_of.get(id, level.lane)
        self._refuse(element)
        fields: dict[str, Any] = {
            "id": id,
            "kind": kind,
            "name": name_of(element),
            "incoming": tuple(level.incoming.get(id, ())),
            "outgoing": tuple(level.outgoing.get(id, ())),
            "default": self._default(element, kind, level),
            "boundaries": tuple(level.boundaries.get(id, ())),
            "loop": self._loop(element, kind),
            "lane": lane,
            "handler": (element.get(ours("handler")) or "").strip(),
            "properties": self._properties(element),
        }
        if kind in self.specific:
            fields |= self.specific[kind](element, level._replace(lane=lane))
        return Node(**fields)

    def _kind(self, element: Element) -> Kind:
        tag = local(element)
        if tag in STAND_INS:
            self.drawing.refuse(element, *FLOW_NODES[tag])
            return STAND_INS[tag]
        if tag == "subProcess" and is_true(element, "triggeredByEvent"):
            return "event_subprocess"
        return KINDS[tag]

    def _refuse(self, element: Element) -> None:
        if is_true(element, "isForCompensation"):
            self.drawing.refuse(element, "补偿处理活动", "a compensation handler")
        for attribute in ("startQuantity", "completionQuantity"):
            if (element.get(attribute) or "1").strip() != "1":
                self.drawing.refuse(element, f"{attribute} 不为 1", f"{attribute} other than 1")

    def _default(self, element: Element, kind: Kind, level: _Level) -> str:
        written = reference(element, "default")
        if not written:
            return ""
        flow = self.drawing.find(written, "sequenceFlow")
        id = self.drawing.ids[flow] if flow is not None else ""
        if kind not in ACTIVITIES | {"exclusive", "inclusive"}:
            rule, zh, en = (
                "form.default-not-allowed",
                "这里不能有默认流",
                "a default flow has no meaning here",
            )
        elif id not in level.outgoing.get(self.drawing.ids[element], ()):
            rule, zh, en = (
                "form.default-not-outgoing",
                f"默认流“{written}”不是它的出线",
                f"its default flow `{written}` does not leave it",
            )
        else:
            return id
        self.drawing.report(element, rule, f"{zh}。请重新选择默认流。", f"{en}. Choose the default flow again.")
        return ""

    def _properties(self, element: Element) -> dict[str, str]:
        found = {name: " ".join((element.get(ours(name)) or "").split()) for name in PROPERTIES}
        properties = {name: value for name, value in found.items() if value}
        for name, value in self._named_values(element, "property"):
            if name in properties:
                self._named_twice(element, name)
            properties[name] = value
        self.drawing.expression(element, properties.get("unit", ""))
        return properties

    def _parameters(self, element: Element) -> dict[str, str]:
        parameters = dict[str, str]()
        for name, value in self._named_values(element, "parameter"):
            if name in parameters:
                self._named_twice(element, name)
            parameters[name] = self.drawing.expression(element, value)
        return parameters

    def _named_values(self, element: Element, tag: str) -> Iterator[tuple[str, str]]:
        for extensions in children(element, "extensionElements"):
            for extension in extensions.iterchildren(ours(tag)):
                name, value = (extension.get("name") or "").strip(), (extension.get("value") or "").strip()
                if name and (value or tag == "property"):
                    yield name, value
                else:
                    self.drawing.report(
                        extension,
                        "form.extension",
                        f"wangge:{tag} 缺少 name 或 value。请补全。",
                        f"a wangge:{tag} lacks its name or value. Complete it.",
                    )

    def _named_twice(self, element: Element, name: str) -> None:
        self.drawing.report(
            element,
            "form.extension",
            f"“{name}”给出了两次。请只保留一个。",
            f"`{name}` is given twice. Keep one of them.",
        )

    # ---------------------------------------------------------------- activities

    def _service(self, element: Element, _level: _Level) -> dict[str, Any]:
        if not (element.get(ours("handler")) or "").strip():
            self.drawing.report(
                element,
                "form.handler-missing",
                "没有指定处理程序（wangge:handler），运行到这里会停下。请选择处理程序。",
                "it names no handler (wangge:handler), so a case would stop here. Choose a handler.",
                "warning",
            )
        return {"parameters": self._parameters(element)}

    def _script(self, element: Element, _level: _Level) -> dict[str, Any]:
        source = text_of(next(children(element, "script"), None))
        if not source:
            self.drawing.report(
                element,
                "form.script-missing",
                "没有脚本。请写“名称 = 表达式”。",
                "it has no script. Write `name = expression`.",
            )
        try:
            compile_script(source)
        except ExpressionError as error:
            self.drawing.report(
                element,
                "form.script",
                f"脚本只能是“名称 = 表达式”的赋值。{error.words.zh}",
                f"a script can only hold assignments `name = expression`. {error.words.en}",
            )
        return {"script": source}

    def _rule(self, element: Element, _level: _Level) -> dict[str, Any]:
        decision = (element.get(ours("decision")) or "").strip()
        if not decision:
            self.drawing.report(
                element,
                "form.decision-missing",
                "没有指定决策表（wangge:decision）。请选择决策表。",
                "it names no decision table (wangge:decision). Choose one.",
            )
        elif self.decisions is not None and decision not in self.decisions:
            self.drawing.report(
                element,
                "form.undefined-decision",
                f"决策表“{decision}”不存在。请选择已有的决策表。",
                f"there is no decision table `{decision}`. Choose one that exists.",
            )
        return {"decision": decision, "parameters": self._parameters(element)}

    def _send(self, element: Element, level: _Level) -> dict[str, Any]:
        return self._receive(element, level) | {"parameters": self._parameters(element)}

    def _receive(self, element: Element, _level: _Level) -> dict[str, Any]:
        if is_true(element, "instantiate"):
            self.drawing.refuse(element, "启动流程的接收任务", "a receive task that starts a process")
        return {"trigger": self.triggers.message(element, element)}

    def _event_gateway(self, element: Element, _level: _Level) -> dict[str, Any]:
        if is_true(element, "instantiate"):
            self.drawing.refuse(element, "启动流程的事件网关", "an event-based gateway that starts a process")
        if (element.get("eventGatewayType") or "Exclusive").strip() != "Exclusive":
            self.drawing.refuse(element, "并行事件网关", "a parallel event-based gateway")
        return {}

    def _subprocess(self, element: Element, level: _Level) -> dict[str, Any]:
        depth = level.depth + 1
        if depth > DEEPEST:
            self.drawing.stand_ins.add(self.drawing.ids[element])
            self.drawing.report(
                element,
                "form.too-deep",
                f"子流程嵌套超过 {DEEPEST} 层。请用调用活动拆分。",
                f"sub-processes are nested deeper than {DEEPEST}. Split them with call activities.",
            )
            return {"body": Body({}, {})}
        event = is_true(element, "triggeredByEvent")
        return {"body": self._body(element, "event start" if event else "inner start", depth, level.lane)}

    def _call(self, element: Element, _level: _Level) -> dict[str, Any]:
        called = unprefixed(element.get("calledElement") or "")
        target = self.drawing.find(called)
        if not called or "{" in called:
            self.drawing.report(
                element,
                "form.called-missing",
                "没有写明调用哪个流程（calledElement 应为流程的 id）。请选择流程。",
                "it does not say which process it calls (calledElement is the id of a process). Choose one.",
            )
        elif target is not None and local(target) != "process":
            self.drawing.refuse(element, f"调用“{called}”，它不是流程", f"a call of `{called}`, which is no process,")
        return {"called": called}

    # ---------------------------------------------------------------- repetition

    def _loop(self, element: Element, kind: Kind) -> Loop | None:
        found = list(children(element, "standardLoopCharacteristics", "multiInstanceLoopCharacteristics"))
        if not found:
            return None
        if len(found) > 1 or kind not in ACTIVITIES:
            self._loop_fault(element, "这里的循环设置多余或不允许", "it repeats twice over, or cannot repeat at all")
        if kind not in ACTIVITIES:
            return None
        if local(found[0]) == "standardLoopCharacteristics":
            return self._standard_loop(element, found[0])
        return self._instances(element, found[0])

    def _standard_loop(self, element: Element, loop: Element) -> Loop:
        condition, written = (
            self._child(element, loop, "loopCondition"),
            (loop.get("loopMaximum") or "").strip(),
        )
        maximum = _positive(written)
        if written and maximum is None:
            self._loop_fault(element, f"循环上限“{written}”不是正整数", f"its maximum `{written}` is no number above 0")
        elif not written and not condition:
            self._loop_fault(element, "循环既没有条件也没有上限", "its loop has neither condition nor maximum")
        test_before = is_true(loop, "testBefore")
        return Loop("standard", condition=condition, test_before=test_before, maximum=maximum)

    def _instances(self, element: Element, loop: Element) -> Loop:
        behavior = (loop.get("behavior") or "All").strip()
        if behavior != "All" or next(children(loop, "complexBehaviorDefinition"), None) is not None:
            self.drawing.refuse(
                element,
                f"多实例行为 {behavior}",
                f"multi-instance behavior {behavior} with events of its own",
            )
        cardinality = self._child(element, loop, "loopCardinality")
        collection = self.drawing.expression(element, self._data(loop, "loopDataInputRef"))
        if not cardinality and not collection:
            self._loop_fault(
                element,
                "多实例没有说明次数（loopCardinality）或列表（loopDataInputRef）",
                "it does not say how many instances: neither loopCardinality nor loopDataInputRef",
            )
        if cardinality and collection:
            self._loop_fault(
                element, "多实例的次数和列表只能给一个", "its instances are given by a number and by a list"
            )
        return Loop(
            "sequential" if is_true(loop, "isSequential") else "parallel",
            cardinality=cardinality,
            collection=collection,
            item=self._item(element, loop, "inputDataItem"),
            output=self._data(loop, "loopDataOutputRef"),
            output_item=self._item(element, loop, "outputDataItem"),
            completion=self._child(element, loop, "completionCondition"),
        )

    def _child(self, element: Element, loop: Element, tag: str) -> str:
        return self.drawing.expression(element, text_of(next(children(loop, tag), None)))

    def _data(self, loop: Element, tag: str) -> str:
        """The variable a reference means: that of a data object of the file, else the one so named."""
        written = text_of(next(children(loop, tag), None))
        found = self.drawing.find(written, "dataObjectReference")
        if found is not None:
            written = reference(found, "dataObjectRef")
        found = self.drawing.find(written, "dataObject", "dataInput", "dataOutput", "property")
        if found is None:
            return unprefixed(written) if unprefixed(written).isidentifier() else written
        if local(found) == "dataObject":
            return self._variable_name(found)
        return next((word for word in (name_of(found), written) if word.isidentifier()), written)

    def _item(self, element: Element, loop: Element, tag: str) -> str:
        item = next(children(loop, tag), None)
        if item is None:
            return ""
        words = (name_of(item), self.drawing.ids.get(item, ""))
        chosen = next((word for word in words if word.isidentifier()), "")
        if not chosen:
            self._loop_fault(
                element, f"{tag} 的名称不能作为变量名", f"the name of its {tag} cannot be a variable's name"
            )
        return chosen

    def _loop_fault(self, element: Element, zh: str, en: str) -> None:
        self.drawing.report(element, "form.loop", f"{zh}。请修改循环设置。", f"{en}. Change how it repeats.")

    # ---------------------------------------------------------------- events

    def _start(self, element: Element, level: _Level) -> dict[str, Any]:
        interrupting = level.place != "event start" or is_true(element, "isInterrupting", True)
        trigger = self.triggers.of(element, level.place)
        return _triggered(trigger) | {"interrupting": self.triggers.interrupts(element, trigger, interrupting)}

    def _event(self, element: Element, _level: _Level) -> dict[str, Any]:
        return _triggered(self.triggers.of(element, self._place(element)))

    def _place(self, element: Element) -> str:
        return STAND_INS.get(local(element)) or KINDS[local(element)]

    def _boundary(self, element: Element, _level: _Level) -> dict[str, Any]:
        host = self._host(element)
        if host is None:
            written = reference(element, "attachedToRef")
            self.drawing.report(
                element,
                "form.boundary-host",
                f"没有附着在同一层的任务或子流程上（attachedToRef：“{written}”）。请拖到一个任务的边上。",
                f"it is attached to no activity of its level (attachedToRef: `{written}`). "
                "Drop it on the edge of an activity.",
            )
        trigger = self.triggers.of(element, "boundary")
        interrupting = self.triggers.interrupts(element, trigger, is_true(element, "cancelActivity", True))
        id = self.drawing.ids[host] if host is not None else ""
        return _triggered(trigger) | {"interrupting": interrupting, "host": id}

    def _host(self, element: Element) -> Element | None:
        if local(element) != "boundaryEvent":
            return None
        host = self.drawing.find(reference(element, "attachedToRef"), *FLOW_NODES)
        if host is None or host.getparent() is not element.getparent():
            return None
        kind = STAND_INS.get(local(host)) or KINDS[local(host)]
        return host if kind in ACTIVITIES and not is_true(host, "triggeredByEvent") else None

    # ---------------------------------------------------------------- calls

    def _check_calls(self, processes: dict[str, Process]) -> None:
        for call in _recursive_calls(processes):
            element = self.drawing.elements[call.id]
            self.drawing.report(element, "form.recursive-call", *_RECURSION)


_NOTHING_EXECUTABLE = (
    "文件中没有可以启动的流程。请至少画一个可执行（isExecutable）且有步骤的流程。",
    "no process of the file can be started. Draw at least one that is executable and holds a step.",
)
_RECURSION = (
    "调用最终又回到自身所在的流程，会无限循环。请去掉其中一个调用。",
    "this call leads back to the process it stands in and would never end. Remove one of the calls.",
)


def _report_root(drawing: Drawing) -> None:
    drawing.report(
        drawing.root,
        "form.wrong-root",
        f"根元素是“{drawing.root.tag}”，不是 BPMN 2.0 的 definitions。请上传流程图工具导出的 BPMN 2.0 文件。",
        f"the root element is `{drawing.root.tag}` and not definitions of BPMN 2.0. "
        "Upload a BPMN 2.0 file as a diagram tool exports it.",
    )


def _positive(written: str) -> int | None:
    """The whole number above 0 that a text is, if it is one."""
    return int(written) if written.isascii() and written.isdigit() and 0 < len(written.lstrip("0")) < 10 else None


def _triggered(trigger: Trigger) -> dict[str, Any]:
    """The field of a node; a trigger of nothing stays the default, so that equal nodes are equal as bytes."""
    return {} if trigger == Trigger() else {"trigger": trigger}


def _is_executable(element: Element) -> bool:
    return is_true(element, "isExecutable", True)


def _nodes(body: Body) -> Iterator[Node]:
    """Each node of a body and of the bodies inside."""
    bodies = [body]
    while bodies:
        for node in bodies.pop().nodes.values():
            yield node
            if node.body is not None:
                bodies.append(node.body)


def _calls(process: Process) -> Iterator[Node]:
    return (node for node in _nodes(process.body) if node.called)


def _recursive_calls(processes: Mapping[str, Process]) -> list[Node]:
    """The call activities between processes that call each other in a circle.

    Processes that call none of the others left, or are called by none, are taken away until only circles and
    what lies between circles remain.
    """
    calls = {id: {node.called for node in _calls(one)} & processes.keys() for id, one in processes.items()}
    left = _without_leaves(calls)
    callers = {id: {one for one in left if id in calls[one]} for id in left} if left else {}
    left = _without_leaves(callers)
    return [node for id, one in processes.items() if id in left for node in _calls(one) if node.called in left]


def _without_leaves(edges: Mapping[str, set[str]]) -> set[str]:
    backward = dict[str, list[str]]()
    for source, targets in edges.items():
        for target in targets:
            backward.setdefault(target, []).append(source)
    count = {source: len(targets) for source, targets in edges.items()}
    leaves = [source for source, number in count.items() if not number]
    left = set(edges)
    while leaves:
        leaf = leaves.pop()
        left.discard(leaf)
        for source in backward.get(leaf, ()):
            count[source] -= 1
            if not count[source]:
                leaves.append(source)
    return left


def _invalid(findings: list[Finding]) -> Invalid:
    where = "、".join(dict.fromkeys(finding.element for finding in findings if finding.element))
    return Invalid(
        findings[0].rule,
        f"流程不能组成可运行的定义（{where or '整个文件'}），共 {len(findings)} 个问题。请逐一修改。",
        f"No definition that runs can be made of it ({where or 'the whole file'}): {len(findings)} fault(s). "
        "Mend each of them.",
        findings,
    )


def _recursion(call: Node) -> Finding:
    return Finding("form.recursive-call", "error", call.id, f"调用活动 {call.id}：{' '.join(_RECURSION)}", call.name)


def _not_there(call: Node) -> Finding:
    return Finding(
        "form.called-missing",
        "error",
        call.id,
        f"被调用的流程“{call.called}”不存在。请先发布它或修改调用。 "
        f"There is no process `{call.called}`. Publish it first, or change the call.",
        call.name,
    )
