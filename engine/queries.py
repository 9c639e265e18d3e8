"""What people look at: lists, counts and whole matters, read past the verbs, each as one named query.

Whoever asks sees what their post lets them see, in every list, count and single read. A role with the permission
`see_area` sees every matter in the area of its unit; all others see what their unit has or had a step in, and what
they hold or have sent themselves. What is missing and what is out of sight get one answer: `NotFound`.

Lists are read by index ranges over what is *open* (partial indexes), so that they cost the same however many
matters have been closed; pages follow a key and never skip rows. Words for people are made here, day by day where
time is explained: a browser counts no days.
"""

import json
import math
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Literal, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    RowMapping,
    Select,
    Table,
    and_,
    case,
    exists,
    false,
    func,
    literal,
    literal_column,
    or_,
    select,
    true,
    tuple_,
)

from engine import lifecycle, limits, records, tables
from engine.calendars import local
from engine.cases import Running
from engine.definition import Definition, Node
from engine.directory import Actor
from engine.errors import Invalid, NotFound, Refused, WanggeError, Words
from engine.library import Pack, day_of
from engine.limits import Due, Limit
from engine.machine import variables
from engine.model import Passed, State, Value, decode, plain
from engine.work import Work

SEE_AREA = "see_area"
"""The permission of a role to see every matter in the area of its unit."""

COUNTED = 10_000
"""Totals are exact up to here; a longer list says so instead of counting on."""

PAGE = 50
"""Rows of a page, unless asked otherwise; `PAGES` is the most."""

PAGES = 200

UNCLAIMED = timedelta(hours=24)
"""A step nobody has signed for in so long is shown as stuck (product default, not law)."""

BY_PEOPLE = ("user", "manual")
"""The kinds of steps that wait for a person."""

Tab = Literal["mine", "unit", "others"]
Light = Literal["overdue", "warning", "paused", "none"]

_NEVER = datetime(9999, 1, 1, tzinfo=UTC)
_case, _step = tables.case.c, tables.step.c
_OPEN = _step.status == literal_column("'open'")
_SIGNED_FOR, _HELD_BY_NOBODY = _step.person.is_not(None), _step.person.is_(None)


class Filters(Value, frozen=True):
    """What a list is narrowed to; an empty field narrows nothing. `area` is a path inside the asker's own,
    `text` a number or a part of a title, `closed` chooses between open, closed and all matters."""

    area: str = ""
    node: str = ""
    matter_type: str = ""
    status: str = ""
    way_in: str = ""
    flag: Literal["", "disputed", "emergency", "suspended"] = ""
    basis: str = ""
    text: str = ""
    closed: Literal["open", "closed", "all"] = "open"


class Scope(NamedTuple):
    """Who asks, and whether they see all of their area."""

    actor: Actor
    whole_area: bool


# -- who sees what -----------------------------------------------------------------------------------


def scope(work: Work, actor: Actor) -> Scope:
    """What the actor's role may see: the area, if every published pack that knows the role says so."""
    keys = work.connection.execute(select(tables.pack.c.key)).scalars()
    known = [pack.roles[actor.role] for key in keys if actor.role in (pack := _pack(work, key)).roles]
    return Scope(actor, bool(known) and all(SEE_AREA in role.permissions for role in known))


def inside(connection: Connection, column: ColumnElement[str], area: str) -> ColumnElement[bool]:
    """Whether a path lies in an area, as a range that an index can be read by. A malformed area holds nothing."""
    if not (area.startswith("/") and area.endswith("/")):
        return false()
    if area == "/":
        return true()
    first, behind = area, area[:-1] + chr(ord("/") + 1)
    if connection.dialect.name == "postgresql":
        return and_(column.bool_op("~>=~")(first), column.bool_op("~<~")(behind))
    return and_(column >= first, column < behind)


def seen_matter(work: Work, actor: Actor, number: str | int) -> int:
    """The id of a matter that the actor may see, by its number or id. Raises `NotFound`."""
    return int(_seen(work, actor, number)["id"])


def seen_step(work: Work, actor: Actor, id: int) -> int:
    """The id of the matter of a step that the actor may see. Raises `NotFound`."""
    found = work.connection.execute(select(_step.case).where(_step.id == id)).scalar()
    return int(_seen(work, actor, found if found is not None else -1)["id"])


def seen_request(work: Work, actor: Actor, id: int) -> int:
    """The id of the matter of a request that the actor may see. Raises `NotFound`."""
    request = tables.request.c
    found = work.connection.execute(select(request.case).where(request.id == id)).scalar()
    return int(_seen(work, actor, found if found is not None else -1)["id"])


