"""What other systems were told, are to be told and could not be told, for an operator to look at and to tell again."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Engine, func, select, update

from nurture.adapters.database.bulk import among
from nurture.adapters.database.dialect import translated
from nurture.adapters.database.occasions import what_happened
from nurture.adapters.database.tables import deliveries
from nurture.domain.telling.calls import DeliveryStatus
from nurture.domain.telling.occasions import Occasion


class Telling(NamedTuple):
    """One delivery: what is told of whom (a person's id), where it stands, and what the endpoint answered last.

    `at` is when it happened; None for what an older version of the engine wrote.
    """

    id: int
    endpoint: str
    status: DeliveryStatus
    attempts: int
    at: datetime | None
    due_at: datetime
    detail: str | None
    person: int | None
    what: Occasion


class Wanted(NamedTuple):
    """Which deliveries are asked for; without anything, every one. `ids` are theirs, the `webhook-id` of their calls."""

    ids: Collection[int] = ()
    endpoint: str | None = None
    statuses: Collection[DeliveryStatus] = ()
    since: datetime | None = None
    until: datetime | None = None
    detail: str | None = None


class ToldStore:
    """The deliveries; each call is a transaction of its own."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        with translated("nothing was changed; give the same command again"), self._engine.begin() as connection:
            yield connection

    def count(self, wanted: Wanted) -> int:
        """How many there are."""
        with self._transaction() as connection:
            return connection.scalar(select(func.count()).select_from(deliveries).where(*_conditions(connection, wanted))) or 0

    def found(self, wanted: Wanted, limit: int) -> list[Telling]:
        """Up to `limit` of them, the latest first."""
        with self._transaction() as connection:
            asked = select(deliveries).where(*_conditions(connection, wanted))
            rows = connection.execute(asked.order_by(deliveries.c.at.desc(), deliveries.c.id).limit(limit)).all()
            return _tellings(connection, rows)

    def again(self, wanted: Wanted, at: datetime) -> int:
        """Make those due at once that do not wait as it is, under the id they have; how many there were."""
        with self._transaction() as connection:
            anew = {"status": DeliveryStatus.WAITING.value, "attempts": 0, "due_at": func.coalesce(deliveries.c.at, at)}
            which = [*_conditions(connection, wanted), deliveries.c.status != DeliveryStatus.WAITING.value]
            return connection.execute(update(deliveries).where(*which).values(anew)).rowcount

    def drop(self, wanted: Wanted) -> int:
        """Give those up for good that were given up; how many there were."""
        with self._transaction() as connection:
            which = [*_conditions(connection, wanted), deliveries.c.status == DeliveryStatus.FAILED.value]
            return connection.execute(update(deliveries).where(*which).values(status=DeliveryStatus.DROPPED.value)).rowcount


def _conditions(connection: Connection, wanted: Wanted) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.ids:
        found.append(among(connection, deliveries.c.id, set(wanted.ids)))
    if wanted.endpoint is not None:
        found.append(deliveries.c.endpoint == wanted.endpoint)
    if wanted.statuses:
        found.append(deliveries.c.status.in_([each.value for each in wanted.statuses]))
    if wanted.since is not None:
        found.append(deliveries.c.at >= wanted.since)
    if wanted.until is not None:
        found.append(deliveries.c.at < wanted.until)
    if wanted.detail is not None:
        found.append(func.lower(deliveries.c.detail).contains(wanted.detail.lower(), autoescape=True))
    return found


def _tellings(connection: Connection, rows: Sequence[Any]) -> list[Telling]:
    happened = what_happened(connection, rows)
    return [
        Telling(
            row.id, row.endpoint, DeliveryStatus(row.status), row.attempts, row.at, row.due_at, row.detail,
            happened[row.id].person, happened[row.id].what,
        )
        for row in rows
    ]  # fmt: skip
