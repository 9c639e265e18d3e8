"""Triggers that keep what happened as it happened, for both databases, and what an application role may do.

record         appended only, number after number within a subject; its position may be set once
payload        a value may be erased, never changed, taken away or put back
definition, calendar_year    never changed, never taken away

Written as they are installed; a change of this file is installed at the next `Store.prepare`. On PostgreSQL the
functions name their tables with the schema, so that no temporary table can stand in for one.
"""

from collections.abc import Iterator

from sqlalchemy import Connection, text
from sqlalchemy.exc import DatabaseError

TABLES = ("record", "payload", "definition", "calendar_year")

_SAME_RECORD = " AND ".join(f"NEW.{c} = OLD.{c}" for c in ("subject", "number", "hash", "body", "area"))
_PLACED_ONCE = f"OLD.position IS NULL AND NEW.position IS NOT NULL AND {_SAME_RECORD}"
_ERASED_ONCE = (
    "OLD.erased_at IS NULL AND NEW.erased_at IS NOT NULL AND NEW.salt IS NULL AND NEW.value IS NULL"
    " AND NEW.subject = OLD.subject AND NEW.number = OLD.number AND NEW.field = OLD.field"
)
_FIRST_SAID = "NEW.salt IS NOT NULL AND NEW.value IS NOT NULL AND NEW.erased_at IS NULL"
_FOLLOWS = (
    "NEW.number = 1 OR NEW.number > 1 AND EXISTS"
    " (SELECT 1 FROM {schema}record WHERE subject = NEW.subject AND number = NEW.number - 1)"
)


def _taken(table: str, *columns: str) -> str:
    """That the key of the new row is there already: asked before REPLACE can remove the old row."""
    same = " AND ".join(f"{column} = NEW.{column}" for column in columns)
    return f"EXISTS (SELECT 1 FROM {table} WHERE {same})"  # noqa: S608 (fixed words, no input)


_SQLITE = {
    "record_appended": (
        "BEFORE INSERT ON record",
        f"NEW.position IS NOT NULL OR NOT ({_FOLLOWS.format(schema='')}) OR {_taken('record', 'subject', 'number')}",
    ),
    "record_unchanged": (
        "BEFORE UPDATE ON record",
        f"NOT ({_PLACED_ONCE}) OR {_taken('record', 'position')}",
    ),
    "record_kept": ("BEFORE DELETE ON record", "1"),
    "payload_said_once": (
        "BEFORE INSERT ON payload",
        f"NOT ({_FIRST_SAID}) OR {_taken('payload', 'subject', 'number', 'field')}",
    ),
    "payload_only_erased": ("BEFORE UPDATE ON payload", f"NOT ({_ERASED_ONCE})"),
    "payload_kept": ("BEFORE DELETE ON payload", "1"),
    "definition_new": (
        "BEFORE INSERT ON definition",
        _taken("definition", "hash"),
    ),
    "definition_unchanged": ("BEFORE UPDATE ON definition", "1"),
    "definition_kept": ("BEFORE DELETE ON definition", "1"),
    "calendar_year_new": (
        "BEFORE INSERT ON calendar_year",
        _taken("calendar_year", "year", "version"),
    ),
    "calendar_year_unchanged": ("BEFORE UPDATE ON calendar_year", "1"),
    "calendar_year_kept": ("BEFORE DELETE ON calendar_year", "1"),
}

_POSTGRESQL = {
    "record": (f"TG_OP = 'INSERT' AND NEW.position IS NULL AND ({_FOLLOWS}) OR TG_OP = 'UPDATE' AND {_PLACED_ONCE}"),
    "payload": f"TG_OP = 'INSERT' AND {_FIRST_SAID} OR TG_OP = 'UPDATE' AND {_ERASED_ONCE}",
    "definition": "TG_OP = 'INSERT'",
    "calendar_year": "TG_OP = 'INSERT'",
}


def install(connection: Connection) -> None:
    """Puts all protections in place, over whatever is there of them. Needs the owner of the tables."""
    for statement in _installation(connection):
        connection.exec_driver_sql(statement)


def remove(connection: Connection) -> None:
    """Takes all protections away: only for taking the tables down as a whole."""
    if connection.dialect.name == "sqlite":
        statements = [f"DROP TRIGGER IF EXISTS {name}" for name in _SQLITE]
    else:
        statements = [f"DROP FUNCTION IF EXISTS {_schema(connection)}guard_{name} CASCADE" for name in TABLES]
    for statement in statements:
        connection.exec_driver_sql(statement)


