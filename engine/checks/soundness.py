"""Can a case get stuck? Plays every game that `machine.advance` can play on a diagram and looks at each marking.

The kernel is the one that runs cases; only its choices are made by us: each condition may turn out either way,
each open step may be answered, fail or be escalated, each timer may fire, each message, signal and condition
may come. Variables are not looked at, so a fault is one that some data leads to (the finding says whether its
path depends on a choice), and a diagram without findings is safe whatever the data are.

Before that the diagram is taken apart: reminders (a branch beside the main flow that never comes back to it)
and sub-processes that nothing outside depends on are explored on their own, once; `engine.reduction` makes
what is left small. Rules: soundness.deadlock, .livelock, .lack-of-synchronisation, .dead,
.improper-completion, .no-end, and .undecided when there are too many markings to visit.
"""

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, combinations, islice
from math import comb
from typing import Any, Literal, NamedTuple, TypeVar, cast, overload

from engine.checks.way import Drawing
from engine.definition import CHOOSING, Body, Definition, Flow, Loop, Node, Process, Trigger
from engine.errors import Finding, Level, Words
from engine.machine import WAITING, advance
from engine.model import (
    Became,
    Began,
    Completed,
    Effect,
    Escalated,
    Event,
    Facts,
    Failed,
    Fired,
    Messaged,
    Passed,
    Scope,
    Signalled,
    State,
    Token,
    replace,
)
from engine.reduction import Graph, Reduced, closure, deep, normal, reduce, ways

Verdict = Literal["sound", "unsound", "undecided"]

STATES = 20_000
RUNS_PER_STATE = 10
"""How many moves may be tried per marking that may be visited, on average."""
TOKENS_PER_RUN = 5
"""How many tokens a move may have to look at, on average: with hundreds of them at once it takes that much longer."""
SCOPES = 300
"""A marking with more scopes than this comes from a process that calls itself without end."""
SUBSETS = 10
"""Up to so many conditional flows, all their combinations are tried; beyond, few, many and all."""
SELECTIONS = 1_024
"""Of more combinations the first are tried."""


def check(definition: Definition, *, states: int = STATES) -> list[Finding]:
    """What can go wrong, each fault once with the shortest way to it; empty: nothing can.

    `states` bounds the markings visited per part of the diagram. A diagram with more is not called sound:
    the warning `soundness.undecided` says so.
    """
    return explore(definition, states=states).findings


def explore(definition: Definition, *, states: int = STATES, reduced: bool = True) -> "Result":
    """The verdict with its findings and, for each fault, the moves that lead to it.

    `reduced=False` visits every marking of the diagram as it is drawn: slow, and the same verdict.
    """
    return _Parts(definition, states, reduced).result()


def markings(definition: Definition, *, states: int = STATES) -> tuple[list[State], bool]:
    """A state for each marking that the diagram, as it is drawn, can come to; and whether these are all."""
    search = _Search(definition, states, reduced=False)
    return [visit.state for visit in search.states], search.complete


class Move(NamedTuple):
    """An event from outside and the choices made on the way to the next marking, by number."""

    event: Event
    decisions: tuple[int, ...]


class Fault(NamedTuple):
    """A finding that can be seen happen: play the `moves` on `definition` (a part of the diagram)."""

    rule: str
    element: str
    path: tuple[str, ...]
    data: bool
    definition: Definition
    moves: tuple[Move, ...]

    def replay(self) -> State:
        """The faulty marking."""
        state = State()
        for move in self.moves:
            state, _ = advance(self.definition, state, move.event, Choices(move.decisions))
        return state


class Result(NamedTuple):
    verdict: Verdict
    findings: list[Finding]
    faults: list[Fault]
    states: int


# -- the choices -------------------------------------------------------------------------------------------

T = TypeVar("T")


class Choices:
    """Answers the machine's questions by number: first those of a prefix, then always the first way.

    `taken` are the numbers answered, `widths` how many answers there were, `flows` which flows were chosen
    where. What is a `machine.Choice` for the machine is a path in a tree of games for us.
    """

    def __init__(self, prefix: Sequence[int] = ()) -> None:
        self.prefix = prefix
        self.taken: list[int] = []
        self.widths: list[int] = []
        self.flows: list[tuple[str, tuple[Flow, ...]]] = []

    def pick(self, options: Sequence[T]) -> T:
        if len(options) == 1:
            return options[0]
        position = len(self.taken)
        number = self.prefix[position] if position < len(self.prefix) else 0
        self.taken.append(number)
        self.widths.append(len(options))
        return options[number]

    def others(self) -> Iterator[tuple[int, ...]]:
        """The prefixes of the games not yet played that branch off this one behind its own prefix."""
        for position in range(len(self.prefix), len(self.taken)):
            for number in range(1, self.widths[position]):
                yield (*self.taken[:position], number)

    def one(self, names: Facts, node: Node, flows: tuple[Flow, ...]) -> Flow | None:
        flow = self.pick(ways(node, flows))
        self.flows.append((node.id, (flow,)))
        return flow

    def some(self, names: Facts, node: Node, flows: tuple[Flow, ...]) -> tuple[Flow, ...]:
        chosen = self.pick(_Selections(node, flows))
        self.flows.append((node.id, chosen))
        return chosen

    def holds(self, names: Facts, node: Node, condition: str) -> bool:
        if node.trigger.kind == "conditional":
            return False  # it becomes true by an event of its own, `Became`
        return self.pick((False, True))

    def items(self, names: Facts, node: Node, loop: Loop) -> list[Any] | int:
        return self.pick((1, 2))

    def assign(self, names: Facts, node: Node, script: str) -> Facts:
        return {}

    def value(self, names: Facts, node: Node, source: str) -> Any:
        return None


