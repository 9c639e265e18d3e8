"""A small city for tests of what people see: two townships with a grid and an agency each, a department and a
supervisor of the whole city, and a pack that takes a matter from verifying to checking."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import insert

from engine import cases, tables
from engine.directory import Actor
from engine.errors import Words
from engine.library import Pack, Role
from engine.limits import Basis, Limit
from engine.model import encode
from engine.publishing import publish_year, read_calendars
from engine.store import Store
from engine.work import Engine
from handlers.registry import HANDLERS
from tests.diagrams import bpmn, define
from tests.packs import _row

AT = datetime(2026, 3, 2, 1, tzinfo=UTC)
"""A Monday, nine o'clock in the morning in Zhenjiang."""

CITY, NORTH, SOUTH = "/32/3211/", "/32/3211/321102/", "/32/3211/321103/"

MATTER = """
start discovered
user verify role=worker unit=grid form=verify limit=verify status=to_verify
user triage role=officer unit=agency form=triage limit=triage status=to_triage
user handle role=handler unit=department form=handle limit=handle status=handling
boundary back on=handle escalation=return
boundary taken on=handle escalation=withdraw
user check role=officer unit=agency form=check status=to_check
end done
discovered -> verify
verify -> triage
triage -> handle
handle -> check
back -> triage
taken -> triage
check -> done
"""

ROUTING = {"type": "string", "x-wangge": "routing"}


def form(required: Iterable[str] = (), **fields: dict[str, Any]) -> dict[str, Any]:
    """A form with these fields and no others."""
    return {"type": "object", "properties": fields, "required": [*required], "additionalProperties": False}


FORMS = {
    "discovered": form(
        ["title"], title={"type": "string"}, grid=ROUTING, agency=ROUTING,
        requester={"type": "string", "x-class": "sensitive"},
    ),
    "verify": form(["opinion"], opinion={"type": "string", "title": "意见"}),
    "triage": form(["department"], department=ROUTING),
    "handle": form(["result"], result={"type": "string"}),
    "check": form(),
    "return": form(["reason"], reason={"type": "string"}, requester={"type": "string", "x-class": "sensitive"}),
    "withdraw": form(["reason"], reason={"type": "string"}),
}  # fmt: skip

OFFICER = (
    "urge", "supervise", "merge", "reassign", "repair",
    "decide_extension", "decide_suspension", "decide_resumption", "decide_void",
)  # fmt: skip

ROLES = {
    "worker": Role("worker", Words("网格员", "worker")),
    "officer": Role("officer", Words("分流员", "officer"), permissions=OFFICER),
    "handler": Role("handler", Words("承办人", "handler")),
    "supervisor": Role("supervisor", Words("督查员", "supervisor"), permissions=("urge", "supervise")),
}

LIMITS = {
    "verify": Limit("verify", Basis("product_default"), 1, "working_day"),
    "triage": Limit("triage", Basis("local_rule", document="某〔2026〕1号"), 4, "working_hour"),
    "handle": Limit("handle", Basis("statute", article="ZJ-13.3"), 3, "working_day", extension_max=2),
}

UNITS = [
    ("north", "division", "township", "321102", NORTH),
    ("south", "division", "township", "321103", SOUTH),
    ("north-grid", "grid", "grid", "g1", f"{NORTH}g1/"),
    ("south-grid", "grid", "grid", "g2", f"{SOUTH}g2/"),
    ("north-agency", "governance_agency", "township", "a1", NORTH),
    ("south-agency", "governance_agency", "township", "a2", SOUTH),
    ("north-government", "government", "township", "z1", NORTH),
    ("south-government", "government", "township", "z2", SOUTH),
    ("water", "department", "city", "w", CITY),
    ("roads", "department", "city", "r", CITY),
    ("office", "governance_agency", "city", "o", CITY),
]

PEOPLE = {
    "wang": ("worker", "north-grid"),
    "wei": ("worker", "north-grid"),
    "ou": ("officer", "north-agency"),
    "han": ("handler", "water"),
    "hu": ("handler", "water"),
    "ren": ("handler", "roads"),
    "shi": ("worker", "south-grid"),
    "song": ("officer", "south-agency"),
    "du": ("supervisor", "office"),
}


