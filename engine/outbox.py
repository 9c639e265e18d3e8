"""What follows a commit: effect handlers are called, messages are delivered. At least once, never lost silently.

A job is a row of our table `outbox`, written in the transaction of the step that wants it; that row alone says how
far it is, whoever runs it. `work_off` leases a job in a short transaction, runs the handler outside any, and gives
the answer to the case in another one, together with the job's new status: so a handler may run twice (it gets the
same `Call.key` again), but its answer counts once. What fails is tried again after a while that doubles; what
fails too often, or waits too long for somebody to receive it, is an incident that a person retries or gives up.

Two runners, one port (`start`, `stop`, `wake`): `Threads` in this process (SQLite, small installations), `Queue` on
many nodes with Procrastinate (PostgreSQL), whose own tables only say that somebody should have a look.
"""

import logging
import re
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import procrastinate
from procrastinate.jobs import Status
from procrastinate.schema import SchemaManager, migrations_path
from sqlalchemy import Connection, and_, bindparam, insert, literal_column, or_, select, text, update

from engine import cases, casework, iso8601, tables
from engine.directory import Actor
from engine.errors import NotFound, Refused, Unavailable, WanggeError, Words
from engine.model import Messaged, Value, decode, encode, replace
from engine.work import Call, Duty, Engine, Handler, Thing, Work

SETTINGS: Mapping[str, Any] = {
    "outbox.attempts": 8,
    "outbox.lease": "PT5M",
    "message.keep": "P7D",
}
"""Settings with their defaults: how often a handler is attempted before a person is asked; within what time it has to
answer before somebody else may attempt it again; how long a message is kept while nobody waits for it."""

FIRST = timedelta(seconds=10)
"""How long a job rests after its first failure; twice as long after each further one."""

LONGEST = {"call": timedelta(hours=1), "message": timedelta(minutes=5)}
"""The longest rest, by kind of job."""

BATCH = 100
UNDELIVERED = "message.undelivered"
FAILED = "handler.failed"

log = logging.getLogger(__name__)


class Job(NamedTuple):
    """A leased job: `attempts` counts this attempt too; `spent`: there were as many before as there may be."""

    id: int
    key: str
    case: int
    kind: str
    body: str
    attempts: int
    spent: bool


class Asked(Value, frozen=True):
    """What a job of the kind `call` holds: see `cases`."""

    handler: str
    step: int
    node: str
    arguments: dict[str, Any] = {}


class Letter(Value, frozen=True):
    """What a job of the kind `message` holds. `until` is added when nobody received it at first."""

    name: str
    node: str
    key: Any = None
    facts: dict[str, Any] = {}
    until: datetime | None = None


# -- working off -------------------------------------------------------------------------------------

_outbox = tables.outbox.c
_WAITING = and_(
    _outbox.status == literal_column("'waiting'"),  # in the statement itself: every plan may use the partial index
    _outbox.due_at <= bindparam("now"),
    or_(_outbox.lease_until.is_(None), _outbox.lease_until <= bindparam("now")),
)
_DUE = select(_outbox.id).where(_WAITING).order_by(_outbox.due_at, _outbox.id).limit(BATCH)
_CLAIM = select(tables.outbox).where(_WAITING, _outbox.id == bindparam("id")).with_for_update(skip_locked=True)
_JOB = select(tables.outbox).where(_outbox.id == bindparam("id")).with_for_update()


def run_once(engine: Engine) -> int:
    """Works off what is due now, one job after the other; how many it attempted. Jobs that these write are left to
    the next time."""
    with engine.look() as work:
        due = work.connection.execute(_DUE, {"now": work.now}).scalars().all()
    return sum(work_off(engine, id) for id in due)


def work_off(engine: Engine, id: int) -> bool:
    """Attempts one job, unless it is not due (any more) or somebody else has it. What goes wrong in it is written
    down, not raised; `Unavailable` without a database: then its lease runs out and it is attempted again."""
    job = _lease(engine, id)
    if job is None:
        return False
    try:
        KINDS[job.kind](engine, job)
    except Exception as error:
        log.warning("任务%s第%s次未成功。 Job %s failed, attempt %s.", job.key, job.attempts, job.key, job.attempts,
                    exc_info=error)  # fmt: skip
        _fail(engine, job, error)
    return True


def _lease(engine: Engine, id: int) -> Job | None:
    with engine.work() as work:
        row = work.connection.execute(_CLAIM, {"id": id, "now": work.now}).first()
        if row is None:
            return None
        lease = iso8601.duration(_setting(work.connection, "outbox.lease"))
        _change(work, id, lease_until=work.now + lease, attempts=row.attempts + 1)
        spent = row.attempts >= _setting(work.connection, "outbox.attempts")
        return Job(id, row.key, row.case, row.kind, row.body, row.attempts + 1, spent)