class _Selections(Sequence[tuple[Flow, ...]]):
    """The sets of flows that may be taken out of an inclusive gateway, or an activity with conditions. Each is made
    when it is asked for."""

    def __init__(self, node: Node, flows: tuple[Flow, ...]) -> None:
        self.flows = flows
        self.always = {flow.id for flow in flows if flow.id != node.default and not flow.condition}
        self.maybe = [flow.id for flow in flows if flow.id != node.default and flow.condition]
        self.default = () if self.always else tuple(flow for flow in flows if flow.id == node.default)
        many = len(self.maybe)
        sizes = range(many + 1) if many <= SUBSETS else (0, 1, many, many - 1, 2)
        self.sizes = [size for size in sizes if size or self.always]
        self.sets = min(SELECTIONS, sum(comb(many, size) for size in self.sizes))

    def __len__(self) -> int:
        return self.sets + bool(self.default)

    @overload
    def __getitem__(self, number: int) -> tuple[Flow, ...]: ...
    @overload
    def __getitem__(self, number: slice) -> Sequence[tuple[Flow, ...]]: ...
    def __getitem__(self, number: int | slice) -> Any:
        if isinstance(number, slice):
            return [self[one] for one in range(len(self))[number]]
        if number >= len(self):
            raise IndexError(number)
        if number >= self.sets:
            return self.default
        sets = chain.from_iterable(combinations(self.maybe, size) for size in self.sizes)
        taken = self.always.union(next(islice(sets, number, None)))
        return tuple(flow for flow in self.flows if flow.id in taken)


# -- taking the diagram apart ------------------------------------------------------------------------------


