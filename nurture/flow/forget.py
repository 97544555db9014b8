"""Forget: what is older than its class of data is kept for goes, a batch in a transaction.

`config/privacy.yaml` says how long each class is kept. Every batch is whole in itself: interrupted anywhere, and run twice or by
two workers at once, it only goes on. Beat asks for it every hour.
"""

from collections import Counter
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol

from nurture.domain.definitions import Definitions
from nurture.domain.privacy import DataClass, oldest_kept
from nurture.ports import Clock

#: Rows of a class that go in one transaction.
BATCH: Final = 1_000

#: People who are erased together.
PROSPECTS: Final = 100


class Forgetting(Protocol):
    """The database, as forget sees it: one transaction."""

    def definitions(self) -> Definitions:
        """The definitions in force."""
        ...

    def due(self, what: DataClass, before: datetime) -> int:
        """How much of a class is from before an instant."""
        ...

    def prospects(self, before: datetime, limit: int) -> Sequence[int]:
        """Up to `limit` known people who never reached the last stage and were not seen since an instant."""
        ...

    def forget(self, what: DataClass, before: datetime, limit: int, at: datetime) -> int:
        """Delete up to about `limit` rows of a class (all but prospects) from before an instant; how many went."""
        ...


class ForgetStore(Protocol):
    """Opens the transactions of forget."""

    def forgetting(self, *, dry_run: bool = False) -> AbstractContextManager[Forgetting]:
        """One transaction; one that only tries is never committed."""
        ...


class Eraser(Protocol):
    """Erases people with every trace of them."""

    def __call__(self, wanted: Sequence[int], at: datetime) -> None:
        """Erase people; raises Unavailable and Conflict."""
        ...


@dataclass(slots=True)
class Forgotten:
    """What one round came to: what went (people, events, mails, rows) by class, and whether there may be more."""

    gone: Counter[str] = field(default_factory=Counter)
    more: bool = False


def forget(store: ForgetStore, eraser: Eraser, clock: Clock, limit: int = BATCH) -> Forgotten:
    """Take one batch of every class; raises Unavailable and Conflict."""
    at = clock.now()
    outcome = Forgotten()
    with store.forgetting(dry_run=True) as transaction:
        spans = transaction.definitions().privacy.retention.spans()
    for what, span in spans.items():
        before = oldest_kept(span, at)
        if what == "prospects":
            with store.forgetting(dry_run=True) as transaction:
                found = transaction.prospects(before, min(limit, PROSPECTS))
            if found:
                eraser(found, at)
            gone = len(found)
        else:
            with store.forgetting() as transaction:
                gone = transaction.forget(what, before, limit, at)
        outcome.gone[what] += gone
        outcome.more |= gone > 0
    return outcome


def due(store: ForgetStore, clock: Clock) -> dict[DataClass, int]:
    """How much of every class that has a span would go now."""
    at = clock.now()
    with store.forgetting(dry_run=True) as transaction:
        spans = transaction.definitions().privacy.retention.spans()
        return {what: transaction.due(what, oldest_kept(span, at)) for what, span in spans.items()}
