"""The database as hand off sees it; each call is a short transaction, and none is open while endpoints are called."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Engine, and_, func, literal, or_, select, update

from nurture.adapters.database.bulk import among, insert_rows, put_rows
from nurture.adapters.database.dialect import translated
from nurture.adapters.database.guarding import store_alarms
from nurture.adapters.database.lately import lately
from nurture.adapters.database.occasions import what_happened
from nurture.adapters.database.releases import Releases
from nurture.adapters.database.rows import person_of
from nurture.adapters.database.tables import alerts, deliveries, endpoints, holds, people, score_cells
from nurture.domain.definitions import Definitions
from nurture.domain.handing_off import Claimed, Delivery, Handoff, deliveries_of
from nurture.domain.holds import Hold
from nurture.domain.ids import stable_id
from nurture.domain.mail.breakers import Alarm
from nurture.domain.person import Person
from nurture.domain.scoring import Cell, Cells
from nurture.domain.stepping import Alert
from nurture.domain.telling.calls import KEEPS_ORDER, LEASE, DeliveryStatus, Fared, Result

#: Written into the statement: only so is it certain that the indexes of what waits can be used.
_WAITING: Final = literal(DeliveryStatus.WAITING.value, deliveries.c.status.type, literal_execute=True)
_WAITS: Final = deliveries.c.status == _WAITING


def store_deliveries(connection: Connection, changes: Sequence[Mapping[str, Any]], handoff: Handoff) -> None:
    """Make rows of `stage_changes` due at once at every endpoint that asked for them, in the transaction that writes them."""
    rows = [
        {
            "id": new.id,
            "stage_change_id": new.stage_change,
            "endpoint": new.endpoint,
            "status": DeliveryStatus.WAITING.value,
            "due_at": change["at"],
            "person_id": change["person_id"],
            "at": change["at"],
        }
        for change in changes
        for new in deliveries_of(change["id"], change["to_stage"], handoff)
    ]
    insert_rows(connection, deliveries, rows)


def store_alerts(connection: Connection, told: Sequence[Alert], at: datetime) -> None:
    """Write what steps tell of, each due at once at the endpoint it is for."""
    rows = [
        {
            "id": alert.id,
            "enrollment_id": alert.enrollment,
            "person_id": alert.person,
            "step": alert.step,
            "text": alert.text,
            "at": at,
        }
        for alert in told
    ]
    insert_rows(connection, alerts, rows, unless_there=True)
    due = [
        {
            "id": stable_id("delivery", alert.id, alert.endpoint),
            "alert_id": alert.id,
            "endpoint": alert.endpoint,
            "status": DeliveryStatus.WAITING.value,
            "due_at": at,
            "person_id": alert.person,
            "at": at,
        }
        for alert in told
    ]
    insert_rows(connection, deliveries, due, unless_there=True)


class HandingOffStore:
    """Fulfils `ports.HandingOff`."""

    def __init__(self, engine: Engine, releases: Releases) -> None:
        self._engine = engine
        self._releases = releases

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        with translated("the hand-offs stay due"), self._engine.begin() as connection:
            yield connection

    def definitions(self) -> Definitions:
        with self._transaction() as connection:
            return self._releases.current(connection)

    def endpoints(self, at: datetime) -> list[str]:
        with self._transaction() as connection:
            held = set(connection.scalars(select(holds.c.name).where(holds.c.kind == "endpoint")))
            held |= set(connection.scalars(select(endpoints.c.name).where(endpoints.c.quiet_until > at)))
            return [name for name in _waited_for(connection) if name not in held and _is_due(connection, name, at)]

    def claim(self, endpoint: str, limit: int, at: datetime) -> Claimed:
        with self._transaction() as connection:
            # Held since it was looked for, it is called no more: whoever held it counts on that.
            held = select(holds.c.name).where(holds.c.kind == "endpoint", holds.c.name == endpoint).exists()
            due = connection.execute(
                select(deliveries)
                .where(_WAITS, deliveries.c.endpoint == endpoint, deliveries.c.due_at <= at, ~_one_before(), ~held)
                .order_by(deliveries.c.due_at, deliveries.c.id)
                .limit(limit)
                .with_for_update(skip_locked=True)
            ).all()
            if not due:
                return Claimed([], None)
            leased = update(deliveries).where(among(connection, deliveries.c.id, [row.id for row in due]))
            connection.execute(leased.values(due_at=at + LEASE))
            failing_since = connection.scalar(select(endpoints.c.failing_since).where(endpoints.c.name == endpoint))
            return Claimed(_with_what_happened(connection, due), failing_since)

    def settle(self, endpoint: str, results: Sequence[Result], how: Fared | None, at: datetime) -> None:
        with self._transaction() as connection:
            for result in results:
                _note(connection, result)
            if how is None:
                return
            fared = {"name": endpoint, "failing_since": how.failing_since, "quiet_until": how.quiet_until}
            put_rows(connection, endpoints, [fared])
            if how.disabled is not None:
                self._disable(connection, endpoint, how.disabled, at)

    def _disable(self, connection: Connection, endpoint: str, reason: str, at: datetime) -> None:
        hold = Hold("endpoint", endpoint, "paused", reason, at)
        insert_rows(connection, holds, [hold._asdict()], unless_there=True)
        text = f"{endpoint} is called no more: {reason}. What is due to it waits; `nurture resume endpoint {endpoint}` sends it"
        alarm = Alarm("endpoint", endpoint, text, at)
        store_alarms(connection, [alarm], self._releases.current(connection).handoff)


def _one_before() -> ColumnElement[bool]:
    """Whether something else, of before, is still to be told of the same person to the same endpoint."""
    before = deliveries.alias("before")
    return (
        select(before.c.id)
        .where(
            before.c.person_id == deliveries.c.person_id,
            before.c.endpoint == deliveries.c.endpoint,
            before.c.status == _WAITING,
            before.c.attempts < KEEPS_ORDER,
            or_(before.c.at < deliveries.c.at, and_(before.c.at == deliveries.c.at, before.c.id < deliveries.c.id)),
        )
        .exists()
    )


def _waited_for(connection: Connection) -> Iterator[str]:
    """The endpoints for which something waits: one look into the index for each, however much it is."""
    last = ""
    while True:
        name = connection.scalar(select(func.min(deliveries.c.endpoint)).where(_WAITS, deliveries.c.endpoint > last))
        if name is None:
            return
        yield name
        last = name


def _is_due(connection: Connection, endpoint: str, at: datetime) -> bool:
    due = select(deliveries.c.id).where(_WAITS, deliveries.c.endpoint == endpoint, deliveries.c.due_at <= at)
    return connection.execute(due.limit(1)).first() is not None


def _with_what_happened(connection: Connection, due: Sequence[Any]) -> list[Delivery]:
    happened = what_happened(connection, due)
    everybody = _people(connection, {each.person for each in happened.values() if each.person is not None})
    known = {person.id for person in everybody.values()}
    cells, did = _cells(connection, known), lately(connection, known)
    found = []
    for row in due:
        told = happened[row.id]
        person = everybody[told.person] if told.person is not None else None
        delivery = Delivery(row.id, row.endpoint, row.attempts, told.what, told.at, person, {}, told.touch)
        found.append(delivery._replace(cells=cells[person.id], lately=did[person.id]) if person is not None else delivery)
    return found


def _people(connection: Connection, wanted: set[int]) -> Mapping[int, Person]:
    """Each of the people wanted, or who they turned out to be."""
    into = people.alias()
    whoever = func.coalesce(people.c.merged_into, people.c.id)
    asked = select(people.c.id.label("asked"), into).join(into, into.c.id == whoever)
    return {row.asked: person_of(row) for row in connection.execute(asked.where(among(connection, people.c.id, wanted)))}


def _cells(connection: Connection, who: set[int]) -> Mapping[int, Cells]:
    cells: dict[int, dict[Cell, int]] = defaultdict(dict)
    for row in connection.execute(select(score_cells).where(among(connection, score_cells.c.person_id, who))):
        cells[row.person_id][Cell(row.rule, row.day)] = row.hits
    return cells


def _note(connection: Connection, result: Result) -> None:
    values: dict[str, Any] = {"status": result.status.value, "attempts": result.attempts, "detail": result.detail}
    if result.due_at is not None:
        values["due_at"] = result.due_at
    noted = update(deliveries).where(deliveries.c.id == result.delivery)
    if result.status != DeliveryStatus.DELIVERED:
        # A worker that outlived its lease does not undo what another has found out since. That it delivered stays true.
        noted = noted.where(deliveries.c.status == DeliveryStatus.WAITING.value, deliveries.c.attempts <= result.attempts)
    connection.execute(noted.values(values))