class _Parts:
    """A definition in parts that can be explored one by one: reminders apart, sound sub-processes closed."""

    def __init__(self, definition: Definition, states: int, reduced: bool) -> None:
        self.definition = definition
        self.states = states
        self.reduced = reduced
        self.catches = Counter(_caught(node for _, node in definition.nodes()))
        self.throws = Counter(_thrown(node for _, node in definition.nodes()))
        self.fallible = any(kind in ("error", "escalation") for kind, _ in self.catches)
        self.bodies: dict[str, Body] = {}
        self.closed_calls: dict[str, Node | None] = {}
        self.apart: list[tuple[str, Body]] = []
        self.visited = 0

    def result(self) -> Result:
        root = self.definition.process
        self.bodies[root.id] = root.body
        explored = [self.search(root.id, self.process_body(root))]
        while self.apart:
            id, body = self.apart.pop(0)
            explored.append(self.search(id, self.cut(body, body)))
        faults = [fault for search in explored for fault in search.faults]
        told = chain.from_iterable(search.findings(self.definition) for search in explored)
        findings = list({(one.rule, one.element): one for one in reversed(list(told))}.values())[::-1]
        levels = {finding.level for finding in findings}
        verdict: Verdict = "unsound" if "error" in levels else "undecided" if levels else "sound"
        return Result(verdict, findings, faults, self.visited)

    def search(self, id: str, body: Body) -> "_Search":
        part = Definition(id, {id: Process(id, body), **self.linked(body, id)})
        search = _Search(part, self.states, self.reduced)
        self.visited += len(search.states)
        return search

    def linked(self, body: Body, root: str) -> dict[str, Process]:
        """The processes that are still called from here, directly or not."""
        found: dict[str, Process] = {}
        pending = [node.called for node in deep(body.nodes.values()) if node.kind == "call"]
        while pending:
            id = pending.pop()
            if id not in found and id != root:
                found[id] = Process(id, self.process_body(self.definition.processes[id]))
                pending += [n.called for n in deep(found[id].body.nodes.values()) if n.kind == "call"]
        return found

    def process_body(self, process: Process) -> Body:
        self.bodies.setdefault(process.id, process.body)
        if self.bodies[process.id] is process.body:
            self.bodies[process.id] = self.simple(process.body)
        return self.bodies[process.id]

    def simple(self, body: Body) -> Body:
        nodes = {id: self.inner(node) for id, node in body.nodes.items()}
        return self.cut(Body(nodes, body.flows), body)

    def inner(self, node: Node) -> Node:
        """A node with its inside made simple, or closed to a step."""
        if node.loop is not None and node.loop.maximum is not None:
            node = replace(node, loop=replace(node.loop, maximum=min(node.loop.maximum, 2)))
        if node.kind == "call":
            return self.closed_call(node) or node
        if node.body is None:
            return node
        body = self.simple(node.body)
        if node.kind == "event_subprocess":
            return self.event_apart(node, body)
        return self.closed(node, body, node.body) or replace(node, body=body)

    # sub-processes

    def closed(self, node: Node, body: Body, drawn: Body) -> Node | None:
        """The step that a sub-process is from outside, if that is all it is: it is sound on its own, and
        nothing thrown inside is caught outside or the other way round."""
        inside = list(drawn.nodes.values())
        if not self.reduced or not self.independent(inside) or self.shields(inside):
            return None
        if not body.nodes:
            return replace(node, kind="script", body=None, loop=None)
        search = self.search(node.id, body)
        return self.as_step(node, search) if search.is_sound() else None

    def as_step(self, node: Node, search: "_Search") -> Node | None:
        kinds = {inner.kind for _, inner in search.part.nodes() if inner.id in search.covered}
        bare = not node.boundaries and not self.fallible
        if kinds & WAITING or (bare and kinds & {"catch", "event_gateway"}):
            return replace(node, kind="task", body=None, called="", loop=None, parameters={})
        return replace(node, kind="script", body=None, called="", loop=None, parameters={}) if bare else None

    def closed_call(self, node: Node) -> Node | None:
        """Each called process is explored once; one that calls itself is taken for a step inside itself."""
        if not self.reduced:
            return None
        id = node.called
        if id not in self.closed_calls:
            self.closed_calls[id] = Node(id, "task")
            drawn = self.definition.processes[id]
            called = Node(id, "call", called=id)
            self.closed_calls[id] = self.closed(called, self.process_body(drawn), drawn.body)
        step = self.closed_calls[id]
        if step is None or (step.kind == "script" and node.boundaries):
            return None
        return replace(node, kind=step.kind, called="", loop=None, parameters={})

    def independent(self, nodes: Iterable[Node]) -> bool:
        """Whether nothing thrown in these nodes is caught elsewhere, and no signal caught here elsewhere too
        (or thrown there): one signal may sweep away what else would hear it."""
        inside = list(self.with_called(nodes))
        caught_elsewhere = self.catches - Counter(_caught(deep(nodes)))
        thrown_elsewhere = self.throws - Counter(_thrown(deep(nodes)))
        signals = {one for one in _caught(inside) if one[0] == "signal"}
        return not (
            _meets(_thrown(inside), caught_elsewhere)
            or signals & set(caught_elsewhere)
            or signals & set(thrown_elsewhere)
        )

    def with_called(self, nodes: Iterable[Node]) -> Iterator[Node]:
        pending, seen = list(deep(nodes)), set[str]()
        while pending:
            node = pending.pop()
            yield node
            if node.kind == "call" and node.called not in seen:
                seen.add(node.called)
                pending.extend(deep(self.definition.processes[node.called].body.nodes.values()))

    def shields(self, nodes: Iterable[Node]) -> bool:
        """Whether errors or escalations are caught in these nodes that else would go on to a catcher outside:
        a step in their stead would let them out."""
        own = Counter(_caught(deep(nodes)))
        outside = {kind for kind, _ in self.catches - own}
        inside = {kind for kind, _ in _caught(self.with_called(nodes))}
        return bool(inside & outside - {"signal"})

    # reminders

    def event_apart(self, node: Node, body: Body) -> Node:
        """A non-interrupting event sub-process runs beside everything else: it is explored on its own."""
        start = next((one for one in body.nodes.values() if one.kind == "start"), None)
        drawn = cast(Body, node.body)
        if start is None or start.interrupting or not self.independent(drawn.nodes.values()):
            return replace(node, body=body)
        plain = {**body.nodes, start.id: replace(start, trigger=Trigger())}
        self.apart.append((node.id, Body(plain, body.flows)))
        return replace(node, body=Body({start.id: replace(start, outgoing=())}, {}))

    def cut(self, body: Body, drawn: Body) -> Body:
        """Cuts off what begins at a non-interrupting boundary event and never comes back to the main flow."""
        reminders = [n.id for n in body.nodes.values() if n.kind == "boundary" and not n.interrupting]
        if not reminders:
            return body
        main = closure(body, _first(body), without=reminders)
        graph, gone = Graph(body, {}), set[str]()
        for id in reminders:
            branch = closure(body, [id])
            if body.nodes[id].outgoing and self.never_returns(branch, main, body, drawn, id):
                self.apart.append((id, _branch(body, id, branch)))
                gone |= branch
                for flow in body.nodes[id].outgoing:
                    graph.drop_flow(flow)
        for id in gone - closure(graph.body(), _first(body)):
            graph.drop_node(id)
        return graph.body()

    def never_returns(self, branch: set[str], main: set[str], body: Body, drawn: Body, start: str) -> bool:
        nodes = [body.nodes[id] for id in branch]
        whole = all(
            body.flows[flow].source in branch
            for node in nodes
            if node.kind in ("parallel", "inclusive")
            for flow in node.incoming
        )
        ends = any(node.trigger.kind == "terminate" for node in nodes)
        own = [drawn.nodes[id] for id in branch if id != start and id in drawn.nodes]
        return whole and not ends and not branch & main and self.independent(own)


