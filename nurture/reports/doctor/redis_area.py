"""Redis: whether it keeps what it is given, has room for more, and what lingers in it."""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final, NamedTuple

from redis.exceptions import ResponseError

from nurture.adapters import redis_keys
from nurture.adapters.broker import ENOUGH, QUEUES, VISIBILITY_SECONDS, queue_key
from nurture.reports.doctor.examining import Check
from nurture.reports.doctor.finding import Book, Code, Finding
from nurture.reports.doctor.patient import Patient
from nurture.reports.facts import Memory
from nurture.reports.reading_redis import memory_of
from nurture.reports.wording import counted, size

#: So much of its memory used is nearly full.
_NEARLY: Final = 0.8

#: XAUTOCLAIM, ZADD GT and ZRANGE BYSCORE, which kombu needs.
_LEAST: Final = (6, 2)

BOOK: Final = Book(
    "redis",
    {
        "redis-old": Code("error", "Redis is too old for what the engine asks of it.", "install Redis or Valkey 6.2 or later"),
        "redis-nearly-full": Code(
            "warning",
            "The memory of Redis is nearly full; once it is, no event is accepted.",
            "raise its maxmemory, or start more workers if events pile up (`nurture status`)",
        ),
        "redis-no-limit": Code(
            "warning",
            "Redis has no maxmemory: when the memory of its machine is full, the system kills it instead of refusing events.",
            "set maxmemory to what the machine can spare",
        ),
        "redis-evicted": Code(
            "warning",
            "Redis has thrown data away since its start.",
            "set `maxmemory-policy noeviction`; then see what is missing with `nurture verify`",
            "nurture verify",
        ),
        "redis-volatile": Code(
            "note", "Redis writes no append-only file: a restart forgets what waits.", "set `appendonly yes` before production"
        ),
        "redis-no-fsync": Code(
            "warning",
            "Redis leaves it to the system when its file reaches the disk: a power cut loses up to half a minute of events.",
            "set `appendfsync everysec`",
        ),
        "redis-rewrite-failed": Code(
            "warning",
            "Redis could not rewrite its append-only file, which grows until it can.",
            "see its log; most often the disk or the memory of its machine is short",
        ),
        "redis-snapshot-failed": Code(
            "warning",
            "The last snapshot of Redis failed; by default it then refuses new data.",
            'see its log for why, or turn snapshots off (`save ""`) and keep the append-only file',
        ),
        "partition-unread": Code(
            "error",
            "Events wait in a partition that nobody reads, because processes disagree on how many there are.",
            "set NURTURE_PARTITIONS to the same number everywhere, at least to one more than the highest partition that holds events",
        ),
        "tasks-linger": Code(
            "warning",
            "Tasks were handed to workers long ago and never acknowledged; a living worker should have taken them back.",
            "restart the workers; what the tasks were about is done by the next sweep",
        ),
        "queue-long": Code(
            "warning",
            "A queue holds so many tasks that nobody adds another.",
            "start a worker for it",
            "nurture worker --queues {about}",
        ),
    },
)  # fmt: skip


class Facts(NamedTuple):
    """What Redis tells of itself. `fsync` is None where it does not say; `partitions` are those that hold events."""

    memory: Memory
    evicted: int
    rewrite_failed: bool
    snapshot_failed: bool
    fsync: str | None
    partitions: Collection[int]
    lingering: int
    queues: Mapping[str, int]


def look(patient: Patient) -> Iterator[Finding]:
    """What Redis tells of itself, and what of it is wrong."""
    with patient.redis() as redis:
        info: Any = redis.info("server", "memory", "persistence", "replication", "stats")
        (now, _), *rest = redis.time(), *(redis.llen(queue_key(queue)) for queue in QUEUES)
        lingering: Any = redis.zcount(f"{redis_keys.CELERY_PREFIX}unacked_index", "-inf", int(now) - 2 * VISIBILITY_SECONDS)
        numbers = sorted(
            int(key.removeprefix(redis_keys.EVENTS))
            for key in redis.scan_iter(match=f"{redis_keys.EVENTS}*", count=10_000)
            if key.removeprefix(redis_keys.EVENTS).isdigit() and redis.xlen(key)
        )
        try:
            fsync: Any = redis.config_get("appendfsync").get("appendfsync")
        except ResponseError:  # a managed server keeps its configuration to itself
            fsync = None
    facts = Facts(
        memory_of(info), int(info.get("evicted_keys", 0)), info.get("aof_last_bgrewrite_status", "ok") != "ok",
        info.get("rdb_last_bgsave_status", "ok") != "ok", fsync, numbers, int(lingering), dict(zip(QUEUES, rest, strict=True)),
    )  # fmt: skip
    yield from judged(facts, patient.settings.partitions, production=patient.settings.production)


def judged(facts: Facts, partitions: int, *, production: bool) -> Iterator[Finding]:
    """What is wrong beside what `nurture status` says already."""
    memory = facts.memory
    found = [*_in_memory(facts, production=production), *_in_keys(facts, partitions)]
    if is_older(memory.version, _LEAST):
        found.append(BOOK("redis-old", f"Redis is {memory.version}"))
    limit = "no limit" if memory.limit is None else size(memory.limit)
    yield from found or [BOOK.fine(f"Redis {memory.version}: {size(memory.used)} of {limit}, {memory.policy}")]


def _in_memory(facts: Facts, *, production: bool) -> Iterator[Finding]:
    memory = facts.memory
    if memory.limit is None:
        yield BOOK("redis-no-limit", "Redis has no maxmemory", level=None if production else "note")
    elif not memory.full and memory.used > _NEARLY * memory.limit:
        yield BOOK("redis-nearly-full", f"Redis has used {size(memory.used)} of {size(memory.limit)}")
    if facts.evicted:
        yield BOOK("redis-evicted", f"Redis has evicted {counted(facts.evicted, 'key')} since its start")
    if not memory.persistent and not production:  # in production status says so, more loudly
        yield BOOK("redis-volatile", "Redis writes no append-only file")
    if memory.persistent and facts.fsync == "no":
        yield BOOK("redis-no-fsync", "appendfsync is no")
    if memory.persistent and facts.rewrite_failed:
        yield BOOK("redis-rewrite-failed", "the last rewrite of the append-only file failed")
    if facts.snapshot_failed:
        yield BOOK("redis-snapshot-failed", "the last snapshot failed")


def _in_keys(facts: Facts, partitions: int) -> Iterator[Finding]:
    unread = [number for number in facts.partitions if number >= partitions]
    if unread:
        names = ", ".join(str(number) for number in unread)
        yield BOOK("partition-unread", f"events wait in partition {names}; NURTURE_PARTITIONS is {partitions}")
    if facts.lingering:
        yield BOOK("tasks-linger", f"{counted(facts.lingering, 'task')} unacknowledged for twice the visibility timeout")
    for queue, waiting in facts.queues.items():
        if waiting >= ENOUGH:
            yield BOOK("queue-long", f"{waiting} tasks wait in the queue {queue}", queue)


def is_older(version: str, least: tuple[int, ...]) -> bool:
    """Whether a version such as 6.0.16 is older than one; False for what is no version."""
    numbers = tuple(int(each) for each in re.findall(r"\d+", version)[: len(least)])
    return bool(numbers) and numbers < least


CHECKS: Final = (Check("redis", "Redis", look),)
