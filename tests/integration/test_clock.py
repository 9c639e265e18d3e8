"""The heartbeat on both databases: timers, lights, positions, what fails, several nodes at once."""

import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, insert, select, text, update

from engine import cases, casework, clock, records, tables
from engine.calendars import SHANGHAI
from engine.clock import Beat, Clock
from engine.errors import Refused
from engine.limits import Basis, Limit
from engine.records import Entry
from engine.store import Store
from engine.work import Call, Duty, Engine, Handler, Thing, Work
from tests.packs import (
    ACTOR,
    AREA,
    AT,
    Time,
    explain,
    kinds,
    open_case,
    open_nodes,
    publish,
    recorded,
    rows,
    wait_until,
)

MINUTE = timedelta(minutes=1)
WAITING = """
    start s
    catch wait timer=PT1H
    user after
    end e
    s -> wait
    wait -> after
    after -> e
"""


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def engine(store: Store, time: Time) -> Engine:
    return Engine(store, {}, time)


# -- timers ------------------------------------------------------------------------------------------


def test_a_timer_fires_when_it_is_due_and_not_before(engine: Engine, time: Time) -> None:
    publish(engine.store, WAITING)
    case = open_case(engine)
    beat = Clock(engine)
    time.on(minutes=59)
    assert beat.run_once().fired == 0
    assert open_nodes(engine, case) == []
    time.on(minutes=1)
    assert beat.run_once() == Beat(fired=1, placed=1, late=0.0)
    assert open_nodes(engine, case) == ["after"]
    assert beat.run_once().fired == 0


def test_the_moment_of_a_heartbeat_can_be_given(engine: Engine) -> None:
    publish(engine.store, WAITING)
    case = open_case(engine)
    assert Clock(engine).run_once(AT + 90 * MINUTE).fired == 1
    assert recorded(engine, case, "timer-fired")[0].at == AT + 90 * MINUTE


def test_after_downtime_a_timer_fires_once_with_its_true_due_time(engine: Engine, time: Time) -> None:
    publish(engine.store, WAITING)
    case = open_case(engine)
    time.on(hours=49)
    assert Clock(engine).run_once() == Beat(fired=1, placed=2, late=48 * 3600.0)
    (record,) = recorded(engine, case, "timer-fired")
    assert datetime.fromisoformat(record.detail["due_at"]) == AT + timedelta(hours=1)
    assert record.detail["late_seconds"] == 48 * 3600
    assert (record.actor, record.cause) == ("", "timer")


def test_a_repetition_missed_several_times_fires_once_and_goes_on_in_its_rhythm(engine: Engine, time: Time) -> None:
    publish(engine.store, """
        start s
        user work
        boundary remind on=work timer=R/PT10M interrupting=no
        end reminded
        end e
        s -> work
        work -> e
        remind -> reminded
    """)  # fmt: skip
    case = open_case(engine)
    time.on(minutes=35)
    beat = Clock(engine)
    assert beat.run_once().fired == 1
    (record,) = recorded(engine, case, "timer-fired")
    assert record.event is not None
    assert record.event["missed"] == 2
    (following,) = rows(engine, tables.timer, tables.timer.c.status == "waiting")
    assert following.due_at == AT + 40 * MINUTE
    time.on(minutes=5)
    assert beat.run_once().fired == 1
    assert len(recorded(engine, case, "timer-fired")) == 2


def test_timers_fire_in_order_of_due_time_then_id(engine: Engine, time: Time, monkeypatch: pytest.MonkeyPatch) -> None:
    fired: list[int] = []

    def fire(work: Work, id: int) -> bool:
        fired.append(id)
        return True

    monkeypatch.setattr(cases, "fire_due", fire)
    publish(engine.store, WAITING)
    for back in (0, 30, 30, 0, 10):
        time.now = AT - back * MINUTE
        open_case(engine)
    ids = [row.id for row in rows(engine, tables.timer)]
    monkeypatch.setattr(clock, "KINDS", (clock.TIMER._replace(due=clock.TIMER.due.limit(2)),))
    monkeypatch.setattr(clock, "BATCH", 2)
    time.now = AT + timedelta(hours=2)
    Clock(engine).run_once()
    assert fired[:5] == [ids[1], ids[2], ids[4], ids[0], ids[3]]


