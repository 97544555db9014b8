"""What was odd about events that came in: warnings, links that were refused, and events under the id of another one.

Reports on everybody show nobody's address: examples are masked.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

from sqlalchemy import Connection, Engine, select

from nurture.adapters.database.rows import event_of
from nurture.adapters.database.tables import event_conflicts, events, identity_journal
from nurture.domain.event import EVENT, Event
from nurture.observability import Mask
from nurture.reports.figures import Figures
from nurture.reports.reading import snapshot

#: Of a value that differs, what is told.
_LONGEST: Final = 80

#: Stamps of travel, which differ whenever an event is sent again.
_TRAVEL: Final = frozenset({"received_at", "context.clock"})


#: What was quoted, and words with a digit.
_VARYING: Final = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|\S*\d\S*""")


class Oddity(Figures):
    """Warnings of one kind, or links refused for one reason: how many, and the latest one."""

    what: Literal["warning", "refused link"]
    kind: str
    count: int
    latest_at: datetime
    example: str


class Difference(Figures):
    """A part of an event that another one under the same id says otherwise; None is where it says nothing."""

    part: str
    stored: str | None
    other: str | None


class EventConflict(Figures):
    """An event that came under the id of a stored one with something else to say, and counts for nothing."""

    event: UUID
    received_at: datetime
    name: str
    source: str
    message_id: str
    differences: tuple[Difference, ...]


def oddities(engine: Engine, since: datetime | None = None) -> list[Oddity]:
    """Warnings and refused links by kind, the most frequent first; with `since`, those of events from then on. Raises Unavailable."""
    told: dict[tuple[Literal["warning", "refused link"], str], Oddity] = {}
    with snapshot(engine) as connection:
        for found in (*_warnings(connection, since), *_refusals(connection, since)):
            key = found.what, found.kind
            known = told.get(key)
            latest = found if known is None or found.latest_at >= known.latest_at else known
            told[key] = latest.model_copy(update={"count": found.count + (known.count if known else 0)})
    return sorted(told.values(), key=lambda each: (each.what, -each.count, each.kind))


def _warnings(connection: Connection, since: datetime | None) -> Iterator[Oddity]:
    log = select(events.c.occurred_at, events.c.name, events.c.body["warnings"].label("warnings"))
    log = log.where(events.c.body["warnings"].as_string().is_not(None))
    if since is not None:
        log = log.where(events.c.occurred_at >= since)
    mask = Mask()
    for row in connection.execute(log, execution_options={"yield_per": 500}):
        for warning in row.warnings or ():
            kind = kind_of(warning)
            example = f"{row.name}: {mask.text(warning)}"
            yield Oddity(what="warning", kind=kind, count=1, latest_at=row.occurred_at, example=example)


def kind_of(warning: str) -> str:
    """A warning without what was quoted in it, nor any number or instant, so that the like are counted together."""
    return Mask().text(_VARYING.sub("…", warning)).replace("[e-mail]", "…")


def _refusals(connection: Connection, since: datetime | None) -> Iterator[Oddity]:
    journal = identity_journal.c
    refused = select(journal.at, journal.kind, journal.person_id, journal.other_id, journal.reason).where(
        journal.action == "refused", journal.undone_at.is_(None)
    )
    if since is not None:
        refused = refused.where(journal.at >= since)
    for row in connection.execute(refused):
        holder = f", held by person {row.other_id}" if row.other_id is not None else ""
        example = f"{row.kind} for person {row.person_id}{holder}"
        yield Oddity(what="refused link", kind=row.reason, count=1, latest_at=row.at, example=example)


def conflicts(engine: Engine, since: datetime | None = None) -> Iterator[EventConflict]:
    """Events that came under the id of another one, the latest first, with what differs. Raises Unavailable."""
    chosen = select(event_conflicts).order_by(event_conflicts.c.received_at.desc(), event_conflicts.c.event_id)
    if since is not None:
        chosen = chosen.where(event_conflicts.c.received_at >= since)
    with snapshot(engine) as connection:
        for row in connection.execute(chosen, execution_options={"yield_per": 500}):
            stored = connection.execute(select(events).where(events.c.id == row.event_id)).one_or_none()
            other = EVENT.validate_python(row.body)
            yield EventConflict(
                event=row.event_id, received_at=row.received_at, name=other.name, source=other.source, message_id=other.message_id,
                differences=tuple(_differences(event_of(stored), other)) if stored is not None else (),
            )  # fmt: skip


def _differences(stored: Event, other: Event) -> Iterator[Difference]:
    before, after = (dict(_parts(each.model_dump(mode="json", exclude_defaults=True))) for each in (stored, other))
    for part in sorted(before.keys() | after.keys()):
        travel = any(part == stamp or part.startswith(f"{stamp}.") for stamp in _TRAVEL)
        if before.get(part) != after.get(part) and not travel:
            yield Difference(part=part, stored=_told(part, before), other=_told(part, after))


def _parts(value: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    for name, inner in value.items():
        if isinstance(inner, dict):
            yield from _parts(inner, f"{path}{name}.")
        else:
            yield f"{path}{name}", inner


def _told(part: str, parts: Mapping[str, Any]) -> str | None:
    if part not in parts:
        return None
    name = part.rpartition(".")[2]
    masked = Mask()(None, "", {name: parts[part]})
    return str(next(iter(masked.values())))[:_LONGEST]
