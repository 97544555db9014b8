"""Hold queues: an operator holds one queue of tasks, one endpoint, or everything, and lets it go on.

Nothing new begins, and what was begun ends. Events wait in the stream, rows in their tables. When a queue goes on, the time for which
it was held counts for nothing in it as lateness.
"""

from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import NamedTuple, Protocol

from nurture.domain.holds import Held, Hold, HoldKind, let_go
from nurture.errors import Refused
from nurture.flow.conflicts import again_on_conflict


class QueueHolding(Protocol):
    """The database, as holding queues sees it: one transaction, beside which no worker works."""

    def held(self) -> Sequence[Hold]:
        """What is held."""
        ...

    def hold(self, hold: Hold) -> None:
        """Keep a hold; one of the same kind and name is replaced."""
        ...

    def let_go(self, kind: HoldKind, name: str) -> None:
        """Forget a hold."""
        ...

    def not_late_for(self, queue: str, held: Held) -> int:
        """Take a span of time out of the lateness of what waits in a queue; of how much."""
        ...


class QueueHoldStore(Protocol):
    """Opens the transactions of holding queues."""

    def queue_holding(self) -> AbstractContextManager[QueueHolding]:
        """One transaction."""
        ...


class WentOn(NamedTuple):
    """A hold that ended: what it was, how much no longer counts as late, and what still holds the same queues or some of them."""

    hold: Hold
    not_late: int
    still: tuple[Hold, ...]


def hold(store: QueueHoldStore, wanted: Hold) -> Hold:
    """Hold a queue, or everything; the hold that stands then. To drain what is paused already, or was being drained, is no mistake:
    it is held since it was first. Raises Refused for a pause of what is held already.
    """

    def once() -> Hold:
        with store.queue_holding() as transaction:
            before = next((each for each in transaction.held() if _same(each, wanted.kind, wanted.name)), None)
            if before is None:
                standing = wanted
            elif wanted.how == "draining":
                standing = before._replace(how="draining", reason=wanted.reason or before.reason)
            else:
                raise Refused(
                    f"{named(before)} is held already, since {before.since:%Y-%m-%d %H:%M} UTC; `nurture resume {_said(before)}` ends that"
                )
            transaction.hold(standing)
            return standing

    return again_on_conflict(once)


def resume(store: QueueHoldStore, kind: HoldKind, name: str, queues: Collection[str], at: datetime) -> WentOn:
    """Let a queue, or everything, go on; `queues` are all there are, and none when an endpoint
    goes on. Raises Refused for what is not held.
    """

    def once() -> WentOn:
        with store.queue_holding() as transaction:
            held = transaction.held()
            gone = next((each for each in held if _same(each, kind, name)), None)
            if gone is None:
                raise Refused(_not_held(kind, name, held))
            others = tuple(each for each in held if each is not gone)
            transaction.let_go(kind, name)
            spans = {queue: span for queue in queues if (span := let_go(gone, others, queue, at)) is not None}
            not_late = sum(transaction.not_late_for(queue, span) for queue, span in spans.items())
            return WentOn(
                gone, not_late, tuple(each for each in others if kind == "all" or (kind == "queue" and each.covers(name)))
            )

    return again_on_conflict(once)


def named(hold: Hold) -> str:
    """What is held, for people: `everything`, `the queue mail`."""
    return "everything" if hold.kind == "all" else f"the {hold.kind} {hold.name}"


def _said(hold: Hold) -> str:
    return "all" if hold.kind == "all" else f"{hold.kind} {hold.name}"


def _same(hold: Hold, kind: HoldKind, name: str) -> bool:
    return (hold.kind, hold.name) == (kind, name)


def _not_held(kind: HoldKind, name: str, held: Sequence[Hold]) -> str:
    what = "everything" if kind == "all" else f"the {kind} {name}"
    by_another = next((each for each in held if kind == "queue" and each.covers(name)), None)
    if by_another is not None:
        return f"{what} is held with everything; `nurture resume all` lets it go on"
    return f"{what} is not held; `nurture holds` lists what is"
