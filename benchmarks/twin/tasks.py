"""The twin's tasks: one per event, one per mail."""

import os
import smtplib
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from celery import Celery
from jinja2 import Environment, FileSystemLoader
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session as OrmSession
from sqlalchemy.orm import joinedload

from benchmarks.twin.models import Enrollment, Event, Person, Session
from benchmarks.twin.rules import points_for

celery = Celery("twin", broker=os.environ["REDIS_URL"])
celery.conf.update(task_ignore_result=True, broker_connection_retry_on_startup=True)

SEQUENCE = "asset-follow-up"
FORM_SUBMITTED = "form_submitted"
TEMPLATES = os.environ.get("TEMPLATES", Path(__file__).parent / "templates")
templates = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True)


def _find_or_create_person(session: OrmSession, anonymous_id: str) -> Person:
    by_anonymous_id = select(Person).where(Person.anonymous_id == anonymous_id)
    person = session.scalar(by_anonymous_id)
    if person is not None:
        return person
    try:
        with session.begin_nested():
            person = Person(anonymous_id=anonymous_id)
            session.add(person)
    except IntegrityError:  # another worker created them first
        return session.scalars(by_anonymous_id).one()
    return person


def _enroll(session: OrmSession, person: Person) -> Enrollment | None:
    """The new enrollment; None for somebody who is enrolled."""
    runs = select(Enrollment.id).where(Enrollment.person_id == person.id, Enrollment.sequence == SEQUENCE)
    if session.scalar(runs) is not None:
        return None
    try:
        with session.begin_nested():
            enrollment = Enrollment(person_id=person.id, sequence=SEQUENCE)
            session.add(enrollment)
    except IntegrityError:  # another worker enrolled them first
        return None
    return enrollment


@celery.task
def process_event(data: dict[str, Any]) -> None:
    with Session() as session:
        person = _find_or_create_person(session, data["anonymousId"])
        gained = points_for(data)
        event = Event(
            message_id=data["messageId"], person_id=person.id, type=data["type"], name=data["event"],
            url=data["properties"].get("url"), properties=data["properties"], points=gained,
            occurred_at=datetime.fromisoformat(data["timestamp"]),
        )  # fmt: skip
        session.add(event)
        try:
            session.flush()
        except IntegrityError:  # delivered before
            session.rollback()
            return
        person.score = Person.score + gained  # added by the database, so that no worker's points are lost
        person.last_seen_at = datetime.now(UTC)
        if data["event"] == "asset_downloaded":
            person.stage = "lead"
            _enroll(session, person)
        welcomed = None
        if data["event"] == FORM_SUBMITTED:
            person.email, person.stage = data["properties"]["email"], "lead"
            welcomed = _enroll(session, person)
        session.commit()
    if welcomed is not None:
        send_email.delay(welcomed.id)


def _write_mail(enrollment: Enrollment) -> EmailMessage:
    unsubscribe = f"https://www.example.com/u/{enrollment.id}"
    context = {
        "person": enrollment.person,
        "step": enrollment.step,
        "links": [f"https://www.example.com/c/{enrollment.id}/{enrollment.step}/{number}" for number in range(4)],
        "unsubscribe": unsubscribe,
    }
    mail = EmailMessage()
    mail["From"] = "Anna <anna@example.com>"
    mail["To"] = enrollment.person.email
    mail["Subject"] = f"Your guide, part {enrollment.step + 1}"
    mail["Message-ID"] = f"<{enrollment.id}.{enrollment.step}@example.com>"
    mail["List-Unsubscribe"] = f"<{unsubscribe}>"
    mail.set_content(templates.get_template("mail.txt").render(context))
    mail.add_alternative(templates.get_template("mail.html").render(context), subtype="html")
    return mail


@celery.task
def send_email(enrollment_id: int) -> None:
    with Session() as session:
        enrollment = session.get_one(Enrollment, enrollment_id, options=[joinedload(Enrollment.person)])
        mail = _write_mail(enrollment)
        with smtplib.SMTP(os.environ["SMTP_HOST"], int(os.environ["SMTP_PORT"])) as connection:
            connection.send_message(mail)
        enrollment.step += 1
        enrollment.last_sent_at = datetime.now(UTC)
        session.commit()
