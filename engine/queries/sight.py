"""Who sees what. What is open and what waits for whom is said here once, as conditions that an index can answer, so
that a list, a count and the reading of a single matter cannot disagree about what is in sight.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    Table,
    and_,
    case,
    exists,
    false,
    func,
    literal,
    literal_column,
    not_,
    or_,
    select,
    true,
)

from engine import records, tables
from engine.casework import BY_PEOPLE
from engine.definition import Definition
from engine.directory import Actor
from engine.errors import NotFound
from engine.library import Pack, Role, day_of
from engine.work import Work

SEEING = frozenset({"see_area", "urge", "supervise", "merge", "repair"})
"""The permissions of a role that let it see every matter in the area of its unit: nobody can urge unseen."""

_case, _step = tables.case.c, tables.step.c

OPEN = _step.status == literal_column("'open'")
WAITS = _step.kind.in_(sorted(BY_PEOPLE))
HELD_BY_NOBODY = _step.person.is_(None)
WITHOUT_UNIT = _step.unit.is_(None)
"""Steps that are open; that wait for people; that nobody has signed for; that name no unit."""

_DONE = _step.status != literal_column("'open'")

NOTHING = -1
"""The id of no matter and of no step."""


class Scope(NamedTuple):
    """Who asks, and whether they see all of their area."""

    actor: Actor
    whole_area: bool


class Seen(NamedTuple):
    """A matter that somebody may see."""

    id: int
    number: str


def scope(work: Work, actor: Actor) -> Scope:
    """What the actor's role may see."""
    known = role(work, actor.role, actor.area)
    return Scope(actor, known is not None and not SEEING.isdisjoint(known.permissions))


def role(work: Work, key: str, area: str | None = None) -> Role | None:
    """The role as described by what is in force today where somebody has a post (`area`), the smallest jurisdiction
    first: what another place draws, or what comes later, gives nobody a power here. Else, or without an area, by the
    law that came into force last, or by a draft if only drafts know it."""
    pack, today = tables.pack.c, day_of(work.now).isoformat()
    newest: tuple[ColumnElement[Any], ...] = (case((pack.force == "law", 0), else_=1), pack.in_force_from.desc())
    query = select(pack.key)
    if area is not None:
        covers = func.substr(literal(area), 1, func.length(pack.area)) == pack.area
        ended = and_(pack.in_force_to.is_not(None), pack.in_force_to < today)
        holds = and_(covers, pack.force == "law", pack.in_force_from <= today, not_(ended))
        query = query.where(or_(covers, inside(work.connection, pack.area, area)))
        newest = (case((holds, 0), else_=1), case((holds, -func.length(pack.area)), else_=0), *newest)
    keys = work.connection.execute(query.order_by(*newest)).scalars()
    return next((found for pack_key in keys if (found := pack_of(work, pack_key).roles.get(key))), None)


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


# -- one matter in sight -----------------------------------------------------------------------------


def seen_matter(work: Work, actor: Actor, number: str | int) -> Seen:
    """A matter that the actor may see, by its number or id. Raises `NotFound`."""
    row = seen_row(work, actor, number)
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


def seen_row(work: Work, actor: Actor, number: str | int) -> RowMapping:
    """The row of a matter that the actor may see, by its number or id. Raises `NotFound`."""
    which = _case.id == number if isinstance(number, int) else _case.number == number
    who = scope(work, actor)
    query = select(tables.case).where(which, or_(in_area(work, who, _case.area), had_part(work, actor)))
    row = work.connection.execute(query).mappings().first()
    if row is None:
        raise NotFound("matter.unknown", "未找到此事项，或不在您的查看范围内。", "Not found, or outside your scope.")
    return row


def in_area(work: Work, who: Scope, column: ColumnElement[str]) -> ColumnElement[bool]:
    """Whether a path lies in the area that somebody sees all of; nowhere, if they do not."""
    return inside(work.connection, column, who.actor.area) if who.whole_area else false()


def had_part(work: Work, actor: Actor) -> ColumnElement[bool]:
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
                *waiting(work, actor),
            ),
        ),
        exists().where(request.case == _case.id, request.to_unit == actor.unit),
    )


# -- what waits for somebody -------------------------------------------------------------------------


