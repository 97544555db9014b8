"""Figures that add up as printed."""

from math import fsum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurture.reports.figures import round_to_sum

VALUES = st.lists(st.floats(min_value=-1e6, max_value=1e6), max_size=30)


@pytest.mark.parametrize(
    ("values", "rounded"),
    [
        ([], []),
        ([0.334, 0.333, 0.333], [0.34, 0.33, 0.33]),
        ([12.126, 12.126], [12.13, 12.12]),
        ([10.0, -0.004, 20.0], [10.0, 0.0, 20.0]),
        ([-1.126, -1.126], [-1.13, -1.12]),
        ([1e-13, -1e-13], [0.0, 0.0]),
        ([20.0, 0.0], [20.0, 0.0]),
    ],
)
def test_values_are_rounded_so_that_they_sum_to_the_rounded_sum(values: list[float], rounded: list[float]) -> None:
    found = round_to_sum(values)
    assert sorted(found) == sorted(rounded)
    assert sum(round(100 * each) for each in found) == round(100 * fsum(values))


@given(VALUES)
def test_the_printed_lines_sum_to_the_printed_sum(values: list[float]) -> None:
    cents = [round(each * 100) for each in round_to_sum(values)]
    assert sum(cents) == round(fsum(value * 100 for value in values))


@given(VALUES)
def test_no_value_moves_by_more_than_a_cent(values: list[float]) -> None:
    assert all(abs(shown - value) <= 0.01 + 1e-6 for shown, value in zip(round_to_sum(values), values, strict=True))
