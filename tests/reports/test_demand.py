"""The report on demand, from roll-ups written by hand; `test_demand_figures.py` holds it against the log."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, create_engine

from nurture.adapters.database.tables import metadata, rollups
from nurture.reports.demand import build
from nurture.reports.rollups import different
from nurture.reports.sheet import Period, Report
from tests.reports.filled import Figures, by, figures, fill, rows, sheet, total
from tests.support.definitions import definitions

AT = datetime(2026, 3, 20, 8, 0, tzinfo=UTC)
MONDAY = 20_514  # 2026-03-02
WEEK = Period(first=MONDAY, last=MONDAY + 6)

SUMS: Figures = {
    ("visits", MONDAY - 1, "direct"): 4, ("visits", MONDAY, "direct"): 6, ("visits", MONDAY, "organic-search"): 9,
    ("visits", MONDAY + 6, "organic-social"): 3, ("visits", MONDAY + 7, "direct"): 100,
    ("aware", MONDAY, "direct"): 6, ("aware", MONDAY + 6, "branded"): 3,
    ("views", MONDAY, "/a"): 20, ("views", MONDAY + 1, "/b"): 5, ("deep", MONDAY, "/a"): 7, ("plays", MONDAY, "Talk"): 2,
    ("downloads", MONDAY, "guide"): 1, ("seconds", MONDAY, "/a"): 90, ("seconds", MONDAY + 6, "/b"): 90,
}  # fmt: skip

#: On Monday ten came, of whom four had been here a month ago; on Tuesday five of the ten and a new one.
PEOPLE: Figures = {
    ("people", MONDAY, ""): 6, ("people", MONDAY, str(MONDAY - 30)): 4,
    ("people", MONDAY + 1, str(MONDAY)): 5, ("people", MONDAY + 1, ""): 1,
}  # fmt: skip


def report(engine: Engine, kept: Figures, period: Period = WEEK) -> Report:
    with engine.begin() as connection:
        fill(connection, kept)
        return build(connection, definitions(), period, AT)


def test_each_figure_stands_beside_the_same_days_before(migrated_engine: Engine) -> None:
    found = by(report(migrated_engine, {**SUMS, **PEOPLE}), "reach", "figure")
    assert {name: row["period"] for name, row in found.items()} == {
        "visitors": 11, "new": 7, "returning": 4, "visits": 18, "organic": 12, "aware": 0.5, "views": 25, "deep": 7, "plays": 2,
        "downloads": 1, "seconds": 180, "seconds_per_visit": 10, "seconds_per_visitor": 180 / 11,
    }  # fmt: skip
    assert (found["visits"]["before"], found["visits"]["change"]) == (4, 3.5)
    assert (found["views"]["before"], found["views"]["change"]) == (0, None)


def test_each_row_of_the_first_sheet_has_its_kind(migrated_engine: Engine) -> None:
    found = sheet(report(migrated_engine, {**SUMS}), "reach")
    kinds = {row[0]: kind for row, kind in zip(found.rows, found.kinds, strict=True)}
    assert {kinds["visitors"], kinds["aware"], kinds["seconds_per_visit"]} == {"count", "share", "seconds"}


def test_whoever_comes_on_two_days_is_one_visitor_of_the_week(migrated_engine: Engine) -> None:
    told = report(migrated_engine, {**SUMS, **PEOPLE})
    days = rows(told, "by_day")
    assert [(day["visitors"], day["new"], day["returning"]) for day in days[:3]] == [(10, 6, 4), (6, 1, 5), (0, 0, 0)]
    [week] = rows(told, "by_week")
    assert (week["week"], week["visitors"], week["new"], week["returning"]) == (MONDAY, 11, 7, 4)
    assert [len(days), len(rows(told, "by_month"))] == [7, 1]


def test_channels_are_told_with_those_of_before_and_add_up(migrated_engine: Engine) -> None:
    told = report(migrated_engine, SUMS)
    assert [(row["channel"], row["visits"], row["visits_before"]) for row in rows(told, "channels")] == [
        ("organic-search", 9, 0), ("direct", 6, 4), ("organic-social", 3, 0),
    ]  # fmt: skip
    assert total(told, "channels") == {"channel": None, "visits": 18, "share": 1, "visits_before": 4, "change": 3.5}


def test_awareness_is_told_by_week(migrated_engine: Engine) -> None:
    told = report(migrated_engine, SUMS, Period(first=MONDAY, last=MONDAY + 13))
    assert [(row["week"], row["direct"], row["branded"], row["aware"]) for row in rows(told, "awareness")] == [
        (MONDAY, 6, 3, 0.5), (MONDAY + 7, 0, 0, 0),
    ]  # fmt: skip


@pytest.mark.parametrize(("first", "last", "cut"), [(0, 6, False), (1, 6, True), (0, 5, True), (-1, 6, True), (0, 7, True)])
def test_a_week_that_is_not_whole_is_told(migrated_engine: Engine, first: int, last: int, *, cut: bool) -> None:
    told = report(migrated_engine, SUMS, Period(first=MONDAY + first, last=MONDAY + last))
    assert [remark.code for remark in sheet(told, "by_week").remarks] == ["cut_off"] * cut


def test_where_nothing_was_counted_nothing_is_divided(migrated_engine: Engine) -> None:
    with migrated_engine.begin() as connection:
        told = build(connection, definitions(), WEEK, AT)
    assert [remark.code for remark in told.remarks] == ["nothing"]
    assert {row["period"] for row in rows(told, "reach")} == {0, None}
    assert rows(told, "channels") == []


LIVES = st.lists(st.sets(st.integers(0, 60), min_size=1), max_size=30)


@given(lives=LIVES, span=st.tuples(st.integers(0, 60), st.integers(0, 60)).map(sorted))
def test_different_people_of_any_span_are_exact(lives: list[set[int]], span: list[int]) -> None:
    """Each life is the days on which somebody was here."""
    came: dict[tuple[int, str], int] = {}
    for life in lives:
        days = sorted(life)
        for before, day in zip(["", *map(str, days)], days, strict=False):
            came[day, before] = came.get((day, before), 0) + 1
    first, last = span
    within = [life for life in lives if any(first <= day <= last for day in life)]
    assert different(came, Period(first=first, last=last)) == (len(within), sum(min(life) >= first for life in within))


@given(st.lists(st.tuples(st.sampled_from(["views", "deep", "plays", "downloads", "seconds"]), st.integers(0, 40)), max_size=40))
def test_what_can_be_added_adds_up_over_days_weeks_and_months(tallied: list[tuple[str, int]]) -> None:
    """Of figures that are no people, the rows of each sheet come to those of the whole."""
    added: dict[tuple[str, int, str], int] = {}
    for figure, day in tallied:
        added[figure, MONDAY + day, "/a"] = added.get((figure, MONDAY + day, "/a"), 0) + 1
    engine = create_engine("sqlite://")
    metadata.create_all(engine, [rollups])
    told = report(engine, added or {("views", 0, "/a"): 1}, Period(first=MONDAY, last=MONDAY + 40))
    whole = by(told, "reach", "figure")
    for name in ("by_day", "by_week", "by_month"):
        for figure in ("views", "deep", "plays", "downloads", "seconds"):
            assert sum(figures(told, name, figure)) == whole[figure]["period"]
