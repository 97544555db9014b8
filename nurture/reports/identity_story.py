"""Who somebody is, and how we know: what they are known by, whom they were joined with, and what was refused."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, Engine, Row, or_, select

from nurture.adapters.database.rows import event_of
from nurture.adapters.database.tables import events, identifiers, identity_journal, people
from nurture.reports.figures import Figures
from nurture.reports.people import Known, find_person
from nurture.reports.reading import snapshot


class IdentifierHeld(Figures):
    """One thing the person is known by: how far the word of `source` went, and when it was seen and came to them."""

    kind: str
    value: str
    assurance: str
    source: str
    first_seen_at: datetime
    last_seen_at: datetime
    linked_at: datetime


class JournalLine(Figures):
    """One entry of the journal about this person. `other` is the second person it is about; `undone_at` says it no longer holds.

    Of `merged`, `other` was joined to `person`; of `moved`, the identifier went from `other` to `person`; of `refused`, an event
    asked to link the identifier to `person`, and `other` holds it.
    """

    id: int
    at: datetime
    action: Literal["merged", "moved", "refused", "unmerged"]
    person: int
    other: int | None
    kind: str | None
    value: str | None
    by: str
    reason: str
    undone_at: datetime | None


class OtherPerson(Figures):
    """Somebody else who was seen on a device of this person's, and when the device changed hands."""

    person: int
    email: str | None
    kind: str
    value: str
    at: datetime


class WarningLine(Figures):
    """What was left out of an event of theirs when it came in."""

    at: datetime
    name: str
    source: str
    warning: str


class IdentityStory(Figures):
    """Everything about who somebody is, as stored. `by_hand` says that a human decided it, so that no event joins them to anybody."""

    person: int
    email: str | None
    by_hand: bool
    recount_at: datetime | None
    merged: tuple[int, ...]
    identifiers: tuple[IdentifierHeld, ...]
    others: tuple[OtherPerson, ...]
    journal: tuple[JournalLine, ...]
    warnings: tuple[WarningLine, ...]


def identity_story(engine: Engine, email_or_id: str) -> IdentityStory:
    """Who `email_or_id` is. Raises UnknownPerson, and Unavailable when the database does not answer."""
    with snapshot(engine) as connection:
        known = find_person(connection, email_or_id)
        journal = tuple(_journal(connection, known))
        return IdentityStory(
            person=known.person.id, email=known.person.email, by_hand=known.person.by_hand,
            recount_at=connection.scalar(select(people.c.recount_at).where(people.c.id == known.person.id)),
            merged=known.merged,
            identifiers=tuple(_identifiers(connection, known)),
            others=tuple(_others(connection, known, journal)),
            journal=journal,
            warnings=tuple(_warnings(connection, known)),
        )  # fmt: skip


def _identifiers(connection: Connection, known: Known) -> Iterator[IdentifierHeld]:
    held = select(identifiers).where(identifiers.c.person_id.in_(known.ids))
    for row in connection.execute(held.order_by(identifiers.c.first_seen_at, identifiers.c.kind, identifiers.c.value)):
        yield IdentifierHeld(**{name: getattr(row, name) for name in IdentifierHeld.model_fields})


def _journal(connection: Connection, known: Known) -> Iterator[JournalLine]:
    about = or_(identity_journal.c.person_id.in_(known.ids), identity_journal.c.other_id.in_(known.ids))
    for row in connection.execute(select(identity_journal).where(about).order_by(identity_journal.c.at, identity_journal.c.id)):
        yield _journal_line(row)


def _journal_line(row: Row[Any]) -> JournalLine:
    return JournalLine(
        id=row.id, at=row.at, action=row.action, person=row.person_id, other=row.other_id, kind=row.kind, value=row.value,
        by=row.by, reason=row.reason, undone_at=row.undone_at,
    )  # fmt: skip


def _others(connection: Connection, known: Known, journal: tuple[JournalLine, ...]) -> Iterator[OtherPerson]:
    """Whoever had a device before or after this person, as they count now."""
    moved = [each for each in journal if each.action == "moved" and each.other is not None and each.undone_at is None]
    told = {each.person if each.other in known.ids else each.other: each for each in moved}
    found = {row.id: row for row in connection.execute(select(people).where(people.c.id.in_(told)))}
    roots = {
        row.id: row
        for row in connection.execute(select(people).where(people.c.id.in_([each.merged_into for each in found.values()])))
    }
    for id_, each in told.items():
        row = found.get(id_ or 0)
        if row is not None and (row.merged_into or row.id) not in known.ids:
            counts = roots.get(row.merged_into, row)
            yield OtherPerson(person=counts.id, email=counts.email, kind=each.kind or "", value=each.value or "", at=each.at)


def _warnings(connection: Connection, known: Known) -> Iterator[WarningLine]:
    # Whether an event was warned about stands in its body, so the log is read through, a few rows at a time.
    log = select(events).where(events.c.person_id.in_(known.ids)).order_by(events.c.occurred_at, events.c.id)
    for row in connection.execute(log, execution_options={"yield_per": 500}):
        if row.body.get("warnings"):
            event = event_of(row)
            for warning in event.warnings:
                yield WarningLine(at=event.occurred_at, name=event.name, source=event.source, warning=warning)