def test_a_suspended_case_stands_still(engine: Engine, time: Time) -> None:
    publish(engine.store, WAITING)
    case = open_case(engine)
    with engine.work() as work:
        ask = casework.Ask("suspension", "等候", ground="court", ceiling_days=30)
        request = cases.ask(work, ACTOR, case, ask)
    other = type(ACTOR)("p2", "post2", "worker", "u1", AREA)
    with engine.work() as work:
        cases.decide(work, other, request, True, "同意")
    time.on(hours=2)
    beat = Clock(engine)
    assert beat.run_once().fired == 0
    with engine.work() as work:
        request = cases.ask(work, ACTOR, case, casework.Ask("resumption", "可以"))
    with engine.work() as work:
        cases.decide(work, other, request, True, "同意")
    assert beat.run_once().fired == 0
    time.on(hours=1)
    assert beat.run_once().fired == 1


def test_every_timer_fires_once_however_many_nodes_beat(engine: Engine, time: Time) -> None:
    publish(engine.store, WAITING)
    opened = [open_case(engine) for _ in range(40)]
    time.on(hours=1, seconds=1)
    nodes = [Clock(engine, node=f"node{number}") for number in range(4)]
    with ThreadPoolExecutor(4) as threads:
        beats = list(threads.map(lambda node: node.run_once(), nodes))
    assert sum(beat.fired for beat in beats) == 40
    assert sum(beat.failed for beat in beats) == 0
    assert all(kinds(engine, case) == ["opened", "timer-fired"] for case in opened)
    with engine.look() as work:
        assert not [fault for case in opened for fault in records.verify(work.connection, f"case/{case}")]
        assert records.gaps(work.connection) == []


@pytest.mark.parametrize("dialect", ["postgresql"])
def test_a_case_in_other_hands_delays_no_other_and_is_not_forgotten(engine: Engine, time: Time) -> None:
    publish(engine.store, WAITING)
    held, free = open_case(engine), open_case(engine)
    time.on(hours=2)
    with ThreadPoolExecutor(1) as threads:
        with engine.work() as work:
            work.connection.execute(select(tables.case.c.id).where(tables.case.c.id == held).with_for_update())
            beat = threads.submit(Clock(engine).run_once)
            wait_until(lambda: open_nodes(engine, free) == ["after"])
            assert open_nodes(engine, held) == []
        assert beat.result(timeout=10).fired == 2


# -- lights ------------------------------------------------------------------------------------------

LIMITED = """
    start s
    user work limit=work
    end e
    s -> work
    work -> e
"""
LIMITS = {"work": Limit("work", Basis("product_default"), 100, "natural_minute")}


def test_each_light_is_announced_once(engine: Engine, time: Time) -> None:
    publish(engine.store, LIMITED, limits=LIMITS)
    case = open_case(engine)
    beat = Clock(engine)
    seen = []
    for minute in (79, 81, 99, 101, 102, 149, 151, 152, 500):
        time.now = AT + minute * MINUTE
        seen.append(beat.run_once().announced)
    assert seen == [0, 1, 0, 1, 0, 0, 1, 0, 0]
    assert [r.detail["light"] for r in recorded(engine, case, "light-changed")] == ["yellow", "red", "supervise"]


def test_after_downtime_only_the_present_light_is_announced(engine: Engine, time: Time) -> None:
    publish(engine.store, LIMITED, limits=LIMITS)
    case = open_case(engine)
    time.on(hours=10)
    assert Clock(engine).run_once().announced == 1
    assert [r.detail["light"] for r in recorded(engine, case, "light-changed")] == ["supervise"]


def test_the_light_of_the_whole_matter_is_announced_too(engine: Engine, time: Time) -> None:
    limits = {"matter": Limit("matter", Basis("product_default"), 100, "natural_minute")}
    publish(engine.store, LIMITED.replace(" limit=work", ""), limits=limits)
    case = open_case(engine)
    time.on(minutes=101)
    beat = Clock(engine)
    assert beat.run_once().announced == 1
    assert beat.run_once().announced == 0
    assert [r.detail["light"] for r in recorded(engine, case, "light-changed")] == ["red"]


