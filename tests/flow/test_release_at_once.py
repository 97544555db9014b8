"""Releases beside working workers and other releases, and over the heads of many."""

from datetime import timedelta
from threading import Event, Thread

import pytest
from sqlalchemy import event, func, insert, select

from nurture.adapters.database.releases import apply
from nurture.adapters.database.store import Database
from nurture.adapters.database.tables import enrollments, messages, people
from nurture.domain.enrollment import message_id
from nurture.domain.ids import stable_id
from nurture.domain.stepping import MAILED_BEFORE
from nurture.errors import Refused
from nurture.flow.advance import advance
from tests.flow.conftest import Intake
from tests.flow.flight import BYE, CASE, THANKS, WAIT, WELCOME, Flight, guide
from tests.support.waiting import MovableClock


@pytest.fixture
def flight(intake: Intake, database: Database, clock: MovableClock) -> Flight:
    found = Flight(intake, database, clock)
    with database.engine.begin() as connection:
        apply(connection, guide(THANKS, WAIT, CASE), clock.now())
    return found


def test_of_two_that_looked_at_the_same_release_only_one_wins(flight: Flight) -> None:
    seen = flight.newest()
    outcomes: list[str] = []

    def attempt(name: str) -> None:
        try:
            flight.release(guide(THANKS, {"id": name, "email": name}), seen=seen)
            outcomes.append(name)
        except Refused:
            outcomes.append("refused")

    threads = [Thread(target=attempt, args=(name,)) for name in ("one", "two")]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    (winner,) = {*outcomes} - {"refused"}
    assert len(outcomes) == 2
    assert flight.digest() == guide(THANKS, {"id": winner, "email": winner}).digest


def test_no_worker_begins_a_run_on_a_version_that_everybody_has_just_left(flight: Flight) -> None:
    """A worker has read what is in force and is not done; the release waits for it, and takes along what it has begun."""
    wanted = guide(THANKS, {"id": "extra", "email": "extra"}, WAIT, CASE)
    at = flight.clock.now()
    seen, done = flight.newest(), Event()

    def turn() -> None:
        flight.release(wanted, seen=seen)
        done.set()

    thread = Thread(target=turn)
    with flight.database.absorbing() as transaction:
        version = transaction.definitions().versions["guide-nurture"]
        thread.start()
        assert not done.wait(0.3)
        person = {"id": 7, "stage": "lead", "stage_since": at, "attributes": {}, "grade": "D", "first_seen_at": at, "seen_at": at}
        transaction._connection.execute(insert(people), person)
        run = {
            "id": 8, "person_id": 7, "sequence": "guide-nurture", "version": version, "entry": 1, "status": "active",
            "step": "thanks", "due_at": at, "entered_at": at,
        }  # fmt: skip
        transaction._connection.execute(insert(enrollments), run)
    thread.join(20)
    assert done.is_set()
    assert flight.run().version == wanted.versions["guide-nurture"]


def test_workers_and_releases_at_once_lose_no_step_and_take_none_twice(flight: Flight) -> None:
    pause = {"id": "pause", "wait": "1d"}
    variants = [guide(THANKS, pause, CASE, {"wait": f"{days}d"}, BYE, late="send") for days in (1, 2, 3, 4, 5, 6)]
    flight.release(variants[0])
    flight.enroll(*(f"p{number}@acme.test" for number in range(60)))
    stop = Event()

    def work() -> None:
        while not stop.is_set():
            advance(flight.database, flight.clock, lambda *_: False, 7)

    workers = [Thread(target=work) for _ in range(2)]
    for each in workers:
        each.start()
    for wanted in variants[1:]:
        assert flight.release(wanted).applied
        flight.clock.advance(timedelta(hours=12))
    stop.set()
    for each in workers:
        each.join()
    flight.advance()
    flight.later(days=9)
    flight.later(days=9)
    assert {(run.status, run.reason) for run in flight.runs()} == {("completed", "end")}
    assert sorted(flight.mails()) == sorted(
        [("thanks", "guide-thanks")] * 60 + [("case", "case-study")] * 60 + [("bye", "bye")] * 60
    )


def crowd(flight: Flight, count: int) -> None:
    """People who wait, and were mailed."""
    at, version = flight.clock.now(), guide(THANKS, WAIT, CASE).versions["guide-nurture"]
    ids = [stable_id("somebody", number) for number in range(count)]
    stands = {"stage": "lead", "stage_since": at, "attributes": {}, "grade": "D", "first_seen_at": at, "seen_at": at}
    waits = {
        "sequence": "guide-nurture", "version": version, "entry": 1, "status": "waiting", "step": "wait-after-thanks",
        "due_at": at, "entered_at": at, "step_since": at,
    }  # fmt: skip
    mailed = {
        "step": "thanks", "pass": 1, "template": "guide-thanks", "status": "sent", "any_time": False, "planned_at": at, "due_at": at,
    }  # fmt: skip
    with flight.database.engine.begin() as connection:
        connection.execute(insert(people), [{"id": each, **stands} for each in ids])
        connection.execute(insert(enrollments), [{"id": each, "person_id": each, **waits} for each in ids])
        sent = [{"id": message_id(each, "thanks"), "enrollment_id": each, "person_id": each, **mailed} for each in ids]
        connection.execute(insert(messages), sent)


def test_the_statements_of_a_release_do_not_grow_with_the_people(flight: Flight) -> None:
    statements: list[str] = []
    event.listen(flight.database.engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    counts = []
    for count in (1, 1_000):
        flight.release(guide(THANKS, WAIT, CASE), finish_old=True)
        with flight.database.engine.begin() as connection:
            for table in (messages, enrollments, people):
                connection.execute(table.delete())
        crowd(flight, count)
        statements.clear()
        released = flight.release(
            guide(WELCOME, {"wait": "1d"}), maps={"guide-nurture": {"wait-after-thanks": "wait-after-welcome"}}
        )
        assert [each.group.people for each in released.forecast.outlooks] == [count]
        counts.append(len(statements))
    assert counts[0] == counts[1] < 15
    with flight.database.engine.connect() as connection:
        stands = connection.execute(select(enrollments.c.step, func.count()).group_by(enrollments.c.step)).all()
    assert [tuple(each) for each in stands] == [("wait-after-welcome", 1_000)]
    assert all(run.outcomes == {MAILED_BEFORE: "guide-thanks"} for run in flight.runs())
