"""Whether a message may go, and what follows a refusal."""

from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from nurture.domain.sending import (
    Allowed,
    Deferred,
    GiveUp,
    Permission,
    Reason,
    Retry,
    RetryAt,
    SendingPolicy,
    Situation,
    Skipped,
    after_failure,
    may_send,
)
from nurture.domain.window import Hours

SENDING: dict[str, Any] = {
    "sender": {"name": "Anna", "email": "anna@example.com"},
    "organisation": {"name": "Example", "address": "1 rue X, Paris", "privacy_url": "https://www.example.com/privacy"},
}
POLICY = SendingPolicy.model_validate(SENDING)
NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
FREE = Situation(NOW, "x@example.com", suppressed=False, enrollment_ended=False, recent=(), opens_at=None)


@pytest.mark.parametrize(
    ("situation", "answer"),
    [
        (FREE, Allowed()),
        (FREE._replace(suppressed=True), Skipped(Reason.SUPPRESSED)),
        (FREE._replace(enrollment_ended=True), Skipped(Reason.ENROLLMENT_ENDED)),
        (FREE._replace(address=None), Skipped(Reason.NO_ADDRESS)),
        (FREE._replace(planned_at=NOW - 3 * DAY), Allowed()),
        (FREE._replace(planned_at=NOW - 3 * DAY - HOUR), Skipped(Reason.TOO_LATE)),
        (FREE._replace(opens_at=NOW + HOUR), Deferred(NOW + HOUR, Reason.QUIET_HOURS)),
        (FREE._replace(opens_at=NOW), Allowed()),
        (FREE._replace(recent=[NOW - DAY] * 2), Allowed()),
        (FREE._replace(recent=[NOW - 6 * DAY, NOW - DAY, NOW - HOUR]), Deferred(NOW + DAY, Reason.CAPPED)),
        (FREE._replace(recent=[NOW - 6 * DAY, NOW - 5 * DAY, NOW - DAY, NOW]), Deferred(NOW + 2 * DAY, Reason.CAPPED)),
        # What forbids it for ever is asked before what only delays it.
        (FREE._replace(suppressed=True, opens_at=NOW + HOUR), Skipped(Reason.SUPPRESSED)),
        (FREE._replace(planned_at=NOW - 9 * DAY, recent=[NOW] * 3), Skipped(Reason.TOO_LATE)),
    ],
)
def test_may_send(situation: Situation, answer: Permission) -> None:
    assert may_send(situation, POLICY, NOW) == answer


def test_without_a_cap_nothing_is_capped() -> None:
    policy = SendingPolicy.model_validate({**SENDING, "frequency_cap": None})
    assert may_send(FREE._replace(recent=[NOW] * 50), policy, NOW) == Allowed()


@given(hours_ago=st.lists(st.integers(0, 24 * 7 - 1), max_size=10))
def test_the_cap_holds_in_any_span_whenever_the_message_goes(hours_ago: list[int]) -> None:
    recent = sorted(NOW - hours * HOUR for hours in hours_ago)
    answer = may_send(FREE._replace(recent=recent), POLICY, NOW)
    goes_at = answer.until if isinstance(answer, Deferred) else NOW
    assert sum(goes_at - sent < 7 * DAY for sent in recent) < 3


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
