"""Alarms that somebody has looked at."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Engine, update

from nurture.adapters.database.bulk import among
from nurture.adapters.database.dialect import translated
from nurture.adapters.database.tables import alarms


def mark_seen(engine: Engine, which: Collection[int] | None, at: datetime) -> int:
    """Note that alarms were seen at an instant, or all of them (None); how many were not before."""
    unseen = update(alarms).where(alarms.c.seen_at.is_(None)).values(seen_at=at)
    with translated("nothing was noted"), engine.begin() as connection:
        if which is not None:
            unseen = unseen.where(among(connection, alarms.c.id, which))
        return connection.execute(unseen).rowcount
