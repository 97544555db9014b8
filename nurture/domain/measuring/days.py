"""Days of the business's time zone, counted from 1970-01-01, and what the days add on which somebody was here."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import takewhile
from zoneinfo import ZoneInfo

from nurture.domain.measuring.figures import COHORT, PEOPLE
from nurture.domain.measuring.tally import Place, Tally

_EPOCH = date(1970, 1, 1)


def local_day(at: datetime, timezone: str) -> int:
    """The day of an instant on the clocks of a time zone."""
    return (at.astimezone(ZoneInfo(timezone)).date() - _EPOCH).days


def begins(day: int, timezone: str) -> datetime:
    """The first instant of a day, UTC."""
    on = _EPOCH + timedelta(days=day)
    return datetime(on.year, on.month, on.day, tzinfo=ZoneInfo(timezone)).astimezone(UTC)


def first_whole_day(since: datetime, timezone: str) -> int:
    """The first day that begins at an instant or after it."""
    day = local_day(since, timezone)
    return day if begins(day, timezone) >= since else day + 1


def monday_of(day: int) -> int:
    """The Monday of a day's week; 1970-01-01 was a Thursday."""
    return day - (day + 3) % 7


def month_of(day: int) -> int:
    """The first day of the month of a counted day."""
    return day + 1 - (_EPOCH + timedelta(days=day)).day


def changed_presence(before: Sequence[int], after: Sequence[int]) -> Tally:
    """What changes when somebody was here on the days `after` and not, as was thought, on the days `before`; both ascending.

    Of all of somebody's days in a span, exactly one has its day before outside of it. So the people of any span are a sum.
    """
    same = sum(1 for _ in takewhile(lambda both: both[0] == both[1], zip(before, after, strict=False)))
    was, now = _presence(before, same), _presence(after, same)
    return Tally(dict.fromkeys(now - was, 1) | dict.fromkeys(was - now, -1))


def _presence(days: Sequence[int], start: int) -> set[Place]:
    """What somebody's days add, from one of them on."""
    added: set[Place] = set()
    for index in range(start, len(days)):
        added.add(Place(PEOPLE, days[index], str(days[index - 1]) if index else ""))
        if not index or monday_of(days[index - 1]) != monday_of(days[index]):
            added.add(Place(COHORT, days[index], str(monday_of(days[0]))))
    return added
