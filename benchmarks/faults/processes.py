"""Processes as the kernel shows them (Linux)."""

import os
import signal
from contextlib import suppress
from pathlib import Path


def children(pid: int) -> list[int]:
    """The children of a process."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            found += [int(each) for each in task.read_text().split()]
    return found


def memory(pid: int) -> int:
    """The bytes of a process that are in memory; 0 when it is gone."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return 1024 * int(line.split()[1])
    return 0


def signal_all(pid: int, number: signal.Signals) -> None:
    """Send a signal to a process that leads a session and to all of its session."""
    with suppress(ProcessLookupError):
        os.killpg(pid, number)


def signal_one(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)
