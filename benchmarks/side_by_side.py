"""The same work in several processes at once, timed from when all of them are ready until the last is done."""

import time
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.queues import SimpleQueue
from multiprocessing.synchronize import Barrier
from typing import Final, NamedTuple, TypeVar

from benchmarks.laboratory import WrongResultError

PROCESSES: Final = 2

_T = TypeVar("_T")

#: How long a process waits for the others to be ready, in seconds.
_PATIENCE: Final = 120.0


class Together(NamedTuple):
    """What the processes did, summed up, and how long it took them, in seconds."""

    done: int
    seconds: float

    @property
    def rate(self) -> float:
        return self.done / self.seconds


def side_by_side(prepare: Callable[[_T, int], Callable[[], int]], argument: _T) -> Together:
    """Let each process prepare, which takes as long as it takes, and then do what that returned; it says how much that was.

    `prepare` is told which of the processes it is in. Raises WrongResultError when one of them fails.
    """
    context = get_context("spawn")
    start = context.Barrier(PROCESSES)
    told: SimpleQueue[tuple[int, float, float]] = context.SimpleQueue()
    processes = [context.Process(target=_part, args=(prepare, argument, share, start, told)) for share in range(PROCESSES)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    if any(process.exitcode for process in processes):
        raise WrongResultError("one of the processes that work side by side failed")
    parts = [told.get() for _ in processes]
    return Together(sum(done for done, _, _ in parts), max(ended for *_, ended in parts) - min(began for _, began, _ in parts))


def _part(
    prepare: Callable[[_T, int], Callable[[], int]], argument: _T, share: int, start: Barrier,
    told: SimpleQueue[tuple[int, float, float]],
) -> None:  # fmt: skip
    try:
        work = prepare(argument, share)
    except BaseException:
        start.abort()  # nobody need wait for us
        raise
    start.wait(_PATIENCE)
    began = time.monotonic()  # one clock for all processes
    done = work()
    told.put((done, began, time.monotonic()))
