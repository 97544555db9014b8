"""The dead letters: events that could not be read or stored, with the reason, until a human decides."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from redis import Redis

from nurture.adapters.redis_keys import DEAD, FIELD, events

_ID: Final = re.compile(r"\d{1,19}-\d{1,19}")
_PAGE: Final = 500


class DeadLetter(NamedTuple):
    """One event set aside. `at` is when (ISO), `partition` where it came from, `body` the event as it came."""

    id: str
    at: str
    reason: str
    partition: int
    body: bytes


class DeadLetters:
    """The dead-letter stream; every method raises redis.RedisError while Redis does not answer."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def count(self) -> int:
        return int(self._redis.xlen(DEAD))

    def all(self) -> Iterator[DeadLetter]:
        """Every letter there is now, oldest first, read a page at a time."""
        last: Any = self._redis.xrevrange(DEAD, count=1)
        start = "-"
        while last:
            page: Any = self._redis.xrange(DEAD, min=start, max=last[0][0], count=_PAGE)
            yield from (_letter(id_, fields) for id_, fields in page)
            if len(page) < _PAGE:
                return
            start = f"({page[-1][0].decode()}"

    def find(self, id_: str) -> DeadLetter | None:
        """The letter with an id; None if there is none, or if no id looks like this."""
        if not _ID.fullmatch(id_):
            return None
        found: Any = self._redis.xrange(DEAD, min=id_, max=id_)
        return _letter(*found[0]) if found else None

    def retry(self, letter: DeadLetter, partitions: int) -> None:
        """Put a letter's event back into its partition, to be absorbed like any other. Doing so twice counts it once."""
        pipeline = self._redis.pipeline(transaction=True)
        # There may be fewer partitions than when it came.
        pipeline.xadd(events(letter.partition % partitions), {FIELD: letter.body})
        pipeline.xdel(DEAD, letter.id)
        pipeline.execute()

    def drop(self, letter: DeadLetter) -> None:
        """Forget a letter and its event for good."""
        self._redis.xdel(DEAD, letter.id)


def _letter(id_: bytes, fields: Mapping[bytes, bytes]) -> DeadLetter:
    return DeadLetter(
        id_.decode(), fields[b"at"].decode(), fields[b"reason"].decode(errors="replace"), int(fields[b"partition"]), fields[FIELD]
    )
