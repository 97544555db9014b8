"""Signs of life: what `nurture status` and `nurture top` read to know which workers there are, what they do, and whether beat ticks."""

import json
import os
import socket
import time
from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import redis
import structlog
from billiard.pool import EX_OK, EX_RECYCLE
from billiard.process import current_process
from celery import bootsteps, signals

from nurture import __version__
from nurture.adapters import redis_keys
from workers.board import Board, Running, Slot

#: Seconds between two signs, and after which a silent worker counts as gone.
EVERY: Final = 2.0
LIFETIME: Final = 15

#: Over how many seconds a worker's being busy is measured.
BUSY_OVER: Final = 10.0

#: Every how many signs memory is measured: the kernel walks through all pages for it.
_MEMORY_EVERY: Final = 5

#: A name is forgotten that nobody has borne for so many seconds; far more than clocks of two machines may differ.
_FORGOTTEN: Final = 3_600


def connect(url: str) -> redis.Redis:
    """A client that never holds up the loop it is called from for long."""
    return redis.Redis.from_url(url, socket_timeout=1, socket_connect_timeout=1, retry=None)


class SignOfLife(bootsteps.StartStopStep):
    """Writes the worker's hash every few seconds from the worker's own loop: if the loop hangs, the signs end.

    Fields: host, pid, queues (with commas), concurrency, started and seen (seconds since 1970), busy (the share of the last ten
    seconds that its processes ran tasks, 0 to 1), tasks (JSON: those that run), memory (bytes of all its processes; empty where
    the system does not tell), restarts (pool processes that died since its start), version (of the engine).
    """

    requires = ("celery.worker.components:Timer", "celery.worker.components:Pool")  # alive means able to run a task

    def __init__(self, worker: Any, **options: Any) -> None:
        super().__init__(worker, **options)
        self._redis = connect(worker.app.settings.redis)
        self._name = str(worker.hostname)
        self._key = redis_keys.worker(self._name)
        self._started = time.time()
        self._timer: Any = None
        self._board = Board(worker.concurrency)  # now, for the pool's processes are forked when the steps start
        _watch_tasks(self._board)
        self._busy = Busy(worker.concurrency)
        self._memory: int | None = None
        self._signs = 0

    def start(self, parent: Any) -> None:
        self._tell(parent)
        self._timer = parent.timer.call_repeatedly(EVERY, self._tell, (parent,))

    def stop(self, parent: Any) -> None:  # noqa: ARG002  # Celery's signature
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        with suppress(redis.RedisError):  # it expires by itself
            pipeline = self._redis.pipeline(transaction=True)
            pipeline.delete(self._key)
            pipeline.zrem(redis_keys.WORKERS, self._name)
            pipeline.execute()
        self._redis.close()

    terminate = stop

    def _tell(self, worker: Any) -> None:
        pool = [int(pid) for pid in worker.pool.info["processes"] if pid is not None]
        if self._signs % _MEMORY_EVERY == 0:
            self._memory = memory_of([os.getpid(), *pool])
        self._signs += 1
        now = time.time()
        sign: dict[Any, Any] = {
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "queues": ",".join(sorted(worker.app.amqp.queues.consume_from)),
            "concurrency": worker.concurrency,
            "started": f"{self._started:.3f}",
            "seen": f"{now:.3f}",
            "busy": f"{self._busy.share(time.monotonic(), self._board.busy_seconds(pool)):.3f}",
            "tasks": json.dumps([told(each) for each in self._board.running(pool)]),
            "memory": "" if self._memory is None else self._memory,
            "restarts": self._board.deaths,
            "version": __version__,
        }
        try:
            pipeline = self._redis.pipeline(transaction=True)
            pipeline.hset(self._key, mapping=sign)
            pipeline.expire(self._key, LIFETIME)
            pipeline.zadd(redis_keys.WORKERS, {self._name: now})
            pipeline.zremrangebyscore(redis_keys.WORKERS, "-inf", now - _FORGOTTEN)
            pipeline.execute()
        except redis.RedisError as error:
            structlog.get_logger(__name__).debug("no sign of life", error=str(error))


class Busy:
    """How busy a pool of `size` processes was lately."""

    def __init__(self, size: int) -> None:
        self._size = max(size, 1)
        self._past: deque[tuple[float, float]] = deque()

    def share(self, now: float, busy_seconds: float) -> float:
        """The share of the last seconds; `busy_seconds` is what all processes have worked until `now` (both in seconds)."""
        self._past.append((now, busy_seconds))
        while len(self._past) > 2 and self._past[1][0] <= now - BUSY_OVER:  # noqa: PLR2004  # two make a span
            self._past.popleft()
        since, before = self._past[0]
        possible = (now - since) * self._size
        return min(1.0, max(0.0, (busy_seconds - before) / possible)) if possible > 0 else 0.0


def told(running: Running) -> dict[str, Any]:
    """A running task as the sign of life tells it. `batch` is the number of the batch that it works on, from 1."""
    return {
        "task": running.task.removeprefix("nurture."), "since": round(running.since, 3), "batch": running.batches + 1,
        "about": running.about, "rows": running.rows,
    }  # fmt: skip


def memory_of(pids: Iterable[int]) -> int | None:
    """The bytes that processes hold, shared pages counted once (PSS of Linux); None where the system does not tell."""
    found = [kilobytes for pid in pids if (kilobytes := _kilobytes(pid)) is not None]
    return 1_024 * sum(found) if found else None


def _kilobytes(pid: int) -> int | None:
    try:
        with Path(f"/proc/{pid}/smaps_rollup").open() as lines:
            return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), None)
    except OSError:  # another system, or the process has just ended
        return None


# What follows runs in the processes of the pool. A process is known to its own functions only, so its slot is kept by the module.
_slots: list[Slot] = []


def batch_done(rows: int) -> None:
    """The task that runs in this process has done another batch. Outside a pool's process nothing happens."""
    for slot in _slots:
        slot.batch(rows)


def goes_on_with(task: str) -> None:
    """The process goes on with another task, without a message of its own. Outside a pool's process nothing happens."""
    for slot in _slots:
        slot.end()
        slot.begin(task, "")


def _watch_tasks(board: Board) -> None:
    def born(**_told: Any) -> None:
        _slots[:] = [board.slot(getattr(current_process(), "index", 0))]
        _slots[0].born()

    signals.worker_process_init.connect(born, weak=False, dispatch_uid="nurture.life.born")
    signals.worker_process_shutdown.connect(_ended, weak=False, dispatch_uid="nurture.life.ended")
    signals.task_prerun.connect(_begins, weak=False, dispatch_uid="nurture.life.begins")
    signals.task_postrun.connect(_ends, weak=False, dispatch_uid="nurture.life.ends")


def _ended(exitcode: int | None = None, **_told: Any) -> None:
    for slot in _slots if exitcode in (EX_OK, EX_RECYCLE) else ():
        slot.ended()


def _begins(task: Any = None, args: Sequence[Any] = (), **_told: Any) -> None:
    for slot in _slots:
        slot.begin(str(task.name), " ".join(str(each) for each in args or ()))


def _ends(**_told: Any) -> None:
    for slot in _slots:
        slot.end()
