"""Rates with their intervals, and quartiles of what was counted."""

from collections import Counter
from statistics import quantiles

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurture.domain.proportions import Counted, wilson
from nurture.reports.quartiles import quartiles
from nurture.reports.rates import rate_columns, rated


def test_a_rate_lies_in_its_interval() -> None:
    assert rated(12, 40) == (0.3, *wilson(Counted(12, 40)))


def test_of_nothing_there_is_no_rate() -> None:
    assert rated(0, 0) == rated(3, 0) == (None, None, None)


def test_more_than_the_whole_has_no_interval() -> None:
    assert rated(6, 4) == (1.5, None, None)


def test_a_rate_of_a_stage_has_columns_of_their_own() -> None:
    assert [column.key for column in rate_columns("rate", "mql")] == ["rate_mql", "rate_low_mql", "rate_high_mql"]


@given(st.lists(st.integers(0, 60), min_size=2, max_size=40))
def test_quartiles_are_those_of_the_values_themselves(values: list[int]) -> None:
    assert quartiles(Counter(values)) == pytest.approx(tuple(quantiles(values, n=4, method="inclusive")))


def test_quartiles_of_one_and_of_nothing() -> None:
    assert quartiles({7: 1}) == (7, 7, 7)
    assert quartiles({}) is None
    assert quartiles({3: 0}) is None
