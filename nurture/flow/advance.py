"""Advance: enrollments whose time has come take their next steps, a batch in a transaction.

1. Claim the most overdue enrollments; other workers pass over them until the transaction ends.
2. Decide for each how far it walks.
3. Queue the messages planned on the way and store where each stands, together: a step without its message, or a message
   whose step could be taken again, cannot exist.
"""

from contextlib import AbstractContextManager
from typing import Final, NamedTuple, Protocol

from nurture.domain.enrollment import EnrollmentStatus
from nurture.domain.schedule import IsHoliday
from nurture.domain.stepping import Calendar, Move
from nurture.domain.stepping import advance as decide
from nurture.ports import Advancing, Clock, Standing

BATCH: Final = 500


class AdvanceStore(Protocol):
    """Opens the transactions of advance."""

    def advancing(self) -> AbstractContextManager[Advancing]:
        """One transaction."""
        ...


class Advanced(NamedTuple):
    """What one batch came to: enrollments that took a step, and messages queued by them."""

    moved: int
    queued: int


def advance(store: AdvanceStore, clock: Clock, is_holiday: IsHoliday, limit: int = BATCH) -> Advanced:
    """Take one batch of due enrollments; `moved` is 0 when none is due. Raises Unavailable and Conflict."""
    at = clock.now()
    with store.advancing() as transaction:
        due = transaction.due(limit, at)
        if not due:
            return Advanced(0, 0)
        calendar = Calendar(transaction.definitions().sending.timezone, is_holiday)
        moves = [decide(each.run, each.sequence, each.facts, calendar, at) if each.sequence else _stranded(each) for each in due]
        transaction.store(moves, at)
    return Advanced(len(moves), sum(len(move.messages) for move in moves))


def _stranded(standing: Standing) -> Move:
    run = standing.run
    reason = f"version {run.version} of the sequence is gone"
    return Move(run.id, EnrollmentStatus.EXITED, run.step, None, reason)
