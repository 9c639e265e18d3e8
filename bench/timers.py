"""Ten thousand timers that fall due at once, while steps go on: how late they fire, and that each fires once.

The waiting cases are copies of one that was opened through the engine, written in bulk; two nodes beat, each with its
own clock, and a third thread completes steps. Lateness is the time between due and fired as the timers' rows tell it;
how often each fired is counted in the records.
"""

import itertools
import json
import shutil
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Table, func, select

from bench import bulk, durable
from bench.durable import NOW, Bench
from bench.figures import Figure, say
from engine import cases, publishing, tables
from engine.cases import Opening
from engine.clock import Clock
from engine.work import Engine

DIAGRAM = Path(__file__).with_name("waiting.bpmn")
PACK = "bench/2026-01-01"
NODES = 2
SILENCE = 60.0
"""Seconds without a timer fired after which the rest counts as lost."""

COPIED: tuple[Table, ...] = (tables.case, tables.step, tables.assignment, tables.timer)


def at_once(name: str, url: str, folder: Path, count: int) -> list[Figure]:
    """So many timers due at one moment, on the database `url`."""
    say(f"timers: {count:,} waiting cases on {name} …")
    bench = durable.settle(url)
    pattern = _open_waiting(bench, folder)
    due_at = NOW + timedelta(seconds=1)
    _copy(bench, pattern, count, due_at)
    bulk.analyse(bench.engine.store)
    engine = replace(bench.engine, now=_running(NOW))
    say(f"timers: all due on {name}; {NODES} nodes fire, steps go on …")
    begin = time.perf_counter()
    stepping = _Stepping(bench._replace(engine=engine))
    stepping.start()
    _fire_all(engine)
    taken = time.perf_counter() - begin
    return _figures(name, engine, count, stepping.stop(), taken)


def _running(start: datetime) -> Callable[[], datetime]:
    """A clock that stands at `start` now and goes on at the usual pace."""
    begin = time.monotonic()
    return lambda: start + timedelta(seconds=time.monotonic() - begin)


# -- the waiting cases -------------------------------------------------------------------------------


def _open_waiting(bench: Bench, folder: Path) -> int:
    """Publishes the pack with the waiting process and opens one case through the engine."""
    source = publishing.PACKS / "zhenjiang" / "2026-01-01"
    target = folder / "pack"
    shutil.copytree(source, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns("procedures"))
    shutil.copyfile(DIAGRAM, target / DIAGRAM.name)
    manifest = json.loads((source / "manifest.json").read_text(encoding="utf-8"))
    manifest |= {"key": PACK, "place": "bench", "processes": {"matter": DIAGRAM.name}, "shared": [], "registries": []}
    (target / "manifest.json").write_text(json.dumps(manifest, ensure_ascii=False), encoding="utf-8")
    actor = next(actor for (role, _), actor in bench.actors.items() if role == "grid_worker")
    with bench.engine.work() as work:
        publishing.publish(work, publishing.read_folder(target)._replace(findings=()))  # no law says how to wait
        opening = Opening(PACK, actor.area, actor.unit, "x", NOW, facts={"grid": actor.unit})
        return cases.open_(work, actor, opening)


def _copy(bench: Bench, pattern: int, count: int, due_at: datetime) -> None:
    """Copies of the pattern that have no record yet; the pattern's own timer falls due with the others."""
    store = bench.engine.store
    with store.transaction() as connection:
        connection.execute(tables.timer.update().values(due_at=due_at))
    with store.reading() as connection:
        patterns = {table.name: _rows(connection, table, pattern) for table in COPIED}
        tops = {table.name: connection.execute(select(func.max(table.c.id))).scalar_one() for table in COPIED}
    with bulk.loading(store) as loader:
        for table in COPIED:
            is_case = table is tables.case
            columns = bulk.columns_of(table, "id", "number" if is_case else "case")
            ids = itertools.count(tops[table.name] + 1)
            for row in patterns[table.name]:
                rest = bulk.values({**row, "head": "", "records": 0} if is_case else row, columns, loader)[2:]
                links = (f"bench-{n}" if is_case else tops["case"] + n for n in range(1, count))
                loader.rows(table, columns, ((next(ids), link, *rest) for link in links))


