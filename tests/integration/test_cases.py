"""Every verb of a case, on both databases: what it does, what it refuses, and that a refusal writes nothing; several
people at once; clocks, extensions and suspensions; what people say and where it must never be.

After each test the records of every case are verified and replayed: they must lead to the state that is stored.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import event, insert, select

from engine import bpmn as reader
from engine import cases, records, tables
from engine.cases import Ask
from engine.decisions import Table
from engine.decisions import read as read_tables
from engine.directory import Actor
from engine.errors import Conflict, Forbidden, Invalid, NotFound, Refused, WanggeError
from engine.library import Pack
from engine.limits import Basis, Limit
from engine.model import Messaged, encode, replace
from engine.records import Head
from engine.store import Store
from engine.work import MACHINE, Call, Handler, Work
from tests.diagrams import bpmn
from tests.packs import _row, recorded
from tests.towns import AT, CITY, FORMS, LIMITS, NORTH, PEOPLE, ROLES, ROUTING, Town, _pack_row, form

HOUR = timedelta(hours=1)
MARKER = "MARKER7731"

MATTER = """
    start found
    user verify role=worker unit=grid form=verify limit=day status=to_verify
    user triage role=officer unit=agency form=triage limit=day status=to_triage
    user handle role=handler unit=department form=handle limit=day status=handling
    boundary back on=handle escalation=return
    boundary taken on=handle escalation=withdraw
    user check role=officer unit=agency form=check status=to_check
    end done status=archived
    found -> verify
    verify -> triage
    triage -> handle
    handle -> check
    back -> triage
    taken -> triage
    check -> done
    event supervision {
        start supervised message=supervise interrupting=no
        user reply role=handler unit=supervised_unit form=reply limit=day status=replying
        end replied
        supervised -> reply
        reply -> replied
    }
    event alarm {
        start alarmed message=emergency interrupting=no
        user rescue role=officer unit=agency form=check limit=day status=emergency
        end rescued
        alarmed -> rescue
        rescue -> rescued
    }
    event voiding {
        start void_granted message=void
        user tell role=officer unit=agency form=check status=to_inform
        end voided status=voided
        void_granted -> tell
        tell -> voided
    }
"""

BRANCHES = """
    start s
    parallel fork
    user a role=handler unit="'water'" form=handle status=handling
    user b role=handler unit="'roads'" form=handle status=handling
    parallel join
    user check role=officer unit=agency form=check status=to_check
    end e
    s -> fork
    fork -> a
    fork -> b
    a -> join
    b -> join
    join -> check
    check -> e
"""

FORKED = """
    start s
    user ask role=worker unit=grid form=choose
    exclusive g
    user one role=worker unit=grid form=check
    user two role=worker unit=grid form=check
    end e
    end f
    s -> ask
    ask -> g
    g -> one [x == 1]
    g -> two [x == 2]
    one -> e
    two -> f
