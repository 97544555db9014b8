"""Follow up: whoever does not answer for a lead in time is reminded, and in the end somebody else is told.

1. Take follow-ups whose time has come; another worker passes over them.
2. Decide by the rules in force: is it over, is somebody told, or is it looked at again later?
3. Keep that, with the reminder and its deliveries, in the same transaction; *hand off* calls.

A reminder is known by its stage change and its level, so that nobody is told twice of the same.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Final, NamedTuple, Protocol

from nurture.domain.definitions import Definitions
from nurture.domain.following_up import Awaited, Look, Over, Remind, what_is_due
from nurture.domain.schedule import Calendar, IsHoliday
from nurture.flow.conflicts import again_on_conflict
from nurture.ports import Clock

BATCH: Final = 200


class FollowingUp(Protocol):
    """The database, as follow up sees it: one transaction."""

    def definitions(self) -> Definitions:
        """The definitions in force."""
        ...

    def due(self, limit: int, at: datetime) -> Sequence[Awaited]:
        """Up to `limit` follow-ups whose time has come, locked."""
        ...

    def store(self, decided: Sequence[tuple[Awaited, Look | Remind | Over]], at: datetime) -> None:
        """Keep what was decided, and make what is to be told due."""
        ...


class FollowUpStore(Protocol):
    """Opens the transactions of follow up."""

    def transaction(self) -> AbstractContextManager[FollowingUp]:
        """One transaction."""
        ...


class Followed(NamedTuple):
    """What one batch came to; `more` says that others may be due."""

    looked_at: int
    reminded: int
    more: bool


def follow_up(store: FollowUpStore, clock: Clock, is_holiday: IsHoliday, limit: int = BATCH) -> Followed:
    """Take one batch. Raises Unavailable and Conflict."""
    return again_on_conflict(lambda: _once(store, clock.now(), is_holiday, limit))


def _once(store: FollowUpStore, at: datetime, is_holiday: IsHoliday, limit: int) -> Followed:
    with store.transaction() as transaction:
        definitions = transaction.definitions()
        rules, calendar = definitions.handoff.follow_up, Calendar(definitions.sending.timezone, is_holiday)
        due = transaction.due(limit, at)
        decided = [(each, what_is_due(each, rules.get(each.stage), calendar, at)) for each in due]
        transaction.store(decided, at)
    return Followed(len(due), sum(isinstance(what, Remind) for _, what in decided), len(due) == limit)
