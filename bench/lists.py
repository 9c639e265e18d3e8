"""The inbox and the overdue list: 100,000 open and 1,000,000 closed matters against 1,000 and none, in the same city.

A demonstration of some weeks gives the patterns: real matters as the verbs left them, with all their steps. Their
rows are copied in bulk, each copy moved to another grid with its township, county, agencies, departments and people.
Lists are asked through `engine.queries` by people of four kinds of posts, in turn on both databases.
"""

import itertools
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from sqlalchemy import Connection, event, func, select

from bench import bulk
from bench.bulk import Loader
from bench.figures import Figure, interleaved, milliseconds, ratio, say, seconds
from bench.server import Server
from engine import publishing, queries, tables
from engine.calendars import SHANGHAI
from engine.directory import Actor
from engine.library import Pack
from engine.store import Store
from engine.work import Engine, Work
from handlers import city
from handlers.city import City, Plan
from handlers.demonstration import Demonstration, VirtualTime
from handlers.registry import HANDLERS

BEGIN = datetime(2026, 3, 2, 8, 30, tzinfo=SHANGHAI)
END = BEGIN + timedelta(days=24, hours=2)

STEPS = 4
"""At most so many of the steps of a closed matter are copied: the last ones. The disk is bounded, indexes are not."""

PATTERNS = 2_000
"""So many different copies of open matters, and as many of closed ones, are prepared and then repeated."""

OVERDUE = 10
"""One in so many open matters is overdue."""

COLUMNS = bulk.columns_of(tables.case, "id", "number"), bulk.columns_of(tables.step, "id", "case")


class Size(NamedTuple):
    """How many matters a database holds."""

    open: int
    closed: int


class Scale(NamedTuple):
    """What is compared, in a city of what size."""

    small: Size
    large: Size
    plan: Plan
    matters: int


FULL = Scale(Size(1_000, 0), Size(100_000, 1_000_000), Plan(counties=6, townships=40, grids=400), 240)
QUICK = Scale(Size(20, 0), Size(2_000, 20_000), Plan(counties=2, townships=4, grids=16), 30)


# -- the city, and patterns of its matters -----------------------------------------------------------


def _found(engine: Engine, plan: Plan) -> tuple[City, Pack]:
    folder = publishing.read_folder(publishing.PACKS / "zhenjiang" / "2026-01-01")
    with engine.work() as work:
        for year in publishing.read_calendars():
            publishing.publish_year(work, year)
        publishing.publish(work, folder)
        return city.found(work, plan, folder.pack), folder.pack


class Pattern(NamedTuple):
    """A matter as the verbs left it: its row and those of its steps."""

    case: Mapping[str, Any]
    steps: Sequence[Mapping[str, Any]]


def _play(folder: Path, scale: Scale) -> list[Pattern]:
    """Plays some weeks on a database of its own; the matters that came of it."""
    time = VirtualTime(BEGIN)
    store = Store(f"sqlite:///{folder / 'patterns.sqlite'}")
    store.prepare()
    engine = Engine(store, HANDLERS, time)
    founded, pack = _found(engine, scale.plan)
    for number in Demonstration(engine, time, pack, founded, 1).play(scale.matters, END):
        if number % 50 == 0:
            say(f"lists: {number} of {scale.matters} matters played …")
    with store.reading() as connection:
        found = [
            Pattern(case, _rows(connection, tables.step, tables.step.c.case == case["id"]))
            for case in _rows(connection, tables.case, tables.case.c.way_in.in_(pack.ways_in))
        ]
    store.close()
    return found


def _rows(connection: Connection, table: Any, *where: Any) -> list[Mapping[str, Any]]:
    query = select(table).where(*where).order_by(table.c.id)
    return [dict(row) for row in connection.execute(query).mappings()]


# -- copies elsewhere --------------------------------------------------------------------------------


NAMED = frozenset({"unit", "person", "sender", "sender_person", "closed_by"})
"""Columns with ids that hold the code of a place."""

SHIFTED = frozenset({"due_at", "light_at", "opened_at", "active_at"})
"""Columns with moments that differ from copy to copy."""