def missing(connection: Connection) -> list[str]:
    """The names of protections that are absent, switched off, or not word for word as in this file."""
    if connection.dialect.name == "sqlite":
        live = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
        found = {(row.name, row.sql) for row in live}
        return [name for name, trigger in _sqlite().items() if (name, trigger) not in found]
    found = {(row.tgname, row.prosrc) for row in connection.execute(text(_LIVE))}
    return [wanted[0] for wanted in _wanted(_schema(connection)) if wanted not in found]


def holes(connection: Connection) -> Iterator[tuple[str, str]]:
    """Tries to break each protection; what could be broken, in Chinese and English. Run it in a transaction
    that is rolled back afterwards. TRUNCATE is not tried, because it would lock everybody out meanwhile:
    `missing` looks after its triggers."""
    for statement in _PROBES:
        connection.exec_driver_sql(statement)
    for zh, en, statement in _ATTEMPTS[connection.dialect.name] + _ATTEMPTS["both"]:
        try:
            with connection.begin_nested():
                connection.exec_driver_sql(statement)
        except DatabaseError:
            continue
        yield zh, en


def grants(connection: Connection, role: str) -> list[str]:
    """Statements that give a PostgreSQL role what the application needs: to read all, to append, to place and
    to erase, and on the other tables to write. It owns nothing, so it can neither switch triggers off nor
    truncate nor drop. Set-up, once, as a superuser:

        CREATE ROLE wangge_owner LOGIN PASSWORD '…';      upgrades the schema
        CREATE ROLE wangge LOGIN PASSWORD '…';            what the application connects as
        CREATE DATABASE wangge OWNER wangge_owner;

    then `Store(address of the owner)`: `.prepare()`, `.grant("wangge")`.
    """
    quote = connection.dialect.identifier_preparer.quote_identifier
    schema, name = _schema(connection).rstrip("."), quote(role)
    tables = [row[0] for row in connection.execute(text(_TABLE_NAMES))]
    free = [quote(table) for table in tables if table not in (*TABLES, "alembic_version")]
    return [
        f"GRANT USAGE ON SCHEMA {schema} TO {name}",
        f"REVOKE ALL ON ALL TABLES IN SCHEMA {schema} FROM {name}",
        f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {name}",
        f"GRANT INSERT, UPDATE, DELETE ON {', '.join(free)} TO {name}",
        f"GRANT INSERT ON {', '.join(TABLES)} TO {name}",
        f"GRANT UPDATE (position) ON record TO {name}",
        f"GRANT UPDATE (salt, value, erased_at) ON payload TO {name}",
    ]


_TABLE_NAMES = "SELECT tablename FROM pg_tables WHERE schemaname = current_schema() ORDER BY tablename"

_LIVE = """
    SELECT t.tgname, p.prosrc FROM pg_trigger t
    JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid
    WHERE c.relnamespace = current_schema()::regnamespace AND t.tgenabled = 'A' AND t.tgqual IS NULL
"""


def _installation(connection: Connection) -> Iterator[str]:
    if connection.dialect.name == "sqlite":
        for name, trigger in _sqlite().items():
            yield f"DROP TRIGGER IF EXISTS {name}"
            yield trigger
    else:
        yield from _postgresql(_schema(connection))


def _sqlite() -> dict[str, str]:
    return {
        name: f"CREATE TRIGGER {name} {moment} WHEN {condition}\nBEGIN SELECT RAISE(ABORT, '{_refusal(name)}'); END"
        for name, (moment, condition) in _SQLITE.items()
    }


def _postgresql(schema: str) -> Iterator[str]:
    """ALWAYS: a session that plays a replica does not get around them either."""
    for table in TABLES:
        yield (
            f"CREATE OR REPLACE FUNCTION {schema}guard_{table}() RETURNS trigger LANGUAGE plpgsql"
            f" AS $guard${_source(table, schema)}$guard$"
        )
        for name, moment in _moments(table):
            yield (f"CREATE OR REPLACE TRIGGER {name} BEFORE {moment} EXECUTE FUNCTION {schema}guard_{table}()")
            yield f"ALTER TABLE {schema}{table} ENABLE ALWAYS TRIGGER {name}"