def test_a_light_is_announced_once_however_many_nodes_beat(engine: Engine, time: Time) -> None:
    publish(engine.store, LIMITED, limits=LIMITS)
    opened = [open_case(engine) for _ in range(12)]
    time.on(minutes=81)
    nodes = [Clock(engine, node=f"node{number}") for number in range(4)]
    with ThreadPoolExecutor(4) as threads:
        beats = list(threads.map(lambda node: node.run_once(), nodes))
    assert sum(beat.announced for beat in beats) == 12
    assert all(len(recorded(engine, case, "light-changed")) == 1 for case in opened)


# -- what fails --------------------------------------------------------------------------------------

DECIDING = """
    start s
    catch wait timer=PT1H
    service ask handler=ask
    end e
    s -> wait
    wait -> ask
    ask -> e
"""


class Broken:
    """A `decide` handler that fails for some cases."""

    def __init__(self) -> None:
        self.cases: set[int] = set()

    def __call__(self, work: Work, call: Call) -> dict[str, Any]:
        if call.case in self.cases:
            raise Refused("test.broken", "名册缺失。", "The register is missing.")
        return {}


@pytest.fixture
def broken(engine: Engine) -> Broken:
    handler = Broken()
    engine.handlers = {"ask": Handler("decide", handler)}
    return handler


def suspended(engine: Engine, case: int, days: int) -> int:
    """Suspends a case for so many days at most. The request."""
    with engine.work() as work:
        asked = casework.Ask("suspension", "等候", ground="court", ceiling_days=days)
        request = cases.ask(work, ACTOR, case, asked)
        cases.decide(work, type(ACTOR)("p2", "post2", "worker", "u1", AREA), request, True, "同意")
    return request


@pytest.mark.parametrize("overall", [True, False])
def test_a_suspension_ends_by_itself_when_its_days_are_over(engine: Engine, time: Time, overall: bool) -> None:
    matter = {"matter": Limit("matter", Basis("product_default"), 20_000, "natural_minute")} if overall else {}
    publish(engine.store, LIMITED, limits={**LIMITS, **matter})
    case = open_case(engine)
    time.on(minutes=60)
    request = suspended(engine, case, 9)
    end = (AT.astimezone(SHANGHAI) + timedelta(days=10)).replace(hour=0, minute=0)
    beat = Clock(engine)
    for moment in (AT + timedelta(days=3), end - MINUTE, end):
        time.now = moment
        beat.run_once()
        assert rows(engine, tables.case)[0].suspended
    time.now = end + 5 * MINUTE
    assert beat.run_once() == Beat(placed=1)
    (row,) = rows(engine, tables.case)
    (step,) = rows(engine, tables.step)
    assert (row.suspended, step.due_at, step.light) == (False, end + 40 * MINUTE, "green")
    assert row.due_at == (end + (20_000 - 60) * MINUTE if overall else None)
    (ended,) = recorded(engine, case, "suspension-ended")
    told = {"request": request, "why": "ceiling", "until": end.astimezone(UTC).isoformat(), "late_seconds": 300}
    assert (ended.actor, ended.post, ended.cause, ended.detail) == ("", "", f"request/{request}", told)
    time.now = end + 45 * MINUTE
    assert beat.run_once().announced == 1  # and is late like any other
    assert recorded(engine, case, "light-changed")[-1].detail["light"] == "red"
    assert len(recorded(engine, case, "suspension-ended")) == 1


def test_timers_go_on_where_a_suspension_ended_by_itself(engine: Engine, time: Time) -> None:
    publish(engine.store, WAITING)
    case = open_case(engine)
    suspended(engine, case, 1)
    end = (AT.astimezone(SHANGHAI) + timedelta(days=2)).replace(hour=0, minute=0)
    time.now = end + timedelta(hours=3)
    beat = Clock(engine)
    beat.run_once()
    assert [row.due_at for row in rows(engine, tables.timer)] == [end + timedelta(hours=1)]
    assert beat.run_once().fired == 1
    assert open_nodes(engine, case) == ["after"]


def test_who_needs_more_days_asks_again(engine: Engine, time: Time) -> None:
    publish(engine.store, LIMITED, limits=LIMITS)
    case = open_case(engine)
    suspended(engine, case, 1)
    beat = Clock(engine)
    time.on(days=3)
    beat.run_once()
    suspended(engine, case, 30)
    time.on(days=10)
    beat.run_once()
    assert rows(engine, tables.case)[0].suspended
    assert len(recorded(engine, case, "suspension-ended")) == 1


