"""Counters that any process can add to and any can read: a hash in Redis, by the short names of `nurture.metrics`."""

import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import redis
import structlog

from nurture import metrics
from nurture.adapters import redis_keys


class Counters:
    """Counts that only grow, kept in Redis, so that any process can add to them and any can read them.

    They are named as in `nurture.metrics`: `messages_sent`, `task_runs{task="absorb"}`.
    """

    def __init__(self, client: redis.Redis) -> None:
        self._redis = client

    def add(self, name: str, n: float = 1) -> None:
        """Count; while Redis does not answer nothing is counted, for a figure is not worth the work it counts."""
        self.add_all({name: n})

    def add_all(self, counts: Mapping[str, float]) -> None:
        """Count several things in one round trip; the same holds."""
        pipeline = self._redis.pipeline(transaction=False)
        for name, n in counts.items():
            metrics.check(name)
            if isinstance(n, int):
                pipeline.hincrby(redis_keys.COUNTERS, name, n)
            else:
                pipeline.hincrbyfloat(redis_keys.COUNTERS, name, n)
        try:
            pipeline.execute()
        except redis.RedisError:
            structlog.get_logger(__name__).debug("not counted", names=sorted(counts))

    def read(self) -> dict[str, float]:
        """Every counter by name; raises redis.RedisError while Redis does not answer."""
        counted: Any = self._redis.hgetall(redis_keys.COUNTERS)
        return {_as_text(name): float(n) for name, n in counted.items()}


class Tally:
    """Counts of one process on their way to Redis: gathered, and written together, at most once in `every` seconds.

    Whoever is killed takes at most that much along. Belongs to one thread.
    """

    def __init__(self, counters: Counters, every: float = 1.0, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._counters, self._every, self._monotonic = counters, every, monotonic
        self._counts: Counter[str] = Counter()
        self._written = monotonic()

    def add(self, **counts: int) -> None:
        """Count things by name; nothing is written where nothing happened."""
        self.add_all(counts)

    def add_all(self, counts: Mapping[str, float]) -> None:
        """Count things by key."""
        for name, n in counts.items():
            if n:
                self._counts[name] += n  # type: ignore[assignment]  # seconds are counted, too
        if self._monotonic() - self._written >= self._every:
            self.flush()

    def flush(self) -> None:
        """Write what was gathered."""
        if self._counts:
            counts, self._counts = self._counts, Counter()
            self._counters.add_all(counts)
        self._written = self._monotonic()


def _as_text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
