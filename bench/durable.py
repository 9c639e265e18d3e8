"""The durable step: load, check, advance, record, commit; on SQLite (FULL) and PostgreSQL.

Against the bare SQL: each step runs once through the engine on database A while its statements and values are
written down, then the very same statements run on database B, a copy, through the driver alone; at the end both must
hold the same rows. Against a naive loop: SpiffWorkflow loads a workflow from a row, answers one task, dumps it back,
same database and durability, as many workflows as there are cases, each answered the same way as its case. The three
take turns of several steps each, so that none pays for what another has left in the processor's caches.
"""

import itertools
import shutil
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
from sqlalchemy import event, func, select

from bench.figures import Figure, milliseconds, ratio, say, seconds, spent
from bench.server import Server
from bench.spiff import Stored
from engine import cases, census, publishing, tables
from engine.calendars import SHANGHAI
from engine.directory import Actor
from engine.store import PRAGMAS, Store
from engine.work import Engine
from handlers import city, intake
from handlers.registry import HANDLERS

WARM_UP = 40
NOW = datetime(2026, 3, 2, 9, 30, tzinfo=SHANGHAI)
ROUND = {
    "verify": {"verify_outcome": "substantiated", "findings": "x"},
    "self_handle": {"self_handle_outcome": "cannot_handle", "measures": "x"},
    "escalate": {"ground": "beyond_means", "reason": "x"},
    "triage": {"triage_outcome": "verify_again", "opinion": "x"},
}
"""Four user tasks that lead back to the first one, so that a case never ends."""

TURN = 10
"""So many steps in a turn."""

FRESH = 12
"""So many steps a case counts as fresh: three rounds."""


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


def steps(bench: Bench, of: Iterable[int]) -> Iterator[Callable[[], None]]:
    """Steps over these cases in turn; what is next is looked up beforehand, as a page has shown it."""
    for case in of:
        with bench.engine.look() as work:
            row = next(r for r in census.open_steps(work.connection, case) if r.node in ROUND)
        actor = bench.actors[(row.role, row.unit)]

        def act(row: Any = row, actor: Actor = actor) -> None:
            with bench.engine.work() as work:
                cases.complete(work, actor, row.id, row.revision, ROUND[row.node])

        yield act


# -- the bare side -----------------------------------------------------------------------------------

Line = tuple[str, Any, bool]
"""A statement, its values, and whether these are many rows."""


class Tape:
    """Writes down what the engine sends to the driver."""

    def __init__(self, store: Store) -> None:
        self.lines: list[Line] = []
        event.listen(store._writer, "before_cursor_execute", self._hear)

    def _hear(self, _c: Any, _cursor: Any, statement: str, parameters: Any, _x: Any, many: bool) -> None:
        if not statement.startswith("BEGIN"):
            self.lines.append((statement, parameters, many))

    def take(self) -> list[Line]:
        lines, self.lines = self.lines, []
        return lines


def play(cursor: Any, lines: list[Line]) -> None:
    """The same statements with the same values; what they find is fetched."""
    for statement, parameters, many in lines:
        if many:
            cursor.executemany(statement, parameters)
        else:
            cursor.execute(statement, parameters)
            if cursor.description:
                cursor.fetchall()


class BareSqlite:
    """The driver alone, set like the store."""

    def __init__(self, path: Path) -> None:
        self.connection = sqlite3.connect(path, isolation_level=None)
        for name, value in PRAGMAS.items():
            self.connection.execute(f"PRAGMA {name}={value}")

    def play(self, lines: list[Line]) -> None:
        cursor = self.connection.cursor()
        cursor.execute("BEGIN IMMEDIATE")
        play(cursor, lines)
        cursor.execute("COMMIT")


class BarePostgres:
    """The driver alone."""

    def __init__(self, url: str) -> None:
        self.connection = psycopg.connect(url)

    def play(self, lines: list[Line]) -> None:
        with self.connection.transaction(), self.connection.cursor() as cursor:
            play(cursor, lines)


def check_same(ours: Store, bare: Store) -> dict[str, int]:
    """Both databases hold the same rows, byte for byte, heads of chains included; how many per table."""
    counts = dict[str, int]()
    with ours.reading() as one, bare.reading() as other:
        for table in tables.metadata.sorted_tables:
            query = select(table).order_by(*table.primary_key)
            rows = one.execute(query).all()
            if rows != other.execute(query).all():
                raise ValueError(f"the two databases differ in “{table.name}”")
            counts[table.name] = len(rows)
        heads = select(func.count()).select_from(tables.case).where(tables.case.c.head != "")
        counts["chains of cases"] = int(one.execute(heads).scalar_one())
    return {name: count for name, count in counts.items() if count}


# -- measuring ---------------------------------------------------------------------------------------


class Spent(NamedTuple):
    """Seconds of one side, step by step: on the wall, and computed."""

    wall: list[float]
    computed: list[float]

    def do(self, acts: Iterable[Callable[[], None]]) -> None:
        for act in acts:
            wall, computed = spent(act)
            self.wall.append(wall)
            self.computed.append(computed)