def seen_incident(work: Work, actor: Actor, id: int) -> int:
    """The id of the matter of an incident that the actor may see. Raises `NotFound`."""
    incident = tables.incident.c
    found = work.connection.execute(select(incident.case).where(incident.id == id)).scalar()
    return int(_seen(work, actor, found if found is not None else -1)["id"])


def _seen(work: Work, actor: Actor, number: str | int) -> RowMapping:
    which = _case.id == number if isinstance(number, int) else _case.number == number
    who = scope(work, actor)
    query = select(tables.case).where(which, or_(_in_area(work, who, _case.area), _had_part(actor)))
    row = work.connection.execute(query).mappings().first()
    if row is None:
        raise NotFound("matter.unknown", "未找到此事项，或不在您的查看范围内。", "Not found, or outside your scope.")
    return row


def _in_area(work: Work, who: Scope, column: ColumnElement[str]) -> ColumnElement[bool]:
    return inside(work.connection, column, who.actor.area) if who.whole_area else false()


def _had_part(actor: Actor) -> ColumnElement[bool]:
    """Whether the actor or their unit ever had, sent or was asked about something in this one matter."""
    request = tables.request.c
    return or_(
        exists().where(
            _step.case == _case.id,
            or_(
                _step.unit == actor.unit,
                _step.sender == actor.unit,
                _step.person == actor.person,
                _step.closed_by == actor.person,
            ),
        ),
        exists().where(request.case == _case.id, request.to_unit == actor.unit),
    )


def _listed(work: Work, who: Scope) -> ColumnElement[bool]:
    """The matters of a list: all of the area; or what the unit has or had, and what it waits for."""
    if who.whole_area:
        return inside(work.connection, _case.area, who.actor.area)
    had = select(_step.case).where(_step.unit == who.actor.unit)
    held = select(_step.case).where(_OPEN, _step.person == who.actor.person)
    sent = select(_step.case).where(_OPEN, _step.sender == who.actor.unit)
    return _case.id.in_(had.union(held, sent))


def _steps_of(work: Work, who: Scope) -> ColumnElement[bool]:
    """The open steps of a list: all of the area; or those of the unit."""
    if who.whole_area:
        return and_(_OPEN, inside(work.connection, _step.area, who.actor.area))
    return and_(_OPEN, _step.unit == who.actor.unit)


# -- what to do: the inbox ---------------------------------------------------------------------------


def inbox(
    work: Work,
    actor: Actor,
    tab: Tab = "mine",
    filters: Filters | None = None,
    cursor: str = "",
    size: int = PAGE,
) -> dict[str, Any]:
    """Open steps, what runs out first on top. `mine`: held by the actor, or waiting for somebody in one of the
    actor's posts (those they substitute included); `unit`: of the actor's unit; `others`: sent by the unit, with
    somebody else now. `counts` holds the length of each tab, without filters."""
    tabs = _tabs(work, actor)
    key = (func.coalesce(_step.due_at, _NEVER), _step.id)
    query = _joined(work, filters or Filters()).where(tabs[tab])
    page = _page(work, query, key, cursor, size, _step_row(work))
    counts = {name: _count(work, select(_step.id).where(which)) for name, which in tabs.items()}
    return {**page, "counts": counts}


def _tabs(work: Work, actor: Actor) -> dict[Tab, ColumnElement[bool]]:
    waiting = [
        and_(_OPEN, _step.unit == unit, _step.role == role, _HELD_BY_NOBODY) for role, unit in _posts(work, actor)
    ]
    anywhere = and_(
        _OPEN, _step.unit.is_(None), _step.role == actor.role, _HELD_BY_NOBODY,
        inside(work.connection, _step.area, actor.area),
    )  # fmt: skip
    elsewhere = or_(_step.unit != actor.unit, and_(_SIGNED_FOR, _step.person != actor.person))
    return {
        "mine": or_(and_(_OPEN, _step.person == actor.person), *waiting, anywhere),
        "unit": and_(_OPEN, _step.unit == actor.unit),
        "others": and_(_OPEN, _step.sender == actor.unit, elsewhere),
    }


