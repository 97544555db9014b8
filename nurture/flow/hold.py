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

    def hold(self, sequence: str, at: datetime, reason: str | None) -> int:
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
    """What goes on: people in flight, and mails that had been put off."""

    people: int
    mails: int


def pause(store: HoldStore, sequence: str, reason: str | None, at: datetime) -> int:
    """Hold a sequence; how many people are held. Raises Refused for one that is held already, or that there is not."""

    def once() -> int:
        with store.holding() as transaction:
            known, since = transaction.definitions().sequences, transaction.held_since().get(sequence)
            if since is not None:
                already = f"{sequence} is paused already, since {since:%Y-%m-%d %H:%M} UTC"
                raise Refused(f"{already}; `nurture resume {sequence}` ends that")
            if sequence not in known and not transaction.in_flight(sequence):
                raise Refused(f"there is no sequence {sequence!r}; {instead(sequence, known)}")
            return transaction.hold(sequence, at, reason)

    return again_on_conflict(once)


def resume(store: HoldStore, sequence: str, over: timedelta, at: datetime) -> Resumed:
    """Let a sequence go on; what came due meanwhile is spread over `over`. Raises Refused for one that is not held."""

    def once() -> Resumed:
        with store.holding() as transaction:
            held = transaction.held_since()
            if sequence not in held:
                paused = instead(sequence, sorted(held)) if held else "no sequence is"
                raise Refused(f"{sequence} is not paused; {paused}")
            return Resumed(*transaction.let_go(sequence, at, over))

    return again_on_conflict(once)
