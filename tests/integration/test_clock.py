"""The heartbeat on both databases: timers, lights, positions, what fails, several nodes at once."""

import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, insert, select, text, update

from engine import cases, casework, clock, records, tables
from engine.clock import Beat, Clock
from engine.errors import Refused
from engine.limits import Basis, Limit
from engine.store import Store
from engine.work import Call, Engine, Handler, Work
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


def test_a_failing_duty_stops_nothing(engine: Engine, time: Time) -> None:
    done: list[datetime] = []

    def fail(work: Work) -> None:
        raise LookupError

    publish(engine.store, WAITING)
    open_case(engine)
    time.on(hours=1)
    beat = Clock(engine, duties=[fail, lambda work: done.append(work.now)]).run_once()
    assert (beat.fired, beat.failed) == (1, 1)
    assert done == [time.now]


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
