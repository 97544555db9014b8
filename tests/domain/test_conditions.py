"""The condition language: what holds, what never raises, and where a mistake lies."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from nurture.domain.comparisons import TESTS
from nurture.domain.conditions import Condition
from nurture.domain.scoring import Grade

FACTS: dict[str, Any] = {
    "path": "/blog/demand-gen",
    "seconds": 75,
    "gated": True,
    "tags": ["lead", "demand"],
    "grade": Grade("B"),
    "email_domain": "GMAIL.com",
    "seen": "2026-03-31T09:00:00+02:00",
    "nothing": None,
}


@pytest.mark.parametrize(
    ("raw", "holds"),
    [
        ({"path": "/blog/demand-gen"}, True),
        ({"path": "/blog"}, False),
        ({"path": ["/a", "/blog/demand-gen"]}, True),
        ({"path": {"equals": "/blog/demand-gen"}}, True),
        ({"path": {"in": ["/a", "/b"]}}, False),
        ({"path": {"starts_with": "/blog/"}}, True),
        ({"path": {"ends_with": "-gen"}}, True),
        ({"path": {"contains": "demand"}}, True),
        ({"path": {"matches": "(?i)^/BLOG/"}}, True),
        ({"path": {"matches": "^blog"}}, False),
        ({"path": {"starts_with": "/blog/", "ends_with": ".pdf"}}, False),
        ({"tags": {"contains": "lead"}}, True),
        ({"tags": {"contains": "lea"}}, False),
        ({"seconds": {"at_least": 75}}, True),
        ({"seconds": {"above": 75}}, False),
        ({"seconds": {"at_most": 75}}, True),
        ({"seconds": {"below": 75}}, False),
        ({"seconds": {"between": [60, 75]}}, True),
        ({"seconds": {"between": [76, 90]}}, False),
        ({"seconds": {"at_least": "many"}}, False),
        ({"path": {"above": 5}}, False),
        ({"gated": True}, True),
        ({"gated": False}, False),
        ({"grade": {"at_least": "C"}}, True),
        ({"grade": {"at_least": "B"}}, True),
        ({"grade": {"at_least": "A"}}, False),
        ({"grade": {"between": ["D", "B"]}}, True),
        ({"grade": ["A", "B"]}, True),
        ({"email_domain": {"in": "free_mail_domains"}}, True),
        ({"seen": {"before": "2026-03-31T07:00:01Z"}}, True),
        ({"seen": {"before": "2026-03-31T09:00:00+02:00"}}, False),
        ({"seen": {"after": "2026-03-31"}}, True),
        ({"seen": {"after": "2026-04-01"}}, False),
        ({"path": {"after": "2026-04-01"}}, False),
        ({"seconds": 75, "gated": True}, True),
        ({"seconds": 75, "gated": False}, False),
        ({"all": [{"seconds": 75}, {"gated": True}]}, True),
        ({"all": [{"seconds": 75}, {"gated": False}]}, False),
        ({"any": [{"seconds": 1}, {"gated": True}]}, True),
        ({"any": [{"seconds": 1}, {"gated": False}]}, False),
        ({"not": {"seconds": 1}}, True),
        ({"not": {"any": [{"seconds": 75}, {"path": "/"}]}}, False),
        ({"path": {"exists": True}}, True),
        ({"path": {"exists": False}}, False),
    ],
)
def test_what_holds(raw: dict[str, Any], holds: bool) -> None:
    assert Condition(raw).holds(FACTS) is holds


@pytest.mark.parametrize("field", ["absent", "nothing"])
@pytest.mark.parametrize("test", sorted(TESTS))
def test_a_missing_fact_makes_every_test_false_but_exists_false(field: str, test: str) -> None:
    operand: Any = {"in": ["a"], "between": [1, 2], "before": "2026-01-01", "after": "2026-01-01", "exists": True}.get(test, "a")
    condition = Condition({field: {test: operand}})
    assert not condition.holds(FACTS)
    assert Condition({"not": condition.raw}).holds(FACTS)


@pytest.mark.parametrize("field", ["absent", "nothing"])
def test_exists_false_holds_for_what_is_missing(field: str) -> None:
    assert Condition({field: {"exists": False}}).holds(FACTS)


@pytest.mark.parametrize(
    ("raw", "place", "text"),
    [
        ({}, (), "this condition asks nothing; write it like {stage: lead}"),
        ("mql", (), "a condition is a mapping; write it like {stage: lead} or {any: [{stage: lead}, {stage: mql}]}"),
        ({"path": {"start_with": "/"}}, ("path", "start_with"), "unknown test 'start_with'; did you mean 'starts_with'?"),
        ({"fit": {"gte": 3}}, ("fit", "gte"), "unknown test 'gte'; did you mean 'at_least'?"),
        (
            {"path": None},
            ("path",),
            "there is nothing to compare with; write a value, or {exists: false} to ask that it is missing",
        ),
        (
            {"path": {"starts_with": ["/a"]}},
            ("path", "starts_with"),
            "a list is no text; write one text, and `any` around several conditions",
        ),
        ({"path": []}, ("path",), "an empty list holds no value; write a list such as [a, b]"),
        ({"path": [{}]}, ("path",), "a mapping is no single value; write a text, a number, true or false"),
        ({"company": {"exists": "yes"}}, ("company", "exists"), "'yes' is no answer; write exists: true or exists: false"),
        ({"fit": {"between": [9, 1]}}, ("fit", "between"), "nothing lies between 9 and 1; write the lower end first"),
        ({"fit": {"between": 9}}, ("fit", "between"), "9 is no range; write [lowest, highest], both included"),
        ({"fit": {"above": True}}, ("fit", "above"), "true cannot be compared; write a number or a text"),
        ({"seen": {"after": "soon"}}, ("seen", "after"), "'soon' is no date; write one like 2026-03-31 or 2026-03-31T09:00:00Z"),
        ({"d": {"in": "free_mail"}}, ("d", "in"), "'free_mail' is no list; did you mean 'free_mail_domains'?"),
        ({"d": {"in": "x"}}, ("d", "in"), "'x' is no list; write [a, b], or free_mail_domains"),
        (
            {"title": {"matches": "(chief"}},
            ("title", "matches"),
            "'(chief' cannot be searched for: unclosed group; put a \\ before a character meant literally",
        ),
        ({"any": {"a": 1}}, ("any",), "'any' joins a list of conditions; write any: [{stage: lead}, {fit: {at_least: 20}}]"),
        ({"or": [{"a": 1}]}, ("or",), "unknown key 'or'; did you mean 'any'?"),
        ({"no": {"stage": "lead"}}, ("no",), "unknown key 'no'; did you mean 'not'?"),
        ({"all": [{"a": 1}, {"b": {}}]}, ("all", 1, "b"), f"no test stands here; write {', '.join([*TESTS][:-1])} or exists"),
    ],
)
def test_a_mistake_has_its_place(raw: Any, place: tuple[Any, ...], text: str) -> None:
    with pytest.raises(ValidationError) as raised:
        Condition(raw)
    assert [(each["loc"], each["msg"]) for each in raised.value.errors()] == [(place, text)]


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(ValidationError) as raised:
        Condition({"all": [{"a": {"is": 1}}, {"b": None}], "not": {"c": {"matches": "["}}})
    assert [each["loc"] for each in raised.value.errors()] == [("all", 0, "a", "is"), ("all", 1, "b"), ("not", "c", "matches")]


def test_fields_are_found_at_every_depth() -> None:
    raw = {"a": 1, "all": [{"b": 2}, {"any": [{"c": 3}]}], "not": {"d": {"exists": False}}}
    assert Condition(raw).fields() == {"a", "b", "c", "d"}


def test_equal_conditions_hash_alike_however_they_are_ordered() -> None:
    one, other = Condition({"a": 1, "b": 2}), Condition({"b": 2, "a": 1.0})
    assert one == other
    assert hash(one) == hash(other)


def test_json_round_trip() -> None:
    adapter = TypeAdapter(Condition)
    condition = Condition({"any": [{"a": {"between": [1, 2]}}, {"not": {"b": ["x", "y"]}}]})
    assert adapter.validate_json(adapter.dump_json(condition)) == condition


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12) | st.datetimes().map(str),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


@st.composite
def conditions(draw: st.DrawFn, depth: int = 3) -> dict[str, Any]:
    if depth and draw(st.booleans()):
        joined = draw(st.sampled_from(["all", "any", "not"]))
        if joined == "not":
            return {"not": draw(conditions(depth=depth - 1))}
        return {joined: draw(st.lists(conditions(depth=depth - 1), min_size=1, max_size=3))}
    scalar = st.integers(-5, 5) | st.sampled_from(["a", "b", ""]) | st.booleans()
    comparable = st.integers(-5, 5) | st.sampled_from(["a", "b"])
    test = draw(st.sampled_from(sorted(TESTS)))
    low = draw(st.integers(-5, 5))
    operand: Any = {
        "equals": draw(scalar),
        "in": draw(st.lists(scalar, min_size=1, max_size=3)),
        "contains": draw(comparable),
        "exists": draw(st.booleans()),
        "between": [low, low + draw(st.integers(0, 5))],
        "matches": draw(st.sampled_from(["a", "^b", "(?i)A|B", ""])),
        "before": draw(st.sampled_from(["2026-03-31", "0001-01-01T00:00:00+14:00"])),
        "after": draw(st.sampled_from(["2026-03-31T09:00:00Z", "9999-12-31T23:59:59-12:00"])),
    }.get(test, draw(comparable))
    return {draw(st.sampled_from(["x", "y"])): {test: operand}}


@given(raw=conditions(), facts=st.dictionaries(st.sampled_from(["x", "y"]), json_values))
def test_no_fact_makes_a_condition_raise_and_not_turns_it_round(raw: dict[str, Any], facts: dict[str, Any]) -> None:
    condition = Condition(raw)
    assert Condition({"not": raw}).holds(facts) is not condition.holds(facts)
    assert Condition({"all": [raw, raw]}).holds(facts) is condition.holds(facts)


@given(st.datetimes(timezones=st.sampled_from([UTC])))
def test_dates_compare_as_instants(at: datetime) -> None:
    facts = {"at": at.isoformat()}
    assert Condition({"at": {"before": "2026-03-31T09:00:00Z"}}).holds(facts) is (at < datetime(2026, 3, 31, 9, tzinfo=UTC))


@given(raw=json_values)
def test_whatever_is_written_is_a_condition_or_a_told_mistake(raw: Any) -> None:
    told: list[str] = []
    try:
        Condition(raw)
    except ValidationError as error:
        told = [each["msg"] for each in error.errors()]
    assert all("; " in text for text in told)


@pytest.mark.parametrize(
    ("value", "holds"),
    [(50, True), ("50", True), (" 50.5 ", True), ("-3", False), ("fifty", False), ("nan", False), ("1e9", False), ("", False)],
)
def test_a_number_is_compared_with_the_number_that_a_text_is__forms_send_texts(value: object, holds: bool) -> None:
    assert Condition({"company_size": {"between": [20, 2000]}}).holds({"company_size": value}) is holds
