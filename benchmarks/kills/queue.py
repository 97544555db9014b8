"""A database in which mails wait: each to somebody else, all due."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Engine, func, select, update

from nurture import bootstrap
from nurture.adapters.database.bulk import insert_rows
from nurture.adapters.database.releases import apply
from nurture.adapters.database.tables import enrollments, messages, people
from nurture.domain.definitions import Definitions
from nurture.domain.enrollment import REACHED_END, EnrollmentStatus, message_id
from nurture.domain.mail.message import MessageStatus
from nurture.domain.mail.sending import SendingPolicy
from nurture.settings import Settings

#: Faster than a few workers are, so that it is Redis that may hold them up and not the limit.
_RATE: Final = {"mails": 1_000, "per": "1s"}

_SEQUENCE, _STEP, _TEMPLATE = "asset-follow-up", "follow-up", "follow-up"


def lay_out(settings: Settings, mails: int, at: datetime) -> None:
    """Make the tables and queue so many mails in an empty database."""
    bootstrap.upgrade_database(settings)
    definitions = _with_limits(bootstrap.load_definitions(settings).definitions)
    version, before, numbers = definitions.versions[_SEQUENCE], at - timedelta(hours=1), range(1, mails + 1)
    database = bootstrap.database(settings)
    with database.engine.begin() as connection:
        apply(connection, definitions, before)
        person = {"stage": "lead", "stage_since": before, "attributes": {}, "heat": 0.0, "fit": 0, "grade": "D"}
        seen = {"first_seen_at": before, "seen_at": before}
        insert_rows(connection, people, [{"id": n, "email": address(n), **person, **seen} for n in numbers])
        run = {"sequence": _SEQUENCE, "version": version, "entry": 1, "entered_at": before, "ended_at": before}
        over = {"status": EnrollmentStatus.COMPLETED.value, "reason": REACHED_END, "step": _STEP}
        insert_rows(connection, enrollments, [{"id": n, "person_id": n, **run, **over} for n in numbers])
        mail = {"step": _STEP, "pass": 1, "template": _TEMPLATE, "status": MessageStatus.QUEUED.value, "any_time": True}
        due = {"planned_at": before, "due_at": before}
        ids = [{"id": message_id(n, _STEP), "enrollment_id": n, "person_id": n} for n in numbers]
        insert_rows(connection, messages, [{**each, **mail, **due} for each in ids])
    database.engine.dispose()


def _with_limits(loaded: Definitions | None) -> Definitions:
    """The definitions of the benchmarks with rates, so that mail goes by permits that lie in Redis."""
    if loaded is None:
        raise ValueError("the definitions of the benchmarks are not in order")
    sending = SendingPolicy.model_validate({**dict(loaded.sending), "transports": {"default": {"rate": _RATE}}})
    return Definitions.model_validate({**dict(loaded), "sending": sending})


def queue_again(engine: Engine, at: datetime) -> None:
    """Put every mail back to where it stood when the database was laid out, but due an hour before `at`."""
    due = at - timedelta(hours=1)
    forgotten = {column.name: None for column in messages.c if column.nullable}
    stand = {"status": MessageStatus.QUEUED, "attempts": 0, "planned_at": due, "due_at": due}
    with engine.begin() as connection:
        connection.execute(update(messages).values({**forgotten, **stand}))


def address(number: int) -> str:
    """Whom the so-and-so-many-th mail goes to."""
    return f"reader-{number}@example.com"


def standing(engine: Engine) -> dict[str, MessageStatus]:
    """Where each mail stands, by its reader."""
    asked = select(people.c.email, messages.c.status).join(people, people.c.id == messages.c.person_id)
    with engine.connect().execution_options(reading=True) as connection:
        return {row.email: row.status for row in connection.execute(asked)}


def unfinished(engine: Engine) -> int:
    """How many mails have still to come to something."""
    under_way = messages.c.status.in_([MessageStatus.QUEUED, MessageStatus.SENDING])
    with engine.connect().execution_options(reading=True) as connection:
        return connection.scalar(select(func.count()).select_from(messages).where(under_way)) or 0
