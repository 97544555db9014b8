"""Absorb: from the stream into the database, a batch in a transaction.

1. Read up to BATCH entries of one partition: what a dead worker left unfinished first.
2. Parse them; what cannot be read goes to the dead letters with its reason.
3. In one transaction: drop what is stored already, load everybody concerned, decide, store.
4. Only after the commit, forget the entries.

A crash anywhere repeats the batch, and the repeated batch finds its events stored. If a batch cannot be stored, its halves
are tried alone, down to the one event that is the reason; that one is parked and costs only itself.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from pydantic import ValidationError

from nurture.domain.absorbing import absorb as decide
from nurture.domain.event import EVENT, Event
from nurture.domain.verdict import KindOfAgent
from nurture.domain.world import Changes
from nurture.errors import NurtureError
from nurture.flow.conflicts import again_on_conflict
from nurture.ports import Absorbing, Clock, Entry, Partition

#: Many for their transaction, because most of what a batch costs is by person and by statement, whatever each of them did; and few
#: enough that the people in it are locked for well under a second.
BATCH: Final = 2_000

#: An entry handed out this often has brought a worker down each time; it is then taken alone, and parked if it fails.
_TOO_OFTEN: Final = 5


class AbsorbStore(Protocol):
    """Opens the transactions of absorb."""

    def absorbing(self) -> AbstractContextManager[Absorbing]:
        """One transaction."""
        ...


@dataclass(slots=True)
class Absorbed:
    """What one batch came to. `dropped` are events by links of people who were forgotten. `wakes_sequences`: an enrollment is due at once; `wakes_recount`: somebody must be recounted."""

    read: int = 0
    stored: int = 0
    parked: int = 0
    dropped: int = 0
    wakes_sequences: bool = False
    wakes_recount: bool = False

    def add(self, other: "Absorbed") -> None:
        self.read += other.read
        self.stored += other.stored
        self.parked += other.parked
        self.dropped += other.dropped
        self.wakes_sequences |= other.wakes_sequences
        self.wakes_recount |= other.wakes_recount


def absorb(partition: Partition, store: AbsorbStore, clock: Clock, kind_of_agent: KindOfAgent, limit: int = BATCH) -> Absorbed:
    """Take one batch from a partition; `read` is 0 when nothing waits.

    Raises Unavailable when the database does not answer, and Conflict when the same people changed under it again and
    again; the batch then stays in the stream.
    """
    entries = partition.read(limit)
    total = Absorbed(read=len(entries))
    suspects = [entry for entry in entries if entry.deliveries > _TOO_OFTEN]
    trusted = [entry for entry in entries if entry.deliveries <= _TOO_OFTEN]
    for group in ([trusted] if trusted else []) + [[entry] for entry in suspects]:
        total.add(_Absorber(partition, store, clock, kind_of_agent).take(group))
    return total


@dataclass(slots=True)
class _Absorber:
    partition: Partition
    store: AbsorbStore
    clock: Clock
    kind_of_agent: KindOfAgent

    def take(self, entries: Sequence[Entry]) -> Absorbed:
        outcome = Absorbed()
        readable: list[tuple[Entry, Event]] = []
        for entry in entries:
            try:
                readable.append((entry, EVENT.validate_json(entry.body)))
            except ValidationError as error:
                self._park(entry, f"cannot be read: {_first_mistake(error)}")
                outcome.parked += 1
        outcome.add(self._store(readable))
        return outcome

    def _store(self, batch: Sequence[tuple[Entry, Event]]) -> Absorbed:
        if not batch:
            return Absorbed()
        try:
            outcome = again_on_conflict(lambda: self._once(batch))
        except NurtureError:
            raise  # it helps to try again later: nothing is wrong with the events
        except Exception as error:  # noqa: BLE001 - whatever one event breaks must not stop the others
            if len(batch) == 1:
                self._park(batch[0][0], f"cannot be stored: {type(error).__name__}: {error}"[:500])
                return Absorbed(parked=1)
            middle = len(batch) // 2
            outcome = self._store(batch[:middle])
            outcome.add(self._store(batch[middle:]))
            return outcome
        self.partition.done([entry.id for entry, _ in batch])
        return outcome

    def _once(self, batch: Sequence[tuple[Entry, Event]]) -> Absorbed:
        changes = store_batch(self.store, [event for _, event in batch], self.kind_of_agent, self.clock.now())
        if changes is None:
            return Absorbed()
        return Absorbed(
            stored=len(changes.events) + len(changes.unnamed), dropped=len(changes.dropped),
            wakes_sequences=changes.wakes_sequences, wakes_recount=bool(changes.recounts),
        )  # fmt: skip

    def _park(self, entry: Entry, reason: str) -> None:
        self.partition.park(entry, reason, self.clock.now())


def store_batch(store: AbsorbStore, events: Sequence[Event], kind_of_agent: KindOfAgent, at: datetime) -> Changes | None:
    """Decide what events change and store it, in one transaction; None if all of them were stored before."""
    with store.absorbing() as transaction:
        fresh = transaction.unseen(events)
        if not fresh:
            return None
        changes = decide(fresh, transaction.world(fresh), kind_of_agent, at)
        transaction.store(changes)
    return changes


def _first_mistake(error: ValidationError) -> str:
    mistake = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(map(str, mistake['loc'])) or 'event'}: {mistake['msg']}"
