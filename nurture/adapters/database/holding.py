"""Sequences that are held: `nurture pause` and `nurture resume`."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Interval,
    String,
    and_,
    case,
    cast,
    delete,
    exists,
    func,
    insert,
    literal,
    select,
    union_all,
    update,
)  # fmt: skip

from nurture.adapters.database.dialect import translated
from nurture.adapters.database.releases import Releases
from nurture.adapters.database.switching import turn_switch
from nurture.adapters.database.tables import Instant, enrollments, holds, messages, pauses
from nurture.domain.definitions import Definitions
from nurture.domain.enrollment import LIVE, EnrollmentStatus
from nurture.domain.mail.message import MessageStatus, Reason


def held_sequences(connection: Connection) -> frozenset[str]:
    """The sequences that are paused."""
    return frozenset(connection.scalars(select(pauses.c.sequence)))


def held_and_closed(connection: Connection) -> tuple[frozenset[str], frozenset[str]]:
    """The sequences that are paused, and those that nobody enters any more."""
    paused = select(pauses.c.sequence, literal(value=False).label("closed"))
    draining = select(holds.c.name, literal(value=True)).where(holds.c.kind == "sequence")
    found = connection.execute(union_all(paused, draining)).all()
    held = (frozenset(row.sequence for row in found if bool(row.closed) is closed) for closed in (False, True))
    return next(held), next(held)


def release_messages(connection: Connection, sequence: str, at: datetime, spread: timedelta) -> int:
    """Let queued mails go that were put off because their sequence was held, spread over a time by their ids; how many."""
    theirs = select(enrollments.c.id).where(enrollments.c.sequence == sequence)
    held = and_(messages.c.status == MessageStatus.QUEUED, messages.c.reason == Reason.PAUSED.value)
    goes = spread_from(connection, messages.c.id, at, spread)
    released = update(messages).where(held, messages.c.enrollment_id.in_(theirs))
    return connection.execute(released.values(reason=None, planned_at=goes, due_at=goes)).rowcount


def spread_from(connection: Connection, id_: ColumnElement[int], at: datetime, over: timedelta) -> ColumnElement[Any]:
    """An instant from `at` on, within `over`: always the same for the same id. Ids are hashes, so they spread evenly."""
    whole, seconds = at.replace(microsecond=0), id_ % max(1, int(over.total_seconds()))
    start = literal(whole, Instant())
    if connection.dialect.name == "postgresql":
        return start + func.make_interval(0, 0, 0, 0, 0, 0, seconds, type_=Interval())
    return func.strftime("%Y-%m-%d %H:%M:%S", start, cast(seconds, String).concat(" seconds")).concat(".000000")


class HoldingTransaction:
    """One transaction of pause or resume; fulfils `flow.hold.Holding`."""

    def __init__(self, connection: Connection, releases: Releases) -> None:
        self._connection = connection
        self._releases = releases

    def definitions(self) -> Definitions:
        return self._releases.current(self._connection)

    def held_since(self) -> dict[str, datetime]:
        return {row.sequence: row.at for row in self._connection.execute(select(pauses.c.sequence, pauses.c.at))}

    def in_flight(self, sequence: str) -> bool:
        live = enrollments.c.status.in_([status.value for status in sorted(LIVE)])
        return bool(self._connection.scalar(select(exists().where(enrollments.c.sequence == sequence, live))))

    def closed_since(self) -> dict[str, datetime]:
        draining = select(holds.c.name, holds.c.since).where(holds.c.kind == "sequence")
        return {row.name: row.since for row in self._connection.execute(draining)}

    def close(self, sequence: str, at: datetime, reason: str | None, by: str | None) -> None:
        row = {"kind": "sequence", "name": sequence, "how": "draining", "reason": reason, "since": at, "by": by}
        self._connection.execute(insert(holds).values(row))

    def reopen(self, sequence: str) -> None:
        self._connection.execute(delete(holds).where(holds.c.kind == "sequence", holds.c.name == sequence))

    def hold(self, sequence: str, at: datetime, reason: str | None, by: str | None = None) -> int:
        self._connection.execute(insert(pauses).values(sequence=sequence, at=at, reason=reason, by=by))
        awake = enrollments.c.status.in_([EnrollmentStatus.ACTIVE.value, EnrollmentStatus.WAITING.value])
        held = update(enrollments).where(enrollments.c.sequence == sequence, awake)
        return self._connection.execute(held.values(status=EnrollmentStatus.PAUSED.value)).rowcount

    def let_go(self, sequence: str, at: datetime, over: timedelta) -> tuple[int, int]:
        self._connection.execute(delete(pauses).where(pauses.c.sequence == sequence))
        waits = enrollments.c.step_since.is_not(None)
        status = case((waits, EnrollmentStatus.WAITING.value), else_=EnrollmentStatus.ACTIVE.value)
        overdue = enrollments.c.due_at < at
        due_at = case((overdue, spread_from(self._connection, enrollments.c.id, at, over)), else_=enrollments.c.due_at)
        paused = and_(enrollments.c.sequence == sequence, enrollments.c.status == EnrollmentStatus.PAUSED.value)
        people = self._connection.execute(update(enrollments).where(paused).values(status=status, due_at=due_at)).rowcount
        return people, release_messages(self._connection, sequence, at, over)


@contextmanager
def holding(engine: Engine, releases: Releases) -> Iterator[HoldingTransaction]:
    """A transaction that commits if the block ends well, and that no worker works beside."""
    with translated("nothing was changed; give the same command again"), engine.begin() as connection:
        turn_switch(connection)
        yield HoldingTransaction(connection, releases)
