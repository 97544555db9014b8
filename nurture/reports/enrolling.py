"""Where a person stands with sequences, for whoever is about to decide something about them by hand."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, select

from nurture.adapters.database.histories import give_histories
from nurture.adapters.database.holding import held_and_closed
from nurture.adapters.database.rows import enrollment_of
from nurture.adapters.database.tables import enrollments
from nurture.domain.definitions import Definitions
from nurture.domain.enrollment import Enrollment
from nurture.reports.people import Known
from nurture.reports.story import suppression_of


class Standing(NamedTuple):
    """All runs of a person, the sequences that are paused and those that nobody enters any more, and whether no mail may go to them."""

    runs: list[Enrollment]
    held: frozenset[str]
    closed: frozenset[str]
    suppressed: bool


def standing(connection: Connection, definitions: Definitions, known: Known, at: datetime) -> Standing:
    """Where somebody stands; their person comes to know their past as far as conditions ask."""
    give_histories(connection, [known.person], definitions.history_names, at)
    theirs = connection.execute(select(enrollments).where(enrollments.c.person_id.in_(known.ids)))
    suppressed = suppression_of(connection, known.person) is not None
    return Standing([enrollment_of(row) for row in theirs], *held_and_closed(connection), suppressed)
