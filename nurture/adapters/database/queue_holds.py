"""Queues that an operator holds, or everything: kept in the database, so that they hold for all workers and outlive Redis."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Engine,
    Interval,
    String,
    Table,
    case,
    cast,
    delete,
    func,
    literal,
    type_coerce,
    update,
)  # fmt: skip
from sqlalchemy.exc import DBAPIError

from nurture.adapters.database.bulk import put_rows
from nurture.adapters.database.dialect import translated
from nurture.adapters.database.hold_rows import holds_in
from nurture.adapters.database.switching import turn_switch
from nurture.adapters.database.tables import Instant, deliveries, endpoints, enrollments, holds, messages
from nurture.domain.enrollment import EnrollmentStatus
from nurture.domain.holds import Held, Hold, HoldKind
from nurture.domain.mail.message import MessageStatus
from nurture.domain.telling.calls import DeliveryStatus

#: A hold is heeded by every worker after so many seconds at the latest.
LOOKS_EVERY: Final = 1.0


class _Queue(NamedTuple):
    """A queue in the database: what in it waits, and the column that says what is late."""

    table: Table
    late_by: Column[Any]
    waits: ColumnElement[bool]


_QUEUES: Final = {
    # The status written into the statement: only so is it certain that the index of what waits can be used.
    "mail": _Queue(
        messages,
        messages.c.planned_at,
        messages.c.status == literal(MessageStatus.QUEUED, messages.c.status.type, literal_execute=True),
    ),
    "sequences": _Queue(
        enrollments,
        enrollments.c.due_at,
        enrollments.c.status.in_([EnrollmentStatus.ACTIVE.value, EnrollmentStatus.WAITING.value]),
    ),
}


class QueueHoldTransaction:
    """One transaction of pause or resume; fulfils `flow.hold_queue.QueueHolding`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def held(self) -> tuple[Hold, ...]:
        return holds_in(self._connection)

    def hold(self, hold: Hold) -> None:
        put_rows(self._connection, holds, [hold._asdict()])

    def let_go(self, kind: HoldKind, name: str) -> None:
        self._connection.execute(delete(holds).where(holds.c.kind == kind, holds.c.name == name))
        if kind == "endpoint":
            self._begin_anew(name)

    def _begin_anew(self, endpoint: str) -> None:
        """Whatever waits for an endpoint is due, and tried as often as if it were new: whoever lets it go on has seen to its cause."""
        self._connection.execute(delete(endpoints).where(endpoints.c.name == endpoint))
        waits = deliveries.c.status == literal(DeliveryStatus.WAITING.value, deliveries.c.status.type, literal_execute=True)
        at_once = func.coalesce(deliveries.c.at, deliveries.c.due_at)
        self._connection.execute(
            update(deliveries).where(waits, deliveries.c.endpoint == endpoint).values(attempts=0, due_at=at_once)
        )

    def not_late_for(self, queue: str, held: Held) -> int:
        where = _QUEUES.get(queue)
        if where is None:
            return 0
        column = where.late_by
        later = case(
            (column < held.since, _after(self._connection, column, held.until - held.since)),
            else_=literal(held.until, Instant()),
        )
        overdue = update(where.table).where(where.waits, column < held.until)
        return self._connection.execute(overdue.values({column: later})).rowcount


def _after(connection: Connection, column: Column[Any], by: timedelta) -> ColumnElement[Any]:
    """An instant of a column, so much later."""
    if connection.dialect.name == "postgresql":
        return type_coerce(column + literal(by, Interval()), Instant())
    # SQLite counts in milliseconds at best: the whole seconds move, and what stands behind the point stays.
    whole, parts = func.substr(cast(column, String), 1, 19), func.substr(cast(column, String), 20)
    seconds = f"+{int(by.total_seconds())} seconds"
    return type_coerce(func.strftime("%Y-%m-%d %H:%M:%S", whole, seconds).concat(parts), Instant())


@contextmanager
def queue_holding(engine: Engine) -> Iterator[QueueHoldTransaction]:
    """A transaction that commits if the block ends well, and that no worker works beside."""
    with translated("nothing was changed; give the same command again"), engine.begin() as connection:
        turn_switch(connection)
        yield QueueHoldTransaction(connection)


class HeldQueues:
    """What a worker knows of holds: asked of the database with one small statement, at most once in LOOKS_EVERY seconds.

    While the database does not answer, what it said last holds on: a worker has nothing to do without it anyway.
    """

    def __init__(self, engine: Engine, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._engine = engine
        self._monotonic = monotonic
        self._looked_at: float | None = None
        self._holds: tuple[Hold, ...] = ()

    def stop(self, queue: str) -> bool:
        """Whether a queue is held, by itself or with everything."""
        return any(hold.covers(queue) for hold in self._look())

    def stop_all(self) -> bool:
        """Whether everything is held."""
        return any(hold.kind == "all" for hold in self._look())

    def _look(self) -> tuple[Hold, ...]:
        now = self._monotonic()
        if self._looked_at is None or now - self._looked_at >= LOOKS_EVERY:
            self._looked_at = now
            try:
                with self._engine.connect().execution_options(reading=True) as connection:
                    self._holds = holds_in(connection)
            except DBAPIError as error:
                import structlog  # here, for `nurture status` reads holds and logs nothing

                structlog.get_logger(__name__).debug("nobody says what is held", error=type(error.orig).__name__)
        return self._holds
