"""The whole engine on one machine, from the first server to the last process, and back."""

import http.client
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

import redis
from pydantic import SecretStr

from nurture import bootstrap
from nurture.adapters import redis_keys
from nurture.adapters.embedded_redis import EmbeddedRedis, free_port
from nurture.environment import PREFIX, variable
from nurture.errors import NurtureError, Unavailable
from nurture.settings import Settings
from nurture.supervisor.child import Child, stop
from nurture.supervisor.deaths import Deaths
from nurture.supervisor.guards import only_one, require_free_port
from nurture.supervisor.output import Output

#: Seconds until everything must have come up.
_START_SECONDS: Final = 120.0

_LOOK_EVERY: Final = 0.1

_TERM: Final = ((signal.SIGTERM, 10.0),)

#: A worker told to end takes no more tasks and lets the running ones finish, which takes up to a turn (10 s); a second,
#: colder signal hands them back. Celery's own soft shutdown would sleep its whole time-out even if they end at once.
_WORKER_TERM: Final = ((signal.SIGTERM, 20.0), (signal.SIGQUIT, 5.0))


class Part(NamedTuple):
    """A process and the `nurture` command it runs."""

    name: str
    arguments: tuple[str, ...]


_WORKERS: Final = (
    Part("worker-events", ("worker", "--queues", "events,sequences", "--concurrency", "2")),
    Part("worker-mail", ("worker", "--queues", "mail,handoff", "--concurrency", "2")),
)
PARTS: Final = (*_WORKERS, Part("beat", ("beat",)), Part("web", ("web",)))


class Engine:
    """One run of the engine: an embedded Redis and a mailbox where the settings name none, then web, workers and beat.

    Start it from a thread that lives as long as the run: on Linux the children end with the thread that started them.
    """

    def __init__(self, settings: Settings, output: Output) -> None:
        self.settings = settings if settings.production else settings.with_kept_keys()
        self._output = output
        self._since = time.time()
        self._redis: EmbeddedRedis | None = None
        self._redis_deaths = Deaths()
        self._redis_started = 0.0
        self._children: dict[str, Child] = {}
        self._hurry = threading.Event()

    def run(self, stopping: threading.Event, ready: Callable[[], None]) -> None:
        """Start everything, call `ready` once it answers, watch until `stopping` is set, then stop in order.

        Raises NurtureError when something does not come up, or dies again and again; by then everything is stopped.
        """
        with ExitStack() as undo:
            undo.enter_context(only_one(self.settings.data_dir))
            require_free_port(self.settings.host, self.settings.port)
            self._provide_redis(undo)
            self._provide_mailbox(undo)
            if kept_back := bootstrap.prepare(self.settings):
                self._output.note("nurture", kept_back)
            undo.callback(self._stop_processes)
            for part in PARTS:
                self._start(part)
            self._await_answers(stopping)
            if not stopping.is_set():
                ready()
            while not stopping.wait(_LOOK_EVERY):
                self._revive()

    def hurry(self) -> None:
        """Wait for nobody while stopping: what is still alive is killed."""
        self._hurry.set()

    def pids(self) -> dict[str, int]:
        """The running processes by name: redis, mailbox, web, worker-events, worker-mail, beat."""
        pids = {name: child.pid for name, child in self._children.items() if child.pid is not None and child.alive}
        redis_pid = None if self._redis is None else self._redis.pid
        return pids if redis_pid is None else {"redis": redis_pid, **pids}

    def _provide_redis(self, undo: ExitStack) -> None:
        if self.settings.redis_url is not None:
            _require_redis(self.settings.redis)
            return
        server = EmbeddedRedis(self.settings.redis_url_file.parent, self.settings.redis_fsync)
        undo.callback(self._stop_redis, server)
        server.start()
        self._redis, self._redis_started = server, time.monotonic()
        self.settings = self.settings.model_copy(update={"redis_url": SecretStr(server.url)})
        self._output.note("redis", "up, keeps its data in " + str(self.settings.redis_url_file.parent))

    def _stop_redis(self, server: EmbeddedRedis) -> None:
        self._output.note("nurture", "stopping redis")
        server.stop()

    def _provide_mailbox(self, undo: ExitStack) -> None:
        if self.settings.smtp_url is not None:
            return
        port = free_port()
        self.settings = self.settings.model_copy(update={"smtp_url": SecretStr(f"smtp://127.0.0.1:{port}")})
        self._start(Part("mailbox", ("mailbox", "--port", str(port))))
        undo.callback(self._stop, ["mailbox"], _TERM)

    def _start(self, part: Part) -> None:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
        # Lines come as JSON, so that they can be kept, and told in the form that is wished for.
        environ = inherited | self.settings.as_environ() | {variable("log_format"): "json"}
        child = Child(part.name, part.arguments, environ, self._output)
        self._children[part.name] = child
        child.start()

    def _stop_processes(self) -> None:
        """Web first, so that nothing new is accepted; beat next; then the workers, who may still need Redis and the mailbox."""
        self._stop(["web"], _TERM)
        self._stop(["beat"], _TERM)
        self._stop([part.name for part in _WORKERS], _WORKER_TERM)

    def _stop(self, names: Sequence[str], steps: Sequence[tuple[signal.Signals, float]]) -> None:
        children = [self._children[name] for name in names if name in self._children]
        self._output.note("nurture", "stopping " + " and ".join(names))
        stop(children, steps, self._hurry)

    def _await_answers(self, stopping: threading.Event) -> None:
        deadline = time.monotonic() + _START_SECONDS
        silent: dict[str, Callable[[], bool]] = {"web": self._web_answers, "beat": self._beat_ticks}
        silent |= {part.name: partial(self._worker_lives, part.name) for part in _WORKERS}
        while silent and not stopping.wait(_LOOK_EVERY):
            self._revive()
            silent = {name: answers for name, answers in silent.items() if not answers()}
            if time.monotonic() > deadline:
                raise Unavailable(f"{', '.join(silent)} did not come up within {_START_SECONDS:g} s; what they said stands above")

    def _web_answers(self) -> bool:
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.settings.host, self.settings.host)  # noqa: S104  # the other way round
        connection = http.client.HTTPConnection(host, self.settings.port, timeout=2)
        try:
            connection.request("GET", "/health/live")
            return connection.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _worker_lives(self, name: str) -> bool:
        try:
            with _client(self.settings.redis) as client:
                return any(True for _ in client.scan_iter(redis_keys.worker(f"*.{self._children[name].pid}@*")))
        except redis.RedisError:
            return False

    def _beat_ticks(self) -> bool:
        try:
            with _client(self.settings.redis) as client:
                told: Any = client.get(redis_keys.BEAT)
        except redis.RedisError:
            return False
        return told is not None and float(told) > self._since

    def _revive(self) -> None:
        for child in self._children.values():
            if not child.revive():
                raise NurtureError(f"{child.name} ended {_AGAIN}; what it said last stands above. Everything is stopped")
        if self._redis is not None and self._redis.pid is None:
            self._revive_redis(self._redis)

    def _revive_redis(self, server: EmbeddedRedis) -> None:
        pause = self._redis_deaths.pause_after(time.monotonic() - self._redis_started, killed=server.was_killed)
        if pause is None:
            raise NurtureError(f"The embedded Redis ended {_AGAIN}; see {self.settings.redis_url_file.parent / 'redis.log'}")
        self._output.note("redis", "ended; starts again", "warning")
        time.sleep(pause)
        self._redis_started = time.monotonic()
        try:
            server.start()
        except Unavailable as error:  # it ended while it started; the next look counts that as one death more
            self._output.note("redis", str(error).partition(" It says")[0], "error")


