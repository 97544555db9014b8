"""Recount: people of whom what is stored no longer follows from the log are worked out afresh.

Absorb marks them when an event came out of its order, and whoever revises verdicts or joins people by hand does so too. The
mark is a column, so nothing is lost if nobody gets to it for a while; and it may be done twice.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from nurture.domain.definitions import Definitions
from nurture.domain.recounting import consequences
from nurture.domain.recounting import recount as decide
from nurture.errors import TooMuch
from nurture.flow.conflicts import again_on_conflict
from nurture.ports import Clock, Recounting

BATCH: Final = 100

#: Events of people who hang together that are worked out at once. Whoever has more stays as absorb left them.
MOST_EVENTS: Final = 50_000


class RecountStore(Protocol):
    """Opens the transactions of recount."""

    def components(self) -> AbstractContextManager[Recounting]:
        """One transaction."""
        ...


@dataclass(slots=True)
class Recounts:
    """What one run came to: how many people were due, how many were left as they are because too much hangs on them, and how many
    stage changes and runs through sequences their right totals brought.
    """

    due: int = 0
    left: int = 0
    moved: int = 0
    begun: int = 0


def recount(store: RecountStore, clock: Clock, limit: int = BATCH, most: int = MOST_EVENTS) -> Recounts:
    """Work out up to `limit` people who are due, with everybody connected. Raises Unavailable and Conflict."""
    with store.components() as transaction:
        definitions, due = transaction.definitions(), transaction.due(limit)
    report = Recounts(due=len(due))
    if due:
        _work_out(store, definitions, due, clock.now(), most, report)
    return report


def _work_out(
    store: RecountStore, definitions: Definitions, due: Sequence[int], at: datetime, most: int, report: Recounts
) -> None:
    try:
        again_on_conflict(lambda: _once(store, definitions, due, at, most, report))
    except TooMuch:
        if len(due) > 1:
            middle = len(due) // 2
            _work_out(store, definitions, due[:middle], at, most, report)
            _work_out(store, definitions, due[middle:], at, most, report)
            return
        with store.components() as transaction:
            transaction.give_up(due[0])
        report.left += 1


def _once(store: RecountStore, definitions: Definitions, due: Sequence[int], at: datetime, most: int, report: Recounts) -> None:
    with store.components() as transaction:
        component = transaction.component(due, most)
        outcome = decide(component, definitions, at)
        transaction.remember(outcome, component, at)
        moves, begun = consequences(component, outcome, definitions, at)
        transaction.store(component, outcome, at)
        transaction.store_moves(moves, begun)
    report.moved += len(moves)
    report.begun += len(begun)
