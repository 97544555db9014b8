"""What `nurture top` shows is what there is; looking costs little, and goes on when a part is away."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from redis import Redis
from redis.client import Pipeline
from sqlalchemy import event as hooks
from sqlalchemy import insert

from nurture.adapters import redis_keys
from nurture.adapters.broker import QUEUES
from nurture.adapters.database.engine import make_engine
from nurture.adapters.database.tables import holds
from nurture.adapters.pulse import Sample, note
from nurture.reports.watching import Budget, Facts, Watch
from tests.reports.test_status import sign
from tests.support.events import download, form, page
from tests.support.installation import Installation
from tests.support.servers import RedisServer

PARTITIONS = 4


@pytest.fixture
def running(installation: Installation) -> Installation:
    """An installation with a worker and beat."""
    sign(installation.redis, "all@h", ",".join(QUEUES))
    installation.redis.set(redis_keys.BEAT, f"{time.time():.3f}")
    return installation


class Timer:
    """A monotonic clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def watch(installation: Installation, timer: Callable[[], float] = time.monotonic) -> Watch:
    return Watch(installation.engine, installation.redis, PARTITIONS, installation.clock.now, monotonic=timer)


def look(installation: Installation) -> Facts:
    return watch(installation).once()


def test_a_frame_holds_what_status_says_and_what_redis_tells(running: Installation) -> None:
    running.happen(form("ana@acme.test"), download("ana@acme.test"))
    running.garble()
    found = look(running)
    assert found.status.verdict == "degraded"
    assert found.stream is not None
    assert [each.pid for each in found.stream.workers] == [7]
    assert found.stream.dead_letters == 1
    assert found.status.store is not None
    assert found.status.store.people == {"lead": 1}
    assert set(found.flow) == {"in", "absorbed", "advanced", "sent"}
    assert json.loads(found.model_dump_json())["status"]["verdict"] == "degraded"


def test_rates_come_from_the_pulse_and_from_what_was_seen_since(running: Installation) -> None:
    now: Any = running.redis.time()
    at = float(now[0])
    pipeline = running.redis.pipeline()
    for age in (40, 30, 20, 10):
        note(pipeline, Sample(at - age, {"events_stored": 1_000 - age * 10}, 2_000 - age * 20, 0))
    pipeline.execute()
    running.redis.hset(redis_keys.COUNTERS, mapping={"events_stored": 1_000, "messages_sent": 5})
    found = look(running)
    assert found.flow["absorbed"].minute == pytest.approx(10, rel=0.2)
    assert found.flow["sent"].minute is not None
    assert found.flow["sent"].minute > 0
    assert found.flow["in"].minute is not None


def test_without_beat_rates_are_known_from_looking_alone(running: Installation) -> None:
    timer = Timer()
    seen = watch(running, timer)
    assert seen.once().flow["absorbed"].now is None
    running.happen(page("/pricing"))
    running.redis.hset(redis_keys.COUNTERS, "events_stored", 1)
    timer.now += 10
    seen.glance()
    found = seen.glance()
    assert found.flow["absorbed"].now is not None
    assert found.flow["absorbed"].now > 0
    assert found.flow["in"].now


def test_a_worker_that_comes_is_seen_in_the_frame_after_and_one_that_goes_is_gone(running: Installation) -> None:
    seen = watch(running)
    seen.once()
    sign(running.redis, "mail@h", "mail")
    running.redis.zadd(redis_keys.WORKERS, {"mail@h": time.time()})
    seen.glance()

    def names() -> list[str]:
        found = seen.glance().stream
        assert found is not None
        return sorted(each.name for each in found.workers)

    assert names() == ["all@h", "mail@h"]
    running.redis.delete(redis_keys.worker("mail@h"))
    assert names() == ["all@h"]


def test_warnings_are_shown_the_latest_first(running: Installation) -> None:
    for number in range(3):
        told = {"at": 5.0 + number, "process": "web", "host": "h", "pid": 1, "level": "error", "text": f"x{number}"}
        running.redis.lpush(redis_keys.WARNINGS, json.dumps(told))
    running.redis.lpush(redis_keys.WARNINGS, "of another version")
    assert [each.text for each in look(running).warnings] == ["x2", "x1", "x0"]
    assert look(running).warnings[-1].at == datetime(1970, 1, 1, 0, 0, 5, tzinfo=UTC)


