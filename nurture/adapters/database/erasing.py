"""People deleted with everything that is theirs, within one transaction."""

from collections import Counter
from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, delete, or_, select, true, update

from nurture.adapters.database.bulk import among, update_rows
from nurture.adapters.database.families import locked_family
from nurture.adapters.database.identities import holdings_named, holdings_of, journal_about
from nurture.adapters.database.rows import event_of
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
from nurture.domain.erasing import Traces, without
from nurture.domain.identity import Identifier


def traces_of(connection: Connection, ids: Collection[int]) -> Traces:
    """By what these people can be named."""
    named = set(holdings_of(connection, ids))
    addresses = select(people.c.email).where(among(connection, people.c.id, ids), people.c.email.is_not(None))
    named |= {Identifier("email", address) for address in connection.scalars(addresses)}
    mails = connection.scalars(select(messages.c.id).where(among(connection, messages.c.person_id, ids)))
    return Traces(frozenset(ids), frozenset(named), frozenset(mails))


def holders_of(connection: Connection, traces: Traces) -> set[int]:
    """Whoever is known by nothing but these traces: people who were just erased and came back by an event on its way."""
    holders = {holding.person for holding in holdings_named(connection, traces.identifiers).values()}
    held: dict[int, set[Identifier]] = {holder: set() for holder in holders}
    for identifier, holding in holdings_of(connection, holders).items():
        held[holding.person].add(identifier)
    return {holder for holder, all_of_theirs in held.items() if all_of_theirs <= traces.identifiers}


def delete_people(connection: Connection, ids: Collection[int]) -> Counter[str]:
    """Delete people, all ids of whom are named, with all rows that are theirs; how many went, by kind."""
    runs = select(enrollments.c.id).where(among(connection, enrollments.c.person_id, ids))
    moves = select(stage_changes.c.id).where(among(connection, stage_changes.c.person_id, ids))
    log = select(events.c.id).where(among(connection, events.c.person_id, ids))
    reminded = select(reminders.c.id).where(reminders.c.stage_change_id.in_(moves))
    told = select(alerts.c.id).where(alerts.c.enrollment_id.in_(runs))
    mails = or_(among(connection, messages.c.person_id, ids), messages.c.enrollment_id.in_(runs))
    journal = identity_journal.c
    entries = or_(among(connection, journal.person_id, ids), among(connection, journal.other_id, ids))
    in_order: list[tuple[str, Any, Any]] = [
        ("messages", messages, mails),
        ("deliveries", deliveries, deliveries.c.alert_id.in_(told)),
        ("deliveries", deliveries, deliveries.c.stage_change_id.in_(moves)),
        ("deliveries", deliveries, deliveries.c.reminder_id.in_(reminded)),
        ("reminders", reminders, reminders.c.stage_change_id.in_(moves)),
        ("follow_ups", follow_ups, follow_ups.c.stage_change_id.in_(moves)),
        ("alerts", alerts, alerts.c.enrollment_id.in_(runs)),
        ("enrollments", enrollments, among(connection, enrollments.c.person_id, ids)),
        ("stage_changes", stage_changes, among(connection, stage_changes.c.person_id, ids)),
        ("conflicts", event_conflicts, event_conflicts.c.event_id.in_(log)),
        ("events", events, among(connection, events.c.person_id, ids)),
        ("score_cells", score_cells, among(connection, score_cells.c.person_id, ids)),
        ("journal", identity_journal, entries),
        ("consents", consents, among(connection, consents.c.person_id, ids)),
        ("identifiers", identifiers, among(connection, identifiers.c.person_id, ids)),
        ("people", people, among(connection, people.c.id, ids)),
    ]
    # What was told while a run was theirs is its owner's since they were told apart.
    connection.execute(update(deliveries).where(among(connection, deliveries.c.person_id, ids)).values(person_id=None))
    removed: Counter[str] = Counter()
    for kind, table, which in in_order:
        removed[kind] += connection.execute(delete(table).where(which)).rowcount
    return removed


def suppressed(connection: Connection, addresses: Collection[str]) -> set[str]:
    """Those of these addresses that are never to be mailed."""
    return set(connection.scalars(select(suppressions.c.email).where(among(connection, suppressions.c.email, addresses))))


def delete_about(connection: Connection, traces: Traces) -> Counter[str]:
    """Delete what names these people beside their own rows: suppressions, what they agree to and wish for, and what the journal
    tells of their identifiers.
    """
    unwanted = delete(suppressions).where(among(connection, suppressions.c.email, traces.addresses))
    for table in (consents, permissions, paces):
        connection.execute(delete(table).where(among(connection, table.c.email, traces.addresses)))
    told = journal_about(connection, traces.identifiers)
    return Counter({
        "suppressions": connection.execute(unwanted).rowcount,
        "journal": connection.execute(delete(identity_journal).where(told)).rowcount if told is not None else 0,
    })  # fmt: skip


def unname(connection: Connection, traces: Traces) -> int:
    """Take these people's addresses and user ids out of events of others, which named them in vain; how many there were.

    Left there, they would be free to take, and a recount would give them to whoever named them. The journal says who did.
    """
    told = journal_about(connection, traces.identifiers)
    if told is None:
        return 0
    rows = connection.execute(select(identity_journal.c.person_id, identity_journal.c.other_id).where(told))
    others = {each for row in rows for each in row if each is not None} - traces.people
    if not others:
        return 0
    gone = [each.value for each in traces.identifiers if each.kind in ("email", "user_id")]
    in_vain = or_(*(events.c.body[kind].as_string().in_(gone) for kind in ("email", "user_id"))) if gone else ~true()
    whose = among(connection, events.c.person_id, locked_family(connection, others))
    changed = []
    for row in connection.execute(select(events).where(whose, in_vain)):
        kept = without(event_of(row), traces)
        body = kept.model_dump(mode="json", exclude_defaults=True, exclude={"name", "occurred_at", "received_at"})
        changed.append({"id": row.id, "body": body})
    update_rows(connection, events, changed)
    return len(changed)
