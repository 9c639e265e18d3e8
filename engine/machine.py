"""The state machine: one pure function, `advance`, in which BPMN 2.0 is executed.

    advance(definition, state, event) -> (state, effects)

No clock, no randomness, no input or output: the same definition, state and event give the same result for
ever, which is what replay, exploration and migration stand on. An event sets tokens moving; they move until
each of them waits, is stuck or is gone. Reading order: `advance`, then the run's parts: events from outside,
moving, activities, events of the diagram, scopes, variables.

How simultaneity is decided, since BPMN leaves it open: a token that reaches a node where it has to wait rests
there at once; all others take turns, first come first served. Errors, escalations, signals and terminations
act the moment they are thrown.
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, Protocol, cast

from engine.definition import Definition, Flow, Level, Loop, Node
from engine.errors import Refused
from engine.expressions import ExpressionError, compile_expression, compile_script, truth
from engine.model import (
    Armed,
    Assigned,
    Became,
    Began,
    Cancelled,
    Clock,
    Closed,
    Completed,
    Disarmed,
    Effect,
    Ended,
    Escalated,
    Event,
    Facts,
    Failed,
    Fired,
    Messaged,
    Opened,
    Passage,
    Passed,
    Retried,
    Rounds,
    Scope,
    ScopeKind,
    Sent,
    Signalled,
    State,
    Stuck,
    Token,
    TokenMode,
    replace,
)

MOVES = 10_000
"""So many moves may follow from one event; a diagram that wants more runs in a circle without waiting."""

WAITING = frozenset({"task", "user", "manual", "service", "rule", "receive"})
RESTING = WAITING | {"catch", "event_gateway"}


def advance(
    definition: Definition, state: State, event: Event, choose: "Choice | None" = None
) -> tuple[State, tuple[Effect, ...]]:
    """The state after the event, and what the world has to do because of it, in order.

    `choose` answers conditions, lists and scripts; without it they are evaluated over the variables.
    Raises `Refused` when the event has no place in the state (an unknown step, a message nobody waits for, an
    escalation nothing catches): the state is then as before. What goes wrong inside the diagram (no way out
    of a gateway, a missing variable, an error nobody catches) is no exception but a `Stuck` effect.
    """
    run = _Run(definition, state, choose or EVALUATE)
    run.happen(event)
    run.settle()
    return run.result(), tuple(run.effects)


def variables(state: State, scope_id: int) -> Facts:
    """The variables that can be read in a scope of a state: its own store over those around it."""
    stores: list[dict[str, Any]] = []
    while scope_id:
        scope = state.scopes[scope_id]
        if scope.facts is not None:
            stores.append(scope.facts)
        scope_id = scope.parent
    return _over_each_other(stores)


def _over_each_other(stores: list[dict[str, Any]]) -> Facts:
    """What can be read where each store hides what those after it call the same."""
    if len(stores) == 1:
        return stores[0]
    seen: dict[str, Any] = {}
    for store in reversed(stores):
        seen.update(store)
    return seen


class Choice(Protocol):
    """The seam between the token game and the data: what exploration replaces."""

    def one(self, names: Facts, node: Node, flows: tuple[Flow, ...]) -> Flow | None:
        """The flow an exclusive gateway takes; None: there is no way out."""

    def some(self, names: Facts, node: Node, flows: tuple[Flow, ...]) -> tuple[Flow, ...]:
        """The flows an inclusive gateway or an activity with conditions takes, in file order."""

    def holds(self, names: Facts, node: Node, condition: str) -> bool:
        """Whether a loop goes on, is complete, or a conditional event's condition is true."""

    def items(self, names: Facts, node: Node, loop: Loop) -> "list[Any] | int":
        """What a multi-instance activity runs over: a list, or a number of rounds."""

    def assign(self, names: Facts, node: Node, script: str) -> Facts:
        """What a script task assigns."""

    def value(self, names: Facts, node: Node, source: str) -> Any:
        """The value of a parameter, a correlation key, an output."""


class Evaluate:
    """The choice of a running case: conditions are evaluated over the variables."""

    def one(self, names: Facts, node: Node, flows: tuple[Flow, ...]) -> Flow | None:
        for flow in flows:
            if flow.id != node.default and _true(flow.condition, names):
                return flow
        return next((flow for flow in flows if flow.id == node.default), None)

    def some(self, names: Facts, node: Node, flows: tuple[Flow, ...]) -> tuple[Flow, ...]:
        taken = tuple(flow for flow in flows if flow.id != node.default and _true(flow.condition, names))
        return taken or tuple(flow for flow in flows if flow.id == node.default)

    def holds(self, names: Facts, node: Node, condition: str) -> bool:
        return _true(condition, names)

    def items(self, names: Facts, node: Node, loop: Loop) -> "list[Any] | int":
        found = self.value(names, node, loop.collection or loop.cardinality)
        if loop.collection and isinstance(found, list):
            return found
        if not loop.collection and isinstance(found, int) and not isinstance(found, bool) and found >= 0:
            return found
        raise ExpressionError(
            "expression.type",
            f"“{loop.collection or loop.cardinality}”应为{'列表' if loop.collection else '非负整数'}。",
            f"“{loop.collection or loop.cardinality}” must be {'a list' if loop.collection else 'a count'}.",
        )

    def assign(self, names: Facts, node: Node, script: str) -> Facts:
        return compile_script(script)(names)

    def value(self, names: Facts, node: Node, source: str) -> Any:
        return compile_expression(source)(names)


