"""Random diagrams and random plays of them.

`blocks` draws block-structured diagrams in the short notation (every split meets its own join, so they must
always end), `tangles` draws definitions with any edges, most of them faulty. A `Play` answers what waits in a
random order; it knows the kernel only from outside, so it is a second opinion on what exploration says.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from engine.checks.soundness import Choices
from engine.definition import Body, Definition, Flow, Kind, Loop, Node, Process, Timer, Trigger
from engine.errors import Refused
from engine.machine import advance
from engine.model import (
    Began,
    Completed,
    Effect,
    Event,
    Failed,
    Fired,
    Messaged,
    Signalled,
    State,
    Token,
)
from tests.diagrams import define

T = TypeVar("T")

# -- block-structured diagrams ---------------------------------------------------------------------------


class _Writer:
    """Writes one level: nodes and flows, with the parts drawn one after the other."""

    def __init__(self, draw: DrawFn, kinds: Sequence[str], size: int) -> None:
        self.draw = draw
        self.kinds = kinds
        self.left = size
        self.count = 0
        self.lines: list[str] = []

    def name(self, prefix: str) -> str:
        self.count += 1
        return f"{prefix}{self.count}"

    def choose(self, options: Sequence[Any]) -> Any:
        return self.draw(st.sampled_from(options))

    def node(self, kind: str, options: str = "") -> str:
        id = self.name(kind[:2])
        self.lines.append(f"{kind} {id} {options}".strip())
        return id

    def flow(self, source: str, target: str, condition: str = "") -> None:
        arrow = "=>" if condition == "default" else "->"
        self.lines.append(f"{source} {arrow} {target}" + (f" [{condition}]" if arrow == "->" and condition else ""))

    def block(self) -> tuple[str, str]:
        """The first and the last node of something that can stand where a task can."""
        self.left -= 1
        kind = self.choose(self.kinds) if self.left > 0 else "user"
        build: Callable[[], tuple[str, str]] = getattr(self, kind)
        return build()

    def user(self) -> tuple[str, str]:
        id = self.node("user")
        return id, id

    def script(self) -> tuple[str, str]:
        id = self.node("script", 'script="y = 1"')
        return id, id

    def catch(self) -> tuple[str, str]:
        id = self.node("catch", self.choose(["message=m", "timer=PT1H", "signal=g"]))
        return id, id

    def many(self) -> tuple[str, str]:
        id = self.node("user", self.choose(["cardinality=2", "collection=items item=it sequential"]))
        return id, id

    def sequence(self) -> tuple[str, str]:
        first, last = self.block()
        for _ in range(self.draw(st.integers(1, 2))):
            begin, end = self.block()
            self.flow(last, begin)
            last = end
        return first, last

    def exclusive(self) -> tuple[str, str]:
        return self.split("exclusive", [f"x == {n}" for n in range(1, 3)] + ["default"])

    def parallel(self) -> tuple[str, str]:
        return self.split("parallel", ["", "", ""])

    def inclusive(self) -> tuple[str, str]:
        return self.split("inclusive", ["x > 0", "x > 1", "default"])

    def split(self, kind: str, conditions: list[str]) -> tuple[str, str]:
        fork, join = self.node(kind), self.node(kind)
        for condition in conditions[-self.draw(st.integers(2, 3)) :]:
            if kind != "parallel" and self.draw(st.integers(0, 3)) == 0:
                self.flow(fork, join, condition)
            else:
                begin, end = self.block()
                self.flow(fork, begin, condition)
                self.flow(end, join)
        return fork, join

    def loop(self) -> tuple[str, str]:
        merge, again = self.node("exclusive"), self.node("exclusive")
        begin, end = self.block()
        answer = self.node("user")  # a circle needs an answer that may lead out of it
        self.flow(merge, begin)
        self.flow(end, answer)
        self.flow(answer, again)
        self.flow(again, merge, "x > 2")
        if self.draw(st.booleans()):
            return merge, again_out(self, again)
        back = self.node("user")
        self.flow(again, back, "x == 2")
        self.flow(back, merge)
        return merge, again_out(self, again)

    def sub(self) -> tuple[str, str]:
        return self.enclosed(self.choose(["", "", "cardinality=2"]))

    def enclosed(self, options: str, *, waits: bool = False) -> tuple[str, str]:
        id = self.name("sub")
        self.lines.append(f"sub {id} {options}".strip() + " {")
        self.level(waits=waits)
        self.lines.append("}")
        return id, id

    def bounded(self) -> tuple[str, str]:
        """An activity with an interrupting boundary event whose way meets the normal one again."""
        host, last = self.enclosed("", waits=True) if self.draw(st.booleans()) else self.user()
        merge = self.node("exclusive")
        # a name of its own: what an outer event of the same name catches first never reaches the inner one
        own = self.name("own")
        kind = self.choose(["timer=PT1H", f"message={own}", f"error={own}", f"signal={own}"])
        event = self.node("boundary", f"on={host} {kind}")
        self.flow(last, merge)
        begin, end = self.block()
        self.flow(event, begin)
        self.flow(end, merge)
        return host, merge

    def reminded(self) -> tuple[str, str]:
        """An activity with a non-interrupting boundary event whose branch ends by itself."""
        host, last = self.enclosed("", waits=True) if self.draw(st.booleans()) else self.user()
        event = self.node("boundary", f"on={host} interrupting=no " + self.choose(["timer=R/PT1H", "message=m"]))
        begin, end = self.block()
        self.flow(event, begin)
        self.flow(end, self.node("end"))
        return host, last

    def level(self, *, waits: bool = False) -> None:
        """`waits`: it begins with a step, else nothing may ever be open when an event around it could happen."""
        begin, end = self.block()
        start = self.node("start")
        events = "bounded" in self.kinds and self.draw(st.integers(0, 3)) == 0
        if waits or events:
            wait = self.node("user")
            self.flow(start, wait)
            start = wait
        if events:
            self.event_subprocess()
        self.flow(start, begin)
        self.flow(end, self.node("end"))

    def event_subprocess(self) -> None:
        id = self.name("ev")
        interrupting = self.choose(["", "interrupting=no"])
        self.lines.append(f"event {id} {{")
        start = self.node("start", f"message=m{id} {interrupting}")
        begin, end = self.block()
        self.flow(start, begin)
        self.flow(end, self.node("end"))
        self.lines.append("}")


def again_out(writer: _Writer, again: str) -> str:
    """The node behind the way out of a loop, which is the gateway's default."""
    after = writer.node("script", 'script="y = 2"')
    writer.flow(again, after, "default")
    return after