Copy = tuple[tuple[Any, ...], list[tuple[Any, ...]]]
"""A matter and its steps as the driver takes them, without what numbers them."""


class _Moving:
    """Makes copies of patterns, moved to other grids and by some hours."""

    def __init__(self, loader: Loader, areas: Sequence[str], random: Random) -> None:
        self.loader = loader
        self.areas = areas
        self.random = random

    def copies(self, patterns: Sequence[Pattern], count: int) -> list[Copy]:
        return [self.copy(patterns[n % len(patterns)]) for n in range(count)]

    def copy(self, pattern: Pattern) -> Copy:
        area = self.random.choice(self.areas)
        words = _places(str(pattern.case["area"]), area)
        later = timedelta(minutes=self.random.randrange(-600, 600))
        steps = pattern.steps if pattern.case["closed_at"] is None else pattern.steps[-STEPS:]
        moved = [_moved(row, area, words, later) for row in (pattern.case, *steps)]
        case_columns, step_columns = COLUMNS
        case = bulk.values(moved[0], case_columns, self.loader)[2:]
        return case, [bulk.values(step, step_columns, self.loader)[2:] for step in moved[1:]]


def _moved(row: Mapping[str, Any], area: str, words: Mapping[str, str], later: timedelta) -> dict[str, Any]:
    moved = {**row, "area": area}
    for name in NAMED & row.keys():
        here = next((here for here in words if here in (row[name] or "")), "")
        if here:
            moved[name] = row[name].replace(here, words[here])
    for name in SHIFTED & row.keys():
        if row[name] is not None:
            moved[name] = row[name] + later
    return moved


def _places(here: str, there: str) -> dict[str, str]:
    """The codes of a grid and of what contains it -> those of another grid, the longest first."""
    pairs = zip(here.strip("/").split("/"), there.strip("/").split("/"), strict=True)
    return dict(sorted(pairs, key=lambda pair: -len(pair[0])))


def _fill(store: Store, patterns: Sequence[Pattern], size: Size) -> None:
    """So many open and closed matters: prepared copies, repeated."""
    with store.reading() as connection:
        grids = select(tables.unit.c.area).where(tables.unit.c.kind == "grid").order_by(tables.unit.c.id)
        areas = connection.execute(grids).scalars().all()
    closed = [one for one in patterns if one.case["closed_at"] is not None]
    with bulk.loading(store) as loader:
        moving = _Moving(loader, areas, Random(2))  # noqa: S311 - which grid a copy lies in
        # old matters first, as they have come in; numbers follow
        made = [(moving.copies(closed, min(PATTERNS, size.closed)), size.closed)] if size.closed else []
        made.append((moving.copies(_open(patterns), min(PATTERNS, size.open)), size.open))
        loader.rows(tables.case, COLUMNS[0], _cases(made))
        loader.rows(tables.step, COLUMNS[1], _steps(made))
    bulk.analyse(store)


def _open(patterns: Sequence[Pattern]) -> list[Pattern]:
    """The open ones, of which one in ten is overdue: in a demonstration most that stay open were forgotten."""
    found = [one for one in patterns if one.case["closed_at"] is None]
    late = [one for one in found if any(_is_late(step) for step in one.steps)]
    others = [one for one in found if one not in late]
    if not (late and others):
        return found
    in_turn = itertools.cycle(late), itertools.cycle(others)
    return [next(in_turn[n % OVERDUE > 0]) for n in range(OVERDUE * len(found))]


def _is_late(step: Mapping[str, Any]) -> bool:
    return step["status"] == "open" and step["due_at"] is not None and step["due_at"] < END


Made = Sequence[tuple[Sequence[Copy], int]]


def _repeated(made: Made) -> Iterator[tuple[int, Copy]]:
    """Each matter with its id."""
    every = itertools.chain.from_iterable(itertools.islice(itertools.cycle(copies), count) for copies, count in made)
    return enumerate(every, 1)


