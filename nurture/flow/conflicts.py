"""Another worker changed the same people at the same time: the transaction is simply run again."""

from collections.abc import Callable
from typing import Final, TypeVar

from nurture.errors import Conflict

T = TypeVar("T")

TRIES: Final = 5


def again_on_conflict(transaction: Callable[[], T]) -> T:
    """What the transaction returns, at the latest in the last of TRIES; raises its last Conflict."""
    for _ in range(TRIES - 1):
        try:
            return transaction()
        except Conflict:
            continue
    return transaction()