def _first(body: Body) -> list[str]:
    """Where tokens can begin in a level, and beside it."""
    return [
        node.id
        for node in body.nodes.values()
        if not node.incoming and node.kind != "boundary" and not (node.kind == "catch" and node.trigger.kind == "link")
    ]


def _branch(body: Body, start: str, branch: set[str]) -> Body:
    """The branch as a process of its own, which begins where the boundary event was."""
    graph = Graph(body, {})
    for id in [id for id in graph.nodes if id not in branch]:
        graph.drop_node(id)
    graph.set(start, kind="start", host="", trigger=Trigger(), interrupting=True)
    return graph.body()


def _caught(nodes: Iterable[Node]) -> Iterator[tuple[str, str]]:
    for node in nodes:
        if node.kind in ("boundary", "catch", "start") and node.trigger.kind in THROWN:
            yield node.trigger.kind, node.trigger.ref


def _thrown(nodes: Iterable[Node]) -> Iterator[tuple[str, str]]:
    for node in nodes:
        if node.kind in ("end", "throw") and node.trigger.kind in THROWN:
            yield node.trigger.kind, node.trigger.ref


def _meets(thrown: Iterable[tuple[str, str]], caught: Iterable[tuple[str, str]]) -> bool:
    exact = set(caught)
    return any((kind, ref) in exact or (kind, "") in exact for kind, ref in thrown)


THROWN = frozenset({"error", "escalation", "signal"})


# -- visiting every marking --------------------------------------------------------------------------------


class _Visit(NamedTuple):
    """A marking that was reached: how, from which, and what could be seen on the way."""

    state: State
    before: int
    move: Move
    passed: tuple[tuple[str, str], ...]
    flows: tuple[tuple[str, tuple[Flow, ...]], ...]
    data: bool


