"""The way of one mail: backwards to the event that caused it, and on to what was heard of it."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, or_, select

from nurture.adapters.database.tables import alerts, deliveries, enrollments, events, messages, people
from nurture.domain.definitions import Definitions
from nurture.domain.mail.message import MessageStatus
from nurture.domain.mail.uncertain import handed_over_at
from nurture.reports.holds import concerning, held
from nurture.reports.mails import Naming
from nurture.reports.trace_event import cause_of_run, deliveries_of
from nurture.reports.trace_parts import MOST, Moment, instant
from nurture.reports.why_not import MEANINGS

#: Events of a reader that are looked at for what was heard of a mail, from when it could have left.
LOOKED_AT: Final = 5_000


class MailTeller:
    """Tells of one row of `messages`, as of an instant. `bounded` is set when not all that the reader did since was looked at."""

    def __init__(self, connection: Connection, definitions: Definitions, row: Row[Any], naming: Naming, at: datetime) -> None:
        self._connection = connection
        self._definitions = definitions
        self._row = row
        self._naming = naming
        self._at = at
        self.bounded = False

    def moments(self) -> Iterator[Moment]:
        run = self._connection.execute(select(enrollments).where(enrollments.c.id == self._row.enrollment_id)).one()
        reader = self._connection.execute(select(people).where(people.c.id == self._row.person_id)).one()
        if reader.merged_into is not None:
            reader = self._connection.execute(select(people).where(people.c.id == reader.merged_into)).one()
        yield from self._before(run)
        yield from self._way(run, reader)
        yield from self._heard({self._row.person_id, reader.id})
        told = alerts.join(deliveries, deliveries.c.alert_id == alerts.c.id)
        for alert in self._connection.execute(
            select(deliveries.c.id, alerts.c.at, alerts.c.step)
            .select_from(told)
            .where(alerts.c.enrollment_id == run.id)
            .limit(MOST)
        ):
            yield Moment(at=alert.at, what="alert", text=f"step {alert.step} of the same run tells another system")
            yield from deliveries_of(self._connection, deliveries.c.id == alert.id)

    def _before(self, run: Row[Any]) -> Iterator[Moment]:
        cause = cause_of_run(self._connection, self._definitions, run)
        if cause is None:
            text = (
                "no event bears the instant of this entry: a survey or another sequence took them in, or the event was forgotten"
            )
            yield Moment(at=run.entered_at, what="cause", text=text)
        else:
            text = f"caused by {cause.name} of {cause.source}, key {cause.key}; `nurture trace {cause.key}` tells its way"
            yield Moment(at=cause.occurred_at, what="cause", text=text)
        ended = f"; ended: {run.reason}" if run.reason else ""
        text = f"run {run.id} through {run.sequence} (version {run.version}): now {run.status} at step {run.step}{ended}"
        yield Moment(at=run.entered_at, what="entered", text=text)

    def _way(self, run: Row[Any], reader: Row[Any]) -> Iterator[Moment]:
        row = self._row
        to = f"person {reader.id}" + (f" ({reader.email})" if reader.email else "")
        what = " ".join(filter(None, [row.template, row.variant, row.language]))
        yield Moment(at=row.planned_at, what="planned", text=f"step {row.step}: {what} to {to}, planned for this instant")
        if row.reason is not None:
            meaning = MEANINGS.get(row.reason, row.reason)
            detail = f" ({row.detail})" if row.detail and row.reason != "template_error" else ""
            until = (
                f", looked at again at {instant(row.due_at)}"
                if row.status == MessageStatus.QUEUED and row.due_at > self._at
                else ""
            )
            yield Moment(at=None, what="decided", text=f"{row.reason}: {meaning}{detail}{until}")
            for other in row.lost_to or ():
                yield Moment(at=None, what="gave_way", text=f"gave way to mail {other}")
        if row.status == MessageStatus.QUEUED:
            yield from self._waiting(run, reader.email)
        began = handed_over_at(row.status, row.sent_at, row.lease_until)
        if began is not None:
            by = f" by {row.transport}" if row.transport else ""
            name = self._naming(row.id, row.person_id)
            yield Moment(
                at=began,
                what="handed_over",
                text=f"handed over{by} at attempt {max(row.attempts, 1)}; its name in server logs is {name}",
            )
        said = f": {row.detail}" if row.detail and row.reason is None else ""
        worker = f", in the hand of {row.claimed_by}" if row.claimed_by and row.lease_until and row.lease_until > self._at else ""
        yield Moment(at=row.sent_at, what=row.status.value, text=f"stands at {row.status.value}{worker}{said}")

    def _waiting(self, run: Row[Any], email: str | None) -> Iterator[Moment]:
        """What an operator holds it by."""
        for each in concerning(held(self._connection, self._at), run.sequence, email, {"mail"}):
            yield Moment(at=each.since, what="held", text=f"{each.what} is {each.how}; `{each.ends_with}` lets it go on")

    def _heard(self, readers: set[int]) -> Iterator[Moment]:
        since = min(filter(None, [self._row.sent_at, self._row.planned_at]))
        log = (
            select(events.c.id, events.c.name, events.c.body, events.c.occurred_at, events.c.verdict, events.c.verdict_reasons)
            .where(or_(*(events.c.person_id == each for each in readers)), events.c.occurred_at >= since)
            .order_by(events.c.occurred_at)
            .limit(LOOKED_AT)
        )
        seen = 0
        for row in self._connection.execute(log):
            seen += 1
            if row.body.get("message") == self._row.id:
                properties = row.body.get("properties", {})
                detail = next((f": {properties[name]}" for name in ("detail", "path", "url") if properties.get(name)), "")
                verdict = "" if row.verdict == "human" else f" [{row.verdict}: {', '.join(row.verdict_reasons or ())}]"
                text = f"{row.name} told by {row.body['source']}{detail}{verdict}; key {row.id}"
                yield Moment(at=row.occurred_at, what="heard", text=text)
        self.bounded = seen >= LOOKED_AT


def message_row(connection: Connection, id_: int) -> Row[Any] | None:
    """One message."""
    return connection.execute(select(messages).where(messages.c.id == id_)).one_or_none()
