"""What the processes of an installation agree on among themselves."""

from sqlalchemy import Column, String, Table

from nurture.adapters.database.tables.columns import Instant, metadata

#: Which process does by itself what one is enough for, and until when unless it says so again.
leases = Table(
    "leases",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("holder", String(96), nullable=False),
    Column("until", Instant, nullable=False),
)
