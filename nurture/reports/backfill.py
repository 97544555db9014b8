"""How many people a sequence would take in that were triggered before it comes into force."""

from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from nurture.adapters.database.crowds import CrowdReader
from nurture.domain.definitions import Definitions
from nurture.domain.surveying import NOBODY, backfill_of, concerned, entering, looks_back

#: People looked at together.
_CHUNK: Final = 2_000


def backfill_count(connection: Connection, definitions: Definitions, sequence: str, at: datetime) -> int | None:
    """How many would enter if `definitions` came into force at instant `at`; None if the sequence takes in nobody of before."""
    plan = definitions.sequences[sequence]
    if not looks_back(plan):
        return None
    backfill = [backfill_of(plan, at)]
    reader = CrowdReader(connection, definitions, backfill, at)
    entered, after, full = 0, NOBODY, True
    while full:
        glance = reader.next(after, _CHUNK)
        ids = concerned(glance, backfill, definitions, at)
        if ids:
            entered += len(entering(reader.closely(ids), backfill, definitions, at))
        full = len(glance.people) == _CHUNK
        after = glance.people[-1].id if glance.people else after
    return entered
