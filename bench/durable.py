"""The durable step: load, check, advance, record, commit; on SQLite (FULL) and PostgreSQL.

Against the bare SQL: each step runs once through the engine on database A while its statements and values are
written down, then the very same statements run on database B, a copy, through the driver alone. Against a naive loop:
SpiffWorkflow loads a workflow from a row, answers one task, dumps it back, same database and durability.
"""

import itertools
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
from sqlalchemy import event

from bench.figures import Figure, ratio, seconds
from bench.spiff import Stored
from engine import cases, census, publishing
from engine.calendars import SHANGHAI
from engine.directory import Actor
from engine.store import Store
from engine.work import Engine
from handlers import city, intake
from handlers.registry import HANDLERS

WARM_UP, STEPS = 40, 240
NOW = datetime(2026, 3, 2, 9, 30, tzinfo=SHANGHAI)
ROUND = {
    "verify": {"verify_outcome": "substantiated", "findings": "x"},
    "self_handle": {"self_handle_outcome": "cannot_handle", "measures": "x"},
    "escalate": {"ground": "beyond_means", "reason": "x"},
    "triage": {"triage_outcome": "verify_again", "opinion": "x"},
}
"""Four user tasks that lead back to the first one, so that a case never ends."""


class Bench(NamedTuple):
    engine: Engine
    cases: list[int]
    actors: dict[tuple[str, str], Actor]


def settle(url: str, count: int = 20) -> Bench:
    """A small city with so many open matters."""
    store = Store(url)
    store.prepare()
    engine = Engine(store, HANDLERS, lambda: NOW)
    folder = publishing.read_folder(publishing.PACKS / "zhenjiang" / "2026-01-01")
    with engine.work() as work:
        for year in publishing.read_calendars():
            publishing.publish_year(work, year)
        publishing.publish(work, folder)
        plan = city.Plan(counties=1, townships=1, grids=2, departments=("housing",))
        founded = city.found(work, plan, folder.pack)
    opened = [_open(engine, founded.grids[n % 2]) for n in range(count)]
    with engine.look() as work:
        actors = {(a.role, a.unit): a for person in founded.people for a in work.directory.actors(person)}
    return Bench(engine, opened, actors)


def _open(engine: Engine, grid: str) -> int:
    answer = {"title": "x", "description": "x", "place": "x", "matter_type": "other", "urgency": "ordinary"}
    with engine.work() as work:
        worker = work.directory.holders("grid_worker", grid)[0]
        actor = next(a for a in work.directory.actors(worker) if a.unit == grid)
        given = {"way_in": "discovered", "grid": grid, "answer": {**answer, "area_kind": "urban"}}
        return intake.report(work, actor, given)


def steps(bench: Bench) -> Iterator[Callable[[], None]]:
    """Steps over all cases in turn, for ever."""
    for case in itertools.cycle(bench.cases):
        with bench.engine.look() as work:
            row = next(r for r in census.open_steps(work.connection, case) if r.node in ROUND)
        actor = bench.actors[(row.role, row.unit)]

        def act(row: Any = row, actor: Actor = actor) -> None:
            with bench.engine.work() as work:
                cases.complete(work, actor, row.id, row.revision, ROUND[row.node])

        yield act


class Tape:
    """Writes down what the engine sends to the driver."""

    def __init__(self, store: Store) -> None:
        self.lines: list[tuple[str, Any, bool]] = []
        event.listen(store._writer, "before_cursor_execute", self._hear)

    def _hear(self, _c: Any, _cursor: Any, statement: str, parameters: Any, _x: Any, many: bool) -> None:
        if not statement.startswith("BEGIN"):
            self.lines.append((statement, parameters, many))

    def take(self) -> list[tuple[str, Any, bool]]:
        lines, self.lines = self.lines, []
        return lines


class BareSqlite:
    """The driver alone, set like the store."""

    def __init__(self, path: Path) -> None:
        self.connection = sqlite3.connect(path, isolation_level=None)
        for pragma in (
            "journal_mode=wal",
            "synchronous=2",
            "foreign_keys=1",
            "recursive_triggers=1",
            "secure_delete=1",
        ):
            self.connection.execute(f"PRAGMA {pragma}")

    def play(self, lines: list[tuple[str, Any, bool]]) -> None:
        cursor = self.connection.cursor()
        cursor.execute("BEGIN IMMEDIATE")
        for statement, parameters, many in lines:
            if many:
                cursor.executemany(statement, parameters)
            else:
                cursor.execute(statement, parameters)
                if cursor.description:
                    cursor.fetchall()
        cursor.execute("COMMIT")


