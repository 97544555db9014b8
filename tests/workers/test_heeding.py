"""Workers heed what an operator holds: nothing of a held queue begins, and what was begun comes to a good end."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import SecretStr
from redis import Redis
from sqlalchemy import Engine, Table, func, select

import workers.tasks
from nurture.adapters.broker import queue_key
from nurture.adapters.clock import SystemClock
from nurture.adapters.database.queue_holds import HeldQueues, queue_holding
from nurture.adapters.database.releases import apply
from nurture.adapters.database.tables import events as stored
from nurture.adapters.database.tables import messages
from nurture.adapters.nudge import CeleryNudge
from nurture.adapters.redis_keys import FIELD, events, lease, worker
from nurture.bootstrap import WorkerParts
from nurture.domain.event import EVENT
from nurture.domain.holds import EVERYTHING, Hold
from nurture.reports.under_way import Watch, signs_of_life
from nurture.settings import Settings
from tests.support.definitions import definitions
from tests.support.events import download, form, page
from tests.support.installation import SECRET, Installation, LineWriter
from tests.support.smtp import SmtpSink
from tests.support.waiting import MovableClock, wait_until

ROOT = Path(__file__).parents[2]


class AtOnce(HeldQueues):
    """Asks the database each time, so that a test need not wait for a second to pass."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine, iter(range(0, 10**9, 10)).__next__)


@pytest.fixture
def installation(
    migrated_engine: Engine, redis_url: str, clock: MovableClock, smtp_sink: SmtpSink, database_url: str, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Installation]:  # fmt: skip
    """An installation, and the tasks working on it."""
    settings = Settings(
        database_url=SecretStr(database_url), redis_url=SecretStr(redis_url), secret_key=SecretStr(SECRET), data_dir=tmp_path,
        smtp_url=SecretStr(smtp_sink.url), partitions=1,
    )  # fmt: skip
    parts, nudge = WorkerParts(settings), CeleryNudge(settings.redis)
    monkeypatch.setattr(parts, "nudge", nudge)
    monkeypatch.setattr(parts, "clock", clock)
    monkeypatch.setattr(parts, "writer", LineWriter())
    monkeypatch.setattr(parts, "held_queues", AtOnce(parts.database.engine))
    monkeypatch.setattr(workers.tasks, "parts", lambda: parts)
    yield Installation(migrated_engine, Redis.from_url(redis_url), clock, smtp_sink)
    nudge.close()
    parts.database.engine.dispose()


def hold(engine: Engine, queue: str, at: datetime) -> None:
    with queue_holding(engine) as transaction:
        transaction.hold(
            Hold("all", EVERYTHING, "paused", None, at) if queue == "all" else Hold("queue", queue, "paused", None, at)
        )


def let_go(engine: Engine, queue: str) -> None:
    with queue_holding(engine) as transaction:
        if queue == "all":
            transaction.let_go("all", EVERYTHING)
        else:
            transaction.let_go("queue", queue)


def counted(engine: Engine, table: Table = stored) -> int:
    with engine.connect() as connection:
        return connection.scalar(select(func.count()).select_from(table)) or 0


@pytest.mark.parametrize("queue", ["events", "all"])
def test_events_wait_in_the_stream_and_nobody_is_woken(installation: Installation, queue: str) -> None:
    hold(installation.engine, queue, installation.clock.now())
    installation.redis.xadd(events(0), {FIELD: EVENT.dump_json(page("/a", "ana"))})
    workers.tasks.absorb_partition(0)
    workers.tasks.sweep()
    assert (installation.redis.xlen(events(0)), counted(installation.engine)) == (1, 0)
    assert installation.redis.llen(queue_key("events")) == 0
    let_go(installation.engine, queue)
    workers.tasks.absorb_partition(0)
    assert (installation.redis.xlen(events(0)), counted(installation.engine)) == (0, 1)


@pytest.mark.parametrize("queue", ["sequences", "all"])
def test_steps_wait(installation: Installation, queue: str) -> None:
    installation.happen(form("ana@acme.test"), download("ana@acme.test"))
    hold(installation.engine, queue, installation.clock.now())
    for task in (workers.tasks.advance_due, workers.tasks.survey_due, workers.tasks.cool_down, workers.tasks.forget_old):
        task()
    assert counted(installation.engine, messages) == 0
    assert installation.redis.llen(queue_key("sequences")) == 0
    let_go(installation.engine, queue)
    workers.tasks.advance_due()
    assert counted(installation.engine, messages) == 1


def test_absorb_takes_no_step_that_is_held(installation: Installation) -> None:
    hold(installation.engine, "sequences", installation.clock.now())
    for each in (form("ana@acme.test"), download("ana@acme.test")):
        installation.redis.xadd(events(0), {FIELD: EVENT.dump_json(each)})
    workers.tasks.absorb_partition(0)
    assert (counted(installation.engine), counted(installation.engine, messages)) == (2, 0)
    assert installation.redis.llen(queue_key("sequences")) == 0, "nobody is woken while it is held"
    let_go(installation.engine, "sequences")
    workers.tasks.advance_due()
    assert counted(installation.engine, messages) == 1