EVALUATE = Evaluate()


def _true(condition: str, names: Facts) -> bool:
    return not condition or truth(compile_expression(condition)(names))


class _Run:
    """One `advance` while it runs: a working copy of the state, the tokens that move, the effects so far."""

    def __init__(self, definition: Definition, state: State, choose: Choice) -> None:
        self.definition = definition
        self.levels = definition.levels
        self.choose = choose
        self.next = state.next
        self.status = state.status
        self.scopes = dict(state.scopes)
        self.tokens = dict(state.tokens)
        self.clocks = dict(state.clocks)
        self.effects: list[Effect] = []
        self.moving: deque[int] = deque()
        self.emptied: list[int] = []
        self.looked = True
        self.moves = 0

    def result(self) -> State:
        return State(self.next, self.scopes, self.tokens, self.clocks, self.status)

    # -- events from outside ---------------------------------------------------------------------

    def happen(self, event: Event) -> None:
        if self.status != ("new" if isinstance(event, Began) else "open"):
            raise Refused("machine.not-open", "此流程实例不在办理中。", "This case is not open.")
        HAPPEN[type(event)](self, event)

    def began(self, event: Began) -> None:
        process = self.definition.process
        level = self.levels[process.id]
        if event.start and (event.start not in level.nodes or level.nodes[event.start].kind != "start"):
            raise Refused(
                "machine.no-such-start",
                f"流程中没有开始事件“{event.start}”。",
                f"The process has no start event “{event.start}”.",
            )
        starts = (event.start,) if event.start else level.starts
        if not starts:
            raise Refused(
                "machine.no-plain-start",
                "流程没有无条件的开始事件，请指明从哪个开始事件启动。",
                "The process has no plain start event: say which start event to begin with.",
            )
        self.status = "open"
        self.open_scope("process", process.id, "", 0, 0, dict(event.facts), starts)

    def completed(self, event: Completed) -> None:
        token = self.step(event.step)
        self.write(token.scope, event.facts)
        self.close_step(token, "completed")
        self.finish(token)

    def failed(self, event: Failed) -> None:
        token = self.step(event.step)
        self.write(token.scope, event.facts)
        if not self.throw("error", event.code, token.scope, token):
            self.stick(
                token,
                "stuck_in",
                "machine.uncaught-error",
                f"错误“{event.code}”无人捕获。 No event catches the error “{event.code}”.",
            )

    def escalated(self, event: Escalated) -> None:
        token = self.step(event.step)
        self.write(token.scope, event.facts)
        if not self.throw("escalation", event.code, token.scope, token):
            raise Refused(
                "machine.uncaught-escalation",
                f"本环节不能这样办理：流程图没有为“{event.code}”画出去向。",
                f"Not possible at this step: the diagram has no way for “{event.code}”.",
            )

    def messaged(self, event: Messaged) -> None:
        for catcher in self.catchers("message", event.name):
            if event.step in (0, catcher.owner) and self.correlates(catcher, event.key):
                self.catch(catcher, event.facts)
                return
        raise Refused(
            "machine.nobody-waits",
            f"没有环节在等待消息“{event.name}”。",
            f"Nothing waits for the message “{event.name}”.",
        )

    def correlates(self, catcher: "_Catcher", key: Any) -> bool:
        source = catcher.node.trigger.key
        if not source:
            return True
        try:
            return bool(self.choose.value(self.names(catcher.scope), catcher.node, source) == key)
        except ExpressionError:
            return False

    def signalled(self, event: Signalled) -> None:
        self.broadcast(event.name, event.facts)

    def fired(self, event: Fired) -> None:
        clock = self.clocks.get(event.clock)
        if clock is None:
            raise Refused("machine.no-such-timer", "此定时器已不再运行。", "This timer runs no more.")
        node = self.clock_node(clock)
        del self.clocks[clock.id]
        left = None if clock.left is None else clock.left - 1 - event.missed
        catcher = self.catcher_of(clock.owner, node)
        if catcher.goes_on and (left is None or left > 0):
            self.clocks[clock.id] = replace(clock, left=left)
            self.effects.append(
                Armed(clock.id, clock.owner, clock.node, self.owner_body(clock.owner), left, again=True)
            )
        self.catch(catcher, {}, "fired")

    def became(self, event: Became) -> None:
        holder = self.tokens.get(event.owner) or self.scopes[event.owner]
        node = self.levels[self.owner_body(event.owner)].event(event.node)
        self.hold(event.owner, (*holder.held, event.node))
        self.catch(self.catcher_of(event.owner, node), {})

    def assigned(self, event: Assigned) -> None:
        self.write(1, event.facts)

    def retried(self, event: Retried) -> None:
        token = self.tokens.get(event.token)
        if token is None or not token.incident:
            raise Refused("machine.no-incident", "此处没有待处理的异常。", "There is no incident here.")
        self.write(token.scope, event.facts)
        if token.mode == "hosting":
            self.put(replace(token, incident=""))
            self.next_round(next(s.id for s in self.scopes.values() if s.host == token.id), {})
            return
        if token.mode == "stuck_in":
            self.withdraw_timers(token.id)
        self.put(replace(token, mode="leaving" if token.mode == "stuck_out" else "moving", incident=""))
        self.moving.append(token.id)

    def cancelled(self, event: Cancelled) -> None:
        self.empty(1)
        self.status = "cancelled"
        self.effects.append(Ended("cancelled"))

    def step(self, id: int) -> Token:
        token = self.tokens.get(id)
        if token is None or token.mode != "waiting" or self.node(token).kind not in WAITING:
            raise Refused("machine.no-such-step", "此环节已不在办理中。", "This step is no longer open.")
        return token

    # -- moving ----------------------------------------------------------------------------------

    def settle(self) -> None:
        """Moves tokens until nothing can move: first those under way, then what a changed variable triggers,
        then inclusive joins nobody can still reach, then scopes that have become empty."""
        while self.status == "open":
            if self.moving:
                self.move()
            elif not (self.look() or self.join_inclusive() or self.complete_scope()):
                break

    def move(self) -> None:
        token = self.tokens.get(self.moving.popleft())
        if token is None:
            return
        self.moves += 1
        if self.moves > MOVES:
            self.stick(
                token,
                "stuck_in",
                "machine.endless",
                f"流程图在此处无休止地循环（超过{MOVES}步）。 The diagram runs in a circle here without waiting.",
            )
        elif token.mode == "leaving":
            self.leave(token)
        else:
            self.enter(token, self.node(token))

    def place(self, scope: int, node: Node, via: str = "") -> None:
        """A token reaches a node: it rests there at once if it has to wait, else it takes its turn."""
        token = Token(self.next, scope, node.id, "moving", via)
        self.tokens[self.next] = token
        self.next += 1
        if node.kind in RESTING and node.loop is None:
            self.enter(token, node)
        else:
            self.moving.append(token.id)

    def enter(self, token: Token, node: Node) -> None:
        try:
            if node.loop is not None and not self.in_round(token):
                self.repeat(token, node)
            else:
                ENTER[node.kind](self, token, node)
        except ExpressionError as error:
            self.stick(token, "stuck_in", error.code, str(error.words))

    def finish(self, token: Token) -> None:
        """An activity is done: its round ends, or its token goes on."""
        token = self.tokens[token.id]
        if self.in_round(token):
            self.consume(token)
        else:
            self.withdraw_timers(token.id)
            self.leave(token)

    def leave(self, token: Token) -> None:
        """The token takes the outgoing flows of its node; without any it is consumed."""
        level = self.level(token.scope)
        flows = level.out[token.node]
        if token.node in level.choosing:
            flows = self.chosen(token, level.nodes[token.node], flows)
            if not flows:
                return
        self.consume(token)
        for flow in flows:
            self.place(token.scope, level.nodes[flow.target], flow.id)

    def chosen(self, token: Token, node: Node, flows: tuple[Flow, ...]) -> tuple[Flow, ...]:
        """The flows whose conditions hold. None at all: the token is stuck."""
        try:
            found = self.way_out(self.names(token.scope), node, flows)
        except ExpressionError as error:
            self.stick(token, "stuck_out", error.code, str(error.words))
            return ()
        if not found:
            self.stick(
                token,
                "stuck_out",
                "machine.no-way-out",
                f"“{node.name or node.id}”的条件都不成立，也没有默认流向。 "
                f"No condition out of “{node.name or node.id}” holds and there is no default flow.",
            )
        return found

    def way_out(self, names: Facts, node: Node, flows: tuple[Flow, ...]) -> tuple[Flow, ...]:
        if node.kind != "exclusive":
            return self.choose.some(names, node, flows)
        flow = self.choose.one(names, node, flows)
        return () if flow is None else (flow,)

    def passing(self, token: Token, node: Node) -> None:
        self.trace("entered", token)
        self.trace("completed", token)
        self.leave(token)

    def join_parallel(self, token: Token, node: Node) -> None:
        self.trace("entered", token)
        if len(node.incoming) < 2 or not token.via:
            self.trace("completed", token)
            self.leave(token)
            return
        self.await_join(token)
        joins = self.scopes[token.scope].joins
        if all(joins.get(flow) for flow in node.incoming):
            self.fire_join(token.scope, node, node.incoming)

    def join_inclusive_at(self, token: Token, node: Node) -> None:
        self.trace("entered", token)
        if len(node.incoming) < 2 or not token.via:
            self.trace("completed", token)
            self.leave(token)
        else:
            self.await_join(token)

    def await_join(self, token: Token) -> None:
        scope = self.scopes[token.scope]
        joins = {**scope.joins, token.via: scope.joins.get(token.via, 0) + 1}
        self.scopes[scope.id] = replace(scope, joins=joins)
        self.consume(token)

    def fire_join(self, scope_id: int, node: Node, flows: tuple[str, ...]) -> None:
        """One token of each of the flows becomes one token that leaves the join."""
        scope = self.scopes[scope_id]
        joins = {flow: count - (flow in flows) for flow, count in scope.joins.items()}
        self.scopes[scope_id] = replace(scope, joins={flow: n for flow, n in joins.items() if n})
        token = self.put(Token(self.number(), scope_id, node.id))
        self.trace("completed", token)
        self.leave(token)

    def join_inclusive(self) -> bool:
        """Fires the first inclusive join that nothing upstream can still reach (BPMN 2.0, table 13.3)."""
        for scope in self.scopes.values():
            if not scope.joins:
                continue
            level = self.levels[scope.body]
            for id in dict.fromkeys(level.flows[flow].target for flow in scope.joins):
                node = level.nodes[id]
                if node.kind == "inclusive" and not self.reachable(scope, level, node):
                    self.fire_join(scope.id, node, tuple(f for f in node.incoming if scope.joins.get(f)))
                    return True
        return False

    def reachable(self, scope: Scope, level: Level, join: Node) -> bool:
        """Whether a token can still come to an empty incoming flow without also being able to come to a flow
        that has a token already (then it would only add to what waits)."""
        upstream = level.upstream(join.id)
        empty = [flow for flow in join.incoming if not scope.joins.get(flow)]
        filled = [flow for flow in join.incoming if scope.joins.get(flow)]
        return any(
            any(place in upstream[flow] for flow in empty) and not any(place in upstream[flow] for flow in filled)
            for place in self.places(scope, level)
            if place != join.id
        )

    def places(self, scope: Scope, level: Level) -> Iterator[str]:
        for token in self.tokens.values():
            if token.scope == scope.id:
                yield token.node
        for flow in scope.joins:
            yield level.flows[flow].target

    def stick(self, token: Token, mode: TokenMode, code: str, text: str) -> None:
        """An incident: the token stays where it is until a person sets things right and tries again."""
        if token.mode == "waiting":
            self.close_step(token, "cancelled")
        self.put(replace(token, mode=mode, incident=code))
        self.effects.append(Stuck(token.id, token.node, code, text))

    # -- activities ------------------------------------------------------------------------------

    def wait(self, token: Token, node: Node) -> None:
        """An activity that somebody or something else has to answer opens a step."""
        arguments = self.arguments(token, node)
        self.attach(token, node)
        self.put(replace(token, mode="waiting"))
        self.trace("entered", token)
        self.effects.append(Opened(token.id, node.id, token.scope, self.scopes[token.scope].body, arguments))

    def script(self, token: Token, node: Node) -> None:
        facts = self.choose.assign(self.names(token.scope), node, node.script)
        self.write(token.scope, facts)
        self.trace("entered", token)
        self.trace("completed", token)
        self.finish(token)

    def send(self, token: Token, node: Node) -> None:
        self.emit(token, node)
        self.trace("completed", token)
        self.finish(token)

    def emit(self, token: Token, node: Node) -> None:
        facts = self.arguments(token, node)
        source = node.trigger.key
        key = self.choose.value(self.names(token.scope), node, source) if source else None
        self.trace("entered", token)
        self.trace("sent", token)
        self.effects.append(Sent(node.trigger.ref, node.id, key, facts))

    def arguments(self, token: Token, node: Node) -> dict[str, Any]:
        if not node.parameters:
            return {}
        names = self.names(token.scope)
        return {name: self.choose.value(names, node, source) for name, source in node.parameters.items()}

    def enclose(self, token: Token, node: Node) -> None:
        """A sub-process or call activity: its token hosts a new scope."""
        body = f"{self.scopes[token.scope].body}/{node.id}" if node.kind == "subprocess" else node.called
        facts = None if node.kind == "subprocess" else self.arguments(token, node)
        self.attach(token, node)
        self.put(replace(token, mode="hosting"))
        self.trace("entered", token)
        kind: ScopeKind = "body" if node.kind == "subprocess" else "process"
        self.open_scope(kind, body, node.id, token.scope, token.id, facts, self.levels[body].starts)

    def repeat(self, token: Token, node: Node) -> None:
        """A repeating activity: its token hosts a loop scope, which opens the rounds."""
        loop = cast(Loop, node.loop)
        names = self.names(token.scope)
        items: list[Any] | None = None
        total = loop.maximum
        if loop.kind != "standard":
            found = self.choose.items(names, node, loop)
            items, total = (found, len(found)) if isinstance(found, list) else (None, found)
        elif loop.test_before and not self.goes_round(names, node, loop, 0):
            total = 0
        if total == 0:
            self.gather(token.scope, loop, Rounds(0))
            self.leave(token)
            return
        self.attach(token, node)
        self.put(replace(token, mode="hosting"))
        scope = Scope(
            self.number(),
            token.scope,
            token.id,
            "loop",
            self.scopes[token.scope].body,
            node.id,
            rounds=Rounds(total, items),
        )
        self.scopes[scope.id] = scope
        for _ in range(total or 1) if loop.kind == "parallel" else range(1):
            self.begin_round(scope.id, loop)

    def begin_round(self, scope_id: int, loop: Loop) -> None:
        scope = self.scopes[scope_id]
        rounds = cast(Rounds, scope.rounds)
        facts: dict[str, Any] = {"loopCounter": rounds.begun}
        if rounds.items is not None and loop.item:
            facts[loop.item] = rounds.items[rounds.begun]
        self.scopes[scope_id] = replace(scope, rounds=replace(rounds, begun=rounds.begun + 1))
        inner = Scope(self.number(), scope_id, 0, "round", scope.body, scope.node, facts)
        self.scopes[inner.id] = inner
        self.place(inner.id, self.levels[scope.body].nodes[scope.node])

    def round_done(self, scope: Scope) -> None:
        """A round is over: its facts are gathered and the loop goes on."""
        parent = self.scopes[scope.parent]
        rounds, loop = cast(Rounds, parent.rounds), self.loop(parent)
        gathered = rounds.gathered
        if loop.output:
            gathered = (*gathered, ((scope.facts or {})["loopCounter"], self.gathered(scope, loop)))
        rounds = replace(rounds, done=rounds.done + 1, gathered=gathered)
        self.scopes[parent.id] = replace(parent, rounds=rounds)
        del self.scopes[scope.id]
        self.next_round(parent.id, scope.facts or {})

    def next_round(self, scope_id: int, facts: Facts) -> None:
        """Ends the loop, opens its next round, or waits for the others. `facts`: of the round just done."""
        scope = self.scopes[scope_id]
        rounds, loop, host = cast(Rounds, scope.rounds), self.loop(scope), self.tokens[scope.host]
        names = _over_each_other([dict(facts), *self.stores(scope_id)])
        try:
            over = self.rounds_over(names, self.node(host), loop, rounds)
        except ExpressionError as error:
            self.stick(host, "hosting", error.code, str(error.words))
            return
        if over:
            self.empty(scope_id)
            del self.scopes[scope_id]
            self.gather(host.scope, loop, rounds)
            self.withdraw_timers(host.id)
            self.leave(host)
        elif loop.kind != "parallel":
            self.begin_round(scope_id, loop)

    def loop(self, scope: Scope) -> Loop:
        return cast(Loop, self.levels[scope.body].nodes[scope.node].loop)

    def rounds_over(self, names: Facts, node: Node, loop: Loop, rounds: Rounds) -> bool:
        if loop.kind == "standard":
            return not self.goes_round(names, node, loop, rounds.done)
        if loop.completion and self.choose.holds(names, node, loop.completion):
            return True
        return rounds.done == rounds.total

    def goes_round(self, names: Facts, node: Node, loop: Loop, done: int) -> bool:
        if loop.maximum is not None and done >= loop.maximum:
            return False
        if not loop.condition:
            return loop.maximum is not None
        return self.choose.holds({**names, "loopCounter": done}, node, loop.condition)

    def round_counts(self, rounds: Rounds) -> dict[str, Any]:
        """The attributes BPMN 2.0 (table 10.31) gives a multi-instance activity."""
        return {
            "numberOfInstances": rounds.total,
            "numberOfActiveInstances": rounds.begun - rounds.done,
            "numberOfCompletedInstances": rounds.done,
            "numberOfTerminatedInstances": 0,
        }

    def gathered(self, scope: Scope, loop: Loop) -> Any:
        facts = dict(scope.facts or {})
        if loop.output_item:
            return facts.get(loop.output_item)
        return {name: value for name, value in facts.items() if name not in ("loopCounter", loop.item)}

    def gather(self, scope: int, loop: Loop, rounds: Rounds) -> None:
        if loop.output:
            self.write(scope, {loop.output: [value for _, value in sorted(rounds.gathered, key=_number_of)]})

    def in_round(self, token: Token) -> bool:
        scope = self.scopes[token.scope]
        return scope.kind == "round" and scope.node == token.node

    def attach(self, token: Token, node: Node) -> None:
        """The boundary events of an activity begin to listen; those of a round belong to the whole loop."""
        if node.boundaries and not self.in_round(token):
            level = self.level(token.scope)
            for id in node.boundaries:
                self.arm(token.id, level.nodes[id])
            self.looked = False

    def close_step(self, token: Token, how: Literal["completed", "cancelled"]) -> None:
        self.trace(how, token)
        self.effects.append(Closed(token.id, token.node, how))

    # -- events of the diagram -------------------------------------------------------------------

    def end(self, token: Token, node: Node) -> None:
        kind = node.trigger.kind
        if kind == "terminate":
            self.terminate(token)
            return
        if self.throws(token, node):
            self.trace("completed", token)
            self.consume(token)

    def throw_event(self, token: Token, node: Node) -> None:
        if node.trigger.kind == "link":
            self.trace("entered", token)
            self.trace("completed", token)
            self.consume(token)
            level = self.level(token.scope)
            self.place(token.scope, level.nodes[level.links[node.trigger.ref]])
        elif self.throws(token, node):
            self.trace("completed", token)
            self.leave(token)

    def throws(self, token: Token, node: Node) -> bool:
        """Throws what the event says. False: the token was swept away by it, or is stuck."""
        trigger = node.trigger
        if trigger.kind == "message":
            self.emit(token, node)
            return True
        self.trace("entered", token)
        if trigger.kind == "none":
            return True
        self.trace("sent", token)
        if trigger.kind == "signal":
            self.broadcast(trigger.ref, self.arguments(token, node))
        elif not self.throw(trigger.kind, trigger.ref, token.scope, None) and trigger.kind == "error":
            self.stick(
                token,
                "stuck_in",
                "machine.uncaught-error",
                f"错误“{trigger.ref}”无人捕获。 No event catches the error “{trigger.ref}”.",
            )
            return False
        return token.id in self.tokens

    def terminate(self, token: Token) -> None:
        """Ends the scope around the token at once, and that scope only."""
        self.trace("entered", token)
        self.trace("completed", token)
        scope = token.scope
        self.empty(scope)
        self.emptied.append(scope)

    def catch_event(self, token: Token, node: Node) -> None:
        if node.trigger.kind in ("link", "none"):
            self.passing(token, node)
            return
        self.put(replace(token, mode="waiting"))
        self.trace("entered", token)
        self.arm(token.id, node)
        self.looked = False

    def await_first(self, token: Token, node: Node) -> None:
        """An event-based gateway waits for the first of the events behind it."""
        self.put(replace(token, mode="waiting"))
        self.trace("entered", token)
        level = self.level(token.scope)
        for flow in level.out[node.id]:
            self.arm(token.id, level.nodes[flow.target])
        self.looked = False

    def catchers(self, kind: str, ref: str) -> list["_Catcher"]:
        """All that listens for this message or signal: waiting tokens, then boundaries, then event
        sub-processes from the inside out; the longest waiting first."""
        found = [c for c in self.listening() if c.node.trigger.kind == kind and c.node.trigger.ref == ref]
        return sorted(found, key=lambda c: (c.rank, -c.owner if c.rank == 2 else c.owner))

    def listening(self) -> Iterator["_Catcher"]:
        for token in list(self.tokens.values()):
            if token.mode not in ("waiting", "hosting"):
                continue
            level = self.level(token.scope)
            node = level.nodes[token.node]
            if token.mode == "waiting":
                if node.kind in ("catch", "receive"):
                    yield _Catcher(0, token.id, token.scope, node)
                elif node.kind == "event_gateway":
                    for flow in level.out[node.id]:
                        yield _Catcher(0, token.id, token.scope, level.nodes[flow.target])
            if node.boundaries and not self.in_round(token):
                for id in node.boundaries:
                    yield _Catcher(1, token.id, token.scope, level.nodes[id])
        for scope in list(self.scopes.values()):
            if not scope.closed and scope.kind in ("process", "body", "event"):
                for _, start in self.levels[scope.body].listeners:
                    yield _Catcher(2, scope.id, scope.id, start)

    def catcher_of(self, owner: int, node: Node) -> "_Catcher":
        token = self.tokens.get(owner)
        if token is None:
            return _Catcher(2, owner, owner, node)
        return _Catcher(1 if node.kind == "boundary" else 0, owner, token.scope, node)

    def broadcast(self, name: str, facts: Facts) -> None:
        """Everything that waits for the signal hears it, from the outside in, so that what is swept away by
        an outer catcher does not move first."""
        heard = sorted(self.catchers("signal", name), key=lambda c: (-c.rank, c.owner))
        for catcher in heard:
            if self.listens(catcher):
                self.catch(catcher, facts)

    def listens(self, catcher: "_Catcher") -> bool:
        if catcher.rank == 2:
            return catcher.owner in self.scopes and not self.scopes[catcher.owner].closed
        return catcher.owner in self.tokens and self.tokens[catcher.owner].mode in ("waiting", "hosting")

    def throw(self, kind: str, code: str, scope_id: int, token: Token | None) -> bool:
        """Looks outwards from a scope (or an activity's own boundary) for what catches an error or an
        escalation; the exact code goes before an event that catches all. False: nothing does."""
        if token is not None and self.throw_at(kind, code, token):
            return True
        while scope_id:
            scope = self.scopes[scope_id]
            if not scope.closed and scope.kind in ("process", "body", "event"):
                starts = [start for _, start in self.levels[scope.body].listeners]
                if start := _catching(starts, kind, code):
                    self.catch(_Catcher(2, scope.id, scope.id, start), {})
                    return True
            if scope.host and self.throw_at(kind, code, self.tokens[scope.host]):
                return True
            scope_id = scope.parent
        return False

    def throw_at(self, kind: str, code: str, token: Token) -> bool:
        level = self.level(token.scope)
        node = level.nodes[token.node]
        if self.in_round(token) or not node.boundaries:
            return False
        boundary = _catching([level.nodes[id] for id in node.boundaries], kind, code)
        if boundary is None:
            return False
        self.catch(_Catcher(1, token.id, token.scope, boundary), {})
        return True

    def catch(self, catcher: "_Catcher", facts: Facts, how: Passage = "caught") -> None:
        """The event happens: what it interrupts is cancelled first, then its own token moves."""
        if catcher.rank == 2:
            self.start_event_subprocess(self.scopes[catcher.owner], catcher.node, facts, how)
            return
        token = self.tokens[catcher.owner]
        self.write(token.scope, facts)
        node = catcher.node
        if catcher.rank == 1:
            if node.interrupting:
                self.cancel(token)
            moved = self.put(Token(self.number(), token.scope, node.id))
        elif node.kind == "receive" and token.node == node.id:
            self.effects.append(Passed(how, node.id, token.id))
            self.close_step(token, "completed")
            self.finish(token)
            return
        else:
            self.withdraw_timers(token.id)
            if token.node != node.id:
                self.trace("completed", token)
            moved = self.put(replace(token, node=node.id, mode="moving", held=()))
        self.effects.append(Passed(how, node.id, moved.id))
        self.trace("completed", moved)
        self.queue_leave(moved)

    def queue_leave(self, token: Token) -> None:
        """Leaving takes its turn too: several catchers of one signal are all heard before anything moves."""
        self.put(replace(token, mode="leaving"))
        self.moving.append(token.id)

    def start_event_subprocess(self, scope: Scope, start: Node, facts: Facts, how: Passage) -> None:
        node = next(n for n, s in self.levels[scope.body].listeners if s is start)
        self.write(scope.id, facts)
        if start.interrupting:
            self.empty(scope.id)
            self.withdraw_timers(scope.id)
            self.scopes[scope.id] = replace(self.scopes[scope.id], closed=True)
        body = f"{scope.body}/{node.id}"
        inner = Scope(self.number(), scope.id, 0, "event", body, node.id)
        self.scopes[inner.id] = inner
        token = self.put(Token(self.number(), inner.id, start.id))
        self.effects.append(Passed("entered", node.id, token.id))
        self.effects.append(Passed(how, start.id, token.id))
        self.queue_leave(token)
        self.arm_scope(inner.id)

    # -- timers and conditions -------------------------------------------------------------------

    def arm(self, owner: int, node: Node) -> None:
        timer = node.trigger.timer
        if timer is None:
            return
        left = _repetitions(timer.text) if timer.kind == "cycle" else 1
        clock = Clock(self.number(), owner, node.id, left)
        self.clocks[clock.id] = clock
        self.effects.append(Armed(clock.id, owner, node.id, self.owner_body(owner), left))

    def arm_scope(self, scope: int) -> None:
        for _, start in self.levels[self.scopes[scope].body].listeners:
            self.arm(scope, start)
            self.looked = False

    def withdraw_timers(self, owner: int) -> None:
        if not self.clocks:
            return
        for clock in [clock for clock in self.clocks.values() if clock.owner == owner]:
            del self.clocks[clock.id]
            self.effects.append(Disarmed(clock.id))

    def owner_body(self, owner: int) -> str:
        token = self.tokens.get(owner)
        return self.scopes[token.scope if token else owner].body

    def clock_node(self, clock: Clock) -> Node:
        return self.levels[self.owner_body(clock.owner)].event(clock.node)

    def look(self) -> bool:
        """After variables changed: triggers the first conditional event whose condition has become true."""
        if self.looked or not self.definition.conditional:
            return False
        for catcher in sorted(self.listening(), key=lambda c: (-c.rank, c.owner)):
            if catcher.node.trigger.kind == "conditional" and self.rises(catcher):
                self.catch(catcher, {})
                return True
        self.looked = True
        return False

    def rises(self, catcher: "_Catcher") -> bool:
        holder = self.scopes[catcher.owner] if catcher.rank == 2 else self.tokens[catcher.owner]
        before = catcher.node.id in holder.held
        try:
            now = self.choose.holds(self.names(catcher.scope), catcher.node, catcher.node.trigger.ref)
        except ExpressionError:
            now = False  # a variable the condition reads is not there yet: it does not hold
        if now != before:
            held = tuple(id for id in holder.held if id != catcher.node.id)
            self.hold(catcher.owner, (*held, catcher.node.id) if now else held)
        return now and not before

    def hold(self, owner: int, held: tuple[str, ...]) -> None:
        if owner in self.tokens:
            self.put(replace(self.tokens[owner], held=held))
        else:
            self.scopes[owner] = replace(self.scopes[owner], held=held)

    # -- scopes ----------------------------------------------------------------------------------

    def open_scope(
        self,
        kind: ScopeKind,
        body: str,
        node: str,
        parent: int,
        host: int,
        facts: dict[str, Any] | None,
        starts: tuple[str, ...],
    ) -> None:
        scope = Scope(self.number(), parent, host, kind, body, node, facts)
        self.scopes[scope.id] = scope
        self.emptied.append(scope.id)
        self.arm_scope(scope.id)
        for start in starts:
            self.place(scope.id, self.levels[body].nodes[start])

    def complete_scope(self) -> bool:
        """Completes the innermost scope in which nothing is left. True: something may move again."""
        while self.emptied:
            scope = self.scopes.get(self.emptied.pop())
            if scope is not None and scope.kind != "loop" and self.is_empty(scope):
                self.scope_done(scope)
                return True
        return False

    def is_empty(self, scope: Scope) -> bool:
        if scope.joins:
            return False
        for token in self.tokens.values():
            if token.scope == scope.id:
                return False
        return len(self.scopes) == 1 or not any(inner.parent == scope.id for inner in self.scopes.values())

    def scope_done(self, scope: Scope) -> None:
        if scope.kind == "round":
            self.round_done(scope)
            return
        self.withdraw_timers(scope.id)
        if scope.parent == 0:
            self.status = "ended"
            self.effects.append(Ended("ended"))
            return
        del self.scopes[scope.id]
        if scope.kind == "event":
            self.emptied.append(scope.parent)
            return
        host = self.tokens[scope.host]
        if scope.kind == "process":
            given = self.node(host).parameters
            self.write(host.scope, {n: v for n, v in (scope.facts or {}).items() if n not in given})
        self.trace("completed", host)
        self.finish(host)

    def empty(self, scope_id: int) -> None:
        """Cancels everything inside a scope; the scope itself stays."""
        for inner in [scope for scope in self.scopes.values() if scope.parent == scope_id]:
            self.empty(inner.id)
            self.withdraw_timers(inner.id)
            self.scopes.pop(inner.id, None)
        for token in [token for token in self.tokens.values() if token.scope == scope_id]:
            self.cancel(token)
        if self.scopes[scope_id].joins:
            self.scopes[scope_id] = replace(self.scopes[scope_id], joins={})

    def cancel(self, token: Token) -> None:
        """Takes a token away with everything inside the activity it is at."""
        node = self.node(token)
        for inner in [scope for scope in self.scopes.values() if scope.host == token.id]:
            self.empty(inner.id)
            self.withdraw_timers(inner.id)
            del self.scopes[inner.id]
        self.withdraw_timers(token.id)
        self.consume(token)
        if token.mode == "waiting" and node.kind in WAITING:
            self.close_step(token, "cancelled")
        elif token.mode in ("waiting", "hosting", "stuck_in"):
            self.trace("cancelled", token)

    def consume(self, token: Token) -> None:
        self.tokens.pop(token.id, None)
        if not self.emptied or self.emptied[-1] != token.scope:
            self.emptied.append(token.scope)

    # -- variables -------------------------------------------------------------------------------

    def names(self, scope_id: int) -> Facts:
        """The variables that can be read in a scope: its own store over those around it."""
        scope = self.scopes[scope_id]
        if scope.parent == 0 and scope.facts is not None:
            return scope.facts
        return _over_each_other(list(self.stores(scope_id)))

    def stores(self, scope_id: int) -> Iterator[dict[str, Any]]:
        while scope_id:
            scope = self.scopes[scope_id]
            if scope.facts is not None:
                yield scope.facts
            if scope.rounds is not None and scope.rounds.total is not None:
                yield self.round_counts(scope.rounds)
            scope_id = scope.parent

    def write(self, scope_id: int, facts: Facts) -> None:
        """Writes variables into the nearest store: the process's, or the instance's in a multi-instance."""
        if not facts:
            return
        scope = self.scopes[scope_id]
        while scope.facts is None or (scope.kind == "round" and self.shares(scope)):
            scope = self.scopes[scope.parent]
        self.scopes[scope.id] = replace(scope, facts={**(scope.facts or {}), **facts})
        self.looked = False

    def shares(self, scope: Scope) -> bool:
        """The rounds of a standard loop write where the loop stands; instances keep what is theirs."""
        return self.loop(scope).kind == "standard"

    # -- small words -----------------------------------------------------------------------------

    def number(self) -> int:
        number = self.next
        self.next = number + 1
        return number

    def put(self, token: Token) -> Token:
        self.tokens[token.id] = token
        return token

    def node(self, token: Token) -> Node:
        return self.levels[self.scopes[token.scope].body].nodes[token.node]

    def level(self, scope_id: int) -> Level:
        return self.levels[self.scopes[scope_id].body]

    def trace(self, what: Passage, token: Token) -> None:
        self.effects.append(Passed(what, token.node, token.id))


