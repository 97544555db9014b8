"""What counts as kept up, and what must be stored afterwards."""

from collections import Counter
from itertools import cycle, islice

import pytest

from benchmarks.crowd import points_by_visitor
from benchmarks.laboratory import WrongResultError
from benchmarks.load import said
from benchmarks.sustained import IN_TIME, Level, _points, growth


def looks(*lags: int) -> list[tuple[float, int]]:
    """One look a second, from second 0."""
    return [(float(second), lag) for second, lag in enumerate(lags)]


@pytest.mark.parametrize(
    ("lags", "grows"),
    [
        ((40, 40, 40, 40), 0),
        ((0, 100, 0, 100), 0),  # batches make it rise and fall
        ((0, 10, 20, 30), 10),
        ((30, 20, 10, 0), -10),
    ],
)
def test_growth_is_told_from_rising_and_falling(lags: tuple[int, ...], grows: int) -> None:
    assert growth(looks(*lags), 0, 4) == grows


def test_what_lies_outside_the_level_is_not_looked_at() -> None:
    assert growth(looks(900, 5, 5, 5, 5, 900), 1, 5) == 0


def test_a_lag_that_nobody_looked_at_is_not_flat() -> None:
    with pytest.raises(WrongResultError, match="often enough"):
        growth(looks(5, 5), 0, 10)


def test_a_level_is_kept_up_if_the_lag_is_flat_and_answers_are_in_time() -> None:
    assert Level(1_000, 7_000, late=0.01, growth=20).kept_up
    assert not Level(1_000, 7_000, late=0.01, growth=100).kept_up
    assert not Level(1_000, 7_000, late=2 * IN_TIME, growth=0).kept_up


@pytest.mark.parametrize("asked", [7, 1_999, 2_500, 6_001])
def test_the_points_that_must_be_found_are_those_of_what_was_said(asked: int) -> None:
    expected = Counter(points_by_visitor(islice(cycle(said("any")), asked)))
    found = _points(asked)
    assert {visitor: worth for visitor, worth in found.items() if worth} == {
        visitor: worth for visitor, worth in expected.items() if worth
    }
