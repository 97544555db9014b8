"""A real worker process: what it runs, how it shows that it lives, how it ends."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import redis

from nurture import __version__
from nurture.adapters import redis_keys
from nurture.adapters.broker import queue_key
from nurture.adapters.nudge import CeleryNudge
from tests.support.waiting import wait_until
from workers.life import LIFETIME

ROOT = Path(__file__).parents[2]

# The worker of production, with tasks that show what happens to them in Redis.
_PROGRAM = """
import os, signal, sys, time
import celery.platforms
import redis
from nurture.cli.common import load_settings
import workers.app, workers.life, workers.run

settings = load_settings()
client = redis.Redis.from_url(settings.redis)

def make_app(settings):
    app = workers.app.make_app(settings)
    app.conf.include = []

    @app.task(name="nurture.absorb")
    def absorb(number):
        begun = client.incr(f"begun:{number}")
        if number == 13 and begun == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        workers.life.batch_done(7)
        time.sleep(number / 10)
        client.incr(f"done:{number}")

    return app

if "LATE" in os.environ:  # children who learn only after the worker's death that they are to die with it
    worker, tie = os.getpid(), celery.platforms.set_pdeathsig

    def tie_late(name):
        while os.getppid() == worker:
            time.sleep(0.01)
        tie(name)

    celery.platforms.set_pdeathsig = tie_late

workers.run.make_app = make_app
sys.exit(workers.run.run_worker(settings, ["events", "handoff"], 2))
"""


class Worker:
    """A worker process and what it left in Redis."""

    def __init__(self, url: str, folder: Path, **environ: str) -> None:
        self.client = redis.Redis.from_url(url, decode_responses=True)
        self.nudge = CeleryNudge(url)
        environ = {**os.environ, "NURTURE_REDIS_URL": url, "NURTURE_DATA_DIR": str(folder), **environ}
        with (folder / "log").open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", _PROGRAM], env=environ, cwd=ROOT, stdout=log, stderr=log, start_new_session=True
            )
        wait_until(self.sign, 60, what="the worker to show that it lives")

    def sign(self) -> Any:
        """Its sign of life."""
        keys = list(self.client.scan_iter(redis_keys.worker("*")))
        return self.client.hgetall(keys[0]) if keys else None

    def count(self, name: str) -> int:
        told: Any = self.client.get(name)
        return int(told or 0)

    def end(self, number: signal.Signals) -> float:
        """Send it a signal; the seconds it took to end."""
        started = time.monotonic()
        self.process.send_signal(number)
        self.process.wait(30)
        return time.monotonic() - started

    def close(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self.nudge.close()
        self.client.close()


@pytest.fixture
def worker(redis_url: str, tmp_path: Path) -> Iterator[Worker]:
    running = Worker(redis_url, tmp_path)
    running.client.set(redis_keys.BEAT, f"{time.time() + 3_600:.3f}")  # else it would sweep by itself after a while
    yield running
    running.close()


def test_a_nudge_runs_its_task_and_a_worker_shows_that_it_lives(worker: Worker) -> None:
    sign = worker.sign()
    assert (int(sign["pid"]), sign["queues"], sign["concurrency"]) == (worker.process.pid, "events,handoff", "2")
    assert abs(time.time() - float(sign["seen"])) < LIFETIME
    (key,) = worker.client.scan_iter(redis_keys.worker("*"))
    assert 0 < worker.client.ttl(key) <= LIFETIME
    worker.nudge("absorb", 0)
    wait_until(lambda: worker.count("done:0") == 1, 20)


def test_a_task_whose_process_was_killed_runs_again(worker: Worker) -> None:
    worker.nudge("absorb", 13)
    wait_until(lambda: worker.count("done:13") == 1, 30)
    assert worker.count("begun:13") == 2


def test_a_sign_of_life_tells_what_runs_and_for_how_much_of_the_time(worker: Worker) -> None:
    before = worker.sign()
    assert (before["tasks"], before["restarts"], before["version"]) == ("[]", "0", __version__)
    assert 20e6 < int(before["memory"]) < 5e9
    worker.nudge("absorb", 100)
    wait_until(lambda: worker.sign()["tasks"] != "[]", 30)
    (task,) = json.loads(worker.sign()["tasks"])
    assert (task["task"], task["about"], task["batch"], task["rows"]) == ("absorb", "100", 2, 7)
    assert abs(time.time() - task["since"]) < 30
    wait_until(lambda: 0.2 < float(worker.sign()["busy"]) <= 0.5, 30)  # one of two processes
    wait_until(lambda: worker.sign()["tasks"] == "[]", 40)
    wait_until(lambda: float(worker.sign()["busy"]) == 0, 40)


def test_a_killed_process_counts_as_a_restart_and_leaves_no_task_behind(worker: Worker) -> None:
    worker.nudge("absorb", 13)
    wait_until(lambda: worker.sign()["restarts"] == "1", 30)
    wait_until(lambda: worker.count("done:13") == 1, 30)
    wait_until(lambda: worker.sign()["tasks"] == "[]", 30)


def test_the_names_of_workers_are_listed_until_they_end(worker: Worker) -> None:
    (key,) = worker.client.scan_iter(redis_keys.worker("*"))
    names: Any = worker.client.zrange(redis_keys.WORKERS, 0, -1)
    assert [redis_keys.worker(name) for name in names] == [key]
    assert worker.end(signal.SIGTERM) < 20
    assert worker.client.zcard(redis_keys.WORKERS) == 0


def test_sigterm_lets_running_tasks_finish_and_waits_no_longer(worker: Worker) -> None:
    for number in (10, 11, 5):
        worker.nudge("absorb", number)
    wait_until(lambda: worker.count("begun:10") and worker.count("begun:11"), 20)
    assert worker.end(signal.SIGTERM) < 8
    assert worker.process.returncode == 0
    assert (worker.count("done:10"), worker.count("done:11")) == (1, 1)
    assert worker.sign() is None
    # What had not begun waits for the next worker; nothing is held back as unacknowledged.
    left = worker.client.llen(queue_key("events"))
    assert left == 1 - worker.count("done:5")
    assert worker.client.hlen(queue_key("unacked")) == 0


def test_sigquit_hands_running_tasks_back(worker: Worker) -> None:
    worker.nudge("absorb", 250)
    wait_until(lambda: worker.count("begun:250"), 20)
    assert worker.end(signal.SIGQUIT) < 10
    assert worker.count("done:250") == 0
    assert worker.client.llen(queue_key("events")) == 1


def test_no_pool_process_outlives_a_killed_worker(worker: Worker) -> None:
    worker.nudge("absorb", 250)
    wait_until(lambda: worker.count("begun:250"), 20)
    worker.process.kill()
    worker.process.wait()
    wait_until(lambda: session_is_empty(worker.process.pid), 10, what="the pool processes to end")


def test_a_pool_process_whose_worker_is_killed_while_it_is_born_ends_too(redis_url: str, tmp_path: Path) -> None:
    """Each child of the pool holds the pipes of all others open, so none would ever see the end of its own."""
    worker = Worker(redis_url, tmp_path, LATE="yes")
    try:
        worker.process.kill()
        worker.process.wait()
        wait_until(lambda: session_is_empty(worker.process.pid), 10, what="the pool processes to end")
    finally:
        with suppress(ProcessLookupError):
            os.killpg(worker.process.pid, signal.SIGKILL)
        worker.close()


def session_is_empty(leader: int) -> bool:
    try:
        os.killpg(leader, 0)
    except ProcessLookupError:
        return True
    return False
