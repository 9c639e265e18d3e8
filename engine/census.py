"""What there is altogether, without anybody's scope: for the operator, metrics and demonstrations, never for a page.

Lists that people see are in `queries/`, where each is limited to what its reader may see.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, select

from engine import tables

_step, _case = tables.step, tables.case


def open_steps(connection: Connection, case: int) -> Sequence[Row[Any]]:
    """The open steps of a case, the oldest first."""
    query = select(_step).where(_step.c.case == case, _step.c.status == "open").order_by(_step.c.id)
    return connection.execute(query).all()


def open_step(connection: Connection, step: int) -> Row[Any] | None:
    """A step, if it is open."""
    return connection.execute(select(_step).where(_step.c.id == step, _step.c.status == "open")).first()


def cases_with_new_steps(connection: Connection, since: datetime) -> Sequence[int]:
    """Cases in which a step opened since a moment that is still open."""
    query = select(_step.c.case).where(_step.c.opened_at >= since, _step.c.status == "open").distinct()
    return connection.execute(query.order_by(_step.c.case)).scalars().all()


def unit_of(connection: Connection, case: int) -> str:
    """The unit that answers for a case."""
    return str(connection.execute(select(_case.c.unit).where(_case.c.id == case)).scalar_one())


def all_cases(connection: Connection, *, open_only: bool = False) -> Sequence[int]:
    """The ids of all cases."""
    query = select(_case.c.id).order_by(_case.c.id)
    return connection.execute(query.where(_case.c.closed_at.is_(None)) if open_only else query).scalars().all()


def closed_matters(connection: Connection) -> Sequence[int]:
    """The ids of the matters that are closed."""
    query = select(_case.c.id).where(_case.c.matter_type.is_not(None), _case.c.closed_at.is_not(None))
    return connection.execute(query.order_by(_case.c.id)).scalars().all()


def open_cases(connection: Connection, area: str) -> Sequence[int]:
    """The ids of the open cases whose place lies in an area."""
    inside = _case.c.area.startswith(area, autoescape=True)
    query = select(_case.c.id).where(inside, _case.c.closed_at.is_(None)).order_by(_case.c.id)
    return connection.execute(query).scalars().all()


def subjects(connection: Connection) -> Sequence[str]:
    """Every subject that has a chain of records."""
    query = select(tables.record.c.subject).where(tables.record.c.number == 1).order_by(tables.record.c.subject)
    return connection.execute(query).scalars().all()


def totals(connection: Connection, now: datetime) -> dict[str, Any]:
    """Counts of everything, as `handlers.demonstration.Month` names them."""
    matter, beside = _case.c.matter_type.is_not(None), _case.c.matter_type.is_(None)
    return {
        "matters": _count(connection, _case, matter),
        "procedures": _count(connection, _case, beside),
        "by_procedure": _by(connection, _case.c.way_in, beside),
        "by_status": _by(connection, _case.c.status, matter),
        "by_way_in": _by(connection, _case.c.way_in, matter),
        "by_outcome": _by(connection, _case.c.outcome, matter, _case.c.closed_at.is_not(None)),
        "steps": _count(connection, _step),
        "timers_fired": _count(connection, tables.timer, tables.timer.c.status == "fired"),
        "overdue": _count(connection, _step, _step.c.status == "open", _step.c.due_at < now),
        "disputes": _cases_that_were(connection, "disputed", "deciding"),
        "emergencies": _cases_that_were(connection, "emergency"),
        "records": _count(connection, tables.record),
    }


def next_due(connection: Connection) -> datetime | None:
    """When the next timer falls due or the next light changes; None: nothing is going to happen by itself."""
    timer = tables.timer.c
    moments = (
        select(func.min(timer.due_at)).where(timer.status == "waiting"),
        select(func.min(_step.c.light_at)).where(_step.c.status == "open"),
        select(func.min(_case.c.light_at)).where(_case.c.closed_at.is_(None)),
    )
    return min((at for at in (connection.execute(query).scalar() for query in moments) if at), default=None)


def backlog(connection: Connection, now: datetime) -> dict[str, int]:
    """What waits for the machine itself: jobs, timers that are due, incidents, records without a position."""
    timer, job = tables.timer.c, tables.outbox.c
    return {
        "outbox_waiting": _count(connection, tables.outbox, job.status == "waiting"),
        "timers_due": _count(connection, tables.timer, timer.status == "waiting", timer.due_at < now),
        "incidents_open": _count(connection, tables.incident, tables.incident.c.settled_at.is_(None)),
        "records_unplaced": _count(connection, tables.record, tables.record.c.position.is_(None)),
    }


def _count(connection: Connection, table: Any, *conditions: Any) -> int:
    return int(connection.execute(select(func.count()).select_from(table).where(*conditions)).scalar_one())


def _by(connection: Connection, column: Any, *conditions: Any) -> dict[str, int]:
    query = select(column, func.count()).where(*conditions).group_by(column).order_by(column)
    return {value or "": number for value, number in connection.execute(query)}


def _cases_that_were(connection: Connection, *statuses: str) -> int:
    query = select(func.count(_step.c.case.distinct())).where(_step.c.lifecycle.in_(statuses))
    return int(connection.execute(query).scalar_one())
