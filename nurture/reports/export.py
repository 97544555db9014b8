"""People and events as rows that `nurture import` reads back, in one consistent state and never held in memory."""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import IO, Any, Final, Literal, NamedTuple

from sqlalchemy import Connection, Engine, Row, select

from nurture.adapters.database.rows import attributes_from_json, event_of
from nurture.adapters.database.tables import events, identifiers, people, suppressions
from nurture.domain.definitions import Definitions
from nurture.domain.event import day_number
from nurture.domain.imports.columns import AS_JSON, EVENT_MARK, PERSON_MARK
from nurture.domain.imports.spreadsheet import guarded
from nurture.domain.scoring import engagement_on
from nurture.reports.reading import snapshot

#: Rows fetched at a time.
_CHUNK: Final = 500

_OF_PERSON: Final = (
    PERSON_MARK, "email", "user_id", "anonymous_id", "stage", "stage_since", "engagement", "fit", "grade", "first_seen_at",
    "seen_at", "first_touch", "last_touch", "identifiers",
)  # fmt: skip
_OF_EVENT: Final = (
    EVENT_MARK, "occurred_at", "received_at", "name", "kind", "source", "message_id", "anonymous_id", "user_id", "email",
    "previous_id", "submission", "assurance", "consented", "person", "person_email", "verdict", "verdict_reasons", "channel",
    "properties", "traits", "context",
)  # fmt: skip

Record = Mapping[str, Any]


class Records(NamedTuple):
    """The columns of a table and its rows, each a mapping of JSON values. `columns` are complete for CSV."""

    columns: Sequence[str]
    rows: Iterator[Record]


@contextmanager
def people_records(engine: Engine, definitions: Definitions, at: datetime, since: datetime | None = None) -> Iterator[Records]:
    """Everybody who is not merged into another, by id, as they are at instant `at`; with `since`, who was seen from then on."""
    chosen = select(people).where(people.c.merged_into.is_(None)).order_by(people.c.id)
    if since is not None:
        chosen = chosen.where(people.c.seen_at >= since)
    with snapshot(engine) as connection:
        streamed = connection.execution_options(yield_per=_CHUNK)
        names = _attribute_columns(row.attributes for row in streamed.execute(chosen.with_only_columns(people.c.attributes)))
        chunks = streamed.execute(chosen).partitions(_CHUNK)
        rows = (each for chunk in chunks for each in _people_of(connection, chunk, definitions, at))
        yield Records((*_OF_PERSON, *names), rows)


@contextmanager
def event_records(engine: Engine, since: datetime | None = None) -> Iterator[Records]:
    """The log in the order in which things happened; with `since`, what happened from then on."""
    # Only keys are sorted: SQLite would sort whole bodies in memory.
    keys = select(events.c.id).order_by(events.c.occurred_at, events.c.id)
    if since is not None:
        keys = keys.where(events.c.occurred_at >= since)
    with snapshot(engine) as connection:
        chunks = connection.execute(keys, execution_options={"yield_per": _CHUNK}).scalars().partitions(_CHUNK)
        yield Records(_OF_EVENT, (each for chunk in chunks for each in _events_of(connection, chunk)))


@contextmanager
def suppression_records(engine: Engine) -> Iterator[Records]:
    """Every suppressed address, in the order of the alphabet."""
    columns = ("email", "scope", "reason", "source", "at", "detail")
    chosen = select(*(suppressions.c[name] for name in columns)).order_by(suppressions.c.email, suppressions.c.scope)
    with snapshot(engine) as connection:
        streamed = connection.execute(chosen, execution_options={"yield_per": _CHUNK}).mappings()
        yield Records(columns, (dict(row) for row in streamed))


def write_records(records: Records, file: IO[bytes], written: Literal["csv", "jsonl"]) -> int:
    """Write all rows as CSV (RFC 4180, with a byte order mark, guarded against formulas) or JSON lines; how many there were."""
    count = 0
    if written == "jsonl":
        for record in records.rows:
            file.write(json.dumps(record, ensure_ascii=False, default=_text).encode() + b"\n")
            count += 1
    else:
        text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="", write_through=True)
        writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
        writer.writerow(map(guarded, records.columns))
        for record in records.rows:
            cells = _flat(record)
            writer.writerow([guarded(cells.get(column, "")) for column in records.columns])
            count += 1
        text.detach()
    file.flush()
    return count


