"""Everything that is kept of one person, as a file they may be handed (GDPR, articles 15 and 20)."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Column, Connection, Engine, Row, Table, or_, select

from nurture.adapters.database.bulk import among
from nurture.adapters.database.horizons import event_horizon
from nurture.adapters.database.tables import (
    alerts,
    consents,
    deliveries,
    enrollments,
    event_conflicts,
    events,
    follow_ups,
    identifiers,
    identity_journal,
    messages,
    paces,
    people,
    permissions,
    reminders,
    score_cells,
    stage_changes,
    suppressions,
)  # fmt: skip
from nurture.reports.people import Known, find_person
from nurture.reports.reading import snapshot

#: Columns that say how work is shared among workers and nothing of the person.
_OF_THE_ENGINE: Final = frozenset({"claimed_by", "lease_until", "fingerprint", "recount_at"})


def personal_data(engine: Engine, email_or_id: str, at: datetime) -> dict[str, Any]:
    """All of it as JSON values, in one consistent state; raises UnknownPerson, and Unavailable when the database is away.

    What the journal tells of somebody else's address or id is left out: whoever is handed the file learns nothing of others.
    """
    with snapshot(engine) as connection:
        return _Collector(connection, find_person(connection, email_or_id)).everything(at)


class _Collector:
    def __init__(self, connection: Connection, known: Known) -> None:
        self._connection = connection
        self._known = known

    def everything(self, at: datetime) -> dict[str, Any]:
        held = self._theirs(identifiers, identifiers.c.first_seen_at)
        return {
            "exported_at": at,
            "person": self._person(),
            "merged": self._theirs(people, people.c.first_seen_at, people.c.merged_into),
            "identifiers": held,
            "suppressions": self._by_address(suppressions, held),
            "consents": self._theirs(consents, consents.c.at),
            "permissions": self._by_address(permissions, held),
            "pace": self._by_address(paces, held),
            "events_kept_since": event_horizon(self._connection),
            "events": self._theirs(events, events.c.occurred_at),
            "conflicts": self._conflicts(),
            "score_cells": self._theirs(score_cells, score_cells.c.day),
            "stage_changes": self._told_of(self._theirs(stage_changes, stage_changes.c.at), deliveries.c.stage_change_id),
            "follow_ups": self._theirs(follow_ups, follow_ups.c.since),
            "reminders": self._told_of(self._theirs(reminders, reminders.c.at), deliveries.c.reminder_id),
            "enrollments": self._theirs(enrollments, enrollments.c.entered_at),
            "messages": self._theirs(messages, messages.c.planned_at),
            "alerts": self._told_of(self._theirs(alerts, alerts.c.at), deliveries.c.alert_id),
            "journal": list(self._journal({(each["kind"], each["value"]) for each in held})),
        }

    def _person(self) -> dict[str, Any]:
        [row] = self._connection.execute(select(people).where(people.c.id == self._known.person.id))
        told = _plain(row)
        told["attributes"] = [
            {"name": name, "value": value, "said_at": said, "source": source}
            for name, (value, said, source) in sorted(row.attributes.items())
        ]
        return told

    def _theirs(self, table: Table, order: Any, whose: Any = None) -> list[dict[str, Any]]:
        which = among(self._connection, table.c.person_id if whose is None else whose, self._known.ids)
        return [_plain(row) for row in self._connection.execute(select(table).where(which).order_by(order))]

    def _by_address(self, table: Table, held: list[dict[str, Any]]) -> list[dict[str, Any]]:
        addresses = {each["value"] for each in held if each["kind"] == "email"} | {self._known.person.email or ""}
        found = self._connection.execute(select(table).where(among(self._connection, table.c.email, addresses)))
        return [_plain(row) for row in found]

    def _conflicts(self) -> list[dict[str, Any]]:
        log = select(events.c.id).where(among(self._connection, events.c.person_id, self._known.ids))
        found = select(event_conflicts).where(event_conflicts.c.event_id.in_(log)).order_by(event_conflicts.c.received_at)
        return [_plain(row) for row in self._connection.execute(found)]

    def _told_of(self, happened: list[dict[str, Any]], of: Column[Any]) -> list[dict[str, Any]]:
        """Each with the systems that were told of it; `of` is where deliveries say what they tell."""
        told: dict[int, list[dict[str, Any]]] = {each["id"]: [] for each in happened}
        asked = select(of, deliveries.c.endpoint, deliveries.c.status).where(among(self._connection, of, told.keys()))
        for what, endpoint, status in self._connection.execute(asked.order_by(deliveries.c.endpoint)):
            told[what].append({"endpoint": endpoint, "status": status})
        return [{**each, "handed_off": told[each["id"]]} for each in happened]

    def _journal(self, own: set[tuple[str, str]]) -> Iterator[dict[str, Any]]:
        ids = self._known.ids
        about = or_(
            among(self._connection, identity_journal.c.person_id, ids), among(self._connection, identity_journal.c.other_id, ids)
        )
        for row in self._connection.execute(select(identity_journal).where(about).order_by(identity_journal.c.at)):
            told = {"at": row.at, "action": row.action, "by": row.by, "reason": row.reason, "kind": row.kind}
            told["value"] = row.value if (row.kind, row.value) in own else None
            told["undone_at"] = row.undone_at
            if {row.person_id, row.other_id} <= set(ids):
                told["before"] = row.image
            yield told


def _plain(row: Row[Any]) -> dict[str, Any]:
    told = row._asdict()
    return {name: value for name, value in told.items() if name not in _OF_THE_ENGINE}
