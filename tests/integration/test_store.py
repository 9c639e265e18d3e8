"""The store on both databases: transactions, turns, snapshots, what follows a commit, protections."""

import sqlite3
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import Connection, insert, select, update
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DatabaseError

from engine import records, tables
from engine import store as module
from engine.errors import Invalid, Unavailable
from engine.records import GENESIS, Entry
from engine.store import Store

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
SQLITE = pytest.mark.parametrize("dialect", ["sqlite"])
POSTGRESQL = pytest.mark.parametrize("dialect", ["postgresql"])


def setting(connection: Connection, key: str) -> Any:
    return connection.execute(select(tables.setting.c.value).where(tables.setting.c.key == key)).scalar()


def put(connection: Connection, key: str, value: str) -> None:
    connection.execute(insert(tables.setting).values(key=key, value=value))


def rules(store: Store) -> set[str]:
    return {finding.rule for finding in store.check()} - {"store.owner"}


# -- transactions ------------------------------------------------------------------------------------


def test_a_transaction_commits_as_a_whole(store: Store) -> None:
    with store.transaction() as connection:
        put(connection, "a", "1")
        put(connection, "b", "2")
    with store.reading() as connection:
        assert (setting(connection, "a"), setting(connection, "b")) == ("1", "2")


def test_a_rollback_leaves_nothing(store: Store) -> None:
    def fail() -> None:
        with store.transaction() as connection:
            put(connection, "a", "1")
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    with store.reading() as connection:
        assert setting(connection, "a") is None


def test_two_writers_at_once_lose_no_update(store: Store) -> None:
    with store.transaction() as connection:
        put(connection, "count", "0")
    row = tables.setting.c

    def count(_: int) -> None:
        with store.transaction() as connection:
            found = select(row.value).where(row.key == "count").with_for_update()
            value = connection.execute(found).scalar_one()
            time.sleep(0.001)
            connection.execute(update(tables.setting).where(row.key == "count").values(value=str(int(value) + 1)))

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(count, range(40)))
    with store.reading() as connection:
        assert setting(connection, "count") == "40"


@SQLITE
def test_two_stores_on_one_file_share_the_turn(store: Store) -> None:
    other = Store(str(store.url))
    entered = threading.Event()

    def write() -> None:
        with other.transaction():
            entered.set()

    thread = threading.Thread(target=write)
    with store.transaction():
        thread.start()
        assert not entered.wait(0.1)
    thread.join()
    assert entered.is_set()
    other.close()


@SQLITE
def test_turns_are_given_in_the_order_of_asking(store: Store, tmp_path: Path) -> None:
    """Also among stores that know the file by different paths."""
    other = Store(f"sqlite:///{tmp_path}/../{tmp_path.name}/wangge.db")
    order: list[int] = []

    def write(number: int) -> None:
        with (store, other)[number % 2].transaction():
            order.append(number)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    with store.transaction():
        for thread in threads:
            thread.start()
            time.sleep(0.01)
    for thread in threads:
        thread.join()
    assert order == list(range(8))
    other.close()


@SQLITE
def test_a_transaction_inside_another_one_is_refused(store: Store) -> None:
    with store.transaction(), pytest.raises(RuntimeError, match="inside a transaction"), store.transaction():
        pass
    with store.transaction() as connection:
        put(connection, "a", "1")


