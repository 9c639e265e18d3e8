"""The lists people work from: what to do, what is late, what there is, what waits for a decision, what is broken.
Each is one function that says what is in it and in which order; whoever asks gets of it what is in their sight.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, Select, String, and_, exists, func, literal_column, or_, select, true

from engine import tables
from engine.casework import PRECEDENCES
from engine.directory import Actor
from engine.model import Value
from engine.queries.pages import PAGE, Part, count, count_each, count_together, page
from engine.queries.sight import OPEN, WAITS, Scope, had_part, in_area, inside, listed, open_steps, scope, waiting
from engine.queries.words import (
    INCIDENTS,
    MATTERS,
    REQUESTS,
    STEPS,
    Names,
    incident_words,
    matter_row,
    request_words,
    step_row,
)
from engine.work import Work

Tab = Literal["mine", "unit", "others"]
Light = Literal["overdue", "warning", "paused", "none"]

_case, _step = tables.case.c, tables.step.c

_NEVER = datetime(9999, 1, 1, tzinfo=UTC)

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
    tabs, wanted = _tabs(work, actor), wanted_steps(work, filters or Filters())
    parts = [
        Part([wanted.where(one, _step.due_at.is_not(None)) for one in tabs[tab]], BY_DUE),
        Part([wanted.where(one, _step.due_at.is_(None)) for one in tabs[tab]], UNDATED),
    ]
    counts = count_each(work, tabs)
    total = counts[tab] if filters in (None, Filters()) else None
    return {**page(work, parts, cursor, size, STEPS, step_row(work), total=total), "counts": counts}


def _tabs(work: Work, actor: Actor) -> dict[Tab, list[ColumnElement[bool]]]:
    """Each tab as conditions of which a step fulfils at most one, each read by an index."""
    elsewhere = or_(_step.unit != actor.unit, and_(_step.person.is_not(None), _step.person != actor.person))
    return {
        "mine": [and_(OPEN, _step.person == actor.person), *waiting(work, actor)],
        "unit": [and_(OPEN, _step.unit == actor.unit)],
        "others": [and_(OPEN, _step.sender == actor.unit, elsewhere)],
    }


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
    lights = _lights(work, who, open_steps(work, who))
    key = BY_DUE if light in CLOCKED else UNDATED
    wanted, first = wanted_steps(work, filters or Filters()), _by(who, _step.precedence)
    parts = [Part([wanted.where(one, first == rank) for one in lights[light]], key) for rank in PRECEDENCES]
    counts = _counts(work, who, lights)
    total = counts[light] if filters in (None, Filters()) else None
    return {**page(work, parts, cursor, size, STEPS, step_row(work), total=total), "counts": counts}


CLOCKED = frozenset({"overdue", "warning"})
"""Lights of steps that all have a due time; the others are listed the oldest first."""


def _counts(work: Work, who: Scope, lights: Mapping[Light, list[ColumnElement[bool]]]) -> dict[str, Any]:
    """How many steps are under each light: of an area by the index of each, of a unit in one pass over its own."""
    if who.whole_area:
        return count_each(work, lights)
    return count_together(work, open_steps(work, who), _lights(work, who, true()))


def _lights(work: Work, who: Scope, here: ColumnElement[bool]) -> dict[Light, list[ColumnElement[bool]]]:
    """Each light as conditions of which a step that is `here` fulfils at most one, each read by an index."""
    light, first = _by(who, _step.light), _by(who, _step.precedence)
    every = first.in_(PRECEDENCES)
    return {
        "overdue": [and_(here, every, _step.due_at < work.now)],
        "warning": [and_(here, light == "yellow", every, _step.due_at >= work.now)],
        "paused": [and_(here, light == "paused")],
        "none": [and_(here, light.is_(None), WAITS), and_(here, light == "none", WAITS)],
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
    query = _narrowed(work, select(_case.id).where(listed(work, who)), wanted)
    if not count(work, [query])["exact"]:
        query = _narrowed(work, select(_case.id).where(listed(work, who, walking=True)), wanted)
    return page(work, [Part([query], (_case.id,))], cursor, size, MATTERS, matter_row(work), newest_first=True)


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


def wanted_steps(work: Work, wanted: Filters) -> Select[Any]:
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


# -- what waits for a decision, what is broken -------------------------------------------------------


def requests(work: Work, actor: Actor, cursor: str = "", size: int = PAGE) -> dict[str, Any]:
    """Requests in sight that wait for a decision, the oldest first: in the area, or put to the actor's unit."""
    request, names, who = tables.request.c, Names(work), scope(work, actor)
    open_ = request.status == literal_column("'open'")
    place = inside(work.connection, request.area, actor.area) if who.whole_area else request.to_unit == actor.unit
    return page(
        work, [Part([select(request.id).where(open_, place)], (request.asked_at, request.id))],
        cursor, size,
        REQUESTS, lambda row: {**request_words(row, names), "number": row["number"], "title": row["title"]},
    )  # fmt: skip


def incidents(work: Work, actor: Actor, cursor: str = "", size: int = PAGE) -> dict[str, Any]:
    """Open incidents of matters in sight, the oldest first."""
    incident, names, who = tables.incident.c, Names(work), scope(work, actor)
    visible = or_(in_area(work, who, _case.area), had_part(work, actor))
    shown = select(incident.id).where(incident.settled_at.is_(None), exists().where(_case.id == incident.case, visible))
    return page(
        work, [Part([shown], (incident.opened_at, incident.id))], cursor, size, INCIDENTS,
        lambda row: {**incident_words(row, names), "number": row["number"], "title": row["title"]},
    )  # fmt: skip