SIMPLE = ("user", "user", "sequence", "sequence", "exclusive", "parallel")
ALL = (*SIMPLE, "script", "catch", "many", "inclusive", "loop", "sub", "bounded", "reminded")


@st.composite
def blocks(draw: DrawFn, kinds: Sequence[str] = ALL, size: int = 9) -> str:
    """A block-structured diagram in the short notation. Its conditions read `x` (0 to 3) and `items`."""
    writer = _Writer(draw, kinds, draw(st.integers(1, size)))
    writer.level()
    return "\n".join(writer.lines)


# -- any edges ---------------------------------------------------------------------------------------------

TANGLED: tuple[Kind, ...] = (
    "user",
    "user",
    "user",
    "script",
    "exclusive",
    "exclusive",
    "parallel",
    "parallel",
    "inclusive",
    "end",
    "end",
)


@st.composite
def tangles(draw: DrawFn, size: int = 8, kinds: Sequence[Kind] = TANGLED, depth: int = 1) -> Definition:
    """A definition with any edges between any nodes; some have boundary events, insides, events to wait for."""
    numbers = iter(range(1000))
    return Definition("p", {"p": Process("p", _tangle(draw, numbers, size, kinds, depth))})


@st.composite
def bent(draw: DrawFn, size: int = 7) -> Definition:
    """A block-structured definition in which a few gateways were mistaken and flows drawn elsewhere: some are
    still sound."""
    definition = define(draw(blocks(size=size)))
    body = definition.process.body
    nodes, flows = dict(body.nodes), dict(body.flows)
    for _ in range(draw(st.integers(0, 2))):
        gateways = [n for n in nodes.values() if n.kind in ("exclusive", "parallel", "inclusive")]
        mistaken = draw(st.booleans())
        if gateways and mistaken:
            node = draw(st.sampled_from(gateways))
            nodes[node.id] = _changed(node, kind=draw(st.sampled_from(("exclusive", "parallel", "inclusive"))))
        else:
            flow = draw(st.sampled_from(list(flows.values())))
            goals = [n.id for n in nodes.values() if n.kind not in ("start", "boundary", "event_subprocess")]
            flows[flow.id] = Flow(flow.id, flow.source, draw(st.sampled_from(goals)), flow.condition)
    body = Body({id: _with_flows(node, flows) for id, node in nodes.items()}, flows)
    return Definition("p", {"p": Process("p", body)})


