"""Enrollments whose time has come take their next steps."""

from datetime import UTC, date, datetime, timedelta
from threading import Thread
from typing import Any

from sqlalchemy import Row, func, select, update

from nurture.adapters.database.releases import apply
from nurture.adapters.database.store import Database
from nurture.adapters.database.tables import enrollments, messages, people
from nurture.flow.advance import Advanced, advance
from tests.flow.conftest import Intake
from tests.support.definitions import GUIDE_SEQUENCE, definitions
from tests.support.events import download, form
from tests.support.waiting import MovableClock

BASTILLE_DAY = date(2026, 7, 14)


def step(database: Database, clock: MovableClock, limit: int = 500) -> Advanced:
    return advance(database, clock, lambda day, country: day == BASTILLE_DAY and country == "FR", limit)


def the_run(database: Database) -> Row[Any]:
    with database.engine.connect() as connection:
        return connection.execute(select(enrollments)).one()


def templates(database: Database) -> list[str]:
    with database.engine.connect() as connection:
        return list(connection.scalars(select(messages.c.template).order_by(messages.c.planned_at, messages.c.template)))


def enroll(intake: Intake, *addresses: str) -> None:
    for address in addresses:
        at = intake.clock.now()
        intake.put(form(address, device=address, at=at), download(address, at=at))
    intake.absorb(2 * len(addresses))


def test_the_first_mail_is_queued_at_once_and_the_wait_begins(intake: Intake, database: Database, clock: MovableClock) -> None:
    enroll(intake, "ana@acme.test")
    assert step(database, clock) == Advanced(1, 1)
    run = the_run(database)
    assert (run.status, run.step, run.due_at) == ("waiting", "wait-after-thanks", clock.now() + timedelta(days=2))
    assert templates(database) == ["guide-thanks"]


def test_nothing_happens_before_its_time(intake: Intake, database: Database, clock: MovableClock) -> None:
    enroll(intake, "ana@acme.test")
    step(database, clock)
    clock.advance(timedelta(days=2) - timedelta(seconds=1))
    assert step(database, clock) == Advanced(0, 0)


def test_a_mail_due_outside_the_window_waits_for_the_next_opening(
    intake: Intake, database: Database, clock: MovableClock
) -> None:
    clock.move_to(datetime(2026, 3, 5, 20, 0, tzinfo=UTC))  # a Thursday evening
    enroll(intake, "ana@acme.test")
    step(database, clock)
    clock.advance(timedelta(days=2))  # Saturday evening
    assert step(database, clock) == Advanced(1, 0)
    monday_nine_in_paris = datetime(2026, 3, 9, 8, 0, tzinfo=UTC)
    assert the_run(database).due_at == monday_nine_in_paris
    clock.move_to(monday_nine_in_paris)
    assert step(database, clock).queued == 2
    assert (the_run(database).status, the_run(database).reason) == ("completed", "end")
    assert templates(database) == ["guide-thanks", "case-study", "case-study-reminder"]


def test_a_branch_is_taken_by_what_is_true_of_the_person_now(intake: Intake, database: Database, clock: MovableClock) -> None:
    enroll(intake, "ana@acme.test")
    step(database, clock)
    with database.engine.begin() as connection:
        connection.execute(update(people).values(stage="mql"))
    clock.advance(timedelta(days=2))
    step(database, clock)
    assert templates(database) == ["guide-thanks", "book-a-demo", "case-study"]


def test_an_exit_condition_ends_the_run_before_its_next_step(intake: Intake, database: Database, clock: MovableClock) -> None:
    enroll(intake, "ana@acme.test")
    with database.engine.begin() as connection:
        connection.execute(update(people).values(stage="customer"))
    assert step(database, clock) == Advanced(1, 0)
    assert (the_run(database).status, the_run(database).reason) == ("exited", "stage: customer")


def test_a_run_keeps_the_version_it_began_with(intake: Intake, database: Database, clock: MovableClock) -> None:
    enroll(intake, "ana@acme.test")
    shorter = GUIDE_SEQUENCE | {"steps": [{"id": "other", "email": "welcome"}]}
    with database.engine.begin() as connection:
        apply(connection, definitions(sequences={"guide-nurture": shorter}), clock.now())
    step(database, clock)
    assert templates(database) == ["guide-thanks"]


def test_two_schedulers_at_once_take_each_step_once__mautic_1737(intake: Intake, database: Database, clock: MovableClock) -> None:
    """Incident 2: overlapping schedulers mailed everybody again."""
    enroll(intake, *(f"p{number}@acme.test" for number in range(120)))

    def drain() -> None:
        while step(database, clock, 7).moved:
            pass

    threads = [Thread(target=drain) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(messages)) == 120
        assert connection.scalar(select(func.count()).where(enrollments.c.status == "waiting")) == 120


def test_a_scheduler_that_was_away_for_three_days_drops_nothing(intake: Intake, database: Database, clock: MovableClock) -> None:
    """Incident 18: a scheduler that asks for "today" forgets what was due yesterday."""
    enroll(intake, "ana@acme.test")
    step(database, clock)
    clock.advance(timedelta(days=7))
    step(database, clock)
    assert "case-study" in templates(database)
