"""What comes in is poison, or too much, or at the wrong time; and the disk is full that the web process writes to."""

import json
import random
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from itertools import count
from multiprocessing import get_context
from typing import Any, Final

from benchmarks.faults.burst import Burst, burst
from benchmarks.faults.fault import Fault
from benchmarks.faults.processes import memory, signal_one
from benchmarks.faults.scene import WRITE_KEY, Scene

_NUMBERS: Final = count()
_PROCESSES: Final = get_context("forkserver")

_BURST_SECONDS: Final = 3.0


@contextmanager
def _poisoned(scene: Scene, chance: random.Random) -> Iterator[None]:
    """Among the events of the crowd: bytes that are no event, and events that the database refuses."""
    for _ in range(chance.randrange(1, 4)):
        number = next(_NUMBERS)
        scene.planted |= {f"garbage-{number}", f"poison-{number}", f"too-long-{number}"}
        partition = chance.randrange(scene.settings.partitions)
        scene.plant(partition, f"garbage-{number}".encode())
        scene.plant(partition, _event(scene, f"poison-{number}", properties={"text": "a\0b"}))
        scene.plant(partition, _event(scene, f"too-long-{number}", name="n" * 300))
    yield


def _event(scene: Scene, message_id: str, **more: Any) -> bytes:
    at = scene.now().isoformat()
    told = {"message_id": message_id, "source": "website", "name": "poison", "occurred_at": at, "received_at": at}
    return json.dumps({**told, "anonymous_id": "visitor-0", **more}).encode()


@contextmanager
def _clock_jumps(scene: Scene, chance: random.Random) -> Iterator[None]:
    """The clock goes ahead by minutes or an hour, behind by as much, and right again."""
    by = chance.choice([timedelta(seconds=40), timedelta(minutes=5), timedelta(hours=1)]).total_seconds()
    scene.move_clock(by)
    time.sleep(chance.uniform(0.2, 1))
    scene.move_clock(-2 * by)
    yield
    scene.move_clock(by)


@contextmanager
def _overrun(scene: Scene, _chance: random.Random) -> Iterator[None]:
    """Three times what the web process can take, by its own measure, for seconds."""
    pid = scene.pid("web")
    before, watching, highest = memory(pid), threading.Event(), [0]

    def watch() -> None:
        while not watching.wait(0.05):
            highest[0] = max(highest[0], memory(pid))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    ours, theirs = _PROCESSES.Pipe(duplex=False)
    sender = _PROCESSES.Process(
        target=burst, args=(theirs, scene.engine.url, WRITE_KEY, f"burst-{next(_NUMBERS)}", _BURST_SECONDS), daemon=True
    )
    sender.start()
    theirs.close()
    try:
        yield
        came: Burst = ours.recv()
    finally:
        watching.set()
        watcher.join()
        sender.join(30)
        ours.close()
    scene.tried_in_bursts |= came.events(came.tried)
    scene.accepted_in_bursts |= came.events(came.accepted)
    scene.bursts.update({str(status or "no answer"): number for status, number in came.statuses.items()})
    scene.memory.append((before, highest[0], memory(pid)))


@contextmanager
def _disk_of_web_full(scene: Scene, _chance: random.Random) -> Iterator[None]:
    """Redis is away and nothing can be written down in its place: nobody may be told that an event was accepted."""
    if scene.data_disk is None:
        raise RuntimeError("there is no small disk for the data folder")
    with scene.data_disk.full():
        scene.redis.kill9()
        try:
            yield
        finally:
            scene.redis.start()


@contextmanager
def _away_while_people_post(scene: Scene, _chance: random.Random, *, web_dies: bool = False) -> Iterator[None]:
    """Redis is away for seconds in which people go on filling in forms; perhaps the web process that took them dies, too."""
    scene.redis.stop()
    for _ in range(3):
        scene.load.lead()
    time.sleep(0.5)
    if web_dies:
        signal_one(scene.pid("web"), signal.SIGKILL)
    try:
        yield
    finally:
        scene.redis.start()


_AWAY = frozenset({"redis-away", "redis-loading"})

FAULTS = (
    Fault("poison in the stream", _poisoned, is_blow=True),
    Fault("clock jumps ahead, behind and back", _clock_jumps),
    Fault("web process under three times its capacity", _overrun, shortest=_BURST_SECONDS, longest=_BURST_SECONDS, weight=0.4),
    Fault("disk of the web process full while Redis is away", _disk_of_web_full, _AWAY, 1, 2, needs_disk="data"),
    Fault("Redis away for seconds while people post", _away_while_people_post, _AWAY, 3, 5, weight=0.7),
    Fault("web process killed while Redis is away", partial(_away_while_people_post, web_dies=True), _AWAY, 1, 3),
)