def _rows(connection: Connection, table: Table, case: int) -> list[dict[str, Any]]:
    key = table.c.id if table is tables.case else table.c.case
    return [dict(row) for row in connection.execute(select(table).where(key == case)).mappings()]


# -- firing ------------------------------------------------------------------------------------------


def _fire_all(engine: Engine) -> None:
    """Two nodes beat until nothing waits any more, or nothing has fired for long."""
    stop = threading.Event()
    nodes = [threading.Thread(target=_beat, args=(engine, f"node-{n}", stop)) for n in range(NODES)]
    for node in nodes:
        node.start()
    left, since = _waiting(engine), time.monotonic()
    while left and time.monotonic() - since < SILENCE:
        time.sleep(0.2)
        now_left = _waiting(engine)
        if now_left < left:
            left, since = now_left, time.monotonic()
    stop.set()
    for node in nodes:
        node.join()


def _beat(engine: Engine, name: str, stop: threading.Event) -> None:
    clock = Clock(engine, timedelta(seconds=1), node=name)
    while not stop.is_set():
        clock.run_once()
        stop.wait(0.1)


def _waiting(engine: Engine) -> int:
    query = select(func.count()).select_from(tables.timer).where(tables.timer.c.status == "waiting")
    with engine.look() as work:
        return int(work.connection.execute(query).scalar_one())


class _Stepping(threading.Thread):
    """Somebody who completes one step after the other until told to stop."""

    def __init__(self, bench: Bench) -> None:
        super().__init__()
        self.bench = bench
        self.enough = threading.Event()
        self.done = 0
        self.failure: Exception | None = None

    def run(self) -> None:
        try:
            for act in durable.steps(self.bench, itertools.cycle(self.bench.cases)):
                if self.enough.is_set():
                    return
                act()
                self.done += 1
        except Exception as error:
            self.failure = error

    def stop(self) -> int:
        """How many steps it was. Raises what went wrong."""
        self.enough.set()
        self.join()
        if self.failure is not None:
            raise self.failure
        return self.done


# -- what came of it ---------------------------------------------------------------------------------


def _figures(name: str, engine: Engine, count: int, steps: int, taken: float) -> list[Figure]:
    record, timer = tables.record.c, tables.timer.c
    with engine.look() as work:
        rows = work.connection.execute(select(timer.case, timer.status, timer.due_at, timer.fired_at)).all()
        bodies = work.connection.execute(select(record.subject, record.body).where(record.subject.like("case/%")))
        fired = Counter(subject for subject, body in bodies if json.loads(body)["kind"] == "timer-fired")
    late = sorted((row.fired_at - row.due_at).total_seconds() for row in rows if row.fired_at)
    lost = sum(1 for row in rows if row.status != "fired" or not fired[f"case/{row.case}"])
    doubled = sum(times - 1 for times in fired.values() if times > 1)
    if len(rows) != count:
        raise ValueError(f"{count} timers were wanted, {len(rows)} are there")
    details: dict[str, Any] = {
        "timers": count,
        "lost": lost,
        "doubled": doubled,
        "late_seconds": {share: _at(late, float(share)) for share in ("0.5", "0.99", "1.0")},
        "nodes": NODES,
        "timers_per_second": round(count / taken, 1),
        "steps_meanwhile": steps,
    }
    wrong = lost + doubled
    what = f"timers lost or fired twice of {count:,} due at once while steps go on, {name}"
    figures = [Figure(f"timers-{name}", what, wrong, "timers", "= 0", wrong == 0, details)]
    if late:
        what = f"99 % of {count:,} timers due at once fired no later than, {name}"
        figures.append(Figure(f"late-{name}", what, _at(late, 0.99) or 0.0, "s", "shown", None))
    return figures


def _at(ordered: list[float], share: float) -> float | None:
    """The value below which this share of the others lies; None when there is none."""
    return round(ordered[min(len(ordered) - 1, int(len(ordered) * share))], 2) if ordered else None
