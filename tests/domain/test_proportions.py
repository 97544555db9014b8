"""Rates and their comparison agree with published tables."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurture.domain.proportions import Counted, compare, newcombe, trials_needed, wilson, z_score


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    # R. G. Newcombe, "Two-sided confidence intervals for the single proportion", Statistics in Medicine 17 (1998), table I, method 3.
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_intervals_as_published(successes: int, trials: int, low: float, high: float) -> None:
    assert wilson(Counted(successes, trials)) == pytest.approx((low, high), abs=5e-5)


@given(st.integers(1, 10_000).flatmap(lambda trials: st.tuples(st.integers(0, trials), st.just(trials))))
def test_an_interval_holds_the_rate_and_stays_between_0_and_1(counted: tuple[int, int]) -> None:
    low, high = wilson(Counted(*counted))
    assert 0 <= low <= Counted(*counted).rate + 1e-12
    assert Counted(*counted).rate - 1e-12 <= high <= 1
    failures = wilson(Counted(counted[1] - counted[0], counted[1]))
    assert (1 - failures[1], 1 - failures[0]) == pytest.approx((low, high))


def test_nothing_tried_nothing_known() -> None:
    assert (wilson(Counted(0, 0)), Counted(0, 0).rate) == ((0.0, 1.0), 0.0)


def test_the_z_test_as_published() -> None:
    """Physicians' Health Study: A. Agresti, "Categorical data analysis" (2nd edition 2002), section 3.1: X² = 25.01."""
    assert z_score(Counted(189, 11_034), Counted(104, 11_037)) ** 2 == pytest.approx(25.01, abs=0.005)


@pytest.mark.parametrize(
    # The examples of R's power.prop.test: n = 76.7 for a power of 0.90, and a power of 0.740 for n = 50.
    ("power", "needed"),
    [(0.90, 77), (0.740, 50)],
)
def test_trials_needed_as_published(power: float, needed: int) -> None:
    assert trials_needed(0.50, 0.75, 0.05, power) == needed


@pytest.mark.parametrize(
    ("rates", "best", "rival", "significant"),
    [
        ({"a": (120, 1000), "b": (90, 1000)}, "a", "b", True),  # p = 0.029
        ({"a": (120, 1000), "b": (95, 1000)}, "a", "b", False),  # p = 0.072
        ({"a": (120, 1000), "b": (90, 1000), "c": (80, 1000)}, "a", "b", False),  # one of three pairs: p must be under 0.0167
        ({"a": (140, 1000), "b": (90, 1000), "c": (80, 1000)}, "a", "b", True),
        ({"a": (6, 10), "b": (0, 10)}, "a", "b", False),  # p = 0.003, but three expected in a cell
        ({"a": (200, 1000), "b": (3, 20), "c": (50, 1000)}, "a", "b", False),  # nothing is known of b
        ({"a": (0, 0), "b": (0, 0)}, "a", "b", False),
        ({"a": (5, 5), "b": (5, 5)}, "a", "b", False),
    ],
)
def test_a_winner_is_better_than_each_of_the_others(
    rates: dict[str, tuple[int, int]], best: str, rival: str, significant: bool
) -> None:
    found = compare({name: Counted(*counted) for name, counted in rates.items()})
    assert (found.best, found.rival, found.significant) == (best, rival, significant)


@pytest.mark.parametrize(
    ("one", "other", "more"),
    [
        ((120, 1000), (95, 1000), True),
        ((100, 1000), (100, 1000), False),
        ((120, 1000), (90, 1000), False),
        ((1, 1), (0, 0), False),
    ],
)
def test_what_is_missing_is_told_where_there_is_a_difference(one: tuple[int, int], other: tuple[int, int], more: bool) -> None:
    assert (compare({"a": Counted(*one), "b": Counted(*other)}).more is not None) == more


@pytest.mark.parametrize(
    ("one", "other", "low", "high"),
    [  # the published examples (table II, method 10)
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((6, 7), (2, 7), 0.0582, 0.8062),
        ((5, 56), (0, 29), -0.0381, 0.1926),
        ((0, 10), (0, 20), -0.1611, 0.2775),
        ((10, 10), (0, 20), 0.6791, 1.0),
    ],
)
def test_the_interval_of_a_difference_is_newcombes(one: tuple[int, int], other: tuple[int, int], low: float, high: float) -> None:
    assert newcombe(Counted(*one), Counted(*other)) == pytest.approx((low, high), abs=6e-5)


def test_nothing_tried_tells_nothing_of_a_difference() -> None:
    assert newcombe(Counted(3, 9), Counted(0, 0)) == (-1.0, 1.0)
