"""What somebody's days add: the people of any span are a sum, however the days became known."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurture.domain.measuring.days import begins, changed_presence, first_whole_day, local_day, monday_of
from nurture.domain.measuring.figures import COHORT, PEOPLE
from nurture.domain.measuring.tally import Place, Tally

DAYS = st.lists(st.integers(0, 60), unique=True).map(sorted)


@given(st.lists(DAYS, max_size=8), st.integers(0, 60), st.integers(0, 60))
def test_the_people_of_any_span_are_those_whose_day_before_lies_before_it(lives: list[list[int]], one: int, other: int) -> None:
    first, last = sorted((one, other))
    tally: Tally = Counter()
    for days in lives:
        tally.update(changed_presence((), days))
    came = {place: n for place, n in tally.items() if place.figure == PEOPLE and first <= place.day <= last}
    different = sum(n for place, n in came.items() if not place.key or int(place.key) < first)
    new = sum(n for place, n in came.items() if not place.key)
    assert different == sum(any(first <= day <= last for day in days) for days in lives)
    assert new == sum(bool(days) and first <= days[0] <= last for days in lives)


@given(DAYS, DAYS, DAYS)
def test_changes_add_up_whichever_way_one_came(one: list[int], other: list[int], last: list[int]) -> None:
    there = changed_presence(one, other)
    there.update(changed_presence(other, last))
    direct = changed_presence(one, last)
    assert {place: n for place, n in there.items() if n} == {place: n for place, n in direct.items() if n}


@given(DAYS)
def test_the_days_of_a_week_add_up_to_the_people_of_its_cohort(days: list[int]) -> None:
    tally = changed_presence((), days)
    by_week = Counter(monday_of(place.day) for place in tally if place.figure == COHORT)
    assert by_week == {monday_of(day): 1 for day in days}
    assert {place.key for place in tally if place.figure == COHORT} <= {str(monday_of(day)) for day in days[:1]}


def test_somebody_who_comes_back_is_no_longer_new() -> None:
    assert changed_presence([100], [100, 101]) == {Place(PEOPLE, 101, "100"): 1}
    assert changed_presence([103], [100, 103])[Place(PEOPLE, 103, "")] == -1


@pytest.mark.parametrize("timezone", ["UTC", "Europe/Paris", "America/New_York", "Asia/Kolkata", "Pacific/Kiritimati"])
@given(at=st.datetimes(datetime(1990, 1, 1), datetime(2060, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 - made aware by Hypothesis
def test_an_instant_lies_in_its_day(timezone: str, at: datetime) -> None:
    day = local_day(at, timezone)
    assert begins(day, timezone) <= at < begins(day + 1, timezone)
    assert (
        begins(first_whole_day(at, timezone), timezone)
        >= at
        > begins(first_whole_day(at, timezone), timezone) - timedelta(hours=26)
    )


def test_days_count_from_1970_and_weeks_begin_on_monday() -> None:
    assert local_day(datetime(1970, 1, 1, 12, tzinfo=UTC), "UTC") == 0
    assert monday_of(local_day(datetime(2026, 3, 8, tzinfo=UTC), "UTC")) == local_day(datetime(2026, 3, 2, tzinfo=UTC), "UTC")
