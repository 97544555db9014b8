"""Sequences as code: what came of steps, priorities and variants of messages, alerts, pauses, surveys, rollbacks."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
_instant = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("enrollments", sa.Column("step_since", _instant, nullable=True))
    op.add_column("enrollments", sa.Column("outcomes", _json, nullable=True))
    op.add_column("messages", sa.Column("priority", sa.Integer(), nullable=False, server_default="50"))
    op.add_column("messages", sa.Column("variant", sa.String(length=64), nullable=True))
    op.add_column("messages", sa.Column("lost_to", _json, nullable=True))
    _alerts()
    _surveys_and_pauses()
    with op.batch_alter_table("releases") as table:
        table.add_column(sa.Column("restores", sa.Integer(), nullable=True))
        table.create_foreign_key(op.f("fk_releases_restores"), "releases", ["restores"], ["id"])
    # Whoever waits stands, as they did so far, on the step behind the wait, and takes it when they are due.
    op.execute("UPDATE enrollments SET step_since = entered_at WHERE status = 'waiting'")


def _alerts() -> None:
    op.create_table(
        "alerts",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("enrollment_id", sa.BigInteger(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("step", sa.String(length=64), nullable=False),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("at", _instant, nullable=False),
        sa.ForeignKeyConstraint(["enrollment_id"], ["enrollments.id"], name=op.f("fk_alerts_enrollment_id")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_alerts_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alerts")),
    )
    op.create_index(op.f("ix_alerts_enrollment_id"), "alerts", ["enrollment_id"])
    op.create_index(op.f("ix_alerts_person_id"), "alerts", ["person_id"])
    with op.batch_alter_table("deliveries") as table:
        table.alter_column("stage_change_id", existing_type=sa.BigInteger(), nullable=True)
        table.add_column(sa.Column("alert_id", sa.BigInteger(), nullable=True))
        table.create_foreign_key(op.f("fk_deliveries_alert_id"), "alerts", ["alert_id"], ["id"])
        table.create_unique_constraint(op.f("uq_deliveries_alert_id_endpoint"), ["alert_id", "endpoint"])


def _surveys_and_pauses() -> None:
    op.create_table(
        "pauses",
        sa.Column("sequence", sa.String(length=64), nullable=False),
        sa.Column("at", _instant, nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=True),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_pauses")),
    )
    op.create_table(
        "surveys",
        sa.Column("sequence", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("since", _instant, nullable=False),
        sa.Column("at", _instant, nullable=False),
        sa.Column("after", sa.BigInteger(), server_default="-1", nullable=False),
        sa.PrimaryKeyConstraint("sequence", "kind", name=op.f("pk_surveys")),
    )
    op.create_index("ix_surveys_at", "surveys", ["at"])