def _cases(made: Made) -> Iterator[tuple[Any, ...]]:
    for id, (case, _) in _repeated(made):
        if id % 100_000 == 0:
            say(f"lists: {id:,} matters …")
        yield (id, f"2026-{id:07d}", *case)


def _steps(made: Made) -> Iterator[tuple[Any, ...]]:
    numbers = itertools.count(1)
    for id, (_, steps) in _repeated(made):
        if id % 100_000 == 0:
            say(f"lists: steps of {id:,} matters …")
        for step in steps:
            yield (next(numbers), id, *step)


# -- the databases -----------------------------------------------------------------------------------


class Pair(NamedTuple):
    """The same city with few matters and with many."""

    small: Engine
    large: Engine


@contextmanager
def _sqlite(folder: Path, _: Callable[[], Server], scale: Scale, patterns: Sequence[Pattern]) -> Iterator[Pair]:
    with TemporaryDirectory(dir=folder) as inside:
        base = Path(inside) / "city.sqlite"
        _city(f"sqlite:///{base}", scale)

        def copy(name: str) -> str:
            shutil.copyfile(base, Path(inside) / f"{name}.sqlite")
            return f"sqlite:///{Path(inside) / f'{name}.sqlite'}"

        with _pair(copy, scale, patterns) as pair:
            yield pair


@contextmanager
def _postgresql(_: Path, server: Callable[[], Server], scale: Scale, patterns: Sequence[Pattern]) -> Iterator[Pair]:
    running = server()
    try:
        _city(running.database("lists_city"), scale)
        with _pair(lambda name: running.database(f"lists_{name}", "lists_city"), scale, patterns) as pair:
            yield pair
    finally:
        for name in ("small", "large", "city"):
            running.drop(f"lists_{name}")


def _city(url: str, scale: Scale) -> None:
    store = Store(url)
    store.prepare()
    _found(_engine(store), scale.plan)
    store.close()


@contextmanager
def _pair(copy: Callable[[str], str], scale: Scale, patterns: Sequence[Pattern]) -> Iterator[Pair]:
    stores = [Store(copy(name)) for name in ("small", "large")]
    try:
        for store, size in zip(stores, (scale.small, scale.large), strict=True):
            _fill(store, patterns, size)
        yield Pair(*map(_engine, stores))
    finally:
        for store in stores:
            store.close()


def _engine(store: Store) -> Engine:
    return Engine(store, HANDLERS, lambda: END)


# -- asking ------------------------------------------------------------------------------------------

LISTS: Mapping[str, Callable[[Work, Actor, int], Mapping[str, Any]]] = {
    "inbox": lambda work, actor, size: queries.inbox(work, actor, size=size),
    "overdue": lambda work, actor, size: queries.overdue(work, actor, size=size),
}

DESKS = ("grid_worker", "triage_officer", "handler")


def _readers(pair: Pair) -> list[Actor]:
    """Who has most to do at each kind of desk, where there is something to do in both databases; and a supervisor,
    who sees the whole city."""
    busy = [_busy(engine) for engine in pair]
    found = []
    with pair.large.look() as work:
        for role in DESKS:
            units = sorted(busy[0][role].keys() & busy[1][role].keys(), key=lambda unit: (-busy[0][role][unit], unit))
            if units:
                found.append(_reader(work, role, units[0]))
        return [*found, _reader(work, "supervisor", "ga-c3211")]


def _busy(engine: Engine) -> dict[str, Counter[str]]:
    """How many open steps wait for each role in each unit."""
    step, waiting = tables.step.c, {role: Counter[str]() for role in DESKS}
    query = select(step.role, step.unit, func.count()).where(step.status == "open", step.role.in_(DESKS))
    with engine.look() as work:
        for role, unit, count in work.connection.execute(query.group_by(step.role, step.unit)):
            waiting[role][unit] = count
    return waiting


def _reader(work: Work, role: str, unit: str) -> Actor:
    person = work.directory.holders(role, unit)[0]
    return next(actor for actor in work.directory.actors(person) if (actor.role, actor.unit) == (role, unit))


def _ask(engine: Engine, name: str, actor: Actor, size: int) -> Mapping[str, Any]:
    with engine.look() as work:
        return LISTS[name](work, actor, size)


