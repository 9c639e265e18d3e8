"""All tables of the first version, and the protections of what happened."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TIMESTAMP

from migrations import protection

revision = "0001"
down_revision = None

instant = sa.String(27).with_variant(TIMESTAMP(timezone=True), "postgresql")
row_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def where(condition: str) -> dict[str, Any]:
    """A partial index, on both databases."""
    return {f"{dialect}_where": sa.text(condition) for dialect in ("sqlite", "postgresql")}


def upgrade() -> None:
    op.create_table(
        "absence",
        sa.Column("row", row_id, sa.Identity(), nullable=False),
        sa.Column("id", sa.String(60), nullable=False, comment="opaque, stays the same over all versions"),
        sa.Column("person", sa.String(60), nullable=False),
        sa.Column("substitute", sa.String(60)),
        sa.Column("reason", sa.String(40), nullable=False),
        sa.Column("valid_from", sa.String(10), nullable=False),
        sa.Column("valid_to", sa.String(10)),
        sa.Column("recorded_at", instant, nullable=False),
        sa.Column("superseded_at", instant),
        sa.PrimaryKeyConstraint("row", name="pk_absence"),
    )
    op.create_index("ix_absence_person", "absence", ["person"])
    op.create_index(
        "uq_absence_current", "absence", ["id", "valid_from"], unique=True, **where("superseded_at IS NULL")
    )
    op.create_table(
        "account",
        sa.Column("login", sa.String(80), nullable=False),
        sa.Column("person", sa.String(60), nullable=False),
        sa.Column("password", sa.String(200), nullable=False, comment="argon2id"),
        sa.Column("failed", sa.Integer(), server_default="0", nullable=False),
        sa.Column("locked_until", instant),
        sa.Column("created_at", instant, nullable=False),
        sa.PrimaryKeyConstraint("login", name="pk_account"),
    )
    op.create_index("ix_account_person", "account", ["person"])
    op.create_table(
        "answer",
        sa.Column("key", sa.String(120), nullable=False, comment="Idempotency-Key the caller chose"),
        sa.Column("person", sa.String(60), nullable=False),
        sa.Column(
            "digest", sa.String(64), nullable=False, comment="of the request: the same key may not mean two things"
        ),
        sa.Column("body", sa.Text(), nullable=False, comment="JSON: what was answered the first time"),
        sa.Column("at", instant, nullable=False),
        sa.PrimaryKeyConstraint("key", "person", name="pk_answer"),
    )
    op.create_table(
        "calendar_year",
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(20), nullable=False, comment="confirmed or provisional"),
        sa.Column("body", sa.Text(), nullable=False, comment="JSON as in processes/calendars"),
        sa.Column("recorded_at", instant, nullable=False),
        sa.PrimaryKeyConstraint("year", "version", name="pk_calendar_year"),
    )
    op.create_table(
        "definition",
        sa.Column("hash", sa.String(64), nullable=False, comment="SHA-256 of the compiled form"),
        sa.Column("key", sa.String(200), nullable=False, comment="zhenjiang/2026-01-01/matter"),
        sa.Column("semantics", sa.Integer(), nullable=False),
        sa.Column("compiler", sa.String(40), nullable=False),
        sa.Column("compiled", sa.LargeBinary(), nullable=False, comment="canonical JSON; what running cases load"),
        sa.Column("xml", sa.LargeBinary(), nullable=False, comment="as drawn; never read again by a running case"),
        sa.Column("xml_hash", sa.String(64), nullable=False),
        sa.Column("published_at", instant, nullable=False),
        sa.PrimaryKeyConstraint("hash", name="pk_definition"),
    )
    op.create_index("ix_definition_key", "definition", ["key"])
    op.create_table(
        "pack",
        sa.Column("key", sa.String(120), nullable=False, comment="zhenjiang/2026-01-01"),
        sa.Column("place", sa.String(80), nullable=False, comment="zhenjiang"),
        sa.Column("area", sa.String(200), nullable=False, comment="where it applies"),
        sa.Column("force", sa.String(20), nullable=False, comment="law or draft; a draft carries no real matter"),
        sa.Column("in_force_from", sa.String(10), comment="date; without one it never applies"),
        sa.Column("in_force_to", sa.String(10), comment="last date, or null"),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column(
            "body",
            sa.LargeBinary(),
            nullable=False,
            comment="JSON, fields of forms in their order: limits, roles, articles, …",
        ),
        sa.Column(
            "files",
            sa.Text(),
            server_default="{}",
            nullable=False,
            comment="JSON: hash of each file by path, see source",
        ),
        sa.Column("published_at", instant, nullable=False),
        sa.Column("published_by", sa.String(60), comment="person; null: the installation"),
        sa.Column("signature", sa.Text(), comment="JSON: algorithm, key, what was signed, signature"),
        sa.PrimaryKeyConstraint("key", name="pk_pack"),
    )
    op.create_index("ix_pack_place_in_force_from", "pack", ["place", "in_force_from"])
    op.create_table(
        "payload",
        sa.Column("subject", sa.String(80), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False, comment="of the record that holds its hash"),
        sa.Column("field", sa.String(80), nullable=False),
        sa.Column("salt", sa.LargeBinary(), comment="128 random bits; null once erased"),
        sa.Column("value", sa.Text(), comment="JSON; null once erased"),
        sa.Column("erased_at", instant),
        sa.PrimaryKeyConstraint("subject", "number", "field", name="pk_payload"),
    )
    op.create_table(
        "person",
        sa.Column("row", row_id, sa.Identity(), nullable=False),
        sa.Column("id", sa.String(60), nullable=False, comment="opaque, stays the same over all versions"),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("contact", sa.String(100), comment="work contact, never private"),
        sa.Column("worker_kind", sa.String(20), comment="grid_chief, full_time, part_time; null for others"),
        sa.Column("valid_from", sa.String(10), nullable=False),
        sa.Column("valid_to", sa.String(10)),
        sa.Column("recorded_at", instant, nullable=False),
        sa.Column("superseded_at", instant),
        sa.PrimaryKeyConstraint("row", name="pk_person"),
    )
    op.create_index("uq_person_current", "person", ["id", "valid_from"], unique=True, **where("superseded_at IS NULL"))
    op.create_table(
        "post",
        sa.Column("row", row_id, sa.Identity(), nullable=False),
        sa.Column("id", sa.String(60), nullable=False, comment="opaque, stays the same over all versions"),
        sa.Column("person", sa.String(60), nullable=False),
        sa.Column("unit", sa.String(60), nullable=False),
        sa.Column("role", sa.String(60), nullable=False),
        sa.Column("valid_from", sa.String(10), nullable=False),
        sa.Column("valid_to", sa.String(10)),
        sa.Column("recorded_at", instant, nullable=False),
        sa.Column("superseded_at", instant),
        sa.PrimaryKeyConstraint("row", name="pk_post"),
    )
    op.create_index("ix_post_person", "post", ["person"])
    op.create_index("ix_post_unit", "post", ["unit"])
    op.create_index("uq_post_current", "post", ["id", "valid_from"], unique=True, **where("superseded_at IS NULL"))
    op.create_table(
        "record",
        sa.Column("subject", sa.String(80), nullable=False, comment="case/17, unit/…, person/…, calendar/2027"),
        sa.Column("number", sa.Integer(), nullable=False, comment="1, 2, 3 … in its chain"),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column(
            "body",
            sa.Text(),
            nullable=False,
            comment="canonical JSON (RFC 8785), holds the previous hash; hash = H(body)",
        ),
        sa.Column("area", sa.String(200), nullable=False),
        sa.Column("position", sa.BigInteger(), comment="order over all chains, given after commit"),
        sa.PrimaryKeyConstraint("subject", "number", name="pk_record"),
        sa.UniqueConstraint("position", name="uq_record_position"),
    )
    op.create_index("ix_record_unplaced", "record", ["subject", "number"], **where("position IS NULL"))
    op.create_table(
        "register",
        sa.Column("row", row_id, sa.Identity(), nullable=False),
        sa.Column("id", sa.String(60), nullable=False, comment="opaque, stays the same over all versions"),
        sa.Column(
            "kind",
            sa.String(40),
            nullable=False,
            comment="what the domain registers: matter_list, patrol_plan, filing, …",
        ),
        sa.Column("area", sa.String(200), nullable=False),
        sa.Column("unit", sa.String(60), nullable=False, comment="who keeps it"),
        sa.Column("about", sa.String(120), comment="unit, person, case or other thing it is about"),
        sa.Column("case", sa.BigInteger(), comment="the case whose steps led to it"),
        sa.Column("body", sa.Text(), nullable=False, comment="JSON, no personal data but ids and work contacts"),
        sa.Column("valid_from", sa.String(10), nullable=False),
        sa.Column("valid_to", sa.String(10)),
        sa.Column("recorded_at", instant, nullable=False),
        sa.Column("superseded_at", instant),
        sa.PrimaryKeyConstraint("row", name="pk_register"),
    )
    op.create_index("ix_register_about", "register", ["about", "kind"])
    op.create_index("ix_register_kind", "register", ["kind", "area"], postgresql_ops={"area": "varchar_pattern_ops"})
    op.create_index(
        "uq_register_current", "register", ["id", "valid_from"], unique=True, **where("superseded_at IS NULL")
    )
    op.create_table(
        "session",
        sa.Column("token_hash", sa.String(64), nullable=False, comment="the token itself is only with its owner"),
        sa.Column("person", sa.String(60), nullable=False),
        sa.Column("created_at", instant, nullable=False),
        sa.Column("expires_at", instant, nullable=False),
        sa.PrimaryKeyConstraint("token_hash", name="pk_session"),
    )
    op.create_index("ix_session_person", "session", ["person"])
    op.create_table(
        "setting",
        sa.Column("key", sa.String(120), nullable=False),
        sa.Column("value", sa.Text(), nullable=False, comment="JSON"),
        sa.PrimaryKeyConstraint("key", name="pk_setting"),
    )
    op.create_table(
        "source",
        sa.Column("hash", sa.String(64), nullable=False, comment="SHA-256 of the content"),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("hash", name="pk_source"),
    )
    op.create_table(
        "training",
        sa.Column("row", row_id, sa.Identity(), nullable=False),
        sa.Column("id", sa.String(60), nullable=False, comment="opaque, stays the same over all versions"),
        sa.Column("person", sa.String(60), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False, comment="pre_job, periodic"),
        sa.Column("passed", sa.Boolean(), nullable=False),
        sa.Column("given_by", sa.String(60), nullable=False, comment="unit"),
        sa.Column("valid_from", sa.String(10), nullable=False),
        sa.Column("valid_to", sa.String(10)),
        sa.Column("recorded_at", instant, nullable=False),
        sa.Column("superseded_at", instant),
        sa.PrimaryKeyConstraint("row", name="pk_training"),
    )
    op.create_index("ix_training_person", "training", ["person"])
    op.create_index(
        "uq_training_current", "training", ["id", "valid_from"], unique=True, **where("superseded_at IS NULL")
    )
    op.create_table(
        "unit",
        sa.Column("row", row_id, sa.Identity(), nullable=False),
        sa.Column("id", sa.String(60), nullable=False, comment="opaque, stays the same over all versions"),
        sa.Column(
            "kind", sa.String(30), nullable=False, comment="division, governance_agency, department, government, …"
        ),
        sa.Column("level", sa.String(20), nullable=False, comment="province … micro_grid"),
        sa.Column("code", sa.String(40), nullable=False, comment="division or grid code"),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("parent", sa.String(60)),
        sa.Column("area", sa.String(200), nullable=False),
        sa.Column("attributes", sa.Text(), server_default="{}", nullable=False, comment="JSON"),
        sa.Column("valid_from", sa.String(10), nullable=False),
        sa.Column("valid_to", sa.String(10)),
        sa.Column("recorded_at", instant, nullable=False),
        sa.Column("superseded_at", instant),
        sa.PrimaryKeyConstraint("row", name="pk_unit"),
    )
    op.create_index("ix_unit_area", "unit", ["area"], postgresql_ops={"area": "varchar_pattern_ops"})
    op.create_index("uq_unit_current", "unit", ["id", "valid_from"], unique=True, **where("superseded_at IS NULL"))
    op.create_table(
        "case",
        sa.Column("id", row_id, sa.Identity(), nullable=False),
        sa.Column("number", sa.String(40), comment="what people quote: 2026-000123"),
        sa.Column("definition", sa.String(64), nullable=False),
        sa.Column("pack", sa.String(120), nullable=False),
        sa.Column("area", sa.String(200), nullable=False),
        sa.Column("unit", sa.String(60), nullable=False, comment="the agency that answers for the matter"),
        sa.Column("title", sa.String(200), nullable=False, comment="no personal data; erasable"),
        sa.Column("matter_type", sa.String(60), comment="list item"),
        sa.Column("way_in", sa.String(40), nullable=False, comment="start event"),
        sa.Column("outcome", sa.String(40), comment="how it ended, in the pack's words"),
        sa.Column("discovered_at", instant, nullable=False),
        sa.Column("opened_at", instant, nullable=False),
        sa.Column("closed_at", instant),
        sa.Column("active_at", instant, nullable=False, comment="last act of anybody"),
        sa.Column("status", sa.String(30), nullable=False, comment="derived from the open assignments"),
        sa.Column("disputed", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("emergency", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("suspended", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("due_at", instant, comment="overall clock"),
        sa.Column("clock", sa.Text(), comment="JSON: see running.Running, of the overall clock"),
        sa.Column("light", sa.String(10)),
        sa.Column("light_at", instant),
        sa.Column("merged_into", row_id),
        sa.Column("state", sa.LargeBinary(), nullable=False, comment="machine state, JSON"),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("head", sa.String(64), nullable=False, comment="hash of the last record of its chain"),
        sa.Column("records", sa.Integer(), nullable=False, comment="length of its chain"),
        sa.ForeignKeyConstraint(["definition"], ["definition.hash"], name="fk_case_definition"),
        sa.ForeignKeyConstraint(["merged_into"], ["case.id"], name="fk_case_merged_into"),
        sa.ForeignKeyConstraint(["pack"], ["pack.key"], name="fk_case_pack"),
        sa.PrimaryKeyConstraint("id", name="pk_case"),
        sa.UniqueConstraint("number", name="uq_case_number"),
    )
    op.create_index("ix_case_area", "case", ["area", "id"], postgresql_ops={"area": "varchar_pattern_ops"})
    op.create_index(
        "ix_case_due",
        "case",
        ["area", "due_at"],
        **where("closed_at IS NULL"),
        postgresql_ops={"area": "varchar_pattern_ops"},
    )
    op.create_index(
        "ix_case_emergency",
        "case",
        ["id"],
        sqlite_where=sa.text("emergency = 1"),
        postgresql_where=sa.text("emergency"),
    )
    op.create_index("ix_case_light", "case", ["light_at"], **where("closed_at IS NULL"))
    op.create_index("ix_case_merged", "case", ["merged_into"], **where("merged_into IS NOT NULL"))
    op.create_index(
        "ix_case_open",
        "case",
        ["area", "active_at"],
        **where("closed_at IS NULL"),
        postgresql_ops={"area": "varchar_pattern_ops"},
    )
    op.create_table(
        "draft",
        sa.Column("id", row_id, sa.Identity(), nullable=False),
        sa.Column("key", sa.String(120), nullable=False, comment="of the pack it will be: zhenjiang/2027-03-01"),
        sa.Column("base", sa.String(120), nullable=False),
        sa.Column("area", sa.String(200), nullable=False),
        sa.Column("title", sa.String(200), nullable=False),
        sa.Column("status", sa.String(12), nullable=False, comment="open, in_review, published, dropped"),
        sa.Column("files", sa.Text(), nullable=False, comment="JSON: hash of each file by path, see source"),
        sa.Column("revision", sa.Integer(), nullable=False, comment="grows with each change"),
        sa.Column("in_force_from", sa.String(10), comment="date the authors propose"),
        sa.Column("created_by", sa.String(60), nullable=False),
        sa.Column("created_at", instant, nullable=False),
        sa.Column("submitted_by", sa.String(60)),
        sa.Column("submitted_at", instant),
        sa.Column("returned", sa.Text(), comment="why the reviewer sent it back; null: not, or not any more"),
        sa.Column("ended_at", instant),
        sa.ForeignKeyConstraint(["base"], ["pack.key"], name="fk_draft_base"),
        sa.PrimaryKeyConstraint("id", name="pk_draft"),
    )
    op.create_index("ix_draft_area", "draft", ["area", "id"], postgresql_ops={"area": "varchar_pattern_ops"})
    op.create_table(
        "migration",
        sa.Column("id", row_id, sa.Identity(), nullable=False),
        sa.Column("from_pack", sa.String(120), nullable=False),
        sa.Column("to_pack", sa.String(120), nullable=False),
        sa.Column("area", sa.String(200), nullable=False, comment="cases within it"),
        sa.Column("mapping", sa.Text(), nullable=False, comment="JSON: where a token goes, by process and node"),
        sa.Column(
            "status", sa.String(12), nullable=False, comment="prepared, trying, running, stopped, done, undoing, undone"
        ),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("created_by", sa.String(60), nullable=False),
        sa.Column("created_at", instant, nullable=False),
        sa.Column("started_by", sa.String(60)),
        sa.Column("started_at", instant),
        sa.Column("ended_at", instant),
        sa.Column("signature", sa.Text(), comment="JSON, over the report, once it has ended"),
        sa.ForeignKeyConstraint(["from_pack"], ["pack.key"], name="fk_migration_from_pack"),
        sa.ForeignKeyConstraint(["to_pack"], ["pack.key"], name="fk_migration_to_pack"),
        sa.PrimaryKeyConstraint("id", name="pk_migration"),
    )
    op.create_index("ix_migration_busy", "migration", ["id"], **where("status IN ('trying', 'running', 'undoing')"))
    op.create_table(
        "assignment",
        sa.Column("id", row_id, sa.Identity(), nullable=False),
        sa.Column("case", row_id, nullable=False),
        sa.Column("unit", sa.String(60), nullable=False),
        sa.Column("track", sa.String(200), nullable=False, comment="the level of the diagram it stands in"),
        sa.Column("status", sa.String(30), nullable=False),
        sa.Column("opened_at", instant, nullable=False),
        sa.Column("closed_at", instant),
        sa.Column("due_at", instant, comment="the unit's clock"),
        sa.Column("clock", sa.Text()),
        sa.ForeignKeyConstraint(["case"], ["case.id"], name="fk_assignment_case"),
        sa.PrimaryKeyConstraint("id", name="pk_assignment"),
        sa.UniqueConstraint("case", "unit", "track", name="uq_assignment_case_unit_track"),
    )
    op.create_index("ix_assignment_case", "assignment", ["case"])
    op.create_table(
        "attachment",
        sa.Column("id", row_id, sa.Identity(), nullable=False),
        sa.Column("case", row_id, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("media_type", sa.String(100), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("area", sa.String(200), nullable=False),
        sa.Column("added_by", sa.String(60), nullable=False),
        sa.Column("added_at", instant, nullable=False),
        sa.ForeignKeyConstraint(["case"], ["case.id"], name="fk_attachment_case"),
        sa.PrimaryKeyConstraint("id", name="pk_attachment"),
    )
    op.create_index("ix_attachment_case", "attachment", ["case"])
    op.create_table(
        "draft_change",
        sa.Column("id", row_id, sa.Identity(), nullable=False),
        sa.Column("draft", row_id, nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("path", sa.String(300), nullable=False),
        sa.Column("before", sa.String(64), comment="hash; null: there was no such file"),
        sa.Column("after", sa.String(64), comment="hash; null: the file was removed"),
        sa.Column("person", sa.String(60), nullable=False),
        sa.Column("at", instant, nullable=False),
        sa.ForeignKeyConstraint(["draft"], ["draft.id"], name="fk_draft_change_draft"),
        sa.PrimaryKeyConstraint("id", name="pk_draft_change"),
        sa.UniqueConstraint("draft", "revision", "path", name="uq_draft_change_draft_revision_path"),
    )
    op.create_table(
        "draft_presence",
        sa.Column("draft", row_id, nullable=False),
        sa.Column("person", sa.String(60), nullable=False),
        sa.Column("path", sa.String(300), nullable=False, comment="the file on the screen"),
        sa.Column("seen_at", instant, nullable=False),
        sa.ForeignKeyConstraint(["draft"], ["draft.id"], name="fk_draft_presence_draft"),
        sa.PrimaryKeyConstraint("draft", "person", name="pk_draft_presence"),
    )
    op.create_table(
        "incident",
        sa.Column("id", row_id, sa.Identity(), nullable=False),
        sa.Column("case", row_id, nullable=False),
        sa.Column("token", sa.Integer()),
        sa.Column("outbox", sa.Integer(), comment="the job that gave up"),
        sa.Column("node", sa.String(120), nullable=False),
        sa.Column("code", sa.String(80), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("opened_at", instant, nullable=False),
        sa.Column("settled_at", instant),
        sa.Column("settled_by", sa.String(60)),
        sa.ForeignKeyConstraint(["case"], ["case.id"], name="fk_incident_case"),
        sa.PrimaryKeyConstraint("id", name="pk_incident"),
    )
    op.create_index("ix_incident_case", "incident", ["case"])
    op.create_index("ix_incident_open", "incident", ["opened_at"], **where("settled_at IS NULL"))
    op.create_table(
        "migration_case",
        sa.Column("migration", row_id, nullable=False),
        sa.Column("case", row_id, nullable=False),
        sa.Column("status", sa.String(12), nullable=False, comment="waiting, movable, stays, moved, undone, kept"),
        sa.Column("reason", sa.Text(), comment="JSON: why it stays, in both languages"),
        sa.Column("record", sa.Integer(), comment="number of the record that moved it"),
        sa.Column("undo", sa.Integer(), comment="number of the record that moved it back"),
        sa.Column("at", instant, nullable=False),
        sa.ForeignKeyConstraint(["case"], ["case.id"], name="fk_migration_case_case"),
        sa.ForeignKeyConstraint(["migration"], ["migration.id"], name="fk_migration_case_migration"),
        sa.PrimaryKeyConstraint("migration", "case", name="pk_migration_case"),
    )
    op.create_index("ix_migration_case_case", "migration_case", ["case"])
    op.create_index("ix_migration_case_status", "migration_case", ["migration", "status", "case"])
    op.create_table(
        "outbox",
        sa.Column("id", row_id, sa.Identity(), nullable=False),
        sa.Column("key", sa.String(120), nullable=False, comment="idempotency key of the effect"),
        sa.Column("case", row_id, nullable=False),
        sa.Column("kind", sa.String(60), nullable=False, comment="call or message"),
        sa.Column("body", sa.Text(), nullable=False, comment="JSON: ids and routing values only"),
        sa.Column("status", sa.String(12), nullable=False, comment="waiting, done, given_up"),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", instant, nullable=False),
        sa.Column("lease_until", instant),
        sa.Column("error", sa.Text()),
        sa.ForeignKeyConstraint(["case"], ["case.id"], name="fk_outbox_case"),
        sa.PrimaryKeyConstraint("id", name="pk_outbox"),
        sa.UniqueConstraint("key", name="uq_outbox_key"),
    )
    op.create_index("ix_outbox_case", "outbox", ["case"])
    op.create_index("ix_outbox_due", "outbox", ["due_at"], **where("status = 'waiting'"))
    op.create_table(
        "step",
        sa.Column("id", row_id, sa.Identity(), nullable=False),
        sa.Column("case", row_id, nullable=False),
        sa.Column("token", sa.Integer(), nullable=False, comment="the machine's number for it"),
        sa.Column("node", sa.String(120), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False, comment="user, service, rule, …"),
        sa.Column("area", sa.String(200), nullable=False),
        sa.Column("role", sa.String(60)),
        sa.Column("unit", sa.String(60)),
        sa.Column("person", sa.String(60), comment="who claimed it or was assigned"),
        sa.Column("sender", sa.String(60), comment="unit whose act opened it"),
        sa.Column("sender_person", sa.String(60)),
        sa.Column("status", sa.String(20), nullable=False, comment="open, completed, cancelled"),
        sa.Column("lifecycle", sa.String(30), comment="what the law calls the assignment while this step is open"),
        sa.Column("opened_at", instant, nullable=False),
        sa.Column("seen_at", instant),
        sa.Column("closed_at", instant),
        sa.Column("closed_by", sa.String(60)),
        sa.Column("due_at", instant),
        sa.Column("clock", sa.Text(), comment="JSON: see running.Running"),
        sa.Column("light", sa.String(10), comment="green, yellow, red, supervise as last announced; null: no limit"),
        sa.Column("light_at", instant, comment="when the light changes next"),
        sa.Column(
            "precedence",
            sa.Integer(),
            server_default="2",
            nullable=False,
            comment="0 emergency, 1 a limit that binds, 2 a product default or no limit",
        ),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["case"], ["case.id"], name="fk_step_case"),
        sa.PrimaryKeyConstraint("id", name="pk_step"),
    )
    op.create_index(
        "ix_step_area", "step", ["area"], **where("status = 'open'"), postgresql_ops={"area": "varchar_pattern_ops"}
    )
    op.create_index("ix_step_case", "step", ["case"])
    op.create_index("ix_step_closed", "step", ["closed_at"], **where("status <> 'open'"))
    op.create_index("ix_step_done", "step", ["unit", "case"], **where("status <> 'open'"))
    op.create_index("ix_step_light", "step", ["light_at"], **where("status = 'open'"))
    op.create_index(
        "ix_step_lit",
        "step",
        ["light", "precedence", "due_at", "area", "kind"],
        **where("status = 'open'"),
        postgresql_ops={"area": "varchar_pattern_ops"},
    )
    op.create_index(
        "ix_step_overdue",
        "step",
        ["precedence", "due_at", "area"],
        **where("status = 'open'"),
        postgresql_ops={"area": "varchar_pattern_ops"},
    )
    op.create_index("ix_step_person", "step", ["person", "due_at"], **where("status = 'open' AND person IS NOT NULL"))
    op.create_index("ix_step_sent", "step", ["sender", "due_at", "unit", "person"], **where("status = 'open'"))
    op.create_index(
        "ix_step_unit",
        "step",
        ["unit", "role", "due_at", "precedence", "light", "person", "kind"],
        **where("status = 'open'"),
    )
    op.create_index("uq_step_open", "step", ["case", "token"], unique=True, **where("status = 'open'"))
    op.create_table(
        "timer",
        sa.Column("id", row_id, sa.Identity(), nullable=False),
        sa.Column("case", row_id, nullable=False),
        sa.Column("clock", sa.Integer(), nullable=False, comment="the machine's number for it"),
        sa.Column("node", sa.String(120), nullable=False),
        sa.Column("due_at", instant, nullable=False),
        sa.Column("period", sa.String(60), comment="ISO 8601 interval of a repeating timer"),
        sa.Column("status", sa.String(12), nullable=False, comment="waiting, fired, cancelled"),
        sa.Column("fired_at", instant),
        sa.ForeignKeyConstraint(["case"], ["case.id"], name="fk_timer_case"),
        sa.PrimaryKeyConstraint("id", name="pk_timer"),
    )
    op.create_index("ix_timer_case", "timer", ["case"])
    op.create_index("ix_timer_due", "timer", ["due_at"], **where("status = 'waiting'"))
    op.create_table(
        "request",
        sa.Column("id", row_id, sa.Identity(), nullable=False),
        sa.Column("case", row_id, nullable=False),
        sa.Column("step", row_id),
        sa.Column(
            "kind", sa.String(20), nullable=False, comment="extension, suspension, void, waiver, consult, supervision"
        ),
        sa.Column("area", sa.String(200), nullable=False),
        sa.Column("asked_by", sa.String(60), nullable=False),
        sa.Column("asked_unit", sa.String(60)),
        sa.Column("asked_at", instant, nullable=False),
        sa.Column("to_unit", sa.String(60)),
        sa.Column("to_role", sa.String(60)),
        sa.Column("to_person", sa.String(60)),
        sa.Column("detail", sa.Text(), nullable=False, comment="JSON, routing values only"),
        sa.Column("status", sa.String(12), nullable=False, comment="open, granted, denied, answered, withdrawn"),
        sa.Column("due_at", instant),
        sa.Column("decided_by", sa.String(60)),
        sa.Column("decided_at", instant),
        sa.ForeignKeyConstraint(["case"], ["case.id"], name="fk_request_case"),
        sa.ForeignKeyConstraint(["step"], ["step.id"], name="fk_request_step"),
        sa.PrimaryKeyConstraint("id", name="pk_request"),
    )
    op.create_index("ix_request_case", "request", ["case"])
    op.create_index(
        "ix_request_open",
        "request",
        ["area", "asked_at"],
        **where("status = 'open'"),
        postgresql_ops={"area": "varchar_pattern_ops"},
    )
    op.create_index("ix_request_unit", "request", ["to_unit", "asked_at"], **where("status = 'open'"))
    protection.install(op.get_bind())


TABLES = [
    "absence",
    "account",
    "answer",
    "calendar_year",
    "definition",
    "pack",
    "payload",
    "person",
    "post",
    "record",
    "register",
    "session",
    "setting",
    "source",
    "training",
    "unit",
    "case",
    "draft",
    "migration",
    "assignment",
    "attachment",
    "draft_change",
    "draft_presence",
    "incident",
    "migration_case",
    "outbox",
    "step",
    "timer",
    "request",
]
"""In the order they are made: each after those it refers to."""


def downgrade() -> None:
    protection.remove(op.get_bind())
    for table in reversed(TABLES):
        op.drop_table(table)
