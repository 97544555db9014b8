"""What machines ask: is the web process ready, and the figures of the whole (see nurture.metrics).

Counters are read when asked for: one command to Redis. What costs more, `nurture status` with its questions to the database, is
looked up in the background, and at most so often that it keeps the database busy for a twentieth of the time.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Final, get_args

from redis import Redis
from redis.exceptions import RedisError

from nurture import metrics
from nurture.adapters.broker import QUEUES
from nurture.adapters.counters import Counters
from nurture.adapters.database.revisions import known, why_not
from nurture.adapters.journal import JournalStanding, standing
from nurture.domain.mail.brakes import BrakeKind
from nurture.metrics import sample_key
from nurture.reports.facts import Store, Stream
from nurture.reports.holds import HeldKind
from nurture.reports.status import Status

#: Seconds between two looks, at least; and how many times longer than the look itself took.
EVERY: Final = 5.0
_AT_EASE: Final = 20

#: Seconds that a scrape waits for a new look before it tells the last one, and that a look may take until it counts as no answer.
_PATIENCE: Final = 0.5
_TOO_LONG: Final = 30.0

#: The very first look is worth more patience: there is no last one.
_FIRST_PATIENCE: Final = 2.0


def reasons_not_ready(redis: Redis) -> list[str]:
    """Why the web process cannot take events just now; nothing when it can."""
    try:
        redis.ping()
    except RedisError as error:
        return [f"Redis does not answer ({type(error).__name__}); start it or correct NURTURE_REDIS_URL"]
    return []


class Looks:
    """The latest look at the whole, taken anew in a thread of its own when somebody asks and the last one is old.

    Whoever asks waits a moment for a look that is new, and for no database longer than that.
    """

    def __init__(self, look: Callable[[], Status], monotonic: Callable[[], float] = time.monotonic) -> None:
        self._look, self._monotonic = look, monotonic
        self._lock = threading.Lock()
        self._latest: Status | None = None
        self._began = self._ended = 0.0
        self._busy = False
        self._over = threading.Event()

    def latest(self) -> tuple[Status | None, float]:
        """What was seen last, and how many seconds ago; None while nothing was seen yet, or for too long."""
        with self._lock:
            if not self._busy and (self._latest is None or self._is_old()):
                self._busy, self._began = True, self._monotonic()
                self._over.clear()
                threading.Thread(target=self._take, name="look", daemon=True).start()
        self._over.wait(_FIRST_PATIENCE if self._latest is None else _PATIENCE)
        with self._lock:
            now = self._monotonic()
            if self._latest is None or (self._busy and now - self._began > _TOO_LONG):
                return None, 0.0
            return self._latest, now - self._ended

    def _is_old(self) -> bool:
        took = self._ended - self._began
        return self._monotonic() - self._ended >= max(EVERY, _AT_EASE * took)

    def _take(self) -> None:
        found: Status | None = None
        try:
            found = self._look()
        finally:  # whatever went wrong, the next who asks tries again
            with self._lock:
                self._latest, self._ended, self._busy = found, self._monotonic(), False
            self._over.set()


class Metrics:
    """The figures of the whole installation, as text; never raises, and tells what it has while a part is away."""

    def __init__(self, redis: Redis, looks: Looks, journals: Path, now: Callable[[], datetime]) -> None:
        self._redis, self._looks, self._journals, self._now = redis, looks, journals, now

    def __call__(self) -> str:
        found, age = self._looks.latest()
        return figures(self._redis, found, of_journal(standing(self._journals), self._now()), age)


def figures(redis: Redis | None, found: Status | None, more: Mapping[str, float], age: float = 0.0) -> str:
    """All counters, how things stood `age` seconds ago, and `more` gauges, in the Prometheus text format.

    `redis` is None where there is none.
    """
    samples = {} if found is None else {**gauges(found), "look_age_seconds": age}
    return metrics.text({"database_up": 0, **samples, **more, **_counted(redis)})


def of_journal(journal: JournalStanding, at: datetime) -> dict[str, float]:
    """How the journals of this machine stand at an instant."""
    return {
        "journal_events": journal.events,
        "journal_bytes": journal.bytes,
        "journal_bound_bytes": journal.bound,
        "journal_oldest_seconds": 0 if journal.oldest is None else max(0.0, (at - journal.oldest).total_seconds()),
    }


def _counted(redis: Redis | None) -> Mapping[str, float]:
    try:
        return {"redis_up": 0} if redis is None else {**Counters(redis).read(), "redis_up": 1}
    except RedisError:
        return {"redis_up": 0}


def gauges(found: Status) -> dict[str, float]:
    """How things stand, by key; nothing of a part that is away."""
    told: dict[str, float] = {"database_up": int(found.store is not None)}
    if found.stream is not None:
        told |= _of_stream(found.stream)
    if found.store is not None:
        told |= _of_store(found.store)
    return told


def _of_stream(stream: Stream) -> Iterator[tuple[str, float]]:
    for each in stream.partitions:
        yield sample_key("stream_backlog", partition=str(each.partition)), each.waiting + each.handed_out
        yield sample_key("stream_oldest_seconds", partition=str(each.partition)), each.oldest_seconds or 0
    serving = Counter(queue for worker in stream.workers for queue in worker.queues)
    for queue in QUEUES:
        yield sample_key("workers", queue=queue), serving[queue]
    if stream.beat_seconds is not None:
        yield "beat_age_seconds", stream.beat_seconds
    yield "mailbox_fails_seconds", stream.mailbox_seconds or 0
    yield "dead_letters", stream.dead_letters
    yield "quarantined", stream.quarantined
    if stream.memory is not None:
        yield "redis_memory_bytes", stream.memory.used
        yield "redis_memory_bound_bytes", stream.memory.limit or 0


def _of_store(store: Store) -> Iterator[tuple[str, float]]:
    for metric, label, counts in (
        ("people", "stage", store.people),
        ("enrollments", "status", store.enrollments),
        ("messages", "status", store.messages),
        ("handoffs", "status", store.handoffs),
    ):
        for value, count in counts.items():
            yield sample_key(metric, **{label: value}), count
    for what, due in (("steps", store.steps), ("mails", store.mails), ("handoffs", store.calls)):
        yield sample_key("due", what=what), due.due
        yield sample_key("overdue", what=what), due.overdue
        yield sample_key("overdue_oldest_seconds", what=what), due.overdue_seconds or 0
    yield "uncertain_lately", store.uncertain_lately
    yield "alarms", len(store.alarms)
    for metric, kinds, found in (("brakes", BrakeKind, store.brakes), ("holds", HeldKind, store.holds)):
        counts = Counter(str(each.kind) for each in found)
        for kind in get_args(kinds):
            yield sample_key(metric, kind=kind), counts[kind]
    yield "schema_fits", int(why_not(known(), store.migrations.revision) is None)
