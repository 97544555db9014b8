"""Mails one by one: where each stands, and of those whose fate nobody knows, everything that is known."""

from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Select, func, select

from nurture.adapters.database.tables import enrollments, events, messages, people
from nurture.domain.mail.message import MessageStatus
from nurture.domain.mail.uncertain import handed_over_at
from nurture.reports.figures import Figures
from nurture.reports.people import find_person
from nurture.reports.reading import snapshot

#: What a mail, by its id and its reader's when it was queued, is called on the wire.
Naming = Callable[[int, int], str]

_READER = people.alias("reader")
_ROOT = people.alias("root")


class MailLine(Figures):
    """One mail. `person` is who its reader is today, should they have been merged; `attempts` counts answers of mail servers.

    `reason` says why it did not go, or not yet; `detail` is what the mail server said, or why nobody knows.
    """

    id: int
    status: str
    sequence: str
    step: str
    template: str
    person: int
    email: str | None
    planned_at: datetime
    due_at: datetime
    sent_at: datetime | None
    attempts: int
    transport: str | None
    reason: str | None
    detail: str | None


class Heard(Figures):
    """Something heard of a mail later: an event's name, who told, and the words of a server if there were any."""

    name: str
    at: datetime
    source: str
    detail: str | None


class MailFacts(MailLine):
    """One mail with everything that is known of it.

    `handed_over_at` is when its worker began to hand it over, to the second at best; `worker` is known while the mail is
    claimed, and of workers that died over it. `name` is what the mail is called in its Message-ID and its envelope, for the logs
    of mail servers.
    """

    name: str
    handed_over_at: datetime | None
    worker: str | None
    subject: str | None
    language: str | None
    variant: str | None
    topic: str | None
    heard: tuple[Heard, ...]


class Mails(Figures):
    """The mails asked for, the latest planned first, and how many there are beside those shown."""

    count: int
    messages: tuple[MailLine, ...]


class Wanted(Figures):
    """Which mails: of one status, one sequence, one person, where one is named."""

    status: MessageStatus | None = None
    sequence: str | None = None
    person: str | None = None


def mails(engine: Engine, wanted: Wanted, limit: int) -> Mails:
    """Up to `limit` mails; raises UnknownPerson if nobody is known by the address."""
    with snapshot(engine) as connection:
        which = list(_conditions(connection, wanted))
        counted = select(func.count()).select_from(messages.join(enrollments, enrollments.c.id == messages.c.enrollment_id))
        count = connection.scalar(counted.where(*which)) or 0
        latest = _asked().where(*which).order_by(messages.c.planned_at.desc(), messages.c.id).limit(limit)
        return Mails(count=count, messages=tuple(MailLine(**_line(row)) for row in connection.execute(latest)))


def uncertain_mails(engine: Engine, limit: int, naming: Naming) -> list[MailFacts]:
    """Up to `limit` mails of which nobody knows whether a server took them, the longest unknown first."""
    with snapshot(engine) as connection:
        unknown = _asked().where(messages.c.status == MessageStatus.UNCERTAIN)
        rows = connection.execute(unknown.order_by(messages.c.planned_at, messages.c.id).limit(limit)).all()
        return _facts(connection, rows, naming)


def mail_facts(engine: Engine, id_: int, naming: Naming) -> MailFacts | None:
    """Everything that is known of one mail."""
    with snapshot(engine) as connection:
        found = _facts(connection, connection.execute(_asked().where(messages.c.id == id_)).all(), naming)
        return found[0] if found else None


def _conditions(connection: Connection, wanted: Wanted) -> Iterator[ColumnElement[bool]]:
    if wanted.status is not None:
        yield messages.c.status == wanted.status
    if wanted.sequence is not None:
        yield enrollments.c.sequence == wanted.sequence
    if wanted.person is not None:
        yield messages.c.person_id.in_(find_person(connection, wanted.person).ids)


def _asked() -> Select[Any]:
    """Mails with their sequence and who their reader is today."""
    joined = (
        messages.join(enrollments, enrollments.c.id == messages.c.enrollment_id)
        .join(_READER, _READER.c.id == messages.c.person_id)
        .join(_ROOT, _ROOT.c.id == func.coalesce(_READER.c.merged_into, _READER.c.id))
    )
    return select(messages, enrollments.c.sequence, _ROOT.c.id.label("root"), _ROOT.c.email).select_from(joined)


def _line(row: Any) -> dict[str, Any]:
    named = {"person": row.root, "status": row.status.value}
    return {name: named.get(name, getattr(row, name, None)) for name in MailLine.model_fields}


def _facts(connection: Connection, rows: Collection[Any], naming: Naming) -> list[MailFacts]:
    heard = _heard(connection, rows)
    return [
        MailFacts(
            **_line(row), name=naming(row.id, row.person_id), handed_over_at=handed_over_at(row.status, row.sent_at, row.lease_until), worker=row.claimed_by,
            subject=row.subject, language=row.language, variant=row.variant, topic=row.topic, heard=tuple(heard[row.id]),
        )
        for row in rows
    ]  # fmt: skip


def _heard(connection: Connection, rows: Collection[Any]) -> Mapping[int, list[Heard]]:
    """What was heard of mails, oldest first: what the log holds of their readers that names them."""
    heard: dict[int, list[Heard]] = {row.id: [] for row in rows}
    readers = {reader for row in rows for reader in (row.person_id, row.root)}
    log = (
        select(events.c.name, events.c.body, events.c.occurred_at)
        .where(events.c.person_id.in_(readers))
        .order_by(events.c.occurred_at)
    )
    for event in connection.execute(log) if rows else ():
        message = event.body.get("message")
        if message in heard:
            detail = event.body.get("properties", {}).get("detail")
            heard[message].append(Heard(name=event.name, at=event.occurred_at, source=event.body["source"], detail=detail))
    return heard
