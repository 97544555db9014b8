"""Who is who, with proof: assurance and journal of identifiers, touches, score models, recounts, what is forgotten."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
_instant = sa.DateTime(timezone=True)

#: New columns that may not be empty need a value for the rows there are; where it matters, a statement below mends it.
_LONG_AGO = "1970-01-01 00:00:00"


def upgrade() -> None:
    _people()
    _identifiers()
    _events()
    op.add_column("stage_changes", sa.Column("touch", _json, nullable=True))
    op.create_table(
        "erased_addresses",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("at", _instant, nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_erased_addresses")),
    )
    op.create_table(
        "horizons",
        sa.Column("what", sa.String(length=32), nullable=False),
        sa.Column("at", _instant, nullable=False),
        sa.PrimaryKeyConstraint("what", name=op.f("pk_horizons")),
    )
    told = sa.text("subject IS NOT NULL OR detail IS NOT NULL")
    op.create_index("ix_messages_told", "messages", ["planned_at"], postgresql_where=told, sqlite_where=told)
    _gather_no_statistics()


def _gather_no_statistics() -> None:
    """Of JSON that no condition asks about: PostgreSQL would read and sort it with every tenth by which a table grows."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE events ALTER COLUMN body SET STATISTICS 0")
        for column in ("attributes", "heats", "sums", "first_touch", "last_touch"):
            op.execute(f"ALTER TABLE people ALTER COLUMN {column} SET STATISTICS 0")


def _people() -> None:
    for column in (
        sa.Column("heats", _json, nullable=True),
        sa.Column("sums", _json, nullable=True),
        sa.Column("first_touch", _json, nullable=True),
        sa.Column("last_touch", _json, nullable=True),
        sa.Column("recount_at", _instant, nullable=True),
        sa.Column("by_hand", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("acted", sa.Boolean(), nullable=False, server_default=sa.true()),
        sa.Column("rejected_until", _instant, nullable=True),
    ):
        op.add_column("people", column)
    op.create_index(
        "ix_people_recount_at",
        "people",
        ["recount_at"],
        postgresql_where=sa.text("recount_at IS NOT NULL"),
        sqlite_where=sa.text("recount_at IS NOT NULL"),
    )
    for name, condition in (
        ("ix_people_seen_unaddressed", "merged_into IS NULL AND email IS NULL"),
        ("ix_people_seen_addressed", "merged_into IS NULL AND email IS NOT NULL"),
    ):
        where = sa.text(condition)
        op.create_index(name, "people", ["seen_at"], postgresql_where=where, sqlite_where=where)


def _identifiers() -> None:
    op.add_column("identifiers", sa.Column("last_seen_at", _instant, nullable=False, server_default=_LONG_AGO))
    op.add_column("identifiers", sa.Column("linked_at", _instant, nullable=False, server_default=_LONG_AGO))
    op.add_column("identifiers", sa.Column("assurance", sa.String(length=8), nullable=False, server_default="observed"))
    op.execute("UPDATE identifiers SET last_seen_at = first_seen_at, linked_at = first_seen_at")
    op.execute("UPDATE identifiers SET assurance = 'claimed' WHERE source LIKE 'form:%'")
    op.create_table(
        "identity_journal",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", _instant, nullable=False),
        sa.Column("action", sa.String(length=8), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("other_id", sa.BigInteger(), nullable=True),
        sa.Column("kind", sa.String(length=16), nullable=True),
        sa.Column("value", sa.String(length=320), nullable=True),
        sa.Column("event_id", sa.Uuid(), nullable=True),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("image", _json, nullable=True),
        sa.Column("undone_at", _instant, nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_identity_journal_person_id")),
        sa.ForeignKeyConstraint(["other_id"], ["people.id"], name=op.f("fk_identity_journal_other_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identity_journal")),
    )
    op.create_index(op.f("ix_identity_journal_person_id"), "identity_journal", ["person_id"])
    op.create_index(op.f("ix_identity_journal_other_id"), "identity_journal", ["other_id"])
    op.create_index("ix_identity_journal_at", "identity_journal", ["at"])
    op.create_index(
        "ix_identity_journal_about",
        "identity_journal",
        ["kind", "value"],
        postgresql_where=sa.text("kind IS NOT NULL"),
        sqlite_where=sa.text("kind IS NOT NULL"),
    )


def _events() -> None:
    op.create_index("ix_events_occurred_at", "events", ["occurred_at"])
    op.add_column("events", sa.Column("channel", sa.String(length=32), nullable=True))
    # Zero stands for "not known": such an event is never in conflict with another one.
    op.add_column("events", sa.Column("fingerprint", sa.BigInteger(), nullable=False, server_default="0"))
    op.create_table(
        "event_conflicts",
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("fingerprint", sa.BigInteger(), nullable=False),
        sa.Column("received_at", _instant, nullable=False),
        sa.Column("body", _json, nullable=False),
        sa.PrimaryKeyConstraint("event_id", "fingerprint", name=op.f("pk_event_conflicts")),
    )
    op.create_index(op.f("ix_event_conflicts_received_at"), "event_conflicts", ["received_at"])
    op.create_table(
        "counted_events",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_counted_events")),
    )
    op.create_index(op.f("ix_counted_events_day"), "counted_events", ["day"])
    op.create_table(
        "daily_counts",
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("channel", sa.String(length=32), nullable=False),
        sa.Column("events", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("day", "name", "channel", name=op.f("pk_daily_counts")),
    )
