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
        ([0.34, 0.33, 0.33], [0.4, 0.3, 0.3]),
        ([12.26, 12.26], [12.3, 12.2]),
        ([10.0, -0.04, 20.0], [10.0, 0.0, 20.0]),
        ([-1.26, -1.26], [-1.3, -1.2]),
        ([1e-13, -1e-13], [0.0, 0.0]),
    ],
)
def test_values_are_rounded_so_that_they_sum_to_the_rounded_sum(values: list[float], rounded: list[float]) -> None:
    found = round_to_sum(values)
    assert sorted(found) == sorted(rounded)
    assert round(fsum(found), 1) == pytest.approx(round(fsum(values), 1), abs=0.1001)


@given(VALUES)
def test_the_printed_lines_sum_to_the_printed_sum(values: list[float]) -> None:
    tenths = [round(each * 10) for each in round_to_sum(values)]
    assert abs(sum(tenths) - sum(values) * 10) <= 0.51


@given(VALUES)
def test_no_value_moves_by_more_than_a_tenth(values: list[float]) -> None:
    assert all(abs(shown - value) <= 0.1 + 1e-6 for shown, value in zip(round_to_sum(values), values, strict=True))
