"""Rebuild: the figures of reports worked out anew from the log, beside everything that runs.

After an upgrade there are events that no roll-up knows of, and after another time zone or brand came into force the days are others.
First people, some at a time: the days on which they were here, and what they add by what they reached. Then the roll-ups, some days at
a time: what differs from the log within one snapshot is added, which stays right whatever workers add meanwhile. It may be broken off at
any place and done again.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from nurture.flow.conflicts import again_on_conflict
from nurture.ports import Clock

#: People who are looked at in one transaction; what is in memory are their days, never their events.
PEOPLE: Final = 200

#: Nobody has an id below.
_NOBODY: Final = -1


class Rebuilding(Protocol):
    """The database, as rebuild sees it: one transaction."""

    def basis(self) -> str:
        """What the figures rest on by the definitions in force; another text when they would be others."""
        ...

    def people(self, after: int, limit: int, at: datetime) -> int | None:
        """Work out up to `limit` people with ids beyond `after`; the last of them, None if there were none."""
        ...

    def days(self, after: int | None) -> int | None:
        """Correct the roll-ups of the next days beyond `after` on which anything happened; the last of them, None if there were none."""
        ...

    def sums(self) -> None:
        """Correct the roll-ups of people."""
        ...

    def done(self, at: datetime) -> None:
        """Note by what the figures were built."""
        ...


class RebuildStore(Protocol):
    """Opens the transactions of rebuild."""

    def rebuilding(self, *, of_people: bool) -> AbstractContextManager[Rebuilding]:
        """One transaction: one that locks people, or one that sees the same state throughout."""
        ...


@dataclass(slots=True)
class Rebuilt:
    """How far it came: whether the people are `counted`, the last `day` that is corrected, and how often other definitions came into
    force meanwhile, so that it began anew.
    """

    batches: int = 0
    counted: bool = False
    day: int | None = None
    restarted: int = 0


def rebuild(store: RebuildStore, clock: Clock, progress: Callable[[Rebuilt], None], limit: int = PEOPLE) -> Rebuilt:
    """Work out all figures anew; `progress` hears of every step. Raises Unavailable and Conflict."""
    account = Rebuilt()
    while not _once(store, clock, progress, limit, account):
        account.counted, account.day, account.restarted = False, None, account.restarted + 1
    return account


def _once(store: RebuildStore, clock: Clock, progress: Callable[[Rebuilt], None], limit: int, account: Rebuilt) -> bool:
    """The whole of it; False if other definitions came into force meanwhile."""
    with store.rebuilding(of_people=True) as transaction:
        basis = transaction.basis()
    person: int | None = _NOBODY
    while person is not None:
        person = again_on_conflict(lambda after=person: _people(store, after, limit, clock.now()))  # type: ignore[misc] # bound at once
        account.batches += 1
        progress(account)
    account.counted = True
    day, begun = None, False
    while day is not None or not begun:
        day, begun = again_on_conflict(lambda after=day: _days(store, after)), True  # type: ignore[misc] # as above
        account.day = day if day is not None else account.day
        progress(account)
    return again_on_conflict(lambda: _finish(store, basis, clock.now()))


def _people(store: RebuildStore, after: int, limit: int, at: datetime) -> int | None:
    with store.rebuilding(of_people=True) as transaction:
        return transaction.people(after, limit, at)


def _days(store: RebuildStore, after: int | None) -> int | None:
    with store.rebuilding(of_people=False) as transaction:
        return transaction.days(after)


def _finish(store: RebuildStore, basis: str, at: datetime) -> bool:
    with store.rebuilding(of_people=False) as transaction:
        transaction.sums()
        if transaction.basis() != basis:
            return False
        transaction.done(at)
        return True
