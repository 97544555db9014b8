"""The mails of a story, day by day."""

from collections import Counter
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from nurture.simulation.difference import sent
from nurture.simulation.story import Story

_ONE_DAY: Final = timedelta(days=1)


class Day(NamedTuple):
    """One day, and how many of each e-mail went out on it."""

    day: date
    mails: Mapping[str, int]

    @property
    def total(self) -> int:
        """All mails of the day."""
        return sum(self.mails.values())


def days(story: Story, zone: str) -> list[Day]:
    """Every day from the first mail to the last, in the business's zone, those without a mail included; empty without any."""
    local = ZoneInfo(zone)
    mails: dict[date, Counter[str]] = {}
    for row in sent(story):
        if row.sent_at is not None:
            mails.setdefault(row.sent_at.astimezone(local).date(), Counter())[row.template] += 1
    if not mails:
        return []
    first, last = min(mails), max(mails)
    span = (first + number * _ONE_DAY for number in range((last - first).days + 1))
    return [Day(day, mails.get(day, Counter())) for day in span]
