"""What conditions ask about the past: how often, how far back, and what must be loaded to answer."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from nurture.domain.conditions import Condition, EventCondition
from nurture.domain.history import HISTORY, NOW, History, HistoryQuestion, MissingHistory, Past, widest

AT = datetime(2026, 6, 30, 12, tzinfo=UTC)
EVER: dict[str, timedelta | None] = {"webinar": None, "download": None}


def past(name: str, days: float, **facts: Any) -> Past:
    return Past(name, AT - timedelta(days=days), facts)


PAST = [
    past("webinar", 40, topic="scoring", minutes=50),
    past("webinar", 30, topic="consent", minutes=10),
    past("webinar", 3, topic="scoring", minutes=20),
    past("download", 5, asset="guide"),
    past("webinar", -1, topic="scoring", minutes=60),
]


def facts(events: Iterable[Past] = PAST, **more: Any) -> dict[str, Any]:
    return {HISTORY: History(events, EVER), NOW: AT, **more}


@pytest.mark.parametrize(
    ("asked", "holds"),
    [
        ({"event": "webinar"}, True),
        ({"event": "download", "times": 2}, False),
        ({"event": ["webinar", "download"], "times": 4}, True),
        ({"event": ["webinar", "download"], "times": 5}, False),  # what lies ahead of the present has not happened
        ({"event": ["download", "download"], "times": 2}, False),
        ({"event": "webinar", "where": {"topic": "scoring"}, "times": 2}, True),
        ({"event": "webinar", "where": {"topic": "scoring"}, "within": "30d", "times": 2}, False),
        ({"event": "webinar", "within": "30d", "times": 2}, True),  # both ends count
        ({"event": "webinar", "within": "29d23h", "times": 2}, False),
        ({"event": "webinar", "where": {"any": [{"minutes": {"below": 15}}, {"topic": {"exists": False}}]}, "times": {"equals": 1}}, True),
        ({"event": "webinar", "times": {"at_most": 3}}, True),
        ({"event": "webinar", "times": {"at_most": 2}}, False),
        ({"event": "webinar", "times": {"between": [2, 3]}}, True),
        ({"event": "webinar", "times": {"above": 3}}, False),
        ({"event": "webinar", "times": {"at_least": 1, "below": 4}}, True),
        ({"event": "webinar", "times": 0}, False),
        ({"event": "download", "within": "4d", "times": 0}, True),
        ({"event": "download", "within": "4d", "times": {"at_most": 0}}, True),
    ],
)  # fmt: skip
def test_what_happened(asked: dict[str, Any], holds: bool) -> None:
    assert Condition({"happened": asked}).holds(facts()) is holds
    assert Condition({"not": {"happened": asked}}).holds(facts()) is not holds


def test_it_nests_like_any_other_condition() -> None:
    attended, downloaded = {"happened": {"event": "webinar"}}, {"happened": {"event": "download", "within": "1d"}}
    assert Condition({"any": [downloaded, attended]}).holds(facts())
    assert not Condition({"all": [downloaded, attended]}).holds(facts())
    assert Condition({"stage": "lead", **attended, "not": downloaded}).holds(facts(stage="lead"))
    assert not Condition({"stage": "mql", **attended}).holds(facts(stage="lead"))


@pytest.mark.parametrize("times", [1, 0])
@pytest.mark.parametrize("known", [{}, {HISTORY: None, NOW: AT}, {HISTORY: History([], EVER)}, {NOW: AT}])
def test_a_past_that_nobody_loaded_is_an_error_and_no_answer(known: dict[str, Any], times: int) -> None:
    with pytest.raises(MissingHistory, match="put the history into the facts"):
        Condition({"happened": {"event": "webinar", "times": times}}).holds(known)


@pytest.mark.parametrize(
    ("reach", "asked", "enough"),
    [
        ({"webinar": None}, {"event": "webinar"}, True),
        ({"webinar": None}, {"event": "webinar", "within": "30d"}, True),
        ({"webinar": timedelta(days=30)}, {"event": "webinar", "within": "30d"}, True),
        ({"webinar": timedelta(days=30)}, {"event": "webinar", "within": "31d"}, False),
        ({"webinar": timedelta(days=30)}, {"event": "webinar"}, False),
        ({}, {"event": "webinar"}, False),
        ({"webinar": None}, {"event": ["webinar", "download"]}, False),
    ],
)
def test_a_question_beyond_what_was_loaded_is_an_error(reach: Any, asked: dict[str, Any], enough: bool) -> None:
    condition, known = Condition({"happened": asked}), {HISTORY: History([], reach), NOW: AT}
    if enough:
        assert not condition.holds(known)
    else:
        with pytest.raises(MissingHistory, match=r"which was not looked for; load it$"):
            condition.holds(known)


instants = st.integers(-5, 60).map(lambda days: AT - timedelta(days=days))
pasts = st.lists(
    st.builds(Past, st.sampled_from(["webinar", "download", "other"]), instants, st.fixed_dictionaries({"n": st.integers(0, 2)}))
)


@given(events=pasts, data=st.data(), within=st.none() | st.integers(1, 50).map(lambda days: timedelta(days=days)))
def test_counts_are_those_of_a_plain_search_in_whatever_order_events_came(
    events: list[Past], data: st.DataObject, within: timedelta | None
) -> None:
    cut = data.draw(st.integers(0, len(events)))
    shuffled = data.draw(st.permutations(events))
    history = History(shuffled[:cut], EVER)
    history.add(History(shuffled[cut:], EVER))  # as of two people who turned out to be one
    found = [each for each in events if each.name == "webinar" and each.at <= AT and (within is None or each.at >= AT - within)]
    question = HistoryQuestion(("webinar",), within)
    assert history.count(question, AT) == len(found)
    assert history.count(question, AT, EventCondition({"n": 1}).holds) == sum(each.facts["n"] == 1 for each in found)
    assert sorted(each.name for each in history) == sorted(each.name for each in events if each.name != "other")


def test_what_must_be_loaded() -> None:
    raw = {
        "stage": "lead",
        "happened": {"event": ["webinar", "download"], "within": "30d", "where": {"topic": "x"}},
        "any": [{"happened": {"event": "webinar", "within": "2w"}}, {"not": {"happened": {"event": "signup"}}}],
    }
    condition = Condition(raw)
    month, fortnight = timedelta(days=30), timedelta(days=14)
    asked = {
        HistoryQuestion(("webinar", "download"), month),
        HistoryQuestion(("webinar",), fortnight),
        HistoryQuestion(("signup",)),
    }
    assert condition.history() == asked
    assert widest(condition.history()) == {"webinar": month, "download": month, "signup": None}
    assert widest([HistoryQuestion(("signup",)), HistoryQuestion(("signup",), month)]) == {"signup": None}
    assert condition.fields() == {"stage"}
    assert [place for place, _ in condition.happenings] == [("happened",), ("any", 0, "happened"), ("any", 1, "not", "happened")]


def test_json_round_trip() -> None:
    adapter = TypeAdapter(Condition)
    condition = Condition(
        {"happened": {"event": "webinar", "where": {"minutes": {"at_least": 20}}, "within": "30d", "times": {"at_most": 3}}}
    )
    again = adapter.validate_json(adapter.dump_json(condition))
    assert again == condition
    assert hash(again) == hash(condition)
    assert TypeAdapter(EventCondition).validate_python(Condition({"a": 1})) == EventCondition({"a": 1})


@pytest.mark.parametrize(
    ("asked", "place", "text"),
    [
        ("Webinar attended", (), "'happened' asks about an event; write happened: {event: webinar_attended, within: 30d}"),
        ({}, (), "'event' is missing here; add 'event: …' (the event, or a list of events)"),
        ({"evnt": "webinar"}, ("evnt",), "unknown key 'evnt'; did you mean 'event'?"),
        ({"event": "webinar", "count": 2}, ("count",), "unknown key 'count'; did you mean 'times'?"),
        ({"event": "webinar", "since": "3d"}, ("since",), "unknown key 'since'; did you mean 'within'?"),
        ({"event": "webinar", "colour": 2}, ("colour",), "unknown key 'colour'; the keys here are event, where, within, times"),
        ({"event": []}, ("event",), "'event' is empty; give it at least one entry"),
        ({"event": None}, ("event",), "'event' is empty; give it at least one entry"),
        ({"event": ["webinar", 5]}, ("event", 1), "5 names no event; write a text of at most 128 characters"),
        ({"event": {"in": ["a"]}}, ("event",), "a mapping names no event; write a text of at most 128 characters"),
        ({"event": "webinar", "within": "1 month"}, ("within",),
         "'1 month' is no duration; months and years differ in length, so count in days, such as 30d or 365d"),
        ({"event": "webinar", "within": "0d"}, ("within",), "'0d' is no time to look back; write how far, such as 30d"),
        ({"event": "webinar", "within": None}, ("within",),
         "nothing stands behind 'within'; write how far back, such as 30d, or delete it"),
        ({"event": "webinar", "times": -1}, ("times",), "-1 is no number of times; write a whole one such as 2, 0 for never, or {at_most: 3}"),
        ({"event": "webinar", "times": True}, ("times",), "true is no number of times; write a whole one such as 2, 0 for never, or {at_most: 3}"),
        ({"event": "webinar", "times": {"at_least": 1.5}}, ("times",),
         "a mapping is no number of times; write a whole one such as 2, 0 for never, or {at_most: 3}"),
        ({"event": "webinar", "times": {}}, ("times",),
         "a mapping is no number of times; write a whole one such as 2, 0 for never, or {at_most: 3}"),
        ({"event": "webinar", "times": {"gte": 2}}, ("times", "gte"), "unknown test 'gte'; did you mean 'at_least'?"),
        ({"event": "webinar", "times": {"exists": 1}}, ("times", "exists"),
         "unknown test 'exists'; write equals, at_least, at_most, above, below or between"),
        ({"event": "webinar", "times": {"between": [3, 2]}}, ("times", "between"), "nothing lies between 3 and 2; write the lower end first"),
        ({"event": "webinar", "times": {"at_least": 0}}, ("times",),
         "every number of times passes this; write times: 1 for at least once, or times: 0 for never"),
        ({"event": "webinar", "times": {"below": 0}}, ("times",),
         "no number of times passes this; write times: 1 for at least once, or times: 0 for never"),
        ({"event": "webinar", "where": {"minutes": {"gte": 2}}}, ("where", "minutes", "gte"), "unknown test 'gte'; did you mean 'at_least'?"),
        ({"event": "webinar", "where": {"not": {"happened": {"event": "a"}}}}, ("where", "not", "happened"),
         "'happened' asks what somebody did before, and this condition asks about one event; use it in a condition about the person, such as 'when' or 'audience'"),
    ],
)  # fmt: skip
def test_a_mistake_has_its_place(asked: Any, place: tuple[Any, ...], text: str) -> None:
    with pytest.raises(ValidationError) as raised:
        Condition({"any": [{"a": 1}, {"happened": asked}]})
    assert [(each["loc"], each["msg"]) for each in raised.value.errors()] == [(("any", 1, "happened", *place), text)]


@pytest.mark.parametrize("key", ["happend", "did", "event"])
def test_another_word_for_it_is_understood(key: str) -> None:
    with pytest.raises(ValidationError, match=f"unknown key '{key}'; did you mean 'happened'\\?"):
        Condition({key: {"event": "webinar", "within": "30d"}})


written = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 5) | st.sampled_from(["webinar", "", "30d", "0d"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["event", "where", "within", "times", "at_least", "between", "happened", "x"]), inner, max_size=3
        )
    ),
    max_leaves=6,
)


@given(raw=written)
def test_whatever_is_written_is_a_condition_or_a_told_mistake(raw: Any) -> None:
    told: list[str] = []
    try:
        condition = Condition({"happened": raw})
    except ValidationError as error:
        told = [each["msg"] for each in error.errors()]
        assert all("; " in text for text in told)
    else:
        reach = widest(condition.history())
        assert reach or [step for _, step in condition.awaited] == [raw]
        assert condition.holds({HISTORY: History([], reach), NOW: AT}) in (True, False)


def test_a_condition_about_one_event_has_no_past() -> None:
    with pytest.raises(ValidationError, match="this condition asks about one event"):
        EventCondition({"happened": {"event": "webinar"}})
