"""Real workers and a real beat fall ill one after the other, and status names the cause within the time it promises."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from nurture.adapters import redis_keys
from nurture.adapters.database.engine import make_engine
from nurture.adapters.database.releases import apply
from tests.support.definitions import definitions
from tests.support.servers import RedisServer
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.engine, pytest.mark.timeout(600)]


class Processes:
    """Processes of the engine by name, and what its commands say meanwhile."""

    def __init__(self, environment: dict[str, str], folder: Path) -> None:
        self._environment = {**os.environ, **environment}
        self._folder = folder
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, *command: str) -> None:
        with (self._folder / f"{name}.log").open("ab") as log:
            self._running[name] = subprocess.Popen(
                [sys.executable, "-m", "nurture.cli.main", *command], env=self._environment, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip

    def end(self, name: str, how: signal.Signals = signal.SIGTERM) -> None:
        """End a process as a process manager does, or with all its children at once."""
        process = self._running.pop(name)
        os.killpg(process.pid, how) if how == signal.SIGKILL else process.send_signal(how)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def end_all(self) -> None:
        for name in list(self._running):
            self.end(name)

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        words = [sys.executable, "-m", "nurture.cli.main", *command]
        return subprocess.run(words, env=self._environment, capture_output=True, text=True, timeout=400, check=False)

    def problems(self) -> list[tuple[str, str | None]]:
        told = json.loads(self.run("status", "--json").stdout)
        return [(each["code"], each["about"]) for each in told["problems"]]

    def doctors_first(self) -> str:
        told = json.loads(self.run("doctor", "--json", "--offline", "--timeout", "30s").stdout)
        return str(told["findings"][0]["code"])

    def falls_ill(self, *first: str | None) -> None:
        """Until status names this problem first, within what it promises and what a busy machine takes."""
        wait_until(lambda: self.problems()[:1] == [first], 180, every=1.0, what=f"status to say {first[0]} first")

    def recovers(self) -> None:
        waited = self.run("wait", "--healthy", "--timeout", "180s")
        assert waited.returncode == 0, waited.stdout + waited.stderr


@pytest.fixture
def processes(sqlite_url: str, own_redis: RedisServer, tmp_path: Path) -> Iterator[Processes]:
    engine = make_engine(sqlite_url)
    with engine.begin() as connection:
        apply(connection, definitions(), datetime.now(UTC))
    engine.dispose()
    root = Path(__file__).parents[2]
    environment = {
        "NURTURE_DATABASE_URL": sqlite_url, "NURTURE_REDIS_URL": own_redis.url, "NURTURE_DATA_DIR": str(tmp_path / "data"),
        "NURTURE_SECRET_KEY": "falling-ill-falling-ill", "NURTURE_SMTP_URL": "smtp://127.0.0.1:9",
        "NURTURE_CONFIG_DIR": str(root / "config"), "NURTURE_TEMPLATES_DIR": str(root / "templates/emails"),
    }  # fmt: skip
    (tmp_path / "data").mkdir()
    made = Processes(environment, tmp_path)
    yield made
    made.end_all()


def test_each_cause_is_named_and_recovery_seen(processes: Processes, own_redis: RedisServer) -> None:
    mail = ("worker", "--queues", "mail", "--concurrency", "1")
    processes.start("mail", *mail)
    processes.start("others", "worker", "--queues", "events,sequences,handoff", "--concurrency", "1")
    processes.start("beat", "beat")
    processes.recovers()

    processes.end("mail", signal.SIGKILL)
    processes.falls_ill("queue-unserved", "mail")
    assert processes.doctors_first() == "queue-unserved"
    processes.start("mail", *mail)
    processes.recovers()

    processes.end("beat", signal.SIGKILL)
    processes.falls_ill("beat-silent", None)
    assert processes.doctors_first() == "beat-silent"
    processes.start("beat", "beat")
    processes.recovers()

    with own_redis.client() as client:
        client.xadd(redis_keys.events(0), {redis_keys.FIELD: b'{"no": "event"}'})
    processes.falls_ill("dead-letters", None)
    assert processes.doctors_first() == "dead-letters"
    assert processes.run("dead", "drop", "--all", "--yes").returncode == 0
    processes.recovers()

    own_redis.stop()
    processes.falls_ill("redis-away", None)
    own_redis.start()
    processes.recovers()

    processes.end("mail")
    processes.end("others")
    processes.falls_ill("no-worker", None)
    assert processes.doctors_first() == "no-worker"
