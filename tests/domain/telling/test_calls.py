"""What follows the answer to a call, for the delivery and for the endpoint."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurture.domain.mail.sending import GiveUp, RetryAt
from nurture.domain.telling.calls import PATIENCE, RETRY_DELAYS, Answer, Delivered, Fared, after_answer, fared

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
DAY = timedelta(days=1)


def answer(status: int | None, wait: timedelta | None = None) -> Answer:
    return Answer(7, status, "as it came", wait)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_any_2xx_is_delivered(status: int) -> None:
    assert after_answer(answer(status), 1, NOW, 0.5) == Delivered()


@pytest.mark.parametrize("status", [None, 100, 301, 302, 307, 308, 400, 401, 404, 409, 422, 429, 500, 502, 503, 504])
def test_anything_else_is_tried_again(status: int | None) -> None:
    assert after_answer(answer(status), 1, NOW, 0.0) == RetryAt(NOW + timedelta(seconds=5))


@pytest.mark.parametrize("attempts", [1, 5, 10])
def test_what_one_that_is_gone_was_not_told_waits_for_it(attempts: int) -> None:
    assert after_answer(answer(410), attempts, NOW, 0.0) == RetryAt(NOW)


def test_the_delays_are_those_of_the_specification() -> None:
    delays, at = [], NOW
    for attempt in range(1, 10):
        after = after_answer(answer(503), attempt, at, 0.0)
        assert isinstance(after, RetryAt)
        delays.append(after.at - at)
        at = after.at
    assert [delay / timedelta(seconds=1) for delay in delays] == [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400]
    assert after_answer(answer(503), 10, at, 0.0) == GiveUp()
    assert timedelta(hours=75) < at - NOW < timedelta(hours=76)


@given(st.integers(1, 9), st.floats(0, 1, exclude_max=True))
def test_jitter_lengthens_a_delay_by_less_than_a_fifth(attempt: int, jitter: float) -> None:
    after = after_answer(answer(None), attempt, NOW, jitter)
    assert isinstance(after, RetryAt)
    assert RETRY_DELAYS[attempt - 1] <= after.at - NOW <= RETRY_DELAYS[attempt - 1] * 1.2


@pytest.mark.parametrize(
    ("status", "asked", "attempts", "waits"),
    [
        (429, timedelta(minutes=2), 1, timedelta(minutes=2)),
        (503, timedelta(minutes=2), 1, timedelta(minutes=2)),
        (429, timedelta(seconds=1), 1, timedelta(seconds=5)),  # the specification's own delay is longer
        (429, timedelta(days=365), 1, timedelta(days=1)),  # nobody is left alone for ever
        (500, timedelta(minutes=2), 1, timedelta(seconds=5)),  # this status asks for nothing
    ],
)
def test_a_busy_server_is_given_the_time_it_asks_for(status: int, asked: timedelta, attempts: int, waits: timedelta) -> None:
    assert after_answer(answer(status, asked), attempts, NOW, 0.0) == RetryAt(NOW + waits)


def test_an_endpoint_that_takes_anything_is_well() -> None:
    assert fared([answer(500), answer(204)], NOW - 30 * DAY, NOW) == Fared(None, None, None)


def test_one_that_fails_is_known_to_since_the_first_time() -> None:
    assert fared([answer(500)], None, NOW) == Fared(NOW, None, None)
    assert fared([answer(500), answer(None)], NOW - DAY, NOW) == Fared(NOW - DAY, None, None)


def test_one_that_fails_for_days_or_is_gone_is_called_no_more() -> None:
    assert fared([answer(500)], NOW - PATIENCE + timedelta(seconds=1), NOW).disabled is None
    assert fared([answer(500)], NOW - PATIENCE, NOW).disabled == "it has taken nothing since 2026-02-25 09:00 UTC"
    assert fared([answer(204), answer(410)], None, NOW).disabled == "it answered 410: it wants no more calls"


def test_one_that_asks_to_be_left_alone_is() -> None:
    assert fared([answer(429, DAY / 2), answer(204)], None, NOW) == Fared(None, NOW + DAY / 2, None)
    assert fared([answer(429, DAY * 9)], None, NOW).quiet_until == NOW + DAY


def test_the_patience_with_an_endpoint_outlasts_that_with_a_delivery() -> None:
    assert sum(RETRY_DELAYS, timedelta()) * 1.2 < PATIENCE
