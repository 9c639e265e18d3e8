"""The schema that the migrations make, on both databases: it is the one the code knows, and there is a way back."""

from collections.abc import Iterator
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Column, Connection, inspect, text

import migrations
from engine import tables
from engine.store import Store
from migrations import protection


@pytest.fixture
def bare(empty: str) -> Iterator[Store]:
    store = Store(empty)
    yield store
    store.close()


def differences(connection: Connection) -> list[object]:
    """What Alembic would change to make the database look like the tables in the code."""
    defaults = but_for_numbering if connection.dialect.name == "sqlite" else True
    options = {"compare_type": True, "compare_server_default": defaults}
    return list(compare_metadata(MigrationContext.configure(connection, opts=options), tables.metadata))


def but_for_numbering(_: MigrationContext, found: Column[Any], wanted: Column[Any], *__: object) -> bool | None:
    """SQLite numbers rows by the type of the column and knows no identity. None: compare as usual."""
    return False if wanted.identity else None


def test_the_migrations_make_the_tables_of_the_code(bare: Store) -> None:
    with bare.transaction() as connection:
        migrations.upgrade(connection)
    with bare.reading() as connection:
        assert differences(connection) == []
        assert protection.missing(connection) == []
        assert migrations.current(connection) == migrations.head()


def test_a_difference_would_be_seen(bare: Store) -> None:
    with bare.transaction() as connection:
        migrations.upgrade(connection)
        connection.execute(text("DROP INDEX ix_timer_due"))
        connection.execute(text("ALTER TABLE setting ADD COLUMN extra INTEGER"))
        assert len(differences(connection)) == 2


def test_columns_stand_in_the_order_of_the_code(bare: Store) -> None:
    with bare.transaction() as connection:
        migrations.upgrade(connection)
        for table in tables.metadata.sorted_tables:
            made = [column["name"] for column in inspect(connection).get_columns(table.name)]
            assert made == [column.name for column in table.columns]


def test_up_down_and_up_again(bare: Store) -> None:
    with bare.transaction() as connection:
        migrations.upgrade(connection)
    with bare.transaction() as connection:
        migrations.downgrade(connection, "base")
        assert inspect(connection).get_table_names() == ["alembic_version"]
        assert migrations.current(connection) is None
    with bare.transaction() as connection:
        migrations.upgrade(connection)
    with bare.reading() as connection:
        assert differences(connection) == []
    bare.prepare()
    assert [finding for finding in bare.check() if finding.level == "error"] == []


def test_a_migration_that_fails_leaves_nothing(bare: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(connection: Connection) -> None:
        raise LookupError

    monkeypatch.setattr(protection, "install", fail)
    with pytest.raises(LookupError):
        bare.prepare()
    with bare.reading() as connection:
        assert inspect(connection).get_table_names() == []


@pytest.mark.parametrize("dialect", ["postgresql"])
def test_no_function_is_left_behind(bare: Store) -> None:
    with bare.transaction() as connection:
        migrations.upgrade(connection)
        migrations.downgrade(connection, "base")
        left = connection.execute(text("SELECT count(*) FROM pg_proc WHERE proname LIKE 'guard%'")).scalar()
    assert left == 0