def test_a_frame_costs_one_round_trip_and_no_statement_and_a_study_a_bounded_number(
    running: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The figures of docs/watching.md."""
    running.happen(form("ana@acme.test"), download("ana@acme.test"))
    running.work()
    statements: list[str] = []
    trips: list[int] = []
    execute: Any = Pipeline.execute
    command: Any = Redis.execute_command

    def counted_execute(self: Any, *arguments: Any, **options: Any) -> Any:
        trips.append(len(self.command_stack))
        return execute(self, *arguments, **options)

    def counted_command(self: Any, *arguments: Any, **options: Any) -> Any:
        if not isinstance(self, Pipeline):
            trips.append(1)
        return command(self, *arguments, **options)

    monkeypatch.setattr(Pipeline, "execute", counted_execute)
    monkeypatch.setattr(Redis, "execute_command", counted_command)

    def note(*told: Any) -> None:
        statements.append(str(told[2]))

    hooks.listen(running.engine, "before_cursor_execute", note)

    timer = Timer()
    seen = watch(running, timer)
    seen.study()
    assert len(statements) <= 30
    assert len(trips) <= 4
    seen.glance()
    for _ in range(10):
        statements.clear()
        trips.clear()
        timer.now += 0.1
        seen.study()  # it is not time
        seen.glance()
        assert statements == []
        assert len(trips) == 1
        assert trips[0] <= 6 + 3 * PARTITIONS + 2 + PARTITIONS + 3 + 1  # a handful for each partition and worker
    timer.now += 3
    seen.study()
    assert 0 < len(statements) <= 25  # not yet the figures of mail
    timer.now += 10
    statements.clear()
    seen.study()
    assert len(statements) <= 30


def test_a_reading_is_followed_by_nineteen_times_its_length_of_rest() -> None:
    timer = Timer()
    budget = Budget(2.0, timer)
    may = []
    for length, rest in ((0.01, 1.9), (0.0, 0.1), (3.0, 56.9), (0.0, 0.2)):
        if length:
            budget.begins()
            timer.now += length
            budget.ends()
        timer.now += rest
        may.append(budget.may)
    # Quick as the first was, not more often than every two seconds; the second took three.
    assert may == [False, True, False, True]


def test_what_has_become_untrue_is_read_again_at_once() -> None:
    timer = Timer()
    budget = Budget(2.0, timer)
    budget.begins()
    timer.now += 3
    budget.ends()
    budget.hurry()
    assert budget.may


def test_while_redis_is_away_the_watch_goes_on_and_says_since_when(installation: Installation, own_redis: RedisServer) -> None:
    timer = Timer()
    redis = Redis.from_url(own_redis.url, socket_timeout=1, socket_connect_timeout=1, retry=None)
    seen = Watch(installation.engine, redis, PARTITIONS, installation.clock.now, monotonic=timer)
    assert seen.once().stream is not None
    own_redis.stop()
    timer.now += 30
    found = seen.glance()
    assert (found.stream, found.since_redis, found.flow) == (None, 30.0, {})
    seen.study()
    assert seen.glance().status.problems[0].code == "redis-away"
    own_redis.start()
    timer.now += 3
    found = seen.glance()
    assert found.stream is not None
    assert found.since_redis is None
    seen.study()
    assert "redis-away" not in {each.code for each in seen.glance().status.problems}


def test_where_nobody_named_a_redis_there_is_a_frame(installation: Installation) -> None:
    found = Watch(installation.engine, None, PARTITIONS, installation.clock.now).once()
    assert found.stream is None
    assert found.status.store is not None


def test_without_a_database_there_is_a_frame(running: Installation) -> None:
    engine = make_engine("postgresql://nobody@127.0.0.1:1/none")
    found = Watch(engine, running.redis, PARTITIONS, running.clock.now).once()
    assert found.stream is not None
    assert found.mailing is None
    assert "database-away" in {each.code for each in found.status.problems}
    engine.dispose()


def test_what_holds_mail_back_is_told(running: Installation) -> None:
    from nurture.domain.mail.brakes import Brake, Learned

    brake = Brake("transport", "default", running.clock.now(), None, "cannot be reached")
    running.database.routing.keep(Learned([brake], [], []))
    with running.engine.begin() as connection:
        row = {"kind": "queue", "name": "mail", "how": "draining", "reason": "an upgrade", "since": running.clock.now()}
        connection.execute(insert(holds).values(**row))
    assert [(each.what, each.how, each.reason) for each in look(running).held] == [
        ("the queue mail", "draining", "an upgrade"),
        ("mail by transport default", "braked", "cannot be reached"),
    ]
