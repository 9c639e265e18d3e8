"""What follows a commit, on both databases: handlers, messages, failures, people, several workers, killed processes."""

import json
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from engine import cases, outbox, records, tables
from engine.clock import Clock
from engine.directory import Actor
from engine.errors import Conflict, Forbidden, NotFound, Refused, Unavailable
from engine.outbox import Queue, Threads
from engine.store import Store
from engine.work import Call, Engine, Handler, Work
from tests import databases
from tests.packs import ACTOR, AREA, Time, explain, kinds, open_case, open_nodes, publish, recorded, rows, wait_until

CALLING = """
    start s
    service notify handler=notify param:grid=grid
    user after
    end e
    s -> notify
    notify -> after
    after -> e
"""


class Notify:
    """An effect handler that counts, and does what it is told to."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.then: Callable[[Work, Call], Mapping[str, Any]]
        self.answer({"sent": True})

    def __call__(self, work: Work, call: Call) -> Mapping[str, Any]:
        self.calls.append(call)
        return self.then(work, call)

    def answer(self, facts: Mapping[str, Any]) -> None:
        def then(_work: Work, _call: Call) -> Mapping[str, Any]:
            return facts

        self.then = then

    def fail(self, error: Exception) -> None:
        def then(_work: Work, _call: Call) -> Mapping[str, Any]:
            raise error

        self.then = then


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def notify() -> Notify:
    return Notify()


@pytest.fixture
def engine(store: Store, time: Time, notify: Notify) -> Engine:
    return Engine(store, {"notify": Handler("effect", notify)}, time)


def jobs(engine: Engine) -> list[Any]:
    return rows(engine, tables.outbox)


def incidents(engine: Engine) -> list[Any]:
    return rows(engine, tables.incident)


def setting(engine: Engine, key: str, value: Any) -> None:
    with engine.work() as work:
        work.connection.execute(insert(tables.setting).values(key=key, value=json.dumps(value)))


def exhaust(engine: Engine, time: Time) -> None:
    """Attempts everything until nothing waits any more."""
    for _ in range(20):
        outbox.run_once(engine)
        time.on(hours=1)
    assert not waiting(engine)


# -- handlers ----------------------------------------------------------------------------------------


def test_an_effect_is_called_after_the_commit_and_its_answer_moves_the_case(engine: Engine, notify: Notify) -> None:
    publish(engine.store, CALLING)
    case = open_case(engine, grid="g7")
    assert notify.calls == []
    assert outbox.run_once(engine) == 1
    (call,) = notify.calls
    assert (call.case, call.node, call.arguments) == (case, "notify", {"grid": "g7"})
    assert open_nodes(engine, case) == ["after"]
    (record,) = recorded(engine, case, "handled")
    assert (record.actor, record.cause) == ("", call.key)
    assert record.event is not None
    assert record.event["facts"] == {"sent": True}
    assert outbox.run_once(engine) == 0


def test_the_handler_may_read_and_not_write(engine: Engine, notify: Notify) -> None:
    seen: list[str] = []

    def read(work: Work, call: Call) -> Mapping[str, Any]:
        seen.extend(work.connection.execute(select(tables.case.c.title)).scalars())
        work.connection.execute(update(tables.case).values(title="x"))
        return {}

    notify.then = read
    publish(engine.store, CALLING)
    case = open_case(engine, grid="g7")
    outbox.run_once(engine)
    assert seen == ["积水"]
    assert open_nodes(engine, case) == ["notify"]
    assert rows(engine, tables.case)[0].title == "积水"


def test_what_rolls_back_is_never_called(engine: Engine, notify: Notify) -> None:
    publish(engine.store, CALLING)

    def fail() -> None:
        with engine.work() as work:
            opening = cases.Opening("test/2026-01-01", AREA, "u1", "积水", work.now, facts={"grid": "g"})
            cases.open_(work, ACTOR, opening)
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    assert outbox.run_once(engine) == 0
    assert notify.calls == []


def test_a_handler_is_called_anew_each_time_the_case_comes_by(engine: Engine, notify: Notify) -> None:
    publish(engine.store, """
        start s
        service notify handler=notify
        exclusive enough
        end e
        s -> notify
        notify -> enough
        enough -> notify [rounds < 3]
        enough => e
    """)  # fmt: skip

    def count(work: Work, call: Call) -> Mapping[str, Any]:
        return {"rounds": len(notify.calls)}

    notify.then = count
    case = open_case(engine, rounds=0)
    exhaust(engine, Time())
    assert kinds(engine, case) == ["opened", "handled", "handled", "handled"]
    assert len({call.key for call in notify.calls}) == 3


def test_the_result_for_a_step_that_is_gone_is_ignored(engine: Engine, time: Time, notify: Notify) -> None:
    publish(engine.store, """
        start s
        service notify handler=notify
        boundary late on=notify timer=PT1H
        user instead
        end e
        s -> notify
        notify -> e
        late -> instead
        instead -> e
    """)  # fmt: skip
    case = open_case(engine)
    (timer,) = rows(engine, tables.timer)

    def slow(work: Work, call: Call) -> Mapping[str, Any]:
        time.on(hours=1)
        with engine.work() as meanwhile:
            cases.fire_due(meanwhile, timer.id)
        return {"sent": True}

    notify.then = slow
    assert outbox.run_once(engine) == 1
    assert open_nodes(engine, case) == ["instead"]
    assert kinds(engine, case) == ["opened", "timer-fired"]
    assert [job.status for job in jobs(engine)] == ["done"]


# -- what fails --------------------------------------------------------------------------------------


def test_rests_double_up_to_the_longest() -> None:
    rests = [outbox.rest("call", attempts).total_seconds() for attempts in (1, 2, 3, 8, 9, 10, 99)]
    assert rests == [10, 20, 40, 1280, 2560, 3600, 3600]
    assert outbox.rest("message", 99) == timedelta(minutes=5)


def test_a_handler_that_fails_is_tried_again_after_a_rest(engine: Engine, time: Time, notify: Notify) -> None:
    publish(engine.store, CALLING)
    case = open_case(engine, grid="g7")
    notify.fail(Refused("test.down", "短信平台停机。", "The message service is down."))
    outbox.run_once(engine)
    (job,) = jobs(engine)
    assert (job.status, job.attempts, job.due_at) == ("waiting", 1, time.now + timedelta(seconds=10))
    assert "短信平台停机" in job.error
    time.on(seconds=9.9)
    assert outbox.run_once(engine) == 0
    time.on(seconds=0.1)
    assert outbox.run_once(engine) == 1
    assert jobs(engine)[0].due_at == time.now + timedelta(seconds=20)
    notify.answer({})
    time.on(seconds=20)
    outbox.run_once(engine)
    assert open_nodes(engine, case) == ["after"]
    assert [call.key for call in notify.calls] == [job.key] * 3
    assert (jobs(engine)[0].status, jobs(engine)[0].error) == ("done", None)


def test_what_fails_too_often_is_an_incident_that_a_person_retries(engine: Engine, time: Time, notify: Notify) -> None:
    setting(engine, "outbox.attempts", 3)
    publish(engine.store, CALLING)
    case = open_case(engine, grid="g7")
    notify.fail(Refused("test.down", "短信平台停机。", "The message service is down."))
    exhaust(engine, time)
    assert len(notify.calls) == 3
    (incident,) = incidents(engine)
    assert (incident.case, incident.node, incident.settled_at) == (case, "notify", None)
    assert "短信平台停机" in incident.text
    assert kinds(engine, case) == ["opened", "handler-failed", "incident-opened"]
    notify.answer({})
    with engine.work() as work:
        outbox.retry(work, ACTOR, incident.id)
    assert outbox.run_once(engine) == 1
    assert open_nodes(engine, case) == ["after"]
    assert kinds(engine, case) == ["opened", "handler-failed", "incident-opened", "retried", "handled"]
    assert incidents(engine)[0].settled_by == ACTOR.person
    with pytest.raises(Conflict), engine.work() as work:
        outbox.retry(work, ACTOR, incident.id)


def test_a_person_may_end_a_case_whose_handler_fails(engine: Engine, time: Time, notify: Notify) -> None:
    setting(engine, "outbox.attempts", 1)
    publish(engine.store, CALLING)
    open_case(engine, grid="g7")
    notify.fail(Unavailable("test.down", "停机。", "Down."))
    exhaust(engine, time)
    with engine.work() as work:
        outbox.give_up(work, ACTOR, incidents(engine)[0].id, "平台下线")
    assert rows(engine, tables.case)[0].closed_at == time.now


def test_a_failure_that_the_diagram_catches_is_no_incident(engine: Engine, time: Time, notify: Notify) -> None:
    setting(engine, "outbox.attempts", 1)
    publish(engine.store, """
        start s
        service notify handler=notify
        boundary down on=notify error=test.down
        user by_phone
        end e
        s -> notify
        notify -> e
        down -> by_phone
        by_phone -> e
    """)  # fmt: skip
    case = open_case(engine)
    notify.fail(Refused("test.down", "短信平台停机。", "The message service is down."))
    exhaust(engine, time)
    assert open_nodes(engine, case) == ["by_phone"]
    assert incidents(engine) == []


def test_the_text_of_a_foreign_error_is_not_kept(engine: Engine, time: Time, notify: Notify) -> None:
    setting(engine, "outbox.attempts", 2)
    publish(engine.store, CALLING)
    case = open_case(engine, grid="g7")
    notify.fail(ValueError("张三 13800000000"))
    exhaust(engine, time)
    assert "ValueError" in jobs(engine)[0].error
    assert "138" not in jobs(engine)[0].error + incidents(engine)[0].text
    assert recorded(engine, case, "handler-failed")[0].event == {
        "type": "failed", "step": rows(engine, tables.step)[0].token, "code": "handler.failed",
    }  # fmt: skip


def test_an_answer_the_case_cannot_take_counts_as_a_failure(engine: Engine, time: Time, notify: Notify) -> None:
    setting(engine, "outbox.attempts", 2)
    publish(engine.store, CALLING)
    open_case(engine, grid="g7")
    notify.answer({"share": float("nan")})
    exhaust(engine, time)
    assert len(notify.calls) == 2
    assert [incident.node for incident in incidents(engine)] == ["notify"]


def test_an_unknown_handler_is_an_incident(engine: Engine, time: Time) -> None:
    publish(engine.store, CALLING)
    open_case(engine, grid="g7")
    engine.handlers = {}
    exhaust(engine, time)
    assert "notify" in incidents(engine)[0].text


def test_a_failure_that_cannot_even_be_told_to_the_case_is_an_incident(
    engine: Engine, time: Time, notify: Notify, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise Refused("test.unlawful", "不能这样变更。", "Not lawful.")

    setting(engine, "outbox.attempts", 2)
    publish(engine.store, CALLING)
    case = open_case(engine, grid="g7")
    notify.fail(LookupError())
    monkeypatch.setattr(cases, "fail_call", broken)
    exhaust(engine, time)
    (incident,) = incidents(engine)
    assert (incident.code, incident.outbox, incident.token) == ("test.unlawful", jobs(engine)[0].id, None)
    notify.answer({})
    with engine.work() as work:
        outbox.retry(work, ACTOR, incident.id)
    outbox.run_once(engine)
    assert open_nodes(engine, case) == ["after"]


# -- messages ----------------------------------------------------------------------------------------

SENDING = """
    start s
    send tell message=done key=number param:target=target param:result=result
    end e
    s -> tell
    tell -> e
