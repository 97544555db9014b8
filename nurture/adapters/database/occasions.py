"""What deliveries tell, read from the tables it stands in: one entry of KINDS for each kind of it."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import Column, Connection, select

from nurture.adapters.database.bulk import among
from nurture.adapters.database.tables import alarms, alerts, deliveries, enrollments, follow_ups, reminders, stage_changes
from nurture.domain.telling.occasions import Alarmed, Alerted, Moved, Occasion, Untouched
from nurture.domain.touches import Touch, touch_from_json


class Happened(NamedTuple):
    """What a delivery tells: of whom (of nobody, if it is an alarm), when, what, and which visit led to it, if one did."""

    person: int | None
    at: datetime
    what: Occasion
    touch: Touch | None = None


class Kind(NamedTuple):
    """A kind of occasion: the column of `deliveries` that names it, and how those of some ids are read."""

    column: Column[Any]
    read: Callable[[Connection, Collection[int]], Mapping[int, Happened]]


def what_happened(connection: Connection, due: Sequence[Any]) -> dict[int, Happened]:
    """What each row of `deliveries` tells, by the delivery's id."""
    found: dict[int, Happened] = {}
    for kind in KINDS:
        told = {row.id: named for row in due if (named := getattr(row, kind.column.name)) is not None}
        if told:
            read = kind.read(connection, set(told.values()))
            found |= {delivery: read[named] for delivery, named in told.items()}
    return found


def _moves(connection: Connection, wanted: Collection[int]) -> Mapping[int, Happened]:
    asked = select(stage_changes).where(among(connection, stage_changes.c.id, wanted))
    return {
        row.id: Happened(
            row.person_id,
            row.at,
            Moved(row.from_stage, row.to_stage, row.rule, row.cause, row.asset),
            touch_from_json(row.touch) if row.touch else None,
        )
        for row in connection.execute(asked)
    }


def _alerts(connection: Connection, wanted: Collection[int]) -> Mapping[int, Happened]:
    asked = select(alerts, enrollments.c.sequence).join(enrollments, enrollments.c.id == alerts.c.enrollment_id)
    return {
        row.id: Happened(row.person_id, row.at, Alerted(row.sequence, row.step, row.text))
        for row in connection.execute(asked.where(among(connection, alerts.c.id, wanted)))
    }


def _alarms(connection: Connection, wanted: Collection[int]) -> Mapping[int, Happened]:
    asked = select(alarms).where(among(connection, alarms.c.id, wanted))
    return {row.id: Happened(None, row.at, Alarmed(row.kind, row.about, row.text)) for row in connection.execute(asked)}


def _untouched(connection: Connection, wanted: Collection[int]) -> Mapping[int, Happened]:
    asked = (
        select(reminders, follow_ups.c.stage, follow_ups.c.since, stage_changes.c.cause)
        .join(follow_ups, follow_ups.c.stage_change_id == reminders.c.stage_change_id)
        .join(stage_changes, stage_changes.c.id == reminders.c.stage_change_id)
    )
    return {
        row.id: Happened(row.person_id, row.at, Untouched(row.stage, row.cause, row.since, row.level))
        for row in connection.execute(asked.where(among(connection, reminders.c.id, wanted)))
    }


#: Every kind there is.
KINDS: Final = (
    Kind(deliveries.c.stage_change_id, _moves),
    Kind(deliveries.c.alert_id, _alerts),
    Kind(deliveries.c.alarm_id, _alarms),
    Kind(deliveries.c.reminder_id, _untouched),
)
