"""How surely what was counted lies above a limit."""

from math import inf, isclose

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurture.domain.diagnosing.facts import Change, Fact, Names, Number, Pace, Share, values
from nurture.domain.proportions import Counted, wilson

COUNTS = st.integers(0, 500)
LIMITS = st.floats(0.01, 0.99)

#: What lies nearer to 0 or 1 is them, but for rounding.
INSIDE = 1e-9


@st.composite
def counted(draw: st.DrawFn) -> Counted:
    trials = draw(st.integers(1, 500))
    return Counted(draw(st.integers(0, trials)), trials)


FACTS: st.SearchStrategy[Fact] = st.one_of(
    st.builds(Number, COUNTS),
    counted().map(lambda one: Share(*one)),
    st.builds(Change, counted(), counted()),
    st.builds(Pace, COUNTS, st.integers(1, 100), COUNTS, st.integers(1, 100)),
)


@given(FACTS, LIMITS, LIMITS)
def test_a_chance_is_one_and_falls_with_the_limit(fact: Fact, one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert 0 <= fact.above(high) <= fact.above(low) <= 1


@given(counted(), st.floats(0.5, 0.99))
def test_a_share_is_as_sure_as_wilsons_interval_says(one: Counted, confidence: float) -> None:
    """The end of the interval is where the one-sided test just holds."""
    low, high = wilson(one, 2 * confidence - 1) if confidence > 0.5 else (one.rate, one.rate)
    if INSIDE < low < 1 - INSIDE:
        assert isclose(Share(*one).above(low), confidence, abs_tol=1e-6)
    if INSIDE < high < 1 - INSIDE:
        assert isclose(Share(*one).above(high), 1 - confidence, abs_tol=1e-6)


@given(counted(), LIMITS)
def test_ten_times_as_many_are_surer(one: Counted, limit: float) -> None:
    few, many = Share(*one).above(limit), Share(one.successes * 10, one.trials * 10).above(limit)
    assert abs(many - 0.5) >= abs(few - 0.5) - 1e-9


@pytest.mark.parametrize(
    ("fact", "value"),
    [
        (Number(3), 3), (Number(None), None), (Names(("a", "b")), 2), (Share(1, 4), 0.25), (Share(0, 0), None),
        (Change(Counted(1, 10), Counted(2, 10)), 0.5), (Change(Counted(1, 10), Counted(0, 10)), None),
        (Pace(10, 5, 10, 10), 2.0), (Pace(3, 5, 0, 10), inf), (Pace(0, 5, 0, 10), None), (Pace(3, 0, 1, 10), None),
    ],
)  # fmt: skip
def test_the_value(fact: Fact, value: float | None) -> None:
    assert fact.value == value
    assert values({"it": fact}) == ({} if value is None else {"it": value})


@pytest.mark.parametrize(
    ("fact", "limit", "least", "most"),
    [
        (Share(2, 40), 0.1, 0.1, 0.2), (Share(20, 400), 0.1, 0.0, 0.001), (Share(0, 0), 0.1, 0.5, 0.5),
        (Change(Counted(5, 100), Counted(30, 100)), 0.5, 0.0, 0.01), (Change(Counted(3, 10), Counted(5, 10)), 0.5, 0.5, 0.9),
        (Pace(30, 28, 100, 28), 0.65, 0.0, 0.001), (Pace(3, 28, 6, 28), 0.65, 0.2, 0.5),
        (Names(("a",)), 0, 1, 1), (Number(3), 3, 0, 0), (Share(3, 3), 1, 0, 0),
    ],
)  # fmt: skip
def test_how_sure_it_is(fact: Fact, limit: float, least: float, most: float) -> None:
    assert least <= fact.above(limit) <= most