"""

DAY = Limit("day", Basis("product_default"), 24, "natural_hour")
WIDE = {"reply": form(["reply"], reply={"type": "string"}), "choose": form(x={"type": "integer", "x-wangge": "routing"})}


class Scene:
    """The small city (see `towns.py`) with a pack of one's own, and a word for everything the tests do in it."""

    def __init__(self, store: Store) -> None:
        self.town = Town(store)
        self.engine = self.town.engine
        self.store = store
        self.people = {**PEOPLE, "ye": ("officer", "north-agency")}
        held = {"valid_from": "2026-01-01", "recorded_at": AT - timedelta(days=30)}
        with store.transaction() as connection:
            connection.execute(insert(tables.person), {"id": "ye", "name": "ye某", **held})
            post = {"id": "post-ye", "person": "ye", "unit": "north-agency", "role": "officer"}
            connection.execute(insert(tables.post), {**post, **held})

    def draw(
        self,
        text: str,
        *,
        limits: Mapping[str, Limit] | None = None,
        properties: Mapping[str, Mapping[str, str]] | None = None,
        decisions: Mapping[str, Table] | None = None,
        overall: Limit | None = None,
        **forms: dict[str, Any],
    ) -> None:
        """Puts a pack in force whose matter is this diagram; `properties` are added to nodes."""
        xml = with_properties(bpmn(text), properties or {})
        reading = reader.read(xml, decisions=decisions or {})
        assert [finding for finding in reading.findings if finding.level == "error"] == []
        definition = reading.definition()
        row = _pack_row(definition.digest)
        pack = replace(
            _pack(row),
            key="drawn/2026-01-01",
            limits={"day": DAY, **LIMITS, **(limits or {}), **({"matter": overall} if overall else {})},
            forms={**FORMS, **WIDE, **forms},
            roles=ROLES,
            decisions=dict(decisions or {}),
        )
        with self.store.transaction() as connection:
            connection.execute(insert(tables.definition), _row(definition, xml))
            connection.execute(insert(tables.pack), {**row, "key": pack.key, "body": encode(pack)})

    def handlers(self, **handlers: Handler) -> None:
        self.engine.handlers = handlers

    def actor(self, person: str) -> Actor:
        role, unit = self.people[person]
        return Actor(person, f"post-{person}", role, unit, NORTH if person == "ye" else self.town.actor(person).area)

    def pass_(self, **time: float) -> None:
        self.town.pass_(**time)

    @property
    def now(self) -> datetime:
        return self.town.now

    def open(self, title: str = "路面积水", said: Mapping[str, Any] | None = None, **facts: Any) -> int:
        units = {"grid": "north-grid", "agency": "north-agency", "department": "water", **facts}
        with self.engine.work() as work:
            opening = cases.Opening(
                "drawn/2026-01-01", f"{NORTH}g1/", "north-agency", title, work.now, facts=units, said=dict(said or {})
            )
            return cases.open_(work, self.actor("wang"), opening)

    def steps(self, case: int) -> dict[str, Any]:
        """The open steps by node."""
        query = select(tables.step).where(tables.step.c.case == case, tables.step.c.status == "open")
        with self.engine.look() as work:
            return {row.node: row for row in work.connection.execute(query.order_by(tables.step.c.token))}

    def step(self, case: int, node: str) -> Any:
        return self.steps(case)[node]

    def case(self, case: int) -> Any:
        with self.engine.look() as work:
            return work.connection.execute(select(tables.case).where(tables.case.c.id == case)).one()

    def rows(self, table: Any, **where: Any) -> list[Any]:
        query = select(table).where(*(table.c[name] == value for name, value in where.items()))
        with self.engine.look() as work:
            return list(work.connection.execute(query.order_by(table.c.id)))

    def act(self, verb: Callable[..., Any], person: str, step: Any, *said: Any) -> Any:
        """A verb on a step as it was seen."""
        with self.engine.work() as work:
            return verb(work, self.actor(person), step.id, step.revision, *said)

    def do(self, verb: Callable[..., Any], person: str, *said: Any) -> Any:
        """A verb on a case, a request or an incident."""
        with self.engine.work() as work:
            return verb(work, self.actor(person), *said)

    def complete(self, person: str, case: int, node: str, waiver: str = "", **answer: Any) -> None:
        self.act(cases.complete, person, self.step(case, node), answer, waiver)

    def handling(self) -> int:
        """A case that the water department has on its desk."""
        case = self.open()
        self.complete("wang", case, "verify", opinion="属实")
        self.complete("ou", case, "triage", department="water")
        return case

    def suspend(self, case: int) -> None:
        request = self.do(cases.ask, "han", case, Ask("suspension", "等", ground="施工", ceiling_days=30))
        self.do(cases.decide, "ou", request, True, "同意")

    def resume(self, case: int) -> None:
        request = self.do(cases.ask, "han", case, Ask("resumption", "可以了"))
        self.do(cases.decide, "ou", request, True, "同意")

    def announce(self, case: int) -> int:
        with self.engine.work() as work:
            return cases.announce(work, case)

    def fire(self) -> int:
        """Fires what is due."""
        fired = 0
        for timer in self.rows(tables.timer, status="waiting"):
            with self.engine.work() as work:
                fired += cases.fire_due(work, timer.id)
        return fired

    def kinds(self, case: int) -> list[str]:
        with self.engine.look() as work:
            return [record.kind for record in records.chain(work.connection, f"case/{case}")]

    def said(self, case: int) -> list[Any]:
        with self.engine.look() as work:
            return [v for fields in records.said(work.connection, f"case/{case}").values() for v in fields.values()]

    def everything(self) -> dict[str, list[tuple[Any, ...]]]:
        """All that the database holds."""
        with self.engine.look() as work:
            return {
                table.name: sorted((tuple(row) for row in work.connection.execute(select(table))), key=repr)
                for table in tables.metadata.sorted_tables
            }

    def faults(self) -> list[Any]:
        with self.engine.look() as work:
            ids = work.connection.execute(select(tables.case.c.id)).scalars().all()
            return [
                fault
                for id in ids
                for fault in (
                    *records.verify(work.connection, f"case/{id}"),
                    *records.proves(work.connection, id),
                )
            ]


def _pack(row: Mapping[str, Any]) -> Pack:
    from engine.model import decode

    return decode(row["body"], Pack)


def with_properties(xml: bytes, properties: Mapping[str, Mapping[str, str]]) -> bytes:
    text = xml.decode()
    for node, values in properties.items():
        start = text.index(f' id="{node}"')
        end = text.index(">", start) + 1
        inner = "".join(f'<wangge:property name="{name}" value="{value}"/>' for name, value in values.items())
        text = f"{text[:end]}<extensionElements>{inner}</extensionElements>{text[end:]}"
    return text.encode()


@pytest.fixture
def scene(store: Store) -> Iterator[Scene]:
    scene = Scene(store)
    yield scene
    assert scene.faults() == []


@pytest.fixture
def matter(scene: Scene) -> Scene:
    scene.draw(MATTER, overall=Limit("matter", Basis("product_default"), 10, "working_day"))
    return scene


@contextmanager
def refused(scene: Scene, kind: type[WanggeError], code: str) -> Iterator[pytest.ExceptionInfo[WanggeError]]:
    """The act is refused with this code, in both languages, and has left no trace."""
    before = scene.everything()
    with pytest.raises(kind) as caught:
        yield caught
    assert caught.value.code == code
    assert any("\u4e00" <= letter <= "\u9fff" for letter in caught.value.words.zh)
    assert any("a" <= letter <= "z" for letter in caught.value.words.en)
    assert scene.everything() == before
