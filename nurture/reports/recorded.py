"""Somebody's story as a case is written from it: what they did, what they were sent, and what came of it."""

from datetime import datetime

from sqlalchemy import Engine, select

from nurture.adapters.database.rows import event_of
from nurture.adapters.database.tables import enrollments, events, messages
from nurture.reports.people import find_person
from nurture.reports.reading import snapshot
from nurture.simulation.cases.recorded import RealEvent, RealMail, RealRun, Recorded


def recorded_story(engine: Engine, email_or_id: str, at: datetime) -> Recorded:
    """The story of whoever `email_or_id` names, until instant `at`.

    Raises UnknownPerson, and Unavailable when the database does not answer.
    """
    with snapshot(engine) as connection:
        known = find_person(connection, email_or_id)
        log = select(events).where(events.c.person_id.in_(known.ids)).order_by(events.c.occurred_at, events.c.received_at)
        entered = select(enrollments).where(enrollments.c.person_id.in_(known.ids)).order_by(enrollments.c.entered_at)
        runs = {row.id: row for row in connection.execute(entered)}
        sent = select(messages).where(messages.c.person_id.in_(known.ids), messages.c.sent_at.is_not(None))
        person = known.person
        return Recorded(
            at, person.email, person.stage, {name: told.value for name, told in person.attributes.items()},
            events=[RealEvent(event_of(row), row.verdict) for row in connection.execute(log)],
            mails=[
                RealMail(row.id, row.step, runs[row.enrollment_id].sequence, row.sent_at)
                for row in connection.execute(sent.order_by(messages.c.sent_at))
            ],
            runs=[RealRun(row.sequence, row.ended_at, row.reason) for row in runs.values()],
            others=len(known.merged),
        )  # fmt: skip
