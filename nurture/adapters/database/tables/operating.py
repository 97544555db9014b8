"""What an operator decides about the engine itself."""

from sqlalchemy import Column, String, Table

from nurture.adapters.database.tables.columns import Instant, metadata

#: What an operator holds beside sequences (`pauses`) and mail (`brakes`): `kind` is `queue`, `all`, or `sequence` for one that nobody
#: enters any more while people in flight walk on. `how` is `paused` or `draining`, `by` the operating system's name of whoever did it.
holds = Table(
    "holds",
    metadata,
    Column("kind", String(16), primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("how", String(12), nullable=False),
    Column("reason", String(200)),
    Column("since", Instant, nullable=False),
    Column("by", String(64)),
)
