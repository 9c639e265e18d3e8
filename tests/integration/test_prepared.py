"""Statements that the driver runs by itself do what SQLAlchemy would have done, on both databases."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from sqlalchemy import Connection, bindparam, event, insert, select, text, update
from sqlalchemy.exc import IntegrityError

from engine import tables
from engine.errors import Unavailable
from engine.store import Prepared, Store, together

AT = datetime(2026, 3, 2, 17, 30, 0, 250, timezone(timedelta(hours=8)))
POSTGRESQL = pytest.mark.parametrize("dialect", ["postgresql"])
SETTING = {"key": "a", "value": '"龙"'}
TRAINING: dict[str, Any] = {
    "id": "t",
    "person": "p",
    "kind": "pre_job",
    "passed": True,
    "given_by": "x",
    "valid_from": "2026-01-01",
    "recorded_at": AT,
}
DEFINITION = {
    "hash": "0" * 64,
    "key": "k",
    "semantics": 1,
    "compiler": "c",
    "compiled": b"\x00\xff",
    "xml": b"<a/>",
    "xml_hash": "1" * 64,
    "published_at": AT,
}

NEW_SETTING = Prepared(insert(tables.setting))
ALL_SETTINGS = Prepared(select(tables.setting).order_by(tables.setting.c.key))
ONE_SETTING = Prepared(select(tables.setting).where(tables.setting.c.key == bindparam("key")))
PASSED = select(tables.training).where(
    tables.training.c.person == bindparam("person"), tables.training.c.kind == "pre_job"
)
CHANGE = Prepared(update(tables.training).where(tables.training.c.person == bindparam("who")))


def as_sqlalchemy_finds(connection: Connection, statement: Any, values: dict[str, Any]) -> list[dict[str, Any]]:
    return [dict(row) for row in connection.execute(statement, values).mappings()]


def as_stored(connection: Connection, table: Any) -> list[dict[str, Any]]:
    """The rows as the driver gives them, without the number that the database gave."""
    rows = connection.exec_driver_sql(f"SELECT * FROM {table.name}").mappings()
    return [{name: value for name, value in row.items() if name != "row"} for row in rows]


@pytest.mark.parametrize(
    ("table", "row"),
    [(tables.setting, SETTING), (tables.training, TRAINING), (tables.definition, DEFINITION)],
    ids=["text", "moments, flags and what is left out", "bytes"],
)
def test_what_is_written_is_found_as_sqlalchemy_finds_it(store: Store, table: Any, row: dict[str, Any]) -> None:
    with store.transaction() as connection:
        connection.execute(insert(table), row)
        stored = as_stored(connection, table)
        connection.rollback()
    with store.transaction() as connection:
        Prepared(insert(table).inline()).run(connection, row)
        assert as_stored(connection, table) == stored
        theirs = as_sqlalchemy_finds(connection, select(table), {})
        assert Prepared(select(table)).all(connection, {}) == theirs
    assert {name: theirs[0][name] for name in row} == row


def test_several_rows_go_in_one_call(store: Store) -> None:
    rows = [{"key": key, "value": "1"} for key in "abc"]
    with store.transaction() as connection:
        NEW_SETTING.run(connection, *rows)
        NEW_SETTING.run(connection)
        assert ALL_SETTINGS.all(connection, {}) == rows


def test_values_within_the_statement_hold_beside_those_that_are_given(store: Store) -> None:
    with store.transaction() as connection:
        connection.execute(insert(tables.training), [TRAINING, {**TRAINING, "id": "u", "kind": "periodic"}])
        assert [row["kind"] for row in Prepared(PASSED).all(connection, {"person": "p"})] == ["pre_job"]
        assert Prepared(PASSED).all(connection, {"person": "q"}) == []


def test_a_value_that_is_missing_is_an_error_and_not_null(store: Store) -> None:
    with store.transaction() as connection, pytest.raises(KeyError, match="person"):
        Prepared(PASSED).all(connection, {})


def test_each_set_of_columns_has_a_text_of_its_own(store: Store) -> None:
    with store.transaction() as connection:
        connection.execute(insert(tables.training), TRAINING)
        CHANGE.run(connection, {"who": "p", "passed": False})
        CHANGE.run(connection, {"who": "p", "valid_to": "2026-12-31", "superseded_at": AT})
        found = connection.execute(select(tables.training)).one()
    assert (found.passed, found.valid_to, found.superseded_at) == (False, "2026-12-31", AT.astimezone(UTC))


def test_one_statement_serves_both_databases(store: Store, tmp_path: Any) -> None:
    other = Store(f"sqlite:///{tmp_path / 'other.sqlite'}")
    other.prepare()
    for one in (store, other):
        with one.transaction() as connection:
            NEW_SETTING.run(connection, SETTING)
            assert ONE_SETTING.first(connection, {"key": "a"}) == SETTING
            assert ONE_SETTING.first(connection, {"key": "b"}) is None
    other.close()


def test_errors_are_those_of_sqlalchemy_and_nothing_is_kept(store: Store) -> None:
    def twice() -> None:
        with store.transaction() as connection:
            NEW_SETTING.run(connection, SETTING)
            NEW_SETTING.run(connection, SETTING)

    with pytest.raises(IntegrityError, match="setting"):
        twice()
    with store.reading() as connection:
        assert ALL_SETTINGS.all(connection, {}) == []


def test_listeners_hear_every_statement(store: Store) -> None:
    heard: list[tuple[str, bool]] = []

    def hear(_c: Any, _cursor: Any, statement: str, _values: Any, _x: Any, many: bool) -> None:
        heard.append((statement.split(maxsplit=1)[0], many))

    with store.transaction() as connection:
        event.listen(connection, "before_cursor_execute", hear)
        NEW_SETTING.run(connection, SETTING)
        NEW_SETTING.run(connection, {"key": "b", "value": "1"}, {"key": "c", "value": "1"})
        ALL_SETTINGS.all(connection, {})
    assert heard == [("INSERT", False), ("INSERT", True), ("SELECT", False)]


def test_what_is_written_together_is_there_afterwards(store: Store) -> None:
    with store.transaction() as connection:
        with together(connection):
            for key in "abc":
                NEW_SETTING.run(connection, {"key": key, "value": "1"})
            CHANGE.run(connection, {"who": "p", "passed": False})
        assert [row["key"] for row in ALL_SETTINGS.all(connection, {})] == ["a", "b", "c"]


def test_one_error_among_what_is_written_together_stops_all(store: Store) -> None:
    def twice() -> None:
        with store.transaction() as connection, together(connection):
            NEW_SETTING.run(connection, SETTING)
            NEW_SETTING.run(connection, SETTING)
            NEW_SETTING.run(connection, {"key": "b", "value": "1"})

    with pytest.raises(IntegrityError):
        twice()
    with store.transaction() as connection:
        assert ALL_SETTINGS.all(connection, {}) == []


@POSTGRESQL
@pytest.mark.parametrize("at_once", [False, True])
def test_a_connection_that_is_lost_is_told_and_used_no_more(store: Store, at_once: bool) -> None:
    def write(connection: Connection) -> None:
        if at_once:
            with together(connection):
                NEW_SETTING.run(connection, SETTING)
        else:
            NEW_SETTING.run(connection, SETTING)

    def lose() -> None:
        with store.transaction() as connection:
            pid = connection.execute(text("SELECT pg_backend_pid()")).scalar()
            with store.transaction() as other:
                other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
            write(connection)

    with pytest.raises(Unavailable):
        lose()
    with store.transaction() as connection:
        write(connection)
        assert ONE_SETTING.first(connection, {"key": "a"}) == SETTING


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_the_connection_that_writes_is_kept_but_never_by_a_forked_process(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def driver() -> int:
        with store.transaction() as connection:
            return id(connection.connection.driver_connection)

    parents = driver()
    assert driver() == parents
    kept = [*store._kept]  # so that its address is not used again
    monkeypatch.setattr("engine.store.os.getpid", lambda: -1)
    assert driver() != parents
    kept[0].close()


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_a_store_that_was_closed_holds_no_connection_and_may_be_used_again(store: Store) -> None:
    with store.transaction() as connection:
        NEW_SETTING.run(connection, SETTING)
        store.close()  # this one is in use: it stays until the block ends
    store.close()
    assert not store._kept
    with store.transaction() as connection:
        assert ONE_SETTING.first(connection, {"key": "a"}) == SETTING