@SQLITE
def test_who_waits_too_long_for_a_turn_is_told(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.store.PATIENCE", 0.05)
    with store.transaction(), ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(lambda: store.transaction().__enter__())
        assert isinstance(waiting.exception(), Unavailable)
    with store.transaction() as connection:
        put(connection, "a", "1")


@SQLITE
def test_a_file_locked_by_another_process_is_unavailable(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(module.PRAGMAS, "busy_timeout", 20)
    other = sqlite3.connect(str(store.url.database), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable), store.transaction():
        pass
    other.execute("ROLLBACK")
    other.close()
    with store.transaction() as connection:
        put(connection, "a", "1")


@POSTGRESQL
def test_a_server_that_is_not_there_is_unavailable(store: Store) -> None:
    nowhere = Store("postgresql://nobody@127.0.0.1:1/nothing")
    with pytest.raises(Unavailable), nowhere.transaction():
        pass
    with pytest.raises(Unavailable), nowhere.reading():
        pass


def cut_off(store: Store, connection: Connection) -> None:
    """The server ends the connection's session."""
    mine = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
    with psycopg.connect(str(store.url).replace("+psycopg", ""), autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", (mine,))


@POSTGRESQL
def test_a_lost_connection_is_unavailable_and_the_next_one_works(store: Store) -> None:
    def write() -> None:
        with store.transaction() as connection:
            put(connection, "a", "1")
            cut_off(store, connection)
            put(connection, "b", "1")

    with pytest.raises(Unavailable):
        write()
    with store.transaction() as connection:
        assert setting(connection, "a") is None


@POSTGRESQL
def test_a_commit_whose_end_nobody_knows_is_not_called_harmless(store: Store) -> None:
    def write() -> None:
        with store.transaction() as connection:
            put(connection, "a", "1")
            cut_off(store, connection)

    with pytest.raises(DatabaseError):
        write()


def test_a_reader_sees_one_moment(store: Store) -> None:
    with store.reading() as reader:
        assert setting(reader, "a") is None
        with store.transaction() as writer:
            put(writer, "a", "1")
        assert setting(reader, "a") is None
    with store.reading() as reader:
        assert setting(reader, "a") == "1"


def test_a_reader_cannot_write_and_the_next_writer_can(store: Store) -> None:
    with pytest.raises(DatabaseError), store.reading() as connection:
        put(connection, "a", "1")
    with store.transaction() as connection:
        put(connection, "a", "1")


# -- what follows a commit ---------------------------------------------------------------------------


def test_what_follows_a_commit_runs_after_it_and_in_order(store: Store) -> None:
    seen: list[Any] = []

    def look() -> None:
        with store.transaction() as connection:
            seen.append(setting(connection, "a"))

    with store.transaction() as connection:
        store.after_commit(connection, look)
        store.after_commit(connection, lambda: seen.append("second"))
        put(connection, "a", "1")
        assert seen == []
    assert seen == ["1", "second"]
    with store.transaction() as connection:
        store.after_commit(connection, lambda: seen.append("third"))
    assert seen == ["1", "second", "third"]


def test_nothing_follows_a_rollback(store: Store) -> None:
    seen: list[str] = []

    def fail() -> None:
        with store.transaction() as connection:
            store.after_commit(connection, lambda: seen.append("no"))
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    with store.transaction():
        pass
    assert seen == []


def test_what_fails_after_the_commit_does_not_fail_the_transaction(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[str] = []
    with store.transaction() as connection:
        store.after_commit(connection, lambda: 1 // 0)
        store.after_commit(connection, lambda: seen.append("still"))
        put(connection, "a", "1")
    assert seen == ["still"]
    assert "ZeroDivisionError" in caplog.text


# -- addresses and settings --------------------------------------------------------------------------


@pytest.mark.parametrize("address", ["", "x", "sqlite://", "sqlite:///:memory:", "mysql://a/b"])
def test_other_addresses_are_refused(address: str) -> None:
    with pytest.raises(Invalid, match="postgresql://"):
        Store(address)


def test_an_address_is_refused_without_telling_its_password() -> None:
    with pytest.raises(Invalid) as refused:
        Store("mysql://a:secret@b/c")
    assert "secret" not in str(refused.value)


def test_the_usual_spellings_of_postgresql_are_understood() -> None:
    for name in ("postgres", "postgresql", "postgresql+psycopg"):
        assert Store(f"{name}://u@h/d").url.drivername == "postgresql+psycopg"


@SQLITE
def test_every_sqlite_connection_has_the_settings(store: Store) -> None:
    for block in (store.transaction, store.reading):
        with block() as connection:
            found = {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in PRAGMAS}
            assert found == PRAGMAS


PRAGMAS = {
    "journal_mode": "wal",
    "synchronous": 2,
    "busy_timeout": 30000,
    "foreign_keys": 1,
    "recursive_triggers": 1,
    "secure_delete": 1,
}


@SQLITE
def test_erased_text_is_gone_from_the_file(store: Store) -> None:
    said = "某居民的话，擦除后不得留存于文件"
    with store.transaction() as connection:
        records.append(connection, "case/1", GENESIS, [Entry("found", secret={"text": said})], at=AT, area="/")
    with store.transaction() as connection:
        records.erase(connection, "case/1", 1, at=AT)
        everything = connection.execute(select(tables.payload.c.value)).all()
    store.close()
    with open(str(store.url.database), "rb") as file:
        assert everything == [(None,)]
        assert said.encode() not in file.read()


# -- protections -------------------------------------------------------------------------------------


@pytest.fixture
def guarded(store: Store) -> Store:
    """With something to protect in each table."""
    with store.transaction() as connection:
        entries = [Entry("found", secret={"text": "路灯不亮"}), Entry("verified")]
        records.append(connection, "case/1", GENESIS, entries, at=AT, area="/")
        connection.execute(
            insert(tables.definition).values(
                hash="d", key="k", semantics=1, compiler="c", compiled=b"c", xml=b"x", xml_hash="x", published_at=AT
            )
        )
        connection.execute(
            insert(tables.calendar_year).values(year=2026, version=1, status="confirmed", body="{}", recorded_at=AT)
        )
    with store.transaction() as connection:
        records.place(connection, 1)
    return store


_RECORD = "INTO record (subject, number, hash, body, area, position) VALUES"
_PAYLOAD = "INTO payload (subject, number, field, salt, value) VALUES"
FORBIDDEN = {
    "change a record": "UPDATE record SET body = 'x'",
    "change its hash": "UPDATE record SET hash = 'x' WHERE number = 2",
    "change its area": "UPDATE record SET area = '/x/' WHERE number = 2",
    "change it while placing it": "UPDATE record SET position = 7, body = 'x' WHERE number = 2",
    "place it twice": "UPDATE record SET position = 7 WHERE number = 1",
    "unplace it": "UPDATE record SET position = NULL WHERE number = 1",
    "delete the last record": "DELETE FROM record WHERE number = 2",
    "insert an existing record": f"INSERT {_RECORD} ('case/1', 2, 'h', 'b', '/', NULL)",
    "skip a number": f"INSERT {_RECORD} ('case/1', 4, 'h', 'b', '/', NULL)",
    "begin a chain at 2": f"INSERT {_RECORD} ('case/2', 2, 'h', 'b', '/', NULL)",
    "begin a chain at 0": f"INSERT {_RECORD} ('case/2', 0, 'h', 'b', '/', NULL)",
    "insert with a position": f"INSERT {_RECORD} ('case/1', 3, 'h', 'b', '/', 9)",
    "change a value": "UPDATE payload SET value = '\"x\"'",
    "erase without saying when": "UPDATE payload SET salt = NULL, value = NULL",
    "erase the value and keep the salt": "UPDATE payload SET value = NULL, erased_at = '2026-01-01'",
    "give a value to another field": "UPDATE payload SET field = 'x', salt = NULL, value = NULL, erased_at = '2026-01-01'",
    "delete a value": "DELETE FROM payload",
    "insert an existing value": f"INSERT {_PAYLOAD} ('case/1', 1, 'text', 's', '1')",
    "insert an erased value": f"INSERT {_PAYLOAD} ('case/1', 2, 'text', NULL, NULL)",
    "change a definition": "UPDATE definition SET compiled = xml",
    "delete a definition": "DELETE FROM definition",
    "change a calendar": "UPDATE calendar_year SET body = 'x'",
    "delete a calendar": "DELETE FROM calendar_year",
}
REPLACEMENTS = {
    "replace a record": f"INSERT OR REPLACE {_RECORD} ('case/1', 2, 'h', 'b', '/', NULL)",
    "ignore a record": f"INSERT OR IGNORE {_RECORD} ('case/1', 2, 'h', 'b', '/', NULL)",
    "upsert a record": f"INSERT {_RECORD} ('case/1', 2, 'h', 'b', '/', NULL) ON CONFLICT DO UPDATE SET body = 'x'",
    "push a record out by its position": "UPDATE OR REPLACE record SET position = 1 WHERE number = 2",
    "replace a value": f"INSERT OR REPLACE {_PAYLOAD} ('case/1', 1, 'text', 's', '1')",
    "replace a definition": "INSERT OR REPLACE INTO definition SELECT * FROM definition",
    "replace a calendar": "INSERT OR REPLACE INTO calendar_year SELECT * FROM calendar_year",
}
EMPTYING = {f"empty {table}": f"TRUNCATE {table} CASCADE" for table in ("record", "payload", "definition")}
EMPTYING["empty calendar_year"] = "TRUNCATE calendar_year"


def everything(connection: Connection) -> list[Any]:
    kept = (tables.record, tables.payload, tables.definition, tables.calendar_year)
    return [connection.execute(select(table).order_by(*table.primary_key)).all() for table in kept]


def assert_refused(guarded: Store, statement: str) -> None:
    with guarded.reading() as connection:
        before = everything(connection)
    with pytest.raises(DatabaseError), guarded.transaction() as connection:
        connection.exec_driver_sql(statement)
    with guarded.reading() as connection:
        assert everything(connection) == before


@pytest.mark.parametrize("statement", FORBIDDEN.values(), ids=FORBIDDEN.keys())
def test_what_happened_cannot_be_changed(guarded: Store, statement: str) -> None:
    assert_refused(guarded, statement)


@SQLITE
@pytest.mark.parametrize("statement", REPLACEMENTS.values(), ids=REPLACEMENTS.keys())
def test_replace_is_no_way_around(guarded: Store, statement: str) -> None:
    assert_refused(guarded, statement)


@SQLITE
@pytest.mark.parametrize("statement", REPLACEMENTS.values(), ids=REPLACEMENTS.keys())
def test_replace_is_no_way_around_for_a_foreign_program(guarded: Store, statement: str) -> None:
    """One that opens the file without recursive_triggers."""
    other = sqlite3.connect(str(guarded.url.database))
    with pytest.raises(sqlite3.IntegrityError):
        other.execute(statement)
    other.close()


@POSTGRESQL
@pytest.mark.parametrize("statement", EMPTYING.values(), ids=EMPTYING.keys())
def test_tables_cannot_be_emptied(guarded: Store, statement: str) -> None:
    assert_refused(guarded, statement)


@POSTGRESQL
def test_playing_a_replica_is_no_way_around(guarded: Store) -> None:
    assert_refused(guarded, "SET LOCAL session_replication_role = replica; DELETE FROM record WHERE number = 2")


@POSTGRESQL
def test_a_temporary_table_is_no_way_around(guarded: Store) -> None:
    with guarded.transaction() as connection:
        connection.exec_driver_sql("CREATE TEMPORARY TABLE record AS SELECT * FROM public.record")
        connection.exec_driver_sql("UPDATE pg_temp.record SET number = 8")
        insertion = f"INSERT {_RECORD} ('case/1', 9, 'h', 'b', '/', NULL)"
        with pytest.raises(DatabaseError, match="protected"):
            connection.exec_driver_sql(insertion.replace("INTO record", "INTO public.record"))
        connection.rollback()


def test_a_gap_is_seen_within_one_statement_too(guarded: Store) -> None:
    assert_refused(guarded, f"INSERT {_RECORD} ('case/1', 3, 'h', 'b', '/', NULL), ('case/1', 5, 'h', 'b', '/', NULL)")


# -- checks ------------------------------------------------------------------------------------------


def drop(store: Store, trigger: str, table: str) -> None:
    on = f" ON {table}" if store.dialect == "postgresql" else ""
    with store.transaction() as connection:
        connection.exec_driver_sql(f"DROP TRIGGER {trigger}{on}")


def guard(store: Store) -> str:
    return "record_unchanged" if store.dialect == "sqlite" else "record_guarded"


def test_check_leaves_nothing_behind(guarded: Store) -> None:
    with guarded.reading() as connection:
        before = everything(connection)
    assert rules(guarded) == set()
    with guarded.reading() as connection:
        assert everything(connection) == before


def test_a_missing_trigger_is_found_and_put_back(guarded: Store) -> None:
    drop(guarded, guard(guarded), "record")
    assert rules(guarded) == {"store.trigger", "store.hole"}
    guarded.prepare()
    assert rules(guarded) == set()


@SQLITE
def test_a_weakened_trigger_is_found(guarded: Store) -> None:
    with guarded.transaction() as connection:
        body = connection.exec_driver_sql("SELECT sql FROM sqlite_master WHERE name = 'record_kept'").scalar_one()
        connection.exec_driver_sql("DROP TRIGGER record_kept")
        connection.exec_driver_sql(body.replace("WHEN 1", "WHEN OLD.subject <> 'case/17'"))
    assert rules(guarded) == {"store.trigger"}


@POSTGRESQL
@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE record DISABLE TRIGGER record_guarded",
        "CREATE OR REPLACE FUNCTION guard_record() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
        "CREATE OR REPLACE TRIGGER record_guarded BEFORE DELETE ON record FOR EACH ROW EXECUTE FUNCTION guard_record()",
    ],
)
def test_a_weakened_trigger_is_found_on_postgresql(guarded: Store, statement: str) -> None:
    with guarded.transaction() as connection:
        connection.exec_driver_sql(statement)
    assert "store.trigger" in rules(guarded)
    assert "store.hole" in rules(guarded)
    guarded.prepare()
    assert rules(guarded) == set()


@SQLITE
def test_a_setting_switched_off_is_found(store: Store) -> None:
    with store.transaction() as connection:
        connection.connection.execute("PRAGMA recursive_triggers = 0")
    assert rules(store) == {"store.setting"}


def test_a_database_without_tables_is_not_ready(empty: str) -> None:
    bare = Store(empty)
    assert rules(bare) == {"store.schema"}
    bare.close()


def test_many_may_prepare_at_once(empty: str) -> None:
    stores = [Store(empty) for _ in range(4)]
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(Store.prepare, stores))
    assert rules(stores[0]) == set()
    for each in stores:
        each.close()


def test_prepare_says_what_it_cannot_repair(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("migrations.protection.install", print)
    drop(store, guard(store), "record")
    with pytest.raises(Unavailable, match="not protected") as refused:
        store.prepare()
    assert refused.value.code == "store.unprotected"


# -- the application's role on PostgreSQL ------------------------------------------------------------


@contextmanager
def application(owner: Store) -> Iterator[Store]:
    """The same database, as a role that owns nothing."""
    role = f"app_{owner.url.database}"
    with owner.transaction() as connection:
        connection.exec_driver_sql(f'CREATE ROLE "{role}" LOGIN')
    owner.grant(role)
    app = Store(str(make_url(str(owner.url)).set(username=role)))
    yield app
    app.close()
    with owner.transaction() as connection:
        connection.exec_driver_sql(f'DROP OWNED BY "{role}"')
        connection.exec_driver_sql(f'DROP ROLE "{role}"')


POWERS = (
    "ALTER TABLE record DISABLE TRIGGER ALL",
    "DROP TRIGGER record_guarded ON record",
    "CREATE OR REPLACE FUNCTION guard_record() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
    "TRUNCATE record",
    "TRUNCATE setting",
    "DROP TABLE record",
    "ALTER TABLE payload ADD COLUMN x integer",
    "DELETE FROM record",
    "UPDATE record SET body = 'x'",
    "UPDATE payload SET field = 'x'",
    "UPDATE definition SET key = 'x'",
    "SET session_replication_role = replica",
    "UPDATE alembic_version SET version_num = 'x'",
    "CREATE TABLE x (y integer)",
)


@POSTGRESQL
def test_the_application_can_do_its_work_and_nothing_else(guarded: Store) -> None:
    with application(guarded) as app:
        with app.transaction() as connection:
            head = records.head(connection, "case/1")
            records.append(connection, "case/1", head, [Entry("closed", secret={"t": "x"})], at=AT, area="/")
            put(connection, "a", "1")
        with app.transaction() as connection:
            assert records.place(connection, 10) == 2
            assert records.erase(connection, "case/1", 3, at=AT) == 1
        app.prepare()
        assert app.check() == []
        for statement in POWERS:
            with pytest.raises(DatabaseError, match=r"denied|owner"), app.transaction() as connection:
                connection.exec_driver_sql(statement)


@POSTGRESQL
def test_an_owner_is_warned(guarded: Store) -> None:
    assert [(found.rule, found.level) for found in guarded.check()] == [("store.owner", "warning")]
