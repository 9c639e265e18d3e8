"""Plays a diagram in memory on a virtual clock: the same machine, without a database, people or handlers.

It answers "what would happen if": for `wangge play`, for the example cases of a pack, for trying out a draft.
"""

import heapq
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, cast

from engine import iso8601, timers
from engine.calendars import Calendar
from engine.decisions import DecisionError, Table, evaluate
from engine.definition import Definition, Node, Timer
from engine.errors import Refused, WanggeError
from engine.expressions import ExpressionError, compile_expression
from engine.limits import Limit
from engine.machine import advance, variables
from engine.model import (
    Armed,
    Began,
    Closed,
    Completed,
    Disarmed,
    Effect,
    Escalated,
    Event,
    Failed,
    Fired,
    Messaged,
    Opened,
    Passed,
    Retried,
    Sent,
    Signalled,
    State,
    Stuck,
)

BEGINNING = datetime(2026, 1, 5, 9, tzinfo=iso8601.ZONE)
"""A Monday morning: when a play begins unless told otherwise."""

EVENTS = 10_000
"""So many events at most; then the play stops, open."""

AUTOMATIC = frozenset({"service", "rule"})
ACTIONS = {
    "complete": {"step", "facts"},
    "advance": set[str](),
    "message": {"facts", "key", "at", "step"},
    "signal": {"facts"},
    "error": {"at", "step", "facts"},
    "escalate": {"at", "step", "facts"},
    "retry": {"facts"},
}
"""What can be done, and what each act may say beside. `step` is the number of one of several open steps of a node."""

NEXT = "next"
"""Word of `advance`: to when the next timer falls due."""


class Waiting(NamedTuple):
    """An open step or a running timer: its number, its node, and the process it is drawn in."""

    id: int
    node: Node
    process: str


class Way(NamedTuple):
    """Something that can happen here beside completing a step: the event that hears it, and the act that makes it."""

    node: Node
    action: dict[str, Any]


