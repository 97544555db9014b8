"""What sales should do next about somebody, and when they are best called.

Who asked to be called is called within the hour: the odds of reaching somebody fall within that time (Oldroyd, McElheran, Elkington:
*The Short Life of Online Sales Leads*, Harvard Business Review, March 2011). Everybody else is called at the hours at which they are
usually about.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from nurture.domain.lifecycle import DISQUALIFIED

#: When people are called, in their own time zone: from Monday to Friday, and between these hours.
_WORKDAYS: Final = range(5)
_OPENS, _CLOSES = 8, 18

#: How many hours a best time spans.
_SPAN: Final = 2

#: When somebody is called of whom it is not known when they are about.
_USUAL: Final = 10

#: Of fewer traces in working hours nothing is concluded.
_ENOUGH: Final = 3

#: Grades that are worth a call before anybody asked for one.
_FITTING: Final = frozenset({"A", "B"})


class Action(StrEnum):
    """What to do, most urgent first."""

    CALL_NOW = "call_now"
    CALL = "call"
    WRITE = "write"
    KEEP_WARM = "keep_warm"
    LOOK_AFTER = "look_after"
    NOTHING = "nothing"

    @property
    def words(self) -> str:
        """A sentence for whoever is to do it."""
        return _WORDS[self]


_WORDS: Final = {
    Action.CALL_NOW: "Call within the hour: they asked for it.",
    Action.CALL: "Call within a working day: they are interested and a good fit.",
    Action.WRITE: "Write a personal mail first: they are interested, but hardly a good fit.",
    Action.KEEP_WARM: "Do not call yet: the sequences go on keeping them warm.",
    Action.LOOK_AFTER: "Look after a customer who is interested again.",
    Action.NOTHING: "Nothing: they are disqualified.",
}

_WITHIN: Final = {
    Action.CALL_NOW: timedelta(hours=1),
    Action.CALL: timedelta(days=1),
    Action.WRITE: timedelta(days=3),
}


class Signals(NamedTuple):
    """What the decision rests on.

    `stages` is their order. `asked` says that they came to their stage by what they did, rather than by a score. `active_at` are
    instants at which they did something lately, in any order; `timezone` is theirs, or that of the business.
    """

    stage: str
    stages: Sequence[str]
    asked: bool
    grade: str
    timezone: str
    active_at: Sequence[datetime] = ()


class BestTime(NamedTuple):
    """When to call: from `since` to `until` o'clock in their zone, next at instant `next`; `known` if they themselves were seen then."""

    since: int
    until: int
    timezone: str
    known: bool
    next: datetime


class NextAction(NamedTuple):
    """What to do, by when at the latest (None if it does not press), and the best time for it."""

    action: Action
    by: datetime | None
    best: BestTime

    def as_json(self) -> dict[str, Any]:
        return {
            "action": self.action.value,
            "text": self.action.words,
            "by": _iso(self.by) if self.by is not None else None,
            "best_time": {**self.best._asdict(), "next": _iso(self.best.next)},
        }


def next_action(signals: Signals, since: datetime, at: datetime) -> NextAction:
    """What to do at instant `at` about somebody who has stood in their stage since `since`."""
    action = _action(signals)
    within = _WITHIN.get(action)
    by = max(since + within, at) if within is not None else None
    return NextAction(action, by, best_time(signals.active_at, signals.timezone, at, at_once=action == Action.CALL_NOW))


def _action(signals: Signals) -> Action:
    if signals.stage == DISQUALIFIED:
        return Action.NOTHING
    place = signals.stages.index(signals.stage) if signals.stage in signals.stages else 0
    if place == len(signals.stages) - 1:
        return Action.LOOK_AFTER
    if place <= 1:  # everybody begins in the first, and who only traded an address for content stands in the second
        return Action.KEEP_WARM
    if signals.asked:
        return Action.CALL_NOW
    return Action.CALL if signals.grade in _FITTING else Action.WRITE


def best_time(active_at: Sequence[datetime], timezone: str, at: datetime, *, at_once: bool = False) -> BestTime:
    """The hours of a working day at which somebody was about most often; `at_once`, the next instant at which people are called at all."""
    zone = ZoneInfo(timezone)
    local = [instant.astimezone(zone) for instant in active_at]
    hours = Counter(each.hour for each in local if each.weekday() in _WORKDAYS and _OPENS <= each.hour < _CLOSES)
    known = hours.total() >= _ENOUGH
    starts = range(_OPENS, _CLOSES - _SPAN + 1)
    begins = max(starts, key=lambda start: (sum(hours[start + hour] for hour in range(_SPAN)), -start)) if known else _USUAL
    opens, closes = (_OPENS, _CLOSES) if at_once else (begins, begins + _SPAN)
    return BestTime(begins, begins + _SPAN, timezone, known, _next(at.astimezone(zone), opens, closes))


def _next(now: datetime, opens: int, closes: int) -> datetime:
    """The first instant from now on that falls on a working day between two hours."""
    if now.weekday() in _WORKDAYS and opens <= now.hour < closes:
        return now.astimezone(UTC)
    day = now.date() if now.hour < opens else now.date() + timedelta(days=1)
    while day.weekday() not in _WORKDAYS:
        day += timedelta(days=1)
    return datetime.combine(day, time(opens), now.tzinfo).astimezone(UTC)


def _iso(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")