@pytest.mark.parametrize("queue", ["mail", "all"])
def test_mail_waits(installation: Installation, queue: str) -> None:
    installation.happen(form("ana@acme.test"), download("ana@acme.test"))
    workers.tasks.advance_due()
    woken = installation.redis.llen(queue_key("mail"))
    hold(installation.engine, queue, installation.clock.now())
    workers.tasks.send_due()
    assert installation.sink.mails == []
    assert installation.redis.llen(queue_key("mail")) == woken, "nobody is woken while it is held"
    let_go(installation.engine, queue)
    workers.tasks.send_due()
    assert len(installation.sink.mails) == 1


def test_what_watches_over_mail_goes_on_while_steps_wait(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    """The breakers begin nothing: only what holds everything holds them."""
    asked: list[object] = []

    def guarded(*told: object) -> tuple[()]:
        asked.append(told)
        return ()

    monkeypatch.setattr(workers.tasks, "guard", guarded)
    hold(installation.engine, "sequences", installation.clock.now())
    workers.tasks.guard_mail()
    assert len(asked) == 1
    hold(installation.engine, "all", installation.clock.now())
    workers.tasks.guard_mail()
    assert len(asked) == 1


@pytest.fixture
def start_worker(sqlite_url: str, redis_url: str, smtp_sink: SmtpSink, tmp_path: Path) -> Iterator[Callable[[], None]]:
    """Starts the worker of production on an installation."""
    processes: list[subprocess.Popen[bytes]] = []
    environ = {
        **{name: value for name, value in os.environ.items() if not name.startswith("NURTURE_")},
        "NURTURE_DATABASE_URL": sqlite_url, "NURTURE_REDIS_URL": redis_url, "NURTURE_SMTP_URL": smtp_sink.url,
        "NURTURE_DATA_DIR": str(tmp_path), "NURTURE_SECRET_KEY": "a secret of these tests", "NURTURE_PARTITIONS": "1",
    }  # fmt: skip

    def start() -> None:
        with (tmp_path / "worker.log").open("ab") as log:
            command = [sys.executable, "-m", "nurture.cli.main", "worker", "--concurrency", "1"]
            processes.append(subprocess.Popen(command, env=environ, cwd=ROOT, stdout=log, stderr=log, start_new_session=True))
        with Redis.from_url(redis_url) as client:
            wait_until(lambda: any(client.scan_iter(worker("*"))), 60, what="the worker to show that it lives")

    yield start
    for process in processes:
        process.send_signal(signal.SIGTERM)
    for process in processes:
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def test_a_real_worker_stops_in_its_backlog_and_goes_on_where_it_was(
    start_worker: Callable[[], None], sqlite_url: str, redis_url: str
) -> None:
    from nurture.adapters.database.engine import make_engine

    engine, redis, nudge = make_engine(sqlite_url), Redis.from_url(redis_url), CeleryNudge(redis_url)
    with engine.begin() as connection:
        apply(connection, definitions(), SystemClock().now())
    at, count = datetime.now(UTC), 30_000
    body = EVENT.dump_json(page("/a", "ana", at=at))
    pipeline = redis.pipeline(transaction=False)
    for number in range(count):
        pipeline.xadd(events(0), {FIELD: body.replace(b'"message_id":"', b'"message_id":"%d-' % number)})
    pipeline.execute()
    start_worker()
    nudge("absorb", 0)
    wait_until(lambda: counted(engine) > 0, 60, what="the first batch")
    hold(engine, "events", at)
    watch = Watch({"events"}, time.monotonic())
    wait_until(lambda: watch.look(signs_of_life(redis), time.monotonic()).nothing, 60, every=0.2, what="the worker's word")
    assert not redis.exists(lease(0)), "drained means that nobody is at it"
    left = redis.xlen(events(0))
    assert 0 < left < count, "it was held in the middle"
    assert counted(engine) == count - left, "what was begun has ended"

    def idle() -> bool:
        return redis.llen(queue_key("events")) == 0 and redis.hlen(queue_key("unacked")) == 0

    for _ in range(3):
        nudge("absorb", 0)
        wait_until(idle, 60, what="the worker to take a nudge")
    assert redis.xlen(events(0)) == left
    let_go(engine, "events")

    def absorbed() -> bool:
        if idle():
            nudge("absorb", 0)
        return redis.xlen(events(0)) == 0

    wait_until(absorbed, 120, every=0.2, what="everything to be absorbed")
    assert counted(engine) == count
    nudge.close()
    redis.close()
    engine.dispose()
