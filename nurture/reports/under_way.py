"""What is still under way of what is held: what `nurture drain` waits for.

A worker heeds a hold within a second, but tells what it runs only every few seconds. So its word counts when its sign of life is newer
than that second; and a task that it names counts unless it was provably begun later, for such a task finds its queue held and ends.
No two machines' clocks are compared: how old a task was, when its worker told of it, is by that worker's clock alone.
"""

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any, Final, NamedTuple

from redis import Redis
from sqlalchemy import ColumnElement, Connection, Row, func, or_, select

from nurture.adapters import redis_keys
from nurture.adapters.broker import ROUTES
from nurture.adapters.database.tables import enrollments, messages, people
from nurture.domain.enrollment import LIVE
from nurture.domain.mail.delivery import domain_of
from nurture.domain.mail.message import MessageStatus
from nurture.reports.figures import Figures

#: After so many seconds every worker has heeded a hold, with a little air for its one statement.
HEEDED: Final = 1.5


class Running(NamedTuple):
    """A task that a worker ran when it told so, and for how many seconds it had run by then; None if it does not say."""

    task: str
    seconds: float | None


class Sign(NamedTuple):
    """A worker's sign of life: `seen` is when it gave it, by its own clock; `running` is None where it does not tell what it runs."""

    worker: str
    queues: frozenset[str]
    seen: str
    running: tuple[Running, ...] | None


class Left(Figures):
    """What is left: tasks with the worker that runs them, mails in the hand of a worker, people in flight.

    `unheard` are workers that have not yet told what they run since the hold; `mute` those that never tell, because they are of a
    version that knows nothing of holds.
    """

    tasks: tuple[str, ...] = ()
    mails: int = 0
    people: int = 0
    unheard: tuple[str, ...] = ()
    mute: tuple[str, ...] = ()
    next_due: datetime | None = None

    @property
    def nothing(self) -> bool:
        return not (self.tasks or self.mails or self.people or self.unheard or self.mute)


class Watch:
    """Watches workers for the end of what they had begun when queues were held; `began` and `now` are of one monotonic clock."""

    def __init__(self, queues: Collection[str], began: float) -> None:
        self._queues = frozenset(queues)
        self.began = began
        self._heeded = began + HEEDED
        self._known: dict[str, tuple[str, float]] = {}
        self._looked = began

    def look(self, signs: Iterable[Sign], now: float) -> Left:
        """What is left by what workers tell now."""
        tasks, unheard, mute = [], [], []
        known: dict[str, tuple[str, float]] = {}
        for sign in signs:
            if not sign.queues & self._queues:
                continue
            # A sign that was not there at the last look was given after it.
            seen, given = self._known.get(sign.worker, ("", self._looked))
            known[sign.worker] = sign.seen, given if sign.seen == seen else self._looked
            if sign.running is None:
                mute.append(sign.worker)
            elif known[sign.worker][1] < self._heeded:
                unheard.append(sign.worker)
            else:
                tasks += [f"{task} of {sign.worker}" for task in self._old(sign.running, known[sign.worker][1])]
        self._known, self._looked = known, now
        return Left(tasks=tuple(tasks), unheard=tuple(unheard), mute=tuple(mute))

    def _old(self, running: Iterable[Running], given: float) -> Iterator[str]:
        for each in running:
            begun_later = each.seconds is not None and given - each.seconds > self._heeded
            if ROUTES.get(each.task) in self._queues and not begun_later:
                yield each.task


def signs_of_life(redis: Redis) -> list[Sign]:
    """What every worker tells; raises redis.RedisError."""
    names = sorted(redis.scan_iter(match=redis_keys.worker("*"), count=10_000))
    pipeline = redis.pipeline(transaction=False)
    for name in names:
        pipeline.hgetall(name)
    found = zip(names, pipeline.execute(), strict=True)
    return [_sign(name.decode().removeprefix(redis_keys.worker("")), fields) for name, fields in found if fields]


def _sign(worker: str, fields: Mapping[bytes, bytes]) -> Sign:
    told = {name.decode(): value.decode(errors="replace") for name, value in fields.items()}
    seen = told.get("seen", "")
    running: tuple[Running, ...] | None = None
    with suppress(ValueError):
        listed = json.loads(told["tasks"]) if "tasks" in told else None
        running = tuple(_running(each, seen) for each in listed) if isinstance(listed, list) else None
    return Sign(worker, frozenset(told.get("queues", "").split(",")), seen, running)


def _running(told: Any, seen: str) -> Running:
    if not isinstance(told, Mapping):
        raise ValueError("a task is told with its name")  # what cannot be read is not told
    return Running(str(told.get("task", "")).removeprefix("nurture."), _seconds(told.get("since"), seen))


def _seconds(since: Any, seen: str) -> float | None:
    with suppress(TypeError, ValueError):
        begun = datetime.fromisoformat(since).timestamp() if isinstance(since, str) and "-" in since else float(since)
        return max(0.0, float(seen) - begun)
    return None


def mails_under_way(connection: Connection, at: datetime, to: Callable[[str], bool] | None = None) -> int:
    """How many mails a worker has in its hand: claimed, or being handed over; with `to` only those to domains that it is true of."""
    if to is None:
        return connection.scalar(select(func.count()).select_from(messages).where(_in_hand(at))) or 0
    readers = select(people.c.email).select_from(messages.join(people, people.c.id == messages.c.person_id))
    found: Iterable[Row[Any]] = connection.execute(readers.where(_in_hand(at)))
    return sum(row.email is not None and to(domain_of(row.email)) for row in found)


def _in_hand(at: datetime) -> ColumnElement[bool]:
    claimed = messages.c.status.in_([MessageStatus.QUEUED, MessageStatus.SENDING])
    return claimed & or_(messages.c.lease_until >= at, messages.c.status == MessageStatus.SENDING)


def in_flight(connection: Connection, sequence: str) -> Left:
    """Who is still on a sequence, and when the next of them takes a step."""
    live = enrollments.c.status.in_([status.value for status in sorted(LIVE)])
    asked = select(func.count().label("people"), func.min(enrollments.c.due_at).label("next_due"))
    row = connection.execute(asked.where(enrollments.c.sequence == sequence, live)).one()
    return Left(people=row.people, next_due=row.next_due)