"""
WAITING = """
    start s
    user prepare
    receive hear message=done
    end e
    s -> prepare
    prepare -> hear
    hear -> e
"""


def sender_and_receiver(engine: Engine, *, ready: bool) -> tuple[int, int]:
    sending = publish(engine.store, SENDING, key="sending/2026")
    receiving = publish(engine.store, WAITING, key="receiving/2026")
    receiver = open_case(engine, receiving)
    if ready:
        prepare(engine, receiver)
    return open_case(engine, sending, number=5, target=f"case/{receiver}", result="ok"), receiver


def prepare(engine: Engine, receiver: int) -> None:
    step = next(row for row in rows(engine, tables.step) if row.case == receiver and row.status == "open")
    with engine.work() as work:
        cases.complete(work, ACTOR, step.id, step.revision, {})


def test_a_message_reaches_the_case_it_names_once(engine: Engine) -> None:
    sender, receiver = sender_and_receiver(engine, ready=True)
    assert outbox.run_once(engine) == 1
    (record,) = recorded(engine, receiver, "message-received")
    (job,) = jobs(engine)
    assert (record.cause, job.status) == (job.key, "done")
    assert record.event is not None
    assert record.event["facts"] == {"result": "ok"}
    assert f"case/{sender}" in job.key
    assert not outbox.work_off(engine, job.id)


@pytest.mark.parametrize(
    ("facts", "key", "expected"),
    [
        ({"target": "case/7"}, None, 7),
        ({"target": 7}, "case/9", 7),
        ({"case": "7"}, None, 7),
        ({}, "case/7", 7),
        ({"target": None}, "case/7", 7),
    ],
)
def test_the_address_of_a_message(facts: dict[str, Any], key: Any, expected: int) -> None:
    assert outbox._receiver(outbox.Letter("m", "n", key, facts)) == expected


@pytest.mark.parametrize("address", ["7", 7, "case/7/8", "unit/7", "case/", True, None])
def test_a_key_that_is_no_address(address: Any) -> None:
    with pytest.raises(NotFound):
        outbox._receiver(outbox.Letter("m", "n", address, {"target": True}))


def test_a_message_waits_until_somebody_waits_for_it(engine: Engine, time: Time) -> None:
    _, receiver = sender_and_receiver(engine, ready=False)
    outbox.run_once(engine)
    assert jobs(engine)[0].status == "waiting"
    time.on(days=6, hours=23)
    outbox.run_once(engine)
    prepare(engine, receiver)
    time.on(minutes=5)
    outbox.run_once(engine)
    assert len(recorded(engine, receiver, "message-received")) == 1
    assert incidents(engine) == []


def test_a_message_nobody_wants_is_an_incident_at_its_sender(engine: Engine, time: Time) -> None:
    sender, receiver = sender_and_receiver(engine, ready=False)
    setting(engine, "message.keep", "P1D")
    outbox.run_once(engine)
    time.on(hours=23, minutes=59)
    outbox.run_once(engine)
    assert incidents(engine) == []
    time.on(minutes=5)
    outbox.run_once(engine)
    (incident,) = incidents(engine)
    assert (incident.case, incident.code, incident.node) == (sender, "message.undelivered", "tell")
    assert "done" in incident.text
    (opened,) = recorded(engine, sender, "incident-opened")
    assert (opened.actor, opened.detail) == ("", {"node": "tell", "code": "message.undelivered"})
    assert opened.at == time.now
    prepare(engine, receiver)
    stranger = Actor("p9", "post9", "visitor", "u1", AREA)
    with pytest.raises(Forbidden), engine.work() as work:
        outbox.retry(work, stranger, incident.id)
    with engine.work() as work:
        outbox.retry(work, ACTOR, incident.id)
    outbox.run_once(engine)
    assert len(recorded(engine, receiver, "message-received")) == 1
    assert kinds(engine, sender)[-1] == "job-retried"
    assert incidents(engine)[0].settled_by == ACTOR.person


def test_a_person_gives_a_message_up(engine: Engine, time: Time) -> None:
    sender, receiver = sender_and_receiver(engine, ready=False)
    setting(engine, "message.keep", "PT0S")
    outbox.run_once(engine)
    with engine.work() as work:
        outbox.give_up(work, ACTOR, incidents(engine)[0].id, "对方已线下知悉")
    assert outbox.run_once(engine) == 0
    assert incidents(engine)[0].settled_at == time.now
    assert kinds(engine, sender) == ["opened", "incident-opened", "job-given-up"]
    with engine.look() as work:
        assert [*records.verify(work.connection, f"case/{sender}"), *records.proves(work.connection, sender)] == []
    assert kinds(engine, receiver) == ["opened"]
    with engine.look() as work:
        assert records.said(work.connection, f"case/{sender}")[3] == {"reason": "对方已线下知悉"}


# -- leases ------------------------------------------------------------------------------------------


def test_workers_never_have_the_same_job_at_once(engine: Engine, notify: Notify) -> None:
    publish(engine.store, CALLING)
    opened = [open_case(engine, grid="g") for _ in range(30)]
    running: Counter[str] = Counter()
    most: list[int] = []
    gate = threading.Lock()

    def slowly(work: Work, call: Call) -> Mapping[str, Any]:
        with gate:
            running[call.key] += 1
            most.append(running[call.key])
        threading.Event().wait(0.005)
        with gate:
            running[call.key] -= 1
        return {}

    notify.then = slowly
    with ThreadPoolExecutor(4) as threads:
        done = list(threads.map(lambda _: outbox.run_once(engine), range(4)))
    assert sum(done) == 30
    assert max(most) == 1
    assert len(notify.calls) == 30
    assert all(kinds(engine, case) == ["opened", "handled"] for case in opened)


def test_a_lease_that_ran_out_lets_another_attempt_and_one_answer_counts(
    engine: Engine, time: Time, notify: Notify
) -> None:
    publish(engine.store, CALLING)
    case = open_case(engine, grid="g")

    def slow(work: Work, call: Call) -> Mapping[str, Any]:
        if len(notify.calls) > 1:
            return {"by": "second"}
        time.on(minutes=4, seconds=59)
        assert outbox.run_once(engine) == 0, "the lease holds"
        time.on(seconds=1)
        assert outbox.run_once(engine) == 1
        return {"by": "first"}

    notify.then = slow
    assert outbox.run_once(engine) == 1
    assert [call.key for call in notify.calls] == [jobs(engine)[0].key] * 2
    (record,) = recorded(engine, case, "handled")
    assert record.event is not None
    assert record.event["facts"] == {"by": "second"}


def test_a_late_answer_to_a_job_that_was_given_up_does_not_answer_the_next_one(
    engine: Engine, time: Time, notify: Notify
) -> None:
    setting(engine, "outbox.attempts", 2)
    publish(engine.store, CALLING)
    case = open_case(engine, grid="g")

    def slow(work: Work, call: Call) -> Mapping[str, Any]:
        if len(notify.calls) == 2:
            raise LookupError
        time.on(minutes=5)
        outbox.run_once(engine)
        with engine.work() as other:
            outbox.retry(other, ACTOR, incidents(engine)[0].id)
        return {"by": "first"}

    notify.then = slow
    outbox.run_once(engine)
    assert open_nodes(engine, case) == ["notify"]
    notify.answer({"by": "third"})
    outbox.run_once(engine)
    (record,) = recorded(engine, case, "handled")
    assert record.event is not None
    assert record.event["facts"] == {"by": "third"}
    assert [job.status for job in jobs(engine)] == ["given_up", "done"]


class Killed(BaseException):
    """What ends a process in the middle of a handler."""


def test_a_handler_that_takes_its_process_down_is_not_run_for_ever(engine: Engine, time: Time, notify: Notify) -> None:
    setting(engine, "outbox.attempts", 3)
    publish(engine.store, CALLING)
    open_case(engine, grid="g")

    def die(work: Work, call: Call) -> Mapping[str, Any]:
        raise Killed

    notify.then = die
    for _ in range(3):
        with pytest.raises(Killed):
            outbox.run_once(engine)
        time.on(minutes=5)
    outbox.run_once(engine)
    assert len(notify.calls) == 3
    assert jobs(engine)[0].status == "given_up"
    assert "中断" in incidents(engine)[0].text


def test_the_failure_of_an_attempt_that_lost_its_lease_changes_nothing(
    engine: Engine, time: Time, notify: Notify
) -> None:
    publish(engine.store, CALLING)
    open_case(engine, grid="g")

    def slow(work: Work, call: Call) -> Mapping[str, Any]:
        if len(notify.calls) == 1:
            time.on(minutes=5)
            with engine.work() as other:
                other.connection.execute(update(tables.outbox).values(attempts=2))
        raise LookupError

    notify.then = slow
    outbox.run_once(engine)
    (job,) = jobs(engine)
    assert (job.attempts, job.error) == (2, None)


def test_what_is_due_is_found_by_its_index(engine: Engine) -> None:
    publish(engine.store, CALLING)
    case = open_case(engine, grid="g")
    with engine.work() as work:
        work.connection.execute(
            insert(tables.outbox),
            [
                {
                    "key": str(n), "case": case, "kind": "call", "body": "{}", "status": "done", "attempts": 1,
                    "due_at": work.now + timedelta(minutes=n),
                }
                for n in range(3000)
            ],
        )  # fmt: skip
        if engine.store.dialect == "postgresql":
            work.connection.exec_driver_sql("ANALYZE outbox")
        plan = explain(work, outbox._DUE, {"now": work.now})
    assert "ix_outbox_due" in plan, plan


# -- runners -----------------------------------------------------------------------------------------


def test_threads_work_jobs_off_when_they_are_woken(engine: Engine, notify: Notify) -> None:
    publish(engine.store, CALLING)
    runner = Threads(engine, poll=timedelta(hours=1))
    engine.wake = runner.wake
    runner.start()
    runner.start()
    try:
        case = open_case(engine, grid="g")
        wait_until(lambda: open_nodes(engine, case) == ["after"])
    finally:
        runner.stop()
    case = open_case(engine, grid="g")
    assert open_nodes(engine, case) == ["notify"]


def test_threads_look_by_themselves_and_survive_a_failing_database(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(engine.store, CALLING)
    looked: list[int] = []

    def look(engine: Engine) -> int:
        looked.append(1)
        if len(looked) == 1:
            raise Unavailable("test.down", "停机。", "Down.")
        return run_once(engine)

    run_once = outbox.run_once
    monkeypatch.setattr(outbox, "run_once", look)
    case = open_case(engine, grid="g")
    runner = Threads(engine, count=1, poll=timedelta(seconds=0.02))
    runner.start()
    try:
        wait_until(lambda: open_nodes(engine, case) == ["after"])
    finally:
        runner.stop()


# -- many nodes --------------------------------------------------------------------------------------

POSTGRESQL = pytest.mark.parametrize("dialect", ["postgresql"])


@pytest.fixture
def queue(engine: Engine) -> Queue:
    with engine.work() as work:
        outbox.install(work.connection)
    publish(engine.store, CALLING)
    return Queue(engine)


def asked(engine: Engine) -> list[str]:
    with engine.look() as work:
        found = work.connection.exec_driver_sql("SELECT queueing_lock FROM procrastinate_jobs WHERE status = 'todo'")
        return list(found.scalars())


@POSTGRESQL
def test_jobs_are_asked_for_in_the_transaction_that_writes_them(queue: Queue, notify: Notify) -> None:
    def fail() -> None:
        with queue.engine.store.transaction() as connection:
            queue.enqueue(connection, [8])
            raise LookupError

    with queue.engine.store.transaction() as connection:
        queue.enqueue(connection, [7])
    with pytest.raises(LookupError):
        fail()
    assert asked(queue.engine) == ["outbox/7"]


@POSTGRESQL
def test_a_worker_runs_what_it_is_asked_for(queue: Queue, notify: Notify) -> None:
    opened = [open_case(queue.engine, grid="g") for _ in range(5)]
    ids = [job.id for job in jobs(queue.engine)]
    with queue.engine.store.transaction() as connection:
        queue.enqueue(connection, ids)
    queue.work(forever=False)
    assert all(kinds(queue.engine, case) == ["opened", "handled"] for case in opened)
    assert asked(queue.engine) == []
    with queue.engine.look() as work:
        assert work.connection.exec_driver_sql("SELECT count(*) FROM procrastinate_jobs").scalar() == 0


@POSTGRESQL
def test_what_failed_is_asked_for_again_when_it_has_rested(queue: Queue, time: Time, notify: Notify) -> None:
    engine = queue.engine
    case = open_case(engine, grid="g")
    notify.fail(LookupError())
    assert rescue(queue) == 1
    assert rescue(queue) == 0, "it has been asked for"
    queue.work(forever=False)
    assert rescue(queue) == 0, "it rests"
    notify.answer({})
    time.on(seconds=10)
    assert rescue(queue) == 1
    queue.work(forever=False)
    assert open_nodes(engine, case) == ["after"]
    assert rescue(queue) == 0


@POSTGRESQL
def test_the_clock_rescues(queue: Queue) -> None:
    open_case(queue.engine, grid="g")
    clock = Clock(queue.engine, duties=[queue.duty])
    assert clock.run_once().failed == 0
    assert len(asked(queue.engine)) == 1


@POSTGRESQL
def test_the_tables_of_procrastinate_are_brought_to_the_newest_version(queue: Queue) -> None:
    """From an older version by its migrations: the very same as at once."""
    with databases.postgresql(prepared=True) as address:
        old = Engine(Store(address), {})
        for version in outbox.VERSIONS[:-4]:
            with old.work() as work:
                raw(work).execute(version.read_text(encoding="utf-8"))
        setting(old, outbox.SCHEMA, outbox.VERSIONS[-5].name)
        assert described(old) != described(queue.engine)
        for _ in range(2):
            with old.work() as work:
                outbox.install(work.connection)
        assert described(old) == described(queue.engine)
        with old.look() as work:
            assert setting_of(work, outbox.SCHEMA) == json.dumps(outbox.VERSIONS[-1].name)
        old.store.close()


def raw(work: Work) -> Any:
    return work.connection.connection.driver_connection


def setting_of(work: Work, key: str) -> Any:
    return work.connection.execute(select(tables.setting.c.value).where(tables.setting.c.key == key)).scalar()


def described(engine: Engine) -> set[tuple[str, str]]:
    with engine.look() as work:
        found = work.connection.exec_driver_sql(
            "SELECT proname, prosrc FROM pg_proc WHERE proname ~ '^procrastinate'"
            " UNION SELECT table_name, column_name FROM information_schema.columns WHERE table_name ~ '^procrastinate'"
        )
        return {(row[0], row[1]) for row in found}


def rescue(queue: Queue) -> int:
    with queue.engine.work() as work:
        return queue.rescue(work)


# -- killed processes --------------------------------------------------------------------------------

WORKER = """
import logging, sys, time
from datetime import timedelta
from engine.outbox import Queue, Threads
from engine.store import Store
from engine.work import Engine, Handler

