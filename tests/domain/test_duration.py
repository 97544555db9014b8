"""Durations as a marketer writes them."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from nurture.domain.duration import LONGEST, Duration, format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("30m", timedelta(minutes=30)),
        ("36h", timedelta(hours=36)),
        ("2d", timedelta(days=2)),
        ("1w", timedelta(weeks=1)),
        ("1d12h", timedelta(days=1, hours=12)),
        ("1w1d1h1m1s", timedelta(weeks=1, days=1, hours=1, minutes=1, seconds=1)),
        ("0s", timedelta(0)),
        ("3650d", LONGEST),
    ],
)
def test_what_is_understood(text: str, length: timedelta) -> None:
    assert parse_duration(text) == length


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("2 days", "'2 days' is no duration; did you mean '2d'?"),
        ("1 Day 12 hours", "'1 Day 12 hours' is no duration; did you mean '1d12h'?"),
        ("90 min", "'90 min' is no duration; did you mean '90m'?"),
        ("12h1d", "'12h1d' is no duration; write a number with w, d, h, m or s, such as 2d or 1d12h"),
        ("", "'' is no duration; write a number with w, d, h, m or s, such as 2d or 1d12h"),
        ("d", "'d' is no duration; write a number with w, d, h, m or s, such as 2d or 1d12h"),
        ("-2d", "'-2d' is no duration; did you mean '2d'?"),
        ("٣d", "'٣d' is no duration; write a number with w, d, h, m or s, such as 2d or 1d12h"),
        ("2d\n", "'2d\\n' is no duration; did you mean '2d'?"),
        (7, "7 is no duration; write the unit, too, such as 7d for days or 7h for hours"),
        ("7", "'7' is no duration; write the unit, too, such as 7d for days or 7h for hours"),
        (None, "None is no duration; write a number with w, d, h, m or s, such as 2d or 1d12h"),
        (
            "1 month",
            "'1 month' is no duration; months and years differ in length, so count in days, such as 30d or 365d",
        ),
        ("3651d", "'3651d' is too long; write at most 3650d (ten years)"),
        ("99999999999999999999s", "'99999999999999999999s' is too long; write at most 3650d (ten years)"),
    ],
)
def test_what_is_refused_says_what_to_write(text: object, message: str) -> None:
    with pytest.raises(ValueError) as raised:  # noqa: PT011 - the whole message is compared
        parse_duration(text)
    assert str(raised.value) == message


@given(st.timedeltas(timedelta(0), LONGEST).map(lambda length: timedelta(seconds=int(length.total_seconds()))))
def test_what_is_written_is_read_as_the_same_length(length: timedelta) -> None:
    assert parse_duration(format_duration(length)) == length
    adapter: TypeAdapter[timedelta] = TypeAdapter(Duration)
    assert adapter.validate_json(adapter.dump_json(length)) == length


@given(st.text(max_size=12))
def test_any_text_is_a_duration_or_a_told_mistake(text: str) -> None:
    told, length = "; ", timedelta(0)
    try:
        length = parse_duration(text)
    except ValueError as error:
        told = str(error)
    assert "; " in told
    assert timedelta(0) <= length <= LONGEST
