"""The engine and the twin as a whole: all processes that each runs in production, on the servers of one laboratory.

Each has one web process and a worker with two processes; the engine has its beat, too. All of them share two cores with Redis, PostgreSQL
and whoever asks.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import psycopg
import redis

from benchmarks.laboratory import Laboratory, await_port, same
from benchmarks.twin.rules import RULES
from nurture import bootstrap
from nurture.adapters import redis_keys
from nurture.settings import Settings
from tests.support.waiting import free_port, wait_until

#: The processes of each worker.
PROCESSES: Final = 2

_CORES: Final = 2
_PATIENCE: Final = 300.0


@dataclass(frozen=True)
class Whole:
    """One of the two, running. `lag` tells how many accepted events are not scored yet."""

    url: str
    lag: Callable[[], int]
    connection: psycopg.Connection[Any]
    ids: str
    """A query for the message ids of all stored events."""
    points: str
    """A query for the points of each visitor."""

    def drain(self) -> None:
        """Wait until everything accepted is scored."""
        wait_until(lambda: self.lag() == 0, _PATIENCE, every=0.05, what="everything accepted to be scored")

    def check(self, what: str, ids: set[str], points: Mapping[str, int]) -> None:
        """Every event was stored once, and every visitor has their points; else WrongResultError."""
        stored = [row[0] for row in self.connection.execute(self.ids.encode())]
        same(f"events stored by {what}", len(stored), len(ids))
        same(f"different events stored by {what}", set(stored), ids)
        found = {visitor: int(worth) for visitor, worth in self.connection.execute(self.points.encode()) if worth}
        same(f"scores in {what}", found, {visitor: worth for visitor, worth in points.items() if worth})


@contextmanager
def engine(laboratory: Laboratory, settings: Settings) -> Iterator[Whole]:
    """The engine on an empty Redis and the empty database of `settings`."""
    laboratory.redis.flush()
    bootstrap.prepare(settings)
    environ = settings.as_environ()
    main = "nurture.cli.main"
    with (
        two_cores(laboratory),
        laboratory.process(main, "web", environ=environ) as web,
        laboratory.process(main, "worker", "--concurrency", str(PROCESSES), environ=environ),
        laboratory.process(main, "beat", environ=environ),
        laboratory.redis.client() as client,
        psycopg.connect(plain(settings.database), autocommit=True) as connection,
    ):
        await_port(web, settings.port)
        wait_until(lambda: any(True for _ in client.scan_iter(redis_keys.worker("*"))), 60, what="the engine's worker")
        wait_until(lambda: client.exists(redis_keys.BEAT), 60, what="the engine's beat")
        streams = [redis_keys.events(partition) for partition in range(settings.partitions)]
        yield Whole(
            f"http://127.0.0.1:{settings.port}", lambda: _entries(client, streams), connection,
            ids="SELECT body->>'message_id' FROM events", points=_ENGINES_POINTS,
        )  # fmt: skip


def _entries(client: redis.Redis, streams: list[str]) -> int:
    """What is on the streams: an entry leaves its stream when its event is committed."""
    pipeline = client.pipeline(transaction=False)
    for stream in streams:
        pipeline.xlen(stream)
    return sum(pipeline.execute())


_ENGINES_POINTS: Final = f"""
SELECT value, sum(hits * points)
FROM score_cells JOIN identifiers USING (person_id)
JOIN (VALUES {", ".join(f"('{name}', {points})" for name, points, _ in RULES)}) AS worth (rule, points) USING (rule)
WHERE kind = 'anonymous_id' GROUP BY value
"""


@contextmanager
def twin(laboratory: Laboratory, database: str, more: Mapping[str, str]) -> Iterator[Whole]:
    """The twin on an empty Redis and an empty database, with `more` in its environment."""
    laboratory.redis.flush()
    environ = {**laboratory.twin_environ(database), **more}
    with laboratory.process("benchmarks.twin.models", environ=environ) as tables:
        same("exit code of the twin's table maker", tables.wait(60), 0)
    serves = (
        "uvicorn",
        "benchmarks.twin.app:app",
        "--port",
        str(port := free_port()),
        "--no-access-log",
        "--log-level",
        "warning",
    )
    works = ("celery", "-A", "benchmarks.twin.tasks", "worker", "--concurrency", str(PROCESSES), "--loglevel", "WARNING")
    with (
        two_cores(laboratory),
        laboratory.process(*serves, environ=environ) as web,
        laboratory.process(*works, environ=environ),
        laboratory.redis.client() as client,
        psycopg.connect(plain(database), autocommit=True) as connection,
    ):
        await_port(web, port)
        wait_until(lambda: client.exists("_kombu.binding.celery.pidbox"), 60, what="the twin's worker")
        yield Whole(
            f"http://127.0.0.1:{port}", lambda: _messages(client), connection,
            ids="SELECT message_id FROM events", points="SELECT anonymous_id, score FROM people",
        )  # fmt: skip


def _messages(client: redis.Redis) -> int:
    """What lies in Celery's queue, or was handed out and is not acknowledged."""
    pipeline = client.pipeline(transaction=False)
    pipeline.llen("celery")
    pipeline.hlen("unacked")
    return sum(pipeline.execute())


def plain(database: str) -> str:
    """The URL of a database as libpq knows it."""
    return database.replace("+psycopg", "")


@contextmanager
def two_cores(laboratory: Laboratory) -> Iterator[None]:
    """Keep this process, the servers, and whatever they start on two cores, however many there are."""
    allowed = os.sched_getaffinity(0)
    pids = (0, laboratory.redis.pid, laboratory.postgres.pid)
    try:
        for pid in pids:
            os.sched_setaffinity(pid, sorted(allowed)[:_CORES])
        yield
    finally:
        for pid in pids:
            os.sched_setaffinity(pid, allowed)
