"""Figures in few characters."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurture.cli.screen.words import age, brief, many, memory, percent, share, speed


@pytest.mark.parametrize(
    ("count", "told"),
    [
        (None, "–"), (0, "0"), (7, "7"), (9_999, "9999"), (9_999.6, "10.0k"), (10_000, "10.0k"), (12_345, "12.3k"), (99_949, "99.9k"),
        (99_960, "100k"), (999_499, "999k"), (999_500, "1.0M"), (4_500_000, "4.5M"), (98_765_432, "98.8M"), (3e9, "3.0G"), (2e12, "2.0T"),
    ],
)  # fmt: skip
def test_counts(count: float | None, told: str) -> None:
    assert many(count) == told


@pytest.mark.parametrize(
    ("rate", "told"),
    [
        (None, "–"), (0, "0"), (0.001, "<0.01"), (0.02, "0.02"), (1.0, "1.00"), (9.99, "9.99"), (9.996, "10.0"), (12.34, "12.3"),
        (999.94, "999.9"), (1_234.4, "1234"), (12_345, "12.3k"),
    ],
)  # fmt: skip
def test_speeds(rate: float | None, told: str) -> None:
    assert speed(rate) == told


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (None, "–"),
        (0, "0 s"),
        (0.9, "0 s"),
        (59.9, "59 s"),
        (60, "1 min"),
        (3_599, "59 min"),
        (3_600, "1 h"),
        (90_000, "1 d"),
        (-5, "0 s"),
    ],
)
def test_ages(seconds: float | None, told: str) -> None:
    assert age(seconds) == told
    assert brief(seconds) == told.replace(" ", "")


@pytest.mark.parametrize(
    ("part", "whole", "told"),
    [
        (0, 0, "–"),
        (0, 9, "0 %"),
        (1, 2_500, "0.04 %"),
        (1, 99_999, "0.01 %"),
        (5, 100, "5.0 %"),
        (1, 1, "100 %"),
        (9_999, 10_000, "100 %"),
    ],
)
def test_shares(part: int, whole: int, told: str) -> None:
    assert share(part, whole) == told


@given(st.floats(0, 1e15, allow_nan=False))
def test_nothing_is_wider_than_its_column(value: float) -> None:
    assert len(many(value)) <= 5
    assert len(speed(value)) <= 6
    assert len(age(min(value, 1e9))) <= 7
    assert len(percent(min(value, 1.0))) <= 6
    assert len(memory(int(min(value, 1e12)))) <= 6
