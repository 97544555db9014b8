"""Status tells what is wrong and what to do, and says healthy only when nothing is."""

import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from sqlalchemy import event as hooks
from sqlalchemy import select, text, update

from nurture.adapters import redis_keys
from nurture.adapters.broker import QUEUES
from nurture.adapters.database import migrations
from nurture.adapters.database.engine import make_engine
from nurture.adapters.database.tables import deliveries, enrollments, holds, messages, pauses, releases, stage_changes
from nurture.domain.mail.sending import MessageStatus
from nurture.domain.telling.calls import DeliveryStatus
from nurture.reports.reading_store import newest_revision
from nurture.reports.status import Status, status
from tests.support.events import download, form, page
from tests.support.installation import Installation
from tests.support.servers import PostgresServer, RedisServer
from tests.support.waiting import free_port


def sign(redis: Redis, name: str, queues: str) -> None:
    """A worker's sign of life, as workers.life writes it."""
    seen: dict[Any, Any] = {
        "host": "h",
        "pid": 7,
        "queues": queues,
        "concurrency": 2,
        "started": f"{time.time():.3f}",
        "seen": f"{time.time():.3f}",
    }
    redis.hset(redis_keys.worker(name), mapping=seen)


@pytest.fixture
def running(installation: Installation) -> Installation:
    """An installation with a worker and beat."""
    sign(installation.redis, "all@h", ",".join(QUEUES))
    installation.redis.set(redis_keys.BEAT, f"{time.time():.3f}")
    return installation


def ask(installation: Installation) -> Status:
    return status(installation.engine, installation.redis, 4, installation.clock.now())


def problems(installation: Installation) -> str:
    """What is wrong, in one text; every problem has a remedy."""
    found = ask(installation)
    assert all(each.remedy for each in found.problems)
    return "; ".join(each.what for each in found.problems)


def test_an_idle_engine_is_healthy(running: Installation) -> None:
    found = ask(running)
    assert (found.verdict, found.exit_code, found.problems) == ("healthy", 0, ())
    assert found.stream is not None
    [worker] = found.stream.workers
    assert (worker.name, worker.pid, set(worker.queues)) == ("all@h", 7, set(QUEUES))
    assert found.stream.beat_seconds is not None
    assert found.stream.beat_seconds < 30
    assert [(each.waiting, each.handed_out, each.oldest_seconds) for each in found.stream.partitions] == [(0, 0, None)] * 4
    assert found.store is not None
    assert found.store.definitions is not None
    assert found.store.definitions.digest == running.definitions.digest


@pytest.mark.parametrize(("seconds", "told"), [(60, ""), (3_600, "the mailbox of NURTURE_IMAP_URL could not be read for 1 h")])
def test_a_mailbox_that_cannot_be_read_is_told_of_after_a_while(running: Installation, seconds: int, told: str) -> None:
    running.redis.set(redis_keys.MAILBOX_FAILS, f"{time.time() - seconds:.3f}")
    assert problems(running) == told


def test_people_runs_and_mails_are_counted(running: Installation) -> None:
    running.happen(page("/a", "reader"), form("ana@acme.test", "ana"), download("ana@acme.test"))
    store = ask(running).store
    assert store is not None
    assert store.people == {"audience": 1, "lead": 1}
    assert (store.enrollments, store.steps.due, store.messages) == ({"active": 1}, 1, {})
    running.work()
    store = ask(running).store
    assert store is not None
    assert (store.enrollments, store.messages) == ({"waiting": 1}, {"sent": 1})
    assert (store.steps.due, store.steps.next_due) == (0, running.clock.now() + timedelta(days=2))


def test_a_backlog_is_told_by_partition_with_the_age_of_its_oldest(running: Installation) -> None:
    stream = redis_keys.events(1)
    for _ in range(3):
        running.redis.xadd(stream, {"e": "{}"})
    running.redis.xgroup_create(stream, redis_keys.GROUP, id="0")
    running.redis.xreadgroup(redis_keys.GROUP, redis_keys.CONSUMER, {stream: ">"}, count=1)
    found = ask(running)
    assert found.stream is not None
    backlog = found.stream.partitions[1]
    assert (backlog.waiting, backlog.handed_out) == (2, 1)
    assert backlog.oldest_seconds is not None
    assert backlog.oldest_seconds < 60
    assert found.verdict == "healthy"


