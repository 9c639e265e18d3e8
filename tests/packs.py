"""Packs and cases for tests: packs are written straight into the database (the product's own way is publication, with
all its checks), time stands until it is set, and what became of a case is read back."""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from time import monotonic, sleep
from typing import Any

from sqlalchemy import insert, select

from engine import cases, records, tables
from engine.definition import Definition
from engine.directory import Actor
from engine.errors import Words
from engine.library import Pack, Role
from engine.limits import Limit
from engine.model import encode, encode_sorted
from engine.store import Store
from engine.work import Engine, Work
from tests.diagrams import bpmn, define

AT = datetime(2026, 3, 2, 1, tzinfo=UTC)
"""A Monday, nine o'clock in the morning in Zhenjiang."""

AREA = "/32/3211/321102/"
ACTOR = Actor("p1", "post1", "worker", "u1", AREA)
"""Somebody who may do everything in the packs made here."""

PERMISSIONS = (
    "repair", "urge", "supervise", "merge", "reassign", "void", "interrupt",
    "decide_extension", "decide_suspension", "decide_resumption", "decide_void",
)  # fmt: skip


def publish(
    store: Store,
    text: str,
    *called: str,
    key: str = "test/2026-01-01",
    limits: Mapping[str, Limit] | None = None,
    **forms: dict[str, Any],
) -> str:
    """A pack whose process `matter` is the diagram (short notation), with the forms given by name. Its key."""
    definition = define(text, *called)
    pack = Pack(
        key=key,
        place=key.partition("/")[0],
        title=Words("测试", "test"),
        area="/",
        force="law",
        in_force_from=date(2026, 1, 1),
        in_force_to=None,
        processes={"matter": definition.digest},
        limits=dict(limits or {}),
        forms=forms,
        roles={"worker": Role("worker", Words("经办人", "worker"), permissions=PERMISSIONS)},
        decisions={},
        articles={},
        items={},
        departments={},
        statuses={},
        ways_in={},
        settings={},
    )
    with store.transaction() as connection:
        connection.execute(insert(tables.definition), _row(definition, bpmn(text)))
        row = {
            "key": pack.key,
            "place": pack.place,
            "area": pack.area,
            "force": pack.force,
            "in_force_from": pack.in_force_from.isoformat() if pack.in_force_from else None,
            "hash": "",
            "body": encode(pack),
            "published_at": AT,
        }
        connection.execute(insert(tables.pack), row)
    return pack.key


def open_case(engine: Engine, pack: str = "test/2026-01-01", **facts: Any) -> int:
    """A new case of the pack, opened now by `ACTOR`. Its id."""
    with engine.work() as work:
        opening = cases.Opening(pack, AREA, ACTOR.unit, "积水", work.now, facts=facts)
        return cases.open_(work, ACTOR, opening)


class Time:
    """A clock that stands until it is set."""

    def __init__(self) -> None:
        self.now = AT

    def __call__(self) -> datetime:
        return self.now

    def on(self, **by: float) -> datetime:
        """Sets it forward, in the words of `timedelta`."""
        self.now += timedelta(**by)
        return self.now


# -- what became of a case ---------------------------------------------------------------------------


def rows(engine: Engine, table: Any, *where: Any) -> list[Any]:
    with engine.look() as work:
        return list(work.connection.execute(select(table).where(*where).order_by(table.c.id)).all())


def kinds(engine: Engine, case: int) -> list[str]:
    with engine.look() as work:
        return [record.kind for record in records.chain(work.connection, f"case/{case}")]


def recorded(engine: Engine, case: int, kind: str) -> list[records.Record]:
    with engine.look() as work:
        return [record for record in records.chain(work.connection, f"case/{case}") if record.kind == kind]


def open_nodes(engine: Engine, case: int) -> list[str]:
    return [row.node for row in rows(engine, tables.step, tables.step.c.case == case, tables.step.c.status == "open")]


def wait_until(condition: Callable[[], bool], seconds: float = 20) -> None:
    """For what other threads and processes do; fails when it does not come about."""
    end = monotonic() + seconds
    while not condition():
        assert monotonic() < end, "waited in vain"
        sleep(0.02)


def explain(work: Work, query: Any, values: dict[str, Any]) -> str:
    """How the database would carry out a query, in its own words."""
    word = "EXPLAIN QUERY PLAN " if work.connection.dialect.name == "sqlite" else "EXPLAIN "
    compiled = query.compile(work.connection, compile_kwargs={"render_postcompile": True})
    bound = compiled.construct_params(values)
    processed = {
        name: compiled._bind_processors[name](value) if name in compiled._bind_processors else value
        for name, value in bound.items()
    }
    given = processed if compiled.positiontup is None else tuple(processed[name] for name in compiled.positiontup)
    return "\n".join(str(row) for row in work.connection.exec_driver_sql(word + str(compiled), given))


# -- rows --------------------------------------------------------------------------------------------


def _row(definition: Definition, xml: bytes) -> dict[str, Any]:
    return {
        "hash": definition.digest,
        "key": f"test/{definition.root}",
        "semantics": definition.semantics,
        "compiler": "test",
        "compiled": encode_sorted(definition),
        "xml": xml,
        "xml_hash": "",
        "published_at": AT,
    }
