"""What a simulation begins with, read from the database in force: a person as they stand now, or what everybody did."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, or_, select

from nurture.adapters.database.bulk import among
from nurture.adapters.database.consenting import rhythms_of
from nurture.adapters.database.holding import held_and_closed
from nurture.adapters.database.horizons import event_horizon
from nurture.adapters.database.identities import holdings_of, journal_entry
from nurture.adapters.database.releases import Releases
from nurture.adapters.database.rows import enrollment_of, event_of, person_of, stage_change_of
from nurture.adapters.database.suppressing import suppressed_of
from nurture.adapters.database.surveys import key, survey_of
from nurture.adapters.database.tables import (
    consents,
    enrollments,
    events,
    identity_journal,
    messages,
    people,
    releases,
    score_cells,
    stage_changes,
    suppressions,
    surveys,
)
from nurture.domain.component import Logged
from nurture.domain.definitions import Definitions
from nurture.domain.event import STEP_SCORED, STEP_SET, Event
from nurture.domain.ids import stable_id
from nurture.domain.mail.sending import MessageStatus, Reason
from nurture.domain.mail.suppression import ALL
from nurture.domain.scoring import Cell
from nurture.domain.stepping import PlannedMessage
from nurture.domain.surveying import Survey, surveys_of
from nurture.errors import DefinitionError
from nurture.reports.people import find_person
from nurture.reports.reading import root
from nurture.simulation.memory import Ground, Mail, Memory


def standing_memory(connection: Connection, definitions: Definitions, known: Releases, email_or_id: str, at: datetime) -> Memory:
    """Somebody as they stand at instant `at`, which is now, with everything that decides what becomes of them; raises UnknownPerson.

    The definitions may be others than those in force; runs go on in the version to which they are pinned.
    """
    ids = find_person(connection, email_or_id).ids
    runs = [enrollment_of(row) for row in connection.execute(select(enrollments).where(enrollments.c.person_id.in_(ids)))]
    older = known.pinned(connection, {(run.sequence, run.version) for run in runs})
    held, closed = held_and_closed(connection)
    ground = Ground.of(definitions, held, older, closed=closed)
    memory = Memory(ground, horizon=event_horizon(connection))
    rows = connection.execute(select(people).where(people.c.id.in_(ids))).all()
    memory.people = {row.id: person_of(row) for row in rows}
    memory.marked = {row.id: row.recount_at for row in rows if row.recount_at is not None}
    memory.holdings = holdings_of(connection, ids)
    memory.runs = {run.id: run for run in runs}
    memory.mails = {row.id: _mail(row) for row in connection.execute(select(messages).where(messages.c.person_id.in_(ids)))}
    for row in connection.execute(select(score_cells).where(score_cells.c.person_id.in_(ids))):
        memory.cells[row.person_id][Cell(row.rule, row.day)] = row.hits
    _load_log(connection, memory, ids)
    addresses = [person.email for person in memory.people.values() if person.email]
    barred = connection.execute(select(suppressions).where(suppressions.c.email.in_(addresses)))
    memory.suppressed = {(row.email, row.scope): suppressed_of(row) for row in barred}
    for row in connection.execute(select(consents).where(consents.c.email.in_(addresses))):
        memory.said[row.email, row.purpose].append((row.action, row.at))
    memory.rhythms = dict(rhythms_of(connection, addresses))
    memory.surveys = _surveys(connection, definitions, known, at)
    memory.remember(person for person in memory.people.values() if person.merged_into is None)
    return memory


def _surveys(connection: Connection, definitions: Definitions, known: Releases, at: datetime) -> dict[tuple[str, str], Survey]:
    """The surveys there are, or would be if these definitions came into force at an instant."""
    standing = [survey_of(row) for row in connection.execute(select(surveys))]
    return {key(survey): survey for survey in surveys_of(standing, known.current(connection), definitions, at)}


def _load_log(connection: Connection, memory: Memory, ids: Collection[int]) -> None:
    for row in connection.execute(select(events).where(events.c.person_id.in_(ids))):
        event = event_of(row)
        memory.log[event.key] = Logged(event, row.verdict, row.person_id)
    for row in connection.execute(select(stage_changes).where(stage_changes.c.person_id.in_(ids)).order_by(stage_changes.c.at)):
        cause = memory.log.get(row.event_id)
        memory.moves.append(stage_change_of(row, cause.event if cause is not None else None))
    theirs = or_(identity_journal.c.person_id.in_(ids), identity_journal.c.other_id.in_(ids))
    for row in connection.execute(select(identity_journal).where(theirs, identity_journal.c.undone_at.is_(None))):
        memory.journal[row.id] = journal_entry(row)


def _mail(row: Row[Any]) -> Mail:
    planned = PlannedMessage(
        row.id, row.enrollment_id, row.person_id, row.step, getattr(row, "pass"), row.template, row.planned_at, row.any_time,
        row.priority, row.variant, None, row.topic,
    )  # fmt: skip
    # What was just on its way is as good as sent: nobody sends it twice.
    status = MessageStatus.UNCERTAIN if row.status == MessageStatus.SENDING else row.status
    return Mail(
        planned,
        row.person_id,
        status,
        row.planned_at,
        row.due_at,
        Reason(row.reason) if row.reason else None,
        row.detail,
        row.attempts,
        row.sent_at,
        row.language,
        row.subject,
    )


def replayed_events(connection: Connection, since: datetime) -> list[Event]:
    """All that everybody did who did something from `since` on, by when it was heard of; what they did before explains who they were.

    What steps told is left out: the steps tell it again. A reaction to a mail whose reader is only known by the link in it, and
    of whom the log does not reach back to their beginning, is told by their address.
    """
    recent = select(root()).join(events, events.c.person_id == people.c.id).where(events.c.received_at >= since).distinct()
    asked = (
        select(events, root().label("root"))
        .join(people, people.c.id == events.c.person_id)
        .where(root().in_(recent), events.c.name.not_in([STEP_SET, STEP_SCORED]))
        .order_by(events.c.received_at, events.c.id)
    )
    rows = connection.execute(asked).all()
    told = [event_of(row) for row in rows]
    begun = {stable_id("person", event.key) for event in told}
    strangers = {
        row.root for row, event in zip(rows, told, strict=True) if event.person is not None and event.person not in begun
    }
    address_of = _addresses(connection, strangers)
    return as_heard(_linked(event, begun, address_of.get(row.root)) for row, event in zip(rows, told, strict=True))


def as_heard(events: Iterable[Event]) -> list[Event]:
    """Events in the order in which they are received.

    Of several at one instant the log has no order. Who says who they are comes first, as a form comes before its download.
    """
    return sorted(events, key=lambda event: (event.received_at, event.occurred_at, not (event.email or event.user_id)))


def _linked(event: Event, begun: Collection[int], address: str | None) -> Event:
    if event.person is None or event.person in begun or address is None:
        return event
    return event.model_copy(update={"person": None, "email": address, "assurance": "verified"})


def _addresses(connection: Connection, ids: Iterable[int]) -> Mapping[int, str]:
    rows = connection.execute(select(people.c.id, people.c.email).where(among(connection, people.c.id, sorted(ids))))
    return {row.id: row.email for row in rows if row.email}


def release(connection: Connection, number: int) -> Definitions:
    """The definitions of a release; raises DefinitionError when there is none with that number."""
    body = connection.scalar(select(releases.c.body).where(releases.c.id == number))
    if body is None:
        newest = connection.scalar(select(func.max(releases.c.id)))
        raise DefinitionError(f"there is no release {number}; the newest is {newest or 'yet to come: run `nurture apply`'}")
    return Definitions.model_validate_json(body)


def barred_before(connection: Connection, since: datetime) -> frozenset[str]:
    """The addresses that were suppressed before an instant; whoever left later is replayed."""
    return frozenset(
        connection.scalars(select(suppressions.c.email).where(suppressions.c.at < since, suppressions.c.scope == ALL))
    )