def notify(work, call):
    with open(sys.argv[3], "a") as file:
        print(call.key, file=file)
    time.sleep(0.03)
    return {"sent": True}

logging.disable(logging.CRITICAL)
engine = Engine(Store(sys.argv[1]), {"notify": Handler("effect", notify)})
if sys.argv[2] == "queue":
    Queue(engine).work(concurrency=3)
else:
    Threads(engine, count=3, poll=timedelta(seconds=0.05)).start()
"""


@pytest.mark.parametrize(
    ("dialect", "runner"), [("sqlite", "threads"), ("postgresql", "threads"), ("postgresql", "queue")]
)
def test_killed_workers_lose_nothing_and_every_answer_counts_once(
    store: Store, dialect: str, runner: str, tmp_path: Path
) -> None:
    engine = Engine(store, {"notify": Handler("effect", Notify())})
    setting(engine, "outbox.lease", "PT1S")
    publish(store, CALLING)
    queue = Queue(engine)
    with engine.work() as work:
        outbox.install(work.connection)
    opened = [open_case(engine, grid="g") for _ in range(24)]
    done = tmp_path / "done"
    done.touch()
    address = store.url.render_as_string(hide_password=False)
    kills = 0
    while waiting(engine):
        enough = lines(done) + 7
        worker = subprocess.Popen([sys.executable, "-c", WORKER, address, runner, str(done)])
        try:
            wait_until(partial(cut_off, engine, done, enough, queue if runner == "queue" else None))
        finally:
            worker.kill()
            worker.wait()
        kills += 1
        assert kills < 40
    calls = Counter(done.read_text().split())
    assert kills > 2
    assert set(calls) == {job.key for job in jobs(engine)}, "each effect at least once"
    assert sum(calls.values()) > 24, "some were cut off and run again"
    assert all(kinds(engine, case) == ["opened", "handled"] for case in opened)


def cut_off(engine: Engine, done: Path, enough: int, queue: Queue | None) -> bool:
    """Whether it is time to kill; meanwhile the clock of some node beats."""
    if queue is not None:
        rescue(queue)
    return lines(done) >= enough or not waiting(engine)


def lines(file: Path) -> int:
    return len(file.read_text().splitlines())


def waiting(engine: Engine) -> int:
    return sum(job.status == "waiting" for job in jobs(engine))
