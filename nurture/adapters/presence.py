"""Which processes of which version are alive, so that nothing is taken away that one of them still uses."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final, Literal, NamedTuple

import structlog
from redis import Redis
from redis.exceptions import RedisError

from nurture import __version__
from nurture.adapters import redis_keys
from nurture.adapters.database import revisions

Kind = Literal["web", "worker", "beat"]

#: Seconds between two signs, and after which a silent process counts as gone.
EVERY: Final = 5.0
LIFETIME: Final = 15


class Process(NamedTuple):
    """A process that showed itself within the last seconds; `schema` is the newest revision of the schema that it knows."""

    kind: str
    host: str
    pid: int
    version: str
    schema: str


class Presence:
    """Tells that this process is alive, and of which version it is."""

    def __init__(self, client: Redis, kind: Kind) -> None:
        self._redis = client
        self._key = redis_keys.process(kind, socket.gethostname(), os.getpid())
        self._sign: dict[Any, Any] = {
            "kind": kind,
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "version": __version__,
            "schema": revisions.newest(revisions.known(revisions.VERSIONS)),
        }
        self._over = threading.Event()

    def tell(self) -> None:
        """Write it once; while Redis is away nothing happens."""
        try:
            pipeline = self._redis.pipeline(transaction=True)
            pipeline.hset(self._key, mapping=self._sign)
            pipeline.expire(self._key, LIFETIME)
            pipeline.execute()
        except RedisError as error:
            structlog.get_logger(__name__).debug("no sign of life", error=str(error))

    def keep_telling(self) -> None:
        """Write it every few seconds from a thread of its own, until the process ends or `stop`."""
        threading.Thread(target=self._tell_on, name="presence", daemon=True).start()

    def _tell_on(self) -> None:
        self.tell()
        while not self._over.wait(EVERY):
            self.tell()

    def stop(self) -> None:
        """Say that it has ended."""
        self._over.set()
        with suppress(RedisError):  # it expires by itself
            self._redis.delete(self._key)


def alive(redis: Redis) -> tuple[Process, ...]:
    """The processes that show themselves, and the workers of versions that did not yet; raises RedisError."""
    found = list(_present(redis))
    known = {(process.host, process.pid) for process in found}
    for key in redis.scan_iter(match=redis_keys.worker("*"), count=10_000):
        sign: Any = redis.hgetall(key)
        told = {name.decode(): value.decode() for name, value in sign.items()}
        if told and (told["host"], int(told["pid"])) not in known:
            found.append(Process("worker", told["host"], int(told["pid"]), "", ""))
    return tuple(sorted(found))


def _present(redis: Redis) -> Iterator[Process]:
    for key in redis.scan_iter(match=redis_keys.process("*", "*", "*"), count=10_000):
        sign: Any = redis.hgetall(key)
        told = {name.decode(): value.decode() for name, value in sign.items()}
        if told:
            yield Process(told["kind"], told["host"], int(told["pid"]), told["version"], told["schema"])


def elders(redis: Redis, schema: str) -> list[str]:
    """The names of the processes alive that know less than a revision. Of a version that does not tell, only workers are seen."""
    return [
        f"{each.kind} {each.host}:{each.pid} ({each.version or 'unknown version'})"
        for each in alive(redis)
        if each.schema < schema
    ]
