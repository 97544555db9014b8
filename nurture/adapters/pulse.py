"""The pulse: what beat notes every few seconds, so that whoever looks finds not only how things are but how fast they go.

A sample costs a handful of commands whose price does not grow with what lies in Redis.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

from redis.client import Pipeline
from redis.exceptions import ResponseError

from nurture.adapters.redis_keys import COUNTERS, PULSE, events

#: Seconds between two samples, and how many are kept: ten minutes.
EVERY: Final = 5.0
KEPT: Final = 120


class Sample(NamedTuple):
    """Counts that only grow, at an instant (seconds since 1970, by the clock of Redis), and how many events wait.

    `entries` is how many events ever came to all partitions; None where Redis does not count them (before version 7).
    """

    at: float
    counters: dict[str, int]
    entries: int | None
    backlog: int


def ask(pipeline: Pipeline, partitions: int) -> int:
    """Put the questions of a sample into a pipeline; how many they are."""
    pipeline.time()
    pipeline.hgetall(COUNTERS)
    for number in range(partitions):
        pipeline.xinfo_stream(events(number))
    return 2 + partitions


def answered(answers: Sequence[Any]) -> Sample:
    """The sample, from the answers to its questions; raises redis.RedisError for one that is an error."""
    (seconds, micros), counters, *streams = (_sound(each) for each in answers)
    told = [stream for stream in streams if stream is not None]
    added = [stream.get("entries-added") for stream in told]
    return Sample(
        at=seconds + micros / 1e6,
        counters={_text(name): int(float(count)) for name, count in counters.items() if b"{" not in name},
        entries=None if None in added else sum(added),
        backlog=sum(stream["length"] for stream in told),
    )


def _sound(answer: Any) -> Any:
    if isinstance(answer, ResponseError) and "no such key" in str(answer):
        return None  # nothing ever came to this partition
    if isinstance(answer, Exception):
        raise answer
    return answer


def note(pipeline: Pipeline, sample: Sample) -> None:
    """Keep a sample, and forget the oldest."""
    pipeline.lpush(PULSE, json.dumps(sample._asdict(), separators=(",", ":")))
    pipeline.ltrim(PULSE, 0, KEPT - 1)


def samples_in(lines: Iterable[bytes]) -> list[Sample]:
    """The samples that were kept, the oldest first; what another version wrote otherwise is passed over."""
    found = []
    for line in lines:
        try:
            told = json.loads(line)
            counters = {str(name): int(count) for name, count in told["counters"].items()}
            entries = None if told["entries"] is None else int(told["entries"])
            found.append(Sample(float(told["at"]), counters, entries, int(told["backlog"])))
        except (ValueError, TypeError, KeyError, AttributeError):
            continue
    return sorted(found, key=lambda sample: sample.at)


def _text(name: bytes | str) -> str:
    return name.decode() if isinstance(name, bytes) else name