def test_a_change_of_the_calendar_leaves_the_end_of_a_suspension_alone(engine: Engine, time: Time) -> None:
    limits = {**LIMITS, "matter": Limit("matter", Basis("product_default"), 20_000, "natural_minute")}
    publish(engine.store, LIMITED, limits=limits)
    case = open_case(engine)
    suspended(engine, case, 9)
    with engine.work() as work:
        cases.recompute(work, case, "calendar/2026#2")
    time.on(days=11)
    Clock(engine).run_once()
    assert not rows(engine, tables.case)[0].suspended


def test_an_error_in_one_case_does_not_stop_the_others(engine: Engine, time: Time, broken: Broken) -> None:
    publish(engine.store, DECIDING)
    opened = [open_case(engine) for _ in range(3)]
    broken.cases = {opened[0]}
    time.on(hours=2)
    beat = Clock(engine).run_once()
    assert (beat.fired, beat.failed) == (2, 1)
    assert [kinds(engine, case)[-1] for case in opened] == ["opened", "decided", "decided"]


def test_what_fails_again_and_again_becomes_one_incident(engine: Engine, time: Time, broken: Broken) -> None:
    publish(engine.store, DECIDING)
    case = open_case(engine)
    broken.cases = {case}
    time.on(hours=2)
    beat = Clock(engine)
    assert [beat.run_once().failed for _ in range(2)] == [1, 0], "it rests after a failure"
    for _ in range(4):
        time.on(minutes=10)
        assert beat.run_once().failed == 1
    (incident,) = rows(engine, tables.incident)
    assert (incident.case, incident.node, incident.code) == (case, "wait", "clock.failed")
    assert "名册缺失" in incident.text
    broken.cases = set()
    time.on(hours=1)
    assert Clock(engine, node="another").run_once().fired == 1
    (incident,) = rows(engine, tables.incident)
    assert incident.settled_at == time.now
    assert kinds(engine, case) == ["opened", "incident-opened", "timer-fired", "decided", "incident-settled"]
    told = [one for kind in ("incident-opened", "incident-settled") for one in recorded(engine, case, kind)]
    assert [(one.actor, one.detail) for one in told] == [("", {"node": "wait", "code": "clock.failed"})] * 2
    with engine.look() as work:
        assert [*records.verify(work.connection, f"case/{case}"), *records.proves(work.connection, case)] == []


def test_a_person_has_the_clock_try_again(engine: Engine, time: Time, broken: Broken) -> None:
    publish(engine.store, DECIDING)
    case = open_case(engine)
    broken.cases = {case}
    time.on(hours=2)
    beat = Clock(engine)
    for number in range(1, 3):
        for _ in range(4):
            time.on(hours=1)
            beat.run_once()
        incidents = rows(engine, tables.incident)
        assert [one.settled_at is None for one in incidents] == [*[False] * (number - 1), True]
        with engine.work() as work:
            cases.retry(work, ACTOR, incidents[-1].id, {})
        assert recorded(engine, case, "retried")[-1].actor == ACTOR.person
    broken.cases = set()
    time.on(hours=1)
    assert beat.run_once().fired == 1
    assert [one for one in rows(engine, tables.incident) if one.settled_at is None] == []


def test_an_incident_is_told_even_of_a_case_that_cannot_be_read(engine: Engine, time: Time) -> None:
    publish(engine.store, WAITING)
    case = open_case(engine)
    with engine.work() as work:
        work.connection.execute(update(tables.case).values(state=b"broken"))
    beat = Clock(engine)
    for _ in range(4):
        time.on(hours=1)
        beat.run_once()
    assert kinds(engine, case) == ["opened", "incident-opened"]
    with engine.look() as work:
        assert records.verify(work.connection, f"case/{case}") == []


class Chores:
    """A duty with things to do, some of which fail; done is done."""

    def __init__(self, *things: Thing) -> None:
        self.waiting = list(things)
        self.broken: set[str] = set()
        self.done: list[str] = []

    @property
    def duty(self) -> Duty:
        return Duty("chores", lambda _: self.waiting, self.do)

    def do(self, work: Work, thing: Thing) -> None:
        work.record(thing.id, [Entry("tried")], thing.area)
        if thing.id in self.broken:
            raise Refused("test.broken", "名册缺失。", "The register is missing.")
        self.done.append(thing.id)
        self.waiting = [one for one in self.waiting if one != thing]


