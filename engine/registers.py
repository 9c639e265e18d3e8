"""Registers of the domain: versioned entries of any kind (matter lists, patrol plans, filings, publications, …).

The domain says what kinds there are and what is in them; here they are kept like everything that holds from a day on:
nothing is overwritten, each version is on record in the chain of its subject, and what was known at any moment can
still be read. An entry holds ids and what is public or official, never what should be erasable.
"""

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, bindparam, or_, select

from engine import tables, versions
from engine.directory import Actor
from engine.errors import NotFound
from engine.library import day_of
from engine.model import Value, decode, encode_sorted
from engine.records import Entry
from engine.store import Prepared
from engine.work import Work

_table = tables.register


class Registered(Value, frozen=True):
    """One version of an entry. `id` is `<kind>/<name>`; `row` numbers this very version; `valid_to` is the last day."""

    id: str
    kind: str
    row: int
    area: str
    unit: str
    about: str | None
    case: int | None
    valid_from: date
    valid_to: date | None
    recorded_at: datetime
    body: dict[str, Any]


def put(
    work: Work,
    actor: Actor,
    kind: str,
    name: str,
    body: Mapping[str, Any],
    *,
    area: str,
    unit: str,
    about: str = "",
    case: int | None = None,
    valid_from: date | None = None,
    valid_to: date | None = None,
) -> Registered:
    """A new entry, or how a known one is from a day on (today, unless said); on record in the chain `<kind>/<name>`.

    Raises `Conflict` when something about it was recorded later than now."""
    id, first = f"{kind}/{name}", valid_from or day_of(work.now)
    versions.alone(work.connection, _table)
    values = {
        "kind": kind,
        "area": area,
        "unit": unit,
        "about": about or None,
        "case": case,
        "body": encode_sorted(dict(body)).decode(),
    }
    row = versions.put(work.connection, _table, id, values, first, valid_to, work.now)
    detail = {"row": row.row, "unit": unit, "body": dict(body), **versions.dates(row)}
    cause = f"case/{case}" if case is not None else ""
    work.record(id, [Entry("registered", actor.person, actor.post, cause, detail=detail)], area)
    return _read(dict(row._mapping))


def end(work: Work, actor: Actor, id: str, last_day: date, reason: str, case: int | None = None) -> None:
    """Nothing is registered under this id after `last_day`. Raises `NotFound` when it does not hold on that day."""
    entry = get(work, id, last_day)
    versions.alone(work.connection, _table)
    values = {"kind": entry.kind, "area": entry.area, "unit": entry.unit, "about": entry.about, "case": entry.case}
    values["body"] = encode_sorted(entry.body).decode()
    versions.put(work.connection, _table, id, values, entry.valid_from, last_day, work.now)
    cause = f"case/{case}" if case is not None else ""
    ended = Entry("ended", actor.person, actor.post, cause, detail={"last_day": last_day.isoformat(), "reason": reason})
    work.record(id, [ended], entry.area)


def get(work: Work, id: str, day: date | None = None) -> Registered:
    """The version that holds on a day (today, unless said). Raises `NotFound`."""
    row = versions.current(work.connection, _table, id, day or day_of(work.now))
    if row is None:
        raise NotFound("register.unknown", f"没有登记“{id}”。", f"Nothing is registered as “{id}”.")
    return _read(dict(row._mapping))


def version(work: Work, row: int) -> Registered:
    """A version by its number, also one that is over or superseded. Raises `NotFound`."""
    found = work.connection.execute(select(_table).where(_table.c.row == row)).first()
    if found is None:
        raise NotFound("register.unknown", f"没有第{row}号登记。", f"There is no registered version {row}.")
    return _read(dict(found._mapping))


def holding(
    work: Work,
    kind: str,
    *,
    day: date | None = None,
    inside: str = "",
    around: str = "",
    near: str = "",
    unit: str = "",
    about: str = "",
) -> list[Registered]:
    """The entries of a kind that hold on a day, by id: those in an area (`inside`), those whose area contains one
    (`around`), either (`near`), those of a unit, those about something."""
    query = select(_table).where(_table.c.kind == kind, versions.valid(_table, work.now, _day(work, day)))
    for wanted in (_inside(inside), _around(around), _near(near)):
        query = query if wanted is None else query.where(wanted)
    for column, value in ((_table.c.unit, unit), (_table.c.about, about)):
        query = query.where(column == value) if value else query
    return [_read(dict(row)) for row in work.connection.execute(query.order_by(_table.c.id)).mappings()]


def around(work: Work, kind: str, area: str) -> list[Registered]:
    """The entries of a kind that hold today and whose area contains one, by id: as `holding` finds them, for what every
    step asks."""
    paths = _paths(area)
    named = {f"path_{place}": path for place, path in enumerate(paths)}
    given = {"kind": kind, "at": work.now, "day": _day(work, None), **named}
    return [_read(row) for row in _around_one(len(paths)).all(work.connection, given)]


@cache
def _around_one(paths: int) -> Prepared:
    here = or_(*(_table.c.area == bindparam(f"path_{place}") for place in range(paths)))
    now = versions.valid(_table, bindparam("at", type_=tables.Instant()), bindparam("day"))
    return Prepared(select(_table).where(_table.c.kind == bindparam("kind"), now, here).order_by(_table.c.id))


def history(work: Work, id: str) -> Iterator[Registered]:
    """Every version that is known now, the newest first."""
    query = select(_table).where(_table.c.id == id, _table.c.superseded_at.is_(None))
    for row in work.connection.execute(query.order_by(_table.c.valid_from.desc())).mappings():
        yield _read(dict(row))


def _inside(area: str) -> ColumnElement[bool] | None:
    return _table.c.area.startswith(area, autoescape=True) if area else None


def _around(area: str) -> ColumnElement[bool] | None:
    return _table.c.area.in_(_paths(area)) if area else None


def _paths(area: str) -> list[str]:
    """The areas that contain one, the widest first."""
    steps = area.strip("/").split("/")
    return ["/", *(f"/{'/'.join(steps[: n + 1])}/" for n in range(len(steps)))]


def _near(area: str) -> ColumnElement[bool] | None:
    inside, around = _inside(area), _around(area)
    return None if inside is None or around is None else or_(inside, around)


def _day(work: Work, day: date | None) -> str:
    return (day or day_of(work.now)).isoformat()


def _read(row: Mapping[str, Any]) -> Registered:
    return Registered(
        id=row["id"],
        kind=row["kind"],
        row=row["row"],
        area=row["area"],
        unit=row["unit"],
        about=row["about"],
        case=row["case"],
        valid_from=date.fromisoformat(row["valid_from"]),
        valid_to=date.fromisoformat(row["valid_to"]) if row["valid_to"] else None,
        recorded_at=row["recorded_at"],
        body=decode(row["body"], dict[str, Any]),
    )
