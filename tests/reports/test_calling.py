"""Whom to call now is found without looking at everybody, and is who would be found by looking at everybody."""

import random
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select

from nurture.adapters.database.bulk import insert_rows
from nurture.adapters.database.tables import people, stage_changes
from nurture.domain.answering import Answered, as_event
from nurture.domain.event import day_number
from nurture.domain.scoring import heat_for
from nurture.reports.calling import Lead, leads_to_call
from nurture.reports.reading import snapshot
from tests.flow.test_answers import LIFECYCLE
from tests.flow.test_follow_up import RULE
from tests.support.definitions import definitions
from tests.support.events import MONDAY, download, event, form, page
from tests.support.installation import Installation

HANDOFF: dict[str, Any] = {
    "endpoints": {name: {"url": "https://crm.example.com", "secret": "crm"} for name in ("chat", "lead")}, "follow_up": {"sql": RULE},
}  # fmt: skip
OURS = definitions(lifecycle=LIFECYCLE)


def found(engine: Engine, at: datetime, ours: Any = OURS, **asked: Any) -> list[Lead]:
    with snapshot(engine) as connection:
        return leads_to_call(connection, ours, at, **asked)


@pytest.fixture
def sales(installation: Installation) -> Installation:
    """Ana asked for a demo; Ben is hot; Cleo is a lead."""
    installation.apply(definitions(lifecycle=LIFECYCLE, handoff=HANDOFF))
    installation.happen(
        page("/pricing", "d-ben"), page("/pricing", "d-ben"), form("ben@acme.test", "d-ben", job_title="Chief"), download("ben@acme.test"),
        form("ana@acme.test", "d-ana", first_name="Ana", company="Acme"), download("ana@acme.test"),
        event("demo_requested", MONDAY, anonymous_id="d-ana"), form("cleo@acme.test", "d-cleo"), download("cleo@acme.test"),
    )  # fmt: skip
    return installation


def test_a_lead_says_why_when_and_since_when(sales: Installation) -> None:
    [ana] = found(sales.engine, MONDAY + timedelta(hours=5), definitions(lifecycle=LIFECYCLE, handoff=HANDOFF))
    assert (ana.email, ana.name, ana.company, ana.stage) == ("ana@acme.test", "Ana", "Acme", "sql")
    assert (ana.asked, ana.cause, ana.action) == (True, "demo_requested", "call_now")
    assert [(line.rule, line.hits) for line in ana.reasons] == [("download", 1)]
    assert (ana.content, ana.since, ana.overdue) == ("guide", MONDAY, True)
    assert ana.answer_by == MONDAY + timedelta(hours=4)


def test_who_asked_comes_before_who_is_hot(sales: Installation) -> None:
    assert [(each.email, each.asked) for each in found(sales.engine, MONDAY)] == [
        ("ana@acme.test", True),
        ("ben@acme.test", False),
    ]
    assert [each.email for each in found(sales.engine, MONDAY, limit=1)] == ["ana@acme.test"]
    assert [each.email for each in found(sales.engine, MONDAY, stages=["mql"])] == ["ben@acme.test"]


def test_what_sales_answered_is_told(sales: Installation) -> None:
    said = Answered("rejected", "hook:crm", "1", MONDAY, email="ben@acme.test", reason="no budget")
    sales.happen(as_event(said, MONDAY))
    [ben, _] = found(sales.engine, MONDAY, stages=["lead"])
    assert (ben.email, ben.last_answer, ben.last_answer_reason, ben.last_answer_at) == (
        "ben@acme.test",
        "rejected",
        "no budget",
        MONDAY,
    )


def a_crowd(engine: Engine, count: int) -> None:
    """So many people at two stages, some of whom asked, with scores that have little to do with how lately they were here."""
    dice, half_life = random.Random(11), OURS.scoring.half_life
    rows, moves = [], []
    for number in range(1, count + 1):
        seen = MONDAY - timedelta(hours=dice.randrange(2_000))
        stage, asked = dice.choice(["mql", "sql", "lead"]), dice.random() < 0.02
        heat = heat_for(dice.expovariate(1 / 30), day_number(MONDAY), half_life)
        rows.append({
            "id": number, "stage": stage, "stage_since": seen, "email": None, "attributes": {}, "heat": heat, "fit": 0,
            "grade": dice.choice("ABCD"), "first_seen_at": seen, "seen_at": seen,
        })  # fmt: skip
        rule = "hand-raise" if asked and stage != "lead" else "hot"
        moves.append(
            {"id": number, "person_id": number, "from_stage": "lead", "to_stage": stage, "rule": rule, "cause": "", "at": seen}
        )
    with engine.begin() as connection:
        insert_rows(connection, people, rows)
        insert_rows(connection, stage_changes, moves)


def test_the_search_finds_who_everybody_would_find(migrated_engine: Engine) -> None:
    a_crowd(migrated_engine, 3_000)
    for limit in (1, 10, 100):
        leads = found(migrated_engine, MONDAY, limit=limit)
        assert [int(each.person) for each in leads] == naively(migrated_engine)[:limit]


def naively(engine: Engine) -> list[int]:
    asked = select(people.c.id, people.c.heat, people.c.grade, people.c.seen_at, stage_changes.c.rule)
    asked = asked.join(stage_changes, stage_changes.c.person_id == people.c.id).where(people.c.stage.in_(["mql", "sql"]))
    with engine.connect() as connection:
        rows = connection.execute(asked).all()
    growth = heat_for(1.0, day_number(MONDAY), OURS.scoring.half_life)

    def place(row: Any) -> tuple[Any, ...]:
        letters = {"A": 1.0, "B": 0.75, "C": 0.5, "D": 0.25}
        silent = (MONDAY - row.seen_at) / timedelta(days=7)
        return row.rule != "hand-raise", -letters[row.grade] * row.heat / growth * 2**-silent, -row.seen_at.timestamp(), row.id

    return [row.id for row in sorted(rows, key=place)]


def test_worth_falls_down_the_list(migrated_engine: Engine) -> None:
    a_crowd(migrated_engine, 50)
    worths = [lead.worth for lead in found(migrated_engine, MONDAY) if not lead.asked]
    assert worths == sorted(worths, reverse=True) != []
