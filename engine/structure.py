"""Judges the shape of a compiled process: what BPMN 2.0 forbids to draw, and what could never run.

These are the rules that need no exploration: they look at one node and its flows, or walk along the flows
once. Whether the whole can get stuck is another question, answered elsewhere.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from engine.definition import ACTIVITIES, Body, Flow, Node, Process
from engine.drawing import Drawing
from engine.errors import Level

CONDITIONED = ACTIVITIES | {"exclusive", "inclusive"}
"""Flows out of these may carry a condition."""

AWAITED = frozenset({"message", "timer", "signal", "conditional"})
"""What an event-based gateway can wait for."""

WITHOUT_INCOMING = frozenset({"boundary", "event_subprocess"})
"""What begins by itself and not because a flow leads to it."""


class _Site(NamedTuple):
    """One level under judgement."""

    drawing: Drawing
    body: Body

    def report(self, id: str, rule: str, zh: str, en: str, level: Level = "error") -> None:
        self.drawing.report(self.drawing.elements[id], rule, zh, en, level)

    def flows(self, ids: Iterable[str]) -> list[Flow]:
        return [self.body.flows[id] for id in ids]


def check(drawing: Drawing, process: Process) -> None:
    """Reports every fault in the shape of a process and of what lies inside."""
    _check_starts(_Site(drawing, process.body), process.id)
    pending = [process.body]
    while pending:
        site = _Site(drawing, pending.pop())
        _check_level(site)
        for node in site.body.nodes.values():
            if node.body is not None:
                _check_inside(site, _Site(drawing, node.body), node)
                pending.append(node.body)


def _check_level(site: _Site) -> None:
    for node in site.body.nodes.values():
        _check_node(site, node)
    for flow in site.body.flows.values():
        _check_flow(site, flow)
    _check_links(site)
    _check_reach(site)


# ---------------------------------------------------------------- beginnings


def _check_starts(site: _Site, owner: str) -> None:
    if site.body.nodes and not _beginnings(site.body):
        site.report(
            owner,
            "form.no-start",
            "没有可以开始的地方。请画一个开始事件。",
            "it has nowhere to begin. Draw a start event.",
        )
    plain = [node for node in site.body.nodes.values() if node.kind == "start" and node.trigger.kind == "none"]
    for node in plain[1:]:
        site.report(
            node.id,
            "form.many-starts",
            f"已有开始事件 {plain[0].id}，不带事件的开始只能有一个。请合并。",
            f"there is already the start event {plain[0].id}; one without an event is allowed. Join them.",
        )
    if not site.body.nodes:
        site.report(
            owner,
            "form.empty",
            "里面没有任何步骤。请画出步骤或删除它。",
            "there is no step in it. Draw its steps or remove it.",
            "advice",
        )


def _check_inside(outer: _Site, inner: _Site, node: Node) -> None:
    starts = [one for one in inner.body.nodes.values() if one.kind == "start"]
    if node.kind == "event_subprocess":
        if len(starts) != 1:
            outer.report(
                node.id,
                "form.event-subprocess-start",
                f"事件子流程应恰好有一个带事件的开始，现有 {len(starts)} 个。",
                f"an event sub-process begins with exactly one start event; this one has {len(starts)}.",
            )
    elif node.id in outer.drawing.stand_ins and not inner.body.nodes:
        return
    elif not _beginnings(inner.body):
        outer.report(
            node.id,
            "form.no-start",
            "子流程没有可以开始的地方。请画一个开始事件。",
            "the sub-process has nowhere to begin. Draw a start event in it.",
        )
    elif len(starts) > 1:
        outer.report(
            node.id,
            "form.many-starts",
            f"子流程有 {len(starts)} 个开始事件，只能有一个。",
            f"the sub-process has {len(starts)} start events, one is allowed.",
        )


def _beginnings(body: Body) -> list[Node]:
    """The start events, or where there is none the nodes to which no flow leads (BPMN 2.0, 13.2.1)."""
    starts = [node for node in body.nodes.values() if node.kind == "start"]
    return starts or [node for node in body.nodes.values() if not node.incoming and not _begins_by_itself(node)]


def _begins_by_itself(node: Node) -> bool:
    return node.kind in WITHOUT_INCOMING or _is_link(node, "catch")


def _begins_alone(node: Node) -> bool:
    """Whether nothing needs to be reached before it; a boundary event without a host is a fault of its own."""
    return node.kind == "event_subprocess" or (node.kind == "boundary" and not node.host)


def _is_link(node: Node, kind: str) -> bool:
    return node.kind == kind and node.trigger.kind == "link"


# ---------------------------------------------------------------- one node


def _check_node(site: _Site, node: Node) -> None:
    for rule, broken, zh, en in _edges(node):
        if broken and node.id not in site.drawing.stand_ins:
            site.report(node.id, rule, zh, en)
    if node.kind in ("user", "manual") and not node.name:
        site.report(
            node.id,
            "form.without-name",
            "没有名称，办理人看不出要做什么。请填写名称。",
            "it has no name, so nobody can tell what to do. Give it one.",
            "advice",
        )
    if node.kind == "exclusive":
        _check_choice(site, node)
    if node.kind == "event_gateway":
        _check_event_gateway(site, node)


def _edges(node: Node) -> Iterator[tuple[str, bool, str, str]]:
    """The rules about flows that must or must not be: (rule, broken, words)."""
    incoming, outgoing = bool(node.incoming), bool(node.outgoing)
    remove_zh, remove_en = "请删除这些线。", "Remove these flows."
    if node.kind == "start":
        zh, en = f"开始事件不能有进入的线。{remove_zh}", f"no flow may lead into a start event. {remove_en}"
        yield "form.start-incoming", incoming, zh, en
    if node.kind == "end":
        zh, en = f"结束事件不能有离开的线。{remove_zh}", f"no flow may leave an end event. {remove_en}"
        yield "form.end-outgoing", outgoing, zh, en
    if node.kind == "boundary":
        zh, en = (
            f"边界事件不能有进入的线。{remove_zh}",
            f"no flow may lead into a boundary event. {remove_en}",
        )
        yield "form.boundary-incoming", incoming, zh, en
        zh, en = (
            "边界事件之后没有步骤。请连接下一步。",
            "nothing follows the boundary event. Connect the next step.",
        )
        yield "form.boundary-outgoing", not outgoing, zh, en
    if node.kind == "event_subprocess":
        zh, en = f"事件子流程不能连线。{remove_zh}", f"an event sub-process has no flows. {remove_en}"
        yield "form.event-subprocess-flow", incoming or outgoing, zh, en
    if _is_link(node, "catch"):
        zh, en = (
            f"链接捕获事件不能有进入的线。{remove_zh}",
            f"no flow may lead into a link catch event. {remove_en}",
        )
        yield "form.link-incoming", incoming, zh, en
    if _is_link(node, "throw"):
        zh, en = (
            f"链接抛出事件不能有离开的线。{remove_zh}",
            f"no flow may leave a link throw event. {remove_en}",
        )
        yield "form.link-outgoing", outgoing, zh, en


def _check_choice(site: _Site, node: Node) -> None:
    if len(node.outgoing) < 2:
        return
    for flow in site.flows(node.outgoing):
        if not flow.condition and flow.id != node.default:
            site.report(
                flow.id,
                "form.condition-missing",
                f"从排他网关（{node.id}）出来的这条线既没有条件，也不是默认流。请填写条件或设为默认流。",
                f"this way out of an exclusive gateway ({node.id}) has no condition and is not its default. "
                "Write a condition or make it the default flow.",
            )


def _check_event_gateway(site: _Site, node: Node) -> None:
    if len(node.outgoing) < 2:
        site.report(
            node.id,
            "form.event-gateway-single",
            "事件网关应有至少两条出线，否则不必使用。",
            "an event-based gateway needs two ways out, else it is not needed.",
            "warning",
        )
    for target in dict.fromkeys(flow.target for flow in site.flows(node.outgoing)):
        _check_awaited(site, node, site.body.nodes[target])


def _check_awaited(site: _Site, gateway: Node, target: Node) -> None:
    catches = target.kind == "catch" and target.trigger.kind in AWAITED
    if not catches and target.kind != "receive":
        site.report(
            target.id,
            "form.event-gateway-target",
            f"事件网关（{gateway.id}）之后只能是消息、定时、信号、条件捕获事件或接收任务。",
            f"an event-based gateway ({gateway.id}) can only be followed by message, timer, signal or "
            "conditional catch events and receive tasks.",
        )
    if len(target.incoming) > 1:
        site.report(
            target.id,
            "form.event-gateway-shared",
            f"它等候事件网关（{gateway.id}），不能再有其他进入的线。",
            f"it waits at an event-based gateway ({gateway.id}), so no other flow may lead to it.",
        )


# ---------------------------------------------------------------- flows and links


def _check_flow(site: _Site, flow: Flow) -> None:
    source = site.body.nodes[flow.source]
    if not flow.condition:
        return
    if source.kind not in CONDITIONED:
        site.report(
            flow.id,
            "form.condition-not-allowed",
            f"从 {source.id} 出来的线不能有条件，条件不会被判断。请改用排他或包容网关。",
            f"a flow out of {source.id} cannot have a condition; it would not be asked. "
            "Use an exclusive or inclusive gateway.",
        )
    if flow.id == source.default:
        site.report(
            flow.id,
            "form.default-condition",
            "默认流上的条件不会被判断。请删除条件。",
            "the condition on a default flow is never asked. Remove it.",
            "warning",
        )


def _check_links(site: _Site) -> None:
    throws, catches = _links(site.body, "throw"), _links(site.body, "catch")
    for name, nodes in throws.items():
        if name not in catches:
            for node in nodes:
                site.report(
                    node.id,
                    "form.link-without-catch",
                    f"同一层没有名为“{name}”的链接捕获事件。请补上或改名。",
                    f"no link catch event of its level is called `{name}`. Draw one or change the name.",
                )
    for name, nodes in catches.items():
        for node in nodes[1:]:
            site.report(
                node.id,
                "form.link-two-catches",
                f"链接“{name}”已有捕获事件 {nodes[0].id}，只能有一个。",
                f"the link `{name}` already has the catch event {nodes[0].id}; one is allowed.",
            )


def _links(body: Body, kind: str) -> dict[str, list[Node]]:
    named = dict[str, list[Node]]()
    for node in body.nodes.values():
        if _is_link(node, kind) and node.trigger.ref:
            named.setdefault(node.trigger.ref, []).append(node)
    return named


def _check_reach(site: _Site) -> None:
    beginnings = _beginnings(site.body)
    if not beginnings:
        return
    reached = _reached(site.body, [node.id for node in beginnings])
    for node in site.body.nodes.values():
        if node.id not in reached and node.id not in site.drawing.stand_ins:
            site.report(
                node.id,
                "form.unreachable",
                "从开始事件无法到达这里，它永远不会执行。请连线或删除。",
                "nothing leads here from a start event, so it would never run. Connect or remove it.",
            )


def _reached(body: Body, pending: list[str]) -> set[str]:
    catches = _links(body, "catch")
    pending += [node.id for node in body.nodes.values() if _begins_alone(node)]
    reached = set[str]()
    while pending:
        node = body.nodes[pending.pop()]
        if node.id in reached:
            continue
        reached.add(node.id)
        pending += [body.flows[id].target for id in node.outgoing]
        pending += node.boundaries
        if _is_link(node, "throw"):
            pending += [catch.id for catch in catches.get(node.trigger.ref, ())]
    return reached
