"""What it comes to: daily roll-ups and what they are kept in step with, spending, and leads that sales must answer for."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None
phase = "expand"

_json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
_instant = sa.DateTime(timezone=True)


def upgrade() -> None:
    _rollups()
    _spend()
    _follow_ups()
    _goals()
    _deliveries()


def _rollups() -> None:
    op.create_table(
        "rollups",
        sa.Column("figure", sa.String(length=96), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=256), nullable=False),
        sa.Column("shard", sa.Integer(), nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("figure", "day", "key", "shard", name=op.f("pk_rollups")),
    )
    op.create_table(
        "figure_basis",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("basis", sa.Text(), nullable=False),
        sa.Column("at", _instant, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_figure_basis")),
    )
    op.create_table(
        "active_days",
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_active_days_person_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("person_id", "day", name=op.f("pk_active_days")),
    )
    op.create_table(
        "contributions",
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("body", _json, nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_contributions_person_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_contributions")),
    )


def _spend() -> None:
    op.create_table(
        "spend",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("channel", sa.String(length=32), nullable=True),
        sa.Column("campaign", sa.String(length=256), nullable=True),
        sa.Column("first_day", sa.Integer(), nullable=False),
        sa.Column("last_day", sa.Integer(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("imported_at", _instant, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_spend")),
    )
    op.create_index(op.f("ix_spend_last_day"), "spend", ["last_day"])


def _goals() -> None:
    op.add_column("enrollments", sa.Column("goal_at", _instant, nullable=True))
    op.create_index("ix_enrollments_entered_at", "enrollments", ["entered_at"])
    of_mail = sa.text("name IN ('email_clicked', 'unsubscribed')")
    op.create_index("ix_events_of_mail", "events", ["occurred_at"], postgresql_where=of_mail, sqlite_where=of_mail)
    unsent = sa.text("status IN ('skipped', 'failed', 'uncertain')")
    op.create_index("ix_messages_unsent", "messages", ["planned_at"], postgresql_where=unsent, sqlite_where=unsent)


def _follow_ups() -> None:
    op.create_table(
        "follow_ups",
        sa.Column("stage_change_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("stage", sa.String(length=64), nullable=False),
        sa.Column("since", _instant, nullable=False),
        sa.Column("due_at", _instant, nullable=True),
        sa.Column("level", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("answered_at", _instant, nullable=True),
        sa.Column("answer", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(["stage_change_id"], ["stage_changes.id"], name=op.f("fk_follow_ups_stage_change_id")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_follow_ups_person_id")),
        sa.PrimaryKeyConstraint("stage_change_id", name=op.f("pk_follow_ups")),
    )
    op.create_index(op.f("ix_follow_ups_person_id"), "follow_ups", ["person_id"])
    due = sa.text("due_at IS NOT NULL")
    op.create_index("ix_follow_ups_due", "follow_ups", ["due_at"], postgresql_where=due, sqlite_where=due)
    unanswered = sa.text("answered_at IS NULL")
    op.create_index("ix_follow_ups_open", "follow_ups", ["level"], postgresql_where=unanswered, sqlite_where=unanswered)
    op.create_table(
        "reminders",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("stage_change_id", sa.BigInteger(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("at", _instant, nullable=False),
        sa.ForeignKeyConstraint(["stage_change_id"], ["follow_ups.stage_change_id"], name=op.f("fk_reminders_stage_change_id")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_reminders_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reminders")),
    )
    op.create_index(op.f("ix_reminders_stage_change_id"), "reminders", ["stage_change_id"])
    op.create_index(op.f("ix_reminders_person_id"), "reminders", ["person_id"])


def _deliveries() -> None:
    with op.batch_alter_table("deliveries") as table:
        table.add_column(sa.Column("reminder_id", sa.BigInteger(), nullable=True))
        table.add_column(sa.Column("person_id", sa.BigInteger(), nullable=True))
        table.add_column(sa.Column("at", _instant, nullable=True))
        table.create_foreign_key(op.f("fk_deliveries_reminder_id"), "reminders", ["reminder_id"], ["id"])
        table.create_foreign_key(op.f("fk_deliveries_person_id"), "people", ["person_id"], ["id"])
        table.create_unique_constraint(op.f("uq_deliveries_reminder_id_endpoint"), ["reminder_id", "endpoint"])
    for name, columns, where in (
        ("ix_deliveries_endpoint_due", ["endpoint", "due_at"], "status = 'waiting'"),
        ("ix_deliveries_person_due", ["person_id", "endpoint"], "status = 'waiting'"),
        ("ix_deliveries_given_up", ["at"], "status = 'failed'"),
    ):
        op.create_index(name, "deliveries", columns, postgresql_where=sa.text(where), sqlite_where=sa.text(where))
    op.create_index("ix_deliveries_person_id", "deliveries", ["person_id"])
    op.create_index("ix_deliveries_endpoint_at", "deliveries", ["endpoint", "at"])
    op.create_table(
        "endpoints",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("failing_since", _instant, nullable=True),
        sa.Column("quiet_until", _instant, nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_endpoints")),
    )