def measure(name: str, bench: Bench, bare: Any, copy: Store, naive: Callable[[], None], rounds: int) -> list[Figure]:
    """Three sides in turn: ours on A, the same statements on B, the naive loop."""
    tape, written = Tape(bench.engine.store), list[list[Line]]()
    sides = Spent([], []), Spent([], []), Spent([], [])
    ahead = steps(bench, itertools.cycle(bench.cases))

    def ours() -> Iterator[Callable[[], None]]:
        for act in itertools.islice(ahead, TURN):
            tape.take()
            yield act
            written.append(tape.take())

    for _ in range(-(-(WARM_UP + rounds) // TURN)):
        sides[0].do(ours())
        sides[1].do([partial(bare.play, lines) for lines in written[-TURN:]])
        sides[2].do([naive] * TURN)
    times, computed = ([getattr(side, what)[WARM_UP:] for side in sides] for what in Spent._fields)
    statements = sum(map(len, written[WARM_UP:]))
    same = check_same(bench.engine.store, copy)
    bare_ratio, naive_ratio = ratio(times, 1, 0), ratio(times, 2, 0)
    names = ("ours", "bare", "naive")
    ms = {
        "ms": {side: milliseconds(values) for side, values in zip(names, times, strict=True)},
        "of_that_computed_ms": {side: milliseconds(values) for side, values in zip(names, computed, strict=True)},
    }
    return [
        Figure(
            f"step-{name}",
            f"durable step against the bare SQL of the same rows and bytes, {name}",
            round(bare_ratio, 2),
            "of its speed",
            "≥ 0.5",
            bare_ratio >= 0.5,
            {**ms, "steps": rounds, "statements_per_step": round(statements / rounds, 1), "rows_found_equal": same},
        ),
        Figure(
            f"naive-{name}",
            f"durable step against a naive SpiffWorkflow load–run–dump loop, {name}",
            round(naive_ratio, 1),
            "×",
            "≥ 10",
            naive_ratio >= 10,
            {**ms, "steps": rounds},
        ),
    ]


def on_sqlite(folder: Path, rounds: int) -> list[Figure]:
    say("step-sqlite: a small city …")
    bench = settle(f"sqlite:///{folder / 'a.sqlite'}")
    bench.engine.store.close()
    for suffix in ("", "-wal"):
        source = folder / f"a.sqlite{suffix}"
        if source.exists():
            shutil.copyfile(source, folder / f"b.sqlite{suffix}")
    bare = BareSqlite(folder / "b.sqlite")
    copy = Store(f"sqlite:///{folder / 'b.sqlite'}")
    say(f"step-sqlite: {WARM_UP + rounds} steps on three sides in turn …")
    return measure("sqlite", bench, bare, copy, _naive_sqlite(folder / "naive.sqlite", len(bench.cases)), rounds)


def _naive_sqlite(path: Path, count: int) -> Callable[[], None]:
    bare, stored = BareSqlite(path), Stored(ROUND)
    bare.connection.execute("CREATE TABLE workflow (id INTEGER PRIMARY KEY, state TEXT NOT NULL)")
    bare.connection.executemany("INSERT INTO workflow VALUES (?, ?)", [(id, stored.fresh()) for id in range(count)])
    ids = itertools.cycle(range(count))

    def step() -> None:
        id = next(ids)
        bare.connection.execute("BEGIN IMMEDIATE")
        (state,) = bare.connection.execute("SELECT state FROM workflow WHERE id = ?", (id,)).fetchone()
        bare.connection.execute("UPDATE workflow SET state = ? WHERE id = ?", (stored.step(state), id))
        bare.connection.execute("COMMIT")

    return step


def on_postgresql(server: Server, rounds: int) -> list[Figure]:
    say("step-postgresql: a small city …")
    bench = settle(server.database("step_a"))
    bench.engine.store.close()
    url = server.database("step_b", "step_a")
    bare, stored = BarePostgres(url), Stored(ROUND)
    with bare.connection.transaction(), bare.connection.cursor() as cursor:
        cursor.execute("CREATE TABLE workflow (id INTEGER PRIMARY KEY, state TEXT NOT NULL)")
        fresh = [(number, stored.fresh()) for number in range(len(bench.cases))]
        cursor.executemany("INSERT INTO workflow VALUES (%s, %s)", fresh)
    ids = itertools.cycle(range(len(bench.cases)))

    def naive() -> None:
        id = next(ids)
        with bare.connection.transaction():
            row = bare.connection.execute("SELECT state FROM workflow WHERE id = %s FOR UPDATE", (id,)).fetchone()
            assert row is not None
            bare.connection.execute("UPDATE workflow SET state = %s WHERE id = %s", (stored.step(row[0]), id))

    say(f"step-postgresql: {WARM_UP + rounds} steps on three sides in turn …")
    return measure("postgresql", bench, bare, Store(url), naive, rounds)


# -- after many returns ------------------------------------------------------------------------------


def after_returns(folder: Path, returns: int, rounds: int) -> Figure:
    """What a durable step costs in a case that was sent back so often, against the same step in a fresh case."""
    say(f"returns: a case is sent back {returns} times …")
    bench = settle(f"sqlite:///{folder / 'returns.sqlite'}", 1 + -(-(WARM_UP + rounds) // FRESH))
    old, *fresh = bench.cases
    for act in steps(bench, itertools.repeat(old, returns * len(ROUND))):
        act()
    late, first = steps(bench, itertools.repeat(old)), steps(bench, (case for case in fresh for _ in range(FRESH)))
    times: list[list[float]] = [[], []]
    for number in range(WARM_UP + rounds):
        pair = (next(late), next(first))
        taken = [0.0, 0.0]
        for side in (0, 1) if number % 2 else (1, 0):
            taken[side] = seconds(pair[side])
        if number >= WARM_UP:
            for side in (0, 1):
                times[side].append(taken[side])
    cost = ratio(times, 0, 1)
    what = f"durable step of a case sent back {returns} times against a fresh one, sqlite"
    details = {"late_ms": milliseconds(times[0]), "fresh_ms": milliseconds(times[1]), "steps": rounds}
    return Figure("returns-step", what, round(cost, 2), "×", "≤ 1.2", cost <= 1.2, details)
