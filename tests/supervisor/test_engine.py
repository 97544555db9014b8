"""The whole engine as processes: it comes up, heals, stops in order, and leaves nobody behind."""

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import IO, Any

import pytest
import redis

from nurture.adapters.embedded_redis import free_port
from nurture.errors import NurtureError
from nurture.settings import Settings
from nurture.supervisor.engine import RunningEngine, running_engine
from tests.support.processes import command_of, ends, members_of_session, running
from tests.support.servers import RedisServer
from tests.support.waiting import wait_until

pytestmark = pytest.mark.engine

ROOT = Path(__file__).parents[2]
NAMES = {"redis", "mailbox", "web", "worker-events", "worker-mail", "beat"}


def settings_in(folder: Path, **given: Any) -> Settings:
    port = free_port()
    return Settings(
        data_dir=folder / "data", port=port, public_url=f"http://localhost:{port}", config_dir=ROOT / "config",
        templates_dir=ROOT / "templates" / "emails", **given,
    )  # fmt: skip


def web_answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/health/live")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "engine.log"


@pytest.fixture
def engine(tmp_path: Path, log: Path) -> Iterator[RunningEngine]:
    with running_engine(settings_in(tmp_path), log) as started:
        yield started


def test_it_heals_whatever_is_killed_and_stops_in_order(engine: RunningEngine, log: Path) -> None:
    """One start for all of it: starting takes seconds."""
    assert engine.pids().keys() == NAMES
    assert web_answers(engine.settings.port)
    before = engine.pids()
    sessions = {name: members_of_session(pid) for name, pid in before.items()}
    assert all(len(sessions[name]) == 3 for name in ("worker-events", "worker-mail")), "a worker and its two pool processes"

    with redis.Redis.from_url(engine.settings.redis) as client:
        client.set("kept", "yes")
    for name in NAMES:
        os.kill(before[name], signal.SIGKILL)

    def healed() -> bool:
        pids = engine.pids()
        return pids.keys() == NAMES and not set(pids.values()) & set(before.values())

    wait_until(healed, 60, what="all processes to be back")
    after = engine.pids()
    wait_until(lambda: web_answers(engine.settings.port), 60)
    with redis.Redis.from_url(engine.settings.redis) as client:
        assert client.get("kept") == b"yes"
    wait_until(lambda: not any(map(running, chain(*sessions.values()))), 20, what="the pools of killed workers to end")

    sessions = {name: members_of_session(pid) for name, pid in after.items()}
    engine.stop()
    assert engine.pids() == {}
    assert not any(map(running, chain(*sessions.values())))
    assert not engine.settings.redis_url_file.exists()
    order = re.findall(r"^nurture +\| stopping (.*)$", log.read_text(), re.MULTILINE)
    assert order == ["web", "beat", "worker-events and worker-mail", "mailbox", "redis"]


def test_with_a_redis_given_none_is_started(tmp_path: Path, log: Path, redis_url: str) -> None:
    with running_engine(settings_in(tmp_path, redis_url=redis_url, smtp_url="smtp://127.0.0.1:1"), log) as engine:
        assert engine.pids().keys() == NAMES - {"redis", "mailbox"}
        assert engine.environ["NURTURE_REDIS_URL"] == redis_url
    assert not (tmp_path / "data" / "redis").exists()


def test_a_redis_that_does_not_answer_is_told_before_anything_starts(tmp_path: Path, log: Path, own_redis: RedisServer) -> None:
    own_redis.stop()
    with (
        pytest.raises(NurtureError, match="NURTURE_REDIS_URL does not answer"),
        running_engine(settings_in(tmp_path, redis_url=own_redis.url), log),
    ):
        pass
    assert log.read_text() == ""


class Up:
    """`nurture up` as a process."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.port = free_port()
        self.data = folder / "data"
        environ = {name: value for name, value in os.environ.items() if not name.startswith("NURTURE_")}
        command = [
            sys.executable,
            "-m",
            "nurture.cli.main",
            "up",
            "--port",
            str(self.port),
            "--data-dir",
            str(self.data),
            *options,
        ]
        self.process = subprocess.Popen(
            command, env=environ, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
        )
        self.lines: list[str] = []

    def read_until(self, text: str) -> None:
        """Read its lines until one holds `text`."""
        stream: IO[str] | None = self.process.stdout
        assert stream is not None
        for line in stream:
            self.lines.append(line)
            if text in line:
                return
        raise AssertionError("".join(self.lines))

    def children(self) -> list[int]:
        """The processes it started, and theirs."""
        own = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return [member for child in own for member in members_of_session(int(child))]


@contextmanager
def up_in(folder: Path) -> Iterator[Up]:
    """`nurture up` on a folder, once it says that it runs."""
    started = Up(folder)
    try:
        started.read_until("runs at http://localhost")
        yield started
    finally:
        started.process.kill()
        started.process.wait()
        if started.process.stdout is not None:
            started.process.stdout.close()


def stop_cleanly(up: Up, number: signal.Signals) -> None:
    children = up.children()
    assert len(children) == 10
    up.process.send_signal(number)
    up.read_until("nurture       | stopped")
    assert up.process.wait(30) == 0
    assert not any(map(running, children))


def test_up_stops_cleanly_at_a_signal_and_a_second_start_carries_on_with_the_same_data(tmp_path: Path, log: Path) -> None:
    settings = settings_in(tmp_path)
    with up_in(tmp_path) as first:
        with redis.Redis.from_url(settings.redis) as client:
            client.set("kept", "yes")
        keys = (settings.data_dir / "keys.json").read_text()
        with (
            pytest.raises(NurtureError, match=rf"runs already on the data folder .* \(process {first.process.pid}\)"),
            running_engine(settings, log),
        ):
            pass
        stop_cleanly(first, signal.SIGINT)
    with up_in(tmp_path) as second:
        with redis.Redis.from_url(settings.redis) as client:
            assert client.get("kept") == b"yes"
        assert (settings.data_dir / "keys.json").read_text() == keys
        stop_cleanly(second, signal.SIGTERM)


def test_nobody_outlives_an_up_that_is_killed(tmp_path: Path) -> None:
    with up_in(tmp_path) as up:
        children = {pid: command_of(pid) for pid in up.children()}
        assert len(children) == 10
        up.process.kill()
        alive = [command for pid, command in children.items() if not ends(pid, 20)]
        assert alive == []


def test_up_tells_a_taken_port_and_starts_nothing(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        started = time.monotonic()
        told = subprocess.run(
            [sys.executable, "-m", "nurture.cli.main", "up", "--port", str(taken.getsockname()[1]), "--data-dir", str(tmp_path)],
            cwd=ROOT, capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
    assert told.returncode == 2
    assert "Address already in use. Choose another with --port" in told.stderr
    assert "Traceback" not in told.stderr
    assert told.stdout == ""
    assert not (tmp_path / "redis").exists()
    assert time.monotonic() - started < 30
