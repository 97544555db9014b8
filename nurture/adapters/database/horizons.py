"""How far back what is kept reaches."""

from datetime import datetime
from typing import Final

from sqlalchemy import Connection, select

from nurture.adapters.database.tables import horizons

#: What the retention rules call the event log.
EVENTS: Final = "events"


def event_horizon(connection: Connection) -> datetime | None:
    """The instant before which events were forgotten; None if they never were."""
    return connection.scalar(select(horizons.c.at).where(horizons.c.what == EVENTS))
