"""Every run of a task is counted and timed; what its batches came to is written along with it."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from nurture.adapters.counters import Tally
from nurture.metrics import sample_key


@contextmanager
def counted(task: str, tally: Tally, monotonic: Callable[[], float] = time.monotonic) -> Iterator[None]:
    """Count a run of `task`, however it ends, and write all that was counted meanwhile."""
    began = monotonic()
    failed = True
    try:
        yield
        failed = False
    finally:
        tally.add_all({
            sample_key("task_runs", task=task): 1,
            sample_key("task_seconds", task=task): monotonic() - began,
            sample_key("task_failures", task=task): int(failed),
        })  # fmt: skip
        tally.flush()
