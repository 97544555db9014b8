"""Celery's own events, for Flower: whoever listens hears of every task, and where nobody does nothing is kept."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nurture.adapters import redis_keys
from nurture.adapters.broker import queue_key
from nurture.settings import Settings
from tests.support.waiting import wait_until
from tests.workers.test_run import Worker
from workers.app import App, make_app


@pytest.fixture
def worker(redis_url: str, tmp_path: Path) -> Iterator[Worker]:
    running = Worker(redis_url, tmp_path)
    running.client.set(redis_keys.BEAT, f"{time.time() + 3_600:.3f}")  # else it would sweep by itself after a while
    yield running
    running.close()


@pytest.fixture
def app(redis_url: str) -> Iterator[App]:
    made = make_app(Settings.model_validate({"redis_url": redis_url}))
    yield made
    made.close()


class Listener:
    """Somebody who listens to Celery's events, as Flower does."""

    def __init__(self, app: Any) -> None:
        self.heard: list[dict[str, Any]] = []
        self.ready = threading.Event()
        self._app, self._over = app, threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        with self._app.connection_for_read() as connection:
            receiver = self._app.events.Receiver(connection, handlers={"*": self.heard.append})
            with receiver.consumer_context(wakeup=False) as (consuming, _channel, _consumers):
                self.ready.set()
                while not self._over.is_set():
                    try:
                        consuming.drain_events(timeout=0.2)
                    except TimeoutError:
                        continue

    def types(self, *, of: str = "") -> set[str]:
        return {each["type"] for each in self.heard if each["type"].startswith(of)}

    def close(self) -> None:
        self._over.set()
        self._thread.join(20)


def test_whoever_listens_hears_of_every_task_and_of_workers(worker: Worker, app: App) -> None:
    listener = Listener(app)
    try:
        assert listener.ready.wait(20)
        worker.nudge("absorb", 0)
        expected = {"task-received", "task-started", "task-succeeded"}
        wait_until(lambda: listener.types(of="task-") == expected, 30, what="all events of the task")
        wait_until(lambda: "worker-heartbeat" in listener.types(), 30, what="a heartbeat")
    finally:
        listener.close()
    [received] = [each for each in listener.heard if each["type"] == "task-received"]
    assert received["name"] == "nurture.absorb"


def test_where_nobody_listens_nothing_is_kept(worker: Worker, app: App) -> None:
    worker.nudge("absorb", 0)
    wait_until(lambda: worker.count("done:0") == 1, 20)
    wait_until(lambda: not worker.client.exists(queue_key("unacked")), 20, what="the task to be acknowledged")
    before = sizes(worker)
    for _ in range(200):
        worker.nudge("absorb", 0)
    wait_until(lambda: worker.count("done:0") == 201, 60)
    wait_until(lambda: sizes(worker) == before, 20, what="everything to be acknowledged")
    assert not [key for key in sizes(worker) if "celeryev" in key]


def test_asking_workers_leaves_nothing_behind(worker: Worker, app: App) -> None:
    asking: Any = app.control.inspect(timeout=2)
    wait_until(asking.ping, 30, what="the worker to answer")
    before = sizes(worker)
    for _ in range(5):
        asking.stats()
    wait_until(lambda: sizes(worker) == before, 20, what="the answers to be gone")


def sizes(worker: Worker) -> dict[str, int]:
    """How much lies under every key in Redis but the counts and signs of the worker under test."""
    sizes = {}
    for key in sorted(worker.client.scan_iter()):
        if not key.startswith(("done:", "begun:", "nurture:worker:", "nurture:process:")):
            kind = worker.client.type(key)
            asked: Any = {
                "list": worker.client.llen,
                "hash": worker.client.hlen,
                "set": worker.client.scard,
                "zset": worker.client.zcard,
            }
            sizes[key] = int(asked.get(str(kind), worker.client.strlen)(key))
    return sizes
