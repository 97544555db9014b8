"""What `nurture top` shows, and what looking so often costs the engine.

A frame costs one pipeline to Redis, whatever lies there. What the database knows, and whatever `nurture status` asks for, is read apart
from that, at most every two seconds and never for more than a twentieth of the time: a reading that took a second is followed by
nineteen seconds of rest. The figures of mail, which look at a week of it, keep the same rule for themselves, at most every ten seconds.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from nurture.adapters import pulse, redis_keys
from nurture.adapters.pulse import Sample
from nurture.adapters.warned import warnings_in
from nurture.errors import NurtureError
from nurture.reports.facts import Stream
from nurture.reports.figures import Figures
from nurture.reports.mailing import Mailing, MailingReader
from nurture.reports.pulse import FLOW, rate, series, steps
from nurture.reports.reading import snapshot
from nurture.reports.reading_redis import ask_stream, stream_in
from nurture.reports.status import Status, status

#: Over how many seconds the rate of now is taken.
NOW: Final = 15.0

#: The spans of a sparkline: so many of so many seconds.
SPANS: Final = (60, 10.0)

#: A reading is followed by so many times its own length of rest.
_REST: Final = 19

#: No readings more often than this. Seconds.
_STATUS_EVERY: Final = 2.0
_MAILING_EVERY: Final = 10.0

#: Warnings that are read.
_WARNINGS: Final = 40


class Flow(Figures):
    """How much of something flows, in a second: now, and over the last minute and ten minutes; `line` are the rates of the last ten
    minutes, ten seconds each, the oldest first. None where nothing is known.
    """

    now: float | None
    minute: float | None
    ten_minutes: float | None
    line: tuple[float | None, ...]


class LogLine(Figures):
    """A line that some process logged as a warning or an error."""

    at: datetime
    process: str
    host: str
    pid: int
    level: str
    text: str


class HeldNow(Figures):
    """Something that is held back: what, in words, how (`paused`, `draining`, `braked`), since when and why."""

    what: str
    how: str
    since: datetime
    reason: str | None


class Facts(Figures):
    """Everything that one frame shows. `status` may be some seconds old (`status_age`); what Redis tells, `stream`, is of this instant, and
    None while Redis does not answer; then `since_redis` says for how long.
    """

    at: datetime
    interval: float
    status: Status
    status_age: float
    stream: Stream | None
    flow: Mapping[str, Flow]
    warnings: tuple[LogLine, ...]
    mailing: Mailing | None
    held: tuple[HeldNow, ...] = ()
    since_redis: float | None = None


class _Glance(NamedTuple):
    stream: Stream
    flow: dict[str, Flow]
    warnings: tuple[LogLine, ...]


class Budget:
    """When something may be read again, that must not take more than a twentieth of the time."""

    def __init__(self, every: float, monotonic: Callable[[], float]) -> None:
        self._every, self._monotonic = every, monotonic
        self._next = self._began = -1e9

    @property
    def may(self) -> bool:
        """Whether it is time."""
        return self._monotonic() >= self._next

    def begins(self) -> None:
        """A reading begins."""
        self._began = self._monotonic()

    def ends(self) -> None:
        """The reading has ended."""
        now = self._monotonic()
        self._next = max(self._began + self._every, now + _REST * (now - self._began))

    def hurry(self) -> None:
        """Something has changed that makes what was read untrue."""
        self._next = min(self._next, self._began + self._every)


class Watch:
    """Looks at one engine again and again. `glance` and `study` may be called by two threads, each by one."""

    def __init__(
        self, engine: Engine, redis: Redis | None, partitions: int, now: Callable[[], datetime], *, interval: float = 1.0,
        folder: Path | None = None, production: bool = False, monotonic: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self._engine, self._redis, self._partitions, self._now = engine, redis, partitions, now
        self._interval, self._folder, self._production, self._monotonic = interval, folder, production, monotonic
        self._status: Status | None = None
        self._status_at = 0.0
        self._mailing: Mailing | None = None
        self._mailing_reader = MailingReader()
        self._status_budget = Budget(_STATUS_EVERY, monotonic)
        self._mailing_budget = Budget(_MAILING_EVERY, monotonic)
        self._names: list[bytes] | None = None
        self._samples: list[Sample] = []
        self._pulse_at = -1e9
        self._answered_at: float | None = None
        self._answers = True

    def study(self) -> None:
        """Read what `nurture status` reads, and the figures of mail, as far as it is time; raises nothing for a part that is away."""
        if self._status is None or self._status_budget.may:
            self._status_budget.begins()
            self._status = status(
                self._engine, self._redis, self._partitions, self._now(), folder=self._folder, production=self._production
            )
            self._status_at = self._monotonic()
            self._status_budget.ends()
            found = self._status.stream
            self._names = self._names or [redis_keys.worker(each.name).encode() for each in (found.workers if found else ())]
        if self._mailing_budget.may and self._status.store is not None:
            self._mailing_budget.begins()
            self._read_mailing()
            self._mailing_budget.ends()

    def _read_mailing(self) -> None:
        try:
            with snapshot(self._engine) as connection:
                counted = self._mailing_reader.count(connection, self._now())
            self._mailing = self._mailing_reader.told(counted, self._redis)
        except (NurtureError, DBAPIError):
            self._mailing = None  # `study` says what is wrong with the database

    def glance(self) -> Facts:
        """One frame: what Redis tells now, beside what was last studied."""
        if self._status is None:
            self.study()
        assert self._status is not None  # studied
        glance = self._glance()
        if (glance is not None) != self._answers:
            self._answers = glance is not None
            self._status_budget.hurry()
        return Facts(
            at=self._now(), interval=self._interval, status=self._status, status_age=self._monotonic() - self._status_at,
            stream=None if glance is None else glance.stream, flow={} if glance is None else glance.flow,
            warnings=() if glance is None else glance.warnings, mailing=self._mailing, held=tuple(_held(self._status)), since_redis=self._silence(glance),
        )  # fmt: skip

    def once(self) -> Facts:
        """A single frame."""
        self.study()
        return self.glance()

    def _silence(self, glance: _Glance | None) -> float | None:
        now = self._monotonic()
        if glance is not None:
            self._answered_at = now
            return None
        return None if self._answered_at is None else now - self._answered_at

    def _glance(self) -> _Glance | None:
        try:
            return self._ask(self._redis) if self._redis is not None else None
        except (RedisError, OSError):
            return None

    def _ask(self, redis: Redis) -> _Glance:
        names = self._names or []
        all_of_it = self._monotonic() - self._pulse_at >= pulse.EVERY  # it does not change more often
        pipeline = redis.pipeline(transaction=False)
        told = ask_stream(pipeline, self._partitions, names)
        sampled = told + pulse.ask(pipeline, self._partitions)
        pipeline.zrange(redis_keys.WORKERS, 0, -1)
        pipeline.lrange(redis_keys.WARNINGS, 0, _WARNINGS - 1)
        pipeline.lrange(redis_keys.PULSE, 0, -1 if all_of_it else 0)
        asked = time.time()
        answers = pipeline.execute(raise_on_error=False)
        stream = stream_in(answers[:told], self._partitions, names, asked)
        sample = pulse.answered(answers[told:sampled])
        listed, warned, beats = (_sound(each) for each in answers[sampled:])
        self._remember(pulse.samples_in(beats), sample, all_of_it=all_of_it)
        # A worker that has come is asked from the next frame on; one that has gone answers nothing.
        alive = {redis_keys.worker(each.name).encode() for each in stream.workers}
        self._names = sorted(alive | {redis_keys.worker(name.decode()).encode() for name in listed})
        return _Glance(stream, self._flow(sample.at), tuple(_warning(each) for each in warnings_in(warned)))

    def _remember(self, beats: list[Sample], mine: Sample, *, all_of_it: bool) -> None:
        """Beat's samples, and what was seen since the last of them, so that rates are known while beat is away."""
        if all_of_it:
            self._pulse_at = self._monotonic()
            newest = beats[-1].at if beats else 0.0
            own = [each for each in self._samples if newest < each.at <= mine.at and mine.at - each.at < pulse.EVERY * pulse.KEPT]
            self._samples = [*beats, *own] if beats else own
        self._samples.append(mine)

    def _flow(self, at: float) -> dict[str, Flow]:
        number, width = SPANS
        found = {}
        for what in FLOW:
            taken = steps(self._samples, what)
            now, minute, ten = (rate(taken, at - span, at) for span in (NOW, 60.0, 600.0))
            found[what] = Flow(now=now, minute=minute, ten_minutes=ten, line=tuple(series(taken, at, width, number)))
        return found


def _held(found: Status) -> Iterator[HeldNow]:
    if found.store is not None:
        for each in found.store.holds:
            yield HeldNow(what=each.what, how=each.how, since=each.since, reason=each.reason)
        for brake in found.store.brakes:
            yield HeldNow(what=brake.holds, how="braked", since=brake.at, reason=brake.reason)


def _sound(answer: Any) -> Any:
    if isinstance(answer, Exception):
        raise answer
    return answer


def _warning(warned: Any) -> LogLine:
    return LogLine(**{**warned._asdict(), "at": datetime.fromtimestamp(warned.at, UTC)})