def things(*names: str, case: int = 0) -> list[Thing]:
    return [Thing(f"chore/{name}", AREA, case) for name in names]


def chain(engine: Engine, subject: str) -> list[str]:
    with engine.look() as work:
        return [record.kind for record in records.chain(work.connection, subject)]


@contextmanager
def written(engine: Engine) -> Iterator[list[str]]:
    """The write transactions that begin meanwhile, but for the heartbeat's own."""
    begun: list[str] = []
    original = engine.store.transaction

    @contextmanager
    def counted() -> Iterator[Any]:
        begun.append("transaction")
        with original() as connection:
            yield connection

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine.store, "transaction", counted)
        yield begun
    assert begun.pop() == "transaction"  # the heartbeat


def test_a_duty_writes_only_when_something_is_due(engine: Engine) -> None:
    chores = Chores()
    clock = Clock(engine, duties=[chores.duty])
    with written(engine) as begun:
        clock.run_once()
    assert begun == []
    chores.waiting = things("a", "b")
    with written(engine) as begun:
        clock.run_once()
    assert len(begun) == 3  # one for each, and one to place what they recorded
    assert chores.done == ["chore/a", "chore/b"]


def test_what_only_looks_cannot_write(engine: Engine) -> None:
    def due(work: Work) -> list[Thing]:
        work.connection.execute(insert(tables.setting), {"key": "x", "value": "1"})
        return []

    assert Clock(engine, duties=[Duty("wrong", due, lambda *_: None)]).run_once().failed == 1
    assert rows_of(engine, "x") == []


def rows_of(engine: Engine, key: str) -> list[Any]:
    with engine.look() as work:
        return list(work.connection.execute(select(tables.setting).where(tables.setting.c.key == key)))


def test_a_failing_duty_stops_nothing(engine: Engine, time: Time) -> None:
    def fail(work: Work) -> list[Thing]:
        raise LookupError

    chores = Chores(*things("a"))
    publish(engine.store, WAITING)
    open_case(engine)
    time.on(hours=1)
    beat = Clock(engine, duties=[Duty("broken", fail, lambda *_: None), chores.duty]).run_once()
    assert (beat.fired, beat.failed) == (1, 1)
    assert chores.done == ["chore/a"]


def test_what_a_duty_cannot_do_holds_up_nothing_and_is_tried_again_after_a_rest(engine: Engine, time: Time) -> None:
    chores = Chores(*things("a", "b", "c"))
    chores.broken = {"chore/a"}
    clock = Clock(engine, duties=[chores.duty])
    assert clock.run_once().failed == 1
    assert chores.done == ["chore/b", "chore/c"]
    assert chain(engine, "chore/a") == []  # nothing of a failure stays
    failed = []
    for _ in range(14):
        time.on(seconds=5)
        failed.append(clock.run_once().failed)
    assert failed == [1, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]
    assert chain(engine, "chore/a") == ["duty-failed"]
    chores.broken = set()
    time.on(hours=1)
    assert clock.run_once().failed == 0
    assert chain(engine, "chore/a") == ["duty-failed", "tried"]


def test_a_beat_does_so_many_things_of_a_duty_and_what_rests_does_not_count(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "BATCH", 2)
    chores = Chores(*things("a", "b", "c", "d"))
    chores.broken = {"chore/a", "chore/b"}
    beat = Clock(engine, duties=[chores.duty])
    beat.run_once()
    assert chores.done == []
    beat.run_once()
    assert chores.done == ["chore/c", "chore/d"]


def test_what_fails_again_and_again_is_said_once_by_whichever_node(engine: Engine, time: Time) -> None:
    chores = Chores(*things("a"))
    chores.broken = {"chore/a"}
    for node in ("one", "two"):
        beat = Clock(engine, node=node, duties=[chores.duty])
        for _ in range(5):
            time.on(hours=1)
            beat.run_once()
    assert chain(engine, "chore/a") == ["duty-failed"]
    with engine.look() as work:
        (record,) = records.chain(work.connection, "chore/a")
    assert (record.actor, record.cause, record.area) == ("", "clock", AREA)
    assert record.detail == {"duty": "chores", "code": "test.broken"}


