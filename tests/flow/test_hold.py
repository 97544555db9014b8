"""A sequence is paused, and goes on."""

from datetime import timedelta

import pytest
from sqlalchemy import insert, select, update

from nurture.adapters.database.releases import apply
from nurture.adapters.database.store import Database
from nurture.adapters.database.tables import enrollments, messages
from nurture.errors import Refused
from nurture.flow.hold import Resumed, drain, pause, resume
from tests.flow.conftest import Intake
from tests.flow.flight import CASE, THANKS, WAIT, Flight, guide
from tests.support.definitions import definitions
from tests.support.events import event
from tests.support.waiting import MovableClock

GUIDE = "guide-nurture"
HOUR = timedelta(hours=1)


@pytest.fixture
def flight(intake: Intake, database: Database, clock: MovableClock) -> Flight:
    with database.engine.begin() as connection:
        apply(connection, guide(THANKS, WAIT, CASE, goal={"event": "demo_requested"}), clock.now())
    return Flight(intake, database, clock)


def hold(flight: Flight, sequence: str = GUIDE) -> int:
    return pause(flight.database, sequence, "the price list is wrong", flight.clock.now())


def go_on(flight: Flight, over: timedelta = HOUR, sequence: str = GUIDE) -> Resumed:
    return resume(flight.database, sequence, over, flight.clock.now())


def test_who_waits_stays_and_the_time_that_passes_counts(flight: Flight) -> None:
    flight.enroll("ana@acme.test")
    flight.advance()
    before = flight.run()
    flight.clock.advance(timedelta(days=1))
    assert hold(flight) == 1
    held = flight.run()
    assert {**held._mapping, "status": "waiting"} == before._mapping
    flight.later(hours=12)
    assert go_on(flight) == Resumed(1, 0)
    assert flight.run() == before
    flight.later(hours=11)
    assert len(flight.mails()) == 1
    flight.later(hours=1)
    assert sorted(flight.mails()) == [("case", "case-study"), ("thanks", "guide-thanks")]


def test_what_came_due_meanwhile_is_spread_and_is_not_late(flight: Flight) -> None:
    addresses = [f"p{number}@acme.test" for number in range(30)]
    flight.enroll(*addresses)
    flight.advance()
    hold(flight)
    flight.later(days=20)
    assert len(flight.mails()) == 30
    now = flight.clock.now()
    go_on(flight)
    due = [run.due_at for run in flight.runs()]
    assert all(now <= each < now + HOUR for each in due)
    assert len(set(due)) > 20
    assert {run.status for run in flight.runs()} == {"waiting"}
    flight.later(minutes=30)
    assert 30 < len(flight.mails()) < 60
    flight.later(minutes=30)
    assert sorted(flight.mails()) == sorted([("thanks", "guide-thanks")] * 30 + [("case", "case-study")] * 30)


def test_who_is_triggered_meanwhile_comes_in_and_waits_for_the_first_step(flight: Flight) -> None:
    hold(flight)
    flight.enroll("ana@acme.test")
    flight.later(hours=3)
    assert (flight.run().status, flight.run().step, flight.mails()) == ("paused", "thanks", [])
    go_on(flight, timedelta(0))
    assert (flight.run().status, flight.run().due_at) == ("active", flight.clock.now())
    flight.advance()
    assert flight.mails() == [("thanks", "guide-thanks")]


def test_goals_and_exits_end_who_is_held(flight: Flight) -> None:
    flight.enroll("ana@acme.test")
    flight.advance()
    hold(flight)
    flight.intake.take([event("demo_requested", flight.clock.now(), anonymous_id="ana@acme.test")])
    assert (flight.run().status, flight.run().reason) == ("completed", "goal: demo_requested")
    assert go_on(flight) == Resumed(0, 0)
    assert flight.run().status == "completed"


def test_mails_that_were_put_off_go_too(flight: Flight) -> None:
    flight.enroll("ana@acme.test")
    flight.advance()
    hold(flight)
    with flight.database.engine.begin() as connection:
        connection.execute(update(messages).values(reason="paused", due_at=flight.clock.now() + timedelta(days=99)))
    flight.clock.advance(timedelta(days=5))
    now = flight.clock.now()
    assert go_on(flight) == Resumed(1, 1)
    with flight.database.engine.connect() as connection:
        mail = connection.execute(select(messages)).one()
    assert mail.reason is None
    assert now <= mail.due_at == mail.planned_at < now + HOUR


def test_other_sequences_go_on(flight: Flight) -> None:
    flight.enroll("ana@acme.test")
    flight.advance()
    run = {**flight.run()._mapping, "id": 1, "sequence": "another"}
    with flight.database.engine.begin() as connection:
        connection.execute(insert(enrollments), run)
    assert hold(flight) == 1
    assert sorted((each.sequence, each.status) for each in flight.runs()) == [("another", "waiting"), (GUIDE, "paused")]


def test_what_cannot_be_done_is_refused(flight: Flight) -> None:
    with pytest.raises(Refused, match=r"guide-nurture is not paused; no sequence is"):
        go_on(flight)
    with pytest.raises(Refused, match=r"there is no sequence 'guide-nuture'; did you mean 'guide-nurture'\?"):
        hold(flight, "guide-nuture")
    hold(flight)
    with pytest.raises(Refused, match=r"is paused already, since 2026-03-02 09:00 UTC; `nurture resume guide-nurture` ends that"):
        hold(flight)
    with pytest.raises(Refused, match=r"guide-nuture is not paused; did you mean 'guide-nurture'\?"):
        go_on(flight, sequence="guide-nuture")
    go_on(flight)
    assert hold(flight) == 0


def test_a_sequence_that_is_gone_can_be_paused_as_long_as_somebody_is_on_it(flight: Flight) -> None:
    flight.enroll("ana@acme.test")
    flight.advance()
    flight.release(definitions(sequences={}), finish_old=True)
    assert hold(flight) == 1
    flight.later(days=3)
    assert go_on(flight, timedelta(0)) == Resumed(1, 0)
    flight.advance()
    assert len(flight.mails()) == 2


def test_nobody_enters_what_is_drained_and_who_is_in_flight_walks_on(flight: Flight) -> None:
    flight.enroll("ana@acme.test")
    assert drain(flight.database, GUIDE, "it ends in June", flight.clock.now(), "ana")
    assert not drain(flight.database, GUIDE, None, flight.clock.now()), "it was drained before"
    flight.enroll("bob@acme.test")
    flight.advance()
    flight.later(days=2)
    assert sorted(flight.mails()) == [("case", "case-study"), ("thanks", "guide-thanks")]
    assert flight.run().status == "completed"
    assert go_on(flight) == Resumed(0, 0, reopened=True)
    flight.enroll("eve@acme.test")
    with flight.database.engine.connect() as connection:
        assert len(connection.execute(select(enrollments)).all()) == 2


def test_what_is_paused_cannot_be_drained(flight: Flight) -> None:
    hold(flight)
    with pytest.raises(Refused, match="guide-nurture is paused already"):
        drain(flight.database, GUIDE, None, flight.clock.now())


def test_what_is_drained_may_be_paused_and_both_end_together(flight: Flight) -> None:
    flight.enroll("ana@acme.test")
    drain(flight.database, GUIDE, None, flight.clock.now())
    assert hold(flight) == 1
    assert go_on(flight) == Resumed(1, 0, reopened=True)
    with pytest.raises(Refused, match="is not paused"):
        go_on(flight)