def _call(engine: Engine, job: Job) -> None:
    call, handler = _asked(engine, job)
    with engine.look() as work:  # no transaction begins unless the handler reads
        facts = dict(handler.run(work, call))
    with engine.work() as work:
        if _waits(work, job):
            _change(work, job.id, status="done", lease_until=None, error=None)
            cases.answer_call(work, call, facts)


def _asked(engine: Engine, job: Job) -> tuple[Call, Handler]:
    asked = decode(job.body, Asked)
    if job.spent:
        raise Refused(
            "handler.interrupted",
            f"处理器“{asked.handler}”每次运行都中断或超时，没有结果，请检查服务器日志。",
            f"The handler “{asked.handler}” never came to an end: it was cut off each time. See the server's log.",
        )
    handler = engine.handlers.get(asked.handler)
    if handler is None:
        raise Refused(
            "handler.unknown",
            f"处理器“{asked.handler}”没有登记，请安装含有它的版本。",
            f"The handler “{asked.handler}” is not registered: install a version that has it.",
        )
    return _as_call(job), handler


def _as_call(job: Job) -> Call:
    asked = decode(job.body, Asked)
    return Call(job.case, asked.step, asked.node, asked.arguments, job.key)


def _deliver(engine: Engine, job: Job) -> None:
    """Delivered and done in one transaction: that is why a message has its effect once."""
    letter = decode(job.body, Letter)
    with engine.work() as work:
        if _waits(work, job):
            _change(work, job.id, status="done", lease_until=None, error=None)
            facts = {name: value for name, value in letter.facts.items() if name != "target"}
            cases.deliver(work, _receiver(letter), Messaged(letter.name, letter.key, facts=facts), job.key)


def _receiver(letter: Letter) -> int:
    """The case a message is for: `case/17`, or the bare number, in its value `target` or `case`, or as its key."""
    for address in (letter.facts.get("target"), letter.facts.get("case")):
        if isinstance(address, int) and not isinstance(address, bool):
            return address
        if isinstance(address, str) and (found := re.fullmatch(r"(?:case/)?(\d{1,18})", address)):
            return int(found[1])
    if isinstance(letter.key, str) and (found := re.fullmatch(r"case/(\d{1,18})", letter.key)):
        return int(found[1])
    raise NotFound(
        "message.no-address",
        f"消息“{letter.name}”没有写明发给哪个事项（值 target 应为 case/编号）。",
        f"The message “{letter.name}” names no case to receive it (its value “target” has to be case/number).",
    )


KINDS: Mapping[str, Callable[[Engine, Job], None]] = {"call": _call, "message": _deliver}


# -- what fails --------------------------------------------------------------------------------------


def rest(kind: str, attempts: int) -> timedelta:
    """How long a job rests after so many failed attempts."""
    doubled: int = 2 ** min(attempts - 1, 16)
    return min(FIRST * doubled, LONGEST[kind])


def _fail(engine: Engine, job: Job, error: Exception) -> None:
    """Tries it later, or gives up and leaves it to a person. Whoever has the job meanwhile has the last word."""
    try:
        with engine.work() as work:
            if _waits(work, job, same_attempt=True):
                FAILURES[job.kind](work, job, _trouble(error))
    except Exception as failure:
        log.exception("任务%s无法交还。 Job %s could not be given back.", job.key, job.key)
        if isinstance(failure, Unavailable):
            return
        with engine.work() as work:
            if _waits(work, job, same_attempt=True):
                _report(work, job, _trouble(failure))


def _later(work: Work, job: Job, trouble: "Trouble", **more: Any) -> None:
    due = work.now + rest(job.kind, job.attempts)
    _change(work, job.id, due_at=due, lease_until=None, error=str(trouble.words), **more)


def _fail_call(work: Work, job: Job, trouble: "Trouble") -> None:
    if job.attempts < _setting(work.connection, "outbox.attempts"):
        _later(work, job, trouble)
        return
    _change(work, job.id, status="given_up", lease_until=None, error=str(trouble.words))
    cases.fail_call(work, _as_call(job), trouble.code, str(trouble.words))


def _fail_message(work: Work, job: Job, trouble: "Trouble") -> None:
    letter = decode(job.body, Letter)
    until = letter.until or work.now + iso8601.duration(_setting(work.connection, "message.keep"))
    if work.now < until:
        _later(work, job, trouble, body=encode(replace(letter, until=until)).decode())
        return
    zh, en = trouble.words
    why = Words(f"消息“{letter.name}”未能送达：{zh}", f"The message “{letter.name}” was not delivered: {en}")
    _report(work, job, Trouble(UNDELIVERED, why))


FAILURES: Mapping[str, Callable[[Work, Job, "Trouble"], None]] = {
    "call": _fail_call,
    "message": _fail_message,
}