def test_what_comes_of_a_case_becomes_its_incident_and_settles_it(engine: Engine, time: Time) -> None:
    publish(engine.store, WAITING)
    case = open_case(engine)
    chores = Chores(*things("a", case=case))
    chores.broken = {"chore/a"}
    beat = Clock(engine, duties=[chores.duty])
    for _ in range(5):
        time.on(minutes=10)
        beat.run_once()
    (incident,) = rows(engine, tables.incident)
    assert (incident.case, incident.node, incident.code) == (case, "chores", "clock.failed")
    assert "名册缺失" in incident.text
    chores.broken = set()
    time.on(hours=1)
    beat.run_once()
    (incident,) = rows(engine, tables.incident)
    assert incident.settled_at == time.now
    assert [kind for kind in kinds(engine, case) if "incident" in kind] == ["incident-opened", "incident-settled"]


# -- positions, heartbeat, running -------------------------------------------------------------------


def test_committed_records_get_positions(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "PLACING", 2)
    publish(engine.store, WAITING)
    for _ in range(5):
        open_case(engine)
    beat = Clock(engine)
    assert beat.run_once().placed == 5
    assert beat.run_once().placed == 0
    with engine.look() as work:
        assert work.connection.execute(select(func.max(tables.record.c.position))).scalar() == 5


def test_each_node_tells_that_its_clock_runs(engine: Engine, time: Time) -> None:
    Clock(engine, node="a").run_once()
    time.on(minutes=1)
    Clock(engine, node="b").run_once()
    Clock(engine, timedelta(seconds=9), node="a").run_once()
    with engine.look() as work:
        found = work.connection.execute(select(tables.setting.c.key, tables.setting.c.value)).all()
    told = {key: json.loads(value) for key, value in found if key.startswith("heartbeat/")}
    assert sorted(told) == ["heartbeat/a", "heartbeat/b"]
    assert told["heartbeat/a"]["time"] == time.now.isoformat()
    assert told["heartbeat/a"]["every"] == 9


def test_a_started_clock_beats_until_it_is_stopped(engine: Engine, time: Time) -> None:
    publish(engine.store, WAITING)
    case = open_case(engine)
    beat = Clock(engine, timedelta(seconds=0.05))
    with running(beat):
        assert open_nodes(engine, case) == []
        time.on(hours=1)
        wait_until(lambda: open_nodes(engine, case) == ["after"])
    case = open_case(engine)
    time.on(hours=1)
    assert rows(engine, tables.timer, tables.timer.c.case == case)[0].status == "waiting"
    with running(beat):
        wait_until(lambda: open_nodes(engine, case) == ["after"])


@contextmanager
def running(beat: Clock) -> Iterator[None]:
    beat.start()
    beat.start()
    try:
        yield
    finally:
        beat.stop()
        beat.stop()


# -- plans -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "index"), [(clock.TIMER, "ix_timer_due"), (clock.STEP_LIGHT, "ix_step_light")], ids=lambda x: str(x)[:12]
)
def test_what_is_due_is_found_by_its_index(engine: Engine, kind: Any, index: str) -> None:
    publish(engine.store, LIMITED, limits=LIMITS)
    case = open_case(engine)
    fill(engine, case)
    with engine.work() as work:
        if engine.store.dialect == "postgresql":
            work.connection.execute(text("ANALYZE"))
        values = {"now": AT - timedelta(days=1), "at": clock.BEGINNING.at, "id": 0}
        plan = explain(work, kind.due, values)
    assert Counter(name for name in ("ix_timer_due", "ix_step_light") if name in plan) == {index: 1}, plan
    assert "SCAN timer" not in plan
    assert "Seq Scan on timer" not in plan


def fill(engine: Engine, case: int) -> None:
    """Enough rows that an index is worth its while."""
    (step,) = rows(engine, tables.step)
    with engine.work() as work:
        many = [
            {"case": case, "clock": n, "node": "x", "due_at": AT + n * MINUTE, "status": "waiting"} for n in range(3000)
        ]
        work.connection.execute(insert(tables.timer), many)
        copy = {name: value for name, value in step._mapping.items() if name != "id"}
        steps = [{**copy, "token": n, "light_at": AT + n * MINUTE} for n in range(100, 3000)]
        work.connection.execute(insert(tables.step), steps)
        work.connection.execute(update(tables.step).where(tables.step.c.id == step.id).values(light_at=AT))
