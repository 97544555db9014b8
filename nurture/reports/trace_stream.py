"""Where an event lies in Redis: in its partition, ahead of it, among the dead letters, in quarantine.

A stream is looked through from its oldest entry on, and no further than so many entries: whoever asks is told when there are more.
"""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from redis import Redis
from redis.exceptions import ResponseError

from nurture.adapters.redis_keys import AHEAD, DEAD, FIELD, GROUP, QUARANTINE, events
from nurture.domain.ids import event_key
from nurture.reports.figures import Figures

_ENTRY: Final = re.compile(r"\d{13,19}-\d{1,19}")
_PAGE: Final = 500


class Searched(Figures):
    """What was looked through: where, how many entries of how many there are."""

    where: str
    entries: int
    of: int

    @property
    def complete(self) -> bool:
        return self.entries >= self.of


class Found(NamedTuple):
    """An entry of a stream. `ahead` is how many entries stand before it, None where it was asked for by its id; `told` are its fields."""

    where: str
    id: str
    ahead: int | None
    told: dict[str, str]
    body: Any
    handed_out: bool = False

    @property
    def at(self) -> datetime:
        """When Redis took it."""
        return datetime.fromtimestamp(int(self.id.partition("-")[0]) / 1_000, UTC)


class Needle(NamedTuple):
    """What is looked for: any of these words as an event's message id, submission or key."""

    asked: str

    def is_in(self, body: Any) -> bool:
        if not isinstance(body, dict):
            return False
        if self.asked in (body.get("message_id"), body.get("submission")):
            return True
        key = event_key(str(body.get("source")), str(body.get("message_id")))
        return self.asked.replace("-", "").lower() == key.hex


def looked_through(redis: Redis, partitions: int, needle: Needle, most: int) -> tuple[list[Found], list[Searched]]:
    """The entries that hold what is looked for, and what was searched, at most `most` entries of each stream; raises RedisError."""
    found: list[Found] = []
    searched: list[Searched] = []
    for where, stream in _streams(partitions):
        length, seen = int(redis.xlen(stream)), 0
        for number, (id_, fields) in enumerate(_entries(redis, stream, most)):
            seen = number + 1
            body = _body(fields)
            if _is_meant(needle, id_, fields, body):
                found.append(Found(where, id_, number, _told(fields), body, _is_handed_out(redis, stream, id_)))
        # An entry may leave while it is read: then there were fewer than were counted.
        searched.append(Searched(where=where, entries=seen, of=length if seen >= most else min(length, seen)))
    return found, searched


def _streams(partitions: int) -> Iterator[tuple[str, str]]:
    for number in range(partitions):
        yield f"partition {number}", events(number)
    yield "ahead", AHEAD
    yield "dead letters", DEAD
    yield "quarantine", QUARANTINE


def _entries(redis: Redis, stream: str, most: int) -> Iterator[tuple[str, dict[bytes, bytes]]]:
    start, left = "-", most
    while left > 0:
        page: Any = redis.xrange(stream, min=start, count=min(_PAGE, left))
        yield from ((id_.decode(), fields) for id_, fields in page)
        if len(page) < min(_PAGE, left):
            return
        left -= len(page)
        start = f"({page[-1][0].decode()}"


def _is_meant(needle: Needle, id_: str, fields: dict[bytes, bytes], body: Any) -> bool:
    if _ENTRY.fullmatch(needle.asked):
        return needle.asked in (id_, fields.get(b"entry", b"").decode(errors="replace"))
    return needle.is_in(body)


def _body(fields: dict[bytes, bytes]) -> Any:
    try:
        return json.loads(fields.get(FIELD, b""))
    except (ValueError, RecursionError):
        return None


def _told(fields: dict[bytes, bytes]) -> dict[str, str]:
    return {name.decode(): value.decode(errors="replace") for name, value in fields.items() if name != FIELD}


def _is_handed_out(redis: Redis, stream: str, id_: str) -> bool:
    """Whether a worker has an entry in its hand."""
    try:
        pending: Any = redis.xpending_range(stream, GROUP, min=id_, max=id_, count=1)
    except ResponseError:  # nobody has ever read this stream as a group
        return False
    return bool(pending)