def _report(work: Work, job: Job, trouble: "Trouble") -> None:
    """The job rests for good, and an incident of the case that wrote it says so."""
    _change(work, job.id, status="given_up", lease_until=None, error=str(trouble.words))
    node = decode(job.body, dict).get("node", "")
    casework.open_incident(work, job.case, node, trouble.code, str(trouble.words), outbox=job.id)


class Trouble(NamedTuple):
    """Why a job failed: a stable code, which an error event of the diagram may catch, and words for people."""

    code: str
    words: Words


def _trouble(error: Exception) -> Trouble:
    """What may be shown. The text of a foreign exception may hold anything, personal data too: it is in the log."""
    if isinstance(error, WanggeError):
        return Trouble(error.code, error.words)
    name = type(error).__name__
    zh, en = f"处理器出错（{name}），详见服务器日志。", f"The handler failed ({name}); see the server's log."
    return Trouble(FAILED, Words(zh, en))


# -- what a person does ------------------------------------------------------------------------------


def retry(work: Work, actor: Actor, incident: int, facts: Mapping[str, Any] | None = None) -> None:
    """Tries again what an incident is about: its job, all attempts anew, or else the step that is stuck (after
    setting `facts`). Raises `Forbidden` without the permission `repair`, `Conflict` when it has been dealt with."""
    job = _job_of(work, incident)
    if job is None:
        cases.retry(work, actor, incident, facts or {})
        return
    _settle(work, actor, incident, "job-retried", {})
    body = work.connection.execute(select(_outbox.body).where(_outbox.id == job)).scalar_one()
    anew = {name: value for name, value in decode(body, dict).items() if name != "until"}
    _change(work, job, status="waiting", attempts=0, due_at=work.now, error=None, body=encode(anew).decode())
    work.afterwards(work.idle)


def give_up(work: Work, actor: Actor, incident: int, reason: str) -> None:
    """Gives up what an incident is about: its job stays undone and the case goes on without it; a step that is
    stuck ends the case. Raises as `retry` does."""
    if _job_of(work, incident) is None:
        cases.give_up(work, actor, incident, reason)
    else:
        _settle(work, actor, incident, "job-given-up", {"reason": reason})


def _job_of(work: Work, incident: int) -> int | None:
    found: int | None = work.connection.execute(
        select(tables.incident.c.outbox).where(tables.incident.c.id == incident)
    ).scalar()
    return found


def _settle(work: Work, actor: Actor, incident: int, kind: str, said: Mapping[str, Any]) -> None:
    case, row = casework.take_incident(work, incident)
    case.permit(actor, "repair")
    case.settle_incident(row, actor)
    case.note(actor, kind, {"node": row["node"], "code": row["code"]}, said)
    case.save()


# -- rows --------------------------------------------------------------------------------------------


def _waits(work: Work, job: Job, *, same_attempt: bool = False) -> bool:
    """Whether the job still waits for its end, locked; with `same_attempt`, for the end of this very attempt."""
    row = work.connection.execute(_JOB, {"id": job.id}).one()
    return row.status == "waiting" and (not same_attempt or row.attempts == job.attempts)


def _change(work: Work, id: int, **values: Any) -> None:
    work.connection.execute(update(tables.outbox).where(_outbox.id == id).values(values))


def _setting(connection: Connection, key: str) -> Any:
    found = connection.execute(select(tables.setting.c.value).where(tables.setting.c.key == key)).scalar()
    return SETTINGS[key] if found is None else decode(found, object)


# -- in this process ---------------------------------------------------------------------------------


