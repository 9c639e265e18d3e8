"""What people look at: lists, counts and whole matters, read past the verbs, each as one named query.

Whoever asks sees what their post lets them see, in every list, count and single read. A role with one of the
permissions in `SEEING` sees every matter in the area of its unit; all others see what their unit has or had a step
in, what waits for them, and what they hold or have sent themselves. What is missing and what is out of sight get one
answer: `NotFound`.

Lists are read by index ranges over what is *open* (partial indexes), so that they cost the same however many
matters have been closed; pages follow a key and never skip rows. Words for people are made here, day by day where
time is explained: a browser counts no days.
"""

import json
import math
import operator
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache, reduce
from typing import Any, Literal, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    Select,
    String,
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
    union_all,
)

from engine import access, lifecycle, limits, records, tables
from engine.access import Hidden
from engine.calendars import local
from engine.casework import BY_PEOPLE, PRECEDENCES
from engine.definition import Definition, Node
from engine.directory import Actor, covers
from engine.errors import Invalid, NotFound, Refused, WanggeError, Words
from engine.library import Pack, Role, day_of
from engine.limits import Due, Limit, Unit
from engine.machine import variables
from engine.model import Passed, State, Value, decode, encode
from engine.running import Running
from engine.work import Work

SEEING = frozenset({"see_area", "urge", "supervise", "merge", "repair"})
"""The permissions of a role that let it see every matter in the area of its unit: nobody can urge unseen."""

COUNTED = 10_000
"""Totals are exact up to here; a longer list says so instead of counting on."""

PAGE = 50
"""Rows of a page, unless asked otherwise; `PAGES` is the most."""

PAGES = 200

UNCLAIMED = timedelta(hours=24)
"""A step nobody has signed for in so long is shown as stuck (product default, not law)."""

Tab = Literal["mine", "unit", "others"]
Light = Literal["overdue", "warning", "paused", "none"]

_NEVER = datetime(9999, 1, 1, tzinfo=UTC)
_case, _step = tables.case.c, tables.step.c
_OPEN = _step.status == literal_column("'open'")
_DONE = _step.status != literal_column("'open'")
_WAITS = _step.kind.in_(sorted(BY_PEOPLE))
_NO_UNIT = _step.unit.is_(None)
_SIGNED_FOR, _HELD_BY_NOBODY = _step.person.is_not(None), _step.person.is_(None)


BY_DUE = (_step.due_at, _step.id)
UNDATED = (func.coalesce(_step.due_at, _NEVER), _step.id)
"""Orders of steps. The second is for those without a due time, the oldest first; by the id alone PostgreSQL would go
through all steps there ever were, in search of the few."""


class Filters(Value, frozen=True):
    """What a list is narrowed to; an empty field narrows nothing. `area` is a path inside the asker's own, `unit` who
    has the step (of matters: who answers for them), `text` a number or a part of a title, `closed` chooses between
    open, closed and all matters."""

    area: str = ""
    unit: str = ""
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


class Seen(NamedTuple):
    """A matter that somebody may see."""

    id: int
    number: str


NOTHING = -1
"""The id of no matter and of no step."""


# -- who sees what -----------------------------------------------------------------------------------


def scope(work: Work, actor: Actor) -> Scope:
    """What the actor's role may see."""
    known = role(work, actor.role)
    return Scope(actor, known is not None and not SEEING.isdisjoint(known.permissions))


def role(work: Work, key: str) -> Role | None:
    """The role as described by the law that came into force last, or by a draft if only drafts know it."""
    pack = tables.pack.c
    newest = (case((pack.force == "law", 0), else_=1), pack.in_force_from.desc())
    keys = work.connection.execute(select(pack.key).order_by(*newest)).scalars()
    return next((found for pack_key in keys if (found := _pack(work, pack_key).roles.get(key))), None)


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


def seen_matter(work: Work, actor: Actor, number: str | int) -> Seen:
    """A matter that the actor may see, by its number or id. Raises `NotFound`."""
    row = _seen(work, actor, number)
    return Seen(row["id"], row["number"])


def seen_step(work: Work, actor: Actor, id: int) -> Seen:
    """The matter of a step that the actor may see. Raises `NotFound`."""
    return _seen_by(work, actor, tables.step, id)


def seen_request(work: Work, actor: Actor, id: int) -> Seen:
    """The matter of a request that the actor may see. Raises `NotFound`."""
    return _seen_by(work, actor, tables.request, id)


def seen_incident(work: Work, actor: Actor, id: int) -> Seen:
    """The matter of an incident that the actor may see. Raises `NotFound`."""
    return _seen_by(work, actor, tables.incident, id)


def _seen_by(work: Work, actor: Actor, table: Table, id: int) -> Seen:
    found = work.connection.execute(select(table.c.case).where(table.c.id == id)).scalar()
    return seen_matter(work, actor, NOTHING if found is None else int(found))


def _seen(work: Work, actor: Actor, number: str | int) -> RowMapping:
    which = _case.id == number if isinstance(number, int) else _case.number == number
    who = scope(work, actor)
    query = select(tables.case).where(which, or_(_in_area(work, who, _case.area), _had_part(work, actor)))
    row = work.connection.execute(query).mappings().first()
    if row is None:
        raise NotFound("matter.unknown", "未找到此事项，或不在您的查看范围内。", "Not found, or outside your scope.")
    return row


def _in_area(work: Work, who: Scope, column: ColumnElement[str]) -> ColumnElement[bool]:
    return inside(work.connection, column, who.actor.area) if who.whole_area else false()


def _had_part(work: Work, actor: Actor) -> ColumnElement[bool]:
    """Whether the actor or their unit ever had, sent or was asked about something in this one matter, or something
    there waits for them."""
    request = tables.request.c
    return or_(
        exists().where(
            _step.case == _case.id,
            or_(
                _step.unit == actor.unit,
                _step.sender == actor.unit,
                _step.person == actor.person,
                _step.closed_by == actor.person,
                *_waiting(work, actor),
            ),
        ),
        exists().where(request.case == _case.id, request.to_unit == actor.unit),
    )


