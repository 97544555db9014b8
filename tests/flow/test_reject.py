"""Sales sends a lead back: once, with a reason, and for a while no score alone brings them up again."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from redis import Redis
from sqlalchemy import Engine, select

from nurture.adapters.database.releases import apply
from nurture.adapters.database.rows import person_of
from nurture.adapters.database.store import Database
from nurture.adapters.database.tables import people, stage_changes
from nurture.domain.definitions import Definitions
from nurture.domain.event import Event
from nurture.domain.person import Person
from nurture.domain.rejecting import Refused, rejecting
from nurture.domain.scoring import Grade
from tests.flow.conftest import Intake
from tests.support.definitions import DEFINITIONS, definitions
from tests.support.events import MONDAY, download, event, form, page
from tests.support.waiting import MovableClock

LIFECYCLE: dict[str, Any] = DEFINITIONS["lifecycle"]
NOT_NOW = {"id": "not-now", "on": "lead_rejected", "to": "lead", "cool_down": "90d"}


@pytest.fixture
def rules(migrated_engine: Engine, database: Database, clock: MovableClock) -> Definitions:
    made = definitions(lifecycle=LIFECYCLE | {"rejections": [NOT_NOW], "recycling": []})
    with migrated_engine.begin() as connection:
        apply(connection, made, clock.now())
    return made


@pytest.fixture
def hot(intake: Intake, rules: Definitions) -> Intake:
    """Ana is a lead, and hot."""
    intake.take([form("ana@acme.test", job_title="Chief"), page("/pricing"), page("/pricing"), download("ana@acme.test")])
    return intake


def ana(database: Database) -> Person:
    with database.engine.connect() as connection:
        return person_of(connection.execute(select(people)).one())


def moves(database: Database) -> list[tuple[str, str, str]]:
    with database.engine.connect() as connection:
        found = connection.execute(select(stage_changes).order_by(stage_changes.c.at, stage_changes.c.to_stage))
        return [(row.rule, row.to_stage, row.cause) for row in found]


def rejection(database: Database, rules: Definitions, at: datetime, cool_down: str | None = None) -> Event:
    found = rejecting(ana(database), "no budget", cool_down, rules.lifecycle, at)
    assert not isinstance(found, Refused)
    return found[0]


def test_a_rejection_that_is_delivered_again_is_one(
    hot: Intake, database: Database, rules: Definitions, clock: MovableClock
) -> None:
    at = clock.advance(timedelta(days=1))
    event = rejection(database, rules, at)
    hot.take([event, event])
    hot.take([event])
    assert moves(database)[-1] == ("not-now", "lead", "rejected: no budget")
    assert len(moves(database)) == 3
    person = ana(database)
    assert (person.stage, person.stage_since, person.rejected_until) == ("lead", at, at + timedelta(days=90))


def test_a_score_waits_for_the_end_of_the_cool_down(
    hot: Intake, database: Database, rules: Definitions, clock: MovableClock
) -> None:
    hot.take([rejection(database, rules, clock.advance(timedelta(days=1)), "10d")])
    assert ana(database).rejected_until == clock.now() + timedelta(days=10)
    hot.take([page("/pricing", at=clock.advance(timedelta(days=9)))])
    assert ana(database).stage == "lead"
    hot.take([page("/pricing", at=clock.advance(timedelta(days=1)))])
    assert (ana(database).stage, moves(database)[-1][0]) == ("mql", "hot")


def test_a_raised_hand_does_not_wait(hot: Intake, database: Database, rules: Definitions, clock: MovableClock) -> None:
    hot.take([rejection(database, rules, clock.advance(timedelta(days=1)))])
    hot.take([event("demo_requested", clock.advance(timedelta(days=1)), anonymous_id="device-1")])
    assert ana(database).stage == "sql"


@pytest.mark.parametrize("assurance", ["observed", "claimed"])
def test_a_browser_cannot_reject_anybody(hot: Intake, database: Database, assurance: Any) -> None:
    before = moves(database)
    hot.take([event("lead_rejected", anonymous_id="device-1", assurance=assurance, properties={"reason": "x"})])
    assert (moves(database), ana(database).rejected_until) == (before, None)


def test_a_server_rejects_by_the_rule_and_cannot_stretch_it(hot: Intake, database: Database) -> None:
    told = {"reason": "no budget", "cool_down": "3000d"}
    hot.take([event("lead_rejected", email="ana@acme.test", source="crm", assurance="verified", properties=told)])
    assert (ana(database).stage, ana(database).rejected_until) == ("lead", MONDAY + timedelta(days=90))


@pytest.mark.parametrize("cool_down", ["soon", 7, {"a": 1}])
def test_nonsense_in_a_servers_event_parks_nothing(hot: Intake, database: Database, redis: Redis, cool_down: Any) -> None:
    told = event(
        "lead_rejected", email="ana@acme.test", source="engine", assurance="verified", properties={"cool_down": cool_down}
    )
    assert hot.take([told]).parked == 0
    assert ana(database).stage == "lead"


@pytest.mark.parametrize(
    ("lifecycle", "stage", "why"),
    [
        ({}, "mql", "no rejection rule listens to lead_rejected; write `rejections: [{id: not-now, on: lead_rejected, to: lead"),
        ({"rejections": [NOT_NOW | {"on": "crm_no"}]}, "mql", "no rejection rule listens"),
        ({"rejections": [NOT_NOW]}, "lead", "they stand at lead, which does not lie above lead"),
        ({"rejections": [NOT_NOW]}, "disqualified", "they stand at disqualified"),
        ({"rejections": [NOT_NOW | {"from": "sql"}]}, "mql", "they stand at mql, from where not-now sends nobody back"),
        ({"rejections": [NOT_NOW | {"where": {"by": "crm"}}]}, "mql", "what `where` of not-now asks for does not hold"),
    ],
)
def test_what_would_change_nothing_is_refused_with_what_to_do(lifecycle: dict[str, Any], stage: str, why: str) -> None:
    made = definitions(lifecycle=LIFECYCLE | lifecycle)
    person = Person(id=1, stage=stage, stage_since=MONDAY, first_seen_at=MONDAY, seen_at=MONDAY, grade=Grade("D"))
    found = rejecting(person, "no", None, made.lifecycle, MONDAY)
    assert isinstance(found, Refused)
    assert why in found.why