def _posts(work: Work, actor: Actor) -> list[tuple[str, str]]:
    """Role and unit of the actor's own post, and of those of absent people whom the actor substitutes."""
    absence, post = tables.absence, tables.post
    query = (
        select(post.c.role, post.c.unit)
        .join(absence, absence.c.person == post.c.person)
        .where(absence.c.substitute == actor.person, _holds(work, absence), _holds(work, post))
    )
    others = {(row.role, row.unit) for row in work.connection.execute(query)}
    standing = sorted(one for one in others if work.directory.stands_in(actor, *one))
    return [(actor.role, actor.unit), *(one for one in standing if one != (actor.role, actor.unit))]


def _holds(work: Work, table: Table) -> ColumnElement[bool]:
    """The rows of a registry that hold now."""
    day = day_of(work.now).isoformat()
    return and_(
        table.c.superseded_at.is_(None),
        table.c.valid_from <= day,
        or_(table.c.valid_to.is_(None), table.c.valid_to >= day),
    )


# -- what is late: overdue ---------------------------------------------------------------------------

_DEFAULTS_LAST = case((_step.clock.contains('"basis":{"kind":"product_default"'), 1), else_=0)
_EMERGENCIES_FIRST = case((_case.emergency, 0), else_=1)


def overdue(
    work: Work,
    actor: Actor,
    light: Light = "overdue",
    filters: Filters | None = None,
    cursor: str = "",
    size: int = PAGE,
) -> dict[str, Any]:
    """Open steps by light: emergencies first, limits that bind before product defaults, the longest overdue first.
    `counts` holds the number under each light, without filters."""
    who = scope(work, actor)
    lights = _lights(work)
    key = (_EMERGENCIES_FIRST, _DEFAULTS_LAST, func.coalesce(_step.due_at, _NEVER), _step.id)
    query = _joined(work, filters or Filters()).where(_steps_of(work, who), lights[light])
    page = _page(work, query, key, cursor, size, _step_row(work))
    counts = {name: _count(work, select(_step.id).where(_steps_of(work, who), one)) for name, one in lights.items()}
    return {**page, "counts": counts}


def _lights(work: Work) -> dict[Light, ColumnElement[bool]]:
    return {
        "overdue": _step.due_at < work.now,
        "warning": and_(_step.light == "yellow", _step.due_at >= work.now),
        "paused": _step.light == "paused",
        "none": and_(or_(_step.light.is_(None), _step.light == "none"), _step.kind.in_(BY_PEOPLE)),
    }


# -- what is there: matters --------------------------------------------------------------------------


def matters(
    work: Work, actor: Actor, filters: Filters | None = None, cursor: str = "", size: int = PAGE
) -> dict[str, Any]:
    """Matters, the newest first; those that are open, unless the filters say otherwise."""
    wanted = filters or Filters()
    query = _narrowed(work, select(tables.case).where(_listed(work, scope(work, actor))), wanted)
    return _page(work, query, (_case.id,), cursor, size, _matter_row(work), newest_first=True)


def _narrowed(work: Work, query: Select[Any], wanted: Filters) -> Select[Any]:
    exact = {"status": wanted.status, "way_in": wanted.way_in, "matter_type": wanted.matter_type}
    query = query.where(*(_case[name] == value for name, value in exact.items() if value))
    if wanted.closed != "all":
        query = query.where(_case.closed_at.is_(None) if wanted.closed == "open" else _case.closed_at.is_not(None))
    if wanted.flag:
        query = query.where(_case[wanted.flag])
    if wanted.area:
        query = query.where(inside(work.connection, _case.area, wanted.area))
    if wanted.text:
        number = _case.number.startswith(wanted.text, autoescape=True)
        query = query.where(or_(number, _case.title.contains(wanted.text, autoescape=True)))
    return query


def _joined(work: Work, wanted: Filters) -> Select[Any]:
    """Steps with what their matter says in a list."""
    query = select(
        tables.step,
        _case.number,
        _case.title,
        _case.status.label("matter_status"),
        _case.matter_type,
        _case.emergency,
        _case.disputed,
        _case.suspended,
        _case.clock.label("overall"),
        _case.pack,
    ).join(tables.case, _case.id == _step.case)
    if wanted.node:
        query = query.where(_step.node == wanted.node)
    if wanted.matter_type:
        query = query.where(_case.matter_type == wanted.matter_type)
    if wanted.flag:
        query = query.where(_case[wanted.flag])
    if wanted.area:
        query = query.where(inside(work.connection, _step.area, wanted.area))
    if wanted.basis:
        query = query.where(_step.clock.contains(f'"basis":{{"kind":"{wanted.basis}"', autoescape=True))
    if wanted.text:
        number = _case.number.startswith(wanted.text, autoescape=True)
        query = query.where(or_(number, _case.title.contains(wanted.text, autoescape=True)))
    return query


