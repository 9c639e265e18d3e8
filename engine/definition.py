"""What the machine runs: a process as plain frozen data, with nothing of the drawing left but its ids.

`bpmn.read` compiles XML to a `Definition`; publication stores it as canonical JSON under its hash; running
cases load only this. A definition is complete: called processes are linked in (a call activity is thereby
pinned to a version), timers keep their text, conditions and scripts their source. Where a word exists in
BPMN 2.0, it is used.
"""

import hashlib
from collections.abc import Iterator
from functools import cached_property
from typing import Literal

from engine.model import Value, encode_sorted

SEMANTICS = 1
"""Number of the meaning of `machine.advance`, the compiler and the expressions taken together."""

Kind = Literal[
    "start",
    "end",
    "throw",
    "catch",
    "boundary",
    "task",
    "user",
    "manual",
    "service",
    "script",
    "rule",
    "send",
    "receive",
    "exclusive",
    "parallel",
    "inclusive",
    "event_gateway",
    "subprocess",
    "event_subprocess",
    "call",
]
TASKS = frozenset({"task", "user", "manual", "service", "script", "rule", "send", "receive"})
ACTIVITIES = TASKS | {"subprocess", "call"}
GATEWAYS = frozenset({"exclusive", "parallel", "inclusive", "event_gateway"})
CHOOSING = frozenset({"exclusive", "inclusive"})

TriggerKind = Literal["none", "message", "timer", "signal", "error", "escalation", "conditional", "terminate", "link"]


class Timer(Value, frozen=True):
    """When a timer event falls due.

    `kind` is `date` (text: ISO 8601 instant), `duration` (ISO 8601 duration), `cycle` (ISO 8601 repetition
    `R3/PT10H`) or `limit` (the key of a limit of the pack, counted in law time).
    """

    kind: Literal["date", "duration", "cycle", "limit"]
    text: str


class Trigger(Value, frozen=True):
    """The event definition of an event. `ref` is the message or signal name, the error or escalation code
    (empty: catches all), the link name, or the source of the condition; `key` is the expression whose value a
    message's correlation key must equal (empty: any)."""

    kind: TriggerKind = "none"
    ref: str = ""
    key: str = ""
    timer: Timer | None = None


class Loop(Value, frozen=True):
    """How an activity repeats.

    `standard`: while `condition` holds (checked before the first round if `test_before`), at most `maximum`
    rounds. `parallel` and `sequential`: once per item of the list `collection` (each instance sees its item
    under the name `item`), or `cardinality` times, until `completion` holds. `output` names the list that
    gathers, in the order of the items, the value `output_item` of each instance, or all its facts if empty.
    """

    kind: Literal["standard", "parallel", "sequential"]
    cardinality: str = ""
    collection: str = ""
    item: str = ""
    output: str = ""
    output_item: str = ""
    completion: str = ""
    condition: str = ""
    test_before: bool = False
    maximum: int | None = None


class Flow(Value, frozen=True):
    """A sequence flow. `condition` is an expression; an empty one holds always."""

    id: str
    source: str
    target: str
    condition: str = ""
    name: str = ""


class Node(Value, frozen=True):
    """A flow node: event, activity or gateway.

    `incoming` and `outgoing` list flow ids in the order of the file; `default` is the default flow. A
    `boundary` names its `host` activity; a host lists its `boundaries`. A boundary event and the start event
    of an event sub-process are `interrupting` or not. `body` holds what a (event) sub-process contains; a
    call activity names the `called` process. `script` is the source of a script task, `decision` the key of
    a business rule task's table, `handler` and `parameters` (name -> expression) what a service task calls.
    `lane` is the lane's id. `properties` are the pack's words about a step (role, unit, form, limit, status,
    basis, …): the machine passes them on and never reads them.
    """

    id: str
    kind: Kind
    name: str = ""
    incoming: tuple[str, ...] = ()
    outgoing: tuple[str, ...] = ()
    default: str = ""
    trigger: Trigger = Trigger()
    host: str = ""
    boundaries: tuple[str, ...] = ()
    interrupting: bool = True
    loop: Loop | None = None
    body: "Body | None" = None
    called: str = ""
    script: str = ""
    decision: str = ""
    handler: str = ""
    parameters: dict[str, str] = {}
    lane: str = ""
    properties: dict[str, str] = {}


class Body(Value, frozen=True):
    """The nodes and flows of one level: a process or the inside of a sub-process, by id, in file order."""

    nodes: dict[str, Node]
    flows: dict[str, Flow]


class Variable(Value, frozen=True):
    """A data object: a variable the process declares. `type` is a word of `expressions.Type`, or empty."""

    name: str
    label: str = ""
    type: str = ""


class Lane(Value, frozen=True):
    """A lane: who does the steps in it. `role` is the pack's role key, where the lane names one."""

    id: str
    name: str = ""
    role: str = ""


