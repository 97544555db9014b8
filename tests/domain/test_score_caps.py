"""Group caps beside rule caps, and several models: sums that neither order nor merging can change."""

from collections import Counter
from collections.abc import Mapping
from math import fsum, isclose
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurture.domain.scoring import (
    DEFAULT_MODEL,
    LANDMARK,
    Cell,
    ScoreLine,
    Scoring,
    engagement_on,
    heat_of,
    heats_of,
    score_lines,
)

DAY = LANDMARK + 100

RULES: list[dict[str, Any]] = [
    {"id": "article", "on": "x", "points": 2, "cap": {"hits": 3}, "group": "reading"},
    {"id": "podcast", "on": "x", "points": 5, "group": "reading"},
    {"id": "video", "on": "x", "points": 5, "cap": {"hits": 4, "per": "ever"}, "group": "reading"},
    {"id": "careers", "on": "x", "points": -15, "group": "reading"},
    {"id": "spam", "on": "x", "points": -4, "cap": {"hits": 2}, "group": "reading"},
    {"id": "webinar", "on": "x", "points": 7, "group": "events"},
    {"id": "no-show", "on": "x", "points": -3, "group": "events"},
    {"id": "pricing", "on": "x", "points": 10},
]
CLOUD: dict[str, Any] = {
    "half_life": "10d",
    "rules": [
        {"id": "console", "on": "x", "points": 8, "group": "reading"},
        {"id": "docs", "on": "x", "points": 3, "cap": {"hits": 2}, "group": "reading"},
    ],
    "groups": {"reading": {"points": 11}},
}
SCORING = Scoring.model_validate({
    "half_life": "30d",
    "rules": RULES,
    "groups": {"reading": {"points": 12, "per": "day"}, "events": {"points": 20, "per": "ever"}},
    "models": {"cloud": CLOUD, "idle": {"rules": [{"id": "idle", "on": "never", "points": 1}]}},
})  # fmt: skip
MODELS = (DEFAULT_MODEL, "cloud", "idle")
POINTS = {rule.id: rule.points for rule in SCORING.all_rules()}
IDS = [*POINTS, "gone"]

days = st.integers(DAY - 4, DAY + 2)
cells = st.dictionaries(st.builds(Cell, st.sampled_from(IDS), days), st.integers(1, 6), max_size=15)
hits = st.lists(st.builds(Cell, st.sampled_from(IDS), days), max_size=40)


def lines_of(counts: Mapping[Cell, int]) -> list[ScoreLine]:
    return [line for model in MODELS for line in score_lines(counts, SCORING, DAY, model)]


def earned(counts: Mapping[Cell, int]) -> dict[tuple[str, int], int]:
    return {(line.rule, line.day): line.earned for line in score_lines(counts, SCORING, DAY)}


def test_a_group_lets_what_is_worth_most_count_first_and_cuts_exactly() -> None:
    """12 points a day: two podcasts are 10, and of three articles one more counts."""
    assert earned({Cell("article", DAY): 3, Cell("podcast", DAY): 2}) == {("podcast", DAY): 10, ("article", DAY): 2}
    assert earned({Cell("video", DAY): 2, Cell("podcast", DAY): 1}) == {("podcast", DAY): 5, ("video", DAY): 7}


def test_a_daily_group_cap_counts_each_day_anew() -> None:
    assert earned({Cell("podcast", DAY): 9, Cell("podcast", DAY - 1): 9}) == {("podcast", DAY - 1): 12, ("podcast", DAY): 12}


def test_a_group_cap_for_ever_is_spent_by_the_earliest_days() -> None:
    counts = {Cell("webinar", DAY): 2, Cell("webinar", DAY - 9): 2, Cell("webinar", DAY + 1): 1}
    assert earned(counts) == {("webinar", DAY - 9): 14, ("webinar", DAY): 6, ("webinar", DAY + 1): 0}


def test_what_is_taken_away_is_capped_apart_from_what_is_given() -> None:
    counts = {Cell("careers", DAY): 1, Cell("spam", DAY): 9, Cell("podcast", DAY): 1}
    assert earned(counts) == {("careers", DAY): -12, ("podcast", DAY): 5, ("spam", DAY): 0}
    assert engagement_on(DAY, heat_of(counts, SCORING), SCORING.half_life) == pytest.approx(-7)
    assert earned({Cell("no-show", DAY): 50, Cell("webinar", DAY): 50}) == {("webinar", DAY): 20, ("no-show", DAY): -20}


def test_a_rule_cap_comes_before_the_group_cap_and_both_are_told() -> None:
    [podcast, article] = score_lines({Cell("article", DAY): 5, Cell("podcast", DAY): 1}, SCORING, DAY)
    assert (podcast.group, podcast.earned, podcast.cut_by_cap, podcast.cut_by_group) == ("reading", 5, 0, 0)
    assert (article.hits, article.counted) == (5, 3)
    assert (article.earned, article.cut_by_cap, article.cut_by_group) == (6, 4, 0)
    [podcast, article] = score_lines({Cell("article", DAY): 5, Cell("podcast", DAY): 2}, SCORING, DAY)
    assert (article.earned, article.cut_by_cap, article.cut_by_group) == (2, 4, 4)


