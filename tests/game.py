"""Drives the machine in tests by node names, and proves after each event that replay gives the same state."""

from typing import Any

from engine.definition import Definition
from engine.machine import advance
from engine.model import (
    Assigned,
    Began,
    Cancelled,
    Completed,
    Effect,
    Ended,
    Escalated,
    Event,
    Failed,
    Fired,
    Messaged,
    Passed,
    Retried,
    Sent,
    Signalled,
    State,
    Stuck,
    decode,
    encode,
)


class Game:
    def __init__(self, definition: Definition, start: str = "", **facts: Any) -> None:
        self.definition = definition
        self.state = State()
        self.events: list[Event] = []
        self.effects: list[Effect] = []
        self.last: tuple[Effect, ...] = ()
        self.happen(Began(start, facts))

    def happen(self, event: Event) -> "Game":
        before = encode(self.state)
        state, effects = advance(self.definition, self.state, event)
        assert encode(self.state) == before, "advance changed the state it was given"
        assert decode(encode(state), State) == state, "the state does not survive storage"
        self.state, self.last = state, effects
        self.events.append(event)
        self.effects.extend(effects)
        return self

    def replayed(self) -> State:
        state = State()
        for event in self.events:
            state, _ = advance(self.definition, state, decode(encode(event), type(event)))
        return state

    # what is there

    @property
    def open(self) -> list[str]:
        """The nodes that wait for something, in the order they began to."""
        return [t.node for t in self.state.tokens.values() if t.mode == "waiting"]

    @property
    def stuck(self) -> dict[str, str]:
        return {t.node: t.incident for t in self.state.tokens.values() if t.incident}

    @property
    def timers(self) -> list[str]:
        return [clock.node for clock in self.state.clocks.values()]

    @property
    def ended(self) -> bool:
        return self.state.status == "ended"

    @property
    def facts(self) -> dict[str, Any]:
        return dict(self.state.facts)

    @property
    def sent(self) -> list[str]:
        return [e.name for e in self.effects if isinstance(e, Sent)]

    @property
    def incidents(self) -> list[str]:
        return [e.code for e in self.effects if isinstance(e, Stuck)]

    def passed(self, what: str = "completed", only: tuple[Effect, ...] | None = None) -> list[str]:
        effects = self.effects if only is None else only
        return [e.node for e in effects if isinstance(e, Passed) and e.what == what]

    def count(self, node: str, what: str = "completed") -> int:
        return self.passed(what).count(node)

    @property
    def over(self) -> bool:
        return any(isinstance(e, Ended) for e in self.effects)

    # what can be done

    def token(self, node: str, nth: int = 0) -> int:
        found = [t.id for t in self.state.tokens.values() if t.node == node and t.mode == "waiting"]
        assert len(found) > nth, f"no token {nth} at {node}; open: {self.open}"
        return found[nth]

    def complete(self, node: str, nth: int = 0, **facts: Any) -> "Game":
        return self.happen(Completed(self.token(node, nth), facts))

    def fail(self, node: str, code: str, **facts: Any) -> "Game":
        return self.happen(Failed(self.token(node), code, facts))

    def escalate(self, node: str, code: str, **facts: Any) -> "Game":
        return self.happen(Escalated(self.token(node), code, facts))

    def message(self, name: str, key: Any = None, **facts: Any) -> "Game":
        return self.happen(Messaged(name, key, 0, facts))

    def signal(self, name: str, **facts: Any) -> "Game":
        return self.happen(Signalled(name, facts))

    def fire(self, node: str, missed: int = 0) -> "Game":
        clock = next(c.id for c in self.state.clocks.values() if c.node == node)
        return self.happen(Fired(clock, missed))

    def assign(self, **facts: Any) -> "Game":
        return self.happen(Assigned(facts))

    def retry(self, node: str, **facts: Any) -> "Game":
        stuck = next(t.id for t in self.state.tokens.values() if t.node == node and t.incident)
        return self.happen(Retried(stuck, facts))

    def cancel(self) -> "Game":
        return self.happen(Cancelled())
