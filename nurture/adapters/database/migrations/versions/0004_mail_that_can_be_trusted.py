"""Mail that can be trusted: transports, topics and scopes, the ledger of consent, preferences, brakes and alarms."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
_instant = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("messages", sa.Column("topic", sa.String(length=64), nullable=True))
    op.add_column("messages", sa.Column("transport", sa.String(length=32), nullable=True))
    when_sent = sa.text("sent_at IS NOT NULL")
    op.create_index("ix_messages_sent", "messages", ["sent_at"], postgresql_where=when_sent, sqlite_where=when_sent)
    refused = sa.text("reason = 'address_refused'")
    op.create_index("ix_messages_refused", "messages", ["due_at"], postgresql_where=refused, sqlite_where=refused)
    _suppressions()
    _consent()
    _brakes()


def _suppressions() -> None:
    """The same rows, with room for one scope beside another."""
    op.create_table(
        "suppressions_by_scope",
        sa.Column("email", sa.String(length=320), nullable=False),
        sa.Column("scope", sa.String(length=80), nullable=False, server_default="all"),
        sa.Column("reason", sa.String(length=32), nullable=False),
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("at", _instant, nullable=False),
        sa.PrimaryKeyConstraint("email", "scope", name="pk_suppressions_by_scope"),
    )
    op.execute(
        "INSERT INTO suppressions_by_scope (email, scope, reason, source, at) "
        "SELECT email, 'all', reason, source, at FROM suppressions"
    )
    op.drop_table("suppressions")
    op.rename_table("suppressions_by_scope", "suppressions")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE suppressions RENAME CONSTRAINT pk_suppressions_by_scope TO pk_suppressions")


def _consent() -> None:
    op.create_table(
        "consents",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("email", sa.String(length=320), nullable=False),
        sa.Column("purpose", sa.String(length=64), nullable=False),
        sa.Column("action", sa.String(length=12), nullable=False),
        sa.Column("at", _instant, nullable=False),
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.Column("wording", sa.Text(), nullable=True),
        sa.Column("version", sa.String(length=32), nullable=True),
        sa.Column("proof", _json, nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_consents_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consents")),
    )
    op.create_index(op.f("ix_consents_person_id"), "consents", ["person_id"])
    op.create_index("ix_consents_email", "consents", ["email"])
    op.create_table(
        "permissions",
        sa.Column("email", sa.String(length=320), nullable=False),
        sa.Column("purpose", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("at", _instant, nullable=False),
        sa.PrimaryKeyConstraint("email", "purpose", name=op.f("pk_permissions")),
    )
    op.create_table(
        "paces",
        sa.Column("email", sa.String(length=320), nullable=False),
        sa.Column("pace", sa.String(length=12), nullable=False),
        sa.Column("paused_until", _instant, nullable=True),
        sa.Column("at", _instant, nullable=False),
        sa.PrimaryKeyConstraint("email", name=op.f("pk_paces")),
    )


def _brakes() -> None:
    op.create_table(
        "brakes",
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("until", _instant, nullable=True),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("at", _instant, nullable=False),
        sa.PrimaryKeyConstraint("kind", "name", name=op.f("pk_brakes")),
    )
    op.create_table(
        "alarms",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("about", sa.String(length=255), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("at", _instant, nullable=False),
        sa.Column("seen_at", _instant, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alarms")),
    )
    op.create_index("ix_alarms_at", "alarms", ["at"])
    with op.batch_alter_table("deliveries") as table:
        table.add_column(sa.Column("alarm_id", sa.BigInteger(), nullable=True))
        table.create_foreign_key(op.f("fk_deliveries_alarm_id"), "alarms", ["alarm_id"], ["id"])
        table.create_unique_constraint(op.f("uq_deliveries_alarm_id_endpoint"), ["alarm_id", "endpoint"])
    op.create_table(
        "warm_ups",
        sa.Column("transport", sa.String(length=32), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("quota", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=True),
        sa.PrimaryKeyConstraint("transport", "day", name=op.f("pk_warm_ups")),
    )
