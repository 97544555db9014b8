"""Hold: a sequence is paused, and goes on later.

Nobody is sent away: people in flight stay on their step, waits go on counting, and whoever is triggered meanwhile comes in and
stays at the first step. When it goes on, whatever came due meanwhile is spread over some time, and none of it counts as late.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from nurture.domain.definitions import Definitions
from nurture.domain.wording import instead
from nurture.errors import Refused
from nurture.flow.conflicts import again_on_conflict


class Holding(Protocol):
    """The database, as hold sees it: one transaction, beside which no worker works."""

    def definitions(self) -> Definitions:
        """The definitions in force; raises DefinitionError when nothing was ever applied."""
        ...

    def held_since(self) -> Mapping[str, datetime]:
        """The sequences that are paused, and since when."""
        ...

    def in_flight(self, sequence: str) -> bool:
        """Whether anybody is in flight on a sequence, which may be gone from the definitions."""
        ...

    def closed_since(self) -> Mapping[str, datetime]:
        """The sequences that nobody enters any more, and since when."""
        ...

    def close(self, sequence: str, at: datetime, reason: str | None, by: str | None) -> None:
        """Let nobody enter a sequence."""
        ...

    def reopen(self, sequence: str) -> None:
        """Let people enter a sequence again."""
        ...

    def hold(self, sequence: str, at: datetime, reason: str | None, by: str | None = None) -> int:
        """Pause a sequence; how many people in flight are held."""
        ...

    def let_go(self, sequence: str, at: datetime, over: timedelta) -> tuple[int, int]:
        """Let a sequence go on; how many people go on, and how many mails that were put off go."""
        ...


class HoldStore(Protocol):
    """Opens the transactions of hold."""

    def holding(self) -> AbstractContextManager[Holding]:
        """One transaction."""
        ...


class Resumed(NamedTuple):
    """What goes on: people in flight, and mails that had been put off. `reopened` when people may enter again."""

    people: int
    mails: int
    reopened: bool = False


def pause(store: HoldStore, sequence: str, reason: str | None, at: datetime, by: str | None = None) -> int:
    """Hold a sequence; how many people are held. Raises Refused for one that is held already, or that there is not."""

    def once() -> int:
        with store.holding() as transaction:
            _refuse_unless_new(transaction, sequence)
            return transaction.hold(sequence, at, reason, by)

    return again_on_conflict(once)


def drain(store: HoldStore, sequence: str, reason: str | None, at: datetime, by: str | None = None) -> bool:
    """Let nobody enter a sequence, while people in flight walk on to their end; whether that is new.

    Raises Refused for one that is paused, in which nobody would ever come to the end, or that there is not.
    """

    def once() -> bool:
        with store.holding() as transaction:
            if sequence in transaction.closed_since():
                return False
            _refuse_unless_new(transaction, sequence)
            transaction.close(sequence, at, reason, by)
            return True

    return again_on_conflict(once)


def _refuse_unless_new(transaction: Holding, sequence: str) -> None:
    known, since = transaction.definitions().sequences, transaction.held_since().get(sequence)
    if since is not None:
        already = f"{sequence} is paused already, since {since:%Y-%m-%d %H:%M} UTC"
        raise Refused(f"{already}; `nurture resume {sequence}` ends that")
    if sequence not in known and not transaction.in_flight(sequence):
        raise Refused(f"there is no sequence {sequence!r}; {instead(sequence, known)}")


def resume(store: HoldStore, sequence: str, over: timedelta, at: datetime) -> Resumed:
    """Let a sequence go on, and be entered again; what came due meanwhile is spread over `over`. Raises Refused for one that is not held."""

    def once() -> Resumed:
        with store.holding() as transaction:
            held, closed = transaction.held_since(), transaction.closed_since()
            if sequence not in held and sequence not in closed:
                paused = instead(sequence, sorted({*held, *closed})) if held or closed else "no sequence is"
                raise Refused(f"{sequence} is not paused; {paused}")
            if sequence in closed:
                transaction.reopen(sequence)
            went_on = transaction.let_go(sequence, at, over) if sequence in held else (0, 0)
            return Resumed(*went_on, reopened=sequence in closed)

    return again_on_conflict(once)
