"""Points: sums that no order can change, caps, decay, grades."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from math import isclose, isfinite
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from nurture.domain.event import Event, day_number
from nurture.domain.scoring import (
    LANDMARK,
    SHORTEST_HALF_LIFE,
    Cell,
    Grade,
    Scoring,
    ScoringRule,
    band_of,
    engagement_on,
    fit_lines,
    grade_of,
    heat_for,
    heat_of,
    rules_hit,
    score_lines,
)

SCORING = Scoring.model_validate({
    "half_life": "30d",
    "rules": [
        {"id": "read", "on": "page_viewed", "where": {"path": {"starts_with": "/blog/"}}, "points": 2, "cap": {"hits": 3}},
        {"id": "pricing", "on": ["page_viewed", "screen_viewed"], "where": {"path": "/pricing"}, "points": 10},
        {"id": "careers", "on": "page_viewed", "points": -15, "cap": {"hits": 1, "per": "ever"}},
    ],
    "fit": [
        {"id": "boss", "when": {"job_title": {"matches": "(?i)chief"}}, "points": 40},
        {"id": "free-mail", "when": {"email_domain": {"in": "free_mail_domains"}}, "points": -10},
    ],
})  # fmt: skip
RULES = {rule.id: rule for rule in SCORING.rules}
HALF_LIFE = SCORING.half_life
DAY = LANDMARK + 100

days = st.integers(LANDMARK - 500, LANDMARK + 3000)
cells = st.dictionaries(st.builds(Cell, st.sampled_from([*RULES, "gone"]), days), st.integers(1, 50), max_size=12)


def page(path: str, **extra: Any) -> Event:
    at = datetime(2026, 1, 5, 9, tzinfo=UTC)
    return Event(
        message_id="m",
        source="website",
        name="page_viewed",
        occurred_at=at,
        received_at=at,
        context={"page": {"path": path}},
        **extra,
    )


def engagement(counts: dict[Cell, int], day: int = DAY) -> float:
    return engagement_on(day, heat_of(counts, SCORING), HALF_LIFE)


def test_rules_hit_by_an_event() -> None:
    by_event = {"page_viewed": SCORING.rules}
    assert [rule.id for rule in rules_hit(page("/blog/x"), by_event)] == ["read", "careers"]
    assert [rule.id for rule in rules_hit(page("/pricing"), by_event)] == ["pricing", "careers"]
    assert rules_hit(page("/blog/x"), {}) == []


def test_todays_hits_are_worth_their_points() -> None:
    assert engagement({Cell("pricing", DAY): 3}) == pytest.approx(30)


def test_points_are_worth_half_after_a_half_life() -> None:
    assert engagement({Cell("pricing", DAY - 30): 1}) == pytest.approx(5)
    assert engagement({Cell("pricing", DAY - 60): 1}) == pytest.approx(2.5)


def test_a_daily_cap_counts_each_day_anew() -> None:
    assert engagement({Cell("read", DAY): 40}) == pytest.approx(6)
    both = engagement({Cell("read", DAY): 40, Cell("read", DAY - 30): 40})
    assert both == pytest.approx(6 + 3)


def test_a_cap_for_ever_counts_the_earliest_hits() -> None:
    assert engagement({Cell("careers", DAY): 2, Cell("careers", DAY - 30): 2}) == pytest.approx(-7.5)


def test_cells_of_a_rule_that_is_gone_count_nothing() -> None:
    assert engagement({Cell("gone", DAY): 9}) == 0


@given(counts=cells, data=st.data())
def test_the_order_in_which_cells_came_changes_nothing(counts: dict[Cell, int], data: st.DataObject) -> None:
    shuffled = dict(data.draw(st.permutations(list(counts.items()))))
    assert heat_of(shuffled, SCORING) == heat_of(counts, SCORING)


@given(hits=st.lists(st.builds(Cell, st.sampled_from(list(RULES)), days), max_size=30), data=st.data())
def test_neither_order_nor_batches_change_a_score(hits: list[Cell], data: st.DataObject) -> None:
    """Counting one by one, in any order and in batches of any size, ends in the same cells, and so in the same heat."""
    shuffled = data.draw(st.permutations(hits))
    cut = data.draw(st.integers(0, len(hits)))
    in_batches = Counter(shuffled[:cut]) + Counter(shuffled[cut:])
    assert heat_of(in_batches, SCORING) == heat_of(Counter(hits), SCORING)


@given(counts=cells, day=days)
def test_lines_sum_to_the_engagement(counts: dict[Cell, int], day: int) -> None:
    lines = score_lines(counts, SCORING, day)
    total = engagement(counts, day)
    assert isclose(
        sum(line.points for line in lines), total, rel_tol=1e-9, abs_tol=1e-9 * max([1.0, *(abs(line.points) for line in lines)])
    )
    assert all(line.counted <= line.hits for line in lines)


@given(points=st.floats(-1e6, 1e6), day=days, later=st.integers(0, 1000))
def test_a_threshold_as_heat_and_back(points: float, day: int, later: int) -> None:
    heat = heat_for(points, day, HALF_LIFE)
    assert isclose(engagement_on(day, heat, HALF_LIFE), points, rel_tol=1e-9, abs_tol=1e-9)
    assert abs(engagement_on(day + later, heat, HALF_LIFE)) <= abs(points) * (1 + 1e-9) + 1e-9


@pytest.mark.parametrize("year", [1, 1970, 2026, 2045, 9999])
def test_no_date_on_the_calendar_overflows(year: int) -> None:
    day = day_number(datetime(year, 12, 31, tzinfo=UTC))
    heat = heat_of({Cell("pricing", day): 1_000_000}, SCORING.model_copy(update={"half_life": SHORTEST_HALF_LIFE}))
    assert isfinite(heat)
    assert isfinite(engagement_on(DAY, heat, SHORTEST_HALF_LIFE))


@pytest.mark.parametrize(
    ("facts", "lines"),
    [
        ({"job_title": "Chief Marketing Officer"}, [("boss", 40)]),
        ({"job_title": "Chief", "email_domain": "gmail.com"}, [("boss", 40), ("free-mail", -10)]),
        ({"job_title": 7}, []),
        ({}, []),
    ],
)
def test_fit(facts: dict[str, Any], lines: list[tuple[str, int]]) -> None:
    assert fit_lines(facts, SCORING) == lines


@pytest.mark.parametrize(("fit", "grade"), [(100, "A"), (60, "A"), (59, "B"), (20, "C"), (0, "D"), (-50, "D")])
def test_the_grade_that_fit_earns(fit: int, grade: str) -> None:
    assert grade_of(fit, SCORING.grades) == grade


@pytest.mark.parametrize(("engagement", "band"), [(1e9, 1), (75, 1), (74.9, 2), (25, 3), (0, 4), (-3, 4)])
def test_the_band_that_engagement_reaches(engagement: float, band: int) -> None:
    assert band_of(engagement, SCORING) == str(band)


def test_grades_compare_by_merit() -> None:
    assert sorted("BDAC", key=Grade) == ["D", "C", "B", "A"]
    assert Grade("A") > "B" >= Grade("B") > Grade("C")
    assert not Grade("C") >= "B"
    assert max(map(Grade, "CAB")) == "A"


@given(one=st.sampled_from("ABCDEF"), other=st.sampled_from("ABCDEF"))
def test_comparisons_of_grades_agree_with_each_other(one: str, other: str) -> None:
    a, b = Grade(one), Grade(other)
    assert (a > b) is (b < a) is (one < other)
    assert (a >= b) is (not a < b) is (a > b or a == b)


@pytest.mark.parametrize(
    ("raw", "place", "text"),
    [
        ({"half_life": "6d"}, ("half_life",), "a half-life of 6d is too short; write 7d or more"),
        (
            {"rules": [{"id": "a", "on": "x", "points": 1}], "fit": [{"id": "a", "when": {"b": 1}, "points": 1}]},
            ("fit", 0, "id"),
            "rule id 'a' is used twice; give each its own",
        ),
        (
            {
                "models": {"cloud": {"rules": [{"id": "a", "on": "x", "points": 1}]}},
                "rules": [{"id": "a", "on": "x", "points": 1}],
            },
            ("models", "cloud", "rules", 0, "id"),
            "rule id 'a' is used twice; give each its own",
        ),
        (
            {"rules": [{"id": "a", "on": "x", "points": 1, "group": "b"}], "groups": {"c": {"points": 1}}},
            ("rules", 0, "group"),
            "unknown group 'b'; write c",
        ),
        (
            {"models": {"grade": {}}},
            ("models", "grade"),
            "'grade' means something else already; give this model another name",
        ),
        (
            {"bands": {"1": 10, "2": 20}},
            ("bands", "1"),
            "band 1 must ask for more engagement than 2 (20); 1 is the warmest band",
        ),
        (
            {"grades": {"A": 10, "B": 10}},
            ("grades", "A"),
            "grade A must ask for more points than B (10); A is the best grade",
        ),
    ],
)
def test_mistakes_have_their_place(raw: dict[str, Any], place: tuple[Any, ...], text: str) -> None:
    with pytest.raises(ValidationError) as raised:
        Scoring.model_validate(raw)
    assert [(each["loc"], each["msg"].removeprefix("Value error, ")) for each in raised.value.errors()] == [(place, text)]


def test_one_event_name_and_a_list_of_one_mean_the_same() -> None:
    one, several = ({"id": "a", "on": on, "points": 1} for on in ("x", ["x"]))
    assert ScoringRule.model_validate(one) == ScoringRule.model_validate(several)


def test_the_half_life_may_be_a_week() -> None:
    assert Scoring.model_validate({"half_life": "1w"}).half_life == timedelta(days=7)
