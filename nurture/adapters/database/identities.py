"""Who holds which identifier, and the journal of how that changed."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import chain
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, or_, select, union, union_all

from nurture.adapters.database.bulk import among, insert_rows, put_rows
from nurture.adapters.database.tables import identifiers, identity_journal, people
from nurture.domain.identity import Dispute, Holding, Identifier, Register
from nurture.domain.world import JournalEntry

_JOURNAL: Final = identity_journal.c


def holdings_named(connection: Connection, named: Collection[Identifier]) -> dict[Identifier, Holding]:
    """Who holds each of these identifiers."""
    return dict(_holdings(connection, _any_of(connection, identifiers, named))) if named else {}


def people_about(connection: Connection, named: Collection[Identifier], linked: Collection[int]) -> set[int]:
    """The people who hold these identifiers, those who are linked to, and whomever any of them was merged into."""
    columns = people.c.id, people.c.merged_into
    holders = people.join(identifiers, identifiers.c.person_id == people.c.id)
    # In parts: for "one of these, or one of what is linked to" PostgreSQL would read the whole table.
    asked = [select(*columns).select_from(holders).where(_any_of(connection, identifiers, named))] if named else []
    asked += [select(*columns).where(among(connection, people.c.id, linked))] if linked else []
    found = chain.from_iterable(connection.execute(union_all(*asked))) if asked else ()
    return {each for each in found if each is not None}


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
    return _disputes(connection.execute(_told(_any_of(connection, identity_journal, named)))) if named else {}


def _told(which: ColumnElement[bool]) -> Select[Any]:
    """What the journal tells, and nobody took back."""
    columns = _JOURNAL.action, _JOURNAL.kind, _JOURNAL.value, _JOURNAL.at, _JOURNAL.person_id, _JOURNAL.other_id
    return select(*columns).where(_JOURNAL.undone_at.is_(None), which)


def _disputes(rows: Iterable[Row[Any]]) -> Mapping[Identifier, Sequence[Dispute]]:
    disputes: dict[Identifier, list[Dispute]] = defaultdict(list)
    for row in rows:
        between = frozenset(each for each in (row.person_id, row.other_id) if each is not None)
        disputes[Identifier(row.kind, row.value)].append(Dispute(row.at, between))
    return disputes


def journal_about(connection: Connection, named: Collection[Identifier]) -> Any | None:
    """What is true of the rows of the journal that tell of any of these identifiers; None without any."""
    return _any_of(connection, identity_journal, named) if named else None


def disputes_and_losses(
    connection: Connection, named: Collection[Identifier], everybody: Collection[int], since: datetime
) -> tuple[Mapping[Identifier, Sequence[Dispute]], Mapping[int, datetime]]:
    """The disputes about these identifiers, and when each of these people last lost one to another, if it was after `since`."""
    which = [_any_of(connection, identity_journal, named)] if named else []
    lost = and_(_JOURNAL.action == "moved", _JOURNAL.at > since)
    which += [and_(among(connection, _JOURNAL.other_id, everybody), lost)] if everybody else []
    rows = connection.execute(union(*map(_told, which))).all() if which else ()
    losses: dict[int, datetime] = {}
    for row in rows:
        if row.action == "moved" and row.at > since and row.other_id in everybody:
            losses[row.other_id] = max(row.at, losses.get(row.other_id, row.at))
    return _disputes(row for row in rows if Identifier(row.kind, row.value) in named), losses


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
