"""What status asks of the database: some twenty statements, each of which reads an index that holds only what waits."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, case, func, or_, select

from nurture.adapters.database.revisions import known, needed, wanted
from nurture.adapters.database.tables import deliveries, enrollments, follow_ups, messages, people, releases
from nurture.adapters.database.upgrading import standing
from nurture.domain.mail.message import MessageStatus
from nurture.reports.alarms import alarms_in
from nurture.reports.braking import held_back, warming_up
from nurture.reports.diagnosis import PATIENCE, UNCERTAIN_LATELY
from nurture.reports.facts import Due, Migrations, Release, Store, Unanswered
from nurture.reports.holds import held
from nurture.reports.reading import tally


def read_store(connection: Connection, migrations: Migrations, at: datetime) -> Store:
    """What waits, what is overdue, and what stopped by itself."""
    due_runs = enrollments.c.status.in_(["active", "waiting"])
    due_mails = and_(
        messages.c.status == MessageStatus.QUEUED, or_(messages.c.lease_until.is_(None), messages.c.lease_until < at)
    )
    lately = and_(messages.c.status == MessageStatus.UNCERTAIN, messages.c.planned_at > at - UNCERTAIN_LATELY)
    newest = connection.execute(select(releases.c.digest, releases.c.applied_at).order_by(releases.c.id.desc()).limit(1))
    release = newest.one_or_none()
    guarded = connection.dialect.has_table(connection, "alarms")  # an older schema knows nothing that stops mail
    stages = select(people.c.stage, func.count()).where(people.c.merged_into.is_(None)).group_by(people.c.stage)
    runs = select(enrollments.c.status, func.count()).group_by(enrollments.c.status)
    mails = select(messages.c.status, func.count()).group_by(messages.c.status)
    calls = select(deliveries.c.status, func.count()).group_by(deliveries.c.status)
    holds = held(connection, at) if guarded else ()
    called = deliveries.c.endpoint.not_in([each.name for each in holds if each.kind == "endpoint"])
    return Store(
        migrations=migrations,
        definitions=None if release is None else Release(digest=release.digest, applied_at=release.applied_at),
        people=tally(connection, stages),
        enrollments=tally(connection, runs),
        steps=_due(connection, enrollments.c.due_at, due_runs, at),
        messages={each.value: count for each, count in tally(connection, mails).items()},
        mails=_due(connection, messages.c.due_at, due_mails, at),
        uncertain_lately=connection.scalar(select(func.count()).select_from(messages).where(lately)) or 0,
        alarms=tuple(alarms_in(connection)) if guarded else (),
        brakes=tuple(held_back(connection, at)) if guarded else (),
        holds=holds,
        warm_ups=tuple(warming_up(connection, at)) if guarded else (),
        handoffs=tally(connection, calls),
        calls=_due(connection, deliveries.c.due_at, and_(deliveries.c.status == "waiting", called), at),
        unanswered=_unanswered(connection),
    )


def _unanswered(connection: Connection) -> Unanswered | None:
    if not connection.dialect.has_table(connection, "follow_ups"):  # an older schema knows nothing of what sales answer
        return None
    asked = select(func.count(), func.count(case((follow_ups.c.level > 0, 1)))).where(follow_ups.c.answered_at.is_(None))
    leads, late = connection.execute(asked).one()
    return Unanswered(leads=leads, late=late)


def _due(connection: Connection, due_at: Any, wanted: Any, at: datetime) -> Due:
    """Reads a partial index that holds nothing but what waits."""
    row = connection.execute(
        select(
            func.count(case((due_at <= at, 1))).label("due"),
            func.count(case((due_at <= at - PATIENCE, 1))).label("overdue"),
            func.min(due_at).label("first"),
            func.min(case((due_at > at, due_at))).label("next"),
        ).where(wanted)
    ).one()
    waited = (at - row.first).total_seconds() if row.overdue else None
    return Due(due=row.due, overdue=row.overdue, overdue_seconds=waited, next_due=row.next)


def read_migrations(connection: Connection) -> Migrations:
    """The revision of the tables, and the one that this version wants."""
    revision = standing(connection)
    return Migrations(revision=revision, newest=wanted(known(), revision))


def newest_revision() -> str:
    """The schema that this version needs."""
    return needed(known())