def test_each_model_has_its_own_rules_groups_and_half_life() -> None:
    counts = {Cell("console", DAY - 10): 1, Cell("docs", DAY - 10): 9, Cell("pricing", DAY - 30): 1}
    heats = heats_of(counts, SCORING)
    assert set(heats) == {"cloud"}  # who did nothing for a model needs no figure of it
    assert engagement_on(DAY, heats["cloud"], SCORING.models["cloud"].half_life) == pytest.approx((8 + 3) / 2)
    assert engagement_on(DAY, heat_of(counts, SCORING), SCORING.half_life) == pytest.approx(5)
    assert {(line.rule, line.model) for line in lines_of(counts)} == {
        ("console", "cloud"),
        ("docs", "cloud"),
        ("pricing", "default"),
    }
    with pytest.raises(KeyError):
        score_lines(counts, SCORING, DAY, "clod")


@given(counts=cells, day=days)
def test_lines_sum_to_the_heat_to_the_last_bit(counts: dict[Cell, int], day: int) -> None:
    heats = heats_of(counts, SCORING)
    for name in MODELS:
        model = SCORING.model(name)
        lines = score_lines(counts, SCORING, day, name)
        heat = heat_of(counts, model)
        assert fsum(line.heat for line in lines) == heat
        if name != DEFAULT_MODEL:
            assert heats.get(name, 0.0) == heat
        assert fsum(line.points for line in lines) == pytest.approx(engagement_on(day, heat, model.half_life), abs=1e-9)
    told = {Cell(line.rule, line.day) for line in lines_of(counts)}
    assert told == {cell for cell in counts if cell.rule != "gone"}


@given(counts=cells)
def test_a_line_tells_where_all_its_points_went(counts: dict[Cell, int]) -> None:
    for line in lines_of(counts):
        points = POINTS[line.rule]
        assert line.earned + line.cut_by_cap + line.cut_by_group == points * line.hits
        assert line.cut_by_cap == points * (line.hits - line.counted)
        assert all(part * points >= 0 for part in (line.earned, line.cut_by_cap, line.cut_by_group))
        assert all(isinstance(part, int) for part in (line.earned, line.cut_by_cap, line.cut_by_group))


@given(counts=cells)
def test_no_cap_is_ever_exceeded_nor_left_unused(counts: dict[Cell, int]) -> None:
    given_: Counter[tuple[str, str, bool, int]] = Counter()
    wanted: Counter[tuple[str, str, bool, int]] = Counter()
    for line in lines_of(counts):
        if line.group is None:
            assert line.cut_by_group == 0
            continue
        cap = SCORING.model(line.model).groups[line.group]
        budget = (line.model, line.group, POINTS[line.rule] > 0, line.day if cap.per == "day" else 0)
        given_[budget] += abs(line.earned)
        wanted[budget] += abs(line.earned + line.cut_by_group)
    for budget, points in wanted.items():
        assert given_[budget] == min(points, SCORING.model(budget[0]).groups[budget[1]].points)


@given(seen=hits, data=st.data())
def test_neither_order_nor_batches_change_anything(seen: list[Cell], data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(seen))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(seen)), max_size=3)))
    batched: Counter[Cell] = Counter()
    for begin, end in zip([0, *cuts], [*cuts, len(seen)], strict=True):
        batched.update(Counter(shuffled[begin:end]))
    assert heat_of(batched, SCORING) == heat_of(Counter(seen), SCORING)
    assert heats_of(batched, SCORING) == heats_of(Counter(seen), SCORING)
    assert score_lines(batched, SCORING, DAY) == score_lines(Counter(seen), SCORING, DAY)


@given(one=hits, other=hits)
def test_two_people_who_are_one_have_the_score_of_all_their_hits(one: list[Cell], other: list[Cell]) -> None:
    merged, together = Counter(other) + Counter(one), Counter([*one, *other])
    assert heat_of(merged, SCORING) == heat_of(together, SCORING)
    assert heats_of(merged, SCORING) == heats_of(together, SCORING)


def hits_on(*rules: str) -> st.SearchStrategy[list[Cell]]:
    return st.lists(st.builds(Cell, st.sampled_from(rules), days), max_size=25)


positive = hits_on(*(rule for rule, points in POINTS.items() if points > 0))


@given(seen=positive, more=positive)
def test_more_of_what_is_worth_something_never_lowers_a_score_with_daily_caps(seen: list[Cell], more: list[Cell]) -> None:
    daily = Scoring.model_validate({
        "rules": [{**rule, "cap": {"hits": 4}} for rule in RULES],
        "groups": {"reading": {"points": 12}, "events": {"points": 20}},
        "models": {"cloud": CLOUD},
    })  # fmt: skip
    for name in ("default", "cloud"):
        model = daily.model(name)
        before, after = heat_of(Counter(seen), model), heat_of(Counter([*seen, *more]), model)
        assert after >= before or isclose(after, before, rel_tol=1e-12)  # other rules may fill the cap, rounded otherwise


@given(seen=hits_on("article", "podcast", "webinar", "pricing"), more=hits_on("article", "podcast", "webinar", "pricing"))
def test_a_group_cap_for_ever_never_lowers_the_points_that_count(seen: list[Cell], more: list[Cell]) -> None:
    """On which days they count may change, and so how far they have faded, but there are never fewer."""
    before, after = earned(Counter(seen)), earned(Counter([*seen, *more]))
    assert sum(after.values()) >= sum(before.values())


def test_a_late_event_of_an_earlier_day_may_take_from_a_later_day() -> None:
    """What a cap for ever gives is spent by the earliest days; written down here because it surprises."""
    before, after = {Cell("webinar", DAY): 3}, {Cell("webinar", DAY): 3, Cell("webinar", DAY - 90): 1}
    assert sum(earned(before).values()) == sum(earned(after).values()) == 20
    assert heat_of(after, SCORING) < heat_of(before, SCORING)