class _Search:
    """Breadth first over all markings of one part, so that the first way to a fault is the shortest."""

    def __init__(self, part: Definition, states: int, reduced: bool) -> None:
        self.part = part
        self.limit = states
        smaller: Reduced = normal(part)
        if reduced:
            smaller = reduce(smaller)
        self.definition, self.stands = smaller
        self.out = {id: level for level in self.definition.levels.values() for id in level.nodes}
        self.beside = _beside(self.definition)
        self.states: list[_Visit] = []
        self.numbers: dict[object, int] = {}
        self.after: list[list[int]] = []
        self.entered: set[str] = set()
        self.taken: set[str] = set()
        self.noted: set[tuple[str, str]] = set()
        self.ended: set[int] = set()
        self.cut: set[int] = set()
        self.stuck: set[int] = set()
        self.stops: set[tuple[str, str]] = set()
        self.runs = 0
        self.looked_at = 0
        self.complete = True
        self.faults: list[Fault] = []
        self.told: set[tuple[str, str]] = set()
        self.play()
        self.covered = self.seen()
        self.judge()

    # playing

    def play(self) -> None:
        for event in self.beginnings():
            self.games(State(), -1, event)
        number = 0
        while number < len(self.states):
            if self.is_enough():
                self.complete = False
                return
            self.visit(number)
            number += 1

    def is_enough(self) -> bool:
        runs = self.limit * RUNS_PER_STATE
        return len(self.states) > self.limit or self.runs > runs or self.looked_at > runs * TOKENS_PER_RUN

    def beginnings(self) -> Iterator[Event]:
        level = self.definition.levels[self.definition.root]
        starts = [node.id for node in level.nodes.values() if node.kind == "start"]
        if starts or level.starts:
            yield from map(Began, starts or [""])

    def visit(self, number: int) -> None:
        state = self.states[number].state
        if state.status == "ended":
            self.ended.add(number)
        elif twice := _marked_twice(self.definition, state):
            self.cut.add(number)
            self.blame("lack-of-synchronisation", twice, number)
        elif len(state.scopes) > SCOPES:
            self.complete = False
        else:
            for body, element in _left_behind(self.definition, state):
                self.stuck.add(number)
                if (body, element) not in self.stops:
                    self.stops.add((body, element))
                    self.blame(self.kind_of_stop(body, element, number), element, number)
            self.go_on(number, state)

    def go_on(self, number: int, state: State) -> None:
        for event in _possible(self.definition, state, self.beside):
            self.games(state, number, event)
        if number not in self.stuck and not self.after[number]:
            self.stuck.add(number)
            for token in state.tokens.values():
                self.blame("deadlock", token.node, number)

    def games(self, state: State, number: int, event: Event) -> None:
        """Every way the machine can go from here on this event."""
        pending: deque[tuple[int, ...]] = deque([()])
        while pending and not self.is_enough():
            choices = Choices(pending.popleft())
            after, effects = advance(self.definition, state, event, choices)
            self.runs += 1
            self.looked_at += len(after.tokens)
            pending.extend(choices.others())
            self.reach(number, event, choices, after, effects)

    def reach(self, before: int, event: Event, choices: Choices, state: State, effects: tuple[Effect, ...]) -> None:
        passed = tuple((one.node, one.what) for one in effects if isinstance(one, Passed))
        self.note(passed, choices)
        key = marking(state)
        number = self.numbers.setdefault(key, len(self.states))
        if before >= 0:
            self.after[before].append(number)
        if number == len(self.states):
            data = bool(choices.taken) or (before >= 0 and self.states[before].data)
            move = Move(event, tuple(choices.taken))
            self.states.append(_Visit(state, before, move, passed, tuple(choices.flows), data))
            self.after.append([])

    def note(self, passed: tuple[tuple[str, str], ...], choices: Choices) -> None:
        """What was entered and which flows were taken."""
        for one in passed:
            if one not in self.noted:
                self.noted.add(one)
                node, what = one
                self.entered.add(node)
                self.taken.update(flow.id for flow in self.sure_flows(node) if what in LEFT)
        for _, flows in choices.flows:
            self.taken.update(flow.id for flow in flows)

    def sure_flows(self, id: str) -> tuple[Flow, ...]:
        """The flows that are taken whenever the node is left."""
        level = self.out[id]
        node, flows = level.nodes[id], level.out[id]
        if node.kind == "event_gateway" or _chooses(node, flows):
            return ()
        return (*(level.flows[flow] for flow in node.incoming if self.comes_first(level.flows[flow])), *flows)

    def comes_first(self, flow: Flow) -> bool:
        """A flow behind an event-based gateway is taken when the event behind it happens."""
        return self.out[flow.source].nodes[flow.source].kind == "event_gateway"

    # judging

    def judge(self) -> None:
        if not self.complete or not self.states:
            return
        alive = self.can_reach(self.ended | self.cut | self.stuck)
        if not self.ended | self.cut | self.stuck:
            self.blame("no-end", self.definition.root, 0)
            return
        told: set[int] = set()
        for number in range(len(self.states)):
            if number not in alive and number not in told:
                told |= self.reachable(number)
                element = next(t.node for t in self.states[number].state.tokens.values())
                self.blame("livelock", element, number)

    def can_reach(self, goals: set[int]) -> set[int]:
        before: list[list[int]] = [[] for _ in self.states]
        for number, after in enumerate(self.after):
            for one in after:
                before[one].append(number)
        return _spread(goals, before)

    def reachable(self, number: int) -> set[int]:
        return _spread({number}, self.after)

    def kind_of_stop(self, body: str, element: str, number: int) -> str:
        """Deadlock, or where an end event of the same level was reached already, improper completion."""
        nodes = self.part.levels[body].nodes
        if element in nodes and nodes[element].kind == "end":
            return "deadlock"
        ended = any(id in nodes and nodes[id].kind == "end" for id in self.path(number)[0])
        return "improper-completion" if ended else "deadlock"

    def blame(self, kind: str, id: str, number: int) -> None:
        rule = f"soundness.{kind}"
        if (rule, id) in self.told:
            return
        self.told.add((rule, id))
        path, moves = self.path(number)
        element = next(iter(self.meaning(id)), path[-1] if path else self.part.root)
        self.faults.append(Fault(rule, element, path, self.states[number].data, self.definition, moves))

    def path(self, number: int) -> tuple[tuple[str, ...], tuple[Move, ...]]:
        visits: list[_Visit] = []
        while number >= 0:
            visits.append(self.states[number])
            number = self.states[number].before
        visits.reverse()
        elements = chain.from_iterable(self.piece(visit) for visit in visits)
        return tuple(_without_repetition(elements)), tuple(visit.move for visit in visits)

    def piece(self, visit: _Visit) -> Iterator[str]:
        """The elements of the drawing that were passed in one move."""
        chosen = list(visit.flows)
        for node, what in visit.passed:
            if what == "cancelled":
                continue
            yield from self.meaning(node)
            if what in LEFT:
                flows = next((flows for id, flows in chosen if id == node), self.sure_flows(node))
                chosen = [one for one in chosen if one != (node, flows)]
                for flow in flows:
                    yield from self.meaning(flow.id)

    def meaning(self, id: str) -> tuple[str, ...]:
        return self.stands.get(id, (id,))

    # what was seen

    def seen(self) -> set[str]:
        return {one for id in self.entered | self.taken for one in self.meaning(id)}

    def is_sound(self) -> bool:
        return self.complete and not self.faults and not self.dead()

    def dead(self) -> list[tuple[str, Node | Flow]]:
        """What was never entered; where not everything was visited, only what nothing leads to."""
        whole = self.complete and not self.cut
        seen = self.covered if whole else _leads_to(self.part, every_start=True)
        mine = _leads_to(self.part, every_start=False)
        found: list[tuple[str, Node | Flow]] = []
        silent: set[str] = set()
        for key, body in self.part.bodies():
            if key in silent:  # it says enough that what is around it is never entered
                silent |= {f"{key}/{id}" for id in body.nodes}
                continue
            own = key.split("/")[0] == self.part.root
            nodes = [n for n in body.nodes.values() if n.id not in seen and (own or n.id in mine)]
            unseen = {node.id for node in nodes}
            silent |= {f"{key}/{id}" for id in unseen}
            found += [(key, node) for node in nodes]
            found += [
                (key, flow)
                for flow in body.flows.values()
                if flow.id not in seen and not {flow.source, flow.target} & unseen and (own or flow.id in mine)
            ]
        return found

    def findings(self, whole: Definition) -> Iterator[Finding]:
        names, drawing = _names(whole), Drawing(whole)
        errors = {n.id for _, n in whole.nodes() if n.kind == "end" and n.trigger.kind == "error"}
        for fault in self.faults:
            words = UNCAUGHT if fault.element in errors else WORDS[fault.rule]
            yield _finding(fault.rule, fault.element, names, words, fault, drawing.way(fault.path))
        for _, element in self.dead():
            yield _finding("soundness.dead", element.id, names)
        if not self.complete:
            zh, en = (text.replace("{limit}", str(self.limit)) for text in WORDS["soundness.undecided"])
            yield _finding("soundness.undecided", self.part.root, names, words=Words(zh, en))


