"""The dead letters: events that could not be read or stored, with the reason, until a human decides."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Final, NamedTuple

from redis import Redis

from nurture.adapters.redis_keys import DEAD, FIELD, events
from nurture.domain.causes import cause_of
from nurture.observability import Mask

_ID: Final = re.compile(r"\d{1,19}-\d{1,19}")
_PAGE: Final = 500

#: Letters put back or dropped in one call: Redis does nothing else meanwhile.
_AT_ONCE: Final = 100

_mask: Final = Mask()


class DeadLetter(NamedTuple):
    """One event set aside. `at` is when (ISO), `partition` where it came from, `body` the event as it came."""

    id: str
    at: str
    reason: str
    partition: int
    body: bytes

    @property
    def event(self) -> Any:
        """The event as it came; as text where it is no JSON."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return self.body.decode(errors="replace")

    @property
    def instant(self) -> datetime | None:
        """When it was set aside."""
        with suppress(ValueError):
            found = datetime.fromisoformat(self.at)
            return found if found.tzinfo else found.replace(tzinfo=UTC)
        return None


class Entry(NamedTuple):
    """Where an event that was put back lies: its partition, and its id there."""

    partition: int
    id: str


class Wanted(NamedTuple):
    """Which letters are asked for; without anything, every one. `reason` is part of a reason, or of its cause."""

    reason: str | None = None
    event: str | None = None
    source: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    partition: int | None = None

    def matches(self, letter: DeadLetter) -> bool:
        if self.partition is not None and letter.partition != self.partition:
            return False
        if self.reason is not None and not self._is_reason(letter.reason):
            return False
        if (self.since is not None or self.until is not None) and not self._falls_into(letter.instant):
            return False
        if self.event is None and self.source is None:
            return True
        told = letter.event if isinstance(letter.event, dict) else {}
        return self.event in (None, told.get("name")) and self.source in (None, told.get("source"))

    def _is_reason(self, reason: str) -> bool:
        wanted = " ".join(str(self.reason).lower().split())
        return any(wanted in told.lower() for told in (reason, _mask.text(reason), _mask.text(cause_of(reason))))

    def _falls_into(self, at: datetime | None) -> bool:
        if at is None:
            return False
        return (self.since is None or at >= self.since) and (self.until is None or at < self.until)


# Puts letters back, those that are still there: whoever else does so at the same moment finds them gone. The event is added before its
# letter goes, so nothing is lost where there is no room for it.
#
# KEYS: the dead letters, then the streams of all partitions. ARGV: the field of the event, then for each letter its id and its
# partition (from 1). Answer: the id of the new entry of each, empty for a letter that is gone.
_PUT_BACK: Final = """
local ids = {}
for i = 2, #ARGV, 2 do
  local found = redis.call('XRANGE', KEYS[1], ARGV[i], ARGV[i])
  local id = ''
  if found[1] then
    local body = ''
    for f = 1, #found[1][2], 2 do
      if found[1][2][f] == ARGV[1] then body = found[1][2][f + 1] end
    end
    id = redis.call('XADD', KEYS[tonumber(ARGV[i + 1]) + 1], '*', ARGV[1], body)
    redis.call('XDEL', KEYS[1], ARGV[i])
  end
  ids[#ids + 1] = id
end
return ids
"""


_EVERY_ONE: Final = Wanted()


class DeadLetters:
    """The dead-letter stream; every method raises redis.RedisError while Redis does not answer."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def count(self) -> int:
        return int(self._redis.xlen(DEAD))

    def all(self, wanted: Wanted = _EVERY_ONE) -> Iterator[DeadLetter]:
        """Every letter there is now that is wanted, oldest first, read a page at a time."""
        last: Any = self._redis.xrevrange(DEAD, count=1)
        start = "-"
        while last:
            page: Any = self._redis.xrange(DEAD, min=start, max=last[0][0], count=_PAGE)
            yield from (letter for id_, fields in page if wanted.matches(letter := _letter(id_, fields)))
            if len(page) < _PAGE:
                return
            start = f"({page[-1][0].decode()}"

    def find(self, id_: str) -> DeadLetter | None:
        """The letter with an id; None if there is none, or if no id looks like this."""
        if not _ID.fullmatch(id_):
            return None
        found: Any = self._redis.xrange(DEAD, min=id_, max=id_)
        return _letter(*found[0]) if found else None

    def retry(self, letters: Iterable[DeadLetter], partitions: int) -> Iterator[tuple[DeadLetter, Entry | None]]:
        """Put the events of letters back into their partitions, to be absorbed like any others, and tell where each lies; None for
        one that somebody else put back or dropped meanwhile. None is put back twice.
        """
        put_back = self._redis.register_script(_PUT_BACK)
        keys = [DEAD, *map(events, range(partitions))]
        for group in _grouped(letters):
            # There may be fewer partitions than when it came.
            goes = [letter.partition % partitions for letter in group]
            told = [each for letter, partition in zip(group, goes, strict=True) for each in (letter.id, partition + 1)]
            ids: Any = put_back(keys=keys, args=[FIELD, *told])
            for letter, partition, id_ in zip(group, goes, ids, strict=True):
                yield letter, Entry(partition, id_.decode()) if id_ else None

    def drop(self, letters: Iterable[DeadLetter]) -> Iterator[tuple[DeadLetter, bool]]:
        """Forget letters and their events for good; whether each was there to be forgotten."""
        for group in _grouped(letters):
            pipeline = self._redis.pipeline(transaction=False)
            for letter in group:
                pipeline.xdel(DEAD, letter.id)
            yield from ((letter, bool(gone)) for letter, gone in zip(group, pipeline.execute(), strict=True))

    def left(self, put_back: Iterable[Entry]) -> list[Entry]:
        """Those events that were put back and still lie in their partitions. Each partition is asked for its oldest entry only: they
        leave in their order, but for a batch in a worker's hand.
        """
        entries = list(put_back)
        oldest: dict[int, tuple[int, int] | None] = {}
        for partition in {each.partition for each in entries}:
            found: Any = self._redis.xrange(events(partition), count=1)
            oldest[partition] = _numbers(found[0][0].decode()) if found else None
        return [each for each in entries if (first := oldest[each.partition]) is not None and _numbers(each.id) >= first]

    def came_back(self, put_back: Iterable[Entry]) -> int:
        """How many events that were put back have become dead letters again."""
        entries = {(each.partition, each.id) for each in put_back}
        if not entries:
            return 0
        since = min((id_ for _, id_ in entries), key=_numbers)
        count, start = 0, f"{since.partition('-')[0]}-0"
        while True:
            page: Any = self._redis.xrange(DEAD, min=start, count=_PAGE)
            count += sum((int(fields[b"partition"]), fields.get(b"entry", b"").decode()) in entries for _, fields in page)
            if len(page) < _PAGE:
                return count
            start = f"({page[-1][0].decode()}"


def _grouped(letters: Iterable[DeadLetter]) -> Iterator[list[DeadLetter]]:
    remaining = iter(letters)
    while group := list(islice(remaining, _AT_ONCE)):
        yield group


def _numbers(id_: str) -> tuple[int, int]:
    milliseconds, _, number = id_.partition("-")
    return int(milliseconds), int(number)


def _letter(id_: bytes, fields: Mapping[bytes, bytes]) -> DeadLetter:
    return DeadLetter(
        id_.decode(), fields[b"at"].decode(), fields[b"reason"].decode(errors="replace"), int(fields[b"partition"]), fields[FIELD]
    )
