"""Processes of the engine are killed, ended, doubled and held still."""

import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from benchmarks.faults.fault import Fault
from benchmarks.faults.processes import children, signal_all, signal_one
from benchmarks.faults.scene import CONNECTIONS, IN_DOUBT, Scene

_WORKERS = ("worker-events", "worker-mail")


@contextmanager
def _killed(scene: Scene, _chance: random.Random, *, name: str) -> Iterator[None]:
    if name == "worker-mail":
        scene.doubt(IN_DOUBT)
    signal_one(scene.pid(name), signal.SIGKILL)
    yield


@contextmanager
def _whole_worker_killed(scene: Scene, chance: random.Random) -> Iterator[None]:
    """A worker and all its processes at once, as when the kernel is short of memory."""
    name = chance.choice(_WORKERS)
    if name == "worker-mail":
        scene.doubt(IN_DOUBT)
    signal_all(scene.pid(name), signal.SIGKILL)
    yield


@contextmanager
def _child_killed(scene: Scene, chance: random.Random) -> Iterator[None]:
    name = chance.choice(_WORKERS)
    if found := children(scene.pid(name)):
        if name == "worker-mail":
            scene.doubt(CONNECTIONS)
        signal_one(chance.choice(found), signal.SIGKILL)
    yield


@contextmanager
def _told_to_end(scene: Scene, chance: random.Random) -> Iterator[None]:
    """SIGTERM, as a deployment does: what runs is brought to its end, so nothing may be in doubt."""
    signal_one(scene.pid(chance.choice(_WORKERS)), signal.SIGTERM)
    yield


@contextmanager
def _two_beats(scene: Scene, _chance: random.Random) -> Iterator[None]:
    with (scene.folder / "second-beat.log").open("ab") as log:
        second = subprocess.Popen(
            [sys.executable, "-m", "nurture.cli.main", "beat"],
            env=scene.environ,
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
        )
    try:
        yield
    finally:
        second.terminate()
        try:
            second.wait(20)
        except subprocess.TimeoutExpired:
            second.kill()
            second.wait()


@contextmanager
def _held_still(scene: Scene, _chance: random.Random, *, names: tuple[str, ...]) -> Iterator[None]:
    """A machine that swaps, a virtual one that is moved: processes stand still, and go on as if nothing had been."""
    pids = [scene.pid(name) for name in names]
    for pid in pids:
        signal_all(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            signal_all(pid, signal.SIGCONT)


FAULTS = (
    Fault("web process killed (SIGKILL)", partial(_killed, name="web"), weight=1.5, is_blow=True),
    Fault("beat killed (SIGKILL)", partial(_killed, name="beat"), is_blow=True),
    Fault(
        "worker of events killed, its children left (SIGKILL)", partial(_killed, name="worker-events"), weight=1.5, is_blow=True
    ),
    Fault("worker of mail killed, its children left (SIGKILL)", partial(_killed, name="worker-mail"), weight=1.5, is_blow=True),
    Fault("worker and its children killed (SIGKILL)", _whole_worker_killed, weight=1.5, is_blow=True),
    Fault("child of a worker killed (SIGKILL)", _child_killed, weight=2, is_blow=True),
    Fault("worker told to end (SIGTERM)", _told_to_end, weight=1.5, is_blow=True),
    Fault("two beats at once", _two_beats, shortest=2, longest=5),
    Fault("all workers stand still (slow consumer)", partial(_held_still, names=_WORKERS), shortest=1, longest=4),
    Fault("web process stands still", partial(_held_still, names=("web",)), shortest=0.5, longest=3, weight=0.5),
)