def waiting(work: Work, actor: Actor) -> list[ColumnElement[bool]]:
    """The ways in which a step that nobody holds may wait for the actor (see `_has_post` in `step.py`), each of them so
    plain that it is read by the index of units and roles."""
    posts, anybody = _posts(work, actor), _step.role.is_(None)
    free = and_(OPEN, HELD_BY_NOBODY, WAITS)
    here = and_(free, inside(work.connection, _step.area, actor.area))
    fitting = [*(_step.role == role for role, unit in posts if unit == actor.unit), anybody]
    return [
        *(and_(free, _step.unit == unit, _step.role == role) for role, unit in posts),
        and_(free, _step.unit == actor.unit, anybody),
        *(and_(here, WITHOUT_UNIT, role) for role in fitting),
    ]


def _posts(work: Work, actor: Actor) -> list[tuple[str, str]]:
    """Role and unit of the actor's own post, and of those of absent people whom the actor substitutes."""
    absence, post = tables.absence, tables.post
    query = (
        select(post.c.role, post.c.unit)
        .join(absence, absence.c.person == post.c.person)
        .where(absence.c.substitute == actor.person, holds(work, absence), holds(work, post))
    )
    others = {(row.role, row.unit) for row in work.connection.execute(query)}
    standing = sorted(one for one in others if work.directory.stands_in(actor, *one))
    return [(actor.role, actor.unit), *(one for one in standing if one != (actor.role, actor.unit))]


def holds(work: Work, table: Table) -> ColumnElement[bool]:
    """The rows of a registry that hold now."""
    day = day_of(work.now).isoformat()
    return and_(
        table.c.superseded_at.is_(None),
        table.c.valid_from <= day,
        or_(table.c.valid_to.is_(None), table.c.valid_to >= day),
    )


# -- lists in sight ----------------------------------------------------------------------------------


def listed(work: Work, who: Scope, *, walking: bool = False) -> ColumnElement[bool]:
    """The matters of a list: all of the area; or what the unit has or had, and what it waits for. `walking`: there
    are so many that going through all matters from the newest finds a page sooner than sorting those of the area.
    PostgreSQL sees that by itself; SQLite is told by the plus sign not to use the index of areas."""
    if who.whole_area:
        walk = walking and work.connection.dialect.name == "sqlite"
        area = literal_column('+"case".area', tables.case.c.area.type) if walk else _case.area
        return inside(work.connection, area, who.actor.area)
    done = select(_step.case).where(_DONE, _step.unit == who.actor.unit)
    has = select(_step.case).where(OPEN, _step.unit == who.actor.unit)
    held = select(_step.case).where(OPEN, _step.person == who.actor.person)
    sent = select(_step.case).where(OPEN, _step.sender == who.actor.unit)
    return _case.id.in_(done.union(has, held, sent))


def open_steps(work: Work, who: Scope) -> ColumnElement[bool]:
    """The open steps of a list: all of the area; or those of the unit."""
    if who.whole_area:
        return and_(OPEN, inside(work.connection, _step.area, who.actor.area))
    return and_(OPEN, _step.unit == who.actor.unit)


# -- need to know ------------------------------------------------------------------------------------


def own_steps_only(work: Work, actor: Actor, row: RowMapping) -> bool:
    """Whether the actor's unit is of a kind that takes part from outside, and reads of a matter only what is its own
    (setting `own_steps_only`: kinds of units)."""
    kinds = pack_of(work, row["pack"]).setting("own_steps_only", ())
    return bool(kinds) and not scope(work, actor).whole_area and work.directory.unit(actor.unit).kind in kinds


def seen_record(work: Work, actor: Actor, number: str | int, record: int) -> Seen:
    """The matter of a record that the actor may read. Raises `NotFound`."""
    row = seen_row(work, actor, number)
    concerns = concerning(work, actor, row)
    chain = records.chain(work.connection, f"case/{row['id']}")
    if not any(one.number == record and concerns(one) for one in chain):
        seen_row(work, actor, NOTHING)
    return Seen(row["id"], row["number"])


def concerning(work: Work, actor: Actor, row: RowMapping) -> Callable[[records.Record], bool]:
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


# -- what a matter runs by ---------------------------------------------------------------------------


def pack_of(work: Work, key: str) -> Pack:
    """A pack by its key, as the library keeps it."""
    return work.library.pack(work.connection, key)


def definition_of(work: Work, row: RowMapping) -> Definition:
    """The definition that a matter runs by."""
    return work.library.definition(work.connection, row["definition"])
