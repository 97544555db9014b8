"""PostgreSQL crashes, restarts, hangs up, fills its disk, and a rival quarrels with the workers over rows."""

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psycopg

from benchmarks.faults.fault import Fault
from benchmarks.faults.scene import IN_DOUBT, Scene

_DATABASE = "faults"

_HANG_UP = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()"

#: What the rival locks: the last first and then the first, while workers begin with the first, so that each wants what the other holds.
_SOME = "SELECT id FROM people WHERE email IS NULL ORDER BY id {} LIMIT 60 FOR UPDATE"


@contextmanager
def _crashed(scene: Scene, _chance: random.Random) -> Iterator[None]:
    scene.doubt(IN_DOUBT)
    scene.postgres.crash()
    try:
        yield
    finally:
        scene.postgres.start()


@contextmanager
def _restarted(scene: Scene, _chance: random.Random) -> Iterator[None]:
    scene.doubt(IN_DOUBT)
    scene.postgres.stop()
    try:
        yield
    finally:
        scene.postgres.start()


@contextmanager
def _hung_up(scene: Scene, _chance: random.Random) -> Iterator[None]:
    """An administrator, or a proxy in between, ends every connection."""
    with scene.postgres.connect() as connection:
        connection.execute(_HANG_UP, (_DATABASE,))
    yield


@contextmanager
def _full(scene: Scene, _chance: random.Random) -> Iterator[None]:
    if scene.table_disk is None:
        raise RuntimeError("there is no small disk for the tables")
    with scene.table_disk.full():
        yield


@contextmanager
def _quarrelled(scene: Scene, _chance: random.Random) -> Iterator[None]:
    """A session that takes people's rows from both ends and is the last to give way, so that workers are the victims of deadlocks."""
    over = threading.Event()
    rival = threading.Thread(target=_quarrel, args=(scene, over), daemon=True)
    rival.start()
    try:
        yield
    finally:
        over.set()
        rival.join(60)


def _quarrel(scene: Scene, over: threading.Event) -> None:
    with suppress(psycopg.Error), scene.postgres.connect(_DATABASE) as connection:
        connection.execute("SET deadlock_timeout = '20s'")
        while not over.is_set():
            with suppress(psycopg.errors.DeadlockDetected), connection.transaction():
                connection.execute(_SOME.format("DESC"))
                over.wait(0.2)
                connection.execute(_SOME.format("ASC"))
            over.wait(0.05)


@contextmanager
def _serializable(scene: Scene, _chance: random.Random) -> Iterator[None]:
    """All new transactions are serializable, so that workers who read what others write fail to be serialised."""
    _isolate(scene, "SET default_transaction_isolation = 'serializable'")
    try:
        yield
    finally:
        _isolate(scene, "RESET default_transaction_isolation")


def _isolate(scene: Scene, how: str) -> None:
    with scene.postgres.connect() as connection:
        connection.execute(f"ALTER DATABASE {_DATABASE} {how}")
        connection.execute(_HANG_UP, (_DATABASE,))


_AWAY = frozenset({"database-away"})

FAULTS = (
    Fault("PostgreSQL crashed (immediate shutdown), started again", _crashed, _AWAY, 0.3, 1.5, weight=1.5),
    Fault("PostgreSQL restarted (fast shutdown)", _restarted, _AWAY, 0.3, 1.5, weight=1.5),
    Fault("PostgreSQL ends every connection", _hung_up, weight=1.5, is_blow=True),
    Fault("deadlocks with a rival session", _quarrelled, shortest=2, longest=4),
    Fault("serialisation failures", _serializable, shortest=1, longest=3),
    Fault("disk of the tables full", _full, shortest=1, longest=2.5, needs_disk="tables"),
)
