"""What follows when nobody answers, by the hours in which sales work."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from nurture.domain.following_up import Awaited, FollowUp, Look, Over, Remind, deadline, what_is_due
from nurture.domain.schedule import Calendar, open_time_after
from nurture.domain.window import Window

MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
OFFICE = {"days": "mon-fri", "hours": "09:00-18:00", "timezone": "UTC"}
EVERY_DAY = Calendar("UTC", lambda *_: False)


def rule(**changed: Any) -> FollowUp:
    return FollowUp.model_validate({"within": "4h", "remind": "chat", "hours": OFFICE} | changed)


def awaited(level: int = 0, stands: str = "sql", since: datetime = MONDAY) -> Awaited:
    return Awaited(1, 2, "sql", stands, since, level)


@pytest.mark.parametrize(
    ("since", "length", "until"),
    [
        (MONDAY, 4 * HOUR, MONDAY + 4 * HOUR),
        (MONDAY, 9 * HOUR, MONDAY + 9 * HOUR),
        (MONDAY, 10 * HOUR, MONDAY + 25 * HOUR),
        (MONDAY - 3 * HOUR, HOUR, MONDAY + HOUR),  # before they begin
        (MONDAY + 8 * HOUR, 2 * HOUR, MONDAY + 25 * HOUR),
        (MONDAY + timedelta(days=5), HOUR, MONDAY + timedelta(days=7, hours=1)),  # on Saturday
    ],
)
def test_time_passes_only_while_it_is_open(since: datetime, length: timedelta, until: datetime) -> None:
    assert open_time_after(Window.model_validate(OFFICE), {}, EVERY_DAY, since, length) == until


def test_a_holiday_is_no_time() -> None:
    closed = Calendar("UTC", lambda day, country: country == "FR" and day == date(2026, 3, 2))
    window = Window.model_validate(OFFICE | {"holidays": "FR"})
    assert open_time_after(window, {}, closed, MONDAY, HOUR) == MONDAY + 25 * HOUR


def test_without_hours_time_passes_always() -> None:
    assert deadline(rule(hours={}), MONDAY + 12 * HOUR, EVERY_DAY) == MONDAY + 16 * HOUR


def test_the_clock_is_that_of_the_business_unless_the_rule_names_one() -> None:
    own = {"days": "mon-fri", "hours": "09:00-18:00"}
    assert deadline(rule(hours=own), MONDAY - 2 * HOUR, Calendar("Europe/Paris", lambda *_: False)) == MONDAY + 3 * HOUR


@given(
    st.integers(0, 366 * 24 * 60).map(lambda minutes: MONDAY + timedelta(minutes=minutes)),
    st.integers(0, 60 * 60).map(lambda minutes: timedelta(minutes=minutes)),
    st.integers(0, 60 * 60).map(lambda minutes: timedelta(minutes=minutes)),
)
def test_time_adds_up(since: datetime, first: timedelta, second: timedelta) -> None:
    window = Window.model_validate({"days": "mon,wed,fri", "hours": "22:00-04:00", "timezone": "Europe/Paris"})

    def after(at: datetime, length: timedelta) -> datetime:
        return open_time_after(window, {}, EVERY_DAY, at, length)

    assert after(since, first) >= since + first
    assert after(after(since, first), second) == after(since, first + second)


@pytest.mark.parametrize(
    ("level", "hours", "what"),
    [
        (0, 0, Look(MONDAY + 4 * HOUR)),
        (0, 4, Remind(1, ("chat",), MONDAY + 33 * HOUR)),
        (1, 5, Look(MONDAY + 33 * HOUR)),
        (1, 33, Remind(2, ("lead",), None)),
        (2, 99, Look(None)),
        (0, 60, Remind(1, ("chat",), MONDAY + 33 * HOUR)),  # the workers were away: one after the other
    ],
)
def test_who_is_told_when(level: int, hours: float, what: object) -> None:
    by = rule(escalate={"after": "18h", "to": "lead"})
    assert what_is_due(awaited(level), by, EVERY_DAY, MONDAY + hours * HOUR) == what


def test_what_needs_no_answer_is_over() -> None:
    assert what_is_due(awaited(stands="customer"), rule(), EVERY_DAY, MONDAY) == Over("moved")
    assert what_is_due(awaited(), None, EVERY_DAY, MONDAY) == Over("dropped")
    assert what_is_due(awaited(), rule(), EVERY_DAY, MONDAY + timedelta(days=8)) == Over("dropped")


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        ({"escalate": {"after": "4h", "to": "lead"}}, "would come before the reminder"),
        ({"hours": OFFICE | {"spread": "1h"}}, "nobody is spread here"),
        ({"remind": []}, "at least 1"),
    ],
)
def test_a_rule_that_cannot_be_is_refused(changed: dict[str, Any], what: str) -> None:
    with pytest.raises(ValidationError, match=what):
        rule(**changed)
