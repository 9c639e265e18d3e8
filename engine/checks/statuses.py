"""Whether any way through a diagram changes an assignment in a way that `lifecycle` forbids.

An assignment is what one unit has to do on one level of the diagram: its status is that of the first of its open steps,
and when it has none left it comes to rest. Each level is played on its own with the machine, over all choices: what
lies inside a sub-process is another track and here a step that nobody has a status in. Along all markings goes what
each unit's assignment may be by then. Units are told apart by the expression that names them; two expressions that
happen to mean one unit are not seen through. A level that can be entered again begins with what it left behind.
"""

from collections import deque
from collections.abc import Iterator, Mapping
from itertools import chain, groupby
from typing import NamedTuple

from engine import lifecycle
from engine.casework import RESTS
from engine.checks.soundness import Choices, marking
from engine.checks.way import Drawing
from engine.definition import Body, Definition, Kind, Node, Process, Trigger
from engine.errors import Finding, Words
from engine.machine import WAITING, advance
from engine.model import Began, Completed, Escalated, Event, Messaged, Passed, State, Token, replace
from engine.reduction import closure, normal

STATES = 3_000
"""So many markings are visited per level."""
FOLLOWED = 300_000
"""So many moves are followed per level, those of each unit by themselves."""
STEPS_PER_STATE = 100
"""How many steps the moves from a marking may leave open in all, on average: of a level with hundreds of them at once
fewer markings are visited."""


def check(definition: Definition, *, states: int = STATES) -> list[Finding]:
    """`statuses.unlawful` (error) with the shortest way there, each change of a unit once; `statuses.undecided`
    (warning) for a level with too many markings."""
    found: list[Finding] = []
    drawing = Drawing(definition)
    for key, body in definition.bodies():
        if any(_has_status(node) for node in body.nodes.values()):
            level = _Level(definition, key, body)
            game = _Game(level, states)
            faults = [fault for unit in level.units for fault in _Assignment(game, unit).faults.values()]
            found += [_finding(level, fault, drawing.way(fault.path)) for fault in faults]
            found += [] if game.complete else [_undecided(level, states)]
    return found


def _has_status(node: Node) -> bool:
    known = node.properties.get("status") in lifecycle.STATUSES
    return node.kind in WAITING and known and bool(node.properties.get("unit"))


# -- one level ---------------------------------------------------------------------------------------


class _Level:
    """A level as a process of its own. `acts` are the ways a step is left by each boundary event, `out` those by which
    the whole level is left for what is around it; `again`: whether a unit can enter it a second time."""

    def __init__(self, definition: Definition, key: str, body: Body) -> None:
        self.key = key
        self.name = next((node.name for at, node in definition.nodes() if f"{at}/{node.id}" == key), "")
        self.again = _can_be_entered_again(definition, key)
        self.out = _ways_out(definition, key)
        self.acts = {id: _acts(node) for id, node in body.nodes.items() if node.kind == "boundary"}
        alone = Body({i: _plain(n, body) for i, n in body.nodes.items() if n.kind != "event_subprocess"}, body.flows)
        self.definition, self.stands = normal(Definition(key, {key: Process(key, alone)}))
        self.body = self.definition.process.body
        self.units = list(dict.fromkeys(n.properties["unit"] for n in self.body.nodes.values() if _has_status(n)))


def _plain(node: Node, body: Body) -> Node:
    """A node of a level that is played alone: what lies inside is one wait, what it throws goes nowhere, and each
    boundary event is an escalation of its own name, so that it can be made to happen."""
    if node.trigger.kind == "link":
        return node
    kind, trigger = node.kind, Trigger()
    if kind == "boundary":
        trigger = Trigger("escalation", node.id)
    elif kind == "end" and node.trigger.kind in ("terminate", "error"):
        trigger = Trigger("terminate")
    elif kind in ("catch", "receive") and _follows_event_gateway(node, body):
        kind, trigger = "catch", Trigger("message", node.id)
    else:
        kind = _STAND_INS.get(kind, kind)
    words = node.properties if node.kind in WAITING else {}
    return replace(
        node, kind=kind, trigger=trigger, properties=words, loop=None, body=None, called="", script="", parameters={}
    )