class _Catcher:
    """An event that listens: `rank` 0 at a waiting token, 1 on an activity's boundary, 2 as the start of an
    event sub-process; `owner` is the token, or for rank 2 the scope."""

    __slots__ = ("node", "owner", "rank", "scope")

    def __init__(self, rank: int, owner: int, scope: int, node: Node) -> None:
        self.rank = rank
        self.owner = owner
        self.scope = scope
        self.node = node

    @property
    def goes_on(self) -> bool:
        """Whether it listens on after it was triggered."""
        return self.rank > 0 and not self.node.interrupting


def _catching(nodes: list[Node], kind: str, code: str) -> Node | None:
    matching = [node for node in nodes if node.trigger.kind == kind and node.trigger.ref in ("", code)]
    return next((node for node in matching if node.trigger.ref), matching[0] if matching else None)


def _number_of(gathered: tuple[int, Any]) -> int:
    return gathered[0]


def _repetitions(cycle: str) -> int | None:
    """How often `R3/…` fires; `R/…` without end."""
    count = cycle.split("/", 1)[0][1:]
    return int(count) if count else None


HAPPEN: dict[type, Callable[[_Run, Any], None]] = {
    Began: _Run.began,
    Completed: _Run.completed,
    Failed: _Run.failed,
    Escalated: _Run.escalated,
    Messaged: _Run.messaged,
    Signalled: _Run.signalled,
    Fired: _Run.fired,
    Became: _Run.became,
    Assigned: _Run.assigned,
    Retried: _Run.retried,
    Cancelled: _Run.cancelled,
}

ENTER: Mapping[str, Callable[[_Run, Token, Node], None]] = {
    **dict.fromkeys(WAITING, _Run.wait),
    "start": _Run.passing,
    "boundary": _Run.passing,
    "end": _Run.end,
    "throw": _Run.throw_event,
    "catch": _Run.catch_event,
    "script": _Run.script,
    "send": _Run.send,
    "exclusive": _Run.passing,
    "parallel": _Run.join_parallel,
    "inclusive": _Run.join_inclusive_at,
    "event_gateway": _Run.await_first,
    "subprocess": _Run.enclose,
    "call": _Run.enclose,
}
