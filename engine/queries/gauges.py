"""What the engine says about itself, for whoever keeps it running: numbers over everything and the last beat of the
clock. Nobody's scope applies, because no person and no matter is told.
"""

import json
from collections.abc import Callable, Mapping
from datetime import datetime

from sqlalchemy import ColumnElement, Table, and_, func, literal_column, select

from engine import tables
from engine.queries.sight import OPEN
from engine.work import Work

_step = tables.step.c


def gauges(work: Work) -> dict[str, int]:
    """How much is open, overdue, broken and waiting to be sent, over everything; no personal data."""
    return {name: _number(work, of(work)) for name, of in GAUGES.items()}


GAUGES: Mapping[str, Callable[[Work], tuple[Table, ColumnElement[bool]]]] = {
    "open_steps": lambda _: (tables.step, OPEN),
    "overdue_steps": lambda work: (tables.step, and_(OPEN, _step.due_at < work.now)),
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
