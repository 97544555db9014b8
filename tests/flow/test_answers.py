"""What sales answers moves leads on, sends them back and makes nobody; only what is verified speaks for sales."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, func, select

from nurture.adapters.database.releases import apply
from nurture.adapters.database.rows import person_of
from nurture.adapters.database.store import Database
from nurture.adapters.database.tables import events, people, stage_changes
from nurture.domain.answering import Answer, Answered, as_event, by_hand
from nurture.domain.event import TOLD_BY_SALES, Event
from nurture.domain.person import Person
from nurture.reports.verify import verify
from tests.flow.conftest import Intake
from tests.support.definitions import DEFINITIONS, definitions
from tests.support.events import MONDAY, download, event, form
from tests.support.waiting import MovableClock

ANA = "ana@acme.test"
PROMOTIONS = [
    *DEFINITIONS["lifecycle"]["promotions"],
    {"id": "accepted", "to": "opportunity", "on": "lead_accepted"},
    {"id": "won", "to": "customer", "on": "deal_won"},
]
REJECTIONS = [
    {"id": "not-now", "on": "lead_rejected", "from": ["mql", "sql", "opportunity"], "to": "lead", "cool_down": "90d"},
    {"id": "lost", "on": "deal_lost", "from": ["mql", "sql", "opportunity"], "to": "lead", "cool_down": "180d"},
]
LIFECYCLE: dict[str, Any] = {"promotions": PROMOTIONS, "rejections": REJECTIONS}


@pytest.fixture
def sql(migrated_engine: Engine, intake: Intake, clock: MovableClock) -> Intake:
    """Ana has raised her hand."""
    with migrated_engine.begin() as connection:
        apply(connection, definitions(lifecycle=LIFECYCLE), clock.now())
    intake.take([form(ANA), download(ANA), event("demo_requested", anonymous_id="device-1")])
    return intake


def ana(database: Database) -> Person:
    with database.engine.connect() as connection:
        return person_of(connection.execute(select(people).where(people.c.email == ANA)).one())


def moves(database: Database) -> list[tuple[str, str, str]]:
    """Everything that sales moved."""
    with database.engine.connect() as connection:
        found = connection.execute(select(stage_changes).order_by(stage_changes.c.at, stage_changes.c.id))
        return [(row.rule, row.to_stage, row.cause) for row in found if row.rule in ("accepted", "won", "lost", "not-now")]


def answer(said: Answer, at: datetime, number: str = "1", **about: Any) -> Event:
    return as_event(Answered(said, "hook:crm", number, at, **({"email": ANA} | about)), at)


def test_a_lead_that_is_accepted_and_won_becomes_a_customer(sql: Intake, database: Database, clock: MovableClock) -> None:
    sql.take([answer("accepted", clock.advance(timedelta(hours=1)))])
    assert ana(database).stage == "opportunity"
    sql.take([answer("won", clock.advance(timedelta(days=20)), "2", amount=12_000.0, currency="eur")])
    assert moves(database) == [("accepted", "opportunity", "lead_accepted"), ("won", "customer", "deal_won")]
    with database.engine.connect() as connection:
        body = connection.execute(select(events.c.body).where(events.c.name == "deal_won")).scalar_one()
    assert body["properties"] == {"amount": 12_000.0, "currency": "EUR"}


def test_a_lost_deal_goes_back_with_its_reason_and_waits(sql: Intake, database: Database, clock: MovableClock) -> None:
    sql.take([answer("lost", at := clock.advance(timedelta(days=3)), reason="chose another")])
    assert moves(database) == [("lost", "lead", "lost: chose another")]
    assert (ana(database).stage, ana(database).rejected_until) == ("lead", at + timedelta(days=180))
    sql.take([event("demo_requested", clock.advance(timedelta(days=1)), anonymous_id="device-1")])
    assert ana(database).stage == "sql"


def test_a_customer_whose_next_deal_is_lost_stays_one(sql: Intake, database: Database, clock: MovableClock) -> None:
    sql.take([answer("won", clock.advance(timedelta(days=1))), answer("lost", clock.now() + timedelta(hours=1), "2")])
    assert (ana(database).stage, ana(database).rejected_until) == ("customer", None)


@pytest.mark.parametrize("name", sorted(TOLD_BY_SALES))
@pytest.mark.parametrize("assurance", ["observed", "claimed"])
def test_nobody_else_speaks_for_sales(sql: Intake, database: Database, name: str, assurance: Any) -> None:
    sql.take([event(name, MONDAY + timedelta(hours=1), email=ANA, assurance=assurance)])
    assert (ana(database).stage, moves(database)) == ("sql", [])


def test_an_answer_about_a_stranger_makes_nobody(sql: Intake, database: Database, clock: MovableClock) -> None:
    taken = sql.take([
        answer("won", clock.now(), email="zoe@other.test"), answer("won", clock.now(), "2", email=None, user_id="crm:7"),
        answer("won", clock.now(), "3", email=None, person=42),
    ])  # fmt: skip
    assert (taken.dropped, taken.stored) == (3, 0)
    with database.engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(people)) == 1


def test_an_answer_by_our_id_reaches_whoever_they_are_now(sql: Intake, database: Database, clock: MovableClock) -> None:
    sql.take([answer("accepted", clock.now(), person=ana(database).id)])
    assert ana(database).stage == "opportunity"


def test_an_answer_is_no_act_of_the_lead(sql: Intake, database: Database, clock: MovableClock) -> None:
    before = ana(database)
    sql.take([answer("accepted", clock.advance(timedelta(days=10)))])
    assert (ana(database).seen_at, ana(database).last_touch) == (before.seen_at, before.last_touch)


def test_an_old_no_does_not_undo_a_hand_raised_since(sql: Intake, database: Database) -> None:
    sql.take([answer("rejected", MONDAY - timedelta(days=30))])
    assert ana(database).stage == "sql"
    sql.take([answer("rejected", MONDAY - timedelta(hours=9), "2")])  # a file that names the day only
    assert ana(database).stage == "lead"


def test_the_same_answer_again_is_one(sql: Intake, database: Database, clock: MovableClock) -> None:
    said = answer("accepted", clock.advance(timedelta(hours=1)))
    sql.take([said, said])
    sql.take([said])
    assert len(moves(database)) == 1


def test_answers_by_hand_differ_by_their_instant(sql: Intake, database: Database, clock: MovableClock) -> None:
    person = ana(database).id
    sql.take([by_hand(person, "rejected", "no budget", None, clock.advance(timedelta(hours=1)))])
    assert moves(database) == [("not-now", "lead", "rejected: no budget")]


def test_what_is_stored_follows_from_the_log(sql: Intake, database: Database, clock: MovableClock) -> None:
    sql.take([answer("accepted", clock.advance(timedelta(hours=1))), answer("lost", clock.now(), "2")])
    assert verify(database.engine, definitions(lifecycle=LIFECYCLE)) == []
