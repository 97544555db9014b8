"""A period cut into days, weeks and months of the calendar; what of a week or month lies outside is left out."""

from collections.abc import Callable, Iterator

from nurture.domain.measuring.days import monday_of, month_of
from nurture.reports.sheet import Period, Remark

#: A way to cut a period.
Cut = Callable[[Period], Iterator[Period]]


def days_of(period: Period) -> Iterator[Period]:
    """Each day by itself."""
    for day in range(period.first, period.last + 1):
        yield period.model_copy(update={"first": day, "last": day})


def weeks_of(period: Period) -> Iterator[Period]:
    """From Mondays to Sundays."""
    yield from _cut(period, lambda first: monday_of(first) + 7)


def months_of(period: Period) -> Iterator[Period]:
    """From the first to the last of each month."""
    yield from _cut(period, _next_month)


def cut_off(cut: Cut, period: Period) -> tuple[Remark, ...]:
    """Says so where the first span or the last one is not whole: a day more on either side would belong to it."""
    spans = list(cut(period.model_copy(update={"first": period.first - 1, "last": period.last + 1})))
    return (Remark(code="cut_off"),) if max(spans[0].days, spans[-1].days) > 1 else ()


def _next_month(day: int) -> int:
    return month_of(month_of(day) + 31)


def _cut(period: Period, next_begins: Callable[[int], int]) -> Iterator[Period]:
    first = period.first
    while first <= period.last:
        following = next_begins(first)
        yield period.model_copy(update={"first": first, "last": min(following - 1, period.last)})
        first = following
