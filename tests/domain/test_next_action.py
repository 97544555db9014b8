"""What sales should do next, and when."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurture.domain.next_action import Action, Signals, best_time, next_action

STAGES = ("audience", "lead", "mql", "sql", "opportunity", "customer")
MONDAY = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
INSTANTS = st.integers(0, 3_000_000).map(lambda minutes: MONDAY - timedelta(minutes=minutes))


def signals(stage: str = "mql", *, asked: bool = False, grade: str = "A") -> Signals:
    return Signals(stage, STAGES, asked, grade, "Europe/Paris")


@pytest.mark.parametrize(
    ("stage", "asked", "grade", "action"),
    [
        ("sql", True, "D", Action.CALL_NOW),
        ("mql", False, "A", Action.CALL),
        ("mql", False, "B", Action.CALL),
        ("mql", False, "C", Action.WRITE),
        ("lead", True, "A", Action.KEEP_WARM),
        ("audience", False, "A", Action.KEEP_WARM),
        ("customer", False, "A", Action.LOOK_AFTER),
        ("disqualified", True, "A", Action.NOTHING),
        ("a-stage-that-is-gone", True, "A", Action.KEEP_WARM),
    ],
)
def test_the_stage_how_they_came_there_and_their_grade_decide(stage: str, asked: bool, grade: str, action: Action) -> None:
    assert next_action(signals(stage, asked=asked, grade=grade), MONDAY, MONDAY).action == action


def test_who_asked_is_called_within_the_hour_and_a_term_that_is_over_means_now() -> None:
    asked = signals("sql", asked=True)
    assert next_action(asked, MONDAY, MONDAY).by == MONDAY + timedelta(hours=1)
    assert next_action(asked, MONDAY, MONDAY + timedelta(days=2)).by == MONDAY + timedelta(days=2)
    assert next_action(signals("lead"), MONDAY, MONDAY).by is None


def test_they_are_called_when_they_are_usually_about_in_their_own_zone() -> None:
    afternoons = [MONDAY.replace(hour=14, minute=30) - timedelta(days=days) for days in (3, 4, 5, 6)]  # 15:30 in Paris
    at_night = [MONDAY.replace(hour=2) - timedelta(days=days) for days in range(20)]
    best = best_time([*afternoons, *at_night], "Europe/Paris", MONDAY)
    assert (best.since, best.until, best.timezone, best.known) == (14, 16, "Europe/Paris", True)
    assert best.next == datetime(2026, 3, 2, 14, tzinfo=ZoneInfo("Europe/Paris"))


def test_of_too_few_traces_nothing_is_concluded() -> None:
    best = best_time([MONDAY, MONDAY], "Europe/Paris", MONDAY)
    assert (best.since, best.until, best.known) == (10, 12, False)


def test_who_asked_on_a_friday_night_is_called_on_monday_morning() -> None:
    friday_night = datetime(2026, 3, 6, 20, 0, tzinfo=UTC)
    best = best_time([], "Europe/Paris", friday_night, at_once=True)
    assert best.next == datetime(2026, 3, 9, 8, tzinfo=ZoneInfo("Europe/Paris"))
    assert best_time([], "Europe/Paris", MONDAY, at_once=True).next == MONDAY


@given(
    st.lists(INSTANTS, max_size=30),
    st.sampled_from(["Europe/Paris", "America/New_York", "Asia/Kolkata", "Pacific/Auckland", "UTC"]),
    INSTANTS,
    st.booleans(),
)
def test_nobody_is_called_at_night_or_on_a_weekend(active_at: list[datetime], zone: str, at: datetime, at_once: bool) -> None:
    best = best_time(active_at, zone, at, at_once=at_once)
    local = best.next.astimezone(ZoneInfo(zone))
    assert at <= best.next <= at + timedelta(days=5)
    assert local.weekday() < 5
    assert 8 <= local.hour < 18
    assert 8 <= best.since < best.until <= 18
    assert best == best_time(list(reversed(active_at)), zone, at, at_once=at_once)
