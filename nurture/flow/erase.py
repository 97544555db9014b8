"""Erase: every trace of some people goes. What stays is a keyed hash of each address, so that it is never mailed again.

Each round takes what waits outside the database first (the stream, dead letters, quarantine, files), then the rows, in one
transaction that holds the people's lock and writes the hashes. So a crash in between leaves the people known, and the same
command begins anew. Rounds are repeated until one finds nothing, for an event that was on its way may have brought somebody
back: absorb knows the hash, so whoever comes back is suppressed from the first moment, and the next round takes them too.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol

from nurture.domain.erasing import Traces
from nurture.flow.conflicts import again_on_conflict

#: Somebody whose browser goes on sending is new from then on.
_ROUNDS: Final = 4


class Erasing(Protocol):
    """The database, as erase sees it: one transaction."""

    def traces(self, wanted: Collection[int]) -> Traces:
        """By what these people, and all who were merged into them, can be named."""
        ...

    def holders(self, traces: Traces) -> set[int]:
        """Whoever is known by nothing but these traces."""
        ...

    def erase(self, wanted: Collection[int], at: datetime, *, wished: bool) -> tuple[Counter[str], Traces]:
        """Delete people with all rows that name them and keep the hashes of their addresses; what went, by kind, and of whom."""
        ...

    def erased_before(self, traces: Traces) -> bool:
        """Whether the hash of one of these addresses is kept."""
        ...


class EraseStore(Protocol):
    """Opens the transactions of erase."""

    def forgetting(self, *, dry_run: bool = False) -> AbstractContextManager[Erasing]:
        """One transaction; one that only tries is never committed."""
        ...


class Elsewhere(Protocol):
    """A place outside the database where something of people may lie."""

    def remove(self, traces: Traces, *, dry_run: bool = False) -> Mapping[str, int]:
        """Delete what is theirs, and wait until whoever works on some of it is done; what went, by kind."""
        ...


@dataclass(slots=True)
class Account:
    """What was removed, by kind. `again` says that the address was erased before."""

    removed: Counter[str] = field(default_factory=Counter)
    again: bool = False


def erase(
    known: Collection[int],
    named: Traces,
    store: EraseStore,
    elsewhere: Sequence[Elsewhere],
    at: datetime,
    *,
    wished: bool = True,
    dry_run: bool = False,
) -> Account:
    """Erase people (none, if nobody is known any more) and what is found under `named`; raises Unavailable and Conflict.

    The hash of an address is kept if its owner `wished` to be erased, or never to be mailed: who was only forgotten because of
    the time that went by may come back.
    """
    with store.forgetting(dry_run=True) as transaction:
        account = Account(again=transaction.erased_before(named))
        traces = named | transaction.traces(known)
    wanted = set(known)
    for _ in range(1 if dry_run else _ROUNDS):
        before = account.removed.total()
        for place in elsewhere:
            account.removed.update(place.remove(traces, dry_run=dry_run))
        removed, more = erase_rows(wanted, store, at, wished=wished, dry_run=dry_run)
        account.removed.update(removed)
        traces |= more
        if account.removed.total() == before:
            break
        with store.forgetting(dry_run=True) as transaction:
            wanted = transaction.holders(traces)
    return account


def erase_rows(
    wanted: Collection[int], store: EraseStore, at: datetime, *, wished: bool = True, dry_run: bool = False
) -> tuple[Counter[str], Traces]:
    """Delete the rows of people in one transaction; raises Conflict if somebody else changed them again and again."""
    if not wanted:
        return Counter(), Traces()
    return again_on_conflict(lambda: _once(wanted, store, at, wished=wished, dry_run=dry_run))


def _once(
    wanted: Collection[int], store: EraseStore, at: datetime, *, wished: bool, dry_run: bool
) -> tuple[Counter[str], Traces]:
    with store.forgetting(dry_run=dry_run) as transaction:
        return transaction.erase(wanted, at, wished=wished)
