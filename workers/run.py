"""Running a worker and beat in this process, until a signal ends them."""

import os
import platform
import warnings
from collections.abc import Sequence
from typing import Any

from nurture.settings import Settings
from workers.app import make_app
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
    worker.start()
    return int(worker.exitcode or 0)


def run_beat(settings: Settings) -> None:
    """Send the ticks. Two at once do no harm: a tick makes a worker look, and rows are claimed in the database."""
    app: Any = make_app(settings)
    app.Beat(scheduler_cls=Ticking, loglevel=settings.log_level, quiet=True).run()
