"""The heartbeat of a node: fires timers that are due, announces lights that change, gives records their positions.

Our own rows are the only truth about time; the scheduler knows one job, "beat now and then", and forgets it when the
process ends. Any number of nodes may beat at once: whoever locks a case works on it, the others pass on to the next
one, and what was done is seen to be done. Start a clock in a process that nobody forks afterwards (never in a web
server's workers): `wangge worker`, or the one process of a small installation.
"""

import logging
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import NamedTuple

from apscheduler.schedulers.background import BackgroundScheduler
from sqlalchemy import Select, Table, and_, bindparam, exists, insert, literal_column, or_, select, tuple_, update
from sqlalchemy.sql.elements import ColumnElement

from engine import cases, casework, records, tables
from engine.errors import WanggeError, Words
from engine.migration import Migrator
from engine.model import Value, encode, plain
from engine.records import Entry
from engine.work import Duty, Engine, Thing, Work

BATCH = 200
"""So many due rows are looked up at a time; each is worked on in a transaction of its own."""

PLACING = 1000
"""So many records get their position in one transaction."""

PATIENCE = 3
"""After so many failures in a row an incident tells a person."""

LONGEST = timedelta(hours=1)
"""The longest a failing case rests before it is tried again."""

INCIDENT, FAILED = "clock.failed", "duty-failed"
"""The code of an incident of the clock, and the record of what failed and comes of no case."""

log = logging.getLogger(__name__)
logging.getLogger("apscheduler").setLevel(logging.ERROR)  # a beat that takes longer than the interval is no news


class Beat(Value, frozen=True):
    """What one heartbeat did: timers fired, lights announced, records placed, failures; `late` is by how many seconds
    the latest of the fired timers was late."""

    fired: int = 0
    announced: int = 0
    placed: int = 0
    failed: int = 0
    late: float = 0.0


class Clock:
    """Beats every so often once it is started; `duties` are looked after at each beat.

    `node` names this process in the heartbeat (the computer's name by default).
    """

    def __init__(
        self,
        engine: Engine,
        every: timedelta = timedelta(seconds=5),
        *,
        node: str = "",
        duties: Sequence[Duty] = (),
    ) -> None:
        self.engine = engine
        self.every = every
        self.node = node or socket.gethostname()[:100]
        self.duties = tuple(duties)
        self._scheduler: BackgroundScheduler | None = None
        self._stopping = threading.Event()
        self._migrator = Migrator(engine)
        self._failing: dict[_Key, _Failure] = {}

    def run_once(self, now: datetime | None = None) -> Beat:
        """One heartbeat at `now` (aware; None: the engine's own clock). What goes wrong in one case is logged,
        counted and, when it goes on, an incident; it stops nothing else. Raises `Unavailable` without a database."""
        engine = self.engine if now is None else replace(self.engine, now=lambda: now)
        beating = _Beating(engine, self)
        for kind in KINDS:
            beating.work_through(kind)
        beating.do_duties()
        beating.place()
        beating.apart(("heartbeat", 0), beating.tell)
        return beating.beat

    def start(self) -> None:
        """Begins to beat, at once and then every so often, in a thread of its own; migrations that are under way, which
        may take hours, go on in another."""
        if self._scheduler is not None:
            return
        self._stopping.clear()
        self._migrator.stopping.clear()
        self._scheduler = BackgroundScheduler(timezone=UTC)
        for act in (self._beat, self._migrate):
            self._scheduler.add_job(
                act,
                "interval",
                seconds=self.every.total_seconds(),
                coalesce=True,
                max_instances=1,
                misfire_grace_time=None,
                next_run_time=datetime.now(UTC),
            )
        self._scheduler.start()

    def stop(self) -> None:
        """Ends the beating: the case in hand is finished, no further one begun."""
        self._stopping.set()
        self._migrator.stopping.set()
        if self._scheduler is not None:
            self._scheduler.shutdown(wait=True)
            self._scheduler = None

    def _beat(self) -> None:
        try:
            self.run_once()
        except Exception:
            log.exception("心跳失败，稍后重试。 A heartbeat failed; the next one tries again.")

    def _migrate(self) -> None:
        try:
            self._migrator.run()
        except Exception:
            log.exception("迁移中断，稍后继续。 A migration was interrupted; it goes on later.")


# -- what can be due ---------------------------------------------------------------------------------


class _Due(NamedTuple):
    """One thing that is due: since when, its row, its case, its node in the diagram."""

    at: datetime
    id: int
    case: int
    node: str


class _Kind(NamedTuple):
    """A kind of things that fall due. `due` finds the next ones after a given one, `claim` locks the case of one
    unless somebody else has it or it is due no more, `queue` waits for the lock instead."""

    name: str
    due: Select[tuple[datetime, int, int, str]]
    claim: Select[tuple[int]]
    queue: Select[tuple[int]]
    act: Callable[[Work, _Due], int]


