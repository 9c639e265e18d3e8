"""The database: the only place that opens transactions. Web, command line, clock, outbox, publishing and archive
ask for one here; everything else is handed a connection and never commits. On SQLite one writer at a time, in
the order of asking, because waits inside SQLite are unfair (measured: seconds); on PostgreSQL row locks do it."""

import logging
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from sqlite3 import SQLITE_BUSY, SQLITE_CANTOPEN, SQLITE_FULL, SQLITE_IOERR, SQLITE_LOCKED
from typing import Any, Literal, NamedTuple, cast
from weakref import WeakValueDictionary

from sqlalchemy import Connection, Dialect, Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError
from sqlalchemy.sql.expression import SelectBase, UpdateBase

import migrations
from engine import tables
from engine.errors import Finding, Invalid, Unavailable
from migrations import protection

PATIENCE = 30.0
"""Seconds that a transaction waits for its turn to write before it gives up."""

PRAGMAS = {
    "journal_mode": "wal",
    "synchronous": 2,
    "busy_timeout": int(PATIENCE * 1000),
    "foreign_keys": 1,
    "recursive_triggers": 1,
    "secure_delete": 1,
}
"""Set on every SQLite connection and re-checked by `Store.check`. synchronous 2 is FULL: a commit that was
answered survives a power cut. recursive_triggers: without it a REPLACE deletes protected rows unseen.
secure_delete: what was erased is overwritten in the file with zeros."""

TRANSIENT = {SQLITE_BUSY, SQLITE_LOCKED, SQLITE_FULL, SQLITE_IOERR, SQLITE_CANTOPEN}
CALLBACKS = "wangge.after_commit"

log = logging.getLogger(__name__)


class Store:
    """A database: `sqlite:///path/of/file` or `postgresql://user@host/name`.

    Raises `Invalid` for any other address. Nothing is opened before it is needed; a store may be used by any
    number of threads.
    """

    dialect: Literal["sqlite", "postgresql"]

    def __init__(self, url: str) -> None:
        self.url = _normalised(url)
        self._kept = deque[Connection](maxlen=1)
        self._process = os.getpid()
        if self.url.get_backend_name() == "sqlite":
            self.dialect = "sqlite"
            self._turn: _Turn | _Free = _turn_of(self.url)
            self._writer, self._reader = _sqlite(self.url)
        else:
            self.dialect = "postgresql"
            self._turn = _Free()
            self._writer, self._reader = _postgresql(self.url)

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """One write transaction: committed when the block ends, rolled back when it raises.

        READ COMMITTED on PostgreSQL; on SQLite nobody else writes meanwhile, so a transaction inside another
        one of the same thread is an error. Raises `Unavailable` when the database cannot be written now.
        """
        callbacks: list[Callable[[], object]] = []
        with self._turn, _unavailable(), self._writing() as connection, _whole(connection):
            connection.info[CALLBACKS] = callbacks
            yield connection
        for callback in callbacks:
            _call(callback)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A snapshot: all reads of the block see the same moment. Writing is refused by the database."""
        with _unavailable(), self._reader.connect() as connection:
            yield connection

    @staticmethod
    def after_commit(connection: Connection, callback: Callable[[], object]) -> None:
        """Runs `callback` when, and only if, the connection's transaction has committed, in order of asking.

        It runs outside the transaction and may open another. What it raises is logged and stops nobody: the
        transaction stands, and its caller must not believe otherwise.
        """
        connection.info[CALLBACKS].append(callback)

    def prepare(self) -> None:
        """Brings the schema to its newest version, puts missing protections back and checks that they work.

        Any number of processes may call this at the same time. On PostgreSQL a role that does not own the
        tables can call it too, as long as there is nothing to change. Raises `Unavailable` naming every fault.
        """
        with self.transaction() as connection:
            self._alone(connection, 1)
            if migrations.current(connection) != migrations.head():
                migrations.upgrade(connection)
            if protection.missing(connection):
                protection.install(connection)
        faults = [finding for finding in self.check() if finding.level == "error"]
        if faults:
            raise Unavailable(
                "store.unprotected",
                f"数据库的保护措施不完整，共{len(faults)}处，请先修复：{faults[0].message}",
                f"The database is not protected as it must be ({len(faults)} faults). Repair it first.",
                details=faults,
            )

    def check(self) -> list[Finding]:
        """Whether the database still protects what it holds: schema, settings, and each protection by an
        attempt to break it (in a transaction that is rolled back). An empty list: all is well."""
        with self.reading() as connection:
            behind = migrations.current(connection) != migrations.head()
        if behind:
            return [
                _finding("schema", "数据库结构不是最新版本，请执行升级。", "The schema is not up to date: upgrade it.")
            ]
        with self._probing() as connection:
            settings = _settings(connection) if self.dialect == "sqlite" else _ownership(connection)
            absent = [
                _finding(
                    "trigger", f"触发器“{name}”缺失、被停用或被改动。", f"Trigger {name} is missing, off or altered."
                )
                for name in protection.missing(connection)
            ]
            return settings + absent + [_broken(words) for words in protection.holes(connection)]

    def grant(self, role: str) -> None:
        """PostgreSQL: gives an existing role what the application needs and nothing that could get around the
        protections (see `protection.grants`). To be called by the owner, again after each upgrade."""
        with self.transaction() as connection:
            for statement in protection.grants(connection, role):
                connection.exec_driver_sql(statement)

    def close(self) -> None:
        """Closes the connections that nobody uses. The store may be used again afterwards."""
        with suppress(IndexError):
            self._kept.pop().close()
        self._writer.dispose()
        self._reader.dispose()

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        """A connection that can write. On SQLite there is one, kept from one transaction to the next: the way through
        the pool and back costs more than a whole step's statements. A forked process never uses its parent's."""
        if self._process != os.getpid():
            self._process = os.getpid()
            self._kept.clear()
            self._writer.dispose(close=False)
        try:
            connection = self._kept.pop()
        except IndexError:
            connection = self._writer.connect()
        try:
            yield connection
        finally:
            if self.dialect == "sqlite" and not connection.invalidated:
                self._kept.append(connection)
            else:
                connection.close()

    @contextmanager
    def _probing(self) -> Iterator[Connection]:
        """A write transaction that is always rolled back."""
        with self._turn, _unavailable(), self._writing() as connection, suppress(_Over), _whole(connection):
            self._alone(connection, 3)
            yield connection
            raise _Over

    def _alone(self, connection: Connection, work: int) -> None:
        """No other process does the same work until the transaction ends (on SQLite it has the turn anyway)."""
        if self.dialect == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(7769, :work)"), {"work": work})


class _Over(Exception):
    """A trial has come to its end: nothing of it stays."""


@contextmanager
def _whole(connection: Connection) -> Iterator[None]:
    """All or nothing, begun and ended by the driver: SQLAlchemy's own transaction costs as much as a small step's
    statements. PostgreSQL's driver begins by itself with the first statement."""
    if connection.dialect.name == "sqlite":
        _drive(connection, "BEGIN IMMEDIATE")
    try:
        yield
        _end(connection, "commit")
    except BaseException:
        if not connection.invalidated:
            _end(connection, "rollback")
        raise