_STAND_INS: Mapping[Kind, Kind] = {
    "subprocess": "task",
    "call": "task",
    "catch": "task",
    "receive": "task",
    "script": "throw",
    "send": "throw",
}


def _follows_event_gateway(node: Node, body: Body) -> bool:
    return any(body.nodes[body.flows[flow].source].kind == "event_gateway" for flow in node.incoming)


def _acts(event: Node) -> set[str]:
    """The acts by which an event takes a step away: none, or a person's, an escalation by its code; without code any:
    those by which an assignment comes to rest otherwise, and all the rest (`*`)."""
    if event.trigger.kind != "escalation":
        return {""}
    return {event.trigger.ref} if event.trigger.ref else {"*", "return", "withdraw"}


def _can_be_entered_again(definition: Definition, key: str) -> bool:
    """Whether what a level stands for lies in a circle, repeats, may happen again or is called from several places; or
    what is around it is entered again."""
    places = _places(definition, key)
    return len(places) > 1 or any(_comes_again(definition, at, node) for at, node in places)


def _comes_again(definition: Definition, key: str, node: Node) -> bool:
    level = definition.levels[key]
    if node.loop is not None or _can_be_entered_again(definition, key):
        return True
    if node.kind == "event_subprocess":
        return not any(start.interrupting for event, start in level.listeners if event is node)
    after = [flow.target for flow in level.out[node.id]] + list(node.boundaries)
    return node.id in closure(Body(level.nodes, level.flows), after)


def _ways_out(definition: Definition, key: str) -> set[str]:
    """The acts by which the steps of a level are taken away from outside it."""
    return {act for at, node in _places(definition, key) for act in _taken_away(definition, at, node)}


def _taken_away(definition: Definition, key: str, node: Node) -> set[str]:
    level = definition.levels[key]
    events = [level.nodes[id] for id in node.boundaries] + [start for _, start in level.listeners]
    acts = {act for event in events if event.interrupting for act in _acts(event)}
    completion = {""} if node.loop is not None and node.loop.completion else set[str]()
    return acts | completion | _ways_out(definition, key)


def _places(definition: Definition, key: str) -> list[tuple[str, Node]]:
    """The nodes that a level is the inside of: a sub-process, or every call of a process."""
    outer, _, id = key.rpartition("/")
    if outer:
        return [(outer, definition.levels[outer].nodes[id])]
    return [(at, node) for at, node in definition.nodes() if node.called == key]


# -- the game ----------------------------------------------------------------------------------------


class _Move(NamedTuple):
    """To another marking, by a person's act (empty: an answer, or something that happens), past these elements."""

    act: str
    after: int
    passed: tuple[str, ...]


