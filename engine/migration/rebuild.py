"""The state of a case, node by node, in a new version: what stands at a place stands at its target, with everything
around it. Numbers of tokens, scopes and timers stay, so that steps, people and due times stay with them.

Pure. Raises `NoPlace` for whatever cannot be carried over; nothing is left out silently. Whether the new version could
have come to such a state by itself is for `markings.py` to say.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple, TypeVar

from engine.definition import Definition, Level, Node
from engine.migration.places import STAY, Crossing, NoPlace, last, named
from engine.model import Clock, Scope, State, Token, replace

T = TypeVar("T", Token, Scope)


class Around(NamedTuple):
    """Something around a token: its address, and what of the state it consists of, from the outside in."""

    address: str
    parts: tuple[Token | Scope, ...]


class Standing(NamedTuple):
    """Where a token stands: its address, what is around it from the outside in, and the rounds of its own node."""

    address: str
    around: tuple[Around, ...]
    rounds: tuple[Token | Scope, ...]


def standing(state: State, token: Token) -> Standing:
    """Where a token of a state stands."""
    level, rounds = _out_of_rounds(state, token)
    around: list[tuple[str, tuple[Token | Scope, ...]]] = []
    while level.parent:
        id = level.node
        if level.kind == "event":
            around.append((id, (level,)))
            level = state.scopes[level.parent]
        else:
            host = state.tokens[level.host]
            outside, own = _out_of_rounds(state, host)
            around.append((id, (*own, host, level)))
            level = outside
    around.reverse()
    ids = [id for id, _ in around]
    pieces = (Around("/".join(ids[: count + 1]), parts) for count, (_, parts) in enumerate(around))
    return Standing("/".join([*ids, token.node]), tuple(pieces), rounds)


def _out_of_rounds(state: State, token: Token) -> tuple[Scope, tuple[Token | Scope, ...]]:
    """The level a token stands in, and the rounds of its own node between the two."""
    scope = state.scopes[token.scope]
    if scope.kind != "round" or scope.node != token.node:
        return scope, ()
    loop = state.scopes[scope.parent]
    host = state.tokens[loop.host]
    return state.scopes[host.scope], (host, loop, scope)


def leaves(state: State) -> list[Token]:
    """The tokens that wait or are stuck, and not for what is inside them."""
    hosts = {scope.host for scope in state.scopes.values()}
    return [token for token in state.tokens.values() if token.id not in hosts]


def rebuild(crossing: Crossing, state: State) -> State:
    """The state in the new version. Raises `NoPlace`."""
    return _Rebuilding(crossing, state).result()


class _Rebuilding:
    """The new state while it is put together."""

    def __init__(self, crossing: Crossing, state: State) -> None:
        self.crossing = crossing
        self.before = state
        self.next = state.next
        self.scopes: dict[int, Scope] = {}
        self.tokens: dict[int, Token] = {}
        self.clocks: dict[int, Clock] = {}
        self.built: dict[tuple[int, str], int] = {}

    def result(self) -> State:
        self.carry_scope(self.before.scopes[1], 0, "", self.crossing.new.root)
        for token in leaves(self.before):
            self.place(token)
        self.nothing_left()
        for owner in sorted({*self.tokens, *self.scopes}):
            self.clocks |= {clock.id: clock for clock in self.timers(owner)}
        return State(self.next, _ordered(self.scopes), _ordered(self.tokens), self.clocks, self.before.status)

    # tokens and what is around them

    def place(self, token: Token) -> None:
        where = standing(self.before, token)
        target = self.crossing.target(where.address).to
        if target is None or target == STAY:
            raise _nowhere(self.crossing.before[where.address].node, chosen=target == STAY)
        parts = {one.address: one.parts for one in where.around}
        level = 1
        for address, origin in self.crossing.plan(where.address, target):
            level = self.carry(parts[origin], address, level) if origin else self.build(address, level)
        level = self.carry(where.rounds, target, level)
        self.put_token(token, level, last(target))

    def carry(self, parts: tuple[Token | Scope, ...], address: str, level: int) -> int:
        """Takes over what is around something, with its numbers. The innermost scope."""
        place = self.crossing.after[address]
        for part in parts:
            if isinstance(part, Token):
                self.put_token(part, level, place.node.id)
            else:
                body = place.level if part.kind in ("loop", "round") else place.inside
                self.carry_scope(part, level, place.node.id, body)
                level = part.id
        return level

    def carry_scope(self, scope: Scope, parent: int, node: str, body: str) -> None:
        level = self.crossing.new.levels[body]
        old = self.crossing.old.levels[scope.body]
        joins = self.joins(scope, old, level)
        held = self.held(scope.held, scope.body, {start.id for _, start in level.listeners})
        self.put(self.scopes, replace(scope, parent=parent, node=node, body=body, joins=joins, held=held))

    def put_token(self, token: Token, scope: int, id: str) -> None:
        level = self.crossing.new.levels[self.scopes[scope].body]
        old = self.before.scopes[token.scope].body
        via = self.crossing.id(old, token.via)
        held = self.held(token.held, old, set(level.nodes[id].boundaries))
        via = via if via in level.flows else ""
        self.put(self.tokens, replace(token, scope=scope, node=id, via=via, held=held))

    def held(self, held: tuple[str, ...], level: str, there: set[str]) -> tuple[str, ...]:
        return tuple(id for id in (self.crossing.id(level, one) for one in held) if id in there)

    def build(self, address: str, level: int) -> int:
        """A sub-process that was not there: whatever goes there stands in the same one."""
        if (level, address) not in self.built:
            place, host, inside = self.crossing.after[address], self.next, self.next + 1
            self.next += 2
            self.tokens[host] = Token(host, level, place.node.id, "hosting")
            self.scopes[inside] = Scope(inside, level, host, "body", place.inside, place.node.id)
            self.built[level, address] = inside
        return self.built[level, address]

    def put(self, shelf: dict[int, T], thing: T) -> None:
        if shelf.setdefault(thing.id, thing) != thing:
            raise NoPlace(
                "migration.torn-apart",
                f"“{thing.node}”中的内容在新版本里会分到不同的地方，请让它们一起对应。",
                f"What is inside “{thing.node}” would be torn apart in the new version: let it move together.",
            )

    def joins(self, scope: Scope, old: Level, new: Level) -> dict[str, int]:
        """What waits at joins, by the flows of the new version; two flows never become one."""
        ways = {flow: self.flow(flow, old, new) for flow in scope.joins}
        if len(set(ways.values())) < len(ways):
            raise _no_join(old.nodes[old.flows[next(iter(ways))].target])
        return {ways[flow]: count for flow, count in scope.joins.items()}

    def flow(self, id: str, old: Level, new: Level) -> str:
        """The flow by which a token that waits at a join has come, in the new version."""
        flow = old.flows[id]
        source, join = (self.crossing.id(old.key, one) for one in (flow.source, flow.target))
        same = self.crossing.id(old.key, id)
        if join in new.nodes and new.nodes[join].kind == old.nodes[flow.target].kind:
            if same in new.flows and new.flows[same].target == join:
                return same
            between = [one.id for one in new.flows.values() if (one.source, one.target) == (source, join)]
            if len(between) == 1:
                return between[0]
        raise _no_join(old.nodes[flow.target])

    def nothing_left(self) -> None:
        """Refuses when something that waits was not taken along: a join in what is dissolved, rounds that are stuck."""
        for scope in self.before.scopes.values():
            if scope.id not in self.scopes and (scope.joins or scope.kind != "body"):
                raise _nowhere(self.crossing.old.levels[scope.body].nodes[scope.node], chosen=False)
        for token in self.before.tokens.values():
            if token.id not in self.tokens and token.mode != "hosting":
                raise _nowhere(_node(self.crossing.old, self.before, token), chosen=False)

    # timers

    def timers(self, owner: int) -> Iterator[Clock]:
        """The timers of a token or scope: those that ran run on, those that are new begin; what has fired already
        does not begin again, and a token that is stuck gets no new ones."""
        running = {self.image(clock): clock for clock in self.before.clocks.values() if clock.owner == owner}
        known = {self.image(Clock(0, owner, id)) for id in self.there(owner)}
        for node in armed(self.crossing.new, self.scopes, self.tokens, owner):
            if node.id in running:
                clock = running[node.id]
                left = clock.left if self.same_timer(clock, node) else first_left(node)
                yield replace(clock, node=node.id, left=left)
            elif node.id not in known and not self.is_stuck(owner):
                yield Clock(self.next, owner, node.id, first_left(node))
                self.next += 1

    def is_stuck(self, owner: int) -> bool:
        return owner in self.tokens and self.tokens[owner].mode == "stuck_in"

    def there(self, owner: int) -> list[str]:
        """The timer events that the owner had in the old version."""
        if owner not in self.before.tokens and owner not in self.before.scopes:
            return []
        return [node.id for node in armed(self.crossing.old, self.before.scopes, self.before.tokens, owner)]

    def image(self, clock: Clock) -> str:
        """The event that a timer stands for, in the new version: that of a waiting token goes where the token goes."""
        token = self.before.tokens.get(clock.owner)
        if token is not None and token.node == clock.node:
            return self.tokens[token.id].node
        level = self.before.scopes[token.scope if token else clock.owner].body
        return self.crossing.id(level, clock.node)

    def same_timer(self, clock: Clock, node: Node) -> bool:
        token = self.before.tokens.get(clock.owner)
        level = self.crossing.old.levels[self.before.scopes[token.scope if token else clock.owner].body]
        return level.event(clock.node).trigger.timer == node.trigger.timer


def armed(
    definition: Definition, scopes: Mapping[int, Scope], tokens: Mapping[int, Token], owner: int
) -> Iterator[Node]:
    """The timer events that a token or scope listens to."""
    token = tokens.get(owner)
    found = _listened(definition, scopes, token) if token else _started(definition, scopes[owner])
    return (node for node in found if node.trigger.timer is not None)


def _listened(definition: Definition, scopes: Mapping[int, Scope], token: Token) -> Iterator[Node]:
    scope = scopes[token.scope]
    level = definition.levels[scope.body]
    node = level.nodes[token.node]
    if token.mode == "waiting" and node.kind == "catch":
        yield node
    elif token.mode == "waiting" and node.kind == "event_gateway":
        yield from (level.nodes[flow.target] for flow in level.out[node.id])
    if token.mode != "stuck_out" and not (scope.kind == "round" and scope.node == token.node):
        yield from (level.nodes[id] for id in node.boundaries)


def _started(definition: Definition, scope: Scope) -> Iterator[Node]:
    if not scope.closed and scope.kind in ("process", "body", "event"):
        yield from (start for _, start in definition.levels[scope.body].listeners)


def first_left(node: Node) -> int | None:
    """How often a timer may fire that begins to run (None: for ever)."""
    timer = node.trigger.timer
    if timer is None or timer.kind != "cycle":
        return 1
    count = timer.text.split("/", 1)[0][1:]
    return int(count) if count else None


def _node(definition: Definition, state: State, token: Token) -> Node:
    return definition.levels[state.scopes[token.scope].body].nodes[token.node]


def _ordered(things: dict[int, T]) -> dict[int, T]:
    return dict(sorted(things.items()))


def _no_join(join: Node) -> NoPlace:
    return NoPlace(
        "migration.join",
        f"并行分支已到达“{named(join)}”等待汇合，新版本中没有这个汇合，整件事项留在原版本。",
        f"A branch waits at the join “{named(join)}”, which the new version does not have.",
    )


def _nowhere(node: Node, *, chosen: bool) -> NoPlace:
    if chosen:
        return NoPlace(
            "migration.chosen-to-stay",
            f"管理员选定停在“{named(node)}”的事项留在原版本。",
            f"It was chosen that what stands at “{named(node)}” stays in its version.",
        )
    return NoPlace(
        "migration.no-place",
        f"新版本中没有与“{named(node)}”对应的环节，请为它选择去向，否则事项留在原版本。",
        f"The new version has nothing for “{named(node)}”: choose where it goes, else the matter stays.",
    )