# -- pages -------------------------------------------------------------------------------------------


def _page(
    work: Work,
    query: Select[Any],
    key: Sequence[ColumnElement[Any]],
    cursor: str,
    size: int,
    show: Callable[[RowMapping], dict[str, Any]],
    *,
    newest_first: bool = False,
) -> dict[str, Any]:
    """One page of a list: its rows, the cursor of the next page (empty: this is the last) and the total."""
    size = max(1, min(size, PAGES))
    total = _count(work, query.with_only_columns(literal(1), maintain_column_froms=True))
    columns = [column.label(f"key_{place}") for place, column in enumerate(key)]
    ordered = query.add_columns(*columns).order_by(*(column.desc() if newest_first else column for column in key))
    if cursor:
        here, after = tuple_(*key), tuple_(*_read_cursor(cursor, key))
        ordered = ordered.where(here < after if newest_first else here > after)
    rows = work.connection.execute(ordered.limit(size + 1)).mappings().all()
    following = _cursor([rows[size - 1][column.name] for column in columns]) if len(rows) > size else ""
    return {"rows": [show(row) for row in rows[:size]], "next": following, "total": total}


def _count(work: Work, query: Select[Any]) -> dict[str, Any]:
    found = int(work.connection.execute(select(func.count()).select_from(query.limit(COUNTED + 1).subquery())).scalar_one())
    if found <= COUNTED:
        return {"count": found, "exact": True, "text": f"{found:,}"}
    return {"count": COUNTED, "exact": False, "text": f"约{COUNTED:,}以上"}


def _cursor(values: Sequence[Any]) -> str:
    plain = [value.isoformat() if isinstance(value, datetime) else value for value in values]
    return urlsafe_b64encode(json.dumps(plain).encode()).decode().rstrip("=")


def _read_cursor(cursor: str, key: Sequence[ColumnElement[Any]]) -> list[ColumnElement[Any]]:
    try:
        values = json.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        pairs = list(zip(values, key, strict=True))
        return [literal(_key_value(value, column), type_=column.type) for value, column in pairs]
    except (ValueError, TypeError) as error:
        raise Invalid(
            "list.cursor", "翻页标记无效，请从第一页重新查看。", "The page marker is not valid: start from the first page."
        ) from error


def _key_value(value: Any, column: ColumnElement[Any]) -> Any:
    """A cursor comes from outside: nothing but what the column can hold is let through."""
    if isinstance(column.type, tables.Instant):
        moment = datetime.fromisoformat(value)
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    if type(value) is not int or not 0 <= value < 2**63:
        raise ValueError(value)
    return value


# -- rows --------------------------------------------------------------------------------------------


class _Names:
    """Names of people and units, each looked up once."""

    def __init__(self, work: Work) -> None:
        self.people = cache(work.directory.name)
        self.units = cache(work.directory.unit_name)

    def person(self, id: str | None) -> dict[str, str] | None:
        return {"id": id, "name": self.people(id)} if id else None

    def unit(self, id: str | None) -> dict[str, str] | None:
        return {"id": id, "name": self.units(id)} if id else None


def _step_row(work: Work) -> Callable[[RowMapping], dict[str, Any]]:
    names = _Names(work)

    def show(row: RowMapping) -> dict[str, Any]:
        return {
            **_step_words(row, names),
            "clock": told(work, row["clock"]),
            "matter": {
                "id": row["case"],
                "number": row["number"],
                "title": row["title"],
                "matter_type": row["matter_type"],
                "status": _label(_pack(work, row["pack"]), row["matter_status"]),
                "flags": _flags(row),
                "clock": told(work, row["overall"]),
            },
        }

    return show


def _step_words(row: RowMapping, names: _Names) -> dict[str, Any]:
    return {
        **{name: row[name] for name in ("id", "node", "name", "kind", "role", "area", "status", "revision")},
        "lifecycle": row["lifecycle"],
        "unit": names.unit(row["unit"]),
        "person": names.person(row["person"]),
        "sender": names.unit(row["sender"]),
        "opened_at": _at(row["opened_at"]),
        "seen_at": _at(row["seen_at"]),
        "closed_at": _at(row["closed_at"]),
        "closed_by": names.person(row["closed_by"]),
        "due_at": _at(row["due_at"]),
    }