class _Game:
    """All markings of a level with the moves between them."""

    def __init__(self, level: _Level, limit: int) -> None:
        self.level = level
        self.nodes = level.body.nodes
        self.states: list[State] = []
        self.moves: list[list[_Move]] = []
        self.numbers: dict[object, int] = {}
        self.first: list[dict[str, Node]] = []
        self.looked_at = 0
        self.followed = 0
        self.beginnings = [move for event in self.begins() for move in self.games(State(), event, "")]
        self.complete = self.play(limit)

    def begins(self) -> list[Began]:
        level = self.level.definition.levels[self.level.key]
        starts = [Began(id) for id, node in self.nodes.items() if node.kind == "start"]
        return starts or ([Began()] if level.starts else [])

    def play(self, limit: int) -> bool:
        number = 0
        while number < len(self.states) <= limit and self.looked_at <= limit * STEPS_PER_STATE:
            for event, act in self.possible(self.states[number]):
                self.moves[number] += self.games(self.states[number], event, act)
            number += 1
        return number == len(self.states)

    def possible(self, state: State) -> Iterator[tuple[Event, str]]:
        """What may happen. Nothing more once a node is marked twice: `soundness` says so, and it might never end."""
        places = [token.node for token in state.tokens.values()]
        if state.status == "open" and len(set(places)) == len(places):
            for token in state.tokens.values():
                if token.mode == "waiting":
                    yield from self.leaving(token)

    def leaving(self, token: Token) -> Iterator[tuple[Event, str]]:
        node = self.nodes[token.node]
        if node.kind == "event_gateway":
            heard = (self.level.body.flows[flow].target for flow in node.outgoing)
            yield from ((Messaged(id, step=token.id), "") for id in heard if self.nodes[id].kind == "catch")
        elif node.kind in WAITING:
            yield Completed(token.id), ""
            for id in node.boundaries:
                yield from ((Escalated(token.id, id), act) for act in sorted(self.level.acts[id]))

    def games(self, state: State, event: Event, act: str) -> Iterator[_Move]:
        pending: deque[tuple[int, ...]] = deque([()])
        while pending:
            choices = Choices(pending.popleft())
            after, effects = advance(self.level.definition, state, event, choices)
            self.looked_at += len(after.tokens)
            pending.extend(choices.others())
            nodes = (one.node for one in effects if isinstance(one, Passed) and one.what != "cancelled")
            passed = tuple(id for node in nodes for id in self.level.stands.get(node, (node,)))
            yield _Move(act, self.number(after), passed)

    def number(self, state: State) -> int:
        """The number of a marking; in which order the tokens of its steps came into being is part of it."""
        steps = self.steps(state)
        number = self.numbers.setdefault((marking(state), tuple(node.id for node in steps)), len(self.states))
        if number == len(self.states):
            self.states.append(state)
            self.moves.append([])
            self.first.append({node.properties["unit"]: node for node in reversed(steps)})
        return number

    def steps(self, state: State) -> list[Node]:
        """The open steps that give a unit its status, by token as in `casework`. (There a step that was just opened
        comes last until the next act: what that puts off is only put off.)"""
        waiting = [token for _, token in sorted(state.tokens.items()) if token.mode == "waiting"]
        return [node for token in waiting if _has_status(node := self.nodes[token.node])]

    def step(self, number: int, unit: str) -> Node | None:
        """The first open step of a unit: it gives the status."""
        return self.first[number].get(unit)


# -- what becomes of an assignment -------------------------------------------------------------------


class _Here(NamedTuple):
    """A marking (-1: before the level is entered) and the status that the unit's assignment has there."""

    number: int
    status: str | None


class _Fault(NamedTuple):
    """A change that is unlawful: of which unit, by which act, at which step, and the way there."""

    unit: str
    before: str
    after: str
    act: str
    element: str
    path: tuple[str, ...]


