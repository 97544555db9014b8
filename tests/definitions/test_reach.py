"""What is said about conditions is certain: no facts contradict it."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nurture.definitions.reach import includes, never_holds
from nurture.domain.conditions import Condition
from nurture.domain.scoring import Grade


@pytest.mark.parametrize(
    ("wide", "narrow", "included"),
    [
        ({"stage": "lead"}, {"stage": "lead"}, True),
        ({"stage": ["lead", "mql"]}, {"stage": "lead"}, True),
        ({"stage": "lead"}, {"stage": ["lead", "mql"]}, False),
        ({"stage": "lead"}, {"stage": "lead", "fit": 3}, True),
        ({"stage": "lead", "fit": 3}, {"stage": "lead"}, False),
        ({"engagement": {"at_least": 20}}, {"engagement": {"at_least": 50}}, True),
        ({"engagement": {"at_least": 50}}, {"engagement": {"at_least": 20}}, False),
        ({"engagement": {"above": 50}}, {"engagement": {"at_least": 50}}, False),
        ({"engagement": {"at_least": 50}}, {"engagement": {"above": 50}}, True),
        ({"engagement": {"below": 20}}, {"engagement": {"between": [0, 10]}}, True),
        ({"engagement": {"at_least": 20}}, {"engagement": 30}, True),
        ({"grade": {"at_least": "C"}}, {"grade": {"at_least": "B"}}, True),
        ({"grade": {"at_least": "B"}}, {"grade": {"at_least": "C"}}, False),
        ({"grade": {"at_least": "B"}}, {"grade": ["A", "B"]}, True),
        ({"path": {"starts_with": "/blog"}}, {"path": {"starts_with": "/blog/en"}}, True),
        ({"path": {"exists": True}}, {"path": {"matches": "x"}}, True),
        ({"path": {"exists": True}}, {"path": {"exists": False}}, False),
        ({"all": [{"a": 1}, {"b": 2}]}, {"b": 2, "a": 1, "c": 3}, True),
        ({"any": [{"a": 1}, {"b": 2}]}, {"any": [{"a": 1}, {"b": 2}], "c": 3}, True),
        ({"any": [{"a": 1}, {"b": 2}]}, {"a": 1}, False),  # true, yet beyond what is looked at
        ({"not": {"a": 1}}, {"not": {"a": 1}}, True),
        ({"not": {"a": 1}}, {"a": 2}, False),
        ({"happened": {"event": "x"}}, {"stage": "lead", "happened": {"event": "x"}}, True),
        ({"happened": {"event": "x"}}, {"happened": {"event": "x", "times": 2}}, False),  # true, yet beyond what is looked at
    ],
)
def test_includes(wide: dict[str, Any], narrow: dict[str, Any], included: bool) -> None:
    assert includes(Condition(wide), Condition(narrow)) is included


@pytest.mark.parametrize(
    ("raw", "never"),
    [
        ({"engagement": {"at_least": 50, "below": 20}}, True),
        ({"engagement": {"at_least": 50, "at_most": 50}}, False),
        ({"engagement": {"above": 50, "at_most": 50}}, True),
        ({"engagement": {"at_least": 20, "below": 50}}, False),
        ({"all": [{"stage": "lead"}, {"stage": "mql"}]}, True),
        ({"any": [{"stage": "lead"}, {"stage": "mql"}]}, False),
        ({"all": [{"stage": ["lead", "mql"]}, {"stage": ["mql", "sql"]}]}, False),
        ({"all": [{"stage": ["lead"]}, {"stage": {"starts_with": "m"}}]}, True),
        ({"path": {"exists": False, "starts_with": "/"}}, True),
        ({"path": {"exists": True, "starts_with": "/"}}, False),
        ({"grade": {"at_least": "B", "below": "A"}}, False),
        ({"grade": {"at_least": "A", "below": "B"}}, True),
        ({"engagement": {"between": [20, 50]}}, False),
        ({"all": [{"happened": {"event": "x"}}, {"happened": {"event": "y"}}]}, False),
    ],
)
def test_never_holds(raw: dict[str, Any], never: bool) -> None:
    assert never_holds(Condition(raw)) is never


values = st.integers(0, 3) | st.sampled_from(["a", "ab", "b"])
tests = st.one_of(
    values,
    st.lists(values, min_size=1, max_size=3),
    st.dictionaries(st.sampled_from(["at_least", "at_most", "above", "below", "equals"]), values, min_size=1, max_size=2),
    st.builds(lambda prefix: {"starts_with": prefix}, st.sampled_from(["a", "ab", "b"])),
    st.builds(lambda known: {"exists": known}, st.booleans()),
    st.builds(lambda low: {"between": [low, low + 1]}, st.integers(0, 2)),
)
plain = st.dictionaries(st.sampled_from(["x", "grade"]), tests, min_size=1)
conditions = st.one_of(
    plain,
    st.builds(lambda parts: {"all": parts}, st.lists(plain, min_size=1, max_size=2)),
    st.builds(lambda part, more: {"not": part, **more}, plain, plain),
    st.builds(lambda parts: {"any": parts}, st.lists(plain, min_size=1, max_size=2)),
).map(Condition)
facts = st.fixed_dictionaries({}, optional={"x": values, "grade": st.sampled_from("ABab").map(Grade) | values})


@settings(max_examples=300)
@given(wide=conditions, narrow=conditions, facts=st.lists(facts, min_size=5, max_size=10))
def test_whoever_fulfils_the_narrow_one_fulfils_the_wide_one(
    wide: Condition, narrow: Condition, facts: list[dict[str, Any]]
) -> None:
    """Grades are always grades in the engine; a fact of another kind only makes a comparison fail."""
    known = [{**each, "grade": Grade(each["grade"])} if isinstance(each.get("grade"), str) else each for each in facts]
    if includes(wide, narrow):
        assert all(wide.holds(each) for each in known if narrow.holds(each))
    assert includes(narrow, narrow)


@settings(max_examples=200)
@given(condition=conditions, facts=st.lists(facts, min_size=5, max_size=10))
def test_what_never_holds_does_not_hold(condition: Condition, facts: list[dict[str, Any]]) -> None:
    known = [{**each, "grade": Grade(each["grade"])} if isinstance(each.get("grade"), str) else each for each in facts]
    if never_holds(condition):
        assert not any(condition.holds(each) for each in known)
