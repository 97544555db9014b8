"""Work that is timed side by side is all done, and a process that fails is no fast one."""

import time
from collections.abc import Callable

import pytest

from benchmarks.laboratory import WrongResultError
from benchmarks.side_by_side import PROCESSES, side_by_side


def _prepare(amount: int, share: int) -> Callable[[], int]:
    if amount < 0 and share:
        raise ValueError
    return lambda: amount + share


def _prepare_for_long(seconds: float, _share: int) -> Callable[[], int]:
    time.sleep(seconds)
    return lambda: 1


def test_all_parts_are_summed_up() -> None:
    together = side_by_side(_prepare, 10)
    assert together.done == 10 + 11
    assert together.rate == together.done / together.seconds


def test_the_time_to_prepare_is_not_counted() -> None:
    began = time.monotonic()
    together = side_by_side(_prepare_for_long, 0.2)
    assert together.done == PROCESSES
    assert together.seconds <= time.monotonic() - began - 0.2


def test_who_fails_before_the_start_keeps_nobody_waiting_and_gives_no_figure() -> None:
    with pytest.raises(WrongResultError, match="failed"):
        side_by_side(_prepare, -1)
