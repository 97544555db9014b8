"""What lies in Redis since the last look, and whether it is sound."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final

from redis import Redis

from nurture.adapters import redis_keys
from nurture.domain.event import EVENT, Event

_LONGEST: Final = {
    "message_id": 256,
    "name": 128,
    "anonymous_id": 256,
    "user_id": 256,
    "previous_id": 256,
    "email": 254,
    "source": 70,
}


class Streams:
    """The partitions, the stream ahead of them, and the quarantine."""

    def __init__(self, redis: Redis, partitions: int) -> None:
        self._redis = redis
        self._marks: dict[str, str] = dict.fromkeys(
            [*map(redis_keys.events, range(partitions)), redis_keys.AHEAD, redis_keys.QUARANTINE], "-"
        )

    def new(self) -> list[tuple[str, Event | str]]:
        """What came since: the stream's name and the event, or what is wrong with its body."""
        pipeline = self._redis.pipeline(transaction=False)
        for name, mark in self._marks.items():
            pipeline.xrange(name, min=mark)
        found: list[tuple[str, Event | str]] = []
        answers: list[Any] = pipeline.execute()
        for name, entries in zip(list(self._marks), answers, strict=True):
            for entry, fields in entries:
                self._marks[name] = f"({entry.decode()}"
                found.append((name, _read(fields[redis_keys.FIELD])))
        return found


def _read(body: bytes) -> Event | str:
    try:
        return EVENT.validate_json(body)
    except ValueError as error:
        return f"no event: {error}"


def flaws(event: Event, begun: datetime, now: datetime) -> Iterator[str]:
    """What must not be in any stored event, whoever sent what."""
    told = event.model_dump(mode="json")
    text = json.dumps(told, ensure_ascii=False)
    if "\\u0000" in text:
        yield "a NUL is stored"
    if any("\ud800" <= letter <= "\udfff" for letter in text):
        yield "half a pair is stored"
    if len(text) > 100_000:
        yield f"{len(text)} characters are stored"
    for name, longest in _LONGEST.items():
        if len(told.get(name) or "") > longest:
            yield f"{name} has {len(told[name])} characters"
    if not event.name or not event.message_id:
        yield "the name or the id is empty"
    yield from _misdated(event, begun, now)
    yield from _misbelieved(event)


def _misdated(event: Event, begun: datetime, now: datetime) -> Iterator[str]:
    if not begun - timedelta(seconds=5) <= event.received_at <= now + timedelta(seconds=5):
        yield f"received at {event.received_at}"
    if not event.received_at - timedelta(days=30, seconds=60) <= event.occurred_at <= event.received_at + timedelta(seconds=6):
        yield f"occurred at {event.occurred_at}, received at {event.received_at}"


def _misbelieved(event: Event) -> Iterator[str]:
    if not (event.source in ("website", "crm", "engine") or event.source.startswith(("form:", "hook:"))):
        yield f"the source is {event.source}"
    if event.source in ("website", "crm") and (event.person is not None or event.message is not None):
        yield "a call named a person of the engine's"
    if event.source == "website" and event.assurance != "observed":
        yield f"a browser's word counts as {event.assurance}"


def differences(event: Event, expected: dict[str, Any]) -> Iterator[str]:
    """Where a stored event is not what the oracle says."""
    told = event.model_dump(mode="json")
    for name, value in expected.items():
        if told[name] != value:
            yield f"{name} is {str(told[name])[:200]!r}, not {str(value)[:200]!r}"
