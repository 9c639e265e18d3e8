"""The tables, the same on SQLite and PostgreSQL. One table, one noun; a comment says what no column name can.

Three kinds of tables: what *is* (case, step, clock, assignment, …: changed by the verbs in `cases.py`), what
*happened* (record: append-only, see `records.py`), what people *say* (payload: erasable values, each behind
its own salt). `area` is the path of division codes (`/32/3211/321102/`): the prefix of a person's area decides
what they see, on every list and count.
"""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Dialect,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.types import TypeDecorator, TypeEngine


def written(moment: datetime) -> str:
    """An aware moment as text that sorts like time, in UTC to the microsecond: `2026-03-02T09:30:00.000000Z`."""
    return f"{moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='microseconds')}Z"


class Instant(TypeDecorator[datetime]):
    """An aware moment. PostgreSQL keeps it as timestamptz, SQLite as UTC text that sorts like time."""

    impl = String(27)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "postgresql":
            return dialect.type_descriptor(TIMESTAMP(timezone=True))
        return dialect.type_descriptor(String(27))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment without time zone")
        if dialect.name == "postgresql":
            return value
        return written(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None or dialect.name == "postgresql":
            return value if value is None else value.astimezone(UTC)
        return datetime.fromisoformat(value)


Id = BigInteger().with_variant(Integer(), "sqlite")
"""SQLite numbers rows by itself only in a column of the type INTEGER."""

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# -- what applies ------------------------------------------------------------------------------------

definition = Table(
    "definition",
    metadata,
    Column("hash", String(64), primary_key=True, comment="SHA-256 of the compiled form"),
    Column("key", String(200), nullable=False, comment="zhenjiang/2026-01-01/matter"),
    Column("semantics", Integer, nullable=False),
    Column("compiler", String(40), nullable=False),
    Column("compiled", LargeBinary, nullable=False, comment="canonical JSON; what running cases load"),
    Column("xml", LargeBinary, nullable=False, comment="as drawn; never read again by a running case"),
    Column("xml_hash", String(64), nullable=False),
    Column("published_at", Instant, nullable=False),
    Index(None, "key"),
)

pack = Table(
    "pack",
    metadata,
    Column("key", String(120), primary_key=True, comment="zhenjiang/2026-01-01"),
    Column("place", String(80), nullable=False, comment="zhenjiang"),
    Column("area", String(200), nullable=False, comment="where it applies"),
    Column("force", String(20), nullable=False, comment="law or draft; a draft carries no real matter"),
    Column("in_force_from", String(10), comment="date; without one it never applies"),
    Column("in_force_to", String(10), comment="last date, or null"),
    Column("hash", String(64), nullable=False),
    Column(
        "body", LargeBinary, nullable=False, comment="JSON, fields of forms in their order: limits, roles, articles, …"
    ),
    Column("files", Text, nullable=False, server_default="{}", comment="JSON: hash of each file by path, see source"),
    Column("published_at", Instant, nullable=False),
    Column("published_by", String(60), comment="person; null: the installation"),
    Column("signature", Text, comment="JSON: algorithm, key, what was signed, signature"),
    Index(None, "place", "in_force_from"),
)

source = Table(
    "source",
    metadata,
    Column("hash", String(64), primary_key=True, comment="SHA-256 of the content"),
    Column("content", LargeBinary, nullable=False),
)

# -- what may apply later ----------------------------------------------------------------------------

draft = Table(
    "draft",
    metadata,
    Column("id", Id, Identity(), primary_key=True),
    Column("key", String(120), nullable=False, comment="of the pack it will be: zhenjiang/2027-03-01"),
    Column("base", ForeignKey("pack.key"), nullable=False),
    Column("area", String(200), nullable=False),
    Column("title", String(200), nullable=False),
    Column("status", String(12), nullable=False, comment="open, in_review, published, dropped"),
    Column("files", Text, nullable=False, comment="JSON: hash of each file by path, see source"),
    Column("revision", Integer, nullable=False, comment="grows with each change"),
    Column("in_force_from", String(10), comment="date the authors propose"),
    Column("created_by", String(60), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("submitted_by", String(60)),
    Column("submitted_at", Instant),
    Column("returned", Text, comment="why the reviewer sent it back; null: not, or not any more"),
    Column("ended_at", Instant),
    Index("ix_draft_area", "area", "id", postgresql_ops={"area": "varchar_pattern_ops"}),
)

draft_change = Table(
    "draft_change",
    metadata,
    Column("id", Id, Identity(), primary_key=True),
    Column("draft", ForeignKey("draft.id"), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("path", String(300), nullable=False),
    Column("before", String(64), comment="hash; null: there was no such file"),
    Column("after", String(64), comment="hash; null: the file was removed"),
    Column("person", String(60), nullable=False),
    Column("at", Instant, nullable=False),
    UniqueConstraint("draft", "revision", "path"),
)

draft_presence = Table(
    "draft_presence",
    metadata,
    Column("draft", ForeignKey("draft.id"), nullable=False),
    Column("person", String(60), nullable=False),
    Column("path", String(300), nullable=False, comment="the file on the screen"),
    Column("seen_at", Instant, nullable=False),
    PrimaryKeyConstraint("draft", "person"),
)

calendar_year = Table(
    "calendar_year",
    metadata,
    Column("year", Integer, nullable=False),
    Column("version", Integer, nullable=False),
    Column("status", String(20), nullable=False, comment="confirmed or provisional"),
    Column("body", Text, nullable=False, comment="JSON as in processes/calendars"),
    Column("recorded_at", Instant, nullable=False),
    PrimaryKeyConstraint("year", "version"),
)

setting = Table(
    "setting",
    metadata,
    Column("key", String(120), primary_key=True),
    Column("value", Text, nullable=False, comment="JSON"),
)

# -- who ---------------------------------------------------------------------------------------------
# Registries: each row is one version of a thing, true from valid_from to valid_to (dates, the last one
# included), known to us from recorded_at until superseded_at. Nothing is overwritten.


def _registry(name: str, *columns: Any) -> Table:
    return Table(
        name,
        metadata,
        Column("row", Id, Identity(), primary_key=True),
        Column("id", String(60), nullable=False, comment="opaque, stays the same over all versions"),
        *columns,
        Column("valid_from", String(10), nullable=False),
        Column("valid_to", String(10)),
        Column("recorded_at", Instant, nullable=False),
        Column("superseded_at", Instant),
        Index(f"uq_{name}_current", "id", "valid_from", unique=True, sqlite_where=text("superseded_at IS NULL"),
              postgresql_where=text("superseded_at IS NULL")),
    )  # fmt: skip


unit = _registry(
    "unit",
    Column("kind", String(30), nullable=False, comment="division, governance_agency, department, government, …"),
    Column("level", String(20), nullable=False, comment="province … micro_grid"),
    Column("code", String(40), nullable=False, comment="division or grid code"),
    Column("name", String(200), nullable=False),
    Column("parent", String(60)),
    Column("area", String(200), nullable=False),
    Column("attributes", Text, nullable=False, server_default="{}", comment="JSON"),
    Index("ix_unit_area", "area", postgresql_ops={"area": "varchar_pattern_ops"}),
)
person = _registry(
    "person",
    Column("name", String(100), nullable=False),
    Column("contact", String(100), comment="work contact, never private"),
    Column("worker_kind", String(20), comment="grid_chief, full_time, part_time; null for others"),
)
post = _registry(
    "post",
    Column("person", String(60), nullable=False, index=True),
    Column("unit", String(60), nullable=False, index=True),
    Column("role", String(60), nullable=False),
)
absence = _registry(
    "absence",
    Column("person", String(60), nullable=False, index=True),
    Column("substitute", String(60)),
    Column("reason", String(40), nullable=False),
)
training = _registry(
    "training",
    Column("person", String(60), nullable=False, index=True),
    Column("kind", String(40), nullable=False, comment="pre_job, periodic"),
    Column("passed", Boolean, nullable=False),
    Column("given_by", String(60), nullable=False, comment="unit"),
)

register = _registry(
    "register",
    Column(
        "kind", String(40), nullable=False, comment="what the domain registers: matter_list, patrol_plan, filing, …"
    ),
    Column("area", String(200), nullable=False),
    Column("unit", String(60), nullable=False, comment="who keeps it"),
    Column("about", String(120), comment="unit, person, case or other thing it is about"),
    Column("case", BigInteger, comment="the case whose steps led to it"),
    Column("body", Text, nullable=False, comment="JSON, no personal data but ids and work contacts"),
    Index("ix_register_kind", "kind", "area", postgresql_ops={"area": "varchar_pattern_ops"}),
    Index("ix_register_about", "about", "kind"),
)

account = Table(
    "account",
    metadata,
    Column("login", String(80), primary_key=True),
    Column("person", String(60), nullable=False, index=True),
    Column("password", String(200), nullable=False, comment="argon2id"),
    Column("failed", Integer, nullable=False, server_default="0"),
    Column("locked_until", Instant),
    Column("created_at", Instant, nullable=False),
)
session = Table(
    "session",
    metadata,
    Column("token_hash", String(64), primary_key=True, comment="the token itself is only with its owner"),
    Column("person", String(60), nullable=False, index=True),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
)

PREFIX = {"area": "varchar_pattern_ops"}
"""PostgreSQL compares paths of areas byte by byte, whatever language the database speaks: prefixes are ranges."""

# -- matters -----------------------------------------------------------------------------------------

case = Table(
    "case",
    metadata,
    Column("id", Id, Identity(), primary_key=True),
    Column("number", String(40), unique=True, comment="what people quote: 2026-000123"),
    Column("definition", ForeignKey("definition.hash"), nullable=False),
    Column("pack", ForeignKey("pack.key"), nullable=False),
    Column("area", String(200), nullable=False),
    Column("unit", String(60), nullable=False, comment="the agency that answers for the matter"),
    Column("title", String(200), nullable=False, comment="no personal data; erasable"),
    Column("matter_type", String(60), comment="list item"),
    Column("way_in", String(40), nullable=False, comment="start event"),
    Column("outcome", String(40), comment="how it ended, in the pack's words"),
    Column("discovered_at", Instant, nullable=False),
    Column("opened_at", Instant, nullable=False),
    Column("closed_at", Instant),
    Column("active_at", Instant, nullable=False, comment="last act of anybody"),
    Column("status", String(30), nullable=False, comment="derived from the open assignments"),
    Column("disputed", Boolean, nullable=False, server_default=text("false")),
    Column("emergency", Boolean, nullable=False, server_default=text("false")),
    Column("suspended", Boolean, nullable=False, server_default=text("false")),
    Column("due_at", Instant, comment="overall clock"),
    Column("clock", Text, comment="JSON: see running.Running, of the overall clock"),
    Column("light", String(10)),
    Column("light_at", Instant),
    Column("merged_into", ForeignKey("case.id")),
    Column("state", LargeBinary, nullable=False, comment="machine state, JSON"),
    Column("revision", Integer, nullable=False),
    Column("head", String(64), nullable=False, comment="hash of the last record of its chain"),
    Column("records", Integer, nullable=False, comment="length of its chain"),
    Index("ix_case_area", "area", "id", postgresql_ops=PREFIX),
    Index("ix_case_merged", "merged_into", sqlite_where=text("merged_into IS NOT NULL"),
          postgresql_where=text("merged_into IS NOT NULL")),
    Index("ix_case_open", "area", "active_at", sqlite_where=text("closed_at IS NULL"),
          postgresql_where=text("closed_at IS NULL"), postgresql_ops=PREFIX),
    Index("ix_case_emergency", "id", sqlite_where=text("emergency = 1"), postgresql_where=text("emergency")),
    Index("ix_case_light", "light_at", sqlite_where=text("closed_at IS NULL"),
          postgresql_where=text("closed_at IS NULL")),
    Index("ix_case_due", "area", "due_at", sqlite_where=text("closed_at IS NULL"),
          postgresql_where=text("closed_at IS NULL"), postgresql_ops=PREFIX),
)  # fmt: skip

step = Table(
    "step",
    metadata,
    Column("id", Id, Identity(), primary_key=True),
    Column("case", ForeignKey("case.id"), nullable=False),
    Column("token", Integer, nullable=False, comment="the machine's number for it"),
    Column("node", String(120), nullable=False),
    Column("name", String(200), nullable=False),
    Column("kind", String(20), nullable=False, comment="user, service, rule, …"),
    Column("area", String(200), nullable=False),
    Column("role", String(60)),
    Column("unit", String(60)),
    Column("person", String(60), comment="who claimed it or was assigned"),
    Column("sender", String(60), comment="unit whose act opened it"),
    Column("sender_person", String(60)),
    Column("status", String(20), nullable=False, comment="open, completed, cancelled"),
    Column("lifecycle", String(30), comment="what the law calls the assignment while this step is open"),
    Column("opened_at", Instant, nullable=False),
    Column("seen_at", Instant),
    Column("closed_at", Instant),
    Column("closed_by", String(60)),
    Column("due_at", Instant),
    Column("clock", Text, comment="JSON: see running.Running"),
    Column("light", String(10), comment="green, yellow, red, supervise as last announced; null: no limit"),
    Column("light_at", Instant, comment="when the light changes next"),
    Column("precedence", Integer, nullable=False, server_default="2",
           comment="0 emergency, 1 a limit that binds, 2 a product default or no limit"),
    Column("revision", Integer, nullable=False),
    Index("uq_step_open", "case", "token", unique=True, sqlite_where=text("status = 'open'"),
          postgresql_where=text("status = 'open'")),
    Index("ix_step_case", "case"),
    Index("ix_step_unit", "unit", "role", "due_at", "precedence", "light", "person", "kind", sqlite_where=text("status = 'open'"),
          postgresql_where=text("status = 'open'")),
    Index("ix_step_person", "person", "due_at", sqlite_where=text("status = 'open' AND person IS NOT NULL"),
          postgresql_where=text("status = 'open' AND person IS NOT NULL")),
    Index("ix_step_done", "unit", "case", sqlite_where=text("status <> 'open'"),
          postgresql_where=text("status <> 'open'")),
    Index("ix_step_sent", "sender", "due_at", "unit", "person", sqlite_where=text("status = 'open'"),
          postgresql_where=text("status = 'open'")),
    Index("ix_step_closed", "closed_at", sqlite_where=text("status <> 'open'"),
          postgresql_where=text("status <> 'open'")),
    Index("ix_step_area", "area", sqlite_where=text("status = 'open'"),
          postgresql_where=text("status = 'open'"), postgresql_ops=PREFIX),
    Index("ix_step_overdue", "precedence", "due_at", "area", sqlite_where=text("status = 'open'"),
          postgresql_where=text("status = 'open'"), postgresql_ops=PREFIX),
    Index("ix_step_lit", "light", "precedence", "due_at", "area", "kind", sqlite_where=text("status = 'open'"),
          postgresql_where=text("status = 'open'"), postgresql_ops=PREFIX),
    Index("ix_step_light", "light_at", sqlite_where=text("status = 'open'"),
          postgresql_where=text("status = 'open'")),
)  # fmt: skip

assignment = Table(
    "assignment",
    metadata,
    Column("id", Id, Identity(), primary_key=True),
    Column("case", ForeignKey("case.id"), nullable=False, index=True),
    Column("unit", String(60), nullable=False),
    Column("track", String(200), nullable=False, comment="the level of the diagram it stands in"),
    Column("status", String(30), nullable=False),
    Column("opened_at", Instant, nullable=False),
    Column("closed_at", Instant),
    Column("due_at", Instant, comment="the unit's clock"),
    Column("clock", Text),
    UniqueConstraint("case", "unit", "track"),
)

timer = Table(
    "timer",
    metadata,
    Column("id", Id, Identity(), primary_key=True),
    Column("case", ForeignKey("case.id"), nullable=False, index=True),
    Column("clock", Integer, nullable=False, comment="the machine's number for it"),
    Column("node", String(120), nullable=False),
    Column("due_at", Instant, nullable=False),
    Column("period", String(60), comment="ISO 8601 interval of a repeating timer"),
    Column("status", String(12), nullable=False, comment="waiting, fired, cancelled"),
    Column("fired_at", Instant),
    Index("ix_timer_due", "due_at", sqlite_where=text("status = 'waiting'"),
          postgresql_where=text("status = 'waiting'")),
)  # fmt: skip

incident = Table(
    "incident",
    metadata,
    Column("id", Id, Identity(), primary_key=True),
    Column("case", ForeignKey("case.id"), nullable=False, index=True),
    Column("token", Integer),
    Column("outbox", Integer, comment="the job that gave up"),
    Column("node", String(120), nullable=False),
    Column("code", String(80), nullable=False),
    Column("text", Text, nullable=False),
    Column("opened_at", Instant, nullable=False),
    Column("settled_at", Instant),
    Column("settled_by", String(60)),
    Index("ix_incident_open", "opened_at", sqlite_where=text("settled_at IS NULL"),
          postgresql_where=text("settled_at IS NULL")),
)  # fmt: skip

migration = Table(
    "migration",
    metadata,
    Column("id", Id, Identity(), primary_key=True),
    Column("from_pack", ForeignKey("pack.key"), nullable=False),
    Column("to_pack", ForeignKey("pack.key"), nullable=False),
    Column("area", String(200), nullable=False, comment="cases within it"),
    Column("mapping", Text, nullable=False, comment="JSON: where a token goes, by process and node"),
    Column("status", String(12), nullable=False, comment="prepared, trying, running, stopped, done, undoing, undone"),
    Column("revision", Integer, nullable=False),
    Column("created_by", String(60), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("started_by", String(60)),
    Column("started_at", Instant),
    Column("ended_at", Instant),
    Column("signature", Text, comment="JSON, over the report, once it has ended"),
    Index("ix_migration_busy", "id", sqlite_where=text("status IN ('trying', 'running', 'undoing')"),
          postgresql_where=text("status IN ('trying', 'running', 'undoing')")),
)  # fmt: skip

migration_case = Table(
    "migration_case",
    metadata,
    Column("migration", ForeignKey("migration.id"), nullable=False),
    Column("case", ForeignKey("case.id"), nullable=False, index=True),
    Column("status", String(12), nullable=False, comment="waiting, movable, stays, moved, undone, kept"),
    Column("reason", Text, comment="JSON: why it stays, in both languages"),
    Column("record", Integer, comment="number of the record that moved it"),
    Column("undo", Integer, comment="number of the record that moved it back"),
    Column("at", Instant, nullable=False),
    PrimaryKeyConstraint("migration", "case"),
    Index("ix_migration_case_status", "migration", "status", "case"),
)

request = Table(
    "request",
    metadata,
    Column("id", Id, Identity(), primary_key=True),
    Column("case", ForeignKey("case.id"), nullable=False, index=True),
    Column("step", ForeignKey("step.id")),
    Column("kind", String(20), nullable=False, comment="extension, suspension, void, waiver, consult, supervision"),
    Column("area", String(200), nullable=False),
    Column("asked_by", String(60), nullable=False),
    Column("asked_unit", String(60)),
    Column("asked_at", Instant, nullable=False),
    Column("to_unit", String(60)),
    Column("to_role", String(60)),
    Column("to_person", String(60)),
    Column("detail", Text, nullable=False, comment="JSON, routing values only"),
    Column("status", String(12), nullable=False, comment="open, granted, denied, answered, withdrawn"),
    Column("due_at", Instant),
    Column("decided_by", String(60)),
    Column("decided_at", Instant),
    Index("ix_request_unit", "to_unit", "asked_at", sqlite_where=text("status = 'open'"),
          postgresql_where=text("status = 'open'")),
    Index("ix_request_open", "area", "asked_at", sqlite_where=text("status = 'open'"),
          postgresql_where=text("status = 'open'"), postgresql_ops=PREFIX),
)  # fmt: skip

# -- what happened -----------------------------------------------------------------------------------

record = Table(
    "record",
    metadata,
    Column("subject", String(80), nullable=False, comment="case/17, unit/…, person/…, calendar/2027"),
    Column("number", Integer, nullable=False, comment="1, 2, 3 … in its chain"),
    Column("hash", String(64), nullable=False),
    Column("body", Text, nullable=False, comment="canonical JSON (RFC 8785), holds the previous hash; hash = H(body)"),
    Column("area", String(200), nullable=False),
    Column("position", BigInteger, comment="order over all chains, given after commit"),
    PrimaryKeyConstraint("subject", "number"),
    UniqueConstraint("position"),
    Index("ix_record_unplaced", "subject", "number", sqlite_where=text("position IS NULL"),
          postgresql_where=text("position IS NULL")),
)  # fmt: skip

payload = Table(
    "payload",
    metadata,
    Column("subject", String(80), nullable=False),
    Column("number", Integer, nullable=False, comment="of the record that holds its hash"),
    Column("field", String(80), nullable=False),
    Column("salt", LargeBinary, comment="128 random bits; null once erased"),
    Column("value", Text, comment="JSON; null once erased"),
    Column("erased_at", Instant),
    PrimaryKeyConstraint("subject", "number", "field"),
)

attachment = Table(
    "attachment",
    metadata,
    Column("id", Id, Identity(), primary_key=True),
    Column("case", ForeignKey("case.id"), nullable=False, index=True),
    Column("sha256", String(64), nullable=False),
    Column("name", String(200), nullable=False),
    Column("media_type", String(100), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("area", String(200), nullable=False),
    Column("added_by", String(60), nullable=False),
    Column("added_at", Instant, nullable=False),
)

# -- doing -------------------------------------------------------------------------------------------

outbox = Table(
    "outbox",
    metadata,
    Column("id", Id, Identity(), primary_key=True),
    Column("key", String(120), nullable=False, unique=True, comment="idempotency key of the effect"),
    Column("case", ForeignKey("case.id"), nullable=False, index=True),
    Column("kind", String(60), nullable=False, comment="call or message"),
    Column("body", Text, nullable=False, comment="JSON: ids and routing values only"),
    Column("status", String(12), nullable=False, comment="waiting, done, given_up"),
    Column("attempts", Integer, nullable=False),
    Column("due_at", Instant, nullable=False),
    Column("lease_until", Instant),
    Column("error", Text),
    Index("ix_outbox_due", "due_at", sqlite_where=text("status = 'waiting'"),
          postgresql_where=text("status = 'waiting'")),
)  # fmt: skip

answer = Table(
    "answer",
    metadata,
    Column("key", String(120), nullable=False, comment="Idempotency-Key the caller chose"),
    Column("person", String(60), nullable=False),
    Column("digest", String(64), nullable=False, comment="of the request: the same key may not mean two things"),
    Column("body", Text, nullable=False, comment="JSON: what was answered the first time"),
    Column("at", Instant, nullable=False),
    PrimaryKeyConstraint("key", "person"),
)
