"""The engine as `nurture up` runs it, with servers of its own that can be hurt, the crowd, and the mail server that counts."""

import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import redis
from pydantic import SecretStr
from sqlalchemy import Engine

from benchmarks.faults.asking import Question
from benchmarks.faults.disks import Disk, small_disk
from benchmarks.faults.load import Load
from benchmarks.faults.sink import CountingSink
from nurture.adapters import redis_keys
from nurture.adapters.clock import set_shift
from nurture.adapters.database.engine import make_engine
from nurture.adapters.journal import standing as journal_standing
from nurture.domain.mail.sending import LEASE
from nurture.reports.status import Status, status
from nurture.settings import Settings
from nurture.supervisor.engine import RunningEngine, running_engine
from tests.support.servers import PostgresServer, RedisServer
from tests.support.waiting import free_port, wait_until

HERE: Final = Path(__file__).parent

WRITE_KEY: Final = "wk_faults"

#: Of each mail process to the mail server; and processes of the worker that mails (see nurture.supervisor.engine).
CONNECTIONS: Final = 2
MAIL_PROCESSES: Final = 2
IN_DOUBT: Final = CONNECTIONS * MAIL_PROCESSES

#: Longer than anything takes that must come sooner or later, on a busy machine. Seconds.
PATIENCE: Final = 120.0

#: Small enough that a burst reaches it. Events.
MAX_BACKLOG: Final = 5_000

_PARTITIONS: Final = 2
_DATA_MEGABYTES, _TABLES_MEGABYTES = 96, 2_048


class Scene:
    """Everything that a fault may touch. `bound` is how many letters may be uncertain by what was done so far."""

    def __init__(
        self, folder: Path, servers: tuple[RedisServer, PostgresServer], sink: CountingSink, settings: Settings,
        disks: tuple[Disk | None, Disk | None],
    ) -> None:  # fmt: skip
        self.folder, self.sink, self.settings = folder, sink, settings
        self.redis, self.postgres = servers
        self.data_disk, self.table_disk = disks
        self.bound = 0
        self.planted: set[str] = set()
        self.emptied: set[str] = set()
        self.dead: Counter[str] = Counter()
        self.bursts: Counter[str] = Counter()
        self.tried_in_bursts: set[str] = set()
        self.accepted_in_bursts: set[str] = set()
        self.memory: list[tuple[int, int, int]] = []
        self._shift = 0.0
        self._looking_at = make_engine(settings.database)
        self.engine: RunningEngine
        self.load: Load

    @property
    def database(self) -> Engine:
        return self._looking_at

    @cached_property
    def _redis(self) -> redis.Redis:
        return redis.Redis.from_url(self.settings.redis, socket_timeout=2, socket_connect_timeout=2, retry=None)

    def pid(self, name: str) -> int:
        """The process of that name, awaited if it is just being started again."""
        return wait_until(lambda: self.engine.pids().get(name, 0), PATIENCE, what=f"{name} to run")

    def doubt(self, letters: int) -> None:
        """What was just done may leave so many letters uncertain."""
        self.bound += letters

    def now(self) -> datetime:
        """The instant by the engine's clock."""
        return datetime.now(UTC) + timedelta(seconds=self._shift)

    @property
    def shift(self) -> float:
        """By how many seconds the engine's clock is ahead."""
        return self._shift

    def move_clock(self, seconds: float) -> None:
        """Move the engine's clock, forward or back. Whoever is handing over a letter when its lease ends by this is in doubt."""
        self._shift += seconds
        set_shift(self.settings.clock_file or self.folder / "clock", self._shift)
        if seconds >= LEASE.total_seconds() / 2:
            self.doubt(IN_DOUBT)

    @property
    def environ(self) -> dict[str, str]:
        """What makes another `nurture` command speak to this engine."""
        return {**os.environ, **self.engine.environ}

    def ask(self) -> Question:
        """Ask `nurture status --json`."""
        return Question(self.engine.environ)

    def look(self) -> Status:
        """The same without a process."""
        return status(self._looking_at, self._redis, self.settings.partitions, self.now())

    def waiting(self) -> int:
        """Events that are accepted and not absorbed, in the stream."""
        lengths = [int(self._redis.xlen(redis_keys.events(each))) for each in range(self.settings.partitions)]
        return sum(lengths) + int(self._redis.xlen(redis_keys.AHEAD))

    def drained(self) -> bool:
        """Whether nothing waits to be absorbed, in the stream or in the journal of the web process."""
        try:
            return self.waiting() == 0 and journal_standing(self.settings.data_dir / "journal").events == 0
        except redis.RedisError:
            return False

    def keep_dead_letters(self, names: Callable[[bytes], str]) -> None:
        """Take note of the dead letters, which Redis alone holds."""
        letters: Any = self._redis.xrange(redis_keys.DEAD)
        self.dead.update(names(fields[redis_keys.FIELD]) for _, fields in letters)

    def plant(self, partition: int, body: bytes) -> None:
        """Put something into the stream past the web process."""
        self._redis.xadd(redis_keys.events(partition), {redis_keys.FIELD: body})


@contextmanager
def built(folder: Path, *, rate: float, seed: int, appendfsync: str) -> Iterator[Scene]:
    """The whole scene, running; its files are in `folder`."""
    with ExitStack() as stack:
        server = stack.enter_context(RedisServer(appendonly=True, appendfsync=appendfsync))
        postgres = stack.enter_context(PostgresServer(durable=True))
        sink = stack.enter_context(CountingSink())
        data, tables = folder / "data", postgres.folder / "tables"
        data.mkdir()
        tables.mkdir()
        owner = postgres.folder.stat().st_uid
        disks = (
            stack.enter_context(small_disk(data, _DATA_MEGABYTES, os.geteuid())),
            stack.enter_context(small_disk(tables, _TABLES_MEGABYTES, owner)),
        )
        settings = Settings(
            database_url=SecretStr(_make_database(postgres, tables if disks[1] else None)), redis_url=SecretStr(server.url),
            smtp_url=SecretStr(f"{sink.url}?connections={CONNECTIONS}"), secret_key=SecretStr("only-for-the-fault-suite"),
            write_keys={"website": WRITE_KEY}, port=free_port(), config_dir=HERE / "config", templates_dir=HERE / "templates",
            data_dir=data, clock_file=folder / "clock", log_level="info", partitions=_PARTITIONS, max_backlog=MAX_BACKLOG,
            sweep_seconds=0.5,
        )  # fmt: skip
        scene = Scene(folder, (server, postgres), sink, settings, disks)
        stack.callback(scene.database.dispose)
        scene.engine = stack.enter_context(running_engine(settings, folder / "engine.log"))
        scene.load = stack.enter_context(Load(scene.engine.url, WRITE_KEY, rate, seed))
        yield scene


def _make_database(postgres: PostgresServer, tables: Path | None) -> str:
    """An empty database, its tables on the small disk if there is one (the log of writes is elsewhere: a full disk of tables is no crash)."""
    with postgres.connect() as connection:
        if tables is not None:
            connection.execute(f"CREATE TABLESPACE small LOCATION '{tables}'")
        connection.execute("CREATE DATABASE faults" + (" TABLESPACE small" if tables is not None else ""))
    return postgres.url("faults")