def _tangle(draw: DrawFn, numbers: Iterator[int], size: int, kinds: Sequence[Kind], depth: int) -> Body:
    nodes = {id: Node(id, "start") for id in [f"s{next(numbers)}"]}
    for _ in range(draw(st.integers(2, size))):
        for node in _tangled_nodes(draw, numbers, size, kinds, depth):
            nodes[node.id] = node
    flows: dict[str, Flow] = {}
    for node in list(nodes.values()):
        _tangled_flows(draw, node, nodes, flows, numbers)
    return Body({id: _with_flows(node, flows) for id, node in nodes.items()}, flows)


def _tangled_nodes(
    draw: DrawFn, numbers: Iterator[int], size: int, kinds: Sequence[Kind], depth: int
) -> Iterator[Node]:
    """A node, with its boundary event if it has one, or with the events behind it."""
    id = f"n{next(numbers)}"
    kind = draw(st.sampled_from((*kinds, *EVENTFUL) if depth else kinds))
    if kind in ("subprocess", "event_subprocess"):
        body = _tangle(draw, numbers, max(2, size // 2), kinds, depth - 1)
        if kind == "event_subprocess":
            yield _event_subprocess(draw, id, body)
        else:
            yield from _with_boundary(draw, _subprocess(draw, id, body))
    elif kind == "event_gateway":
        yield Node(id, "event_gateway", outgoing=(f"c{id}", f"d{id}"))  # made flows by `_tangled_flows`
        yield Node(f"c{id}", "catch", trigger=Trigger("message", f"c{id}"), host=id)
        yield Node(f"d{id}", "catch", trigger=TIMER, host=id)
    elif kind == "catch":
        yield Node(id, "catch", trigger=draw(st.sampled_from([Trigger("message", id), Trigger("signal", "g"), TIMER])))
    elif kind == "throw":
        yield Node(id, "throw", trigger=draw(st.sampled_from([Trigger("signal", "g"), Trigger("escalation", "up")])))
    elif kind == "end":
        ends = [Trigger(), Trigger(), Trigger(), Trigger(), Trigger("terminate"), Trigger("error", "bad")]
        yield Node(id, "end", trigger=draw(st.sampled_from(ends)))
    else:
        yield from _with_boundary(draw, Node(id, kind, script="y = 1" if kind == "script" else ""))


def _subprocess(draw: DrawFn, id: str, body: Body) -> Node:
    return Node(
        id, "subprocess", body=body, loop=draw(st.sampled_from([None, None, Loop("parallel", cardinality="2")]))
    )


def _event_subprocess(draw: DrawFn, id: str, body: Body) -> Node:
    trigger = draw(st.sampled_from([Trigger("message", id), Trigger("signal", "g"), Trigger("error", "bad")]))
    start = next(node for node in body.nodes.values() if node.kind == "start")
    start = _changed(start, trigger=trigger, interrupting=trigger.kind == "error" or draw(st.booleans()))
    return Node(id, "event_subprocess", body=Body({**body.nodes, start.id: start}, body.flows))


def _with_boundary(draw: DrawFn, node: Node) -> Iterator[Node]:
    if node.kind not in ("user", "subprocess") or draw(st.integers(0, 3)):
        yield node
        return
    triggers = [TIMER, Trigger("error", "bad"), Trigger("message", f"b{node.id}"), Trigger("escalation", "up")]
    trigger = draw(st.sampled_from(triggers))
    interrupting = trigger.kind == "error" or draw(st.sampled_from([True, False]))
    yield _changed(node, boundaries=(f"b{node.id}",))
    yield Node(f"b{node.id}", "boundary", host=node.id, trigger=trigger, interrupting=interrupting)


TIMER = Trigger("timer", timer=Timer("duration", "PT1H"))
EVENTFUL: tuple[Kind, ...] = ("catch", "subprocess", "event_subprocess", "event_gateway", "throw")


def _tangled_flows(
    draw: DrawFn, node: Node, nodes: dict[str, Node], flows: dict[str, Flow], numbers: Iterator[int]
) -> None:
    if node.kind in ("end", "event_subprocess"):
        return
    if node.kind == "event_gateway":
        targets = [[id] for id in node.outgoing]
    else:
        behind = [n.id for n in nodes.values() if n.kind not in AT_FIRST and not (n.kind == "catch" and n.host)]
        splits = node.kind in ("exclusive", "parallel", "inclusive")
        count = draw(st.integers(1, 3)) if splits else draw(st.sampled_from((1, 1, 1, 1, 1, 0, 2)))
        targets = [behind] * count if behind else []
    for number, goals in enumerate(targets):
        id = f"f{next(numbers)}"
        condition = f"x == {number}" if node.kind in ("exclusive", "inclusive") else ""
        flows[id] = Flow(id, node.id, draw(st.sampled_from(goals)), condition)


AT_FIRST = ("start", "boundary", "event_subprocess")


def _with_flows(node: Node, flows: dict[str, Flow]) -> Node:
    incoming = tuple(flow.id for flow in flows.values() if flow.target == node.id)
    outgoing = tuple(flow.id for flow in flows.values() if flow.source == node.id)
    host = node.host if node.kind == "boundary" else ""
    return _changed(node, incoming=incoming, outgoing=outgoing, host=host)


def _changed(node: Node, **changes: Any) -> Node:
    return Node(**{**{field: getattr(node, field) for field in node.__struct_fields__}, **changes})


# -- plays -------------------------------------------------------------------------------------------------


class Dice(Choices):
    """Answers what the machine asks by chance."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.chance = random.Random(seed)

    def pick(self, options: Sequence[T]) -> T:
        return self.chance.choice(options)


class Play:
    """One case, played by chance. Its data are drawn too: each answer sets `x` to 0, 1, 2 or 3."""

    def __init__(self, definition: Definition, seed: int, choose: Any = None) -> None:
        self.definition = definition
        self.chance = random.Random(seed)
        self.choose = choose
        self.state = State()
        self.events: list[Event] = []
        self.effects: list[Effect] = []
        self.refs = {
            kind: sorted({n.trigger.ref for _, n in definition.nodes() if n.trigger.kind == kind and n.trigger.ref})
            for kind in ("message", "signal")
        }
        self.happen(Began(facts={"x": self.dice(), "items": [1, 2]}))

    def dice(self) -> int:
        return self.chance.randrange(4)

    def happen(self, event: Event) -> None:
        self.state, effects = advance(self.definition, self.state, event, self.choose)
        self.events.append(event)
        self.effects.extend(effects)

    @property
    def ended(self) -> bool:
        return self.state.status == "ended"

    @property
    def waiting(self) -> list[Token]:
        return [token for token in self.state.tokens.values() if token.mode == "waiting"]

    def node(self, token: Token) -> Node:
        return self.definition.levels[self.state.scopes[token.scope].body].nodes[token.node]

    def answer(self) -> bool:
        """Answers one thing that waits, as it wants to be answered. False: nothing waits."""
        if self.ended or not self.waiting:
            return False
        token = self.chance.choice(self.waiting)
        node = self.node(token)
        if node.kind == "event_gateway":
            level = self.definition.levels[self.state.scopes[token.scope].body]
            if not level.out[node.id]:
                return False
            node = level.nodes[self.chance.choice(level.out[node.id]).target]
        self.happen(self.event_for(token, node))
        return True

    def event_for(self, token: Token, node: Node) -> Event:
        if node.trigger.kind == "message":
            return Messaged(node.trigger.ref, step=token.id)
        if node.trigger.kind == "signal":
            return Signalled(node.trigger.ref)
        if node.trigger.kind == "timer":
            return Fired(next(c.id for c in self.state.clocks.values() if c.owner == token.id and c.node == node.id))
        return Completed(token.id, {"x": self.dice()})

    def disturb(self) -> None:
        """Anything else that can come from outside: timers, messages, signals, errors. May be refused."""
        candidates: list[Event] = [Fired(clock) for clock in self.state.clocks]
        candidates += self.failures()
        candidates += [Messaged(ref) for ref in self.refs["message"]] + [Signalled(ref) for ref in self.refs["signal"]]
        if candidates and not self.ended:
            try:
                self.happen(self.chance.choice(candidates))
            except Refused:
                return

    def failures(self) -> Iterator[Event]:
        """Errors at steps that catch them themselves."""
        for token in self.waiting:
            node = self.node(token)
            level = self.definition.levels[self.state.scopes[token.scope].body]
            for boundary in (level.nodes[id] for id in node.boundaries):
                if boundary.trigger.kind == "error" and node.kind == "user":
                    yield Failed(token.id, boundary.trigger.ref)

    def run(self, answers: int = 400, disturbances: float = 0.0) -> "Play":
        """Answers until the end or `answers` times, with other events strewn in."""
        for _ in range(answers):
            if self.chance.random() < disturbances:
                self.disturb()
            if not self.answer():
                break
        return self
