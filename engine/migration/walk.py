"""The state that the recorded past of a case also leads to in a new version: every event is told again to the new one,
to the step that stands there for the same thing. The best proposal there is, where it succeeds: joins have got what
came to them, and what is new beside the old stands open.

Pure. Raises `NoPlace` (or `Refused` by the machine) where the past has no way through the new version, and where
anything that waits would be lost.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from engine.definition import Definition
from engine.machine import RESTING, advance
from engine.migration.places import Crossing, NoPlace, last, waits_as
from engine.migration.rebuild import leaves, standing
from engine.model import (
    Began,
    Clock,
    Completed,
    Escalated,
    Event,
    Failed,
    Fired,
    Messaged,
    Retried,
    Scope,
    State,
    Token,
    replace,
)
from engine.records import MACHINES, Happened, Migrated

AUTOMATIC = frozenset({"service", "rule"})


class Told(NamedTuple):
    """What a record says happened, when, and the definition in force."""

    at: datetime
    definition: Definition
    happened: Happened


Past = Sequence[Told]

Key = tuple[str, tuple[int, ...], str, int]
"""Address, numbers of the rounds around, kind, and which of several that are alike."""


def births(past: Past) -> dict[int, datetime]:
    """When each token and scope that is open came to be."""
    state, found = State(), dict[int, datetime]()
    for told in past:
        if isinstance(told.happened, Migrated):
            state = told.happened.state
        else:
            state, _ = MACHINES[told.definition.semantics](told.definition, state, told.happened)
        for id in (*state.tokens, *state.scopes):
            found.setdefault(id, told.at)
    return found


def walk(crossing: Crossing, past: Past, state: State) -> State:
    """The state in the new version, with the numbers of the old one wherever something is the same thing. The past has
    to be the one that led to the state."""
    walked = _Walk(crossing)
    for told in past:
        walked.hear(told)
    if walked.old != state:
        raise unproven()
    return _Paired(crossing, walked.old, walked.new).result()


class _Walk:
    """Both versions, side by side."""

    def __init__(self, crossing: Crossing) -> None:
        self.crossing = crossing
        self.old = State()
        self.new = State()

    def hear(self, told: Told) -> None:
        if isinstance(told.happened, Migrated):
            self.old = told.happened.state
            return
        event = self.translated(told.definition, told.happened)
        self.old, _ = MACHINES[told.definition.semantics](told.definition, self.old, told.happened)
        self.new, _ = advance(self.crossing.new, self.new, event)

    def translated(self, definition: Definition, event: Event) -> Event:
        if isinstance(event, Began):
            return replace(event, start=self.start(definition, event.start)) if event.start else event
        if isinstance(event, Completed | Failed | Escalated):
            return replace(event, step=self.token(definition, event.step))
        if isinstance(event, Messaged) and event.step:
            return replace(event, step=self.token(definition, event.step))
        if isinstance(event, Retried):
            return replace(event, token=self.token(definition, event.token))
        return replace(event, clock=self.clock(definition, event.clock)) if isinstance(event, Fired) else event

    def start(self, definition: Definition, id: str) -> str:
        found = self.image(definition, id)
        if found is None or "/" in found:
            raise _no_way(id)
        return found

    def image(self, definition: Definition, address: str) -> str | None:
        """Where a place goes; of a still older version, what is called the same."""
        if definition is self.crossing.old or definition.digest == self.crossing.old.digest:
            return self.crossing.target(address).to
        return address if address in self.crossing.after else None

    def token(self, definition: Definition, id: int) -> int:
        address, *rest = dict(_tokens(self.old))[id]
        to = self.image(definition, address)
        found = next((one for one, key in _tokens(self.new) if key == (to, *rest)), None)
        if found is None:
            raise _no_way(last(address))
        return found

    def clock(self, definition: Definition, id: int) -> int:
        clock = self.old.clocks[id]
        owner, node = self.owner(definition, clock), self.timer(definition, clock)
        for one in self.new.clocks.values():
            if (one.owner, one.node) == (owner, node):
                return one.id
        raise _no_way(clock.node)

    def owner(self, definition: Definition, clock: Clock) -> int | None:
        if clock.owner in self.old.tokens:
            return self.token(definition, clock.owner)
        address, *rest = dict(_scopes(self.old))[clock.owner]
        to = self.image(definition, address) if address else ""
        return next((one for one, key in _scopes(self.new) if key == (to, *rest)), None)

    def timer(self, definition: Definition, clock: Clock) -> str:
        token = self.old.tokens.get(clock.owner)
        level = self.old.scopes[token.scope if token else clock.owner].body
        return self.crossing.id(level, clock.node) if definition is self.crossing.old else clock.node


# -- which is which ----------------------------------------------------------------------------------


def _tokens(state: State) -> Iterator[tuple[int, Key]]:
    found = ((token.id, (standing(state, token).address, _rounds(state, token.scope), "")) for token in _by_id(state))
    return _numbered(found)


def _scopes(state: State) -> Iterator[tuple[int, Key]]:
    found = ((scope.id, (_address(state, scope), _rounds(state, scope.id), scope.kind)) for scope in _all(state))
    return _numbered(found)


def _by_id(state: State) -> list[Token]:
    return [state.tokens[id] for id in sorted(state.tokens)]


def _all(state: State) -> list[Scope]:
    return [state.scopes[id] for id in sorted(state.scopes)]


def _numbered(found: Iterator[tuple[int, tuple[str, tuple[int, ...], str]]]) -> Iterator[tuple[int, Key]]:
    counts = dict[object, int]()
    for id, key in found:
        counts[key] = counts.get(key, 0) + 1
        yield id, (*key, counts[key])


def _rounds(state: State, scope: int) -> tuple[int, ...]:
    """The numbers of the rounds around, from the inside out."""
    found: list[int] = []
    while scope:
        one = state.scopes[scope]
        if one.kind == "round":
            found.append((one.facts or {})["loopCounter"])
        scope = one.parent
    return tuple(found)


def _address(state: State, scope: Scope) -> str:
    """The address of the activity that a scope belongs to; empty for the process itself."""
    if scope.host:
        return standing(state, state.tokens[scope.host]).address
    if scope.kind == "round":
        return _address(state, state.scopes[scope.parent])
    around = _address(state, state.scopes[scope.parent]) if scope.parent else ""
    return "/".join(part for part in (around, scope.node) if part)


class _Paired:
    """The state that was reached, with the numbers of the old one."""

    def __init__(self, crossing: Crossing, old: State, new: State) -> None:
        self.crossing = crossing
        self.old = old
        self.new = new
        self.origins: dict[int, int] = {}

    def result(self) -> State:
        self.pair(dict(_tokens(self.old)), dict(_tokens(self.new)))
        self.pair(dict(_scopes(self.old)), dict(_scopes(self.new)))
        self.pair_what_is_left()
        self.must_be_whole()
        clocks = {clock.id: self.clock_before(clock) for clock in self.new.clocks.values()}
        fresh = sorted({*self.new.tokens, *self.new.scopes, *clocks} - {*self.origins, *filter(clocks.get, clocks)})
        numbers = dict(enumerate(fresh, self.old.next))
        ids = {**{id: number for number, id in numbers.items()}, **self.origins, 0: 0}
        ids |= {id: before for id, before in clocks.items() if before}
        return self.renumbered(ids, self.old.next + len(fresh))

    def pair(self, old: Mapping[int, Key], new: Mapping[int, Key]) -> None:
        by_key = {key: id for id, key in new.items()}
        for id, (address, rounds, kind, number) in old.items():
            to = self.crossing.target(address).to if address else ""
            if to is not None and (to, rounds, kind, number) in by_key:
                self.origins[by_key[to, rounds, kind, number]] = id

    def pair_what_is_left(self) -> None:
        """Where the one thing that waits has no counterpart, and one new thing waits: the past leads from here to
        there. Not where branches run beside each other: what one of them was for is not what another is for."""
        lost, found = leaves(self.old), leaves(self.new)
        if any(scope.joins for scope in self.old.scopes.values()) or len(lost) != 1 or len(found) != 1:
            return
        if found[0].id not in self.origins and self.alike(lost[0], found[0]):
            self.origins[found[0].id] = lost[0].id

    def alike(self, old: Token, new: Token) -> bool:
        before = self.crossing.before[standing(self.old, old).address]
        after = standing(self.new, new).address
        same = old.mode == new.mode == "waiting" and (self.origins.get(new.scope) == old.scope)
        return same and waits_as(before.node) == waits_as(self.crossing.after[after].node)

    def must_be_whole(self) -> None:
        """Nothing that waits is lost, nothing new stands where the machine would have to act at once."""
        origins = {before: self.new.tokens[id] for id, before in self.origins.items() if id in self.new.tokens}
        for token in leaves(self.old):
            found = origins.get(token.id)
            if found is None or (found.mode, found.incident) != (token.mode, token.incident):
                raise _no_way(token.node)
        for token in leaves(self.new):
            if token.id not in self.origins and not self.may_open(token):
                raise _no_way(token.node)

    def may_open(self, token: Token) -> bool:
        kind = self.crossing.new.levels[self.new.scopes[token.scope].body].nodes[token.node].kind
        return token.mode == "waiting" and kind in RESTING - AUTOMATIC

    def clock_before(self, clock: Clock) -> int:
        """The number of the same timer in the old state; 0: it is new."""
        owner = self.origins.get(clock.owner)
        for one in self.old.clocks.values():
            if one.owner == owner and self.same_event(one, clock):
                return one.id
        return 0

    def same_event(self, old: Clock, new: Clock) -> bool:
        token, after = self.old.tokens.get(old.owner), self.new.tokens.get(new.owner)
        if token is not None and after is not None and token.node == old.node:
            return after.node == new.node
        level = self.old.scopes[token.scope if token else old.owner].body
        return self.crossing.id(level, old.node) == new.node

    def renumbered(self, ids: Mapping[int, int], following: int) -> State:
        scopes = [
            replace(one, id=ids[one.id], parent=ids[one.parent], host=ids[one.host], facts=self.facts(one))
            for one in self.new.scopes.values()
        ]
        tokens = [replace(one, id=ids[one.id], scope=ids[one.scope]) for one in self.new.tokens.values()]
        clocks = [replace(one, id=ids[one.id], owner=ids[one.owner]) for one in self.new.clocks.values()]
        return State(
            following,
            {one.id: one for one in sorted(scopes, key=lambda one: one.id)},
            {one.id: one for one in sorted(tokens, key=lambda one: one.id)},
            {one.id: one for one in sorted(clocks, key=lambda one: one.id)},
            self.old.status,
        )

    def facts(self, scope: Scope) -> dict[str, object] | None:
        """No variable is lost: what the new version does not know stays as it was."""
        before = self.old.scopes.get(self.origins.get(scope.id, 0))
        if scope.facts is None or before is None:
            return scope.facts
        return {**(before.facts or {}), **scope.facts}


def unproven() -> NoPlace:
    """The records of a case do not lead to the state that is stored for it: moving it would cover that up."""
    return NoPlace(
        "migration.unproven",
        "此事项的记录推演不出它的当前状态，请先查验（wangge verify）；事项留在原版本。",
        "The records of this matter do not lead to its state: have it verified first (wangge verify); it stays.",
    )


def _no_way(node: str) -> NoPlace:
    return NoPlace(
        "migration.no-way",
        f"已办理的经过在新版本中走到“{node}”处走不通。",
        f"What has been done so far has no way through the new version at “{node}”.",
    )
