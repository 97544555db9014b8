"""Rates and bars, from samples of counts that only grow."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurture.adapters.pulse import Sample
from nurture.reports.pulse import BARS, Step, rate, series, sparkline, steps


def sample(at: float, entries: int | None = 0, backlog: int = 0, **counters: int) -> Sample:
    return Sample(at, counters, entries, backlog)


@pytest.mark.parametrize(
    ("what", "samples", "expected"),
    [
        ("in", [], []),
        ("in", [sample(0, 5)], []),
        ("in", [sample(0, 5), sample(5, 25), sample(10, 25)], [20, 0]),
        ("in", [sample(0, 100), sample(5, 30)], [30]),  # Redis was emptied, and 30 came since
        ("in", [sample(0, 5), sample(0, 25)], []),  # two at one instant
        ("in", [sample(0, None, 10, events_stored=100), sample(5, None, 4, events_stored=120)], [14]),
        ("in", [sample(0, None, 10, events_stored=100), sample(5, None, 2, events_stored=101)], [0]),  # not read at one instant
        ("in", [sample(0, None, 0, events_stored=1), sample(5, 9, 3, events_stored=5)], [7]),  # Redis was replaced by a newer one
        ("absorbed", [sample(0), sample(5, events_stored=7, events_parked=2, events_dropped=1)], [10]),
        ("absorbed", [sample(0, events_stored=50), sample(5, events_stored=3)], [3]),
        ("advanced", [sample(0, runs_advanced=1), sample(5, runs_advanced=4)], [3]),
        ("sent", [sample(0, messages_sent=1), sample(5, messages_sent=1)], [0]),
        ("sent", [sample(0), sample(5)], [0]),
    ],
)
def test_what_came_from_one_sample_to_the_next(what: str, samples: list[Sample], expected: list[float]) -> None:
    assert [step.many for step in steps(samples, what)] == expected


@pytest.mark.parametrize(
    ("begin", "end", "expected"),
    [
        (0, 10, 2.0),
        (5, 10, 4.0),
        (0, 20, 3.0),
        (7.5, 12.5, 4.0),
        (10, 20, 4.0),
        (18, 30, 4.0),  # only what is known counts
        (20, 30, None),
        (-9, 0, None),
        (-5, 5, 0.0),
        (10, 10, None),
    ],
)
def test_a_rate_is_what_came_over_the_time_that_is_known(begin: float, end: float, expected: float | None) -> None:
    told = [Step(0, 5, 0), Step(5, 10, 20), Step(10, 20, 40)]
    assert rate(told, begin, end) == expected


def test_two_beats_change_no_rate() -> None:
    """Their samples come in between each other."""
    one = [sample(at, 3 * at) for at in range(0, 60, 5)]
    both = sorted([*one, *(sample(at + 2, 3 * (at + 2)) for at in range(0, 55, 5))])
    for samples in (one, both):
        assert series(steps(samples, "in"), 55, 5, 11) == pytest.approx([3.0] * 11)


def test_bars_move_and_do_not_change_from_one_look_to_the_next() -> None:
    samples = [sample(at, at * at) for at in range(0, 100, 5)]
    told = steps(samples, "in")
    assert series(told, 91, 10, 4) == series(told, 99.9, 10, 4)
    assert series(told, 100, 10, 4)[:-1] == series(told, 91, 10, 4)[1:]


def test_a_time_without_samples_is_spread_and_a_time_before_them_is_unknown() -> None:
    told = steps([sample(100, 0), sample(160, 60)], "in")
    assert series(told, 160, 20, 5) == [None, None, 1.0, 1.0, 1.0]


@pytest.mark.parametrize(
    ("rates", "bars"),
    [
        ([], ""),
        ([None, None], "  "),
        ([0.0, 0.0], "▁▁"),
        ([0.0, 1.0, 2.0, 4.0, 7.0], "▁▂▃▅█"),
        ([None, 5.0], " █"),
        ([1e-9, 7.0], "▂█"),  # nothing at all is the lowest bar, and nothing else is
    ],
)
def test_bars(rates: list[float | None], bars: str) -> None:
    assert sparkline(rates) == bars


@given(st.lists(st.one_of(st.none(), st.floats(0, 1e12, allow_nan=False))))
def test_a_sparkline_is_as_long_as_its_rates_and_the_greatest_is_highest(rates: list[float | None]) -> None:
    told = sparkline(rates)
    assert len(told) == len(rates)
    known = [each for each in rates if each]
    if known:
        assert told[rates.index(max(known))] == BARS[-1]


@given(st.lists(st.tuples(st.integers(1, 30), st.integers(0, 500)), min_size=1, max_size=20))
def test_rates_over_all_spans_sum_to_what_came(gaps: list[tuple[int, int]]) -> None:
    at, entries, samples = 0, 0, [sample(0, 0)]
    for gap, came in gaps:
        at, entries = at + gap, entries + came
        samples.append(sample(at, entries))
    told = steps(samples, "in")
    whole = rate(told, 0, at)
    assert whole is not None
    assert whole * at == pytest.approx(entries)
