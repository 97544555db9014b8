"""Without beat the engine goes on, more slowly: workers see that it is silent, and one of them sweeps in its place."""

from collections.abc import Iterator
from typing import Any, Final

import redis
import structlog
from celery import bootsteps

from nurture.adapters import redis_keys
from nurture.adapters.broker import BEAT_SILENT
from nurture.adapters.counters import Counters
from nurture.adapters.nudge import CeleryNudge
from nurture.adapters.presence import EVERY as PRESENCE_EVERY
from nurture.adapters.presence import Presence
from workers.life import connect
from workers.schedule import TICKS

#: How often workers look, in seconds, at least.
LOOK_EVERY: Final = 1.0

log = structlog.get_logger("nurture.workers")


class Standby(bootsteps.StartStopStep):
    """Tells that this worker is there and of which version, and stands in for beat while that is silent.

    `nurture status` goes on to say that beat is away: nothing here says that it ticks.
    """

    requires = ("celery.worker.components:Timer", "celery.worker.components:Pool")

    def __init__(self, worker: Any, **options: Any) -> None:
        super().__init__(worker, **options)
        settings = worker.app.settings
        self._redis = connect(settings.redis)
        self._presence = Presence(self._redis, "worker")
        self._sweeper = Sweeper(self._redis, CeleryNudge(settings.redis), settings.sweep_seconds)
        self._timers: list[Any] = []

    def start(self, parent: Any) -> None:
        self._presence.tell()
        self._timers = [
            parent.timer.call_repeatedly(PRESENCE_EVERY, self._presence.tell),
            parent.timer.call_repeatedly(self._sweeper.every, self._sweeper.look),
        ]

    def stop(self, parent: Any) -> None:  # noqa: ARG002  # Celery's signature
        for timer in self._timers:
            timer.cancel()
        self._timers = []
        self._presence.stop()
        self._redis.close()

    terminate = stop


class Sweeper:
    """Wakes what beat would have woken, if nobody else has done so lately."""

    def __init__(self, client: redis.Redis, nudge: CeleryNudge, sweep_seconds: float) -> None:
        self.every = max(LOOK_EVERY, sweep_seconds)
        self._redis, self._nudge = client, nudge
        self._since: float | None = None
        self._standing_in = False

    def look(self) -> None:
        """See whether beat is silent, and if so sweep; while Redis is away there is nobody to wake."""
        try:
            now, silent = self._silence()
            if not silent:
                self._standing_in = False
                return
            # Of all workers one sweeps. A little less than the time until the next look, lest every other one be left out.
            if not self._redis.set(redis_keys.SWEPT, "1", nx=True, px=int(self.every * 900)):
                return
        except redis.RedisError:
            return
        if not self._standing_in:
            self._standing_in = True
            log.warning("beat is silent; this worker sweeps in its place", silent_seconds=round(silent))
        for task in due(now, self.every):
            self._nudge(task)
        Counters(self._redis).add("sweeps_without_beat")

    def _silence(self) -> tuple[float, float]:
        """The time by Redis's clock, and for how long beat has been silent; zero while that is not long.

        Where beat has never ticked, or Redis was emptied, its silence begins when this worker first looks.
        """
        pipeline = self._redis.pipeline(transaction=False)
        pipeline.time()
        pipeline.get(redis_keys.BEAT)
        (seconds, micros), told = pipeline.execute()
        now = seconds + micros / 1e6
        if self._since is None or told is not None:
            self._since = now if told is None else float(told)
        silent = now - self._since
        return now, silent if silent > BEAT_SILENT else 0.0


def due(now: float, every: float) -> Iterator[str]:
    """The tasks that a sweep at `now` (seconds since 1970) wakes if sweeps come every `every` seconds.

    A function of the clock, so that workers who take turns need not tell each other.
    """
    for task, sweeps in TICKS.items():
        period = every * sweeps
        if now // period != (now - every) // period:
            yield task
