"""What came of each sequence's mails: what guard judges, and what whoever watches is shown."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, and_, case, func, or_, select

from nurture.adapters.database.tables import alarms, enrollments, messages
from nurture.domain.mail.breakers import Stream
from nurture.domain.mail.faults import Fault
from nurture.domain.mail.message import MessageStatus, Reason

#: How a bounce begins whose cause is an address that does not exist (see `domain.mail.hearing`).
NOBODY_THERE: Final = f"{Fault.ADDRESS.value}%"


def streams_in(connection: Connection, within: timedelta, at: datetime) -> list[Stream]:
    """What came of each sequence's mails that left within a time, and after its last alarm."""
    alarmed = (
        select(alarms.c.about, func.max(alarms.c.at).label("at"))
        .where(alarms.c.kind.in_(["complaints", "hard_bounces"]))
        .group_by(alarms.c.about)
        .subquery()
    )
    refused = and_(messages.c.status == MessageStatus.FAILED, messages.c.reason == Reason.ADDRESS_REFUSED)
    bounced = or_(refused, and_(messages.c.status == MessageStatus.BOUNCED, messages.c.detail.like(NOBODY_THERE)))
    when = func.coalesce(messages.c.sent_at, messages.c.due_at)
    since = at - within
    counted = (
        select(
            enrollments.c.sequence,
            func.count().label("sent"),
            func.sum(case((bounced, 1), else_=0)).label("bounced"),
            func.sum(case((messages.c.status == MessageStatus.COMPLAINED, 1), else_=0)).label("complained"),
        )
        .select_from(messages.join(enrollments, enrollments.c.id == messages.c.enrollment_id))
        .outerjoin(alarmed, alarmed.c.about == enrollments.c.sequence)
        .where(
            or_(messages.c.sent_at > since, and_(refused, messages.c.due_at > since)),
            or_(alarmed.c.at.is_(None), when > alarmed.c.at),
        )
        .group_by(enrollments.c.sequence)
    )
    return [Stream(*row) for row in connection.execute(counted.order_by(enrollments.c.sequence))]
