"""Waiting for other processes without sleeping a guessed time, and time that a test moves by hand."""

import socket
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TypeVar

T = TypeVar("T")


def wait_until(predicate: Callable[[], T], timeout: float = 10.0, *, every: float = 0.01, what: str = "") -> T:
    """Ask `predicate` every `every` seconds until it is true and return its answer; fails the test after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while True:
        answer = predicate()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout} s for {what or repr(predicate)}; the last answer was {answer!r}")
        time.sleep(every)


def free_port() -> int:
    """A loopback port that nobody listens on just now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


class MovableClock:
    """A clock for in-process tests: it stands still until the test moves it."""

    def __init__(self, start: datetime = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)) -> None:
        self._now = start

    def now(self) -> datetime:
        return self._now

    def advance(self, by: timedelta) -> datetime:
        """Move on (or back) and return the new instant."""
        self._now += by
        return self._now

    def move_to(self, instant: datetime) -> None:
        self._now = instant