def _end(connection: Connection, how: Literal["commit", "rollback"]) -> None:
    """Ends the transaction, and SQLAlchemy's idea of one if a statement went through it."""
    try:
        getattr(connection.connection, how)()
    except connection.dialect.loaded_dbapi.Error as error:
        raise _as_told(connection, error, None, None) from error
    if connection.in_transaction():
        getattr(connection, how)()


# -- statements of every step ------------------------------------------------------------------------


class _Text(NamedTuple):
    """A statement as the driver takes it: its text; the names of its values in order, what some are when nobody gives
    them and how some are written; the names of what it finds, and how some of that is read."""

    sql: str
    positional: bool
    values: tuple[str, ...]
    fixed: dict[str, Any]
    write: tuple[tuple[int, Callable[[Any], Any]], ...]
    columns: tuple[str, ...]
    read: tuple[tuple[str, Callable[[Any], Any]], ...]


class Prepared:
    """A statement that runs many times in every step. SQLAlchemy writes its text once per database and set of
    values; the driver then gets it without what SQLAlchemy does around each execution, which costs several times as
    much as a small statement itself. Types are converted, errors raised and listeners told as SQLAlchemy does it.

    For plain statements: no IN over lists, no defaults of columns. Rows are dicts.
    """

    def __init__(self, statement: SelectBase | UpdateBase) -> None:
        self._statement = statement
        self._texts: dict[tuple[str, ...], _Text] = {}

    def all(self, connection: Connection, values: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Every row it finds."""
        wording = self._text(connection.dialect, values)
        rows = [dict(zip(wording.columns, row, strict=True)) for row in self._run(connection, wording, [values], True)]
        for row in rows:
            for name, read in wording.read:
                if row[name] is not None:
                    row[name] = read(row[name])
        return rows

    def first(self, connection: Connection, values: Mapping[str, Any]) -> dict[str, Any] | None:
        """The first row, or None."""
        return next(iter(self.all(connection, values)), None)

    def run(self, connection: Connection, *rows: Mapping[str, Any]) -> None:
        """Writes: once per row. All rows have the same names."""
        if rows:
            self._run(connection, self._text(connection.dialect, rows[0]), rows, False)

    def _text(self, dialect: Dialect, values: Mapping[str, Any]) -> _Text:
        key = (dialect.name, *values)
        if key not in self._texts:
            self._texts[key] = self._compiled(dialect, list(values))
        return self._texts[key]

    def _compiled(self, dialect: Dialect, names: list[str]) -> _Text:
        compiled: Any = self._statement.compile(dialect=dialect, column_keys=names)
        found: Any = self._statement.selected_columns if isinstance(self._statement, SelectBase) else ()
        values = tuple(compiled.positiontup if compiled.positional else compiled.params)
        writes = (_writes(compiled.binds[name].type, dialect) for name in values)
        reads = {column.key: column.type.dialect_impl(dialect).result_processor(dialect, None) for column in found}
        return _Text(
            str(compiled),
            compiled.positional,
            values,
            {name: value for name, value in compiled.params.items() if not compiled.binds[name].required},
            tuple((place, write) for place, write in enumerate(writes) if write is not None),
            tuple(reads),
            tuple((name, read) for name, read in reads.items() if read is not None),
        )

    def _run(self, connection: Connection, wording: _Text, rows: Sequence[Mapping[str, Any]], finds: bool) -> list[Any]:
        many = len(rows) > 1
        given: Any = [_given(wording, row) for row in rows] if many else _given(wording, rows[0])
        return _drive(connection, wording.sql, given, many=many, finds=finds)


def _writes(of: Any, dialect: Dialect) -> Callable[[Any], Any] | None:
    """How values of a type are written, without what SQLAlchemy wraps around a type of ours."""
    if isinstance(of, tables.Instant):
        return partial(of.process_bind_param, dialect=dialect)
    return cast(Callable[[Any], Any] | None, of.dialect_impl(dialect).bind_processor(dialect))


def _drive(connection: Connection, sql: str, given: Any = (), *, many: bool = False, finds: bool = False) -> list[Any]:
    """Runs a statement by the driver alone. Listeners are told, and errors are those of SQLAlchemy."""
    cursor = connection.connection.cursor()
    try:
        for tell in connection.dispatch.before_cursor_execute:
            tell(connection, cursor, sql, given, None, many)
        (cursor.executemany if many else cursor.execute)(sql, given)
        return cast(list[Any], cursor.fetchall()) if finds else []
    except connection.dialect.loaded_dbapi.Error as error:
        raise _as_told(connection, error, sql, given) from error
    finally:
        cursor.close()


@contextmanager
def together(connection: Connection) -> Iterator[None]:
    """What is written in the block goes to PostgreSQL at once, without an answer to each statement in between; an
    error comes at the end of the block. Nothing can be read there. SQLite has no way to the server to save."""
    if connection.dialect.name != "postgresql":
        yield
        return
    driver: Any = connection.connection.driver_connection
    try:
        with driver.pipeline():
            yield
    except connection.dialect.loaded_dbapi.Error as error:
        raise _as_told(connection, error, "", ()) from error


def _given(wording: _Text, row: Mapping[str, Any]) -> Any:
    """The values of one row as the driver takes them."""
    if wording.fixed:
        row = {**wording.fixed, **row}
    values = [row[name] for name in wording.values]
    for place, write in wording.write:
        if values[place] is not None:
            values[place] = write(values[place])
    return values if wording.positional else dict(zip(wording.values, values, strict=True))


def _as_told(connection: Connection, error: Any, sql: str | None, given: Any) -> DBAPIError:
    """The driver's error as SQLAlchemy raises it; a connection that is lost is used no more."""
    dialect = connection.dialect
    lost = dialect.is_disconnect(error, connection.connection.dbapi_connection, None)
    if lost:
        connection.invalidate(error)
    base = dialect.loaded_dbapi.Error
    told = DBAPIError.instance(sql, given, error, base, connection_invalidated=lost, dialect=dialect)
    return cast(DBAPIError, told)


# -- engines -----------------------------------------------------------------------------------------


def _normalised(url: str) -> URL:
    try:
        address = make_url(url)
    except ArgumentError as error:
        raise _bad_address(url) from error
    if address.drivername in ("postgres", "postgresql", "postgresql+psycopg"):
        return address.set(drivername="postgresql+psycopg")
    if address.drivername == "sqlite" and address.database not in (None, "", ":memory:"):
        return address
    raise _bad_address(address.render_as_string(hide_password=True))


def _bad_address(url: str) -> Invalid:
    return Invalid(
        "store.address",
        f"数据库地址“{url}”无法使用，请写成 sqlite:///文件路径 或 postgresql://用户@主机/库名。",
        f"“{url}” is no usable database address: write sqlite:///path or postgresql://user@host/name.",
    )


def _sqlite(url: URL) -> tuple[Engine, Engine]:
    """One connection that writes, so that its page cache stays warm, and a pool of those that cannot."""
    writer = create_engine(url, pool_size=1, max_overflow=0)
    event.listen(writer, "connect", lambda connection, _: _configure(connection))
    reader = create_engine(url, pool_size=8, max_overflow=32)
    event.listen(reader, "connect", lambda connection, _: _configure(connection, query_only=1))
    event.listen(reader, "begin", lambda connection: _drive(connection, "BEGIN"))
    return writer, reader


def _configure(connection: Any, **more: int) -> None:
    """`isolation_level = None` leaves BEGIN to us; on Python 3.12 and later it acts within the driver's
    default, LEGACY_TRANSACTION_CONTROL, so that one setting serves every version."""
    connection.isolation_level = None
    for name, value in {**PRAGMAS, **more}.items():
        connection.execute(f"PRAGMA {name}={value}")


def _postgresql(url: URL) -> tuple[Engine, Engine]:
    engine = create_engine(url, isolation_level="READ COMMITTED", pool_size=8, max_overflow=24)
    return engine, engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)


