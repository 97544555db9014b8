"""Days, weeks and months of a period add up to it."""

from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurture.domain.measuring.days import monday_of
from nurture.reports.sheet import Period, date_of
from nurture.reports.spans import days_of, months_of, weeks_of

PERIODS = st.builds(lambda first, days: Period(first=first, last=first + days), st.integers(-3_000, 30_000), st.integers(0, 400))


@pytest.mark.parametrize("cut", [days_of, weeks_of, months_of])
@given(period=PERIODS)
def test_spans_follow_each_other_without_gap(cut: Callable[[Period], Iterator[Period]], period: Period) -> None:
    spans = list(cut(period))
    assert [day for span in spans for day in range(span.first, span.last + 1)] == list(range(period.first, period.last + 1))


@given(PERIODS)
def test_each_week_begins_on_a_monday(period: Period) -> None:
    first, *following = weeks_of(period)
    assert [date_of(week.first).weekday() for week in following] == [0] * len(following)
    assert date_of(monday_of(first.first)).weekday() == 0
    assert 0 <= first.first - monday_of(first.first) < 7


@given(PERIODS)
def test_each_month_is_one_of_the_calendar(period: Period) -> None:
    for month in months_of(period):
        assert (date_of(month.first).year, date_of(month.first).month) == (date_of(month.last).year, date_of(month.last).month)
    assert [date_of(month.first).day for month in months_of(period)][1:] == [1] * (len([*months_of(period)]) - 1)