def _matter_row(work: Work) -> Callable[[RowMapping], dict[str, Any]]:
    names = _Names(work)
    return lambda row: {**_matter_words(work, row, names), "clock": told(work, row["clock"])}


def _matter_words(work: Work, row: RowMapping, names: _Names) -> dict[str, Any]:
    same = ("id", "number", "title", "matter_type", "way_in", "area", "outcome", "pack", "revision")
    pack = _pack(work, row["pack"])
    return {
        **{name: row[name] for name in same},
        "status": _label(pack, row["status"]),
        "flags": _flags(row),
        "unit": names.unit(row["unit"]),
        "draft": pack.force != "law",
        **{name: _at(row[name]) for name in ("discovered_at", "opened_at", "closed_at", "active_at", "due_at")},
    }


def _pack(work: Work, key: str) -> Pack:
    return work.library.pack(work.connection, key)


def _flags(row: RowMapping) -> list[str]:
    return [flag for flag in lifecycle.FLAGS if row[flag]]


def _label(pack: Pack, status: str) -> dict[str, str]:
    words = pack.statuses.get(status) or lifecycle.STATUSES.get(status) or Words(status, status)
    return {"key": status, "zh": words.zh, "en": words.en}


def _at(moment: datetime | None) -> str | None:
    """As people and programs read it: ISO 8601 with the offset of Shanghai."""
    return None if moment is None else local(moment).isoformat()


# -- clocks in words ---------------------------------------------------------------------------------

WEEKDAYS = "一二三四五六日"


def told(work: Work, stored: str | None, *, explained: bool = False) -> dict[str, Any] | None:
    """A stored clock as people read it: light, what is left, when exactly, on what basis; with `explained`, day by
    day why. None where a step has no limit at all."""
    if not stored:
        return None
    running = decode(stored, Running)
    parts = (running.limit, running.start, work.calendar, running.pauses, running.extensions)
    due = limits.clock(*parts)
    left = limits.remaining(running.limit, running.start, work.calendar, work.now, running.pauses, running.extensions)
    words = _due_words(work, running.limit, due, left)
    return {
        "limit": running.limit.key,
        "state": due.state,
        "light": limits.light(due, work.now),
        "started_at": _at(running.start),
        "due_at": _at(due.due_at),
        "warn_at": _at(due.warn_at),
        "remaining": left,
        "unit": running.limit.unit,
        "provisional": due.provisional,
        "zh": words.zh,
        "en": words.en,
        "basis": _basis(running.limit),
        **({"explained": [_day(one) for one in limits.explain(*parts)]} if explained else {}),
    }


def _basis(limit: Limit) -> dict[str, Any]:
    words = limits.BASES[limit.basis.kind]
    return {
        "kind": limit.basis.kind,
        "zh": words.zh,
        "en": words.en,
        "article": limit.basis.article,
        "document": limit.basis.document,
    }


def _day(one: limits.Explained) -> dict[str, Any]:
    words = {"zh": one.label.zh, "en": one.label.en}
    return {"day": one.day.isoformat(), "kind": one.kind, "number": one.number, **words}


def _due_words(work: Work, limit: Limit, due: Due, left: float | None) -> Words:
    if due.state == "none" or limit.unit is None or left is None:
        return Words("未设时限", "no limit")
    amount = _amount(abs(left), limits.UNITS[limit.unit])
    if due.due_at is None:
        return Words(f"已停表，剩 {amount.zh}", f"stopped, {amount.en} left")
    end = local(due.due_at)
    exact = f"{end:%m-%d} 周{WEEKDAYS[end.weekday()]} {end:%H:%M}"
    unsure = "（暂定）" if due.provisional else ""
    if due.due_at < work.now:
        return Words(f"超期 {amount.zh} · {exact}{unsure}", f"{amount.en} overdue · {end:%Y-%m-%d %H:%M}")
    if limit.unit.endswith("day") and end.date() == day_of(work.now):
        return Words(f"今日 {end:%H:%M} 前{unsure}", f"today before {end:%H:%M}")
    return Words(f"剩 {amount.zh} · {exact}{unsure}", f"{amount.en} left · {end:%Y-%m-%d %H:%M}")


def _amount(left: float, unit: Words) -> Words:
    """Whole units; less than one is said as such."""
    whole = math.floor(left)
    return Words(f"{whole} 个{unit.zh}", f"{whole} {unit.en}") if whole else Words(f"不足1个{unit.zh}", f"less than 1 {unit.en}")
