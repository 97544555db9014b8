"""What an operator holds: queues, everything, and sequences that nobody enters any more; and who held it."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_instant = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "holds",
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("how", sa.String(length=12), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=True),
        sa.Column("since", _instant, nullable=False),
        sa.Column("by", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("kind", "name", name=op.f("pk_holds")),
    )
    # Both may stay empty: workers of the version before know nothing of them.
    op.add_column("pauses", sa.Column("by", sa.String(length=64), nullable=True))
    op.add_column("brakes", sa.Column("by", sa.String(length=64), nullable=True))
