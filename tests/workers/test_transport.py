"""A worker whose Redis goes away, or is full, works on when Redis is well again."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.servers import RedisServer
from tests.support.waiting import wait_until
from tests.workers.test_run import Worker


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


@pytest.fixture
def worker(own_redis: RedisServer, tmp_path: Path) -> Iterator[Worker]:
    running = Worker(own_redis.url, tmp_path)
    yield running
    if running.process.poll() is None:
        os.killpg(running.process.pid, signal.SIGKILL)
        running.process.wait()
    running.nudge.close()
    running.client.close()


def test_a_worker_notices_that_redis_is_gone_while_all_its_processes_are_busy(
    worker: Worker, own_redis: RedisServer, log: Path
) -> None:
    """Kombu 5.7.0 alone stands still from then on: no slot becomes free again, and nobody listens to the connection."""
    for number in (10, 11):
        worker.nudge("absorb", number)
    wait_until(lambda: worker.count("begun:10") and worker.count("begun:11"), 30)
    own_redis.kill9()
    wait_until(lambda: log.read_text(errors="replace").count("Couldn't ack") == 2, 30)
    own_redis.start()
    worker.nudge("absorb", 0)
    wait_until(lambda: worker.count("done:0"), 30)


def test_a_worker_outlives_a_redis_that_is_full(worker: Worker, own_redis: RedisServer, log: Path) -> None:
    os.killpg(worker.process.pid, signal.SIGSTOP)
    for _ in range(3):
        worker.nudge("absorb", 1)
    with own_redis.client() as client:
        client.config_set("maxmemory", "1")
        os.killpg(worker.process.pid, signal.SIGCONT)
        wait_until(lambda: "OutOfMemoryError" in log.read_text(errors="replace"), 30)
        client.config_set("maxmemory", "0")
    worker.nudge("absorb", 0)
    wait_until(lambda: worker.count("done:0"), 30)
    assert worker.process.poll() is None
