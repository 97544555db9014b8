"""Census: everybody is counted as they stand now, off everybody's way, so that whoever reads a report need not wait while they are.

Roll-ups say what happened on each day, and absorb keeps them for next to nothing. Where people stand now follows from what happened to each
of them in the end, and from the day; a sum of that kept by absorb would be a row in which all workers count at once.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, Protocol

from nurture.domain.definitions import Definitions
from nurture.ports import Clock


class Counting(Protocol):
    """The database, as census sees it: one state of it, and no lock."""

    def definitions(self) -> Definitions:
        """The definitions in force."""
        ...

    def answers(self, definitions: Definitions, at: datetime) -> Mapping[str, Sequence[Sequence[Any]]]:
        """What is found of everybody at an instant, by what is asked."""
        ...


class CensusStore(Protocol):
    """Opens the transactions of census."""

    def counting(self) -> AbstractContextManager[Counting]:
        """One that only reads."""
        ...

    def store(self, answers: Mapping[str, Sequence[Sequence[Any]]], definitions: Definitions, at: datetime) -> None:
        """Put what was found in the place of the census before; raises Unavailable and Conflict."""
        ...


def census(store: CensusStore, clock: Clock) -> int:
    """Take a census; how many rows were found. Taken twice at once, one of them stays. Raises Unavailable and Conflict."""
    at = clock.now()
    with store.counting() as counting:
        definitions = counting.definitions()
        answers = counting.answers(definitions, at)
    store.store(answers, definitions, at)
    return sum(map(len, answers.values()))
