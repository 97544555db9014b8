"""Without beat one worker sweeps in its place, and only then."""

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from nurture.adapters import redis_keys
from nurture.adapters.broker import BEAT_SILENT, QUEUES, queue_key
from nurture.adapters.counters import Counters
from nurture.adapters.nudge import CeleryNudge
from nurture.adapters.presence import alive
from tests.support.waiting import free_port, wait_until
from tests.workers.test_run import Worker
from workers.schedule import TICKS
from workers.standby import Sweeper, due


@pytest.fixture
def client(redis_url: str) -> Iterator[Redis]:
    with Redis.from_url(redis_url) as made:
        yield made


@pytest.fixture
def nudge(redis_url: str) -> Iterator[CeleryNudge]:
    made = CeleryNudge(redis_url)
    yield made
    made.close()


def waiting(client: Redis) -> int:
    """The messages in all queues."""
    return sum(len(client.lrange(queue_key(queue), 0, -1)) for queue in QUEUES)


def beat_ticked(client: Redis, ago: float) -> None:
    client.set(redis_keys.BEAT, f"{time.time() - ago:.3f}")


def test_each_task_is_woken_as_often_as_beat_would() -> None:
    sweeps = 7_200
    woken = Counter(task for number in range(sweeps) for task in due(1_800_000_000 + number, 1.0))
    assert woken == {task: sweeps // every for task, every in TICKS.items()}


def test_while_beat_ticks_nobody_sweeps(client: Redis, nudge: CeleryNudge) -> None:
    beat_ticked(client, BEAT_SILENT / 2)
    Sweeper(client, nudge, 1.0).look()
    assert waiting(client) == 0


def test_when_beat_is_silent_one_of_two_sweeps(client: Redis, nudge: CeleryNudge) -> None:
    beat_ticked(client, BEAT_SILENT + 1)
    for _ in range(2):
        Sweeper(client, nudge, 60.0).look()
    assert Counters(client).read() == {"sweeps_without_beat": 1}
    assert waiting(client) >= sum(every == 1 for every in TICKS.values())
    assert client.get(redis_keys.BEAT) is not None
    beat_ticked(client, 0)
    client.delete(redis_keys.SWEPT)
    before = waiting(client)
    Sweeper(client, nudge, 60.0).look()
    assert waiting(client) == before


def test_a_beat_that_never_ticked_is_given_a_while(client: Redis, nudge: CeleryNudge, monkeypatch: pytest.MonkeyPatch) -> None:
    sweeper = Sweeper(client, nudge, 1.0)
    sweeper.look()
    assert waiting(client) == 0
    monkeypatch.setattr("workers.standby.BEAT_SILENT", 0.0)

    def swept() -> int:
        sweeper.look()
        return waiting(client)

    wait_until(swept, 10)


def test_without_redis_nothing_breaks(nudge: CeleryNudge) -> None:
    with Redis.from_url(f"redis://127.0.0.1:{free_port()}", retry=None) as nowhere:
        Sweeper(nowhere, nudge, 1.0).look()


def test_a_real_worker_shows_its_version_and_sweeps_when_beat_is_gone(redis_url: str, tmp_path: Path, client: Redis) -> None:
    beat_ticked(client, BEAT_SILENT + 60)
    worker = Worker(redis_url, tmp_path)
    try:
        assert [(each.kind, each.pid) for each in alive(client)] == [("worker", worker.process.pid)]
        wait_until(lambda: Counters(client).read().get("sweeps_without_beat", 0) >= 2, 30)
        wait_until(lambda: client.llen(queue_key("sequences")) >= 1, 10, what="advance to be woken")
        beat_ticked(client, 0)
        log = (tmp_path / "log").read_text()
        assert log.count("beat is silent") == 1
    finally:
        worker.close()