LEFT = frozenset({"completed", "caught", "fired"})


def _chooses(node: Node, flows: tuple[Flow, ...]) -> bool:
    """As the machine decides whether to ask."""
    if node.kind == "parallel":
        return False
    conditional = bool(node.default) or any(flow.condition for flow in flows)
    return conditional or (node.kind in CHOOSING and len(flows) > 1)


def _spread(begin: set[int], edges: list[list[int]]) -> set[int]:
    seen, pending = set(begin), list(begin)
    while pending:
        for one in edges[pending.pop()]:
            if one not in seen:
                seen.add(one)
                pending.append(one)
    return seen


def _without_repetition(elements: Iterable[str]) -> Iterator[str]:
    last = ""
    for element in elements:
        if element != last:
            yield element
        last = element


# -- markings ----------------------------------------------------------------------------------------------


def marking(state: State) -> object:
    """A state without its numbers and data: equal for states from which the same games can be played."""
    clocks: dict[int, list[str]] = {}
    for clock in state.clocks.values():
        clocks.setdefault(clock.owner, []).append(clock.node)
    tokens: dict[int, list[Token]] = {}
    for token in state.tokens.values():
        tokens.setdefault(token.scope, []).append(token)
    hosted: dict[int, list[Any]] = {}
    inner: dict[int, list[Any]] = {}
    key: Any = ()
    for id in sorted(state.scopes, reverse=True):  # what is inside has the greater number
        scope = state.scopes[id]
        marks = sorted(
            (t.node, t.mode, t.incident, tuple(sorted(clocks.get(t.id, ()))), tuple(hosted.get(t.id, ())))
            for t in tokens.get(id, ())
        )
        key = (
            scope.kind,
            scope.body,
            scope.node,
            scope.closed,
            tuple(sorted(scope.joins.items())),
            _rounds(scope),
            tuple(marks),
            tuple(sorted(clocks.get(id, ()))),
            tuple(sorted(inner.get(id, ()))),
        )
        if scope.host:
            hosted.setdefault(scope.host, []).append(key)
        else:
            inner.setdefault(scope.parent, []).append(key)
    return state.status, key


def _rounds(scope: Scope) -> tuple[int, ...]:
    """How far a repetition is, where it matters: a loop without maximum is the same in each round."""
    if scope.rounds is None or scope.rounds.total is None:
        return ()
    return scope.rounds.total, scope.rounds.begun, scope.rounds.done


def _marked_twice(definition: Definition, state: State) -> str:
    """A node where more than one token stands in one scope, or the join where more than one waits on a flow."""
    seen: set[tuple[int, str]] = set()
    for token in state.tokens.values():
        place = (token.scope, token.node)
        if place in seen:
            return token.node
        seen.add(place)
    for scope in state.scopes.values():
        for flow, count in scope.joins.items():
            if count > 1:
                return definition.levels[scope.body].flows[flow].target
    return ""


