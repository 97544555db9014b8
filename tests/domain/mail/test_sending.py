"""What follows a refusal, and mistakes in the policy."""

from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from nurture.domain.mail.sending import GiveUp, Retry, RetryAt, SendingPolicy, after_failure
from nurture.domain.window import Hours

SENDING: dict[str, Any] = {
    "sender": {"name": "Anna", "email": "anna@example.com"},
    "organisation": {"name": "Example", "address": "1 rue X, Paris", "privacy_url": "https://www.example.com/privacy"},
}
NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("attempts", "delay"),
    [
        (1, timedelta(minutes=5)),
        (2, timedelta(minutes=10)),
        (4, timedelta(minutes=40)),
        (7, timedelta(minutes=320)),
        (8, None),
        (9, None),
    ],
)
def test_the_delay_doubles_until_the_attempts_are_spent(attempts: int, delay: timedelta | None) -> None:
    expected = GiveUp() if delay is None else RetryAt(NOW + delay)
    assert after_failure(attempts, Retry(), NOW, permanent=False) == expected


def test_a_permanent_refusal_is_final() -> None:
    assert after_failure(1, Retry(), NOW, permanent=True) == GiveUp()


def test_no_delay_is_longer_than_the_longest() -> None:
    assert after_failure(99, Retry(attempts=100), NOW, permanent=False) == RetryAt(NOW + timedelta(hours=12))


def test_quiet_hours_leave_the_rest_of_the_day() -> None:
    policy = SendingPolicy.model_validate({**SENDING, "quiet_hours": {"hours": "20:00-08:00"}})
    assert policy.quiet_hours
    assert policy.quiet_hours.window.hours == Hours(time(8), time(20))
    assert policy.quiet_hours.window.timezone == "person"


@pytest.mark.parametrize(
    ("change", "place", "text"),
    [
        (
            {"quiet_hours": {"hours": "00:00-24:00"}},
            ("quiet_hours", "hours"),
            "quiet hours of 00:00-00:00 leave no time for mail; write them like 20:00-08:00",
        ),
        (
            {"timezone": "person"},
            ("timezone",),
            "'person' is nobody's business; write the business's own zone, like Europe/Paris",
        ),
        ({"timezone": "Paris"}, ("timezone",), "'Paris' is no IANA time zone; did you mean 'Europe/Paris'?"),
    ],
)
def test_mistakes_have_their_place(change: dict[str, Any], place: tuple[Any, ...], text: str) -> None:
    with pytest.raises(ValidationError) as raised:
        SendingPolicy.model_validate({**SENDING, **change})
    assert [(each["loc"], each["msg"].removeprefix("Value error, ")) for each in raised.value.errors()] == [(place, text)]
