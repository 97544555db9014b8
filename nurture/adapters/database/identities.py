"""Who holds which identifier, and the journal of how that changed."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, func, or_, select

from nurture.adapters.database.bulk import among, insert_rows, put_rows
from nurture.adapters.database.tables import identifiers, identity_journal
from nurture.domain.identity import Dispute, Holding, Identifier, Register
from nurture.domain.world import JournalEntry


def holdings_named(connection: Connection, named: Collection[Identifier]) -> dict[Identifier, Holding]:
    """Who holds each of these identifiers."""
    return dict(_holdings(connection, _any_of(connection, identifiers, named))) if named else {}


def holders_named(connection: Connection, named: Collection[Identifier]) -> set[int]:
    """The people who hold these identifiers."""
    return (
        set(connection.scalars(select(identifiers.c.person_id).where(_any_of(connection, identifiers, named))))
        if named
        else set()
    )


def holdings_of(connection: Connection, people: Collection[int]) -> dict[Identifier, Holding]:
    """Everything these people are known by."""
    return dict(_holdings(connection, among(connection, identifiers.c.person_id, people))) if people else {}


def holdings_about(connection: Connection, people: Collection[int], named: Collection[Identifier]) -> dict[Identifier, Holding]:
    """Everything these people are known by, and who holds each of these identifiers."""
    theirs = among(connection, identifiers.c.person_id, people)
    return dict(_holdings(connection, or_(theirs, _any_of(connection, identifiers, named)) if named else theirs))


def _holdings(connection: Connection, which: Any) -> Iterator[tuple[Identifier, Holding]]:
    held = identifiers.c
    columns = (
        held.kind,
        held.value,
        held.person_id,
        held.source,
        held.assurance,
        held.first_seen_at,
        held.last_seen_at,
        held.linked_at,
    )
    for kind, value, *holding in connection.execute(select(*columns).where(which)).all():
        yield Identifier(kind, value), Holding(*holding)


def _any_of(connection: Connection, table: Any, named: Iterable[Identifier]) -> Any:
    values_by_kind: dict[str, list[str]] = defaultdict(list)
    for identifier in sorted(named):
        values_by_kind[identifier.kind].append(identifier.value)
    return or_(*(and_(table.c.kind == kind, among(connection, table.c.value, values)) for kind, values in values_by_kind.items()))


def disputes_about(connection: Connection, named: Collection[Identifier]) -> Mapping[Identifier, Sequence[Dispute]]:
    """When these identifiers changed hands, or were asked for in vain."""
    told: dict[Identifier, list[Dispute]] = defaultdict(list)
    if named:
        journal = identity_journal.c
        asked = select(journal.kind, journal.value, journal.at, journal.person_id, journal.other_id)
        for row in connection.execute(asked.where(journal.undone_at.is_(None), _any_of(connection, identity_journal, named))):
            people = frozenset(each for each in (row.person_id, row.other_id) if each is not None)
            told[Identifier(row.kind, row.value)].append(Dispute(row.at, people))
    return told


def journal_about(connection: Connection, named: Collection[Identifier]) -> Any | None:
    """What is true of the rows of the journal that tell of any of these identifiers; None without any."""
    return _any_of(connection, identity_journal, named) if named else None


def losses_of(connection: Connection, people: Collection[int], since: datetime) -> Mapping[int, datetime]:
    """When each of these people last lost an identifier to another, if it was after `since`."""
    journal = identity_journal.c
    moved = and_(journal.action == "moved", journal.undone_at.is_(None), journal.at > since)
    lost = select(journal.other_id.label("person"), func.max(journal.at).label("at")).group_by(journal.other_id)
    found = connection.execute(lost.where(among(connection, journal.other_id, people), moved)) if people else ()
    return {row.person: row.at for row in found}


def store_register(connection: Connection, register: Register) -> None:
    """Write what changed about who holds what; a Conflict if somebody else took an identifier meanwhile."""
    insert_rows(connection, identifiers, [_row(each, register) for each in sorted(register.added)])
    put_rows(connection, identifiers, [_row(each, register) for each in sorted(register.changed)])


def _row(identifier: Identifier, register: Register) -> dict[str, Any]:
    holding = register.holding(identifier)
    if holding is None:
        raise KeyError(identifier)
    return identifier_row(identifier, holding)


def identifier_row(identifier: Identifier, holding: Holding) -> dict[str, Any]:
    """A full row of `identifiers`."""
    return {
        "kind": identifier.kind,
        "value": identifier.value,
        "person_id": holding.person,
        "source": holding.source,
        "first_seen_at": holding.first_seen_at,
        "last_seen_at": holding.last_seen_at,
        "linked_at": holding.linked_at,
        "assurance": holding.assurance,
    }


def store_journal(connection: Connection, entries: Iterable[JournalEntry]) -> None:
    """Add to the journal; of the same refusal the latest instant stays."""
    latest: dict[int, JournalEntry] = {}
    for entry in entries:
        known = latest.get(entry.id)
        if known is None or known.at < entry.at:
            latest[entry.id] = entry
    put_rows(connection, identity_journal, [_journal_row(latest[key]) for key in sorted(latest)])


def _journal_row(entry: JournalEntry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "at": entry.at,
        "action": entry.action,
        "person_id": entry.person,
        "other_id": entry.other,
        "kind": entry.identifier.kind if entry.identifier else None,
        "value": entry.identifier.value if entry.identifier else None,
        "event_id": entry.event,
        "by": entry.by,
        "reason": entry.reason,
        "image": entry.image,
        "undone_at": None,
    }


def journal_entry(row: Row[Any]) -> JournalEntry:
    """An entry from a full row of `identity_journal`."""
    identifier = Identifier(row.kind, row.value) if row.kind else None
    return JournalEntry(row.at, row.action, row.person_id, row.other_id, row.reason, row.by, identifier, row.event_id, row.image)
