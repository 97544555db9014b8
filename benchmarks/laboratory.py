"""What every figure stands on: its own durable servers, and the measured processes."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from pydantic import SecretStr

from nurture.settings import Settings
from tests.support.servers import PostgresServer, RedisServer
from tests.support.waiting import free_port, wait_until

HERE = Path(__file__).parent
ROOT = HERE.parent
WRITE_KEY = "wk_benchmarks"

#: Looks at a process, told by the words behind `python -m` and its number, while the block lasts.
Watching = Callable[[Sequence[str], int], AbstractContextManager[None]]


class WrongResultError(Exception):
    """A run was fast and wrong: it lost, doubled or miscounted something. Its figure must not be shown."""


class Laboratory:
    """A Redis with AOF (everysec) and a PostgreSQL with fsync, on free ports, for one run of the benchmarks."""

    def __init__(self) -> None:
        self._watching: Watching = lambda _module, _pid: nullcontext()

    def __enter__(self) -> Self:
        self._undo = ExitStack()
        with self._undo as undo:
            self.folder = Path(undo.enter_context(tempfile.TemporaryDirectory(prefix="nurture-bench-")))
            self.redis = undo.enter_context(RedisServer(appendonly=True, appendfsync="everysec"))
            self.postgres = undo.enter_context(PostgresServer(durable=True))
            self._undo = undo.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._undo.close()

    @contextmanager
    def database(self) -> Iterator[str]:
        """The URL of an empty database, removed afterwards."""
        url = self.postgres.create_database()
        yield url
        self.postgres.drop_database(url)

    def settings(self, database_url: str) -> Settings:
        """The engine as in production, with the definitions of `benchmarks/config`."""
        return Settings(
            mode="production", database_url=SecretStr(database_url), redis_url=SecretStr(self.redis.url),
            smtp_url=SecretStr("smtp://127.0.0.1:1"), secret_key=SecretStr("benchmarks-need-no-secret"),
            public_url="https://www.example.com", port=free_port(), config_dir=HERE / "config", templates_dir=HERE / "templates",
            data_dir=self.folder / "data", write_keys={"website": WRITE_KEY}, log_level="warning",
        )  # fmt: skip

    def twin_environ(self, database_url: str) -> dict[str, str]:
        return {"DATABASE_URL": database_url, "REDIS_URL": self.redis.url}

    @contextmanager
    def process(self, *module: str, environ: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
        """A `python -m …` in a session of its own while the context lasts; its children end with it."""
        log = self.folder / f"{module[0]}-{free_port()}.log"
        with log.open("wb") as stream:
            process = subprocess.Popen(
                [sys.executable, "-m", *module], cwd=ROOT, env=environ_of(environ), stdin=subprocess.DEVNULL, stdout=stream,
                stderr=stream, start_new_session=True,
            )  # fmt: skip
        try:
            with self._watching(module, process.pid):
                yield process
        except BaseException:
            shutil.copyfileobj(log.open(errors="replace"), sys.stderr)
            raise
        finally:
            _end(process)

    @contextmanager
    def watched_by(self, watching: Watching) -> Iterator[None]:
        """Have each process that is started in the block looked at until it is ended."""
        before, self._watching = self._watching, watching
        try:
            yield
        finally:
            self._watching = before

    def answer_of(self, *module: str, environ: Mapping[str, str] | None = None) -> Any:
        """Run `python -m …` to its end and return what it printed, read as JSON."""
        command = [sys.executable, "-m", *module]
        done = subprocess.run(command, cwd=ROOT, env=environ_of(environ or {}), check=True, stdout=subprocess.PIPE)
        return json.loads(done.stdout)


def environ_of(more: Mapping[str, str]) -> dict[str, str]:
    """The environment of a measured process: ours without the engine's settings, and some more."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("NURTURE_")}
    return {**inherited, **more}


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGCONT)
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@contextmanager
def frozen(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Hold a process and its children still, so that its work can be laid out before the clock starts."""
    os.killpg(process.pid, signal.SIGSTOP)
    yield
    os.killpg(process.pid, signal.SIGCONT)


def await_port(process: subprocess.Popen[bytes], port: int) -> None:
    """Return when something listens on a loopback port; raises RuntimeError if the process has ended instead."""
    import socket

    def listens() -> bool:
        if process.poll() is not None:
            raise RuntimeError(f"the process ended with exit code {process.returncode} before it listened")
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    wait_until(listens, 60, what=f"port {port}")


def same(what: str, found: Sequence[Any] | Mapping[Any, Any] | set[Any] | int, expected: object) -> None:
    """Raise WrongResultError unless what a run left behind is what it had to leave."""
    if found != expected:
        sizes = f"{_size(found)} instead of {_size(expected)}"
        raise WrongResultError(f"{what}: {sizes}")


def _size(value: object) -> str:
    return f"{len(value)} entries" if hasattr(value, "__len__") else str(value)
