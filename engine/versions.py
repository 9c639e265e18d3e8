"""Versions of what is registered: true from a day to a day, known to us from a moment until a better one. Nothing is
overwritten: what is wrong or over is superseded, and what was known at any moment can still be read.

For tables made by `tables._registry`: units, people, posts and the registers of the domain.
"""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, Table, and_, func, insert, or_, select, update
from sqlalchemy.sql.elements import ColumnElement

from engine.errors import Conflict


def valid(table: Table, at: Any, day: Any) -> ColumnElement[bool]:
    """Rows that hold on a day (`2026-03-02`) and were known at a moment; both may be parameters."""
    return and_(
        table.c.recorded_at <= at,
        or_(table.c.superseded_at.is_(None), table.c.superseded_at > at),
        table.c.valid_from <= day,
        or_(table.c.valid_to.is_(None), table.c.valid_to >= day),
    )


def current(connection: Connection, table: Table, id: str, day: date) -> Row[Any] | None:
    """The version that holds on a day, as known now."""
    query = select(table).where(table.c.id == id, *overlapping(table, day, day))
    return connection.execute(query).first()


def overlapping(table: Table, first: date, last: date | None) -> list[ColumnElement[bool]]:
    """Known now, and in force on some day from `first` to `last`."""
    begins = [table.c.valid_from <= last.isoformat()] if last else []
    ends = or_(table.c.valid_to.is_(None), table.c.valid_to >= first.isoformat())
    return [table.c.superseded_at.is_(None), ends, *begins]


def put(
    connection: Connection,
    table: Table,
    id: str,
    values: Mapping[str, Any],
    first: date,
    last: date | None,
    at: datetime,
    *,
    rest: bool = False,
) -> Row[Any]:
    """Writes a version. Without a last day it holds until the next one that is planned. What held before on these
    days is superseded; of a version that began earlier its earlier days stay, and with `rest` its later ones."""
    if last is None:
        planned = select(func.min(table.c.valid_from)).where(
            table.c.id == id, table.c.superseded_at.is_(None), table.c.valid_from > first.isoformat()
        )
        following = day_or_none(connection.execute(planned).scalar())
        last = following - timedelta(days=1) if following else None
    cut(connection, table, id, first, last, at, rest=rest)
    return _insert(connection, table, {**values, "id": id}, first.isoformat(), last.isoformat() if last else None, at)


def cut(
    connection: Connection,
    table: Table,
    id: str,
    first: date,
    last: date | None,
    at: datetime,
    *,
    rest: bool = False,
) -> None:
    """Nothing is known of `id` from `first` to `last` any more."""
    latest = connection.execute(select(func.max(table.c.recorded_at)).where(table.c.id == id)).scalar()
    if latest is not None and latest > at:
        raise Conflict(
            "directory.later",
            f"“{id}”在{latest.isoformat()}已有新的登记，请刷新后重试。",
            f"“{id}” was recorded at {latest.isoformat()}, which is later. Reload and try again.",
        )
    for row in connection.execute(select(table).where(table.c.id == id, *overlapping(table, first, last))).all():
        connection.execute(update(table).where(table.c.row == row.row), {"superseded_at": at})
        if row.valid_from < first.isoformat():
            _insert(connection, table, dict(row._mapping), row.valid_from, (first - timedelta(days=1)).isoformat(), at)
        if rest and last and (row.valid_to is None or row.valid_to > last.isoformat()):
            _insert(connection, table, dict(row._mapping), (last + timedelta(days=1)).isoformat(), row.valid_to, at)


_KEPT = frozenset({"row", "valid_from", "valid_to", "recorded_at", "superseded_at"})


def _insert(
    connection: Connection, table: Table, values: Mapping[str, Any], first: str, last: str | None, at: datetime
) -> Row[Any]:
    version = {name: value for name, value in values.items() if name not in _KEPT}
    version |= {"valid_from": first, "valid_to": last, "recorded_at": at}
    return connection.execute(insert(table).values(version).returning(table)).one()


def alone(connection: Connection, table: Table) -> None:
    """Nobody else writes to this registry until the transaction ends: what was checked then still holds. On
    SQLite nobody does anyway."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"LOCK TABLE {table.name} IN SHARE ROW EXCLUSIVE MODE")


def day_or_none(value: str | None) -> date | None:
    return date.fromisoformat(value) if value else None


def dates(row: Row[Any]) -> dict[str, str]:
    return {"valid_from": row.valid_from, **({"valid_to": row.valid_to} if row.valid_to else {})}
