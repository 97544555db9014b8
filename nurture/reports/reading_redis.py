"""What status asks of Redis: one pass over its keys and one pipeline, whatever the load."""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from redis import Redis
from redis.client import Pipeline
from redis.exceptions import ResponseError

from nurture.adapters import redis_keys
from nurture.reports.diagnosis import SKEW
from nurture.reports.facts import Backlog, Memory, Stream, Worker

#: What INFO is asked for.
_SECTIONS: Final = ("server", "memory", "persistence", "replication")

#: How long a sign of life may lie there before it expires, and a little for a slow worker. Seconds.
_SIGN_LASTS: Final = 20.0


def read_stream(redis: Redis, partitions: int) -> Stream:
    """The state of the stream and of the processes that use it; raises RedisError."""
    # Few keys are ours besides download counts, so one pass is cheap; a worker's own key expires with it.
    names = sorted(redis.scan_iter(match=redis_keys.worker("*"), count=10_000))
    pipeline = redis.pipeline(transaction=False)
    ask_stream(pipeline, partitions, names)
    asked = time.time()
    return stream_in(pipeline.execute(raise_on_error=False), partitions, names, asked)


def ask_stream(pipeline: Pipeline, partitions: int, names: Sequence[bytes]) -> int:
    """Put what `stream_in` is told of into a pipeline; how many questions that are. `names` are the keys of workers."""
    pipeline.time()
    pipeline.get(redis_keys.BEAT)
    pipeline.get(redis_keys.MAILBOX_FAILS)
    pipeline.xlen(redis_keys.DEAD)
    pipeline.xlen(redis_keys.QUARANTINE)
    pipeline.info(*_SECTIONS)
    for number in range(partitions):
        pipeline.xlen(redis_keys.events(number))
        pipeline.xpending(redis_keys.events(number), redis_keys.GROUP)
        pipeline.xrange(redis_keys.events(number), count=1)
    for name in names:
        pipeline.hgetall(name)
    return 6 + 3 * partitions + len(names)


def stream_in(answers: Sequence[Any], partitions: int, names: Sequence[bytes], asked: float) -> Stream:
    """The state of the stream, from the answers to what was asked at an instant of this machine's clock; raises RedisError."""
    for answer in answers:
        if isinstance(answer, Exception) and not _may_be_refused(answer):
            raise answer
    (seconds, micros), beat, mailbox, dead, quarantined, info, *rest = answers
    now = seconds + micros / 1e6
    told, signs = rest[: 3 * partitions], rest[3 * partitions :]
    lives = [_worker(name, sign) for name, sign in zip(names, signs, strict=True) if sign]
    backlog = zip(range(partitions), told[::3], told[1::3], told[2::3], strict=True)
    return Stream(
        workers=tuple(lives), beat_seconds=_since(beat, now), mailbox_seconds=_since(mailbox, now),
        partitions=tuple(_backlog(*each, now) for each in backlog), dead_letters=dead, quarantined=quarantined,
        memory=None if isinstance(info, Exception) else memory_of(info),
        ahead_seconds=_ahead(asked, time.time(), now), askew=dict(_askew(lives, now)),
    )  # fmt: skip


def memory_of(info: Mapping[str, Any]) -> Memory:
    """How Redis keeps its data, from its INFO."""
    limit = int(info.get("maxmemory", 0)) or None
    return Memory(
        used=int(info.get("used_memory", 0)),
        limit=limit,
        policy=str(info.get("maxmemory_policy", "noeviction")),
        persistent=bool(info.get("aof_enabled", 0)),
        writes=info.get("aof_last_write_status", "ok") == "ok",
        replica=info.get("role") == "slave",
        version=str(info.get("valkey_version") or info.get("redis_version") or ""),
    )


def _ahead(asked: float, answered: float, told: float) -> float:
    """By how much our clock is ahead of one that told the time between two instants of ours; what the way may have cost is no skew."""
    if told < asked:
        return round(asked - told, 3)
    return round(min(0.0, answered - told), 3)


def _askew(workers: Sequence[Worker], now: float) -> Iterator[tuple[str, float]]:
    """Hosts whose signs of life come from the future, or are older than they can be."""
    for each in workers:
        ahead = each.seen.timestamp() - now
        if ahead > SKEW or ahead < -(_SIGN_LASTS + SKEW):
            yield each.host, round(ahead, 1)


def _since(told: bytes | None, now: float) -> float | None:
    return None if told is None else round(max(0.0, now - float(told)), 1)


def _may_be_refused(answer: Exception) -> bool:
    """Whether it only says that a partition was never read (its stream or its group is still to be made), or that INFO is not for us."""
    return isinstance(answer, ResponseError) and ("NOGROUP" in str(answer) or "NOPERM" in str(answer))


def _backlog(number: int, length: int, pending: Any, oldest: Any, now: float) -> Backlog:
    handed_out = min(0 if isinstance(pending, Exception) else int(pending["pending"]), length)
    age = None
    if oldest:
        milliseconds, _, _ = oldest[0][0].decode().partition("-")
        age = round(max(0.0, now - int(milliseconds) / 1_000), 1)
    return Backlog(partition=number, waiting=length - handed_out, handed_out=handed_out, oldest_seconds=age)


def _worker(key: bytes, sign: Mapping[bytes, bytes]) -> Worker:
    told = {name.decode(): value.decode() for name, value in sign.items()}
    return Worker(
        name=key.decode().removeprefix(redis_keys.worker("")), host=told["host"], pid=int(told["pid"]),
        queues=tuple(told["queues"].split(",")), concurrency=int(told["concurrency"]),
        started=datetime.fromtimestamp(float(told["started"]), UTC), seen=datetime.fromtimestamp(float(told["seen"]), UTC),
        busy=float(told["busy"]) if told.get("busy") else None, memory=int(told["memory"]) if told.get("memory") else None,
        tasks=json.loads(told.get("tasks") or "[]"), restarts=int(told.get("restarts", 0)), version=told.get("version"),
    )  # fmt: skip