class Player:
    """One play. `trace`, `open`, `variables` and `status` can be read at any time; `waiting`, `running` and `ways` say
    what can be done next. It stops, open, after so many events, or when `enough` says so."""

    def __init__(
        self,
        definition: Definition,
        *,
        facts: Mapping[str, Any] | None = None,
        start: str = "",
        at: datetime = BEGINNING,
        tables: Mapping[str, Table] | None = None,
        limits: Mapping[str, Limit] | None = None,
        calendar: Calendar | None = None,
        enough: Callable[[], bool] = lambda: False,
    ) -> None:
        self.definition = definition
        self.enough = enough
        self.tables = tables or {}
        self.limits = limits or {}
        self.calendar = calendar or Calendar.from_years(())
        self.now = at
        self.state = State()
        self.trace: list[dict[str, Any]] = []
        self.incidents: list[dict[str, Any]] = []
        self.events: list[Event] = []
        self.steps: dict[int, str] = {}
        self.timers: dict[int, datetime] = {}
        self.queue: list[tuple[datetime, int]] = []
        self.script: list[Mapping[str, Any]] = []
        self.happen(Began(start, dict(facts or {})))

    @property
    def status(self) -> str:
        """`ended`, `open`, or `incident` when something is stuck."""
        if self.state.status in ("ended", "cancelled"):
            return "ended"
        return "incident" if any(token.incident for token in self.state.tokens.values()) else "open"

    @property
    def open(self) -> list[str]:
        """The steps that wait, by node id, the longest waiting first."""
        return list(self.steps.values())

    @property
    def variables(self) -> dict[str, Any]:
        return dict(self.state.facts)

    @property
    def waiting(self) -> list[Waiting]:
        """The steps that wait, the longest waiting first."""
        return [Waiting(step, self.node(step), _process(self.body(step))) for step in self.steps]

    @property
    def running(self) -> list[tuple[datetime, Waiting]]:
        """The timers that run, with when each falls due, the soonest first."""
        found = []
        for id, clock in self.state.clocks.items():
            body, due = self.body(clock.owner), self.timers.get(id)
            if due is None:
                continue  # a documented "no limit"
            found.append((due, Waiting(id, self.definition.levels[body].event(clock.node), _process(body))))
        return sorted(found, key=lambda one: (one[0], one[1].id))

    @property
    def ways(self) -> list[tuple[int, Way]]:
        """What somebody may send, raise or escalate now, with the number of the step it concerns (0: none of them)."""
        return [*self.ways_at_tokens(), *((0, way) for way in self.ways_of_scopes())]

    @property
    def stopped(self) -> bool:
        """Whether the play was broken off because it went on too long."""
        return self.status == "open" and not self.goes_on()

    def goes_on(self) -> bool:
        return len(self.events) < EVENTS and not self.enough()

    def play(self, actions: Sequence[Mapping[str, Any]] = ()) -> "Player":
        """Does the actions, then completes what is open and lets time jump until nothing moves.

        Raises `Refused` naming the action that is unknown or cannot be done.
        """
        self.do(actions)
        while self.status != "ended" and self.goes_on():
            if self.steps:
                self.happen(Completed(next(iter(self.steps))))
            elif not self.jump(None):
                break
        return self

    def follow(self, actions: Sequence[Mapping[str, Any]] = ()) -> "Player":
        """Does the actions and nothing else, but that handlers answer at once: not those that may also fail in a way
        the diagram knows, for that is for somebody to choose. Raises `Refused`."""
        self.do(actions)
        self.settle_automatic(leave_choices=True)
        return self

    def do(self, actions: Sequence[Mapping[str, Any]]) -> None:
        self.script = list(actions)
        number = 0
        while self.script and self.goes_on():
            number += 1
            action = self.script[0]
            self.settle_automatic()
            self.script.pop(0)
            self.act(number, action)

    def act(self, number: int, action: Mapping[str, Any]) -> None:
        kind = next((kind for kind in ACTIONS if kind in action), None)
        unknown = set(action) - {kind} - ACTIONS.get(kind or "", set())
        if kind is None or unknown or not _is_action(kind, action):
            raise _refused(number, action, "不是可以执行的操作", "is not an action that can be played")
        try:
            getattr(self, f"do_{kind}")(action)
        except (WanggeError, ValueError) as error:
            raise _refused(
                number, action, f"无法执行：{_words(error, 0)}", f"cannot be done: {_words(error, 1)}"
            ) from error

    def do_complete(self, action: Mapping[str, Any]) -> None:
        self.happen(Completed(self.step(action["complete"], action), dict(action.get("facts", {}))))

    def do_advance(self, action: Mapping[str, Any]) -> None:
        if action["advance"] == NEXT:
            if not self.jump(None):
                raise Refused("play.no-timer", "没有正在运行的定时器。", "No timer is running.")
            return
        until = self.now + iso8601.duration(action["advance"])
        while self.jump(until) and self.goes_on():
            self.settle_automatic()
        self.now = until

    def do_message(self, action: Mapping[str, Any]) -> None:
        step = self.step(action["at"], action) if "at" in action else 0
        self.happen(Messaged(action["message"], action.get("key"), step, dict(action.get("facts", {}))))

    def do_signal(self, action: Mapping[str, Any]) -> None:
        self.happen(Signalled(action["signal"], dict(action.get("facts", {}))))

    def do_error(self, action: Mapping[str, Any]) -> None:
        self.happen(Failed(self.step(action["at"], action), action["error"], dict(action.get("facts", {}))))

    def do_escalate(self, action: Mapping[str, Any]) -> None:
        self.happen(Escalated(self.step(action["at"], action), action["escalate"], dict(action.get("facts", {}))))

    def do_retry(self, action: Mapping[str, Any]) -> None:
        """An incident at a node is tried again, after variables were set."""
        stuck = (id for id, token in self.state.tokens.items() if token.incident and token.node == action["retry"])
        self.happen(Retried(next(stuck, 0), dict(action.get("facts", {}))))
        self.incidents = [one for one in self.incidents if self.is_stuck(one["node"])]

    def is_stuck(self, node: str) -> bool:
        return any(token.incident and token.node == node for token in self.state.tokens.values())

    def step(self, node: str, action: Mapping[str, Any]) -> int:
        """The open step of a node: the one whose number is given, else the longest waiting."""
        number = action.get("step")
        open_here = [step for step, open_node in self.steps.items() if open_node == node]
        found = next((step for step in open_here if number in (None, step)), None)
        if found is None:
            waiting = "、".join(self.open) or "—"
            raise Refused(
                "play.no-such-step",
                f"环节“{node}”没有打开；打开的有：{waiting}。",
                f"The step “{node}” is not open; open are: {waiting}.",
            )
        return found

    def settle_automatic(self, leave_choices: bool = False) -> None:
        """Handlers answer at once, with nothing, unless the script still has an answer or an error for them."""
        while self.goes_on():
            answered = [action.get(word) for action in self.script for word in ("complete", "at")]
            idle = (step for step, node in self.steps.items() if node not in answered and self.kind(step) in AUTOMATIC)
            step = next((step for step in idle if not (leave_choices and self.may_fail(step))), None)
            if step is None:
                return
            self.happen(Completed(step))

    def may_fail(self, step: int) -> bool:
        """Whether the diagram knows an error of this step."""
        return any(node.trigger.kind == "error" for node in self.boundaries(step))

    def kind(self, step: int) -> str:
        return self.node(step).kind

    def node(self, token: int) -> Node:
        """The node at which a token is."""
        return self.definition.levels[self.body(token)].nodes[self.state.tokens[token].node]

    def body(self, owner: int) -> str:
        """The level on which a token is, or that a scope consists of."""
        token = self.state.tokens.get(owner)
        return self.state.scopes[token.scope if token else owner].body

    def boundaries(self, token: int) -> list[Node]:
        level = self.definition.levels[self.body(token)]
        return [level.nodes[id] for id in self.node(token).boundaries]

    def ways_at_tokens(self) -> Iterator[tuple[int, Way]]:
        for id, token in self.state.tokens.items():
            if token.mode in ("waiting", "hosting"):
                node, step = self.node(id), id if id in self.steps else 0
                level = self.definition.levels[self.body(id)]
                behind = (
                    [level.nodes[flow.target] for flow in level.out[node.id]] if node.kind == "event_gateway" else []
                )
                for event in (node, *behind, *self.boundaries(id)):
                    yield from ((step, way) for way in self.way(event, token.scope, node.id if step else ""))

    def ways_of_scopes(self) -> Iterator[Way]:
        for scope in self.state.scopes.values():
            if not scope.closed and self.state.status == "open":
                for _, start in self.definition.levels[scope.body].listeners:
                    yield from self.way(start, scope.id)

    def way(self, event: Node, scope: int, at: str = "") -> Iterator[Way]:
        """The act that an event hears; errors and escalations come from the step they hang on."""
        kind, ref = event.trigger.kind, event.trigger.ref
        place = {"at": at} if at and event.kind == "boundary" else {}
        if event.kind not in ("throw", "end", "send") and kind == "message":
            yield Way(event, {kind: ref, **place, **self.key(event.trigger.key, scope)})
        elif event.kind not in ("throw", "end") and kind == "signal":
            yield Way(event, {kind: ref})
        elif place and kind in ("error", "escalation"):
            yield Way(event, {"escalate" if kind == "escalation" else kind: ref, **place})

    def key(self, source: str, scope: int) -> dict[str, Any]:
        """What a message has to carry to be heard."""
        if not source:
            return {}
        try:
            return {"key": compile_expression(source)(variables(self.state, scope))}
        except ExpressionError:
            return {}

    def jump(self, until: datetime | None) -> bool:
        """Lets time run to the next timer, not beyond `until`, and fires it. False: there was none."""
        while self.queue:
            at, id = self.queue[0]
            timer = self.timers.get(id)
            if timer != at:
                heapq.heappop(self.queue)
                continue
            if until is not None and at > until:
                return False
            heapq.heappop(self.queue)
            self.now = max(self.now, at)
            self.happen(Fired(id))
            return True
        return False

    def happen(self, event: Event) -> None:
        """One event and what follows from it inside the case: tables, and messages it sends to itself."""
        self.state, effects = advance(self.definition, self.state, event)
        self.events.append(event)
        self.carry_out(effects)

    def carry_out(self, effects: Iterable[Effect]) -> None:
        sent: list[Sent] = []
        for effect in effects:
            if isinstance(effect, Passed):
                self.trace.append({"at": self.now.isoformat(), "node": effect.node, "event": effect.what})
            elif isinstance(effect, Opened):
                self.steps[effect.step] = effect.node
            elif isinstance(effect, Closed):
                self.steps.pop(effect.step, None)
            elif isinstance(effect, Armed):
                self.arm(effect)
            elif isinstance(effect, Disarmed):
                self.timers.pop(effect.clock, None)
            elif isinstance(effect, Sent):
                sent.append(effect)
            elif isinstance(effect, Stuck):
                self.incidents.append({"node": effect.node, "code": effect.code, "text": effect.text})
        self.decide()
        for message in sent:
            self.deliver(message)

    def decide(self) -> None:
        for step in list(self.steps):
            if step in self.steps and self.kind(step) == "rule" and self.node(step).decision in self.tables:
                self.happen(self.decided(step, self.tables[self.node(step).decision]))

    def decided(self, step: int, table: Table) -> Event:
        """What a table answers to a step; where it cannot, the step fails."""
        try:
            outcome = evaluate(table, variables(self.state, self.state.tokens[step].scope))
        except DecisionError as error:
            return Failed(step, error.code)
        return Completed(step, _outputs(table.key, outcome.outputs), outcome.matched)

    def deliver(self, message: Sent) -> None:
        try:
            self.happen(Messaged(message.name, message.key, facts=dict(message.facts)))
        except Refused:
            return  # nobody here waits for it: it leaves the case

    def arm(self, effect: Armed) -> None:
        node = self.node_of(effect)
        before = self.timers.get(effect.clock)
        base = before if effect.again and before else self.now
        due = timers.due_at(cast(Timer, node.trigger.timer), base, self.limits, self.calendar)
        if due is not None:
            self.timers[effect.clock] = due
            heapq.heappush(self.queue, (due, effect.clock))

    def node_of(self, effect: Armed) -> Node:
        return self.definition.levels[effect.body].event(effect.node)


def _is_action(kind: str, action: Mapping[str, Any]) -> bool:
    """Whether an act says what it has to say, in values of the right kind."""
    texts = all(isinstance(action[name], str) for name in (kind, "at") if name in action)
    shapes = isinstance(action.get("facts", {}), dict) and isinstance(action.get("step", 0), int)
    return texts and shapes and ("at" in action or kind not in ("error", "escalate"))


def _process(body: str) -> str:
    """The process that a level belongs to."""
    return body.partition("/")[0]


def _outputs(decision: str, outputs: Any) -> dict[str, Any]:
    """What a decision writes: its outputs by name, or its single result under the name of the decision."""
    return dict(outputs) if isinstance(outputs, Mapping) else {decision: outputs}


def _refused(number: int, action: object, zh: str, en: str) -> Refused:
    return Refused("play.action", f"第{number}个操作 {action} {zh}。", f"Action {number}, {action}, {en}.")


def _words(error: Exception, language: int) -> str:
    return error.words[language].rstrip("。.") if isinstance(error, WanggeError) else str(error)