def _attribute_columns(stored: Iterable[Mapping[str, Any]]) -> list[str]:
    """A column for every attribute, and one for its values that need JSON to come back as they are."""
    return sorted({_attribute_column(name, value) for each in stored for name, (value, *_) in each.items()})


def _attribute_column(name: str, value: Any) -> str:
    return f"attributes.{name}{'' if _is_plain(value) else AS_JSON}"


def _is_plain(value: Any) -> bool:
    """Whether a cell can hold a value as it is: a text, without spaces around it, which importing takes away."""
    return isinstance(value, str) and value == value.strip()


def _flat(record: Record) -> dict[str, str]:
    """A record as cells: attributes each in their column, whatever else is no text as JSON."""
    cells = {name: _cell(value) for name, value in record.items() if name != "attributes"}
    for name, value in record.get("attributes", {}).items():
        cells[_attribute_column(name, value)] = value if _is_plain(value) else json.dumps(value, ensure_ascii=False)
    return cells


def _cell(value: Any) -> str:
    if value is None or value in ({}, [], ()):
        return ""
    if isinstance(value, str):
        return value
    return _text(value) if isinstance(value, datetime) else json.dumps(value, ensure_ascii=False, default=_text)


def _text(value: Any) -> str:
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else str(value)


def _people_of(connection: Connection, rows: Sequence[Row[Any]], definitions: Definitions, at: datetime) -> Iterator[Record]:
    held: dict[int, list[Row[Any]]] = {row.id: [] for row in rows}
    known = select(identifiers).where(identifiers.c.person_id.in_(held)).order_by(identifiers.c.last_seen_at, identifiers.c.value)
    for identifier in connection.execute(known):
        held[identifier.person_id].append(identifier)
    for row in rows:
        latest = {each.kind: each.value for each in held[row.id]}
        attributes = attributes_from_json(row.attributes)
        yield {
            PERSON_MARK: str(row.id),
            "email": row.email,
            "user_id": latest.get("user_id"),
            "anonymous_id": latest.get("anonymous_id"),
            "stage": row.stage,
            "stage_since": row.stage_since,
            "engagement": round(engagement_on(day_number(at), row.heat, definitions.scoring.half_life), 1),
            "fit": row.fit,
            "grade": row.grade,
            "first_seen_at": row.first_seen_at,
            "seen_at": row.seen_at,
            "first_touch": row.first_touch,
            "last_touch": row.last_touch,
            "identifiers": [
                {
                    "kind": each.kind, "value": each.value, "source": each.source, "assurance": each.assurance,
                    "first_seen_at": each.first_seen_at, "last_seen_at": each.last_seen_at,
                }
                for each in held[row.id]
            ],
            "attributes": {name: attribute.value for name, attribute in attributes.items()},
        }  # fmt: skip


def _events_of(connection: Connection, keys: Sequence[Any]) -> Iterator[Record]:
    holder, root = people.alias(), people.alias()
    asked = (
        select(events, root.c.id.label("root"), root.c.email.label("root_email"))
        .join(holder, holder.c.id == events.c.person_id)
        .join(root, (root.c.id == holder.c.merged_into) | (holder.c.merged_into.is_(None) & (root.c.id == holder.c.id)))
        .where(events.c.id.in_(keys))
    )
    rows = {row.id: row for row in connection.execute(asked)}
    for key in keys:
        row = rows[key]
        event = event_of(row)
        nameless = not (event.email or event.user_id or event.anonymous_id or event.submission)
        told = event.model_dump(
            include={*_OF_EVENT} & {*type(event).model_fields}, exclude={"occurred_at", "received_at"}, mode="json"
        )
        yield {
            EVENT_MARK: str(row.id),
            "occurred_at": row.occurred_at,
            "received_at": row.received_at,
            **told,
            "person": str(row.root),
            # What names nobody by itself came through a signed link, which only this installation can read.
            "person_email": row.root_email if nameless else None,
            "verdict": row.verdict,
            "verdict_reasons": row.verdict_reasons,
            "channel": row.channel,
        }