# -- turns -------------------------------------------------------------------------------------------


class _Free:
    """No turn is needed: the database itself lets writers in."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        pass


class _Turn:
    """A lock given in the order of asking."""

    def __init__(self) -> None:
        self._gate = threading.Lock()
        self._queue: deque[tuple[threading.Lock, int]] = deque()
        self._owner: int | None = None

    def __enter__(self) -> None:
        me = threading.get_ident()
        with self._gate:
            if self._owner == me:
                raise RuntimeError("a transaction inside a transaction: hand the connection down instead")
            if self._owner is None:
                self._owner = me
                return
            mine = threading.Lock()
            mine.acquire()
            self._queue.append((mine, me))
        if not mine.acquire(timeout=PATIENCE):
            self._give_up((mine, me))

    def _give_up(self, waiting: tuple[threading.Lock, int]) -> None:
        """Unless the turn came at the last moment."""
        with self._gate:
            if waiting in self._queue:
                self._queue.remove(waiting)
                raise _busy()

    def __exit__(self, *_: object) -> None:
        with self._gate:
            self._owner = None
            if self._queue:
                following, self._owner = self._queue.popleft()
                following.release()


_turns: WeakValueDictionary[str, _Turn] = WeakValueDictionary()
_turns_gate = threading.Lock()


def _turn_of(url: URL) -> _Turn:
    """One per database file in this process, whatever path leads to it."""
    key = str(Path(url.database or "").resolve())
    with _turns_gate:
        turn = _turns.get(key) or _Turn()
        _turns[key] = turn
        return turn


# -- errors ------------------------------------------------------------------------------------------


@contextmanager
def _unavailable() -> Iterator[None]:
    """Says `Unavailable` for what time can heal. A connection lost while committing is passed on as it is,
    because then nobody knows whether something was written."""
    try:
        yield
    except OperationalError as error:
        if _transient(error):
            raise _busy() from error
        raise


def _transient(error: DBAPIError) -> bool:
    code = getattr(error.orig, "sqlite_errorcode", None)
    if code is not None:
        return code & 0xFF in TRANSIENT
    return not (error.connection_invalidated and error.statement is None)


def _busy() -> Unavailable:
    return Unavailable(
        "store.unavailable",
        "数据库暂时无法使用，未写入任何内容，请稍后重试。",
        "The database cannot be used right now. Nothing was written; try again later.",
    )


def _call(callback: Callable[[], object]) -> None:
    try:
        callback()
    except Exception:
        log.exception("提交之后的动作失败，数据已保存。 What should follow the commit failed; the data are saved.")


# -- checks ------------------------------------------------------------------------------------------


def _finding(rule: str, zh: str, en: str, level: Literal["error", "warning"] = "error") -> Finding:
    return Finding(f"store.{rule}", level, "", f"{zh} {en}")


def _broken(words: tuple[str, str]) -> Finding:
    return _finding("hole", f"保护失效：{words[0]}。", f"Not protected: {words[1]}.")


def _settings(connection: Connection) -> list[Finding]:
    found = {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in PRAGMAS}
    return [
        _finding(
            "setting",
            f"设置{name}应为{value}，实为{found[name]}。",
            f"PRAGMA {name} must be {value}, not {found[name]}.",
        )
        for name, value in PRAGMAS.items()
        if found[name] != value
    ]


def _ownership(connection: Connection) -> list[Finding]:
    """Whoever owns the tables can switch the triggers off: fine for trying out, not for real matters."""
    owns = "SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = to_regclass('record')"
    if not cast(bool, connection.execute(text(owns)).scalar()):
        return []
    return [
        _finding(
            "owner",
            "当前数据库账号拥有数据表，可以停用保护；正式使用请改用无所有权的账号。",
            "This role owns the tables and could switch the protections off: use a role that does not.",
            "warning",
        )
    ]
