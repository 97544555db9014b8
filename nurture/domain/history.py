"""What one person did in the past, as far as conditions ask: `{happened: {event: webinar_attended, within: 30d, times: 2}}`.

A history says of itself which events it was loaded for and how far back, so that a question beyond that is an error and
never a wrong answer.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any, Final, NamedTuple

from nurture.domain.duration import format_duration
from nurture.domain.event import Event

#: The keys under which the facts about a person hold their history and the present of the evaluation. No attribute and no
#: field of a condition can be called so: the reader of YAML refuses such keys.
HISTORY: Final = "<history>"
NOW: Final = "<now>"

#: The key under which the facts of an event of the past hold the message that it reacted to.
MESSAGE: Final = "<message>"


class MissingHistory(KeyError):
    """A condition asks about the past, and nobody loaded it. The caller must load what `Definitions.history_names` names."""

    def __str__(self) -> str:
        return str(self.args[0])


class Past(NamedTuple):
    """One human event of the past: its name, when the person acted, and what conditions may ask about it."""

    name: str
    at: datetime
    facts: Mapping[str, Any]


def past_of(event: Event) -> Past:
    """An event, once it has happened."""
    facts = event.facts if event.message is None else {**event.facts, MESSAGE: event.message}
    return Past(event.name, event.occurred_at, facts)


class HistoryQuestion(NamedTuple):
    """Which events are asked about, and how far back from the present; None: ever."""

    events: tuple[str, ...]
    within: timedelta | None = None


#: Event names with how far back each is needed or known; None: all of it.
Reach = Mapping[str, timedelta | None]

_instant: Final = attrgetter("at")


def widest(questions: Iterable[HistoryQuestion]) -> dict[str, timedelta | None]:
    """Every event asked about, with the widest span that any question needs."""
    reach: dict[str, timedelta | None] = {}
    for question in questions:
        for name in question.events:
            reach[name] = _wider(reach[name], question.within) if name in reach else question.within
    return reach


def _wider(one: timedelta | None, other: timedelta | None) -> timedelta | None:
    return None if one is None or other is None else max(one, other)


class History:
    """What is known of one person's human events. `reach` says which were looked for, and how far back from the present."""

    __slots__ = ("_past", "_reach")

    def __init__(self, past: Iterable[Past], reach: Reach) -> None:
        self._reach = reach
        self._past: dict[str, list[Past]] = {}
        self.add(past)

    def __iter__(self) -> Iterator[Past]:
        for events in self._past.values():
            yield from events

    def add(self, past: Iterable[Past]) -> None:
        """Take in more: what has just happened, or the history of somebody who turned out to be the same person.

        Events that nobody asks about are left out.
        """
        for event in past:
            if event.name in self._reach:
                insort(self._past.setdefault(event.name, []), event, key=_instant)

    def count(self, question: HistoryQuestion, at: datetime, where: Callable[[Mapping[str, Any]], bool] | None = None) -> int:
        """How many of the events satisfy `where`, from `question.within` before instant `at` to `at`, both included.

        Raises MissingHistory if they were not looked for that far back.
        """
        return sum(self._count_of(name, question.within, at, where) for name in question.events)

    def _count_of(
        self, name: str, within: timedelta | None, at: datetime, where: Callable[[Mapping[str, Any]], bool] | None
    ) -> int:
        if name not in self._reach or _wider(self._reach[name], within) != self._reach[name]:
            span = "ever" if within is None else f"within {format_duration(within)}"
            raise MissingHistory(f"a condition asks whether {name!r} happened {span}, which was not looked for; load it")
        events = self._past.get(name)
        if events is None:
            return 0
        begin = 0 if within is None else bisect_left(events, at - within, key=_instant)
        end = bisect_right(events, at, key=_instant)
        return end - begin if where is None else sum(where(each.facts) for each in events[begin:end])