def _compare(database: str, pair: Pair, scale: Scale, rounds: int) -> Iterator[Figure]:
    readers = {actor.role: actor for actor in _readers(pair)}
    for name in LISTS:
        say(f"lists: {name} on {database}, {len(readers)} kinds of people …")
        asked = {role: _in_turn(pair, name, actor, rounds) for role, actor in readers.items()}
        same = [role for role in asked if asked[role]["same_page"]] or list(asked)
        worst = max(same, key=lambda role: asked[role]["ratio"])
        value = asked[worst]["ratio"]
        details = {
            "open": [scale.small.open, scale.large.open],
            "closed": [scale.small.closed, scale.large.closed],
            "rounds": rounds,
            "readers": asked,
            "plans": _plans(pair.large, name, readers[worst], asked[worst]["page"]),
        }
        what = (
            f"{name} at {scale.large.open:,} open and {scale.large.closed:,} closed matters against"
            f" {scale.small.open:,} and {scale.small.closed:,}, {database}"
        )
        yield Figure(f"{name}-{database}", what, value, "×", "≤ 2", value <= 2, details)


def _in_turn(pair: Pair, name: str, actor: Actor, rounds: int) -> dict[str, Any]:
    """Both show a page of the same length: as much as the short list has, at most the usual page. Where only the
    short list is empty there is nothing to compare (`same_page`)."""
    many, few = (_ask(engine, name, actor, queries.PAGE) for engine in (pair.large, pair.small))
    page = max(1, len(few["rows"]))
    sides = [partial(_ask, engine, name, actor, page) for engine in (pair.large, pair.small)]
    times = interleaved(sides, rounds)
    return {
        "ratio": round(ratio(times, 0, 1), 2),
        "large_ms": milliseconds(times[0]),
        "small_ms": milliseconds(times[1]),
        "length": [few["total"]["text"], many["total"]["text"]],
        "page": page,
        "same_page": bool(few["rows"]) or not many["rows"],
    }


def _plans(engine: Engine, name: str, actor: Actor, size: int) -> list[dict[str, Any]]:
    """How the database goes about each statement of a list, slowest first."""
    heard: list[tuple[str, Any]] = []
    reader = engine.store._reader

    def hear(_c: Any, _cursor: Any, statement: str, parameters: Any, _x: Any, _many: bool) -> None:
        if statement.startswith("SELECT"):
            heard.append((statement, parameters))

    event.listen(reader, "before_cursor_execute", hear)
    _ask(engine, name, actor, size)
    event.remove(reader, "before_cursor_execute", hear)
    with engine.look() as work:
        found = [_plan(work.connection, *one) for one in dict.fromkeys(map(_frozen, heard))]
    return sorted(found, key=lambda plan: -plan["ms"])[:6]


def _frozen(line: tuple[str, Any]) -> tuple[str, Any]:
    statement, values = line
    return statement, tuple(values.items() if isinstance(values, Mapping) else values)


def _plan(connection: Connection, statement: str, values: Any) -> dict[str, Any]:
    sqlite = connection.dialect.name == "sqlite"
    given = values if sqlite else dict(values)
    taken = seconds(lambda: connection.exec_driver_sql(statement, given).all())
    explain = "EXPLAIN QUERY PLAN " if sqlite else "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) "
    rows = connection.exec_driver_sql(explain + statement, given).all()
    words = statement.split()
    return {
        "ms": round(taken * 1000, 2),
        "statement": " ".join(words)[:2000],
        "plan": [str(row[-1]) for row in rows],
    }


# -- figures -----------------------------------------------------------------------------------------


def figures(folder: Path, server: Callable[[], Server], scale: Scale, rounds: int) -> Iterator[Figure]:
    """On SQLite, then on PostgreSQL; what one needs on the disk is gone before the other begins."""
    patterns = _play(folder, scale)
    for database, pair in (("sqlite", _sqlite), ("postgresql", _postgresql)):
        with pair(folder, server, scale, patterns) as made:
            yield from _compare(database, made, scale, rounds)