def _kind(
    name: str,
    table: Table,
    at: ColumnElement[datetime],
    node: ColumnElement[str],
    condition: ColumnElement[bool],
    act: Callable[[Work, _Due], int],
) -> _Kind:
    case = tables.case
    source, its_case = (case, case.c.id) if table is case else (table.join(case), table.c.case)
    due = condition
    after = or_(at > bindparam("at"), and_(at == bindparam("at"), table.c.id > bindparam("id")))
    since = at >= bindparam("at")  # says again what `after` says, so that the index is entered at the right place
    lock = select(case.c.id).select_from(source).where(due, table.c.id == bindparam("id"))
    return _Kind(
        name,
        select(at, table.c.id, its_case, node)
        .select_from(source)
        .where(due, since, after)
        .order_by(at, table.c.id)
        .limit(BATCH),
        lock.with_for_update(of=case, skip_locked=True),
        lock.with_for_update(of=case),
        act,
    )


def _fire(work: Work, due: _Due) -> int:
    return int(cases.fire_due(work, due.id))


def _announce(work: Work, due: _Due) -> int:
    return cases.announce(work, due.case)


def _is(column: ColumnElement[str], word: str) -> ColumnElement[bool]:
    """The word stands in the statement itself, so that every plan for it may use the partial index."""
    return column == literal_column(f"'{word}'")


_timer, _step, _case = tables.timer.c, tables.step.c, tables.case.c

TIMER = _kind(
    "timer",
    tables.timer,
    _timer.due_at,
    _timer.node,
    and_(_is(_timer.status, "waiting"), _timer.due_at <= bindparam("now"), ~_case.suspended),
    _fire,
)
STEP_LIGHT = _kind(
    "step-light",
    tables.step,
    _step.light_at,
    _step.node,
    and_(_is(_step.status, "open"), _step.light_at < bindparam("now")),
    _announce,
)
CASE_LIGHT = _kind(
    "case-light",
    tables.case,
    _case.light_at,
    literal_column("''"),
    and_(_case.closed_at.is_(None), _case.light_at < bindparam("now")),
    _announce,
)
KINDS = (TIMER, STEP_LIGHT, CASE_LIGHT)

BEGINNING = _Due(datetime(1970, 1, 1, tzinfo=UTC), 0, 0, "")


# -- one heartbeat -----------------------------------------------------------------------------------


_Key = tuple[str, int | str]
"""What can fail: a kind of things that fall due, or a duty, and which one of them."""


class _Failure(NamedTuple):
    """How often in a row something failed, and until when it rests."""

    times: int
    until: datetime