def _moments(table: str) -> tuple[tuple[str, str], ...]:
    return (
        (f"{table}_guarded", f"INSERT OR UPDATE OR DELETE ON {table} FOR EACH ROW"),
        (f"{table}_not_truncated", f"TRUNCATE ON {table} FOR EACH STATEMENT"),
    )


def _wanted(schema: str) -> list[tuple[str, str]]:
    return [(name, _source(table, schema)) for table in TABLES for name, _ in _moments(table)]


def _source(table: str, schema: str) -> str:
    return f"""
BEGIN
  IF {_POSTGRESQL[table].format(schema=schema)} THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION '{_refusal(table)}' USING ERRCODE = 'integrity_constraint_violation';
END
"""


def _refusal(name: str) -> str:
    return f"受保护的数据不可更改 protected, may not be changed: {name}"


def _schema(connection: Connection) -> str:
    found = str(connection.execute(text("SELECT current_schema()")).scalar_one())
    return connection.dialect.identifier_preparer.quote_identifier(found) + "."


# -- attempts ----------------------------------------------------------------------------------------

_AT = "2000-01-01T00:00:00.000000Z"
_RECORD = "INTO record (subject, number, hash, body, area) VALUES ('probe', {}, 'h', 'b', '/')"
_VALUE = "INTO payload (subject, number, field, salt, value) VALUES ('probe', 1, 'f', CAST('s' AS {bytes}), '2')"
_DEFINITION = (
    "INTO definition (hash, key, semantics, compiler, compiled, xml, xml_hash, published_at)"
    f" VALUES ('probe', 'k', 1, 'c', 'c', 'x', 'x', '{_AT}')"
)
_YEAR = f"INTO calendar_year (year, version, status, body, recorded_at) VALUES (0, 0, 'provisional', 'b', '{_AT}')"

_PROBES = (
    f"INSERT {_RECORD.format(1)}",
    f"INSERT {_RECORD.format(2)}",
    "INSERT INTO payload (subject, number, field, salt, value) VALUES ('probe', 1, 'f', 's', '1')",
    f"INSERT {_DEFINITION}",
    f"INSERT {_YEAR}",
    "UPDATE record SET position = -1 WHERE subject = 'probe' AND number = 1",
)
"""What the attempts are made on."""

_ATTEMPTS: dict[str, tuple[tuple[str, str, str], ...]] = {
    "both": (
        (
            "记录可被修改",
            "a record can be changed",
            "UPDATE record SET body = 'x' WHERE subject = 'probe' AND number = 1",
        ),
        (
            "记录位置可被改动",
            "a position can be moved",
            "UPDATE record SET position = -2 WHERE subject = 'probe' AND number = 1",
        ),
        ("记录可被删除", "a record can be deleted", "DELETE FROM record WHERE subject = 'probe' AND number = 2"),
        ("记录编号可有间断", "a record can skip a number", f"INSERT {_RECORD.format(9)}"),
        ("内容可被修改", "a value can be changed", "UPDATE payload SET value = '2' WHERE subject = 'probe'"),
        ("内容可被删除", "a value can be deleted", "DELETE FROM payload WHERE subject = 'probe'"),
        ("流程版本可被修改", "a definition can be changed", "UPDATE definition SET key = 'x' WHERE hash = 'probe'"),
        ("流程版本可被删除", "a definition can be deleted", "DELETE FROM definition WHERE hash = 'probe'"),
        ("日历可被修改", "a calendar can be changed", "UPDATE calendar_year SET body = 'x' WHERE year = 0"),
        ("日历可被删除", "a calendar can be deleted", "DELETE FROM calendar_year WHERE year = 0"),
    ),
    "sqlite": (
        ("记录可被覆盖", "a record can be replaced", f"INSERT OR REPLACE {_RECORD.format(2)}"),
        (
            "记录可被位置冲突顶替",
            "a record can be pushed out by a position",
            "UPDATE OR REPLACE record SET position = -1 WHERE subject = 'probe' AND number = 2",
        ),
        ("内容可被覆盖", "a value can be replaced", f"INSERT OR REPLACE {_VALUE.format(bytes='blob')}"),
        ("流程版本可被覆盖", "a definition can be replaced", f"INSERT OR REPLACE {_DEFINITION}"),
        ("日历可被覆盖", "a calendar can be replaced", f"INSERT OR REPLACE {_YEAR}"),
    ),
    "postgresql": (),
}