def _left_behind(definition: Definition, state: State) -> Iterator[tuple[str, str]]:
    """Level and node of each token that can never move on: it waits at a join or is stuck, and in its scope
    nothing else is under way that could come to it."""
    busy: set[int] = set()
    stuck: dict[int, list[str]] = {}
    for token in state.tokens.values():
        level = definition.levels[state.scopes[token.scope].body]
        hopeless = token.mode == "waiting" and level.nodes[token.node].kind == "event_gateway"
        if token.mode in ("waiting", "hosting") and not (hopeless and not level.out[token.node]):
            busy.add(token.scope)
        else:
            stuck.setdefault(token.scope, []).append(token.node)
    for scope in state.scopes.values():
        if scope.id not in busy:
            level = definition.levels[scope.body]
            joins = [level.flows[flow].target for flow in scope.joins]
            for node in dict.fromkeys([*joins, *stuck.get(scope.id, ())]):
                yield scope.body, node


# -- what can happen from outside --------------------------------------------------------------------------

Beside = Mapping[tuple[str, str], set[str]]


def _beside(definition: Definition) -> Beside:
    """For each non-interrupting boundary event, by level: the nodes only its branch comes to."""
    found: dict[tuple[str, str], set[str]] = {}
    for key, body in definition.bodies():
        marked = [n.id for n in body.nodes.values() if n.kind == "boundary" and not n.interrupting]
        main = closure(body, _first(body), without=marked) if marked else set[str]()
        for id in marked:
            found[key, id] = closure(body, [id]) - main
    return found


class _Listener(NamedTuple):
    owner: int
    scope: Scope
    node: Node
    busy: bool


def _possible(definition: Definition, state: State, beside: Beside) -> Iterator[Event]:
    """Every event that the world may send now, each once.

    A non-interrupting event is not sent again while its branch is still running: how often a reminder is sent
    is not what makes a diagram unsound.
    """
    for token in state.tokens.values():
        scope = state.scopes[token.scope]
        if token.mode == "waiting" and definition.levels[scope.body].nodes[token.node].kind in WAITING:
            yield Completed(token.id)
            yield from _failures(definition, state, token)
    listeners = list(_listeners(definition, state, beside))
    clocks = {(clock.owner, clock.node): clock.id for clock in state.clocks.values()}
    yield from map(Signalled, _signals(listeners))
    for listener in listeners:
        trigger = listener.node.trigger
        if listener.busy:
            continue
        if trigger.kind == "message" and listener.node.kind != "receive":
            yield Messaged(trigger.ref, step=listener.owner)
        elif trigger.kind == "timer" and (listener.owner, listener.node.id) in clocks:
            yield Fired(clocks[listener.owner, listener.node.id])
        elif trigger.kind == "conditional":
            yield Became(listener.owner, listener.node.id)
        elif listener.node.kind == "receive" and state.tokens[listener.owner].node != listener.node.id:
            yield Messaged(trigger.ref, step=listener.owner)


def _signals(listeners: Iterable[_Listener]) -> list[str]:
    signals = [one for one in listeners if one.node.trigger.kind == "signal"]
    busy = {one.node.trigger.ref for one in signals if one.busy}
    return [ref for ref in dict.fromkeys(one.node.trigger.ref for one in signals) if ref not in busy]


def _listeners(definition: Definition, state: State, beside: Beside) -> Iterator[_Listener]:
    for token in state.tokens.values():
        scope = state.scopes[token.scope]
        level = definition.levels[scope.body]
        node = level.nodes[token.node]
        if token.mode == "waiting" and node.kind == "catch":
            yield _Listener(token.id, scope, node, False)
        elif token.mode == "waiting" and node.kind == "event_gateway":
            for flow in level.out[node.id]:
                yield _Listener(token.id, scope, level.nodes[flow.target], False)
        if token.mode in ("waiting", "hosting") and not _in_round(scope, token):
            for id in node.boundaries:
                branch = beside.get((scope.body, id), set())
                busy = any(t.scope == scope.id and t.node in branch for t in state.tokens.values())
                yield _Listener(token.id, scope, level.nodes[id], busy)
    for scope in state.scopes.values():
        if not scope.closed and scope.kind in ("process", "body", "event"):
            for node, start in definition.levels[scope.body].listeners:
                alive = any(s.parent == scope.id and s.node == node.id for s in state.scopes.values())
                yield _Listener(scope.id, scope, start, alive and not start.interrupting)


def _in_round(scope: Scope, token: Token) -> bool:
    return scope.kind == "round" and scope.node == token.node


def _failures(definition: Definition, state: State, token: Token) -> Iterator[Event]:
    """The step fails or is escalated with each code that something around it catches."""
    found: dict[tuple[str, str], None] = {}
    for node in _around(definition, state, token):
        if node.trigger.kind in ("error", "escalation"):
            found[node.trigger.kind, node.trigger.ref] = None
    for kind, code in found:
        yield Failed(token.id, code) if kind == "error" else Escalated(token.id, code)


