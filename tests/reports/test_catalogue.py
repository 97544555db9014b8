"""The days that a report is about."""

from datetime import UTC, date, datetime

import pytest
from sqlalchemy import Engine

from nurture.reports.catalogue import DAYS, period
from nurture.reports.figures import EPOCH
from nurture.reports.sheet import Period
from tests.reports.filled import fill

#: Ten in the evening in London is the next day in Paris.
AT = datetime(2026, 3, 2, 23, 30, tzinfo=UTC)
TODAY = (date(2026, 3, 3) - EPOCH).days


def asked(engine: Engine, **given: date | int | None) -> Period:
    with engine.begin() as connection:
        return period(connection, "Europe/Paris", AT, **given)  # type: ignore[arg-type]  # days beside dates


@pytest.fixture
def with_a_past(migrated_engine: Engine) -> Engine:
    with migrated_engine.begin() as connection:
        fill(connection, {("visits", TODAY - 400, "direct"): 2})
    return migrated_engine


def test_four_whole_weeks_end_yesterday_by_the_clock_of_the_business(with_a_past: Engine) -> None:
    found = asked(with_a_past)
    assert (found.first, found.last, found.days, found.timezone) == (TODAY - 28, TODAY - 1, DAYS, "Europe/Paris")


def test_on_the_first_day_there_is_today_to_see(migrated_engine: Engine) -> None:
    assert asked(migrated_engine).last == TODAY
    with migrated_engine.begin() as connection:
        fill(connection, {("visits", TODAY, "direct"): 2})
    assert asked(migrated_engine).last == TODAY


@pytest.mark.parametrize(
    ("given", "first", "last"),
    [
        ({"days": 7}, TODAY - 7, TODAY - 1),
        ({"last": date(2026, 3, 3)}, TODAY - 27, TODAY),
        ({"last": date(2026, 2, 1), "days": 1}, TODAY - 30, TODAY - 30),
        ({"first": date(2026, 2, 1)}, TODAY - 30, TODAY - 1),
        ({"first": date(2026, 2, 1), "days": 2}, TODAY - 30, TODAY - 29),
        ({"first": date(2026, 2, 1), "last": date(2026, 2, 28)}, TODAY - 30, TODAY - 3),
    ],
)
def test_any_days_can_be_asked_for(with_a_past: Engine, given: dict[str, date | int], first: int, last: int) -> None:
    found = asked(with_a_past, **given)
    assert (found.first, found.last) == (first, last)


@pytest.mark.parametrize(
    "given",
    [
        {"first": date(2026, 2, 2), "last": date(2026, 2, 1)},
        {"first": date(2026, 3, 4)},
        {"first": date(2026, 2, 1), "last": date(2026, 2, 3), "days": 3},
        {"first": date(1969, 12, 31), "last": date(2026, 2, 3)},
        {"last": date(1970, 1, 3)},
        {"first": date(1999, 1, 1)},
        {"last": date(9999, 12, 31)},
    ],
)
def test_days_that_cannot_be_are_refused(with_a_past: Engine, given: dict[str, date | int]) -> None:
    with pytest.raises(ValueError, match="days"):
        asked(with_a_past, **given)