_AGAIN: Final = "again and again within seconds of its start"


def _client(url: str) -> redis.Redis:
    return redis.Redis.from_url(url, socket_timeout=5, socket_connect_timeout=5)


def _require_redis(url: str) -> None:
    try:
        with _client(url) as client:
            client.ping()
    except redis.RedisError as error:
        raise Unavailable(
            f"NURTURE_REDIS_URL does not answer ({type(error).__name__}); start that server or correct the URL"
        ) from None


class RunningEngine:
    """An engine that runs in a thread of this process, with its processes' lines in a file."""

    def __init__(self, engine: Engine, stopping: threading.Event, thread: threading.Thread) -> None:
        self._engine = engine
        self._stopping = stopping
        self._thread = thread

    @property
    def settings(self) -> Settings:
        """The settings in force, with the URLs of the servers started."""
        return self._engine.settings

    @property
    def url(self) -> str:
        """Where its web process listens."""
        return f"http://{self.settings.host}:{self.settings.port}"

    @property
    def environ(self) -> Mapping[str, str]:
        """What makes another `nurture` command speak to this engine."""
        return self.settings.as_environ()

    def pids(self) -> dict[str, int]:
        """The running processes by name: redis, mailbox, web, worker-events, worker-mail, beat."""
        return self._engine.pids()

    def stop(self) -> None:
        """Stop everything in order; returns when it is done."""
        self._stopping.set()
        self._thread.join()


@contextmanager
def running_engine(settings: Settings, log: Path) -> Iterator[RunningEngine]:
    """The whole engine while the context lasts; what its processes say goes to the file `log`.

    Raises NurtureError when it does not come up, or when it gave up meanwhile.
    """
    stopping, settled = threading.Event(), threading.Event()
    failed: list[BaseException] = []
    with log.open("a", encoding="utf-8") as stream:
        engine = Engine(settings, Output(stream))

        def run() -> None:
            try:
                engine.run(stopping, settled.set)
            except BaseException as error:  # noqa: BLE001  # raised again in the caller's thread
                failed.append(error)
            finally:
                settled.set()

        thread = threading.Thread(target=run, name="engine", daemon=True)
        thread.start()
        settled.wait()
        running = RunningEngine(engine, stopping, thread)
        try:
            if not failed:
                yield running
        finally:
            running.stop()
    if failed:
        raise failed[0]
