"""A queue is held, and goes on: nothing that waited in it is late by that."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from nurture.adapters.broker import QUEUES
from nurture.adapters.database.store import Database
from nurture.adapters.database.tables import enrollments, messages
from nurture.domain.holds import EVERYTHING, Hold, How
from nurture.errors import Refused
from nurture.flow.hold_queue import hold, resume
from tests.flow.conftest import Intake
from tests.flow.flight import CASE, THANKS, WAIT, Flight, guide
from tests.support.waiting import MovableClock


@pytest.fixture
def flight(intake: Intake, database: Database, clock: MovableClock) -> Flight:
    from nurture.adapters.database.releases import apply

    with database.engine.begin() as connection:
        apply(connection, guide(THANKS, WAIT, CASE), clock.now())
    return Flight(intake, database, clock)


def mail(flight: Flight, how: How = "paused", name: str = "mail", reason: str | None = "a wrong price") -> Hold:
    return hold(flight.database, Hold("queue", name, how, reason, flight.clock.now(), "ana"))


def everything(flight: Flight) -> Hold:
    return hold(flight.database, Hold("all", EVERYTHING, "paused", None, flight.clock.now()))


def test_mail_that_waited_over_a_weekend_is_not_late(flight: Flight) -> None:
    flight.enroll("ana@acme.test")
    flight.advance()
    began = flight.clock.now()
    flight.clock.advance(timedelta(minutes=10))  # so much it is late by itself
    mail(flight)
    flight.clock.advance(timedelta(days=30))
    went_on = resume(flight.database, "queue", "mail", QUEUES, flight.clock.now())
    assert (went_on.not_late, went_on.still) == (1, ())
    with flight.database.engine.connect() as connection:
        [row] = connection.execute(select(messages).where(messages.c.status == "queued"))
    assert row.planned_at == began + timedelta(days=30)
    assert (row.due_at, row.reason) == (began, None)


def test_steps_that_waited_are_not_late(flight: Flight) -> None:
    flight.enroll("ana@acme.test")
    flight.advance()
    due_at = flight.run().due_at
    everything(flight)
    flight.clock.advance(timedelta(days=30))
    resume(flight.database, "all", EVERYTHING, QUEUES, flight.clock.now())
    assert due_at < flight.run().due_at == flight.clock.now()
    flight.advance()
    assert ("case", "case-study") in flight.mails()


def test_what_is_not_due_yet_keeps_its_time(flight: Flight) -> None:
    flight.enroll("ana@acme.test")
    flight.advance()
    before = flight.run()
    mail(flight, name="sequences")
    flight.clock.advance(timedelta(hours=1))
    resume(flight.database, "queue", "sequences", QUEUES, flight.clock.now())
    assert flight.run() == before
    with flight.database.engine.connect() as connection:
        assert list(connection.scalars(select(enrollments.c.status))) == ["waiting"]


def test_what_another_hold_covers_is_told_and_left_to_it(flight: Flight) -> None:
    flight.enroll("ana@acme.test")
    flight.advance()
    everything(flight)
    flight.clock.advance(timedelta(hours=1))
    mail(flight)
    flight.clock.advance(timedelta(hours=1))
    went_on = resume(flight.database, "all", EVERYTHING, QUEUES, flight.clock.now())
    assert [each.name for each in went_on.still] == ["mail"]
    flight.clock.advance(timedelta(hours=1))
    resume(flight.database, "queue", "mail", QUEUES, flight.clock.now())
    with flight.database.engine.connect() as connection:
        assert connection.scalar(select(messages.c.planned_at).where(messages.c.status == "queued")) == flight.clock.now()


def test_what_is_held_may_be_drained_and_drained_again(flight: Flight) -> None:
    since = mail(flight).since
    flight.clock.advance(timedelta(hours=1))
    draining = mail(flight, "draining", reason=None)
    assert (draining.how, draining.since, draining.reason) == ("draining", since, "a wrong price")
    assert mail(flight, "draining", reason="an upgrade").reason == "an upgrade"


def test_what_cannot_be_done_says_why(flight: Flight) -> None:
    mail(flight)
    with pytest.raises(Refused, match=r"the queue mail is held already.*`nurture resume queue mail`"):
        mail(flight)
    with pytest.raises(Refused, match="everything is not held"):
        resume(flight.database, "all", EVERYTHING, QUEUES, flight.clock.now())
    everything(flight)
    with pytest.raises(Refused, match="the queue events is held with everything; `nurture resume all`"):
        resume(flight.database, "queue", "events", QUEUES, flight.clock.now())
