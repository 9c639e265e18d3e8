"""Plays a diagram in memory on a virtual clock: the same machine, without a database, people or handlers.

It answers "what would happen if": for `wangge play`, for the example cases of a pack, for trying out a draft.
"""

import heapq
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from engine import iso8601, timers
from engine.calendars import Calendar
from engine.decisions import DecisionError, Table, evaluate
from engine.definition import Definition, Node, Timer
from engine.errors import Refused, WanggeError
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
    "complete": {"facts"},
    "advance": set[str](),
    "message": {"facts", "key", "at"},
    "signal": {"facts"},
    "error": {"at", "facts"},
    "escalate": {"at", "facts"},
}


class Player:
    """One play. `trace`, `open`, `variables` and `status` can be read at any time."""

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
    ) -> None:
        self.definition = definition
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

    def play(self, actions: Sequence[Mapping[str, Any]] = ()) -> "Player":
        """Does the actions, then completes what is open and lets time jump until nothing moves.

        Raises `Refused` naming the action that is unknown or cannot be done.
        """
        self.script = list(actions)
        number = 0
        while self.script:
            number += 1
            action = self.script[0]
            self.settle_automatic()
            self.script.pop(0)
            self.act(number, action)
        while self.status != "ended" and len(self.events) < EVENTS:
            if self.steps:
                self.happen(Completed(next(iter(self.steps))))
            elif not self.jump(None):
                break
        return self

    def act(self, number: int, action: Mapping[str, Any]) -> None:
        kind = next((kind for kind in ACTIONS if kind in action), None)
        unknown = set(action) - {kind} - ACTIONS.get(kind or "", set())
        if kind is None or unknown:
            raise _refused(number, action, "不是可以执行的操作", "is not an action that can be played")
        try:
            getattr(self, f"do_{kind}")(action)
        except (WanggeError, ValueError) as error:
            raise _refused(
                number, action, f"无法执行：{_words(error, 0)}", f"cannot be done: {_words(error, 1)}"
            ) from error

    def do_complete(self, action: Mapping[str, Any]) -> None:
        self.happen(Completed(self.step(action["complete"]), dict(action.get("facts", {}))))

    def do_advance(self, action: Mapping[str, Any]) -> None:
        until = self.now + iso8601.duration(action["advance"])
        while self.jump(until) and len(self.events) < EVENTS:
            self.settle_automatic()
        self.now = until

    def do_message(self, action: Mapping[str, Any]) -> None:
        step = self.step(action["at"]) if "at" in action else 0
        self.happen(Messaged(action["message"], action.get("key"), step, dict(action.get("facts", {}))))

    def do_signal(self, action: Mapping[str, Any]) -> None:
        self.happen(Signalled(action["signal"], dict(action.get("facts", {}))))

    def do_error(self, action: Mapping[str, Any]) -> None:
        self.happen(Failed(self.step(action["at"]), action["error"], dict(action.get("facts", {}))))

    def do_escalate(self, action: Mapping[str, Any]) -> None:
        self.happen(Escalated(self.step(action["at"]), action["escalate"], dict(action.get("facts", {}))))

    def step(self, node: str) -> int:
        found = next((step for step, open_node in self.steps.items() if open_node == node), None)
        if found is None:
            waiting = "、".join(self.open) or "—"
            raise Refused(
                "play.no-such-step",
                f"环节“{node}”没有打开；打开的有：{waiting}。",
                f"The step “{node}” is not open; open are: {waiting}.",
            )
        return found

    def settle_automatic(self) -> None:
        """Handlers answer at once, with nothing, unless the script still has an answer or an error for them."""
        while len(self.events) < EVENTS:
            answered = {action.get("complete") for action in self.script} | {a.get("at") for a in self.script}
            step = next(
                (step for step, node in self.steps.items() if node not in answered and self.kind(step) in AUTOMATIC),
                None,
            )
            if step is None:
                return
            self.happen(Completed(step))

    def kind(self, step: int) -> str:
        return self.node(step).kind

    def node(self, step: int) -> Node:
        token = self.state.tokens[step]
        return self.definition.levels[self.state.scopes[token.scope].body].nodes[token.node]

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


def _outputs(decision: str, outputs: Any) -> dict[str, Any]:
    """What a decision writes: its outputs by name, or its single result under the name of the decision."""
    return dict(outputs) if isinstance(outputs, Mapping) else {decision: outputs}


def _refused(number: int, action: object, zh: str, en: str) -> Refused:
    return Refused("play.action", f"第{number}个操作 {action} {zh}。", f"Action {number}, {action}, {en}.")


def _words(error: Exception, language: int) -> str:
    return error.words[language].rstrip("。.") if isinstance(error, WanggeError) else str(error)
