"""Holds in a real database: kept, taken out of lateness as the domain says, and asked for once a second."""

from datetime import datetime, timedelta

import pytest
from redis import Redis
from sqlalchemy import Engine, event, insert, select

from nurture.adapters.database.engine import make_engine
from nurture.adapters.database.queue_holds import HeldQueues, queue_holding
from nurture.adapters.database.tables import enrollments, messages
from nurture.domain.holds import EVERYTHING, Held, Hold, moved
from tests.support.events import download, form
from tests.support.installation import Installation
from tests.support.smtp import SmtpSink
from tests.support.waiting import MovableClock


@pytest.fixture
def installation(migrated_engine: Engine, redis_url: str, clock: MovableClock, smtp_sink: SmtpSink) -> Installation:
    return Installation(migrated_engine, Redis.from_url(redis_url), clock, smtp_sink)


def hold(engine: Engine, kind: str, name: str, since: datetime) -> None:
    with queue_holding(engine) as transaction:
        transaction.hold(Hold("queue" if kind == "queue" else "all", name, "paused", "why", since, "ana"))


class Seconds:
    """A monotonic clock that a test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_queue_is_held_until_it_is_let_go(migrated_engine: Engine, clock: MovableClock) -> None:
    seconds = Seconds()
    held = HeldQueues(migrated_engine, seconds)
    assert not held.stop("mail")
    hold(migrated_engine, "queue", "mail", clock.now())
    assert not held.stop("mail"), "asked less than a second ago"
    seconds.now = 1.0
    assert (held.stop("mail"), held.stop("events"), held.stop_all()) == (True, False, False)
    hold(migrated_engine, "all", EVERYTHING, clock.now())
    seconds.now = 2.0
    assert (held.stop("events"), held.stop_all()) == (True, True)
    with queue_holding(migrated_engine) as transaction:
        assert [each.by for each in transaction.held()] == ["ana", "ana"]
        transaction.let_go("all", EVERYTHING)
        transaction.let_go("queue", "mail")
    seconds.now = 3.0
    assert not held.stop("mail")


def test_a_worker_asks_one_small_statement_a_second(migrated_engine: Engine) -> None:
    seconds, asked = Seconds(), []
    event.listen(migrated_engine, "before_cursor_execute", lambda *told: asked.append(told[2]))
    held = HeldQueues(migrated_engine, seconds)
    for step in range(100):
        seconds.now = step * 0.05
        held.stop("mail")
        held.stop("events")
    assert len([each for each in asked if "holds" in each]) <= 6


def test_what_was_said_last_holds_while_the_database_is_away(sqlite_url: str, clock: MovableClock) -> None:
    seconds, engine = Seconds(), make_engine(sqlite_url)
    hold(engine, "queue", "mail", clock.now())
    held = HeldQueues(engine, seconds)
    assert held.stop("mail")
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE holds RENAME TO elsewhere")
    seconds.now = 5.0
    assert held.stop("mail")
    engine.dispose()


@pytest.mark.parametrize(("queue", "moves"), [("mail", 5), ("sequences", 6)])  # Ana herself waits for two days
def test_rows_are_moved_as_the_domain_says(installation: Installation, queue: str, moves: int) -> None:
    since, until = installation.clock.now(), installation.clock.now() + timedelta(hours=62, seconds=7)
    instants = [since + timedelta(hours=hours, microseconds=345_000) for hours in (-30, -1, 1, 61, 80)] + [since, until]
    rows(installation, queue, instants)
    with queue_holding(installation.engine) as transaction:
        assert transaction.not_late_for(queue, Held(since, until)) == moves
        assert transaction.not_late_for("events", Held(since, until)) == 0
    column = messages.c.planned_at if queue == "mail" else enrollments.c.due_at
    waits = messages.c.status == "queued" if queue == "mail" else enrollments.c.status == "active"
    with installation.engine.connect() as connection:
        stands = set(connection.scalars(select(column).where(waits)))
    assert stands == {moved(each, Held(since, until)) for each in instants}


def rows(installation: Installation, queue: str, instants: list[datetime]) -> None:
    """A queued mail, or a run that is due, for each instant, beside one that is not in the queue."""
    installation.happen(form("ana@acme.test"), download("ana@acme.test"))
    installation.work()
    with installation.engine.begin() as connection:
        run = dict(connection.execute(select(enrollments)).one()._mapping)
        mail = dict(connection.execute(select(messages)).one()._mapping)
        for number, instant in enumerate(instants):
            if queue == "mail":
                told = {"id": number, "pass": number + 2, "status": "queued", "planned_at": instant, "due_at": instant}
                connection.execute(insert(messages).values(mail | told))
            else:
                told = {"id": number, "entry": number + 2, "status": "active", "due_at": instant}
                connection.execute(insert(enrollments).values(run | told))