class Process(Value, frozen=True):
    """One process of a file."""

    id: str
    body: Body
    name: str = ""
    variables: dict[str, Variable] = {}
    lanes: dict[str, Lane] = {}
    documentation: str = ""


class Definition(Value, frozen=True, dict=True):
    """A process with every process it calls, directly or not: all the machine needs to run a case."""

    root: str
    processes: dict[str, Process]
    semantics: int = SEMANTICS

    @property
    def process(self) -> Process:
        """The process that a case of this definition begins with."""
        return self.processes[self.root]

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON, in hexadecimal: the identity of this version."""
        return hashlib.sha256(encode_sorted(self)).hexdigest()

    @cached_property
    def levels(self) -> "dict[str, Level]":
        """Each body with what the machine looks up in it all the time, by key."""
        return {key: Level(key, body) for key, body in self.bodies()}

    @cached_property
    def conditional(self) -> bool:
        """Whether any event waits for a condition; if none does, nobody has to look after variables change."""
        return any(node.trigger.kind == "conditional" for _, node in self.nodes())

    def nodes(self) -> Iterator[tuple[str, Node]]:
        """Each node of each level with the key of its body (see `bodies`)."""
        for key, body in self.bodies():
            for node in body.nodes.values():
                yield key, node

    def bodies(self) -> Iterator[tuple[str, Body]]:
        """Each level with its key: the process id, then `/` and the sub-process id for each level down."""
        for process in self.processes.values():
            yield from _levels(process.id, process.body)


class Level:
    """A body with its lookups, made once per definition.

    `out` gives a node's outgoing flows, `choosing` names the nodes that have to choose among them, `starts` those
    a token begins at, `listeners` each event sub-process with its start event, `links` the catching link event per
    link name.
    """

    def __init__(self, key: str, body: Body) -> None:
        self.key = key
        self.nodes = body.nodes
        self.flows = body.flows
        self.out = {id: tuple(body.flows[f] for f in node.outgoing) for id, node in body.nodes.items()}
        self.choosing = frozenset(id for id, node in body.nodes.items() if _chooses(node, self.out[id]))
        self.starts = _starts(body)
        self.listeners = tuple(
            (node, start)
            for node in body.nodes.values()
            if node.kind == "event_subprocess" and node.body
            for start in node.body.nodes.values()
            if start.kind == "start"
        )
        self.links = {
            node.trigger.ref: id
            for id, node in body.nodes.items()
            if node.kind == "catch" and node.trigger.kind == "link"
        }
        self._upstream: dict[str, dict[str, frozenset[str]]] = {}

    def event(self, id: str) -> Node:
        """The event with this id: one of this level, or what starts one of its event sub-processes."""
        return self.nodes.get(id) or next(start for _, start in self.listeners if start.id == id)

    def upstream(self, join: str) -> dict[str, frozenset[str]]:
        """For each incoming flow of the join: the nodes from which a token can still reach that flow without
        passing the join itself. Boundary events and links count as ways onward."""
        if join not in self._upstream:
            before = self._before()
            self._upstream[join] = {
                flow: _reaching(self.flows[flow].source, before, join) for flow in self.nodes[join].incoming
            }
        return self._upstream[join]

    def _before(self) -> dict[str, list[str]]:
        before: dict[str, list[str]] = {id: [] for id in self.nodes}
        for flow in self.flows.values():
            before[flow.target].append(flow.source)
        for id, node in self.nodes.items():
            if node.kind == "boundary":
                before[id].append(node.host)
            if node.kind == "throw" and node.trigger.kind == "link" and node.trigger.ref in self.links:
                before[self.links[node.trigger.ref]].append(id)
        return before


def _chooses(node: Node, flows: tuple[Flow, ...]) -> bool:
    """Whether a token that leaves looks at conditions; a parallel gateway never does."""
    conditional = bool(node.default) or any(flow.condition for flow in flows)
    return node.kind != "parallel" and (conditional or (node.kind in CHOOSING and len(flows) > 1))


def _starts(body: Body) -> tuple[str, ...]:
    """The plain start event; without any start event, every node that nothing leads to (BPMN 2.0, 13.3.4)."""
    events = [node for node in body.nodes.values() if node.kind == "start"]
    if events:
        return tuple(node.id for node in events if node.trigger.kind == "none")[:1]
    return tuple(
        node.id
        for node in body.nodes.values()
        if not node.incoming
        and node.kind not in ("boundary", "event_subprocess")
        and not (node.kind == "catch" and node.trigger.kind == "link")
    )


def _reaching(goal: str, before: dict[str, list[str]], without: str) -> frozenset[str]:
    if goal == without:
        return frozenset()
    seen, todo = {goal}, [goal]
    while todo:
        for node in before[todo.pop()]:
            if node != without and node not in seen:
                seen.add(node)
                todo.append(node)
    return frozenset(seen)


def _levels(key: str, body: Body) -> Iterator[tuple[str, Body]]:
    yield key, body
    for node in body.nodes.values():
        if node.body is not None:
            yield from _levels(f"{key}/{node.id}", node.body)
