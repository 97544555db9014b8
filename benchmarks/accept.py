"""Events per second that one web process accepts: 64 keep-alive connections, and each event durable before its answer."""

import base64
import json
from collections.abc import Callable, Iterator
from typing import Any

from benchmarks.figure import Figure, Goal, measure
from benchmarks.laboratory import WRITE_KEY, Laboratory, WrongResultError, await_port, same
from nurture import bootstrap
from nurture.adapters import redis_keys
from tests.support.waiting import free_port

BATCH = 100
_WARM_UP_SECONDS = 1.0


class Accepting:
    """Runs the load against one web process at a time and counts what arrived behind it."""

    def __init__(self, laboratory: Laboratory, seconds: float) -> None:
        self._laboratory = laboratory
        self._seconds = seconds

    def _load(self, url: str, prefix: str, seconds: float, batch: int) -> Any:
        words = ["--url", url, "--prefix", prefix, "--seconds", str(seconds), "--batch", str(batch), "--write-key", WRITE_KEY]
        answer = self._laboratory.answer_of("benchmarks.load", *words)
        if sum(answer["statuses"].values()) != answer["accepted"]:
            raise WrongResultError(f"not everything was accepted: {answer['statuses']}")
        return answer

    def _rate(self, url: str, arrived: Callable[[], list[str]] | None, batch: int = 1) -> float:
        """Warm up, measure, and compare what arrived with what was accepted."""
        warm = self._load(url, "warm", _WARM_UP_SECONDS, batch)
        hot = self._load(url, "hot", self._seconds, batch)
        if arrived is not None:
            expected = {
                f"{prefix}-{n:012d}" for prefix, run in (("warm", warm), ("hot", hot)) for n in range(run["accepted"] * batch)
            }
            ids = arrived()
            same("events on their way after the load", len(ids), len(expected))
            same("different events on their way", set(ids), expected)
        return float(hot["accepted"] * batch / hot["seconds"])

    def ours(self, batch: int = 1) -> float:
        laboratory = self._laboratory
        laboratory.redis.flush()
        with laboratory.database() as database:
            settings = laboratory.settings(database)
            bootstrap.prepare(settings)
            with laboratory.process("nurture.cli.main", "web", environ=settings.as_environ()) as web:
                await_port(web, settings.port)
                path = "/v1/batch" if batch > 1 else "/v1/track"
                return self._rate(f"http://127.0.0.1:{settings.port}{path}", lambda: self._on_streams(settings.partitions), batch)

    def _on_streams(self, partitions: int) -> list[str]:
        with self._laboratory.redis.client() as client:
            entries: list[Any] = [each for p in range(partitions) for each in client.xrange(redis_keys.events(p))]
        return [json.loads(fields[redis_keys.FIELD])["message_id"] for _, fields in entries]

    def twin(self) -> float:
        laboratory = self._laboratory
        laboratory.redis.flush()
        with (
            laboratory.database() as database,
            laboratory.process(
                *_uvicorn("benchmarks.twin.app:app", port := free_port()), environ=laboratory.twin_environ(database)
            ) as web,
        ):
            await_port(web, port)
            return self._rate(f"http://127.0.0.1:{port}/v1/track", self._on_celery_queue)

    def _on_celery_queue(self) -> list[str]:
        with self._laboratory.redis.client() as client:
            messages: Any = client.lrange("celery", 0, -1)
        bodies = (json.loads(base64.b64decode(json.loads(message)["body"])) for message in messages)
        return [arguments[0]["messageId"] for arguments, _, _ in bodies]

    def constant_answer(self) -> float:
        port = free_port()
        with self._laboratory.process(*_uvicorn("benchmarks.limits.constant:app", port), environ={}) as web:
            await_port(web, port)
            return self._rate(f"http://127.0.0.1:{port}/v1/track", None)

    def pipelined_xadd(self) -> float:
        self._laboratory.redis.flush()
        number = int(40_000 * self._seconds)
        answer = self._laboratory.answer_of("benchmarks.limits.xadd", self._laboratory.redis.url, str(number))
        with self._laboratory.redis.client() as client:
            same("entries on the stream", client.xlen("events"), number)
        return float(number / answer["seconds"])


def _uvicorn(app: str, port: int) -> tuple[str, ...]:
    return ("uvicorn", app, "--host", "127.0.0.1", "--port", str(port), "--no-access-log", "--log-level", "warning")


def figures(laboratory: Laboratory, *, short: bool, times: int, say: Callable[[str], None]) -> Iterator[Figure]:
    accepting = Accepting(laboratory, seconds=2 if short else 8)
    single = Figure(
        "accept", "accept, single events", limit_is="an ASGI application that answers without looking",
        goals=(Goal(10, "twin"), Goal(0.45, "limit")),
    )  # fmt: skip
    yield measure(single, times, say, ours=accepting.ours, twin=accepting.twin, limit=accepting.constant_answer)
    batch = Figure(
        "accept-batch",
        f"accept, {BATCH} in a request",
        limit_is="XADD in pipelines of 500 from one process",
        goals=(Goal(40, "twin"),),
    )
    # The twin has no endpoint for batches: whoever has many events sends them to it one by one.
    yield measure(batch, times, say, ours=lambda: accepting.ours(BATCH), twin=accepting.twin, limit=accepting.pipelined_xadd)
