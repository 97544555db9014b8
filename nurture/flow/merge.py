"""Merge and unmerge: an operator says that two people are one, or that two who were joined are not."""

from contextlib import AbstractContextManager
from typing import Final, Protocol

from nurture.domain.joining import join, part
from nurture.domain.world import JournalEntry
from nurture.errors import Refused
from nurture.ports import Clock, Joining

#: Events of two people that are counted at once.
MOST_EVENTS: Final = 200_000


class MergeStore(Protocol):
    """Opens the transactions of merge."""

    def components(self) -> AbstractContextManager[Joining]:
        """One transaction."""
        ...


def merge(store: MergeStore, clock: Clock, weak: int, into: int, by: str, reason: str) -> JournalEntry:
    """Give everything of one person to another. Raises Refused if they are one already; Unavailable and Conflict."""
    at = clock.now()
    with store.components() as transaction:
        component = transaction.component([weak, into], MOST_EVENTS, connected=False)
        weak, into = component.root(weak), component.root(into)
        if weak == into:
            raise Refused("these are one person already; `nurture person show` tells what they are known by")
        outcome = join(component, weak, into, by, reason, transaction.definitions(), at)
        transaction.store(component, outcome, at)
    return outcome.journal[0]


def unmerge(store: MergeStore, clock: Clock, merged: int, by: str) -> JournalEntry:
    """Take back the merge with this id in the journal. Raises Refused if there is none that still holds."""
    at = clock.now()
    with store.components() as transaction:
        entry = transaction.journal(merged)
        if entry is None or entry.action != "merged" or entry.other is None:
            raise Refused("the journal knows of no such merge that still holds; `nurture person show WHO --identity` lists them")
        component = transaction.component([entry.person, entry.other], MOST_EVENTS, connected=False)
        others = transaction.merges(component)
        outcome = part(component, entry, others, by, transaction.definitions(), at)
        transaction.store(component, outcome, at)
    return outcome.journal[0]
