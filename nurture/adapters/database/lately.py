"""What people did lately, read from the log."""

from collections.abc import Collection, Mapping

from sqlalchemy import Connection, select

from nurture.adapters.database.rows import event_of
from nurture.adapters.database.tables import events
from nurture.domain.handing_off import Done
from nurture.domain.telling.lately import MOST, OF_OTHERS, done_by

#: Who did it, if nobody did: these say nothing of a person.
_OF_MACHINES = "machine"


def lately(connection: Connection, who: Collection[int]) -> Mapping[int, tuple[Done, ...]]:
    """What each of these people did last, the latest first: one walk along an index for each."""
    return {person: _of(connection, person) for person in who}


def _of(connection: Connection, person: int) -> tuple[Done, ...]:
    theirs = select(events).where(events.c.person_id == person, events.c.verdict != _OF_MACHINES, events.c.name.not_in(OF_OTHERS))
    latest = theirs.order_by(events.c.occurred_at.desc(), events.c.id).limit(MOST)
    return tuple(done_by(event_of(row)) for row in connection.execute(latest))
