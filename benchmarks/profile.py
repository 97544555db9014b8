"""Where the engine's processor time goes: py-spy looks at its processes during a turn, and what it saw is told by room.

A room is a module of ours, a library, or a part of Python's own. A sample counts for the room whose line was running, so what a library
does for us stands under the library, and what is compiled under whoever called it. Who waits is not sampled, and what is imported at
the start is left out. Beside it stands what the servers had of the processor in the same turn, which py-spy cannot look into.

py-spy (Ben Frederickson, github.com/benfred/py-spy) reads the memory of a running process from outside, which needs the right to trace it.
"""

import os
import re
import signal
import subprocess
import sys
import sysconfig
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from benchmarks.laboratory import Laboratory
from benchmarks.machine import cpu_seconds
from tests.support.waiting import wait_until

#: How many rooms are told.
MOST: Final = 12

#: The module by which the engine's processes are started; what is started by any other is not looked at.
ENGINE: Final = "nurture.cli.main"

OURS: Final = ("nurture", "workers")

_STARTING: Final = "<frozen importlib"

_PATIENCE: Final = 20.0

#: `function (file:line)`; without its line where none is known.
_FRAME: Final = re.compile(r".* \((?P<file>[^()]+?)(?::\d+)?\)")


class NoProfileError(Exception):
    """Nobody may look at the process, or nobody can. The message says why, in one line."""


@dataclass(frozen=True)
class Profile:
    """Shares of the samples by room, the largest first; seconds of processor time by who had them, if that is known; or why nothing is known."""

    shares: dict[str, float] = field(default_factory=dict)
    samples: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    remark: str = ""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def room_of(frame: str) -> str:
    """Whose line a frame of py-spy's is: a module of ours such as `nurture.flow.absorb`, a package, or a part of Python's own library."""
    found = _FRAME.fullmatch(frame)
    if found is None:
        return "elsewhere"
    *folders, module = found["file"].replace("\\", "/").removesuffix(".py").split("/")
    parts = [*folders, *([] if module == "__init__" else [module])]
    if parts[0] in OURS:
        return ".".join(parts)
    return f"Python: {parts[0]}" if parts[0] in sys.stdlib_module_names or parts[0].startswith("<") else parts[0]


def fold(lines: Iterable[str], *, through: str = "") -> Counter[str]:
    """Samples by room, of py-spy's raw lines (`frame;frame;frame number`, the innermost last); only of stacks that hold `through`."""
    rooms = Counter[str]()
    for line in lines:
        stack, _, number = line.strip().rpartition(" ")
        # A line without a number was cut off: py-spy ends when what it looks at does.
        if stack and number.isdecimal() and through in stack and _STARTING not in stack:
            rooms[room_of(stack.rpartition(";")[2])] += int(number)
    return rooms


def shares(rooms: Counter[str]) -> dict[str, float]:
    """What share each of the largest rooms has, and what is left for all others."""
    total = rooms.total()
    told = {room: number / total for room, number in rooms.most_common(MOST)}
    rest = len(rooms) - len(told)
    return told | ({f"{rest} others": 1 - sum(told.values())} if rest else {})


@contextmanager
def sampled(pid: int, kept: Path, *options: str) -> Iterator[None]:
    """Let py-spy look at a process while the block lasts, and write what it saw to `kept`. Raises NoProfileError before the block."""
    spy = _attached(pid, kept, options)
    try:
        yield
    finally:
        _end(spy)


