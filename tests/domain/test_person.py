"""What is known of a person, as conditions and templates see it."""

from datetime import UTC, datetime, timedelta

import pytest

from nurture.domain.conditions import Condition
from nurture.domain.event import day_number
from nurture.domain.history import History, MissingHistory, Past
from nurture.domain.person import Attribute, Person
from nurture.domain.scoring import Grade, Scoring, heat_for

AT = datetime(2026, 6, 30, 12, tzinfo=UTC)
SCORING = Scoring.model_validate({"half_life": "30d", "models": {"cloud": {"half_life": "10d"}, "desk": {}}})


def person(engagement: float, cloud: float = 0.0, told: dict[str, str] | None = None) -> Person:
    day = day_number(AT)
    return Person(
        id=1, stage="lead", stage_since=AT, first_seen_at=AT, seen_at=AT, grade=Grade("B"), fit=45,
        heat=heat_for(engagement, day, SCORING.half_life),
        heats={"cloud": heat_for(cloud, day, SCORING.models["cloud"].half_life)},
        attributes={name: Attribute(value, AT, "form:x") for name, value in (told or {}).items()},
    )  # fmt: skip


def test_engagement_by_every_model_with_its_own_half_life() -> None:
    ana = person(40, cloud=32)
    assert ana.facts(AT, SCORING)["engagement.cloud"] == pytest.approx(32)
    later = ana.facts(AT + timedelta(days=30), SCORING)
    assert [later[name] for name in ("engagement", "engagement.cloud", "engagement.desk")] == pytest.approx([20, 4, 0])
    assert Condition({"engagement.cloud": {"at_least": 30}}).holds(person(0, cloud=32).facts(AT, SCORING))
    assert not Condition({"engagement.desk": {"above": 0}}).holds(ana.facts(AT, SCORING))


@pytest.mark.parametrize(("engagement", "cell"), [(80, "B1"), (50, "B2"), (49.9, "B3"), (0, "B4"), (-9, "B4")])
def test_grade_and_band_make_a_cell_of_the_matrix(engagement: float, cell: str) -> None:
    facts = person(engagement).facts(AT, SCORING)
    assert facts["matrix"] == cell
    assert Condition({"matrix": ["A1", "A2", "B1"]}).holds(facts) is (cell == "B1")


def test_a_cell_cools_with_time_alone() -> None:
    ana = person(80)
    assert [ana.facts(AT + timedelta(days=days), SCORING)["matrix"] for days in (0, 30, 60)] == ["B1", "B3", "B4"]


def test_conditions_on_the_past_find_it_in_the_facts() -> None:
    asked = Condition({"happened": {"event": "webinar", "within": "30d"}})
    history = History([Past("webinar", AT - timedelta(days=20), {})], {"webinar": timedelta(days=30)})
    ana = person(0)
    ana.history = history
    assert asked.holds(ana.facts(AT, SCORING))
    assert not asked.holds(ana.facts(AT + timedelta(days=11), SCORING))
    with pytest.raises(MissingHistory):
        asked.holds(person(0).facts(AT, SCORING))


def test_nobody_tells_us_what_we_reckon_ourselves() -> None:
    """A form with a field `engagement.cloud` or `<history>` makes nobody warmer."""
    told = {"stage": "customer", "matrix": "A1", "engagement.cloud": "99", "<history>": "x", "<now>": "x"}
    facts = person(0, told=told).facts(AT, SCORING)
    assert facts == person(0).facts(AT, SCORING)
