"""Celery beat: it sends nothing but ticks that may be lost, doubled or late, for every wait is a `due_at` in the database."""

import time
from contextlib import suppress
from typing import Any, Final

import redis
from celery.beat import ScheduleEntry, Scheduler, SchedulingError
from structlog import get_logger

from nurture.adapters import redis_keys
from nurture.adapters.broker import ENOUGH, ROUTES, queue_key, task_name
from workers.life import connect
from workers.pulse import Pulse

#: The tasks beat wakes, and every how many sweeps.
TICKS: Final = {
    "sweep": 1,
    "recount": 5,
    "advance": 1,
    "send": 1,
    "hand_off": 1,
    "follow_up": 10,
    "cool": 60,
    "guard": 60,
    "fetch": 60,
    "survey": 10,
    "census": 900,
    "forget": 3_600,
}

#: Seconds between two signs of beat's life.
_TELL_EVERY: Final = 0.5

#: Seconds between two looks whether the lease is ours by now.
_STANDING_BY: Final = 0.2


def schedule(sweep_seconds: float) -> dict[str, dict[str, Any]]:
    """Beat's entries. A tick that no worker took within two intervals (at least 2 s) is dropped: newer ones wait behind it."""
    return {
        task: {
            "task": task_name(task),
            "schedule": sweep_seconds * sweeps,
            "options": {"queue": ROUTES[task], "expires": max(2.0, 2 * sweep_seconds * sweeps)},
        }
        for task, sweeps in TICKS.items()
    }


class Ticking(Scheduler):
    """Celery's in-memory scheduler, which says when it last ticked and lets nothing pile up while no worker runs.

    The persistent one keeps a file of when each entry last ran; for ticks that come every second that is one more thing to
    corrupt and nothing gained.

    While another beat holds the lease this one only stands by. Where nobody can say who holds it, both tick: a tick too many costs a
    look, none would cost hours.
    """

    def __init__(self, app: Any, **options: Any) -> None:
        self._redis = connect(app.settings.redis)
        self._told = 0.0
        self._lease = app.lease
        self._pulse = Pulse(self._redis, app.settings.partitions)
        super().__init__(app, **options)

    def tick(self, *args: Any, **options: Any) -> float:
        """Send what is due; the seconds until the next call. Zero means that more is due now."""
        if self._lease is not None and self._lease.standing() == "theirs":
            return _STANDING_BY
        wait = float(super().tick(*args, **options))
        if time.monotonic() - self._told > _TELL_EVERY:
            self._told = time.monotonic()
            with suppress(redis.RedisError):  # an old sign is what `nurture status` then sees, and rightly
                self._redis.set(redis_keys.BEAT, f"{time.time():.3f}")
            self._pulse.take()
        return wait

    def close(self) -> None:
        """End; another beat goes on at once."""
        super().close()
        if self._lease is not None:
            self._lease.stop()

    def apply_async(self, entry: ScheduleEntry, *args: Any, **options: Any) -> Any:
        """Send the entry's message, unless its queue holds plenty or Redis is away or full: the next tick is near."""
        try:
            waiting: Any = self._redis.llen(queue_key(ROUTES[str(entry.name)]))
            return super().apply_async(entry, *args, **options) if waiting < ENOUGH else None
        except (redis.RedisError, SchedulingError) as error:
            get_logger(__name__).debug("tick lost", task=entry.name, why=str(error).partition("\n")[0])
            return None