def _attached(pid: int, kept: Path, options: Sequence[str]) -> subprocess.Popen[bytes]:
    """A py-spy that samples. A process may be too young to be looked at: then it is tried again."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        spy, said = _tried(pid, kept, options)
        if spy.poll() is None:
            return spy
        if "ermission" in said or time.monotonic() > deadline or not _lives(pid):
            why = next(filter(str.strip, said.splitlines()), "it said nothing")
            raise NoProfileError(f"py-spy could not look at the process: {why}")


def _tried(pid: int, kept: Path, options: Sequence[str]) -> tuple[subprocess.Popen[bytes], str]:
    """A py-spy once it samples or has given up, and what it said. It stops nobody for a sample: that would change what is measured."""
    program, log = Path(sysconfig.get_path("scripts")) / "py-spy", kept.with_suffix(".log")
    words = ["record", "--pid", str(pid), "--nonblocking", "--format", "raw", "--output", str(kept), *options]
    with log.open("wb") as stream:
        try:
            spy = subprocess.Popen([program, *words], stdin=subprocess.DEVNULL, stdout=stream, stderr=stream)
        except FileNotFoundError:
            raise NoProfileError("py-spy is not installed") from None
    wait_until(lambda: spy.poll() is not None or b"Sampling" in log.read_bytes(), 60, what="py-spy to sample")
    return spy, log.read_text(encoding="utf-8", errors="replace")


def _lives(pid: int) -> bool:
    return Path(f"/proc/{pid}/exe").exists()


def _end(spy: subprocess.Popen[bytes]) -> None:
    if spy.poll() is None:
        spy.send_signal(signal.SIGINT)
    try:
        spy.wait(60)
    except subprocess.TimeoutExpired:
        spy.kill()
        spy.wait()


class Watch:
    """Looks at each process of the engine for as long as it is measured, and at this one, for some figures let the engine work in it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._own = folder / "own.raw"
        self._engine: list[Path] = []
        self.refused = ""
        self.engine_seconds = 0.0

    @contextmanager
    def of(self, module: Sequence[str], pid: int) -> Iterator[None]:
        """Look at a process that was started as `python -m module` and at its children while the block lasts, if it is the engine's."""
        if module[0] != ENGINE:
            yield
            return
        self._engine.append(self._folder / f"engine-{len(self._engine)}.raw")
        with self._looking(pid, self._engine[-1], "--subprocesses"):
            try:
                yield
            finally:
                self.engine_seconds += cpu_seconds(pid)

    @contextmanager
    def of_this_process(self) -> Iterator[None]:
        """Look at this process and its children as well while the block lasts."""
        with self._looking(os.getpid(), self._own, "--subprocesses"):
            yield

    @contextmanager
    def _looking(self, pid: int, kept: Path, *options: str) -> Iterator[None]:
        with ExitStack() as stack:
            try:
                stack.enter_context(sampled(pid, kept, *options))
            except NoProfileError as refused:
                self.refused = str(refused)
            yield

    def rooms(self) -> Counter[str]:
        """Samples by room: of the engine's processes, or of what this one did of the engine's work if there were none."""
        if self._engine:
            return sum((fold(_lines(each)) for each in self._engine), Counter[str]())
        return fold(_lines(self._own), through="(nurture/")


def _lines(raw: Path) -> list[str]:
    return raw.read_text(encoding="utf-8").splitlines() if raw.exists() else []


def profile(laboratory: Laboratory, turn: Callable[[], object]) -> Profile:
    """Let a turn be played once more, and say where its processor time went: of the processes of the engine that it started, or where
    there are none, of what this process and its children did of the engine's work.
    """
    folder = laboratory.folder / f"profile-{time.monotonic_ns()}"
    folder.mkdir()
    watch = Watch(folder)
    servers = {"PostgreSQL": laboratory.postgres.pid, "Redis": laboratory.redis.pid}
    before = {name: cpu_seconds(pid) for name, pid in servers.items()}
    with laboratory.watched_by(watch.of), watch.of_this_process():
        turn()
    rooms, seconds = watch.rooms(), dict[str, float]()
    if watch.engine_seconds:  # what this process had is not only the engine's
        seconds = {"engine": watch.engine_seconds, **{name: cpu_seconds(pid) - before[name] for name, pid in servers.items()}}
    if not rooms:
        return Profile(seconds=seconds, remark=watch.refused or "py-spy saw nothing of the engine")
    return Profile(shares(rooms), rooms.total(), seconds)
