"""Lists in pages: a list consists of parts, each read in the order of an index; a page follows a key, so that no row is
skipped or shown twice while others work, and counting stops where nobody reads the number any more.
"""

import json
import operator
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import reduce
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, RowMapping, Select, func, literal, or_, select, tuple_, union_all

from engine import tables
from engine.errors import Invalid
from engine.work import Work

COUNTED = 10_000
"""Totals are exact up to here; a longer list says so instead of counting on."""

PAGE = 50
"""Rows of a page, unless asked otherwise; `PAGES` is the most."""

PAGES = 200


class Part(NamedTuple):
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


def page(
    work: Work,
    parts: Sequence[Part],
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
    total = total or count(work, [query for part in parts for query in part.queries])
    begin, *seen = _read_cursor(cursor, parts) if cursor else (0,)
    found: list[tuple[int, Any]] = []
    for number, part in enumerate(parts[begin:], begin):
        query = part.ids(seen if number == begin else (), size + 1 - len(found), newest_first)
        found += [(number, row) for row in work.connection.execute(query)]
        if len(found) > size:
            break
    last, row = found[size - 1] if len(found) > size else (0, ())
    ids = [row[0] for _, row in found[:size]]
    whole = {row["id"]: row for row in fetch(work, rows.where(parts[0].key[-1].in_(ids)))} if ids else {}
    return {"rows": [show(whole[id]) for id in ids], "next": _cursor([last, *row[1:]]) if row else "", "total": total}


def fetch(work: Work, query: Select[Any]) -> Sequence[RowMapping]:
    """The rows of a query, each by the names of its columns."""
    return work.connection.execute(query).mappings().all()


def count(work: Work, queries: Sequence[Select[Any]]) -> dict[str, Any]:
    """How many all of them find together."""
    return total_of(int(work.connection.execute(select(_how_many(queries))).scalar_one()))


def count_each(work: Work, lists: Mapping[Any, Sequence[ColumnElement[bool]]]) -> dict[str, Any]:
    """How many steps each list has, in one statement."""
    numbers = [_how_many([select(tables.step.c.id).where(one) for one in conditions]) for conditions in lists.values()]
    found = work.connection.execute(select(*numbers)).one()
    return {name: total_of(int(number)) for name, number in zip(lists, found, strict=True)}


def count_together(
    work: Work, whole: ColumnElement[bool], lists: Mapping[Any, Sequence[ColumnElement[bool]]]
) -> dict[str, Any]:
    """How many steps of a whole that is small each list has: all in one pass over the whole."""
    numbers = [func.count().filter(or_(*conditions)) for conditions in lists.values()]
    found = work.connection.execute(select(*numbers).select_from(tables.step).where(whole)).one()
    return {name: total_of(int(number)) for name, number in zip(lists, found, strict=True)}


def _how_many(queries: Sequence[Select[Any]]) -> ColumnElement[int]:
    few = (select(func.count()).select_from(query.limit(COUNTED + 1).subquery()).scalar_subquery() for query in queries)
    return reduce(operator.add, few)


def total_of(found: int) -> dict[str, Any]:
    """A number as a list tells it: exact up to `COUNTED`."""
    if found <= COUNTED:
        return {"count": found, "exact": True, "text": f"{found:,}"}
    return {"count": COUNTED, "exact": False, "text": f"约{COUNTED:,}以上"}


def _cursor(values: Sequence[Any]) -> str:
    plain = [value.isoformat() if isinstance(value, datetime) else value for value in values]
    return urlsafe_b64encode(json.dumps(plain).encode()).decode().rstrip("=")


def _read_cursor(cursor: str, parts: Sequence[Part]) -> list[Any]:
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
