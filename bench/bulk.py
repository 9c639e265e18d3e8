"""Rows in bulk, past the verbs: only the bench may do this, because a million matters through the verbs take a day.

Multi-row inserts on SQLite (without waiting for the disk while loading), COPY on PostgreSQL. Rows are tuples in the
order of the columns; `native` makes what the driver takes out of what the tables hold.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import islice
from typing import Any, Protocol

import psycopg
from psycopg import sql
from sqlalchemy import Table, create_mock_engine
from sqlalchemy.engine import Dialect

from engine import tables
from engine.store import Store

BATCH = 5_000
LOADING = {"journal_mode": "memory", "synchronous": 0, "foreign_keys": 0, "cache_size": -400_000}


class Loader(Protocol):
    """Takes rows in; knows what its driver wants."""

    def rows(self, table: Table, columns: Sequence[str], rows: Iterable[tuple[Any, ...]]) -> None:
        """Inserts rows; each holds a value per column."""

    def native(self, value: Any) -> Any:
        """A value of a table as the driver takes it."""


@contextmanager
def loading(store: Store) -> Iterator[Loader]:
    """A connection past the store for loading; everything is committed at the end, numbers go on after the rows."""
    store.close()
    if store.dialect == "sqlite":
        with _sqlite(store) as loader:
            yield loader
    else:
        with _postgresql(store) as loader:
            yield loader


@contextmanager
def _sqlite(store: Store) -> Iterator[Loader]:
    connection = sqlite3.connect(str(store.url.database), isolation_level=None)
    try:
        for name, value in LOADING.items():
            connection.execute(f"PRAGMA {name}={value}")
        connection.execute("BEGIN")
        yield _Sqlite(connection)
        connection.execute("COMMIT")
    finally:
        connection.close()


class _Sqlite:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self.dialect: Dialect = create_mock_engine("sqlite://", lambda *_: None).dialect

    def native(self, value: Any) -> Any:
        return tables.Instant().process_bind_param(value, self.dialect) if isinstance(value, datetime) else value

    def rows(self, table: Table, columns: Sequence[str], rows: Iterable[tuple[Any, ...]]) -> None:
        names, marks = ", ".join(f'"{name}"' for name in columns), ", ".join("?" * len(columns))
        statement = f'INSERT INTO "{table.name}" ({names}) VALUES ({marks})'
        every = iter(rows)
        while batch := list(islice(every, BATCH)):
            self.connection.executemany(statement, batch)


@contextmanager
def _postgresql(store: Store) -> Iterator[Loader]:
    address = store.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(address) as connection:
        loader = _Postgresql(connection)
        yield loader
        for table in loader.loaded:
            connection.execute(
                sql.SQL("SELECT setval(pg_get_serial_sequence({name}, 'id'), (SELECT max(id) FROM {table}))").format(
                    name=sql.Literal(f'"{table}"'), table=sql.Identifier(table)
                )
            )


class _Postgresql:
    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.connection = connection
        self.loaded = set[str]()

    def native(self, value: Any) -> Any:
        return value

    def rows(self, table: Table, columns: Sequence[str], rows: Iterable[tuple[Any, ...]]) -> None:
        names = sql.SQL(", ").join(map(sql.Identifier, columns))
        statement = sql.SQL("COPY {table} ({names}) FROM STDIN").format(table=sql.Identifier(table.name), names=names)
        with self.connection.cursor() as cursor, cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row(row)
        self.loaded.add(table.name)


def analyse(store: Store) -> None:
    """What autovacuum does by itself on a running PostgreSQL; SQLite is left as the product leaves it."""
    if store.dialect == "postgresql":
        address = store.url.set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")


def columns_of(table: Table, *first: str) -> list[str]:
    """The columns of a table, some of them in front."""
    return [*first, *(column.name for column in table.columns if column.name not in first)]


def values(row: Mapping[str, Any], columns: Sequence[str], loader: Loader) -> tuple[Any, ...]:
    """The values of a row as the driver takes them."""
    return tuple(loader.native(row[name]) for name in columns)
