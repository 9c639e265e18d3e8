"""The inbox and the overdue list: 100,000 open and 1,000,000 closed matters against 1,000 and none, in the same city.

A demonstration of some weeks gives the patterns: real matters as the verbs left them, with all their steps. Their
rows are copied in bulk, each copy moved to another grid with its township, county, agencies, departments and people.
Lists are asked through `engine.queries` by people of four kinds of posts, in turn on both databases.
"""

import itertools
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from statistics import median
from typing import Any, NamedTuple

from sqlalchemy import Connection, event, select, text

from bench import bulk
from bench.bulk import Loader
from bench.figures import Figure, milliseconds, ratio, say, seconds
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


class Reader(NamedTuple):
    """Somebody who looks at lists."""

    kind: str
    actor: Actor


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

    @property
    def grid(self) -> str:
        return str(self.case["area"])


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
            for case in _rows(connection, tables.case)
        ]
    store.close()
    return found


def _rows(connection: Connection, table: Any, *where: Any) -> list[Mapping[str, Any]]:
    query = select(table).where(*where).order_by(table.c.id)
    return [dict(row) for row in connection.execute(query).mappings()]


# -- copies elsewhere --------------------------------------------------------------------------------


class _Moved:
    """Copies of patterns, moved to other grids and by some hours; as rows the driver takes."""

    def __init__(self, patterns: Sequence[Pattern], grids: Sequence[str], loader: Loader, random: Random) -> None:
        self.patterns = patterns
        self.grids = grids
        self.loader = loader
        self.random = random

    def copies(self, count: int) -> list[tuple[tuple[Any, ...], list[tuple[Any, ...]]]]:
        return [self.copy(self.patterns[n % len(self.patterns)]) for n in range(count)]

    def copy(self, pattern: Pattern) -> tuple[tuple[Any, ...], list[tuple[Any, ...]]]:
        words = _places(pattern.grid, self.random.choice(self.grids))
        later = timedelta(minutes=self.random.randrange(-600, 600))
        steps = pattern.steps if pattern.case["closed_at"] is None else pattern.steps[-STEPS:]
        case_columns, step_columns = COLUMNS
        case = self.row(pattern.case, case_columns, words, later)
        return case, [self.row(step, step_columns, words, later) for step in steps]

    def row(
        self, row: Mapping[str, Any], columns: Sequence[str], words: Mapping[str, str], later: timedelta
    ) -> tuple[Any, ...]:
        moved = {name: self.value(name, value, words, later) for name, value in row.items()}
        return bulk.values(moved, columns, self.loader)[2:]

    def value(self, name: str, value: Any, words: Mapping[str, str], later: timedelta) -> Any:
        if isinstance(value, datetime):
            return value + later if name in ("due_at", "light_at", "opened_at", "active_at") else value
        if name in ("area", "unit", "person", "sender", "sender_person", "closed_by") and value:
            for here, there in words.items():
                if here in value:
                    return value.replace(here, there) if name != "area" else words["area"]
        return value


def _places(here: str, there: str) -> dict[str, str]:
    """Codes of the one grid and what contains it -> those of the other, the longest first."""
    ours, others = here.strip("/").split("/"), there.strip("/").split("/")
    pairs = dict(sorted(zip(ours, others, strict=True), key=lambda pair: -len(pair[0])))
    return {**pairs, "area": there}
