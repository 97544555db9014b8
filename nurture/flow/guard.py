"""Guard: mail that does harm stops by itself, and the operator is told.

Looks every minute at what came of the mails that left. A sequence whose readers complain, or whose addresses do not exist, is
paused; so is one that mails far above what is usual. What was stopped goes on when a human says so, and is counted anew from then.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from nurture.domain.definitions import Definitions
from nurture.domain.mail.breakers import Alarm, Breakers, Pulse, Stream, Trip, tripped
from nurture.flow.conflicts import again_on_conflict
from nurture.ports import Clock


class GuardStore(Protocol):
    """The database, as guard sees it; each call is a transaction of its own."""

    def definitions(self) -> Definitions:
        """The definitions in force; raises DefinitionError when nothing was ever applied."""
        ...

    def streams(self, within: timedelta, at: datetime) -> Sequence[Stream]:
        """What came of each sequence's mails that left within a time, and after its last alarm."""
        ...

    def pulses(self, least: int, at: datetime) -> Sequence[Pulse]:
        """How much mail leaves, of each sequence and of all, as far as it is at least so much within the last hour."""
        ...

    def stop(self, trips: Sequence[Trip], at: datetime) -> list[Alarm]:
        """Pause what is not paused yet, and keep the alarms; those that are new."""
        ...


def guard(store: GuardStore, clock: Clock) -> list[Alarm]:
    """Open the breakers that must open; the alarms that were raised."""
    at = clock.now()
    breakers = store.definitions().sending.breakers
    trips = tripped(store.streams(breakers.within, at), _pulses(store, breakers, at), breakers, at)
    return again_on_conflict(lambda: store.stop(trips, at)) if trips else []


def _pulses(store: GuardStore, breakers: Breakers, at: datetime) -> Sequence[Pulse]:
    return store.pulses(breakers.surge.least, at) if breakers.surge is not None else []
