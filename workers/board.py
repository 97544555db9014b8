"""The board: what each process of a worker's pool does just now, in memory that they share.

A pool process is another process than the worker that tells of it. So the worker makes a piece of shared memory before it forks;
each process writes into its own slot, and nobody locks anything: a slot has one writer, and a field is written at once. What a
killed process leaves in its slot is known for old because its pid is no longer among the pool's.
"""

import mmap
import os
import struct
import time
from collections.abc import Collection, Iterator
from typing import Final, NamedTuple

#: pid, when the running task began (monotonic seconds; 0: none runs), seconds that ended tasks took, whether the process has not
#: ended in order yet, how many died before it, batches that the running task has done, what they held, its name, what it is about.
_SLOT: Final = struct.Struct("=qddqqqq48s48s")
_INTEGER, _REAL, _TEXT = struct.Struct("=q"), struct.Struct("=d"), struct.Struct("=48s")
_PID, _BEGAN, _BUSY, _LIVES, _DEATHS, _BATCHES, _ROWS, _TASK, _ABOUT = 0, 8, 16, 24, 32, 40, 48, 56, 104


class Running(NamedTuple):
    """A task that runs: its name, what it is about (such as a partition; often nothing), since when (seconds since 1970), and how many
    batches of how many rows it has done so far.
    """

    task: str
    about: str
    since: float
    batches: int
    rows: int


class Board:
    """The slots of a pool of `size` processes."""

    def __init__(self, size: int) -> None:
        self._memory = mmap.mmap(-1, _SLOT.size * max(size, 1))
        self._size = max(size, 1)

    def slot(self, index: int) -> "Slot":
        """The slot of the pool's process number `index`."""
        return Slot(self._memory, _SLOT.size * (index % self._size))

    def running(self, alive: Collection[int]) -> list[Running]:
        """The tasks that run in processes which are alive."""
        skew = time.time() - time.monotonic()
        return [
            Running(_read(task), _read(about), began + skew, batches, rows)
            for pid, began, _, _, _, batches, rows, task, about in self._slots()
            if began and pid in alive
        ]

    def busy_seconds(self, alive: Collection[int]) -> float:
        """For how long the processes have run tasks, all together, since the board was made."""
        now = time.monotonic()
        return sum(busy + (now - began if began and pid in alive else 0.0) for pid, began, busy, *_ in self._slots())

    @property
    def deaths(self) -> int:
        """How many processes died, as far as others have taken their places. One that ended in order, as after many tasks, did not die."""
        return sum(deaths for _, _, _, _, deaths, *_ in self._slots())

    def _slots(self) -> Iterator[tuple[int, float, float, int, int, int, int, bytes, bytes]]:
        for index in range(self._size):
            yield _SLOT.unpack_from(self._memory, _SLOT.size * index)


class Slot:
    """One process's place on the board, as that process writes it."""

    def __init__(self, memory: mmap.mmap, offset: int) -> None:
        self._memory, self._offset = memory, offset

    def born(self) -> None:
        """A process took the slot; a task that the last one left there no longer runs."""
        self._put(_REAL, _BEGAN, 0.0)
        if self._get(_INTEGER, _LIVES):
            self._add(_DEATHS)
        self._put(_INTEGER, _LIVES, 1)
        self._put(_INTEGER, _PID, os.getpid())

    def ended(self) -> None:
        """The process ends in order."""
        self._put(_REAL, _BEGAN, 0.0)
        self._put(_INTEGER, _LIVES, 0)

    def begin(self, task: str, about: str) -> None:
        """A task begins."""
        self._put(_REAL, _BEGAN, 0.0)
        self._put(_TEXT, _TASK, task.encode())
        self._put(_TEXT, _ABOUT, about.encode())
        self._put(_INTEGER, _BATCHES, 0)
        self._put(_INTEGER, _ROWS, 0)
        self._put(_REAL, _BEGAN, time.monotonic())

    def end(self) -> None:
        """The task has ended, whatever came of it."""
        began = self._get(_REAL, _BEGAN)
        if began:
            self._put(_REAL, _BEGAN, 0.0)
            self._put(_REAL, _BUSY, self._get(_REAL, _BUSY) + time.monotonic() - began)

    def batch(self, rows: int) -> None:
        """The running task has done another batch."""
        self._add(_BATCHES)
        self._add(_ROWS, rows)

    def _add(self, field: int, n: int = 1) -> None:
        self._put(_INTEGER, field, n + int(self._get(_INTEGER, field)))

    def _get(self, kind: struct.Struct, field: int) -> float:
        value: float = kind.unpack_from(self._memory, self._offset + field)[0]
        return value

    def _put(self, kind: struct.Struct, field: int, value: float | bytes) -> None:
        kind.pack_into(self._memory, self._offset + field, value)


def _read(text: bytes) -> str:
    return text.partition(b"\0")[0].decode(errors="replace")
