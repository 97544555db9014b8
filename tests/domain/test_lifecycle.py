"""Stages: who moves up, who moves down, and which rules cannot be."""

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from nurture.domain.event import Event
from nurture.domain.lifecycle import (
    DISQUALIFIED,
    Lifecycle,
    StageChange,
    highest,
    promotions_by_event,
    promotions_by_state,
    recycling_for,
)

LIFECYCLE = Lifecycle.model_validate({
    "promotions": [
        {"id": "download", "to": "lead", "on": "asset_downloaded", "where": {"gated": True}},
        {"id": "swiss-download", "to": "mql", "on": "asset_downloaded", "when": {"country": "CH"}},
        {"id": "hot", "to": "mql", "when": {"engagement": {"at_least": 50}}},
        {"id": "hand-raise", "to": "sql", "on": ["demo_requested", "meeting_booked"]},
    ],
    "recycling": [
        {"id": "cooled", "from": "mql", "to": "lead", "when": {"engagement": {"below": 20}}},
        {"id": "cold", "from": "mql", "to": "audience", "when": {"engagement": {"below": 5}}},
    ],
})  # fmt: skip
PROMOTIONS = LIFECYCLE.promotions


def event(name: str, **properties: Any) -> Event:
    at = datetime(2026, 1, 5, 9, tzinfo=UTC)
    return Event(message_id="m", source="website", name=name, occurred_at=at, received_at=at, properties=properties)


@pytest.mark.parametrize(
    ("cause", "facts", "rules"),
    [
        (event("asset_downloaded", gated=True), {}, ["download"]),
        (event("asset_downloaded", gated=False), {}, []),
        (event("asset_downloaded"), {"country": "CH"}, ["swiss-download"]),
        (event("asset_downloaded", gated=True), {"country": "CH"}, ["download", "swiss-download"]),
        (event("meeting_booked"), {}, ["hand-raise"]),
        (event("page_viewed"), {"engagement": 90}, []),
    ],
)
def test_promotions_that_an_event_causes(cause: Event, facts: dict[str, Any], rules: list[str]) -> None:
    assert [rule.id for rule in promotions_by_event(cause, PROMOTIONS, facts)] == rules


@pytest.mark.parametrize(
    ("facts", "rules"), [({"engagement": 50.0}, ["hot"]), ({"engagement": 49.9}, []), ({"country": "CH"}, [])]
)
def test_promotions_that_need_no_event(facts: dict[str, Any], rules: list[str]) -> None:
    assert [rule.id for rule in promotions_by_state(PROMOTIONS, facts)] == rules


@pytest.mark.parametrize(
    ("stage", "rule"),
    [("audience", "hand-raise"), ("mql", "hand-raise"), ("sql", None), ("customer", None), (DISQUALIFIED, None)],
)
def test_the_promotion_that_leads_furthest_up_wins(stage: str, rule: str | None) -> None:
    found = highest(PROMOTIONS, stage, LIFECYCLE)
    assert (found.id if found else None) == rule


@pytest.mark.parametrize(
    ("stage", "engagement", "rule"),
    [("mql", 19.0, "cooled"), ("mql", 3.0, "cooled"), ("mql", 20.0, None), ("lead", 3.0, None), (DISQUALIFIED, 3.0, None)],
)
def test_the_first_recycling_rule_counts(stage: str, engagement: float, rule: str | None) -> None:
    found = recycling_for(stage, LIFECYCLE, {"engagement": engagement})
    assert (found.id if found else None) == rule


def test_ranks() -> None:
    assert [LIFECYCLE.rank(stage) for stage in LIFECYCLE.stages] == [0, 1, 2, 3, 4, 5]
    assert LIFECYCLE.rank(DISQUALIFIED) == -1
    assert LIFECYCLE.first == "audience"


@pytest.mark.parametrize(
    ("cause", "asset"),
    [(None, None), (event("asset_downloaded", asset="guide"), "guide"), (event("asset_downloaded", asset=7), None)],
)
def test_the_asset_behind_a_stage_change(cause: Event | None, asset: str | None) -> None:
    at = datetime(2026, 1, 5, tzinfo=UTC)
    assert StageChange(1, "audience", "lead", "download", "asset_downloaded", at, cause).asset == asset


@pytest.mark.parametrize(
    ("raw", "place", "text"),
    [
        (
            {"promotions": [{"id": "a", "to": "mqll", "on": "x"}]},
            ("promotions", 0, "to"),
            "unknown stage 'mqll'; did you mean 'mql'?",
        ),
        (
            {"stages": ["reader", "buyer"], "promotions": [{"id": "a", "to": "reader", "on": "x"}]},
            ("promotions", 0, "to"),
            "nobody can be promoted to 'reader', where everybody begins; write buyer",
        ),
        (
            {"promotions": [{"id": "a", "to": "lead", "on": "x"}, {"id": "a", "to": "mql", "on": "x"}]},
            ("promotions", 1, "id"),
            "rule id 'a' is used twice; give each its own",
        ),
        ({"stages": ["a", "b", "a"]}, ("stages", 2), "stage 'a' is used twice; give each its own"),
        (
            {"stages": ["a", "disqualified"]},
            ("stages", 1),
            "'disqualified' stands outside the order of stages by itself; delete it here",
        ),
        (
            {"promotions": [{"id": "a", "to": "lead"}]},
            ("promotions", 0),
            "nothing causes this promotion; add 'on' (an event) or 'when' (a condition on the person)",
        ),
        (
            {"promotions": [{"id": "a", "to": "lead", "where": {"b": 1}, "when": {"c": 1}}]},
            ("promotions", 0, "where"),
            "'where' asks about an event, but 'on' names none; write 'when' to ask about the person",
        ),
        (
            {"recycling": [{"id": "a", "from": "mql", "to": "sql", "when": {"b": 1}}]},
            ("recycling", 0, "to"),
            "'sql' does not lie below 'mql'; recycling leads down, so name an earlier stage",
        ),
        (
            {"recycling": [{"id": "a", "from": "qualified", "to": "lead", "when": {"b": 1}}]},
            ("recycling", 0, "from"),
            "unknown stage 'qualified'; write audience, lead, mql, sql, opportunity or customer",
        ),
    ],
)
def test_mistakes_have_their_place(raw: dict[str, Any], place: tuple[Any, ...], text: str) -> None:
    with pytest.raises(ValidationError) as raised:
        Lifecycle.model_validate(raw)
    assert [(each["loc"], each["msg"].removeprefix("Value error, ")) for each in raised.value.errors()] == [(place, text)]


def test_json_round_trip() -> None:
    assert Lifecycle.model_validate_json(LIFECYCLE.model_dump_json(by_alias=True, exclude_defaults=True)) == LIFECYCLE
