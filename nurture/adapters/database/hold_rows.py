"""The rows of what an operator holds of queues. In a module of its own: `nurture status` reads them and must load little."""

from sqlalchemy import Connection, select

from nurture.adapters.database.tables import holds
from nurture.domain.holds import Hold


def holds_in(connection: Connection) -> tuple[Hold, ...]:
    """What is held of queues, in the order in which it was."""
    rows = connection.execute(select(holds).where(holds.c.kind != "sequence").order_by(holds.c.since, holds.c.kind, holds.c.name))
    return tuple(Hold(row.kind, row.name, row.how, row.reason, row.since, row.by) for row in rows)
