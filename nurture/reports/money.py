"""What was spent, spread evenly over the days for which it was spent, and what it comes to for each of those it brought."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import NamedTuple

from sqlalchemy import Connection, select

from nurture.adapters.database.tables import spend
from nurture.reports.sheet import Period, Remark


class Spent(NamedTuple):
    """Hundredths of the currency, by what they were spent on. What was spent on a campaign alone is in no channel, so channels may
    add up to less than `total`; `other` are the currencies of amounts that are left out, for nobody says what they are worth.
    """

    total: Fraction
    by_channel: Mapping[str, Fraction]
    by_campaign: Mapping[str, Fraction]
    other: tuple[str, ...]


def spent_in(connection: Connection, period: Period, currency: str) -> Spent:
    """What was spent in a period. Of an amount whose days reach beyond the period, the part of those within it counts."""
    by_channel, by_campaign = defaultdict[str, Fraction](Fraction), defaultdict[str, Fraction](Fraction)
    total, other = Fraction(), set[str]()
    asked = select(spend).where(spend.c.last_day >= period.first, spend.c.first_day <= period.last)
    for row in connection.execute(asked):
        if row.currency != currency:
            other.add(row.currency)
            continue
        part = share_within(row.first_day, row.last_day, row.amount, period)
        total += part
        if row.channel is not None:
            by_channel[row.channel] += part
        if row.campaign is not None:
            by_campaign[row.campaign] += part
    return Spent(total, by_channel, by_campaign, tuple(sorted(other)))


def cost_of_each(spent: Fraction, people: float) -> int | None:
    """What each of so many people has cost, in whole hundredths; None of nobody."""
    return round(spent / Fraction(people)) if people else None


def remarks_on(spent: Spent) -> Iterator[Remark]:
    """That nothing is known to have been spent, or not all of it is told."""
    if not spent.total:
        yield Remark(code="nothing_spent")
    if spent.other:
        yield Remark(code="other_currencies", values={"currencies": ", ".join(spent.other)})


def share_within(first: int, last: int, amount: int, period: Period) -> Fraction:
    """What of an amount falls on a period that has days in common with it."""
    days = min(last, period.last) - max(first, period.first) + 1
    return Fraction(amount * days, last - first + 1)
