"""Signs of life: what `nurture status` reads to know which workers there are and whether beat ticks."""

import os
import socket
import time
from contextlib import suppress
from typing import Any, Final

import redis
import structlog
from celery import bootsteps

from nurture.adapters import redis_keys

#: Seconds between two signs, and after which a silent worker counts as gone.
EVERY: Final = 5.0
LIFETIME: Final = 15


def connect(url: str) -> redis.Redis:
    """A client that never holds up the loop it is called from for long."""
    return redis.Redis.from_url(url, socket_timeout=1, socket_connect_timeout=1, retry=None)


class SignOfLife(bootsteps.StartStopStep):
    """Writes the worker's hash every few seconds from the worker's own loop: if the loop hangs, the signs end.

    Fields: host, pid, queues (with commas), concurrency, started and seen (seconds since 1970).
    """

    requires = ("celery.worker.components:Timer", "celery.worker.components:Pool")  # alive means able to run a task

    def __init__(self, worker: Any, **options: Any) -> None:
        super().__init__(worker, **options)
        self._redis = connect(worker.app.settings.redis)
        self._key = redis_keys.worker(worker.hostname)
        self._started = time.time()
        self._timer: Any = None

    def start(self, parent: Any) -> None:
        self._tell(parent)
        self._timer = parent.timer.call_repeatedly(EVERY, self._tell, (parent,))

    def stop(self, parent: Any) -> None:  # noqa: ARG002  # Celery's signature
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        with suppress(redis.RedisError):  # it expires by itself
            self._redis.delete(self._key)
        self._redis.close()

    terminate = stop

    def _tell(self, worker: Any) -> None:
        sign: dict[Any, Any] = {
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "queues": ",".join(sorted(worker.app.amqp.queues.consume_from)),
            "concurrency": worker.concurrency,
            "started": f"{self._started:.3f}",
            "seen": f"{time.time():.3f}",
        }
        try:
            pipeline = self._redis.pipeline(transaction=True)
            pipeline.hset(self._key, mapping=sign)
            pipeline.expire(self._key, LIFETIME)
            pipeline.execute()
        except redis.RedisError as error:
            structlog.get_logger(__name__).debug("no sign of life", error=str(error))
