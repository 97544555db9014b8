"""What became of the mails of some days, by sequence and step: sent, delivered, clicked by humans, unsubscribed from, or not sent.

A mail belongs to the day on which a server took it, one that was not sent to the day for which it was planned. What was made of
it later counts for it, whenever that was.
"""

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from sqlalchemy import Boolean, ColumnElement, Connection, case, distinct, func, literal_column, select

from nurture.adapters.database.census import Answer
from nurture.adapters.database.tables import enrollments, events, messages
from nurture.adapters.database.tables.mail import UNSENT
from nurture.domain.definitions import Definitions
from nurture.domain.event import EMAIL_CLICKED, UNSUBSCRIBED
from nurture.domain.mail.message import MessageStatus
from nurture.reports.everybody import DailyQuestion, Everybody, Span
from nurture.reports.funnel import SENT
from nurture.reports.reading import message_of_event, of_mail
from nurture.reports.sheet import Period

#: Whoever complains has the mail.
_DELIVERED: Final = (MessageStatus.DELIVERED, MessageStatus.COMPLAINED)


class Mails(NamedTuple):
    """The mails of one step, or of several together. `clicked` and `unsubscribed` are mails, `machine_clicks` clicks."""

    sent: int = 0
    delivered: int = 0
    bounced: int = 0
    complained: int = 0
    clicked: int = 0
    machine_clicks: int = 0
    unsubscribed: int = 0

    def __add__(self, other: object) -> "Mails":
        if not isinstance(other, Mails):
            return NotImplemented
        return Mails(*(one + more for one, more in zip(self, other, strict=True)))


class Unsent(NamedTuple):
    """Mails of a step that did not go for one reason."""

    sequence: str
    step: str
    status: str
    reason: str | None
    mails: int


Where = tuple[str, str]


def mails_by_step(connection: Connection, period: Period) -> Mapping[Where, Mails]:
    """The mails that a server took in a period, by sequence and step."""
    heard = _heard(connection, period)

    def count(*statuses: MessageStatus) -> ColumnElement[int]:
        return func.sum(case((messages.c.status.in_(statuses), 1), else_=0))

    counted = (
        select(
            enrollments.c.sequence, messages.c.step, count(*SENT).label("sent"), count(*_DELIVERED).label("delivered"),
            count(MessageStatus.BOUNCED).label("bounced"), count(MessageStatus.COMPLAINED).label("complained"),
        )
        .select_from(messages.join(enrollments, enrollments.c.id == messages.c.enrollment_id))
        .where(*_sent_in(period))
        .group_by(enrollments.c.sequence, messages.c.step)
    )  # fmt: skip
    return {
        (row.sequence, row.step): Mails(
            row.sent, row.delivered, row.bounced, row.complained, **heard.get((row.sequence, row.step), {})
        )
        for row in connection.execute(counted)
    }


def unsent(connection: Connection, period: Period) -> Iterator[Unsent]:
    """The mails planned for a period that did not go, by step and reason."""
    kind = (enrollments.c.sequence, messages.c.step, messages.c.status, messages.c.reason)
    counted = (
        select(*kind, func.count().label("mails"))
        .select_from(messages.join(enrollments, enrollments.c.id == messages.c.enrollment_id))
        .where(
            literal_column(f"messages.{UNSENT}", Boolean),
            messages.c.planned_at >= period.begins, messages.c.planned_at < period.ends,
        )
        .group_by(*kind)
    )  # fmt: skip
    for row in connection.execute(counted):
        yield Unsent(row.sequence, row.step, row.status.value, row.reason, row.mails)


def _ask_who_left(connection: Connection, _definitions: Definitions, span: Span) -> Answer:
    at, unsubscribed = events.c.occurred_at, (events.c.name == UNSUBSCRIBED) & (events.c.verdict != "machine")
    each = select(span.day(at)).where(of_mail(), unsubscribed, message_of_event().is_(None), span.holds(at)).subquery().c
    return [(day, None, n) for day, n in connection.execute(select(each.day, func.count()).group_by(each.day))]


#: Unsubscribes that do not say by which mail.
OF_NO_MAIL: Final = DailyQuestion("unsubscribed_of_no_mail", _ask_who_left)


def unsubscribed_of_no_mail(everybody: Everybody, period: Period) -> int:
    """Unsubscribes in a period that do not say by which mail."""
    return sum(n for (n,) in everybody.answer_about(OF_NO_MAIL, period))


def _sent_in(period: Period) -> tuple[ColumnElement[bool], ...]:
    return messages.c.sent_at >= period.begins, messages.c.sent_at < period.ends, messages.c.status.in_(SENT)


def _heard(connection: Connection, period: Period) -> Mapping[Where, dict[str, int]]:
    """What readers made of these mails. Nobody clicks in a mail before it is sent, so what happened earlier is not looked at."""
    human, clicked = events.c.verdict == "human", events.c.name == EMAIL_CLICKED

    def mails(which: ColumnElement[bool]) -> ColumnElement[int]:
        return func.count(distinct(case((which, messages.c.id))))

    left = (events.c.name == UNSUBSCRIBED) & (events.c.verdict != "machine")
    machine_click = clicked & (events.c.verdict == "machine")
    counted = (
        select(
            enrollments.c.sequence, messages.c.step, mails(clicked & human).label("clicked"), mails(left).label("unsubscribed"),
            func.sum(case((machine_click, 1), else_=0)).label("machine_clicks"),
        )
        .select_from(
            events.join(messages, messages.c.id == message_of_event())
            .join(enrollments, enrollments.c.id == messages.c.enrollment_id)
        )
        .where(of_mail(), events.c.occurred_at >= period.begins, *_sent_in(period))
        .group_by(enrollments.c.sequence, messages.c.step)
    )  # fmt: skip
    return {
        (row.sequence, row.step): {
            "clicked": row.clicked, "machine_clicks": row.machine_clicks, "unsubscribed": row.unsubscribed,
        }
        for row in connection.execute(counted)
    }  # fmt: skip
