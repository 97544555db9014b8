"""Beat takes the engine's pulse."""

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import redis

from nurture.adapters.pulse import EVERY, answered, ask, note

#: Beat's loop is called more often than this, so that samples do not come late.
_ENOUGH: Final = EVERY - 0.05


class Pulse:
    """Takes a sample every few seconds; while Redis is away there is none, and none is made up for afterwards."""

    def __init__(self, client: redis.Redis, partitions: int, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._redis = client
        self._monotonic = monotonic
        self._partitions = partitions
        self._taken = -EVERY

    def take(self) -> None:
        """Take a sample if it is time; raises nothing."""
        now = self._monotonic()
        if now - self._taken < _ENOUGH:
            return
        self._taken = now
        with suppress(redis.RedisError):
            asked = self._redis.pipeline(transaction=False)
            ask(asked, self._partitions)
            sample = answered(asked.execute(raise_on_error=False))
            kept = self._redis.pipeline(transaction=True)
            note(kept, sample)
            kept.execute()
