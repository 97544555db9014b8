"""Survey: people enter sequences without doing anything just now; a walk through everybody, a batch in a transaction.

1. Take the surveys that are due, as far as they stand at the same place; other workers pass over them until the transaction ends.
2. Look at the next people. Nothing is locked or written for those whom it does not concern.
3. Lock those who may enter, look at them again, and store the runs that begin, together with how far the walk has come: killed at
   any place and done again, it puts each on a sequence once.
"""

from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Final, NamedTuple, Protocol

from nurture.domain.definitions import Definitions
from nurture.domain.enrollment import Enrollment
from nurture.domain.surveying import Crowd, Glance, Survey, concerned, entering
from nurture.ports import Clock

BATCH: Final = 500


class Surveying(Protocol):
    """The database, as survey sees it: one transaction."""

    def due(self, at: datetime) -> Sequence[Survey]:
        """Surveys that are due and stand at the same place, kept from other workers meanwhile."""
        ...

    def definitions(self) -> Definitions:
        """The definitions in force."""
        ...

    def next(self, walking: Sequence[Survey], limit: int, at: datetime) -> Glance:
        """The next people that these surveys come to; fewer than `limit` are the last."""
        ...

    def closely(self, walking: Sequence[Survey], ids: Collection[int], at: datetime) -> Crowd:
        """These people as they are now, locked, with what happened to them and their runs."""
        ...

    def store(self, begun: Sequence[Enrollment], walked: Sequence[Survey], going_on: Sequence[Survey]) -> None:
        """Write new runs, and surveys as they go on instead of those that were walked; raises Conflict."""
        ...


class SurveyStore(Protocol):
    """Opens the transactions of survey."""

    def surveying(self) -> AbstractContextManager[Surveying]:
        """One transaction."""
        ...


class Surveyed(NamedTuple):
    """What one batch came to: people looked at, and how many runs began. Without `walked` no survey was due."""

    people: int = 0
    entered: int = 0
    walked: bool = False


def survey(store: SurveyStore, clock: Clock, limit: int = BATCH) -> Surveyed:
    """Look at one batch of people; raises Unavailable and Conflict."""
    at = clock.now()
    with store.surveying() as transaction:
        walking = transaction.due(at)
        if not walking:
            return Surveyed()
        definitions = transaction.definitions()
        glance = transaction.next(walking, limit, at)
        ids = concerned(glance, walking, definitions, at)
        begun = entering(transaction.closely(walking, ids, at), walking, definitions, at) if ids else []
        transaction.store(begun, walking, _going_on(walking, glance, limit))
    return Surveyed(len(glance.people), len(begun), walked=True)


def _going_on(walking: Sequence[Survey], glance: Glance, limit: int) -> list[Survey]:
    if len(glance.people) == limit:
        return [each._replace(after=glance.people[-1].id) for each in walking]
    return [following for each in walking if (following := each.next()) is not None]