def _listed(work: Work, who: Scope, *, walking: bool = False) -> ColumnElement[bool]:
    """The matters of a list: all of the area; or what the unit has or had, and what it waits for. `walking`: there
    are so many that going through all matters from the newest finds a page sooner than sorting those of the area.
    PostgreSQL sees that by itself; SQLite is told by the plus sign not to use the index of areas."""
    if who.whole_area:
        walk = walking and work.connection.dialect.name == "sqlite"
        area = literal_column('+"case".area', tables.case.c.area.type) if walk else _case.area
        return inside(work.connection, area, who.actor.area)
    done = select(_step.case).where(_DONE, _step.unit == who.actor.unit)
    has = select(_step.case).where(_OPEN, _step.unit == who.actor.unit)
    held = select(_step.case).where(_OPEN, _step.person == who.actor.person)
    sent = select(_step.case).where(_OPEN, _step.sender == who.actor.unit)
    return _case.id.in_(done.union(has, held, sent))


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
    actor's posts (those they substitute included), or for anybody of their unit; `unit`: of the actor's unit;
    `others`: sent by the unit, with somebody else now. `counts` holds the length of each tab, without filters."""
    tabs, wanted = _tabs(work, actor), _steps(work, filters or Filters())
    parts = [
        _Part([wanted.where(one, _step.due_at.is_not(None)) for one in tabs[tab]], BY_DUE),
        _Part([wanted.where(one, _step.due_at.is_(None)) for one in tabs[tab]], UNDATED),
    ]
    counts = _counts(work, tabs)
    total = counts[tab] if filters in (None, Filters()) else None
    return {**_page(work, parts, cursor, size, STEPS, _step_row(work), total=total), "counts": counts}


def _tabs(work: Work, actor: Actor) -> dict[Tab, list[ColumnElement[bool]]]:
    """Each tab as conditions of which a step fulfils at most one, each read by an index."""
    elsewhere = or_(_step.unit != actor.unit, and_(_SIGNED_FOR, _step.person != actor.person))
    return {
        "mine": [and_(_OPEN, _step.person == actor.person), *_waiting(work, actor)],
        "unit": [and_(_OPEN, _step.unit == actor.unit)],
        "others": [and_(_OPEN, _step.sender == actor.unit, elsewhere)],
    }


def _waiting(work: Work, actor: Actor) -> list[ColumnElement[bool]]:
    """The ways in which a step that nobody holds may wait for the actor (see `_has_post`), each of them so plain that
    it is read by the index of units and roles."""
    posts, anybody = _posts(work, actor), _step.role.is_(None)
    free = and_(_OPEN, _HELD_BY_NOBODY, _WAITS)
    here = and_(free, inside(work.connection, _step.area, actor.area))
    fitting = [*(_step.role == role for role, unit in posts if unit == actor.unit), anybody]
    return [
        *(and_(free, _step.unit == unit, _step.role == role) for role, unit in posts),
        and_(free, _step.unit == actor.unit, anybody),
        *(and_(here, _NO_UNIT, role) for role in fitting),
    ]


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
    lights = _lights(work, who)
    key = BY_DUE if light in CLOCKED else UNDATED
    wanted, first = _steps(work, filters or Filters()), _by(who, _step.precedence)
    parts = [_Part([wanted.where(one, first == rank) for one in lights[light]], key) for rank in PRECEDENCES]
    counts = _counts(work, lights)
    total = counts[light] if filters in (None, Filters()) else None
    return {**_page(work, parts, cursor, size, STEPS, _step_row(work), total=total), "counts": counts}


CLOCKED = frozenset({"overdue", "warning"})
"""Lights of steps that all have a due time; the others are listed the oldest first."""


def _lights(work: Work, who: Scope) -> dict[Light, list[ColumnElement[bool]]]:
    """Each light as conditions of which a step fulfils at most one, each read by an index."""
    here, light, first = _steps_of(work, who), _by(who, _step.light), _by(who, _step.precedence)
    every = first.in_(PRECEDENCES)
    return {
        "overdue": [and_(here, every, _step.due_at < work.now)],
        "warning": [and_(here, light == "yellow", every, _step.due_at >= work.now)],
        "paused": [and_(here, light == "paused")],
        "none": [and_(here, light.is_(None), _WAITS), and_(here, light == "none", _WAITS)],
    }


def _by(who: Scope, column: ColumnElement[Any]) -> ColumnElement[Any]:
    """A column that an index over everything begins with; for one unit, whose few steps are read by its own index, in
    a spelling that keeps the database from choosing the other."""
    if who.whole_area:
        return column
    return column.concat("") if isinstance(column.type, String) else column + 0


# -- what is there: matters --------------------------------------------------------------------------


def matters(
    work: Work, actor: Actor, filters: Filters | None = None, cursor: str = "", size: int = PAGE
) -> dict[str, Any]:
    """Matters, the newest first; those that are open, unless the filters say otherwise."""
    wanted, who = filters or Filters(), scope(work, actor)
    query = _narrowed(work, select(_case.id).where(_listed(work, who)), wanted)
    if not _count(work, [query])["exact"]:
        query = _narrowed(work, select(_case.id).where(_listed(work, who, walking=True)), wanted)
    return _page(work, [_Part([query], (_case.id,))], cursor, size, MATTERS, _matter_row(work), newest_first=True)


def _narrowed(work: Work, query: Select[Any], wanted: Filters) -> Select[Any]:
    exact = {"status": wanted.status, "way_in": wanted.way_in, "matter_type": wanted.matter_type, "unit": wanted.unit}
    query = query.where(*(_case[name] == value for name, value in exact.items() if value))
    if wanted.closed != "all":
        query = query.where(_case.closed_at.is_(None) if wanted.closed == "open" else _case.closed_at.is_not(None))
    if wanted.flag:
        query = query.where(_case[wanted.flag])
    if wanted.area:
        query = query.where(inside(work.connection, _case.area, wanted.area))
    return query.where(_worded(wanted.text)) if wanted.text else query


def _steps(work: Work, wanted: Filters) -> Select[Any]:
    """Ids of steps; their matters are looked at only where a filter asks about them."""
    query = select(_step.id)
    if wanted.matter_type or wanted.flag or wanted.text:
        query = query.join(tables.case, _case.id == _step.case)
    if wanted.node:
        query = query.where(_step.node == wanted.node)
    if wanted.unit:
        query = query.where(_step.unit == wanted.unit)
    if wanted.matter_type:
        query = query.where(_case.matter_type == wanted.matter_type)
    if wanted.flag:
        query = query.where(_case[wanted.flag])
    if wanted.area:
        query = query.where(inside(work.connection, _step.area, wanted.area))
    if wanted.basis:
        query = query.where(_step.clock.contains(f'"basis":{{"kind":"{wanted.basis}"', autoescape=True))
    return query.where(_worded(wanted.text)) if wanted.text else query


def _worded(text: str) -> ColumnElement[bool]:
    """A number that begins so, or a title in which this stands."""
    return or_(_case.number.startswith(text, autoescape=True), _case.title.contains(text, autoescape=True))


# -- pages -------------------------------------------------------------------------------------------


class _Part(NamedTuple):
    """A part of a list: queries for ids, none of which finds what another finds, and the order, ending in the id."""

    queries: Sequence[Select[Any]]
    key: Sequence[ColumnElement[Any]]

    def ids(self, seen: Sequence[Any], limit: int, newest_first: bool) -> Select[Any]:
        """The first ids after a key, in order, each with its key. Each query stops early by itself."""
        columns = [column.label(f"key_{place}") for place, column in enumerate(self.key)]
        order = [column.desc() if newest_first else column for column in self.key]
        found = [query.add_columns(*columns).order_by(*order).limit(limit) for query in self.queries]
        if seen:
            here, after = tuple_(*self.key), tuple_(*seen)
            found = [query.where(here < after if newest_first else here > after) for query in found]
        if len(found) == 1:
            return found[0]
        merged = union_all(*(select(query.subquery()) for query in found)).subquery()
        keys = [merged.c[column.name] for column in columns]
        return select(merged).order_by(*(key.desc() if newest_first else key for key in keys)).limit(limit)


def _page(
    work: Work,
    parts: Sequence[_Part],
    cursor: str,
    size: int,
    rows: Select[Any],
    show: Callable[[RowMapping], dict[str, Any]],
    *,
    newest_first: bool = False,
    total: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """One page of a list: its rows, the cursor of the next page (empty: this is the last) and the total. The list
    consists of parts, one after the other; only the rows of the page are fetched whole."""
    size = max(1, min(size, PAGES))
    total = total or _count(work, [query for part in parts for query in part.queries])
    begin, *seen = _read_cursor(cursor, parts) if cursor else (0,)
    found: list[tuple[int, Any]] = []
    for number, part in enumerate(parts[begin:], begin):
        query = part.ids(seen if number == begin else (), size + 1 - len(found), newest_first)
        found += [(number, row) for row in work.connection.execute(query)]
        if len(found) > size:
            break
    last, row = found[size - 1] if len(found) > size else (0, ())
    ids = [row[0] for _, row in found[:size]]
    whole = {row["id"]: row for row in _rows(work, rows.where(parts[0].key[-1].in_(ids)))} if ids else {}
    return {"rows": [show(whole[id]) for id in ids], "next": _cursor([last, *row[1:]]) if row else "", "total": total}


def _count(work: Work, queries: Sequence[Select[Any]]) -> dict[str, Any]:
    """How many all of them find together."""
    return _total(int(work.connection.execute(select(_how_many(queries))).scalar_one()))


def _counts(work: Work, lists: Mapping[Any, Sequence[ColumnElement[bool]]]) -> dict[str, Any]:
    """How many steps each list has, in one statement."""
    numbers = [_how_many([select(_step.id).where(one) for one in conditions]) for conditions in lists.values()]
    found = work.connection.execute(select(*numbers)).one()
    return {name: _total(int(number)) for name, number in zip(lists, found, strict=True)}


def _how_many(queries: Sequence[Select[Any]]) -> ColumnElement[int]:
    few = (select(func.count()).select_from(query.limit(COUNTED + 1).subquery()).scalar_subquery() for query in queries)
    return reduce(operator.add, few)


def _total(found: int) -> dict[str, Any]:
    if found <= COUNTED:
        return {"count": found, "exact": True, "text": f"{found:,}"}
    return {"count": COUNTED, "exact": False, "text": f"约{COUNTED:,}以上"}


def _cursor(values: Sequence[Any]) -> str:
    plain = [value.isoformat() if isinstance(value, datetime) else value for value in values]
    return urlsafe_b64encode(json.dumps(plain).encode()).decode().rstrip("=")


def _read_cursor(cursor: str, parts: Sequence[_Part]) -> list[Any]:
    """The part of the list that a cursor stands in, and the key of the last row before it."""
    try:
        part, *values = json.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if type(part) is not int or not 0 <= part < len(parts):
            raise ValueError(part)
        pairs = list(zip(values, parts[part].key, strict=True))
        return [part, *(literal(_key_value(value, column), type_=column.type) for value, column in pairs)]
    except (ValueError, TypeError) as error:
        raise Invalid(
            "list.cursor",
            "翻页标记无效，请从第一页重新查看。",
            "The page marker is not valid: start from the first page.",
        ) from error


def _key_value(value: Any, column: ColumnElement[Any]) -> Any:
    """A cursor comes from outside: nothing but what the column can hold is let through."""
    if isinstance(column.type, tables.Instant):
        moment = datetime.fromisoformat(value)
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    if type(value) is not int or not 0 <= value < 2**63:
        raise ValueError(value)
    return value


STEPS = select(
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
"""Steps with what their matter says in a list."""

MATTERS = select(tables.case)
REQUESTS = (
    select(tables.request, _case.number, _case.title, _case.closed_at.label("ended_at"), _step.status.label("answered"))
    .join(tables.case, _case.id == tables.request.c.case)
    .outerjoin(tables.step, _step.id == tables.request.c.step)
)
"""Requests with what tells whether they can still be decided."""

INCIDENTS = select(tables.incident, _case.number, _case.title).join(tables.case, _case.id == tables.incident.c.case)


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
    amount = _amount(abs(left), limit.unit)
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


MINUTES: Mapping[Unit, int] = {"natural_minute": 1, "natural_hour": 60}
"""Units that run day and night: what is left in them can be told in days, hours and minutes."""


def _amount(left: float, unit: Unit) -> Words:
    """Whole units; less than one is said as such. Minutes and hours that run day and night are told like a journey."""
    if unit in MINUTES:
        return _lasting(math.floor(left * MINUTES[unit]))
    whole, name = math.floor(left), limits.UNITS[unit]
    if not whole:
        return Words(f"不足1个{name.zh}", f"less than 1 {name.en}")
    return Words(f"{whole} 个{name.zh}", f"{whole} {name.en}")


def _lasting(minutes: int) -> Words:
    """Days and hours, on the first day hours and minutes: nobody counts further."""
    if not minutes:
        return Words("不足1分钟", "less than 1 min")
    hours, rest = divmod(minutes, 60)
    days, odd = divmod(hours, 24)
    parts = ((days, "天", "d"), (odd, "小时", "h")) if days else ((hours, "小时", "h"), (rest, "分钟", "min"))
    told = [(f"{number} {zh}", f"{number} {en}") for number, zh, en in parts if number]
    return Words(*(" ".join(words) for words in zip(*told, strict=True)))


# -- one matter, whole -------------------------------------------------------------------------------


def matter(work: Work, actor: Actor, number: str | int) -> dict[str, Any]:
    """Everything about one matter: what it is, who has it, its clocks day by day, requests, incidents, attachments,
    links, and what the actor may do with it. Raises `NotFound`."""
    row = _seen(work, actor, number)
    names, id = _Names(work), row["id"]
    narrow, request = own_steps_only(work, actor, row), tables.request.c
    own = [_step.unit == actor.unit] if narrow else []
    steps = _rows(work, select(tables.step).where(_step.case == id, _OPEN, *own).order_by(_step.id))
    hidden = _hidden(work, row)
    mine = [or_(request.to_unit == actor.unit, request.asked_unit == actor.unit)] if narrow else []
    asked = REQUESTS.where(request.case == id, *mine).order_by(request.id)
    return {
        **_matter_words(work, row, names),
        "clock": told(work, row["clock"], explained=True),
        "facts": dict(decode(row["state"], State).facts),
        "said": _said_in(work, hidden, f"case/{id}", 1),
        "steps": [{**_step_words(one, names), "clock": told(work, one["clock"], explained=True)} for one in steps],
        "assignments": [
            _assignment(work, one, names)
            for one in _of(work, tables.assignment, id)
            if not narrow or one["unit"] == actor.unit
        ],
        "requests": [_request(one, names) for one in _rows(work, asked)],
        "incidents": [_incident(one, names) for one in _of(work, tables.incident, id)],
        "attachments": [_attachment(one, names, hidden) for one in _of(work, tables.attachment, id)],
        "links": _links(work, actor, row),
        "acts": _matter_acts(work, actor, row),
    }


def _rows(work: Work, query: Select[Any]) -> Sequence[RowMapping]:
    return work.connection.execute(query).mappings().all()


def _of(work: Work, table: Table, id: int) -> Sequence[RowMapping]:
    return _rows(work, select(table).where(table.c.case == id).order_by(table.c.id))


def _assignment(work: Work, row: RowMapping, names: _Names) -> dict[str, Any]:
    words = lifecycle.STATUSES.get(row["status"], Words(row["status"], row["status"]))
    return {
        "unit": names.unit(row["unit"]),
        "status": {"key": row["status"], "zh": words.zh, "en": words.en},
        "opened_at": _at(row["opened_at"]),
        "closed_at": _at(row["closed_at"]),
        "clock": told(work, row["clock"], explained=True) if row["closed_at"] is None else None,
    }


MATTER_ENDED = Words("事项已办结，此申请随之撤回。", "Withdrawn: the matter has ended.")
STEP_CLOSED = Words("环节已办理，此申请随之撤回。", "Withdrawn: its step has been dealt with.")


def _request(row: RowMapping, names: _Names) -> dict[str, Any]:
    """What was not decided before its matter ended or its step closed is withdrawn by that: nobody has to act."""
    over = MATTER_ENDED if row["ended_at"] else STEP_CLOSED if row["answered"] not in (None, "open") else None
    withdrawn = over if row["status"] == "open" else None
    return {
        **{name: row[name] for name in ("id", "case", "step", "kind")},
        "status": "withdrawn" if withdrawn else row["status"],
        "withdrawn": _words(withdrawn) if withdrawn else None,
        "asked_by": names.person(row["asked_by"]),
        "asked_unit": names.unit(row["asked_unit"]),
        "asked_at": _at(row["asked_at"]),
        "to_unit": names.unit(row["to_unit"]),
        "to_person": names.person(row["to_person"]),
        "detail": json.loads(row["detail"]),
        "decided_by": names.person(row["decided_by"]),
        "decided_at": _at(row["decided_at"]),
    }


def _incident(row: RowMapping, names: _Names) -> dict[str, Any]:
    return {
        **{name: row[name] for name in ("id", "case", "node", "code", "text")},
        "opened_at": _at(row["opened_at"]),
        "settled_at": _at(row["settled_at"]),
        "settled_by": names.person(row["settled_by"]),
    }


def _attachment(row: RowMapping, names: _Names, hidden: Hidden) -> dict[str, Any]:
    """The name of a file tells something too: hidden where the whole matter is."""
    return {
        **{name: row[name] for name in ("id", "media_type", "size", "sha256")},
        "name": access.mask(row["name"]) if hidden("") else row["name"],
        "added_by": names.person(row["added_by"]),
        "added_at": _at(row["added_at"]),
    }


def _links(work: Work, actor: Actor, row: RowMapping) -> dict[str, Any]:
    """The main matter this one was merged into, and its duplicates; only those the actor may see."""
    linked = or_(_case.id == (row["merged_into"] or NOTHING), _case.merged_into == row["id"])
    visible = or_(_in_area(work, scope(work, actor), _case.area), _had_part(work, actor))
    found = _rows(work, select(_case.id, _case.number, _case.title).where(linked, visible).order_by(_case.id))
    words = [{"number": one["number"], "title": one["title"], "id": one["id"]} for one in found]
    return {
        "merged_into": next((one for one in words if one["id"] == row["merged_into"]), None),
        "duplicates": [one for one in words if one["id"] != row["merged_into"]],
    }


def attachment(work: Work, actor: Actor, id: int) -> RowMapping:
    """The row of an attachment of a matter that the actor may see. Raises `NotFound`, and `Refused` where the matter
    as a whole is of a class that the actor is not admitted to."""
    row = work.connection.execute(select(tables.attachment).where(tables.attachment.c.id == id)).mappings().first()
    matter_row = _seen(work, actor, int(row["case"]) if row else NOTHING)
    if row is None:
        raise LookupError(id)
    pack, facts = _pack(work, matter_row["pack"]), decode(matter_row["state"], State).facts
    if (key := facts.get(access.SECRECY)) in access.classes(pack):
        access.must_be_admitted(work, pack, actor, str(key))
    return row


# -- what a requester may know -----------------------------------------------------------------------


def progress(work: Work, id: int) -> dict[str, Any]:
    """How far a matter is, for whoever brought it in and can prove it elsewhere: no names, nothing that was said, only
    what kind of office has it since when and until when."""
    row = _rows(work, MATTERS.where(_case.id == id))[0]
    steps = _rows(work, select(tables.step).where(_step.case == id, _OPEN, _WAITS).order_by(_step.id))
    return {
        "status": _label(_pack(work, row["pack"]), row["status"]),
        "opened_at": _at(row["opened_at"]),
        "closed_at": _at(row["closed_at"]),
        "pack": row["pack"],
        "steps": [{"unit": one["unit"], "since": _at(one["opened_at"]), "due_at": _at(one["due_at"])} for one in steps],
    }


# -- need to know ------------------------------------------------------------------------------------


def own_steps_only(work: Work, actor: Actor, row: RowMapping) -> bool:
    """Whether the actor's unit is of a kind that takes part from outside, and reads of a matter only what is its own
    (setting `own_steps_only`: kinds of units)."""
    kinds = _pack(work, row["pack"]).setting("own_steps_only", ())
    return bool(kinds) and not scope(work, actor).whole_area and work.directory.unit(actor.unit).kind in kinds


def seen_record(work: Work, actor: Actor, number: str | int, record: int) -> Seen:
    """The matter of a record that the actor may read. Raises `NotFound`."""
    row = _seen(work, actor, number)
    concerns = _concerns(work, actor, row)
    chain = records.chain(work.connection, f"case/{row['id']}")
    if not any(one.number == record and concerns(one) for one in chain):
        _seen(work, actor, NOTHING)
    return Seen(row["id"], row["number"])


def _concerns(work: Work, actor: Actor, row: RowMapping) -> Callable[[records.Record], bool]:
    """Which records of a matter the actor may read: all; or the opening, the acts of their unit, and what was put to
    it."""
    if not own_steps_only(work, actor, row):
        return lambda _: True
    post = tables.post.c
    own = set(work.connection.execute(select(post.id).where(post.unit == actor.unit)).scalars())
    return lambda one: one.number == 1 or one.post in own or actor.unit in _put_to(one.detail)


def _put_to(detail: Mapping[str, Any]) -> set[str]:
    """The units that a record gives something to."""
    return {str(one.get("unit", "")) for one in (*detail.get("opened", ()), detail)}


# -- what happened -----------------------------------------------------------------------------------


def timeline(work: Work, actor: Actor, number: str | int) -> list[dict[str, Any]]:
    """The records of a matter, first to last, with what was said; what is of a class is masked, and what was erased
    says so. Who sees their own steps only reads the opening and what concerns their unit. Raises `NotFound`."""
    row = _seen(work, actor, number)
    subject, names = f"case/{row['id']}", _Names(work)
    hidden, concerns = _hidden(work, row), _concerns(work, actor, row)
    said = records.said(work.connection, subject)
    labels = _node_names(_definition(work, row))
    return [
        {
            "number": one.number,
            "at": _at(one.at),
            "kind": one.kind,
            "by_people": bool(one.actor),
            "actor": names.person(one.actor),
            "post": one.post,
            "cause": one.cause,
            "node": labels.get(one.detail.get("node", ""), one.detail.get("node")),
            "detail": one.detail,
            "said": {
                field: _shown(field, said.get(one.number, {}), hidden if one.kind != "revealed" else _nothing_hidden)
                for field in one.sealed
            },
            "hash": one.hash,
        }
        for one in records.chain(work.connection, subject)
        if concerns(one)
    ]


def _shown(field: str, said: Mapping[str, Any], hidden: Hidden) -> dict[str, Any]:
    value = said.get(field)
    if value is None:
        return {"erased": True}
    return {"value": access.mask(value), "masked": True} if hidden(field) else {"value": value}


def _hidden(work: Work, row: RowMapping) -> Hidden:
    pack, definition = _pack(work, row["pack"]), _definition(work, row)
    return access.hidden(pack, definition, decode(row["state"], State).facts)


def _nothing_hidden(_: str) -> str:
    return ""


def _said_in(work: Work, hidden: Hidden, subject: str, number: int) -> dict[str, Any]:
    said = records.said(work.connection, subject).get(number, {})
    return {field: _shown(field, said, hidden) for field in said}


def diagram(work: Work, actor: Actor, number: str | int) -> dict[str, Any]:
    """The drawing a matter runs by, with how often each node was passed and where the matter stands now. Nodes of
    called processes are counted too, though this file does not draw them. Raises `NotFound`."""
    row = _seen(work, actor, number)
    drawn = tables.definition.c
    found = work.connection.execute(select(drawn.xml, drawn.key).where(drawn.hash == row["definition"])).one()
    state = decode(row["state"], State)
    return {
        "definition": row["definition"],
        "key": found.key,
        "xml": found.xml.decode("utf-8", "replace"),
        "visited": travelled(work, row["id"]),
        "current": sorted({token.node for token in state.tokens.values()}),
        "stuck": sorted({token.node for token in state.tokens.values() if token.incident}),
    }


def travelled(work: Work, id: int) -> dict[str, int]:
    """How often each node was passed, told by the recorded events and the same machine that ran them."""
    state, definition, passed = State(), None, Counter[str]()
    for record in records.chain(work.connection, f"case/{id}"):
        if record.event is None:
            continue
        happened = decode(encode({"event": record.event}), _Recorded).event
        if isinstance(happened, records.Migrated):
            state, definition = happened.state, work.library.definition(work.connection, happened.definition)
            continue
        definition = definition or work.library.definition(work.connection, str(record.detail["definition"]))
        state, effects = records.MACHINES[definition.semantics](definition, state, happened)
        passed.update(one.node for one in effects if isinstance(one, Passed) and one.what == "completed")
    return dict(passed)


class _Recorded(Value, frozen=True):
    """An event as a record gives it back."""

    event: records.Happened


def _definition(work: Work, row: RowMapping) -> Definition:
    return work.library.definition(work.connection, row["definition"])


def _node_names(definition: Definition) -> dict[str, str]:
    return {node.id: node.name or node.id for _, node in definition.nodes()}


# -- one step, and what may be done with it ----------------------------------------------------------


def step(work: Work, actor: Actor, id: int) -> dict[str, Any]:
    """One step with its form, what it can know already, its clock day by day, and each act: allowed, or why not.
    Raises `NotFound`."""
    row = work.connection.execute(select(tables.step).where(_step.id == id)).mappings().first()
    matter_row = _seen(work, actor, int(row["case"]) if row else NOTHING)
    if row is None:
        raise LookupError(id)
    if row["unit"] not in (None, actor.unit) and own_steps_only(work, actor, matter_row):
        _seen(work, actor, NOTHING)
    pack, definition, names = _pack(work, matter_row["pack"]), _definition(work, matter_row), _Names(work)
    state = decode(matter_row["state"], State)
    node = _node(definition, state, row)
    token = state.tokens.get(row["token"]) if row["status"] == "open" else None
    return {
        **_step_words(row, names),
        "clock": told(work, row["clock"], explained=True),
        "matter": {**_matter_words(work, matter_row, names), "clock": told(work, matter_row["clock"])},
        "documentation": node.properties.get("documentation", "") if node else "",
        "basis": node.properties.get("basis", "") if node else "",
        "form": pack.forms.get(node.properties.get("form", "")) if node else None,
        "facts": dict(variables(state, token.scope)) if token else {},
        "waiver": _apart(work, actor, matter_row, node),
        "acts": _step_acts(work, actor, matter_row, row, _ways_out(pack, definition, state, row)),
    }


def _node(definition: Definition, state: State, row: RowMapping) -> Node | None:
    token = state.tokens.get(row["token"])
    if row["status"] == "open" and token:
        return definition.levels[state.scopes[token.scope].body].nodes[token.node]
    return next((node for _, node in definition.nodes() if node.id == row["node"]), None)


def _ways_out(pack: Pack, definition: Definition, state: State, row: RowMapping) -> list[str]:
    """The codes by which the diagram lets this open step be left otherwise than by its answer: as `machine` looks
    for them, from the step outwards."""
    token = state.tokens.get(row["token"])
    if row["status"] != "open" or token is None:
        return []
    found, scope_id, host = dict[str, None](), token.scope, token.id
    while scope_id:
        scope_here = state.scopes[scope_id]
        level = definition.levels[scope_here.body]
        if host:
            boundaries = level.nodes[state.tokens[host].node].boundaries
            found |= dict.fromkeys(_caught(pack, (level.nodes[id] for id in boundaries)))
        found |= dict.fromkeys(_caught(pack, (start for _, start in level.listeners)))
        scope_id, host = scope_here.parent, scope_here.host
    return [code for code in found if code]


def _caught(pack: Pack, nodes: Iterable[Node]) -> list[str]:
    return [node.trigger.ref for node in nodes if node.trigger.kind == "escalation" and pack.offers(node)]


def _apart(work: Work, actor: Actor, matter_row: RowMapping, node: Node | None) -> dict[str, str] | None:
    """Why this person needs a reason to answer the step: they handled what it checks."""
    others = node.properties.get("separate_from", "").split() if node else []
    if not others:
        return None
    query = select(_step.name).where(
        _step.case == matter_row["id"],
        _step.node.in_(others),
        _step.status == "completed",
        _step.closed_by == actor.person,
    )
    name = work.connection.execute(query.limit(1)).scalar()
    return None if name is None else _words(
        Words(
            f"您办理过“{name}”，确需本人办理的请写明理由（产品默认规则，非法律规定）。",
            f"You did “{name}”: give a reason if it must be you (product default, not law).",
        )
    )  # fmt: skip


ACTS: Mapping[str, Words] = {
    "claim": Words("签收", "Sign for"),
    "release": Words("放回", "Put back"),
    "complete": Words("办结本环节", "Complete this step"),
    "return": Words("退回并说明理由", "Return with reason"),
    "withdraw": Words("撤回（对方签收前）", "Withdraw (before sign-for)"),
    "dispute": Words("提出职责争议", "Raise a dispute"),
    "reassign": Words("改派", "Reassign"),
    "delegate": Words("委托", "Delegate"),
    "extension": Words("申请延期", "Ask for extension"),
    "suspension": Words("申请挂起", "Ask for suspension"),
    "resumption": Words("申请恢复", "Ask for resumption"),
    "void": Words("申请作废", "Ask to void"),
    "consultation": Words("咨询", "Consult"),
    "urge": Words("催办", "Urge"),
    "supervise": Words("督办", "Supervise"),
    "merge": Words("并案", "Merge"),
}

CLOSED = Words("此事项已办结。", "This matter is closed.")
DONE = Words("此环节已办理。", "This step has been dealt with.")
NOT_HELD = Words("此环节不在您名下。", "You do not hold this step.")
HELD = Words("您已签收。", "You have signed for it.")
NOT_SENDER = Words("只有交办单位可以撤回。", "Only the unit that sent it can withdraw it.")
SIGNED_FOR = Words(
    "对方已签收，不能撤回；可与对方联系由其退回。",
    "It has been signed for and cannot be withdrawn; ask the receiver to return it.",
)
NOT_HERE = Words(
    "您的岗位不含此操作，或此事项不在您的范围内。",
    "Your post does not allow this, or the matter is outside your area.",
)
NO_UNIT = Words(
    "此环节没有承办单位，不能转交；可由辖区内同岗位人员签收。",
    "This step has no unit to hand it over in; somebody with this post whose area covers it can sign for it.",
)
NO_LIMIT = Words("此环节没有可延长的时限。", "This step has no limit to extend.")
TOO_LATE = Words("时限已届满，延期须在届满前申请。", "The limit has expired; an extension has to be asked for before.")


def _step_acts(
    work: Work, actor: Actor, matter_row: RowMapping, row: RowMapping, ways: Sequence[str]
) -> list[dict[str, Any]]:
    """What people can do with a step; nothing with one that is not theirs to answer."""
    if row["kind"] not in BY_PEOPLE:
        return []
    pack = _pack(work, matter_row["pack"])
    mine, not_mine = row["person"] == actor.person, _may_work(work, pack, actor, row)
    nowhere = NO_UNIT if row["role"] and not row["unit"] else None
    reasons: dict[str, Words | WanggeError | None] = {
        "claim": not_mine or (HELD if mine else None),
        "release": None if mine else NOT_HELD,
        "complete": not_mine,
        **{code: not_mine for code in ways if code != "withdraw"},
        **({"withdraw": _may_withdraw(actor, row)} if "withdraw" in ways else {}),
        "reassign": nowhere or (None if actor.unit == row["unit"] else _permitted(pack, actor, matter_row, "reassign")),
        "delegate": nowhere or (None if mine else NOT_HELD),
        "extension": _may_extend(work, row) or not_mine,
    }
    flags, status = _flags(matter_row), row["lifecycle"] or ""
    closed = DONE if row["status"] != "open" else None
    return [
        _act(pack, verb, closed or lifecycle.forbidden(flags, ASKED.get(verb, verb), status=status) or reason)
        for verb, reason in reasons.items()
    ]


ASKED = {"extension": "ask_extension", "suspension": "ask_suspension", "void": "ask_void"}
"""What lifecycle calls asking for it."""


def _matter_acts(work: Work, actor: Actor, row: RowMapping) -> list[dict[str, Any]]:
    pack = _pack(work, row["pack"])
    resumed = None if row["suspended"] else Words("此事项没有挂起。", "This case is not suspended.")
    reasons: dict[str, Words | None] = {
        **{verb: _permitted(pack, actor, row, verb) for verb in ("urge", "supervise", "merge")},
        **dict.fromkeys(("suspension", "void", "consultation")),
        "resumption": resumed,
    }
    closed = CLOSED if row["closed_at"] else None
    return [
        _act(pack, verb, closed or lifecycle.forbidden(_flags(row), ASKED.get(verb, verb)) or reason)
        for verb, reason in reasons.items()
    ]


def _act(pack: Pack, verb: str, reason: Words | WanggeError | None) -> dict[str, Any]:
    form = pack.forms.get(verb)
    label = ACTS.get(verb) or Words((form or {}).get("title", verb), (form or {}).get("x-en", verb))
    words = reason.words if isinstance(reason, WanggeError) else reason
    return {
        "act": verb,
        **_words(label),
        "allowed": words is None,
        "reason": _words(words) if words else None,
        "article": reason.article if isinstance(reason, Refused) else "",
        "form": form,
    }


def _words(words: Words) -> dict[str, str]:
    return {"zh": words.zh, "en": words.en}


def _may_work(work: Work, pack: Pack, actor: Actor, row: RowMapping) -> Words | Refused | None:
    """The same look that the verb takes (`Case.may_work`), in words for a button."""
    if not _has_post(work, actor, row):
        unit = work.directory.unit_name(row["unit"]) if row["unit"] else "—"
        return Words(f"您的岗位不含此操作，可联系{unit}。", f"Your post does not allow this; contact {unit}.")
    if untrained := _untrained(work, pack, actor):
        return untrained
    if row["person"] and row["person"] != actor.person:
        who = work.directory.name(row["person"])
        return Words(f"此环节已由{who}签收，如需接手请先改派。", f"{who} has signed for this step; have it reassigned.")
    return None


def _has_post(work: Work, actor: Actor, row: RowMapping) -> bool:
    """A step without a role is for everybody in its unit; one without a unit, for whoever covers the place."""
    if not row["unit"] and not covers(actor.area, row["area"]):
        return False
    if row["role"]:
        return work.directory.stands_in(actor, row["role"], row["unit"] or actor.unit)
    return row["unit"] in (None, "", actor.unit)


def _untrained(work: Work, pack: Pack, actor: Actor) -> Refused | None:
    """What the pack wants a role to have passed before duty, and this person has not."""
    gate = pack.setting("training_gate", {})
    lacking = work.directory.untrained(actor.person, actor.role, gate)
    if lacking is None:
        return None
    words = f"{lacking.zh.rstrip('。')}，请先安排培训。", f"{lacking.en} Arrange the training first."
    return Refused("person.not-trained", *words, article=gate.get("basis", ""))


def _may_withdraw(actor: Actor, row: RowMapping) -> Words | None:
    if row["sender"] != actor.unit:
        return NOT_SENDER
    return SIGNED_FOR if row["person"] else None


def _may_extend(work: Work, row: RowMapping) -> Words | None:
    if row["due_at"] is None:
        return NO_LIMIT
    return TOO_LATE if row["due_at"] < work.now else None


def _permitted(pack: Pack, actor: Actor, row: RowMapping, permission: str) -> Words | None:
    role = pack.roles.get(actor.role)
    allowed = role is not None and permission in role.permissions and covers(actor.area, row["area"])
    return None if allowed else NOT_HERE


# -- what waits for a decision, what is broken -------------------------------------------------------


def requests(work: Work, actor: Actor, cursor: str = "", size: int = PAGE) -> dict[str, Any]:
    """Requests in sight that wait for a decision, the oldest first: in the area, or put to the actor's unit. Those
    whose matter has ended, or whose step has closed, wait no longer."""
    request, names, who = tables.request.c, _Names(work), scope(work, actor)
    open_ = request.status == literal_column("'open'")
    place = inside(work.connection, request.area, actor.area) if who.whole_area else request.to_unit == actor.unit
    ended = exists().where(_case.id == request.case, _case.closed_at.is_not(None))
    answered = exists().where(_step.id == request.step, _step.status != "open")
    return _page(
        work, [_Part([select(request.id).where(open_, place, ~ended, ~answered)], (request.asked_at, request.id))],
        cursor, size,
        REQUESTS, lambda row: {**_request(row, names), "number": row["number"], "title": row["title"]},
    )  # fmt: skip


def incidents(work: Work, actor: Actor, cursor: str = "", size: int = PAGE) -> dict[str, Any]:
    """Open incidents of matters in sight, the oldest first."""
    incident, names, who = tables.incident.c, _Names(work), scope(work, actor)
    visible = or_(_in_area(work, who, _case.area), _had_part(work, actor))
    shown = select(incident.id).where(incident.settled_at.is_(None), exists().where(_case.id == incident.case, visible))
    return _page(
        work, [_Part([shown], (incident.opened_at, incident.id))], cursor, size, INCIDENTS,
        lambda row: {**_incident(row, names), "number": row["number"], "title": row["title"]},
    )  # fmt: skip


def stuck(work: Work, actor: Actor, size: int = PAGE, filters: Filters | None = None) -> list[dict[str, Any]]:
    """Why matters do not move, each cause with its number of steps (of matters, where they are suspended), the first
    of them and the ways out. Filters narrow the causes that are steps, by area, unit, node, …"""
    who, oldest, wanted = scope(work, actor), (_step.opened_at, _step.id), _steps(work, filters or Filters())
    steps = {
        "nobody": _without_anybody(work, who),
        "no_unit": _without_unit(work, who),
        "unclaimed": _unclaimed(work, who),
    }
    if filters is not None:
        steps = {key: wanted.where(_step.id.in_(which)) for key, which in steps.items()}
    return [
        *(
            _cause(key, _page(work, [_Part([which], oldest)], "", size, STEPS, _step_row(work)))
            for key, which in steps.items()
        ),
        _cause("suspended", _suspended_too_long(work, who, size)),
        _cause("incident", incidents(work, actor, size=size)),
    ]


CAUSES: Mapping[str, tuple[Words, Words]] = {
    "nobody": (
        Words("无岗位人员：没有在岗人员可以办理", "Nobody on duty holds the post of this step"),
        Words("指派人员，或临时委托", "Appoint somebody, or name a substitute"),
    ),
    "no_unit": (
        Words("没有承办单位：流程图取不到此环节的单位", "No unit: what should name the unit of this step gave nothing"),
        Words(
            "由辖区覆盖此事项的同岗位人员签收，办理或退回重派",
            "Somebody with this post whose area covers the matter signs for it, then does it or returns it",
        ),
    ),
    "unclaimed": (
        Words("久无人签收", "Nobody has signed for it in a long time"),
        Words("催办或改派", "Urge or reassign"),
    ),
    "suspended": (
        Words("挂起已超过批准的最长天数", "Suspended for more days than were granted"),
        Words("申请恢复并由他人批准", "Ask for its resumption, for another to grant"),
    ),
    "incident": (
        Words("处理失败", "Something failed"),
        Words("看错误，重试或终止", "Read the error; retry or give up"),
    ),
}


def _cause(key: str, page: dict[str, Any]) -> dict[str, Any]:
    why, way_out = CAUSES[key]
    return {"cause": key, **_words(why), "way_out": _words(way_out), "total": page["total"], "rows": page["rows"]}


def _unclaimed(work: Work, who: Scope) -> Select[Any]:
    late = and_(_step.opened_at < work.now - UNCLAIMED, func.coalesce(_step.light, "") != "paused")
    return select(_step.id).where(_steps_of(work, who), _HELD_BY_NOBODY, _WAITS, late)


def _without_anybody(work: Work, who: Scope) -> Select[Any]:
    """Open steps that nobody can act for: first the posts that look empty, then asked one by one. A step without a
    role waits for anybody of its unit."""
    post, absence = tables.post, tables.absence
    away = exists().where(absence.c.person == post.c.person, _holds(work, absence))
    fitting = or_(_step.role.is_(None), post.c.role == _step.role)
    filled = exists().where(post.c.unit == _step.unit, fitting, _holds(work, post), ~away)
    waiting = and_(_steps_of(work, who), _WAITS)
    empty = select(_step.role, _step.unit).where(waiting, ~_NO_UNIT, ~filled)
    pairs = [tuple(row) for row in work.connection.execute(empty.distinct())]
    nobody = [(role or "", unit) for role, unit in pairs if role is None or not work.directory.holders(role, unit)]
    which = tuple_(func.coalesce(_step.role, ""), _step.unit).in_(nobody) if nobody else _step.id == NOTHING
    return select(_step.id).where(waiting, which)


def _without_unit(work: Work, who: Scope) -> Select[Any]:
    """Open steps that should have a unit: the diagram says how to find it, and the facts gave nothing."""
    homeless = and_(_steps_of(work, who), _WAITS, _HELD_BY_NOBODY, _NO_UNIT)
    query = select(_case.definition, _step.node).join(tables.case, _case.id == _step.case).where(homeless)
    found = [tuple(row) for row in work.connection.execute(query.distinct())]
    wrong = [pair for pair in found if _names_unit(work.library.definition(work.connection, pair[0]), pair[1])]
    which = tuple_(_case.definition, _step.node).in_(wrong) if wrong else _step.id == NOTHING
    return select(_step.id).join(tables.case, _case.id == _step.case).where(homeless, which)


def _names_unit(definition: Definition, id: str) -> bool:
    return any(node.id == id and node.properties.get("unit") for _, node in definition.nodes())


def _suspended_too_long(work: Work, who: Scope, size: int) -> dict[str, Any]:
    """Open matters that have stood still for more days than the suspension was granted for, the longest first."""
    request, show = tables.request.c, _matter_row(work)
    granted = and_(request.kind == "suspension", request.status == "granted")
    query = (
        select(request.case, request.decided_at, request.detail)
        .join(tables.case, _case.id == request.case)
        .where(_listed(work, who), _case.closed_at.is_(None), _case.suspended, granted)
        .order_by(request.decided_at, request.id)
    )
    last = {row.case: _Suspension(row.decided_at, _ceiling(row.detail)) for row in work.connection.execute(query)}
    over = {id: one for id, one in last.items() if one.days(work.now) > one.ceiling}
    first = sorted(over, key=lambda id: (over[id].since, id))[:size]
    whole = {row["id"]: row for row in _rows(work, MATTERS.where(_case.id.in_(first)))} if first else {}
    rows = [{**show(whole[id]), **over[id].told(work.now)} for id in first]
    return {"rows": rows, "total": _total(len(over))}


class _Suspension(NamedTuple):
    """When a matter was suspended, and for how many natural days at most."""

    since: datetime
    ceiling: int

    def days(self, now: datetime) -> int:
        """Natural days since; the day of the decision is not counted."""
        return (day_of(now) - day_of(self.since)).days

    def told(self, now: datetime) -> dict[str, Any]:
        return {"suspended_at": _at(self.since), "ceiling_days": self.ceiling, "suspended_days": self.days(now)}


def _ceiling(detail: str) -> int:
    return int(json.loads(detail)["ceiling_days"])


# -- what the engine says about itself ---------------------------------------------------------------


def gauges(work: Work) -> dict[str, int]:
    """How much is open, overdue, broken and waiting to be sent, over everything; no personal data."""
    return {name: _number(work, of(work)) for name, of in GAUGES.items()}


GAUGES: Mapping[str, Callable[[Work], tuple[Table, ColumnElement[bool]]]] = {
    "open_steps": lambda _: (tables.step, _OPEN),
    "overdue_steps": lambda work: (tables.step, and_(_OPEN, _step.due_at < work.now)),
    "open_incidents": lambda _: (tables.incident, tables.incident.c.settled_at.is_(None)),
    "outbox_backlog": lambda _: (tables.outbox, tables.outbox.c.status == literal_column("'waiting'")),
}


def _number(work: Work, what: tuple[Table, ColumnElement[bool]]) -> int:
    table, which = what
    return int(work.connection.execute(select(func.count()).select_from(table).where(which)).scalar_one())


def last_heartbeat(work: Work) -> datetime | None:
    """When a clock last beat, on whichever node; None: never."""
    setting = tables.setting.c
    found = work.connection.execute(select(setting.value).where(setting.key.startswith("heartbeat/"))).scalars()
    return max((datetime.fromisoformat(json.loads(value)["time"]) for value in found), default=None)
