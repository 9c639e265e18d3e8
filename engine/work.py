"""One transaction at one moment: what every verb works in, and the one object that opens it.

`Engine` is put together once, in `web/app.py`; each request, timer, job or command asks it for a `Work`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, NamedTuple

from sqlalchemy import Connection

from engine import records
from engine.calendars import Calendar
from engine.directory import Actor, Directory
from engine.library import Library
from engine.records import Entry, Head
from engine.store import Store

MACHINE = Actor(person="", post="", role="", unit="", area="/")
"""Who acts when the machine does something by itself: nobody. It is never put under a person's name."""


class Call(NamedTuple):
    """What a handler is told: which case and step ask, with what arguments, and whose act led there (for an effect
    nobody's). `key` is the same however often an effect is attempted. `said` is what people said in the case so far,
    for `enact` alone."""

    case: int
    step: int
    node: str
    arguments: Mapping[str, Any]
    key: str
    actor: Actor = MACHINE
    said: Mapping[str, Any] = {}


class Handler(NamedTuple):
    """What a service task does. `decide` runs inside the transaction and only reads; `enact` runs there too and puts
    into the registers what the case has decided, so that both stand or neither; `effect` runs after the commit, at
    least once, and has to be idempotent by `Call.key`. All return the facts of the answer. A `guard`
    is asked before a step is answered, or left by the boundary event that names it (`Call.arguments` is what is said):
    it refuses by raising `Refused`."""

    kind: Literal["decide", "enact", "effect", "guard"]
    run: Callable[["Work", Call], Mapping[str, Any]]
    doc: str = ""


class Thing(NamedTuple):
    """One thing that a day or a moment brings by itself: the chain of records it belongs to, its area, and the case it
    comes of (0: none), where an incident tells people when it cannot be done."""

    id: str
    area: str
    case: int = 0


class Duty(NamedTuple):
    """What the clock does beside timers and lights. `due` only reads, at every beat: it names what is due, mostly
    nothing. `do` writes, once for each thing, in a transaction of its own: it looks again, for another node may have
    been first, and raises when it cannot be done, which holds up nothing else."""

    name: str
    due: Callable[["Work"], Iterable[Thing]]
    do: Callable[["Work", Thing], object]


Enqueue = Callable[[Connection, Sequence[int]], object]
"""Asks for jobs (rows of the outbox, by id) to be done, in the transaction that writes them."""


@dataclass
class Work:
    """One transaction (`connection`) at one moment (`now`, aware). `signing_key`: see `signing.py`."""

    connection: Connection
    now: datetime
    library: Library
    handlers: Mapping[str, Handler]
    idle: Callable[[], object] = field(default=lambda: None)
    enqueue: Enqueue = field(default=lambda *_: None)
    time: Callable[[], datetime] | None = None
    signing_key: Path | None = None

    def after_waiting(self) -> None:
        """Looks at the clock again, once what had to be locked is locked: who gets the lock later acts later, so that
        the moments in a chain never go backwards."""
        if self.time is not None:
            self.now = max(self.now, self.time())
            self.__dict__.pop("directory", None)  # who is who has to be asked at this later moment

    @cached_property
    def directory(self) -> Directory:
        """Who is who at this moment."""
        return Directory(self.connection, self.now)

    @cached_property
    def calendar(self) -> Calendar:
        """The working days as known now."""
        return self.library.calendar(self.connection)

    def record(self, subject: str, entries: Sequence[Entry], area: str) -> Head:
        """Appends to the chain of a subject that keeps no head of its own (a unit, a person, a calendar year)."""
        head = records.head(self.connection, subject)
        return records.append(self.connection, subject, head, entries, at=self.now, area=area)

    def afterwards(self, callback: Callable[[], object]) -> None:
        """Runs a callback when, and only if, this transaction has committed."""
        Store.after_commit(self.connection, callback)


def system_time() -> datetime:
    """The clock of the computer, aware, in UTC. Tests and demonstrations use another."""
    return datetime.now(UTC)


@dataclass
class Engine:
    """What runs: a database, what applies, what handlers do, and a clock. `wake` tells threads of this process that
    there are jobs, `enqueue` tells the workers of a PostgreSQL installation. `signing_key` is the file of the key that
    this installation signs with."""

    store: Store
    handlers: Mapping[str, Handler]
    now: Callable[[], datetime] = system_time
    library: Library = field(default_factory=Library)
    wake: Callable[[], object] = field(default=lambda: None)
    enqueue: Enqueue = field(default=lambda *_: None)
    signing_key: Path | None = None

    @contextmanager
    def work(self) -> Iterator[Work]:
        """One write transaction: committed at the end of the block, rolled back when it raises."""
        with self.store.transaction() as connection:
            now, key = self.now(), self.signing_key
            yield Work(connection, now, self.library, self.handlers, self.wake, self.enqueue, self.now, key)

    @contextmanager
    def look(self) -> Iterator[Work]:
        """A snapshot to read from."""
        with self.store.reading() as connection:
            yield Work(connection, self.now(), self.library, self.handlers)
