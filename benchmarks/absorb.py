"""Events per second absorbed into PostgreSQL by two worker processes: a laid-out backlog is drained, then every score is checked."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import psycopg
import redis

from benchmarks.crowd import accepted, points_by_visitor, wire_events
from benchmarks.figure import Figure, Goal, measure
from benchmarks.laboratory import Laboratory, frozen, same
from benchmarks.twin.rules import RULES
from nurture import bootstrap
from nurture.adapters import redis_keys
from nurture.adapters.nudge import CeleryNudge
from nurture.domain.event import ASSET_DOWNLOADED, EVENT, route_of
from nurture.settings import Settings
from tests.support.waiting import wait_until

_LOOK_EVERY = 0.05
_PATIENCE = 900.0


class Absorbing:
    """Lays out a backlog, lets two processes drain it, and compares what they stored with what they had to."""

    def __init__(self, laboratory: Laboratory, events: int, twin_events: int) -> None:
        self._laboratory = laboratory
        self._events = events
        self._twin_events = twin_events
        self._now = datetime.now(UTC)

    def ours(self) -> float:
        laboratory = self._laboratory
        laboratory.redis.flush()
        with laboratory.database() as database:
            settings = laboratory.settings(database)
            bootstrap.prepare(settings)
            worker = ("nurture.cli.main", "worker", "--queues", "events,sequences", "--concurrency", "2")
            with laboratory.process(*worker, environ=settings.as_environ()) as process, laboratory.redis.client() as client:
                wait_until(lambda: any(True for _ in client.scan_iter(redis_keys.worker("*"))), 60, what="the engine's worker")
                with frozen(process):
                    self._lay_out_stream(client, settings)
                seconds = _seconds_until(lambda: self._on_streams(client, settings) == 0)
                _await_recounts(database)
            self._check_ours(database)
            return self._events / seconds

    def _lay_out_stream(self, client: redis.Redis, settings: Settings) -> None:
        """The events as the web process writes them, and its nudges."""
        pipeline = client.pipeline(transaction=False)
        for index, wire in enumerate(wire_events(self._events, prefix="drain", now=self._now), start=1):
            event = accepted(wire, self._now)
            fields: Any = {redis_keys.FIELD: EVENT.dump_json(event, exclude_defaults=True)}
            pipeline.xadd(redis_keys.events(route_of(event) % settings.partitions), fields)
            if index % 1_000 == 0:
                pipeline.execute()
        pipeline.execute()
        nudge = CeleryNudge(settings.redis)
        for partition in range(settings.partitions):
            nudge("absorb", partition)
        nudge.close()

    def _on_streams(self, client: redis.Redis, settings: Settings) -> int:
        lengths: list[Any] = [client.xlen(redis_keys.events(partition)) for partition in range(settings.partitions)]
        return sum(lengths)

    def _check_ours(self, database: str) -> None:
        points = {name: points for name, points, _ in RULES}
        with psycopg.connect(database.replace("+psycopg", "")) as connection:
            stored = connection.execute("SELECT count(*) FROM events").fetchone()
            same("events stored by the engine", stored[0] if stored else 0, self._events)
            rows = connection.execute(
                "SELECT value, rule, sum(hits) FROM score_cells JOIN identifiers USING (person_id) WHERE kind = 'anonymous_id' GROUP BY 1, 2"
            ).fetchall()
            found: dict[str, int] = {}
            for visitor, rule, hits in rows:
                found[visitor] = found.get(visitor, 0) + points[rule] * int(hits)
            same("scores in the engine", found, self._expected(self._events))
            leads = connection.execute("SELECT count(*) FROM enrollments").fetchone()
            same("leads enrolled by the engine", leads[0] if leads else 0, self._leads(self._events))

    def _expected(self, number: int) -> dict[str, int]:
        return points_by_visitor(wire_events(number, prefix="drain", now=self._now))

    def _leads(self, number: int) -> int:
        crowd = wire_events(number, prefix="drain", now=self._now)
        return len({wire["anonymousId"] for wire in crowd if wire["event"] == ASSET_DOWNLOADED})

    def twin(self) -> float:
        laboratory = self._laboratory
        laboratory.redis.flush()
        with laboratory.database() as database:
            environ = laboratory.twin_environ(database)
            with laboratory.process("benchmarks.twin.models", environ=environ) as tables:
                same("exit code of the twin's table maker", tables.wait(60), 0)
            worker = ("celery", "-A", "benchmarks.twin.tasks", "worker", "--concurrency", "2", "--loglevel", "WARNING")
            plain = database.replace("+psycopg", "")
            with (
                laboratory.process(*worker, environ=environ) as process,
                laboratory.redis.client() as client,
                psycopg.connect(plain, autocommit=True) as connection,
            ):
                wait_until(lambda: client.exists("_kombu.binding.celery.pidbox"), 60, what="the twin's worker")
                with frozen(process):
                    words = (str(self._twin_events), self._now.isoformat())
                    laboratory.answer_of("benchmarks.twin.fill", *words, environ=environ)
                query = "SELECT count(*) FROM events"
                seconds = _seconds_until(lambda: connection.execute(query).fetchone() == (self._twin_events,))
                scores: Any = connection.execute("SELECT anonymous_id, score FROM people").fetchall()
                same("scores in the twin", dict(scores), self._expected(self._twin_events))
                leads = connection.execute("SELECT count(*) FROM enrollments").fetchone()
                same("leads enrolled by the twin", leads[0] if leads else 0, self._leads(self._twin_events))
            return self._twin_events / seconds

    def bulk_insert(self) -> float:
        laboratory = self._laboratory
        with laboratory.database() as database:
            bootstrap.upgrade_database(laboratory.settings(database))
            words = (database, str(self._events), self._now.isoformat())
            answer = laboratory.answer_of("benchmarks.limits.bulk", *words)
            with psycopg.connect(database.replace("+psycopg", "")) as connection:
                stored = connection.execute("SELECT count(*) FROM events").fetchone()
            same("events stored by the limit", stored[0] if stored else 0, self._events)
            return float(self._events / answer["seconds"])


def _await_recounts(database: str) -> None:
    """Return when nobody waits to be worked out afresh: who did things in another order than they came is enrolled by that."""
    with psycopg.connect(database.replace("+psycopg", ""), autocommit=True) as connection:
        marked = "SELECT FROM people WHERE recount_at IS NOT NULL LIMIT 1"
        wait_until(lambda: connection.execute(marked).fetchone() is None, _PATIENCE, every=_LOOK_EVERY, what="all recounts")


def _seconds_until(done: Callable[[], bool]) -> float:
    started = time.perf_counter()
    wait_until(done, _PATIENCE, every=_LOOK_EVERY, what="the backlog to be drained")
    return time.perf_counter() - started


def figures(laboratory: Laboratory, *, short: bool, times: int, say: Callable[[str], None]) -> Iterator[Figure]:
    absorbing = Absorbing(laboratory, 10_000, 2_000) if short else Absorbing(laboratory, 100_000, 10_000)
    figure = Figure(
        "absorb", "absorb, two workers", limit_is="the same rows inserted and upserted by hand over two connections",
        goals=(Goal(20, "twin"), Goal(0.5, "limit")),
    )  # fmt: skip
    yield measure(figure, times, say, ours=absorbing.ours, twin=absorbing.twin, limit=absorbing.bulk_insert)
