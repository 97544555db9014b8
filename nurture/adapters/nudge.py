"""Wakes tasks through Celery."""

from typing import Final

import redis
import structlog
from celery import Celery
from kombu.exceptions import KombuError

from nurture.adapters.broker import ENOUGH, ROUTES, TRANSPORT, configuration, queue_key, task_name
from nurture.adapters.tracing import NO_TRACES, Traces

#: Seconds that a nudge may wait for Redis: to connect, and for an answer.
PATIENCE: Final = 1.0


class CeleryNudge:
    """Fulfils `ports.Nudge`: publishes a Celery message that carries no business payload.

    Safe to call from several threads and after a fork. Connects at the first call. While Redis is away a call takes up to
    about two seconds and has no effect.
    """

    def __init__(self, redis_url: str, traces: Traces = NO_TRACES) -> None:
        transport = TRANSPORT | {
            "socket_timeout": PATIENCE,
            "socket_connect_timeout": PATIENCE,
            "max_retries": 1,
            "interval_start": 0,
        }
        self._celery = Celery("nudge", broker=redis_url, set_as_current=False)
        self._celery.conf.update(
            configuration(), broker_transport_options=transport, broker_connection_timeout=PATIENCE, broker_pool_acquire_timeout=PATIENCE,
        )  # fmt: skip
        self._traces = traces
        self._redis = redis.Redis.from_url(redis_url, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE, retry=None)

    def __call__(self, task: str, partition: int | None = None) -> None:
        queue = ROUTES[task]
        try:
            if self._redis.llen(queue_key(queue)) < ENOUGH:
                arguments = [] if partition is None else [partition]
                self._celery.send_task(task_name(task), arguments, queue=queue, retry=False, headers=dict(self._traces.carried()))
        except (redis.RedisError, KombuError, OSError) as error:
            structlog.get_logger(__name__).debug("nudge lost", task=task, partition=partition, error=str(error))

    def close(self) -> None:
        """Close its connections; a later call opens them again."""
        self._celery.close()
        self._redis.close()
