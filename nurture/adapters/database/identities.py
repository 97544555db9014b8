"""Who holds which identifier, and the journal of how that changed."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache
from itertools import chain
from typing import Any, Final

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Executable,
    Result,
    Row,
    Select,
    Table,
    and_,
    bindparam,
    false,
    or_,
    select,
    union,
    union_all,
)  # fmt: skip

from nurture.adapters.database.bulk import Among, Question, among, ask, insert_rows, put_rows
from nurture.adapters.database.tables import identifiers, identity_journal, people
from nurture.domain.identity import Dispute, Holding, Identifier, Register
from nurture.domain.world import JournalEntry

_JOURNAL: Final = identity_journal.c


def holdings_named(connection: Connection, named: Collection[Identifier]) -> dict[Identifier, Holding]:
    """Who holds each of these identifiers."""
    return dict(_holdings(connection.execute(_held(_naming(connection, identifiers, named))))) if named else {}


def people_about(connection: Connection, named: Collection[Identifier], linked: Collection[int]) -> set[int]:
    """The people who hold these identifiers, those who are linked to, and whomever any of them was merged into."""
    values = _by_kind(named)
    if not values and not linked:
        return set()
    found = ask(connection, _people_about(tuple(values)), linked=linked, **values)
    return {each for each in chain.from_iterable(found) if each is not None}


@cache
def _people_about(kinds: tuple[str, ...]) -> Question:
    def question(among: Among) -> Executable:
        columns = people.c.id, people.c.merged_into
        holders = people.join(identifiers, identifiers.c.person_id == people.c.id)
        named = select(*columns).select_from(holders).where(_any_of(among, identifiers, kinds))
        # In parts: for "one of these, or one of what is linked to" PostgreSQL would read the whole table.
        return union_all(select(*columns).where(among(people.c.id, "linked")), *([named] if kinds else []))

    return question


def holdings_of(connection: Connection, people: Collection[int]) -> dict[Identifier, Holding]:
    """Everything these people are known by."""
    return dict(_holdings(connection.execute(_held(among(connection, identifiers.c.person_id, people))))) if people else {}


def holdings_about(connection: Connection, people: Collection[int], named: Collection[Identifier]) -> dict[Identifier, Holding]:
    """Everything these people are known by, and who holds each of these identifiers."""
    values = _by_kind(named)
    return dict(_holdings(ask(connection, _holdings_about(tuple(values)), people=people, **values)))


@cache
def _holdings_about(kinds: tuple[str, ...]) -> Question:
    return lambda among: _held(or_(among(identifiers.c.person_id, "people"), _any_of(among, identifiers, kinds)))


def _held(which: ColumnElement[bool]) -> Select[*tuple[Any, ...]]:
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
    return select(*columns).where(which)


def _holdings(rows: Result[*tuple[Any, ...]]) -> Iterator[tuple[Identifier, Holding]]:
    for kind, value, *holding in rows.all():
        yield Identifier(kind, value), Holding(*holding)


def _naming(connection: Connection, table: Table, named: Iterable[Identifier]) -> ColumnElement[bool]:
    """Whether a row is of one of these identifiers."""
    values = _by_kind(named)
    return _any_of(lambda column, kind: among(connection, column, values[kind]), table, values)


def _any_of(among: Callable[[Column[Any], str], ColumnElement[bool]], table: Table, kinds: Iterable[str]) -> ColumnElement[bool]:
    """Whether a row is of an identifier of one of these kinds that is among those of its kind."""
    return or_(false(), *(and_(table.c.kind == kind, among(table.c.value, kind)) for kind in kinds))


def _by_kind(named: Iterable[Identifier]) -> dict[str, list[str]]:
    values: dict[str, list[str]] = defaultdict(list)
    for identifier in sorted(named):
        values[identifier.kind].append(identifier.value)
    return values


def disputes_about(connection: Connection, named: Collection[Identifier]) -> Mapping[Identifier, Sequence[Dispute]]:
    """When these identifiers changed hands, or were asked for in vain."""
    return _disputes(connection.execute(_told(_naming(connection, identity_journal, named)))) if named else {}


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


@cache
def _journal_about(kinds: tuple[str, ...]) -> Question:
    def question(among: Among) -> Executable:
        since = bindparam("since", type_=_JOURNAL.at.type)
        lost = and_(among(_JOURNAL.other_id, "everybody"), _JOURNAL.action == "moved", _JOURNAL.at > since)
        return union(_told(lost), _told(_any_of(among, identity_journal, kinds)))

    return question


def journal_about(connection: Connection, named: Collection[Identifier]) -> Any | None:
    """What is true of the rows of the journal that tell of any of these identifiers; None without any."""
    return _naming(connection, identity_journal, named) if named else None


def disputes_and_losses(
    connection: Connection, named: Collection[Identifier], everybody: Collection[int], since: datetime
) -> tuple[Mapping[Identifier, Sequence[Dispute]], Mapping[int, datetime]]:
    """The disputes about these identifiers, and when each of these people last lost one to another, if it was after `since`."""
    values = _by_kind(named)
    rows = ask(connection, _journal_about(tuple(values)), everybody=everybody, since=since, **values).all()
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
