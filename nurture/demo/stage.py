"""The engine as the demo drives it: its clock is moved only while it has nothing left to do."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Final, NamedTuple

from redis import Redis
from sqlalchemy import Engine, bindparam, distinct, func, select

from nurture import bootstrap
from nurture.adapters import redis_keys
from nurture.adapters.clock import set_shift
from nurture.adapters.database.tables import enrollments, messages, stage_changes
from nurture.adapters.nudge import CeleryNudge
from nurture.domain.enrollment import EnrollmentStatus
from nurture.domain.mail.sending import MessageStatus
from nurture.errors import Unavailable
from nurture.ports import Clock
from nurture.reports.reading import snapshot
from nurture.settings import Settings

_LOOK_EVERY: Final = 0.02

#: Seconds after which a task is woken again. The engine would find its work by itself within a sweep; this saves the wait.
_NUDGE_EVERY: Final = 0.5

#: Seconds without any progress after which the engine has stopped, rather than being slow.
_PATIENCE: Final = 60.0

_RUNS: Final = (EnrollmentStatus.ACTIVE, EnrollmentStatus.WAITING)


_DUE: Final = select(
    *(
        select(func.count()).where(*conditions).scalar_subquery()
        for conditions in (
            (enrollments.c.status.in_(_RUNS), enrollments.c.due_at <= bindparam("now")),
            (messages.c.status == MessageStatus.QUEUED, messages.c.due_at <= bindparam("now")),
            (messages.c.status == MessageStatus.SENDING,),
        )
    )
)


class Work(NamedTuple):
    """What the engine has still to do: partitions with events; if there are none, steps and mails that are due, mails on the wire."""

    partitions: tuple[int, ...]
    events: int
    steps: int
    mails: int
    on_the_wire: int

    @property
    def none(self) -> bool:
        return not (self.events or self.steps or self.mails or self.on_the_wire)


class Stage:
    """A running engine whose clock file belongs to the demo."""

    def __init__(self, settings: Settings, database: Engine, redis: Redis, nudge: CeleryNudge, clock: Clock) -> None:
        self.clock = clock
        self.database = database
        self.redis = redis
        self._settings = settings
        self._nudge = nudge

    def move_to(self, instant: datetime) -> None:
        """Set the clock of every process to an instant; never back."""
        if self._settings.clock_file is not None and instant > self.clock.now():
            set_shift(self._settings.clock_file, (instant - datetime.now(UTC)).total_seconds())

    def next_due(self) -> datetime | None:
        """When the next step or mail comes due."""
        with snapshot(self.database) as connection:
            run = connection.scalar(select(func.min(enrollments.c.due_at)).where(enrollments.c.status.in_(_RUNS)))
            mail = connection.scalar(select(func.min(messages.c.due_at)).where(messages.c.status == MessageStatus.QUEUED))
        return min((each for each in (run, mail) if each is not None), default=None)

    def leads(self) -> int:
        """People who were ever promoted."""
        with snapshot(self.database) as connection:
            return connection.scalar(select(func.count(distinct(stage_changes.c.person_id)))) or 0

    def settle(self) -> None:
        """Wait until the engine has nothing to do now; raises Unavailable when it makes no progress any more."""
        last, since, nudged = self._work(), time.monotonic(), 0.0
        while not last.none:
            if time.monotonic() - nudged > _NUDGE_EVERY:
                self._wake(last)
                nudged = time.monotonic()
            time.sleep(_LOOK_EVERY)
            work = self._work()
            if work != last:
                last, since = work, time.monotonic()
            elif time.monotonic() - since > _PATIENCE:
                raise Unavailable(
                    f"the engine has stood still for {_PATIENCE:g} s with {last.events} events, {last.steps} steps, {last.mails} mails "
                    "waiting; see demo.log in the data folder"
                )

    def cool(self) -> None:
        """Wake what beat wakes once a minute: recycling."""
        self._nudge("cool")

    def _wake(self, work: Work) -> None:
        for partition in work.partitions:
            self._nudge("absorb", partition)
        if work.steps:
            self._nudge("advance")
        if work.mails:
            self._nudge("send")

    def _work(self) -> Work:
        """Asked in the order in which work moves on, so that nothing slips past between two questions."""
        pipeline = self.redis.pipeline(transaction=False)
        for partition in range(self._settings.partitions):
            pipeline.xlen(redis_keys.events(partition))
        waiting = pipeline.execute()
        if any(waiting):
            return Work(tuple(number for number, length in enumerate(waiting) if length), sum(waiting), 0, 0, 0)
        with snapshot(self.database) as connection:
            return Work((), 0, *connection.execute(_DUE, {"now": self.clock.now()}).one())


@contextmanager
def on_stage(settings: Settings) -> Iterator[Stage]:
    """A stage for the engine that runs with these settings."""
    database, redis = bootstrap.database(settings).engine, bootstrap.redis_client(settings)
    nudge = CeleryNudge(settings.redis)
    try:
        yield Stage(settings, database, redis, nudge, bootstrap.clock(settings))
    finally:
        nudge.close()
        redis.close()
        database.dispose()
