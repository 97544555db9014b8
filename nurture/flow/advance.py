"""Advance: enrollments whose time has come take their next steps, a batch in a transaction.

1. Claim the most overdue enrollments with their people; other workers pass over them until the transaction ends.
2. Decide for each how far it walks.
3. Queue the messages planned on the way and store where each stands, together: a step without its message, or a message
   whose step could be taken again, cannot exist.
4. What steps change about people is told by events, which are absorbed like any other, in the same transaction.
"""

from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Final, NamedTuple, Protocol

from nurture.domain.absorbing import absorb
from nurture.domain.event import Event
from nurture.domain.schedule import Calendar, IsHoliday
from nurture.domain.stepping import advance as decide
from nurture.domain.stepping import put_off
from nurture.ports import Advancing, Clock

BATCH: Final = 1_000

#: How long a run rests that cannot be decided, by a mistake in its definitions or in the engine.
_REST: Final = timedelta(hours=1)


class AdvanceStore(Protocol):
    """Opens the transactions of advance."""

    def advancing(self) -> AbstractContextManager[Advancing]:
        """One transaction."""
        ...


class Advanced(NamedTuple):
    """What one batch came to: enrollments that took a step, messages queued by them, and whether more is due at once.

    `failures` says of each run that could not be decided where it stands, and why; it is put off for a while.
    """

    moved: int
    queued: int
    more: bool = False
    failures: tuple[str, ...] = ()


def advance(store: AdvanceStore, clock: Clock, is_holiday: IsHoliday, limit: int = BATCH) -> Advanced:
    """Take one batch of due enrollments; `moved` is 0 when none is due. Raises Unavailable and Conflict."""
    at = clock.now()
    with store.advancing() as transaction:
        due = transaction.due(limit, at)
        if not due:
            return Advanced(0, 0)
        definitions = transaction.definitions()
        calendar = Calendar(definitions.sending.timezone, is_holiday)
        moves, failures = [], []
        for standing in due:
            try:
                moves.append(decide(standing, definitions, calendar, at))
            except Exception as error:  # noqa: BLE001 - whatever one run breaks must not stop the others
                moves.append(put_off(standing.run, at + _REST))
                failures.append(f"{standing.run.sequence}, step {standing.run.step}: {type(error).__name__}: {error}")
        transaction.store(moves, at)
        told = [event for move in moves for event in move.events]
        if told:
            _absorb(transaction, told, at)
    queued = sum(message.skipped is None for move in moves for message in move.messages)
    more = len(moves) == limit or any(move.events or move.begun for move in moves)
    return Advanced(len(moves), queued, more, tuple(failures))


def _absorb(transaction: Advancing, told: list[Event], at: datetime) -> None:
    """Let what steps tell of people count. The engine itself tells it, so no browser need be looked at."""
    transaction.store_changes(absorb(told, transaction.world(told), lambda _agent: "browser", at))