class Town:
    """The city with a clock that tests turn."""

    def __init__(self, store: Store) -> None:
        self.now = AT
        self.engine = Engine(store, HANDLERS, now=lambda: self.now)
        with store.transaction() as connection:
            for table, rows in _registries().items():
                connection.execute(insert(tables.metadata.tables[table]), rows)
            definition = define(MATTER)
            connection.execute(insert(tables.definition), _row(definition, bpmn(MATTER)))
            connection.execute(insert(tables.pack), _pack_row(definition.digest))
        with self.engine.work() as work:
            for year in read_calendars():
                if year.year == AT.year:
                    publish_year(work, year)

    def pass_(self, **time: float) -> None:
        """Time goes on."""
        self.now += timedelta(**time)

    def actor(self, person: str) -> Actor:
        """A person in their post."""
        role, unit = PEOPLE[person]
        area = next(area for id, _, _, _, area in UNITS if id == unit)
        return Actor(person, f"post-{person}", role, unit, area)

    def open(self, side: str = "north", title: str = "路面积水", **said: str) -> int:
        """A new matter found in a grid. Its id."""
        worker = "wang" if side == "north" else "shi"
        facts = {"grid": f"{side}-grid", "agency": f"{side}-agency"}
        area = self.actor(worker).area
        with self.engine.work() as work:
            opening = cases.Opening(
                "test/2026-01-01", area, f"{side}-agency", title, work.now, facts=facts, said=dict(said), start=""
            )
            return cases.open_(work, self.actor(worker), opening)

    def step(self, case: int) -> int:
        """The one open step of a matter."""
        with self.engine.look() as work:
            step = tables.step.c
            query = tables.step.select().where(step.case == case, step.status == "open")
            return int(work.connection.execute(query).one().id)

    def complete(self, person: str, case: int, **answer: Any) -> None:
        """A person answers the open step of a matter."""
        step = self.step(case)
        with self.engine.work() as work:
            revision = work.connection.execute(tables.step.select().where(tables.step.c.id == step)).one().revision
            cases.complete(work, self.actor(person), step, revision, answer)

    def hand_to(self, department: str, case: int, side: str = "north") -> None:
        """A fresh matter is verified and dispatched."""
        self.complete("wang" if side == "north" else "shi", case, opinion="属实")
        self.complete("ou" if side == "north" else "song", case, department=department)


def _registries() -> Mapping[str, list[dict[str, Any]]]:
    held = {"valid_from": "2026-01-01", "recorded_at": AT - timedelta(days=30)}
    return {
        "unit": [
            {"id": id, "kind": kind, "level": level, "code": code, "name": f"{id}单位", "area": area, **held}
            for id, kind, level, code, area in UNITS
        ],
        "person": [{"id": id, "name": f"{id}某", **held} for id in PEOPLE],
        "post": [
            {"id": f"post-{id}", "person": id, "unit": unit, "role": role, **held}
            for id, (role, unit) in PEOPLE.items()
        ],
    }


def _pack_row(hash: str) -> dict[str, Any]:
    pack = Pack(
        key="test/2026-01-01",
        place="test",
        title=Words("测试", "test"),
        area=CITY,
        force="law",
        in_force_from=date(2026, 1, 1),
        in_force_to=None,
        processes={"matter": hash},
        limits={**LIMITS, "matter": Limit("matter", Basis("product_default"), 10, "working_day")},
        forms=FORMS,
        roles=ROLES,
        decisions={},
        articles={},
        items={},
        departments={},
        statuses={},
        ways_in={"discovered": {"event": "discovered"}},
        settings={},
    )
    return {
        "key": pack.key,
        "place": pack.place,
        "area": pack.area,
        "force": pack.force,
        "in_force_from": "2026-01-01",
        "hash": "",
        "body": encode(pack),
        "published_at": AT,
    }