class _Beating:
    """A heartbeat while it lasts."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self.engine = engine
        self.clock = clock
        self.failing = clock._failing
        self.stopping = clock._stopping
        self.incidents = self.open_incidents()
        self.counts: Counter[str] = Counter()
        self.late = 0.0

    @property
    def beat(self) -> Beat:
        """What was done so far."""
        return Beat(**self.counts, late=self.late)

    def work_through(self, kind: _Kind) -> None:
        """Everything of a kind that is due, first what nobody else has in hand, then what is left over."""
        for claim in (kind.claim, kind.queue):
            for due in self.each(kind):
                self.attempt(kind, due, claim)

    def each(self, kind: _Kind) -> Iterator[_Due]:
        last = BEGINNING
        while not self.stopping.is_set():
            with self.engine.look() as work:
                found = work.connection.execute(kind.due, {"now": work.now, "at": last.at, "id": last.id}).all()
            for row in found:
                if self.stopping.is_set():
                    return
                yield _Due._make(row)
            if len(found) < BATCH:
                return
            last = _Due._make(found[-1])
            self.apart(("heartbeat", 0), self.tell)

    def attempt(self, kind: _Kind, due: _Due, claim: Select[tuple[int]]) -> None:
        key = (kind.name, due.id)
        if self.rests(key):
            return
        try:
            with self.engine.work() as work:
                if work.connection.execute(claim, {"now": work.now, "id": due.id}).first() is None:
                    return
                done = kind.act(work, due)
                self.settle_incident(work, due)
                late = (work.now - due.at).total_seconds()
        except Exception as error:
            log.exception(
                "事项%s的%s“%s”未能处理，稍后重试。 Case %s: the %s “%s” failed and will be tried again.",
                due.case, kind.name, due.node, due.case, kind.name, due.node,
            )  # fmt: skip
            self.fail(key, partial(_open_incident, due=due, error=error))
            return
        self.failing.pop(key, None)
        self.counts["fired" if kind is TIMER else "announced"] += done
        if kind is TIMER and done:
            self.late = max(self.late, late)

    def do_duties(self) -> None:
        """What each duty finds due, thing by thing; what rests after a failure does not stand in the way."""
        for duty in self.clock.duties:
            ready = [thing for thing in self.found(duty) if not self.rests((duty.name, thing.id))]
            for thing in ready[:BATCH]:
                if not self.stopping.is_set():
                    self.do(duty, thing)

    def found(self, duty: Duty) -> list[Thing]:
        try:
            with self.engine.look() as work:
                return list(duty.due(work))
        except Exception:
            self.note_failure(duty.name)
            return []

    def do(self, duty: Duty, thing: Thing) -> None:
        key = (duty.name, thing.id)
        try:
            with self.engine.work() as work:
                duty.do(work, thing)
                self.settle_incident(work, _at_duty(work, duty, thing))
        except Exception as error:
            log.exception(
                "“%s”未能处理%s，稍后重试。 “%s” failed for %s and will be tried again.",
                duty.name, thing.id, duty.name, thing.id,
            )  # fmt: skip
            self.fail(key, partial(_tell_duty, duty=duty, thing=thing, error=error))
            return
        self.failing.pop(key, None)

    def place(self) -> None:
        """Positions for all records that were committed before this heartbeat or during it."""
        with self.engine.look() as work:
            if not work.connection.execute(select(_UNPLACED)).scalar():
                return
        placed = PLACING
        while placed == PLACING and not self.stopping.is_set():
            placed = self.apart(("place", 0), lambda work: records.place(work.connection, PLACING)) or 0
            self.counts["placed"] += placed

    def tell(self, work: Work) -> None:
        """Writes down that this node's clock runs, and what it did."""
        told = {"time": work.now.isoformat(), "every": self.clock.every.total_seconds(), "beat": plain(self.beat)}
        row = {"key": f"heartbeat/{self.clock.node}", "value": encode(told).decode()}
        setting = tables.setting
        changed = work.connection.execute(update(setting).where(setting.c.key == row["key"]).values(row))
        if not changed.rowcount:
            work.connection.execute(insert(setting), row)

    def apart(self, key: tuple[str, int], act: Callable[[Work], object]) -> int | None:
        """Does something that belongs to no case; its failure stops nothing else."""
        try:
            with self.engine.work() as work:
                done = act(work)
        except Exception:
            self.note_failure(key[0])
            return None
        return done if isinstance(done, int) else None

    def note_failure(self, name: str) -> None:
        log.exception("心跳中的“%s”失败，下次重试。 “%s” failed; the next heartbeat tries again.", name, name)
        self.counts["failed"] += 1

    # what fails

    def rests(self, key: "_Key") -> bool:
        failure = self.failing.get(key)
        return failure is not None and self.engine.now() < failure.until

    def fail(self, key: "_Key", tell: Callable[[Work], object]) -> None:
        """It rests, each time longer; when it goes on failing, `tell` tells people."""
        self.counts["failed"] += 1
        before = self.failing.get(key)
        times = before.times + 1 if before else 1
        doubled: int = 2 ** min(times - 1, 16)
        rest = min(self.clock.every * doubled, LONGEST)
        self.failing[key] = _Failure(times, self.engine.now() + rest)
        if times >= PATIENCE:
            self.apart(("incident", 0), tell)

    def open_incidents(self) -> set[tuple[int, str]]:
        with self.engine.look() as work:
            return {(row.case, row.node) for row in work.connection.execute(_INCIDENTS)}

    def settle_incident(self, work: Work, due: _Due) -> None:
        """What the clock could not do it now has done: nobody needs to look any more."""
        if (due.case, due.node) in self.incidents:
            here = _OPEN, tables.incident.c.case == due.case, tables.incident.c.node == due.node
            settled = work.connection.execute(update(tables.incident).where(*here).values(settled_at=work.now))
            if settled.rowcount:
                casework.tell(work, due.case, "incident-settled", {"node": due.node, "code": INCIDENT})


_OPEN = and_(tables.incident.c.code == INCIDENT, tables.incident.c.settled_at.is_(None))
_INCIDENTS = select(tables.incident.c.case, tables.incident.c.node).where(_OPEN)
_UNPLACED = exists().where(tables.record.c.position.is_(None))


def _open_incident(work: Work, due: _Due, error: Exception) -> None:
    """Says once that the case stands still, and why; the lock keeps other nodes from saying it too."""
    work.connection.execute(select(_case.id).where(_case.id == due.case).with_for_update())
    words = error.words if isinstance(error, WanggeError) else Words(_code(error), _code(error))
    here = _INCIDENTS.where(tuple_(tables.incident.c.case, tables.incident.c.node) == tuple_(due.case, due.node))
    if work.connection.execute(here).first() is None:
        text = f"定时处理多次失败：{words.zh} What was due could not be done: {words.en}"
        casework.open_incident(work, due.case, due.node, INCIDENT, text)


def _at_duty(work: Work, duty: Duty, thing: Thing) -> _Due:
    return _Due(work.now, 0, thing.case, duty.name)


def _tell_duty(work: Work, duty: Duty, thing: Thing, error: Exception) -> None:
    """An incident of the case that a thing comes of. Where it comes of none: a record in its own chain, once until
    something else happens to it."""
    if thing.case:
        _open_incident(work, _at_duty(work, duty, thing), error)
        return
    records.head(work.connection, thing.id)
    said = {"duty": duty.name, "code": error.code if isinstance(error, WanggeError) else _code(error)}
    last = max(records.chain(work.connection, thing.id), key=lambda one: one.number, default=None)
    if last is None or (last.kind, last.detail) != (FAILED, said):
        work.record(thing.id, [Entry(FAILED, cause="clock", detail=said)], thing.area)


def _code(error: Exception) -> str:
    return type(error).__name__
