"""The event stream as the workers see it: partitions of Redis Streams, each held by one worker at a time."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Any, Final

from redis import Redis
from redis.exceptions import LockError, RedisError, ResponseError
from redis.lock import Lock

from nurture.adapters.redis_keys import AHEAD, CONSUMER, DEAD, FIELD, GROUP, NUDGE_EVERY, events, lease, nudged, turned_away
from nurture.errors import Conflict, Unavailable
from nurture.ports import Entry

#: A worker that is silent this long loses its partition. Seconds; a batch takes well under one.
LEASE: Final = 10.0


class StreamPartition:
    """One partition; fulfils `ports.Partition`."""

    def __init__(self, redis: Redis, number: int, lock: Lock | None = None) -> None:
        self._redis = redis
        self._stream = events(number)
        self._number = number
        self._lock = lock
        self._leftovers = True
        self._end_seen = False

    def read(self, limit: int) -> Sequence[Entry]:
        self._hold_on()
        if self._leftovers:
            found = self._unfinished(limit)
            if found:
                return found
            self._leftovers = False
        fresh = [Entry(id_, body, 1) for id_, body in self._read_group(">", limit)]
        self._end_seen = len(fresh) < limit
        return fresh

    def _hold_on(self) -> None:
        if self._lock is None:
            return
        try:
            self._lock.reacquire()
        except LockError as error:
            raise Conflict("the lease of this partition was lost to another worker, which goes on with it") from error

    def _unfinished(self, limit: int) -> list[Entry]:
        """What was handed out and never done: under the lease, its holder is gone."""
        held = self._read_group("0", limit)
        if not held:
            return []
        pending: list[Any] = self._redis.xpending_range(self._stream, GROUP, min=held[0][0], max=held[-1][0], count=limit)
        deliveries = {_text(each["message_id"]): each["times_delivered"] for each in pending}
        return [Entry(id_, body, deliveries.get(id_, 1)) for id_, body in held]

    def _read_group(self, after: str, limit: int) -> list[tuple[str, bytes]]:
        try:
            answer: Any = self._redis.xreadgroup(GROUP, CONSUMER, {self._stream: after}, count=limit)
        except ResponseError as error:
            if "NOGROUP" not in str(error):
                raise
            self._create_group()
            return self._read_group(after, limit)
        pairs = answer.items() if isinstance(answer, dict) else answer or []
        found: list[tuple[str, bytes]] = []
        for _, entries in pairs:
            batches = entries if isinstance(answer, list) else [entry for part in entries for entry in part]
            found += [(_text(id_), (fields or {}).get(FIELD, b"")) for id_, fields in batches]
        return found

    def _create_group(self) -> None:
        try:
            self._redis.xgroup_create(self._stream, GROUP, id="0", mkstream=True)
        except ResponseError as error:  # another worker, whose lease was lost or is ours by now, was faster
            if "BUSYGROUP" not in str(error):
                raise

    def done(self, ids: Iterable[str]) -> None:
        gone = list(ids)
        if gone:
            pipeline = self._redis.pipeline(transaction=True)
            pipeline.xack(self._stream, GROUP, *gone)
            pipeline.xdel(self._stream, *gone)
            pipeline.execute()

    def park(self, entry: Entry, reason: str, at: datetime) -> None:
        pipeline = self._redis.pipeline(transaction=True)
        pipeline.xadd(DEAD, _letter(entry, reason, at, self._number))
        pipeline.xack(self._stream, GROUP, entry.id)
        pipeline.xdel(self._stream, entry.id)
        pipeline.execute()

    def wants_another(self) -> bool:
        """Whether somebody is to come at once; asked after the lease was put down.

        Something is left, and we did not come to its end, or turned away whoever came for it. All else has a nudge of its own on its
        way: to hurry ahead of that would make many small batches of a few large ones.
        """
        pipeline = self._redis.pipeline(transaction=False)
        # First, so that whoever writes behind our look finds that no nudge is on its way.
        pipeline.pexpire(nudged(f"absorb:{self._number}"), NUDGE_EVERY)
        pipeline.getdel(turned_away(self._number))
        pipeline.xlen(self._stream)
        _, came, left = pipeline.execute()
        return bool(left) and (bool(came) or not self._end_seen)


@contextmanager
def held_partition(redis: Redis, number: int) -> Iterator[StreamPartition | None]:
    """A partition under this worker's lease, or None while another worker holds it."""
    lock = redis.lock(lease(number), timeout=LEASE, blocking=False)
    if not _taken(lock, redis, number):
        yield None
        return
    try:
        redis.pexpire(nudged(f"absorb:{number}"), NUDGE_EVERY)
        yield StreamPartition(redis, number, lock)
    finally:
        # Silent too long, and another worker holds it now: what was done twice, the database counts once.
        with suppress(LockError):
            lock.release()


def _taken(lock: Lock, redis: Redis, number: int) -> bool:
    """Whether the lease is ours now; if not, its holder will find that we came.

    A holder who put it down meanwhile may not have found it, so it is tried once more.
    """
    if lock.acquire():
        return True
    redis.set(turned_away(number), 1, px=int(1_000 * LEASE))
    return bool(lock.acquire())


class Ahead:
    """What may not wait behind other events; fulfils `ports.Partition`.

    Every worker that sends reads it, under no lease: what two of them absorb at once, the database counts once. The same events lie
    in their partitions, too: a short cut, and no second truth. `read` raises Unavailable when Redis does not answer.
    """

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def read(self, limit: int) -> Sequence[Entry]:
        try:
            found: Any = self._redis.xrange(AHEAD, count=limit)
        except RedisError as error:
            raise Unavailable("Redis does not say who has just unsubscribed; the messages stay queued") from error
        return [Entry(_text(id_), fields.get(FIELD, b""), 1) for id_, fields in found]

    def done(self, ids: Iterable[str]) -> None:
        self._redis.xdel(AHEAD, *ids)

    def park(self, entry: Entry, reason: str, at: datetime) -> None:
        pipeline = self._redis.pipeline(transaction=True)
        pipeline.xadd(DEAD, _letter(entry, reason, at, partition=0))
        pipeline.xdel(AHEAD, entry.id)
        pipeline.execute()


def _letter(entry: Entry, reason: str, at: datetime, partition: int) -> dict[Any, Any]:
    return {FIELD: entry.body, "reason": reason, "at": at.isoformat(), "partition": partition, "entry": entry.id}


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
