"""Redis is killed, restarted, emptied, filled and held still. Whoever watches over it (here: we) starts it again."""

import random
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.faults.books import name_of
from benchmarks.faults.fault import Fault
from benchmarks.faults.scene import PATIENCE, Scene
from tests.support.waiting import wait_until


@contextmanager
def _killed(scene: Scene, _chance: random.Random) -> Iterator[None]:
    scene.redis.kill9()
    try:
        yield
    finally:
        scene.redis.start()


@contextmanager
def _restarted(scene: Scene, _chance: random.Random) -> Iterator[None]:
    scene.redis.stop()
    try:
        yield
    finally:
        scene.redis.start()


@contextmanager
def _emptied(scene: Scene, _chance: random.Random) -> Iterator[None]:
    """FLUSHALL once everything accepted is absorbed: nothing may be missing afterwards.

    Nobody posts meanwhile. Dead letters lie in Redis alone; they are noted down first.
    """
    with scene.load.paused():
        wait_until(lambda: scene.load.under_way == 0 and scene.drained(), PATIENCE, what="everything accepted to be absorbed")
        scene.keep_dead_letters(name_of)
        scene.redis.flush()
        yield


@contextmanager
def _full(scene: Scene, _chance: random.Random) -> Iterator[None]:
    with scene.redis.client() as client:
        client.config_set("maxmemory", "1mb")
    try:
        yield
    finally:
        with scene.redis.client() as client:
            client.config_set("maxmemory", "0")


@contextmanager
def _hanging(scene: Scene, _chance: random.Random) -> Iterator[None]:
    scene.redis.pause()
    try:
        yield
    finally:
        scene.redis.resume()


_AWAY = frozenset({"redis-away", "redis-loading"})

FAULTS = (
    Fault("Redis killed (SIGKILL), started again on its AOF", _killed, _AWAY, 0.5, 2, weight=2),
    Fault("Redis restarted in order", _restarted, _AWAY, 0.2, 1, weight=1.5),
    Fault("Redis emptied (FLUSHALL), all accepted events absorbed", _emptied, shortest=0.2, longest=0.5),
    Fault("Redis full (maxmemory)", _full, frozenset({"redis-full"}), 1, 2.5, weight=1.5),
    Fault("Redis stands still", _hanging, _AWAY, 1, 5, weight=1.5),
)