class BarePostgres:
    def __init__(self, url: str) -> None:
        self.connection = psycopg.connect(url)

    def play(self, lines: list[tuple[str, Any, bool]]) -> None:
        with self.connection.transaction(), self.connection.cursor() as cursor:
            for statement, parameters, many in lines:
                if many:
                    cursor.executemany(statement, parameters)
                else:
                    cursor.execute(statement, parameters)
                    if cursor.description:
                        cursor.fetchall()


def measure(name: str, bench: Bench, bare: Any, naive: Callable[[], None]) -> list[Figure]:
    """Three sides in turn: ours on A, the same statements on B, the naive loop."""
    tape = Tape(bench.engine.store)
    times: list[list[float]] = [[], [], []]
    for number, act in enumerate(steps(bench)):
        if number == WARM_UP + STEPS:
            break
        tape.take()
        ours = seconds(act)
        lines = tape.take()
        both = seconds(lambda lines=lines: bare.play(lines)), seconds(naive)  # type: ignore[misc]
        if number >= WARM_UP:
            for side, value in zip(times, (ours, *both), strict=True):
                side.append(value)
    bare_ratio, naive_ratio = ratio(times, 1, 0), ratio(times, 2, 0)
    return [
        Figure(
            f"step-{name}",
            f"durable step against the bare SQL of the same rows and bytes, {name}",
            round(bare_ratio, 2),
            "of its speed",
            "≥ 0.5",
            bare_ratio >= 0.5,
            {"our_ms": _ms(times[0]), "bare_ms": _ms(times[1])},
        ),
        Figure(
            f"naive-{name}",
            f"durable step against a naive SpiffWorkflow load–run–dump loop, {name}",
            round(naive_ratio, 1),
            "×",
            "≥ 10",
            naive_ratio >= 10,
            {"naive_ms": _ms(times[2])},
        ),
    ]


def _ms(values: list[float]) -> float:
    return round(sorted(values)[len(values) // 2] * 1000, 3)


def on_sqlite(folder: Path) -> list[Figure]:
    bench = settle(f"sqlite:///{folder / 'a.sqlite'}")
    bench.engine.store.close()
    for suffix in ("", "-wal"):
        source = folder / f"a.sqlite{suffix}"
        if source.exists():
            shutil.copyfile(source, folder / f"b.sqlite{suffix}")
    bare = BareSqlite(folder / "b.sqlite")
    return measure("sqlite", bench, bare, _naive_sqlite(folder / "naive.sqlite"))


def _naive_sqlite(path: Path) -> Callable[[], None]:
    bare, stored = BareSqlite(path), Stored()
    bare.connection.execute("CREATE TABLE workflow (id INTEGER PRIMARY KEY, state TEXT NOT NULL)")
    bare.connection.execute("INSERT INTO workflow VALUES (1, ?)", (stored.fresh(),))

    def step() -> None:
        bare.connection.execute("BEGIN IMMEDIATE")
        (state,) = bare.connection.execute("SELECT state FROM workflow WHERE id = 1").fetchone()
        bare.connection.execute("UPDATE workflow SET state = ? WHERE id = 1", (stored.step(state),))
        bare.connection.execute("COMMIT")

    return step


def on_postgresql(url_a: str, url_b: str, copy: Callable[[], None]) -> list[Figure]:
    """`url_b` is a database that `copy` makes as a copy of the first."""
    bench = settle(url_a)
    bench.engine.store.close()
    copy()
    bare, stored = BarePostgres(url_b), Stored()
    with bare.connection.transaction():
        bare.connection.execute("CREATE TABLE workflow (id INTEGER PRIMARY KEY, state TEXT NOT NULL)")
        bare.connection.execute("INSERT INTO workflow VALUES (1, %s)", (stored.fresh(),))

    def naive() -> None:
        with bare.connection.transaction():
            row = bare.connection.execute("SELECT state FROM workflow WHERE id = 1 FOR UPDATE").fetchone()
            assert row is not None
            bare.connection.execute("UPDATE workflow SET state = %s WHERE id = 1", (stored.step(row[0]),))

    return measure("postgresql", bench, bare, naive)