class Threads:
    """Works jobs off in threads of this process: woken after a commit (`engine.wake = threads.wake`) and by itself
    every `poll`."""

    def __init__(self, engine: Engine, count: int = 2, poll: timedelta = timedelta(seconds=1)) -> None:
        self.engine = engine
        self.count = count
        self.poll = poll
        self._threads: list[threading.Thread] = []
        self._awake = threading.Event()
        self._stopping = threading.Event()

    def start(self) -> None:
        """Begins to work. Not in a process that forks afterwards: threads do not come along."""
        if self._threads:
            return
        self._stopping.clear()
        self._threads = [
            threading.Thread(target=self._run, name=f"wangge-outbox-{number}") for number in range(self.count)
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Ends the work: a handler that runs is waited for, no further one begun."""
        self._stopping.set()
        self._awake.set()
        for thread in self._threads:
            thread.join()
        self._threads = []

    def wake(self) -> None:
        """Says that there may be something to do."""
        self._awake.set()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._awake.wait(self.poll.total_seconds())
            if not self._stopping.is_set():
                self._awake.clear()
                self._work()

    def _work(self) -> None:
        try:
            while not self._stopping.is_set() and run_once(self.engine):
                pass
        except Exception:
            log.exception("任务暂时无法处理，稍后重试。 Jobs cannot be worked off right now; trying again later.")


# -- on many nodes -----------------------------------------------------------------------------------

QUEUE = "outbox"
_LOCK = text("SELECT pg_try_advisory_xact_lock(7769, 4)")
_FORGOTTEN = _DUE.limit(1000).where(
    text(
        "NOT EXISTS (SELECT 1 FROM procrastinate_jobs q"
        " WHERE q.queueing_lock = 'outbox/' || outbox.id AND q.status = 'todo')"
    )
)


def _neglected(work: Work) -> list[Thing]:
    found = work.connection.execute(_FORGOTTEN.limit(1), {"now": work.now}).first()
    return [Thing("outbox", "/")] if found else []


class Queue:
    """Works jobs off on every node that runs `work` (PostgreSQL). Its tables have to be there: `install`."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._sender = _application(engine, procrastinate.SyncPsycopgConnector(), self.rescue)

    def enqueue(self, connection: Connection, jobs: Iterable[int]) -> None:
        """Asks for jobs to be done, in the transaction that writes them: both are committed, or neither."""
        driver = connection.connection.driver_connection
        for job in jobs:
            task = self._sender.configure_task(
                "work_off", connection=driver, queue=QUEUE, queueing_lock=f"outbox/{job}"
            )
            task.defer(outbox=job)

    @property
    def duty(self) -> Duty:
        """The rescue as a duty of a clock."""
        return Duty("outbox", _neglected, lambda work, _: self.rescue(work))

    def rescue(self, work: Work) -> int:
        """Asks again for what is due and nobody was asked to do: after a failure, a crash, a person's retry. How many
        jobs. Any number of nodes may do this at any time."""
        if not work.connection.execute(_LOCK).scalar():
            return 0
        forgotten: Sequence[int] = work.connection.execute(_FORGOTTEN, {"now": work.now}).scalars().all()
        self.enqueue(work.connection, forgotten)
        return len(forgotten)

    def work(self, concurrency: int = 4, *, forever: bool = True) -> None:
        """Works jobs off until the process is told to stop (SIGTERM, SIGINT), or until none is left."""
        address = self.engine.store.url.set(drivername="postgresql").render_as_string(hide_password=False)
        connector = procrastinate.PsycopgConnector(conninfo=address, min_size=1, max_size=concurrency + 2)
        _application(self.engine, connector, self.rescue).run_worker(
            queues=[QUEUE],
            concurrency=concurrency,
            wait=forever,
            delete_jobs="always",
            install_signal_handlers=forever,
        )


def _application(
    engine: Engine, connector: procrastinate.BaseConnector, rescue: Callable[[Work], int]
) -> procrastinate.App:
    """What Procrastinate knows of us: to work off one row, and once a minute to see that none is forgotten."""
    application = procrastinate.App(connector=connector)

    @application.task(name="work_off", queue=QUEUE)
    def work_off_task(outbox: int) -> None:
        work_off(engine, outbox)

    @application.periodic(cron="* * * * *")
    @application.task(name="rescue", queue=QUEUE)
    def rescue_task(timestamp: int) -> None:  # noqa: ARG001 (Procrastinate says for when it is)
        with engine.work() as work:
            rescue(work)

    @application.periodic(cron="* * * * *")
    @application.task(name="sweep", queue=QUEUE, pass_context=True)
    async def sweep_task(context: procrastinate.JobContext, timestamp: int) -> None:  # noqa: ARG001
        """Jobs of workers that died: our rows say themselves that they still wait."""
        manager = context.app.job_manager
        for job in await manager.get_stalled_jobs(queue=QUEUE):
            await manager.finish_job(job, status=Status.FAILED, delete_job=True)

    return application


def install(connection: Connection) -> None:
    """Brings Procrastinate's tables to the version of the package that is installed, in the caller's transaction.
    Nothing on SQLite. Any number of processes may do this at the same time."""
    if connection.dialect.name != "postgresql":
        return
    connection.execute(text("SELECT pg_advisory_xact_lock(7769, 5)"))
    setting = tables.setting
    applied = connection.execute(select(setting.c.value).where(setting.c.key == SCHEMA)).scalar()
    driver: Any = connection.connection.driver_connection
    newest = encode(VERSIONS[-1].name).decode()
    if applied is None:
        driver.execute(SchemaManager.get_schema())
        connection.execute(insert(setting), {"key": SCHEMA, "value": newest})
        return
    for version in VERSIONS:
        if version.name > decode(applied, str):
            driver.execute(version.read_text(encoding="utf-8"))
    connection.execute(update(setting).where(setting.c.key == SCHEMA).values(value=newest))


SCHEMA = "outbox/schema"
"""The setting that names the newest of Procrastinate's migrations in the database."""

VERSIONS = sorted(migrations_path.glob("*.sql"))
"""Procrastinate's migrations, in order."""
