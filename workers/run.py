"""Running a worker and beat in this process, until a signal ends them."""

import os
import platform
import signal
import warnings
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from celery import signals

from nurture.adapters.database.engine import make_engine
from nurture.adapters.database.leasing import LeaseKeeper
from nurture.adapters.presence import Presence
from nurture.adapters.tether import tie_to_parent
from nurture.bootstrap import WorkerParts, settle_down
from nurture.settings import Settings
from workers.app import make_app
from workers.life import connect
from workers.schedule import Ticking


def run_worker(settings: Settings, queues: Sequence[str], concurrency: int) -> int:
    """Run the tasks of `queues` in `concurrency` processes; returns the exit code.

    SIGTERM and SIGINT stop it once the running tasks have ended, SIGQUIT at once.
    """
    # Celery warns that root may be harmed by pickle; we accept nothing but JSON.
    warnings.filterwarnings("ignore", message="You're running the worker with superuser privileges")
    app: Any = make_app(settings)
    worker = app.Worker(
        hostname=f"{'+'.join(queues)}.{os.getpid()}@{platform.node()}",
        queues=list(queues), concurrency=concurrency, pool_cls="prefork", loglevel=settings.log_level, quiet=True,
        # Workers need not know each other: what they share is in the database. The heartbeat is what Flower knows them by.
        without_gossip=True, without_mingle=True, without_heartbeat=False,
    )  # fmt: skip
    # What is loaded before the fork lies in memory once for all processes of the pool, as long as nobody writes to it.
    WorkerParts(settings, queues).load_ahead()
    settle_down()
    _end_pool_with_worker()
    worker.start()
    return int(worker.exitcode or 0)


def _end_pool_with_worker() -> None:
    """Let no process of the pool outlive this one.

    Celery has the kernel see to that, but does not ask whether the worker died before the kernel was told. Such a child would wait for ever:
    the children of a pool hold each other's pipes open.
    """
    worker = os.getpid()

    def tie(**_told: Any) -> None:
        tie_to_parent(worker, signal.SIGKILL)

    signals.worker_process_init.connect(tie, weak=False, dispatch_uid="nurture.run.tie")


def run_beat(settings: Settings) -> None:
    """Send the ticks. Of several beats one does; two at once would do no harm, for a tick makes a worker look, and rows are claimed."""
    app: Any = make_app(settings)
    holder = f"{platform.node()[:64]}:{os.getpid()}:{os.urandom(3).hex()}"
    app.lease = LeaseKeeper(make_engine(settings.database, pool_size=1), "beat", holder, lambda: datetime.now(UTC))
    app.lease.start()
    Presence(connect(settings.redis), "beat").keep_telling()
    app.Beat(scheduler_cls=Ticking, loglevel=settings.log_level, quiet=True).run()
