"""A place at work: a small city under a pack as published, whose people act through the same verbs as everybody else.

One county, one township, two villages, a grid in the first of them, a few departments. Tests of articles, scenarios
and packs share it; who does something is named by the role, and the first who holds it there acts.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import select

from engine import cases, records, tables
from engine.clock import Clock
from engine.directory import Actor
from engine.iso8601 import ZONE
from engine.library import Pack
from engine.publishing import PACKS, Folder, publish, publish_year, read_calendars, read_folder
from engine.records import Record
from engine.store import Store
from engine.work import Engine, Handler
from handlers import city, intake, messages, procedures
from handlers.city import City, Plan
from handlers.registry import DUTIES, HANDLERS

MORNING = datetime(2026, 3, 2, 9, tzinfo=ZONE)
"""A Monday."""

DEPARTMENTS = ("urban_management", "housing", "emergency_management")
FOUND = {"matter_type": "corridor_clutter", "urgency": "ordinary", "area_kind": "urban"}

read = cache(read_folder)
"""Reading checks every diagram: once is enough for packs that do not change."""


def settle(store: Store, folder: Folder) -> City:
    """Publishes the calendars and a pack, whatever checks say of it, and founds the city."""
    engine = Engine(store, HANDLERS, now=lambda: MORNING)
    with engine.work() as work:
        for year in read_calendars():
            publish_year(work, year)
        publish(work, folder._replace(findings=()))
        if folder.pack.force != "law":
            work.library.allow_training(work.connection)
        plan = Plan(counties=1, townships=1, grids=1, departments=DEPARTMENTS)
        return city.found(work, plan, folder.pack)


@cache
def settled(key: str, folder: Path) -> tuple[Path, City]:
    """A city under a pack as published, made once in each process: its database, closed, and what it consists of."""
    file = folder / f"{key.replace('/', '-')}.sqlite"
    store = Store(f"sqlite:///{file}")
    store.prepare()
    founded = settle(store, read(PACKS / key))
    store.close()
    return file, founded


class Place:
    """A city under a pack, on a Monday morning in March 2026. `off`: something is switched off in its copy."""

    off = False

    def __init__(self, store: Store, pack: Pack, city: City, handlers: Mapping[str, Handler] = HANDLERS) -> None:
        self.now = MORNING
        self.store = store
        self.engine = Engine(store, handlers, now=lambda: self.now)
        self.pack = pack
        self.draft = pack.key if pack.force != "law" else None
        self.city = city
        self.grid = city.grids[0]
        self.township = f"ga-{self.city.townships[0]}"
        self.county = f"ga-{self.city.counties[0]}"
        self.village = f"ga-c{self.grid[1:13]}"
        self.government = f"gov-{self.city.townships[0]}"

    # -- who

    def department(self, key: str, county: int = 0) -> str:
        """A department of the county."""
        return f"dep-{self.city.counties[county]}-{key}"

    def person(self, role: str, unit: str) -> str:
        """The first who holds a role in a unit."""
        with self.engine.look() as work:
            return work.directory.holders(role, unit)[0]

    def actor(self, person: str, role: str = "", unit: str = "") -> Actor:
        """A person in one of their posts: the first that is of this role and unit."""
        with self.engine.look() as work:
            found = work.directory.actors(person)
        return next(one for one in found if role in ("", one.role) and unit in ("", one.unit))

    def actors(self, person: str) -> list[Actor]:
        """A person in each of their posts."""
        with self.engine.look() as work:
            return work.directory.actors(person)

    def worker(self, kind: str = "full_time") -> str:
        """A worker of the grid: full_time, part_time, grid_chief."""
        return f"w{self.grid[1:]}-{kind}"

    # -- doing

    def report(self, person: str, way: str = "discovered", **answer: Any) -> int:
        """Somebody brings a matter in. Fields that only tell something are filled with words."""
        filled = self.filled(self.pack.forms[way], {**FOUND, **answer})
        given = {"way_in": way, "grid": self.grid, "pack": self.draft, "answer": filled}
        with self.engine.work() as work:
            return intake.report(work, self.actor(person), given)

    def begin(self, person: str, event: str, *, about: str = "", **answer: Any) -> int:
        """Somebody begins a procedure beside matters."""
        procedure = self.pack.procedures[event]
        given = self.filled(self.pack.forms[procedure["form"]], answer)
        posts = self.actors(person)
        found = next((actor for actor in posts if actor.role in procedure["by"]), posts[0])
        with self.engine.work() as work:
            return procedures.begin(work, found, event, given, about=about, pack=self.draft)

    def complete(self, case: int, node: str, *, by: str = "", unit: str = "", waiver: str = "", **answer: Any) -> str:
        """Answers a step, by the first who holds its post unless `by` names somebody. Returns who did it."""
        row = self.step(case, node, unit)
        person = by or self.person(row.role, row.unit)
        with self.engine.work() as work:
            given = self.filled(self.form(case, row), answer)
            cases.complete(work, self.acting(person, row), row.id, row.revision, given, waiver)
        return person

    def leave(self, case: int, node: str, code: str, *, by: str = "", unit: str = "", **answer: Any) -> None:
        """Leaves a step by another way: return, withdraw, dispute, …"""
        row = self.step(case, node, unit)
        given = self.filled(self.pack.forms[code], answer)
        with self.engine.work() as work:
            actor = self.acting(by or self.person(row.role, row.unit), row)
            cases.escalate(work, actor, row.id, row.revision, code, given)

    def send(self, case: int, message: str, person: str, **answer: Any) -> None:
        """Somebody sends a message to a case: emergency, emergency_lifted, …"""
        given = self.filled(self.pack.forms[message], answer)
        with self.engine.work() as work:
            messages.send(work, self.actor(person), case, message, given)

    def pass_(self, **time: float) -> None:
        """Time goes on, and the clock beats at its end."""
        self.now += timedelta(**time)
        self.beat()

    def beat(self) -> None:
        """Everything that fell due happens."""
        clock = Clock(self.engine, duties=DUTIES)
        while clock.run_once(self.now).fired:
            pass

    def act(self, verb: Any, *arguments: Any) -> Any:
        """A verb in a transaction of its own: `place.act(cases.urge, actor, case, None, "…")`."""
        with self.engine.work() as work:
            return verb(work, *arguments)

    # -- looking

    def case(self, case: int) -> Any:
        """Its row."""
        with self.engine.look() as work:
            return work.connection.execute(select(tables.case).where(tables.case.c.id == case)).one()

    def steps(self, case: int) -> dict[str, list[Any]]:
        """The open steps, by node."""
        step = tables.step.c
        query = select(tables.step).where(step.case == case, step.status == "open").order_by(step.token)
        found: dict[str, list[Any]] = {}
        with self.engine.look() as work:
            for row in work.connection.execute(query):
                found.setdefault(row.node, []).append(row)
        return found

    def step(self, case: int, node: str, unit: str = "") -> Any:
        """An open step at a node, in a unit."""
        open_ = self.steps(case)
        assert node in open_, f"“{node}” is not open; open: {sorted(open_)}"
        return next(row for row in open_[node] if unit in ("", row.unit))

    def facts(self, case: int) -> Mapping[str, Any]:
        """The variables of the case as a whole."""
        with self.engine.look() as work:
            return cases.facts_at(work, case, 0)

    def records(self, case: int) -> list[Record]:
        """The chain of a case."""
        return self.chain(f"case/{case}")

    def chain(self, subject: str) -> list[Record]:
        """The chain of any subject."""
        with self.engine.look() as work:
            return list(records.chain(work.connection, subject))

    def faults(self) -> list[Any]:
        """What verification finds wrong with any case."""
        with self.engine.look() as work:
            ids = work.connection.execute(select(tables.case.c.id)).scalars().all()
            verified = [fault for id in ids for fault in records.verify(work.connection, f"case/{id}")]
            return verified + [fault for id in ids for fault in records.proves(work.connection, id)]

    # -- what stands behind

    def acting(self, person: str, row: Any) -> Actor:
        """The person in the post that the step asks for, if they have it."""
        with self.engine.look() as work:
            found = work.directory.actors(person)
        return next((one for one in found if (one.role, one.unit) == (row.role, row.unit)), found[0])

    def form(self, case: int, row: Any) -> Mapping[str, Any]:
        """The form of an open step."""
        with self.engine.look() as work:
            definition = work.library.definition(work.connection, self.case(case).definition)
        key = next(node.properties["form"] for _, node in definition.nodes() if node.id == row.node)
        return self.pack.forms[key]

    def filled(self, form: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
        """An answer with words in every field that is wanted and only tells something."""
        told = {
            name: self.words(field)
            for name, field in form["properties"].items()
            if name in form.get("required", ()) and field.get("x-wangge") == "record" and not field.get("readOnly")
        }
        return {**told, **{name: value for name, value in given.items() if name in form["properties"]}}

    def words(self, field: Mapping[str, Any]) -> Any:
        """Something that fits a field."""
        if "enum" in field:
            return field["enum"][0]
        if field.get("format") == "date-time":
            return self.now.isoformat()
        if field.get("format") == "date":
            return self.now.date().isoformat()
        return {"boolean": True, "integer": 1, "number": 1, "array": []}.get(
            field.get("type", "string"), "（测试）" + field.get("title", "")
        )