def test_events_that_nobody_absorbs_for_a_minute_are_a_problem(running: Installation) -> None:
    running.redis.xadd(redis_keys.events(3), {"e": "{}"}, id=f"{int((time.time() - 90) * 1000)}-0")
    assert "1 event not absorbed yet, the oldest for 1 min" in problems(running)
    assert ask(running).exit_code == 1


def test_without_any_worker_the_engine_is_down(running: Installation) -> None:
    running.redis.delete(redis_keys.worker("all@h"))
    found = ask(running)
    assert (found.verdict, found.exit_code) == ("down", 2)
    assert found.problems[0].what == "no worker runs"


def test_a_queue_that_nobody_serves_is_named(running: Installation) -> None:
    sign(running.redis, "all@h", "events,sequences,handoff")
    sign(running.redis, "more@h", "events")
    assert problems(running) == "nobody serves the queue mail"
    assert ask(running).exit_code == 1


@pytest.mark.parametrize(("ago", "told"), [(31, "beat has not ticked for 3"), (None, "beat has never ticked")])
def test_a_silent_beat_is_a_problem(running: Installation, ago: float | None, told: str) -> None:
    running.redis.delete(redis_keys.BEAT)
    if ago is not None:
        running.redis.set(redis_keys.BEAT, f"{time.time() - ago:.3f}")
    assert told in problems(running)
    assert ask(running).exit_code == 1


def test_dead_letters_are_a_problem_until_somebody_decides(running: Installation) -> None:
    running.garble()
    assert problems(running) == "1 dead letter"
    running.redis.delete(redis_keys.DEAD)
    assert problems(running) == ""


def test_quarantined_posts_are_counted_and_no_problem(running: Installation) -> None:
    running.redis.xadd(redis_keys.QUARANTINE, {"e": "{}"})
    found = ask(running)
    assert found.stream is not None
    assert (found.stream.quarantined, found.verdict) == (1, "healthy")


def test_steps_and_mails_are_overdue_after_a_minute(running: Installation) -> None:
    running.happen(form("ana@acme.test"), download("ana@acme.test"))
    running.later(seconds=59)
    assert problems(running) == ""
    running.later(seconds=11)
    assert problems(running) == "1 step overdue, by up to 1 min"
    running.work()
    with running.engine.begin() as connection:
        connection.execute(update(messages).values(status=MessageStatus.QUEUED))
    assert problems(running) == ""
    running.later(seconds=70)
    assert problems(running) == "1 mail overdue, by up to 1 min"
    with running.engine.begin() as connection:
        connection.execute(update(messages).values(lease_until=running.clock.now() + timedelta(seconds=5)))
    assert problems(running) == ""


def test_a_paused_run_is_never_overdue(running: Installation) -> None:
    running.happen(form("ana@acme.test"), download("ana@acme.test"))
    with running.engine.begin() as connection:
        connection.execute(update(enrollments).values(status="paused"))
    running.later(hours=1)
    assert problems(running) == ""


def test_what_is_held_is_told_and_only_a_paused_sequence_is_no_problem(running: Installation) -> None:
    at = running.clock.now()
    with running.engine.begin() as connection:
        connection.execute(pauses.insert().values(sequence="guide-nurture", at=at, reason=None))
    assert problems(running) == ""
    row = {"kind": "queue", "name": "mail", "how": "paused", "since": at, "reason": "too fast", "by": "ana"}
    with running.engine.begin() as connection:
        connection.execute(holds.insert().values(row))
    assert problems(running) == "the queue mail is held since 2026-03-02 09:00 UTC by ana: too fast"
    found = ask(running)
    assert found.store is not None
    assert [(each.kind, each.name, each.how) for each in found.store.holds] == [
        ("queue", "mail", "paused"),
        ("sequence", "guide-nurture", "paused"),
    ]
    assert found.problems[0].command == "nurture resume queue mail"