class _Assignment:
    """Follows the assignment of one unit through all markings, the shortest ways first."""

    def __init__(self, game: _Game, unit: str) -> None:
        self.game = game
        self.unit = unit
        self.came: dict[_Here, tuple[_Here | None, tuple[str, ...]]] = {}
        self.pending: deque[_Here] = deque()
        self.faults: dict[tuple[str | None, str | None], _Fault] = {}
        self.enter(None)
        while self.pending and game.followed <= FOLLOWED:
            self.go_on(self.pending.popleft())
        game.complete &= not self.pending

    def enter(self, status: str | None) -> None:
        """The level is entered with what it left behind the time before."""
        here = _Here(-1, status)
        if here not in self.came:
            self.came[here] = None, ()
            self.pending.append(here)

    def go_on(self, here: _Here) -> None:
        game, outside = self.game, here.number < 0
        moves = game.beginnings if outside else game.moves[here.number]
        game.followed += len(moves)
        for move in moves:
            step = game.step(move.after, self.unit)
            after = step.properties["status"] if step else self.rest(here.status, move.act)
            self.change(here, _Here(move.after, after), move, step)
        if not outside:
            self.end(here)

    def end(self, here: _Here) -> None:
        """The level may be over: by itself, or because what is around it takes it away."""
        if self.game.states[here.number].status == "ended":
            self.leave(here.status)
        for act in sorted(self.game.level.out):
            after = self.rest(here.status, act)
            if self.lawful(here.status, after, act):
                self.leave(after)
            else:
                self.blame(here, after, act, (), None)

    def leave(self, status: str | None) -> None:
        if self.game.level.again:
            self.enter(status)

    def change(self, here: _Here, there: _Here, move: _Move, step: Node | None) -> None:
        if not self.lawful(here.status, there.status, move.act):
            self.blame(here, there.status, move.act, move.passed, step)
        elif there not in self.came:
            self.came[there] = here, move.passed
            self.pending.append(there)

    def rest(self, before: str | None, act: str) -> str | None:
        """What an assignment becomes in which nothing is open any more (as `casework` has it)."""
        if before is None:
            return None
        return RESTS[act] if act in RESTS and before in lifecycle.OPEN else lifecycle.rests_as(before)

    def lawful(self, before: str | None, after: str | None, act: str) -> bool:
        """A change that wants an act of its own is lawful by that act alone."""
        if after is None or before == after:
            return True
        change = lifecycle.LAWFUL.get((before, after))
        return change is not None and change.act in ("", act)

    def blame(self, here: _Here, after: str | None, act: str, passed: tuple[str, ...], step: Node | None) -> None:
        """Notes a change once; that nobody can answer a step weighs more than that nobody can do something else."""
        node = step or (self.game.step(here.number, self.unit) if here.number >= 0 else None)
        known = self.faults.get((here.status, after))
        if node is not None and after is not None and (known is None or (known.act and not act)):
            fault = _Fault(self.unit, here.status or "", after, act, node.id, self.path(here, passed))
            self.faults[here.status, after] = fault

    def path(self, here: _Here | None, passed: tuple[str, ...]) -> tuple[str, ...]:
        pieces = [passed]
        while here is not None:
            here, piece = self.came[here]
            pieces.append(piece)
        return tuple(id for id, _ in groupby(chain.from_iterable(reversed(pieces))))


# -- words -------------------------------------------------------------------------------------------


def _finding(level: _Level, fault: _Fault, way: Words) -> Finding:
    """An error where a step cannot be answered any more; a warning where only an act that somebody may choose, and
    need not, is refused."""
    nodes = level.body.nodes
    old, new = (lifecycle.STATUSES.get(one, Words("未开始", "not begun")) for one in (fault.before, fault.after))
    name = nodes[fault.element].name
    zh, en = _instead(fault.before)
    by = (f"经“{fault.act}”，", f" by “{fault.act}”") if fault.act else ("", "")
    return Finding(
        "statuses.unlawful",
        "warning" if fault.act else "error",
        fault.element,
        f"在“{name or fault.element}”，{by[0]}单位（{fault.unit}）的状态要从“{old.zh}”变为“{new.zh}”，"
        "这不合法，会被拒绝。"
        f"{zh}{way.zh}请修改环节的状态或走向。 "
        f"At “{name or fault.element}” the assignment of the unit `{fault.unit}` would go{by[1]} from “{old.en}” to "
        f"“{new.en}”, which is not lawful and is refused. {en} {way.en} Change the status of a step, or the flow.",
        name,
        path=fault.path,
    )


def _instead(before: str) -> Words:
    lawful = [lifecycle.STATUSES[one] for one in lifecycle.following(before or None)]
    if not lawful:
        return Words("此状态不能再变更。", "It does not change any more.")
    return Words(
        f"此时可以变为：{'、'.join(one.zh for one in lawful)}。", f"Lawful then: {', '.join(one.en for one in lawful)}."
    )


def _undecided(level: _Level, states: int) -> Finding:
    name = level.name or level.key
    return Finding(
        "statuses.undecided",
        "warning",
        level.key.rsplit("/", 1)[-1],
        f"“{name}”的情形超过 {states} 种，未能全部检查，不能断定状态的变更都合法。请拆成子流程。 "
        f"“{name}” has more than {states} situations; not all were checked, so it is not known whether every change of "
        "status is lawful. Split it into sub-processes.",
        level.name,
    )
