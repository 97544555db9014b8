"""The database as guard sees it, and the alarms that are raised."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, String, cast, func, select

from nurture.adapters.database.bulk import among, insert_rows
from nurture.adapters.database.dialect import translated
from nurture.adapters.database.holding import HoldingTransaction
from nurture.adapters.database.mail_streams import streams_in
from nurture.adapters.database.releases import Releases
from nurture.adapters.database.switching import turn_switch
from nurture.adapters.database.tables import alarms, brakes, deliveries, enrollments, messages
from nurture.domain.definitions import Definitions
from nurture.domain.handing_off import Handoff
from nurture.domain.ids import stable_id
from nurture.domain.mail.breakers import ALL_MAIL, Alarm, Pulse, Stream, Trip
from nurture.domain.mail.message import MessageStatus
from nurture.domain.telling.calls import DeliveryStatus
from nurture.ports import Outcome

_HOUR, _WEEK = timedelta(hours=1), timedelta(days=7)


def store_alarms(connection: Connection, raised: Sequence[Alarm], handoff: Handoff | None = None) -> list[Alarm]:
    """Keep alarms, and make them due at the endpoints that are to be told; those that were not raised before."""
    by_id = {alarm.id: alarm for alarm in raised}
    known = set(connection.scalars(select(alarms.c.id).where(among(connection, alarms.c.id, by_id.keys()))))
    new = [alarm for id_, alarm in by_id.items() if id_ not in known]
    rows = [{"id": each.id, "kind": each.kind, "about": each.about, "text": each.text, "at": each.at} for each in new]
    insert_rows(connection, alarms, rows, unless_there=True)
    told = [name for name, endpoint in handoff.endpoints.items() if endpoint.alarms] if handoff is not None else []
    due = [
        {
            "id": stable_id("delivery", alarm.id, name), "alarm_id": alarm.id, "endpoint": name,
            "status": DeliveryStatus.WAITING.value, "due_at": alarm.at, "at": alarm.at,
        }
        for alarm in new for name in told
    ]  # fmt: skip
    insert_rows(connection, deliveries, due, unless_there=True)
    return new


def alarm_about(person: int, outcome: Outcome) -> Alarm:
    """The alarm for a mail that a breaker kept from somebody."""
    if outcome.status == MessageStatus.SKIPPED:
        return Alarm("same_mail", str(person), outcome.detail or "the same mail again", outcome.at)
    return Alarm("per_person", str(person), "a whole series of mails was due to one person within a day", outcome.at)


class GuardingStore:
    """Fulfils `flow.guard.GuardStore`."""

    def __init__(self, engine: Engine, releases: Releases) -> None:
        self._engine = engine
        self._releases = releases

    def definitions(self) -> Definitions:
        with translated("mail is looked at later"), self._engine.begin() as connection:
            return self._releases.current(connection)

    def streams(self, within: timedelta, at: datetime) -> Sequence[Stream]:
        with translated("mail is looked at later"), self._engine.begin() as connection:
            return streams_in(connection, within, at)

    def pulses(self, least: int, at: datetime) -> Sequence[Pulse]:
        with translated("mail is looked at later"), self._engine.begin() as connection:
            lately = (
                select(enrollments.c.sequence, func.count().label("mails"))
                .select_from(messages.join(enrollments, enrollments.c.id == messages.c.enrollment_id))
                .where(messages.c.sent_at > at - _HOUR)
                .group_by(enrollments.c.sequence)
            )
            by_sequence: dict[str | None, int] = {row.sequence: row.mails for row in connection.execute(lately)}
            by_sequence[None] = sum(by_sequence.values())
            much = {name: mails for name, mails in by_sequence.items() if mails >= least}
            return [Pulse(name, mails, _busiest_hour(connection, name, at - _HOUR)) for name, mails in much.items()]

    def stop(self, trips: Sequence[Trip], at: datetime) -> list[Alarm]:
        with translated("mail is looked at later"), self._engine.begin() as connection:
            turn_switch(connection)
            holding = HoldingTransaction(connection, self._releases)
            held = holding.held_since()
            for trip in trips:
                if trip.sequence is None:
                    row = {"kind": "all", "name": ALL_MAIL, "until": None, "reason": trip.alarm.text, "at": at}
                    insert_rows(connection, brakes, [row], unless_there=True)
                elif trip.sequence not in held:
                    holding.hold(trip.sequence, at, trip.alarm.text)
            return store_alarms(connection, [trip.alarm for trip in trips], holding.definitions().handoff)


def _busiest_hour(connection: Connection, sequence: str | None, before: datetime) -> int:
    """How many mails left in the busiest hour of the week before an instant."""
    hour = func.substr(cast(messages.c.sent_at, String), 1, 13)
    mails = select(hour.label("hour"), func.count().label("mails")).where(messages.c.sent_at.between(before - _WEEK, before))
    if sequence is not None:
        theirs = select(enrollments.c.id).where(enrollments.c.id == messages.c.enrollment_id, enrollments.c.sequence == sequence)
        mails = mails.where(theirs.exists())
    by_hour = mails.group_by(hour).subquery()
    return connection.scalar(select(func.max(by_hour.c.mails))) or 0