def _around(definition: Definition, state: State, token: Token) -> Iterator[Node]:
    """The events that catch what is thrown at a token, from the inside out."""
    here: Token | None = token
    while here is not None:
        scope = state.scopes[here.scope]
        level = definition.levels[scope.body]
        if not _in_round(scope, here):
            yield from (level.nodes[id] for id in level.nodes[here.node].boundaries)
        while True:
            if not scope.closed and scope.kind in ("process", "body", "event"):
                yield from (start for _, start in definition.levels[scope.body].listeners)
            if scope.host or not scope.parent:
                break
            scope = state.scopes[scope.parent]
        here = state.tokens.get(scope.host)


# -- words -------------------------------------------------------------------------------------------------


def _leads_to(definition: Definition, *, every_start: bool) -> set[str]:
    """Nodes that flows, boundary events and links lead to from where a token may begin, and their flows.
    Without `every_start`: only from where it begins when the process is called."""
    found: set[str] = set()
    for process in definition.processes.values():
        pending = [(process.id, process.body)]
        while pending:
            key, body = pending.pop()
            events = [n.id for n in body.nodes.values() if n.kind in ("start", "event_subprocess")]
            plain = [n for n in events if body.nodes[n].kind != "start"]
            starts = events if every_start else plain
            reached = closure(body, [*definition.levels[key].starts, *starts])
            if key.rsplit("/", 1)[-1] != key:
                reached |= closure(body, events)
            found |= reached
            for id in reached:
                node = body.nodes[id]
                flows = tuple(body.flows[flow] for flow in node.outgoing)
                found.update(flow.id for flow in (ways(node, flows) if node.kind == "exclusive" else flows))
                if node.body is not None:
                    pending.append((f"{key}/{id}", node.body))
    return found


def _names(definition: Definition) -> dict[str, str]:
    names = {id: process.name for id, process in definition.processes.items()}
    for _, body in definition.bodies():
        names |= {id: flow.name for id, flow in body.flows.items()}
        names |= {id: node.name for id, node in body.nodes.items()}
    return names


WORDS: Mapping[str, Words] = {
    "soundness.deadlock": Words(
        "事项会停在“{name}”，再也无法继续：它等待的来路不会再到齐。请检查前面的分支与汇合是否配对。",
        "A case can stop for ever at “{name}”: what it waits for can no longer come. "
        "Check that the branches before it are split and joined in the same way.",
    ),
    "soundness.improper-completion": Words(
        "有分支已经结束，但仍有一支停在“{name}”，事项永远不能办结。请让各分支先汇合，再结束。",
        "A branch has reached its end, but another is left at “{name}” for ever, so the case never ends. "
        "Let the branches join before the end.",
    ),
    "soundness.livelock": Words(
        "从“{name}”起会一直循环，再也到不了结束。请为循环画出离开的路。",
        "From “{name}” on the case runs in circles and can never reach an end. Draw a way out of the circle.",
    ),
    "soundness.lack-of-synchronisation": Words(
        "“{name}”可能同时执行两次：并行的分支没有先汇合。请在它之前用并行（或包容）网关汇合。",
        "“{name}” can be under way twice at the same time: parallel branches were not joined before it. "
        "Join them with a parallel (or inclusive) gateway.",
    ),
    "soundness.dead": Words(
        "“{name}”永远不会执行到。请连线、修改条件或删除。",
        "“{name}” can never be reached. Connect it, change the conditions, or remove it.",
    ),
    "soundness.no-end": Words(
        "流程“{name}”永远不会结束。请画出到达结束事件的路。",
        "The process “{name}” can never end. Draw a way to an end event.",
    ),
    "soundness.undecided": Words(
        "“{name}”的情形超过{limit}种，未能全部检查，不能断定它不会卡住。请把流程拆成子流程。",
        "“{name}” has more than {limit} situations; not all were checked, so it is not known whether a case "
        "can get stuck. Split it into sub-processes.",
    ),
}
UNCAUGHT = Words(
    "错误结束“{name}”抛出的错误无人捕获，事项会停在这里。请在外层画出捕获它的边界事件或事件子流程。",
    "The case stops at “{name}”, because nothing catches the error it throws. Draw a boundary event or an event "
    "sub-process around it that does.",
)
ON_DATA = Words("（是否发生取决于条件的结果。）", "(Whether it happens depends on conditions.)")
NOWHERE = Words("", "")
ON_NOTHING = Words("（无论条件结果如何都可能发生。）", "(It can happen whatever the conditions are.)")


def _finding(
    rule: str,
    element: str,
    names: Mapping[str, str],
    words: Words | None = None,
    fault: Fault | None = None,
    way: Words = NOWHERE,
) -> Finding:
    name = names.get(element, "")
    zh, en = (text.replace("{name}", name or element) for text in words or WORDS[rule])
    why = (ON_DATA if fault.data else ON_NOTHING) if fault and fault.path else NOWHERE
    text = " ".join(one for one in (f"{zh}{way.zh}{why.zh}", en, way.en, why.en) if one)
    level: Level = "warning" if rule == "soundness.undecided" else "error"
    return Finding(rule, level, element, text, name, path=fault.path if fault else ())
