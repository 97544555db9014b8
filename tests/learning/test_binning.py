"""Questions ask what the engine's condition asks, and cut where a human would."""

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from nurture.domain.conditions import Condition
from nurture.learning.binning import FEWEST_PEOPLE, cuts, question, questions, roundest
from nurture.learning.cases import columns_of
from nurture.learning.scorecard import _ranges


@pytest.mark.parametrize(
    ("low", "high", "cut"),
    [
        (19_873, 20_112, 20_000),
        (3, 4, 4),
        (0, 1, 1),
        (-2, 5, 0),
        (0.31, 0.37, 0.35),
        (99, 101, 100),
        (-30, -19, -20),
        (7, 20, 20),
    ],
)
def test_a_cut_is_the_roundest_number_that_parts_the_same_people(low: float, high: float, cut: float) -> None:
    found = roundest(low, high)
    assert low < found <= high
    assert len(f"{abs(found):g}".strip("0").replace(".", "")) <= len(f"{cut:g}".strip("0").replace(".", ""))


@given(st.floats(-1e9, 1e9), st.floats(-1e9, 1e9))
def test_a_cut_lies_between_its_neighbours(low: float, high: float) -> None:
    assume(low < high)
    assert low < roundest(low, high) <= high


_values = st.one_of(
    st.none(), st.integers(-5, 60), st.floats(-5, 60), st.sampled_from(["a", "Head of X", "40", ""]), st.booleans()
)


@given(st.lists(_values, min_size=60, max_size=120))
def test_a_question_answers_as_the_engines_condition(values: list[Any]) -> None:
    facts = [{} if value is None else {"x": value} for value in values]
    for column in columns_of(facts):
        for asked in questions([column]):
            holds = Condition(asked.raw).holds
            assert asked.ask(column).tolist() == [holds(each) for each in facts]
            assert FEWEST_PEOPLE <= asked.ask(column).sum() <= len(facts) - FEWEST_PEOPLE


def test_many_values_are_cut_at_quantiles() -> None:
    (column,) = columns_of([{"x": number} for number in range(10_000)])
    found = cuts(column)
    assert 20 <= len(found) <= 31
    assert found == sorted(set(found))


def test_one_slip_among_numbers_leaves_them_numbers() -> None:
    (column,) = columns_of([*({"x": number} for number in range(99)), {"x": "many"}])
    assert column.numeric
    assert not question(0, column, {"at_least": 0}).ask(column)[99]


def test_free_text_is_read_by_its_words() -> None:
    (column,) = columns_of([{"title": f"Head of {number}" if number % 2 else f"clerk {number}"} for number in range(100)])
    assert {"(?i)\\bhead\\b", "(?i)\\bclerk\\b"} <= {each.test["matches"] for each in questions([column])}


def test_free_mailboxes_are_asked_for_by_the_list_of_that_name() -> None:
    facts = [{"email_domain": "gmail.com" if number % 3 else f"firm-{number}.test"} for number in range(90)]
    assert {"email_domain": {"in": "free_mail_domains"}} in [each.raw for each in questions(columns_of(facts))]


@given(
    st.lists(st.tuples(st.sampled_from(["at_least", "below"]), st.integers(0, 6), st.floats(-2, 2)), min_size=1, max_size=6),
    st.integers(-2, 8),
)
def test_cuts_become_ranges_that_give_the_same_points(terms: list[tuple[str, float, float]], value: int) -> None:
    ranges = _ranges(terms)
    holding = [points for test, points in ranges if Condition({"x": test}).holds({"x": value})]
    truth = sum(weight for kind, cut, weight in terms if (value >= cut if kind == "at_least" else value < cut))
    assert len(holding) <= 1
    assert sum(holding) == round(truth * 10 / np.log(2))
    assert not any(Condition({"x": test}).holds({}) for test, _ in ranges)
