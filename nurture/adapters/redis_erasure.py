"""What waits in Redis of people who are erased: events in every partition, dead letters, quarantined posts."""

from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

from redis import Redis
from redis.exceptions import LockError, RedisError

from nurture.adapters.redis_keys import DEAD, EVENTS, FIELD, GROUP, QUARANTINE, lease
from nurture.adapters.stream import LEASE
from nurture.domain.erasing import Traces
from nurture.errors import Unavailable

_PAGE: Final = 500

#: How long to wait for a worker that has events of theirs in its hand, in seconds: its turn and its lease are shorter.
PATIENCE: Final = 30.0


class Shelves:
    """Dead letters and quarantined posts; fulfils `flow.erase.Elsewhere`."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def remove(self, traces: Traces, *, dry_run: bool = False) -> Counter[str]:
        removed = Counter[str]()
        try:
            for kind, stream in (("dead_letters", DEAD), ("quarantined", QUARANTINE)):
                for ids in _theirs(self._redis, stream, traces):
                    removed[kind] += len(ids) if dry_run else int(self._redis.xdel(stream, *ids))
        except RedisError as error:
            raise Unavailable(f"Redis does not answer ({type(error).__name__}); start it, then erase again") from error
        return removed


class WaitingEvents:
    """The event stream; fulfils `flow.erase.Elsewhere`.

    An event that a worker has in its hand is absorbed all the same: then `remove` waits until that worker has put its partition
    down, so that whoever deletes rows afterwards finds what came of it.
    """

    def __init__(self, redis: Redis, patience: float = PATIENCE) -> None:
        self._redis = redis
        self._patience = patience

    def remove(self, traces: Traces, *, dry_run: bool = False) -> Counter[str]:
        removed = Counter[str]()
        try:
            for stream in sorted(self._redis.scan_iter(match=f"{EVENTS}*")):
                handed_out = 0
                for ids in _theirs(self._redis, stream, traces):
                    removed["waiting_events"] += len(ids)
                    handed_out += 0 if dry_run else self._delete(stream, ids)
                if handed_out:
                    self._wait_for(int(stream.decode().removeprefix(EVENTS)))
        except RedisError as error:
            raise Unavailable(f"Redis does not answer ({type(error).__name__}); start it, then erase again") from error
        return removed

    def _delete(self, stream: bytes, ids: list[bytes]) -> int:
        """Delete entries, and how many of them were handed out to a worker and not yet done."""
        pipeline = self._redis.pipeline(transaction=True)
        pipeline.xack(stream, GROUP, *ids)
        pipeline.xdel(stream, *ids)
        acknowledged, _ = pipeline.execute()
        return int(acknowledged)

    def _wait_for(self, partition: int) -> None:
        lock = self._redis.lock(lease(partition), timeout=LEASE, blocking_timeout=self._patience)
        if not lock.acquire():
            raise Unavailable(
                f"a worker has events of theirs in its hand and does not put partition {partition} down; erase again"
            )
        try:
            lock.release()
        except LockError:
            return  # the lease ran out, and another worker holds the partition now: the old batch is done in any case


def _theirs(redis: Redis, stream: str | bytes, traces: Traces) -> Iterator[list[bytes]]:
    """The ids of all entries of a stream that are of these people, a page at a time."""
    start = "-"
    while True:
        page: Any = redis.xrange(stream, min=start, count=_PAGE)
        ids = [id_ for id_, fields in page if traces.own_body(fields.get(FIELD, b""))]
        if ids:
            yield ids
        if len(page) < _PAGE:
            return
        start = f"({page[-1][0].decode()}"
