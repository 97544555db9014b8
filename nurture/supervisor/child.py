"""One child process."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import IO

from nurture.adapters.tether import tethered
from nurture.supervisor.deaths import Deaths
from nurture.supervisor.output import Output


class Child:
    """A `nurture` command run as a process of its own session: it gets no Ctrl-C, and takes its own children along."""

    def __init__(self, name: str, arguments: Sequence[str], environ: Mapping[str, str], output: Output) -> None:
        self.name = name
        self._command = tethered([sys.executable, "-m", "nurture.cli.main", *arguments])
        self._environ = {**environ, "PYTHONUNBUFFERED": "1"}
        self._output = output
        self._deaths = Deaths()
        self._process: subprocess.Popen[bytes] | None = None
        self._started = 0.0
        self._start_at: float | None = None

    @property
    def pid(self) -> int | None:
        """Its process, None while there is none."""
        return None if self._process is None else self._process.pid

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        self._started, self._start_at = time.monotonic(), None
        self._process = subprocess.Popen(  # noqa: S603  # our own command
            self._command, env=self._environ, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip
        if self._process.stdout is not None:
            threading.Thread(target=self._pass_on, args=(self._process.stdout,), daemon=True, name=f"{self.name} output").start()

    def _pass_on(self, lines: IO[bytes]) -> None:
        with lines:
            for line in lines:
                text = line.decode(errors="replace").rstrip()
                if text:
                    self._output.line(self.name, text)

    def revive(self) -> bool:
        """Start it again if it has died and its pause is over; False when it died too often for another try."""
        if self._process is not None and not self.alive:
            code = self._process.returncode
            pause = self._deaths.pause_after(time.monotonic() - self._started, killed=code == -signal.SIGKILL)
            self._sweep()
            self._process = None
            if pause is None:
                return False
            self._output.note(self.name, f"ended with {_named(code)}; starts again in {pause:g} s", "warning")
            self._start_at = time.monotonic() + pause
        if self._start_at is not None and time.monotonic() >= self._start_at:
            self.start()
        return True

    def send(self, number: signal.Signals) -> None:
        """Send a signal, if there is a process to take it."""
        self._start_at = None
        if self._process is not None and self.alive:
            self._process.send_signal(number)

    def kill(self) -> None:
        """End it and its children at once."""
        if self._process is not None:
            self._sweep()
            self._process.wait()

    def _sweep(self) -> None:
        """End whatever is left of its session."""
        if self._process is not None:
            with suppress(ProcessLookupError, PermissionError):  # macOS says EPERM for a session of zombies
                os.killpg(self._process.pid, signal.SIGKILL)


def _named(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"


def stop(children: Iterable[Child], steps: Sequence[tuple[signal.Signals, float]], hurry: threading.Event) -> None:
    """Stop children together: each step is a signal and the seconds to wait for its effect; at last they are killed.

    When `hurry` is set nobody waits any longer.
    """
    children = list(children)
    for number, patience in steps:
        for child in children:
            child.send(number)
        deadline = time.monotonic() + patience
        while any(child.alive for child in children) and time.monotonic() < deadline and not hurry.is_set():
            time.sleep(0.02)
    for child in children:
        child.kill()
