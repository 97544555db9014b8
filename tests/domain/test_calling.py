"""Whom to call first: who asked, then who fits, is interested and showed it lately, all at once."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurture.domain.calling import FRESH, Candidate, in_order, rules_that_ask, stages_to_call, worth
from nurture.domain.handing_off import Handoff
from nurture.domain.lifecycle import Lifecycle

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
GRADES = {"A": 60, "B": 40, "C": 20, "D": 0}
ASKS = {"id": "demo", "to": "sql", "on": "demo_requested"}
ACCEPTED = {"id": "accepted", "to": "opportunity", "on": "lead_accepted"}
NOT_NOW = {"id": "not-now", "on": "lead_rejected", "to": "lead"}


def candidate(person: int = 1, *, asked: bool = False, grade: str = "A", engagement: float = 50, days: float = 0) -> Candidate:
    return Candidate(person, asked, grade, engagement, NOW - timedelta(days=days))


def order(*candidates: Candidate) -> list[int]:
    return [each.person for each in in_order(candidates, GRADES, NOW)]


def test_who_asked_comes_first_however_they_score() -> None:
    assert order(candidate(1, engagement=99), candidate(2, asked=True, grade="D", engagement=0, days=60)) == [2, 1]


@pytest.mark.parametrize(
    "better", [candidate(1, grade="B", engagement=60), candidate(1, grade="C", days=6), candidate(1, grade="C", engagement=51)]
)
def test_each_of_the_three_counts(better: Candidate) -> None:
    other = candidate(2, grade="C", days=7)
    assert order(other, better) == [1, 2]


def test_worth_halves_with_silence() -> None:
    assert worth(candidate(engagement=40), GRADES, NOW) == 40
    assert worth(candidate(engagement=40, days=FRESH.days), GRADES, NOW) == 20
    assert worth(candidate(engagement=40, grade="C"), GRADES, NOW) == 20
    assert worth(candidate(engagement=-5), GRADES, NOW) == 0


@given(st.sampled_from("ABCDX"), st.floats(-1e6, 1e6), st.floats(-10, 3_000))
def test_nobody_is_worth_more_than_they_are_engaged(grade: str, engagement: float, days: float) -> None:
    assert 0 <= worth(candidate(grade=grade, engagement=engagement, days=days), GRADES, NOW) <= max(engagement, 0)


@pytest.mark.parametrize(
    ("lifecycle", "handoff", "stages"),
    [
        ({}, {}, ("lead", "mql", "sql", "opportunity")),
        ({"promotions": [ACCEPTED], "rejections": [NOT_NOW]}, {}, ("mql", "sql")),
        ({"rejections": [NOT_NOW]}, {}, ("mql", "sql", "opportunity")),
        ({"promotions": [ACCEPTED | {"to": "lead"}]}, {}, ("lead", "mql", "sql", "opportunity")),
        ({}, {"follow_up": {"opportunity": {"within": "4h", "remind": "x"}, "sql": {"within": "4h", "remind": "x"}}}, ("sql", "opportunity")),
    ],
)  # fmt: skip
def test_sales_call_those_who_wait_for_them(lifecycle: dict[str, Any], handoff: dict[str, Any], stages: tuple[str, ...]) -> None:
    assert stages_to_call(Lifecycle.model_validate(lifecycle), Handoff.model_validate(handoff)) == stages


def test_who_was_promoted_by_a_score_or_by_sales_did_not_ask() -> None:
    hot = {"id": "hot", "to": "mql", "when": {"engagement": {"at_least": 5}}}
    download = {"id": "download", "to": "lead", "on": "asset_downloaded"}
    assert rules_that_ask(Lifecycle.model_validate({"promotions": [ASKS, hot, ACCEPTED, download]})) == ("demo",)