def test_a_hand_off_that_nobody_makes_is_overdue(running: Installation) -> None:
    running.happen(form("ana@acme.test"), download("ana@acme.test"))
    running.work()
    with running.engine.begin() as connection:
        moved = connection.scalar(select(stage_changes.c.id))
        row = {"id": 1, "stage_change_id": moved, "endpoint": "crm", "due_at": running.clock.now()}
        connection.execute(deliveries.insert().values(status=DeliveryStatus.WAITING.value, **row))
    assert problems(running) == ""
    running.later(seconds=90)
    assert problems(running) == "1 hand-off overdue, by up to 1 min"
    found = ask(running)
    assert found.store is not None
    assert found.store.handoffs == {"waiting": 1}


def test_an_uncertain_mail_is_a_problem_for_a_week(running: Installation) -> None:
    running.happen(form("ana@acme.test"), download("ana@acme.test"))
    running.work()
    with running.engine.begin() as connection:
        connection.execute(update(messages).values(status=MessageStatus.UNCERTAIN))
        connection.execute(update(enrollments).values(status="completed", due_at=None))
    assert problems(running) == "1 mail of the last 7 days uncertain"
    running.later(days=8)
    found = ask(running)
    assert found.store is not None
    assert (found.verdict, found.store.messages) == ("healthy", {"uncertain": 1})


def test_an_older_schema_is_a_problem(running: Installation) -> None:
    with running.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0000'"))
    assert problems(running) == f"the schema stands at revision 0000; this engine wants {newest_revision()}"


def test_the_newest_revision_is_that_of_the_migrations(installation: Installation) -> None:
    assert migrations.revisions(installation.engine) == (newest_revision(), newest_revision())


def test_without_definitions_events_wait(running: Installation) -> None:
    with running.engine.begin() as connection:
        connection.execute(releases.delete())
    assert problems(running) == "no definitions are in force"


def test_a_database_without_tables_is_down(empty_database_url: str, redis_url: str, installation: Installation) -> None:
    engine = make_engine(empty_database_url)
    found = status(engine, Redis.from_url(redis_url), 4, installation.clock.now())
    engine.dispose()
    assert (found.exit_code, found.store) == (2, None)
    assert ("the database has no tables yet", "nurture db upgrade") in {(each.what, each.command) for each in found.problems}


def test_without_redis_the_database_is_still_asked(running: Installation) -> None:
    away = Redis.from_url(f"redis://127.0.0.1:{free_port()}", retry=None)
    for redis in (away, None):
        found = status(running.engine, redis, 4, running.clock.now())
        assert (found.exit_code, found.stream) == (2, None)
        assert found.store is not None
        assert [each.what.partition(" (")[0] for each in found.problems] == ["Redis does not answer"]


def test_a_frozen_redis_is_noticed_within_seconds(own_redis: RedisServer, running: Installation) -> None:
    impatient = Redis.from_url(own_redis.url, retry=None, socket_timeout=0.3)
    impatient.ping()
    own_redis.pause()
    try:
        assert status(running.engine, impatient, 4, running.clock.now()).exit_code == 2
    finally:
        own_redis.resume()


def test_without_the_database_redis_is_still_asked(own_postgres: PostgresServer, running: Installation) -> None:
    engine = make_engine(own_postgres.create_database())
    own_postgres.stop()
    found = status(engine, running.redis, 4, running.clock.now())
    assert (found.exit_code, found.store) == (2, None)
    assert found.stream is not None
    assert [each.what for each in found.problems] == ["the database does not answer"]


def test_a_database_that_cannot_be_opened_is_down(running: Installation, tmp_path: Path) -> None:
    engine = make_engine(f"sqlite:///{tmp_path / 'missing' / 'nurture.db'}")
    found = status(engine, running.redis, 4, running.clock.now())
    assert [each.what for each in found.problems] == ["the database does not answer"]


def test_the_cost_does_not_grow_with_what_is_stored(running: Installation) -> None:
    def statements() -> int:
        count = [0]

        def tell(*_: object) -> None:
            count[0] += 1

        hooks.listen(running.engine, "before_cursor_execute", tell)
        ask(running)
        hooks.remove(running.engine, "before_cursor_execute", tell)
        return count[0]

    before = statements()
    running.happen(*[each for n in range(20) for each in (form(f"p{n}@acme.test", f"d{n}"), download(f"p{n}@acme.test"))])
    running.work()
    assert statements() == before <= 24


def test_a_status_survives_json(running: Installation) -> None:
    found = ask(running)
    assert Status.model_validate_json(found.model_dump_json()) == found
