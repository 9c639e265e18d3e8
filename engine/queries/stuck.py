"""Why matters do not move: each cause with its number, the first rows and the way out. A cause is looked for, not kept:
nothing has to be set when a person leaves, and nothing cleared when another comes.
"""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Select, and_, exists, func, or_, select, tuple_

from engine import tables
from engine.definition import Definition
from engine.directory import Actor
from engine.errors import Words
from engine.library import day_of
from engine.queries.lists import Filters, incidents, wanted_steps
from engine.queries.pages import PAGE, Part, fetch, page, total_of
from engine.queries.sight import HELD_BY_NOBODY, NOTHING, WAITS, WITHOUT_UNIT, Scope, holds, listed, open_steps, scope
from engine.queries.words import MATTERS, STEPS, at, bilingual, matter_row, step_row
from engine.work import Work

UNCLAIMED = timedelta(hours=24)
"""A step nobody has signed for in so long is shown as stuck (product default, not law)."""

_case, _step = tables.case.c, tables.step.c


def stuck(work: Work, actor: Actor, size: int = PAGE, filters: Filters | None = None) -> list[dict[str, Any]]:
    """Why matters do not move, each cause with its number of steps (of matters, where they are suspended), the first
    of them and the ways out. Filters narrow the causes that are steps, by area, unit, node, …"""
    who, oldest, wanted = scope(work, actor), (_step.opened_at, _step.id), wanted_steps(work, filters or Filters())
    steps = {
        "nobody": _without_anybody(work, who),
        "no_unit": _without_unit(work, who),
        "unclaimed": _unclaimed(work, who),
    }
    if filters is not None:
        steps = {key: wanted.where(_step.id.in_(which)) for key, which in steps.items()}
    return [
        *(
            _cause(key, page(work, [Part([which], oldest)], "", size, STEPS, step_row(work)))
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
    return {"cause": key, **bilingual(why), "way_out": bilingual(way_out), "total": page["total"], "rows": page["rows"]}


def _unclaimed(work: Work, who: Scope) -> Select[Any]:
    late = and_(_step.opened_at < work.now - UNCLAIMED, func.coalesce(_step.light, "") != "paused")
    return select(_step.id).where(open_steps(work, who), HELD_BY_NOBODY, WAITS, late)


def _without_anybody(work: Work, who: Scope) -> Select[Any]:
    """Open steps that nobody can act for: first the posts that look empty, then asked one by one. A step without a
    role waits for anybody of its unit."""
    post, absence = tables.post, tables.absence
    away = exists().where(absence.c.person == post.c.person, holds(work, absence))
    fitting = or_(_step.role.is_(None), post.c.role == _step.role)
    filled = exists().where(post.c.unit == _step.unit, fitting, holds(work, post), ~away)
    waiting = and_(open_steps(work, who), WAITS)
    empty = select(_step.role, _step.unit).where(waiting, ~WITHOUT_UNIT, ~filled)
    pairs = [tuple(row) for row in work.connection.execute(empty.distinct())]
    nobody = [(role or "", unit) for role, unit in pairs if role is None or not work.directory.holders(role, unit)]
    which = tuple_(func.coalesce(_step.role, ""), _step.unit).in_(nobody) if nobody else _step.id == NOTHING
    return select(_step.id).where(waiting, which)


def _without_unit(work: Work, who: Scope) -> Select[Any]:
    """Open steps that should have a unit: the diagram says how to find it, and the facts gave nothing."""
    homeless = and_(open_steps(work, who), WAITS, HELD_BY_NOBODY, WITHOUT_UNIT)
    query = select(_case.definition, _step.node).join(tables.case, _case.id == _step.case).where(homeless)
    found = [tuple(row) for row in work.connection.execute(query.distinct())]
    wrong = [pair for pair in found if _names_unit(work.library.definition(work.connection, pair[0]), pair[1])]
    which = tuple_(_case.definition, _step.node).in_(wrong) if wrong else _step.id == NOTHING
    return select(_step.id).join(tables.case, _case.id == _step.case).where(homeless, which)


def _names_unit(definition: Definition, id: str) -> bool:
    return any(node.id == id and node.properties.get("unit") for _, node in definition.nodes())


def _suspended_too_long(work: Work, who: Scope, size: int) -> dict[str, Any]:
    """Open matters that have stood still for more days than the suspension was granted for, the longest first."""
    request, show = tables.request.c, matter_row(work)
    granted = and_(request.kind == "suspension", request.status == "granted")
    query = (
        select(request.case, request.decided_at, request.detail)
        .join(tables.case, _case.id == request.case)
        .where(listed(work, who), _case.closed_at.is_(None), _case.suspended, granted)
        .order_by(request.decided_at, request.id)
    )
    last = {row.case: _Suspension(row.decided_at, _ceiling(row.detail)) for row in work.connection.execute(query)}
    over = {id: one for id, one in last.items() if one.days(work.now) > one.ceiling}
    first = sorted(over, key=lambda id: (over[id].since, id))[:size]
    whole = {row["id"]: row for row in fetch(work, MATTERS.where(_case.id.in_(first)))} if first else {}
    rows = [{**show(whole[id]), **over[id].told(work.now)} for id in first]
    return {"rows": rows, "total": total_of(len(over))}


class _Suspension(NamedTuple):
    """When a matter was suspended, and for how many natural days at most."""

    since: datetime
    ceiling: int

    def days(self, now: datetime) -> int:
        """Natural days since; the day of the decision is not counted."""
        return (day_of(now) - day_of(self.since)).days

    def told(self, now: datetime) -> dict[str, Any]:
        return {"suspended_at": at(self.since), "ceiling_days": self.ceiling, "suspended_days": self.days(now)}


def _ceiling(detail: str) -> int:
    return int(json.loads(detail)["ceiling_days"])
