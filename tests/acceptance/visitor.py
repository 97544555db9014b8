"""Somebody with a browser that runs no script, and what becomes of them in the database."""

from datetime import UTC, datetime
from typing import Any

import httpx
from sqlalchemy import Engine, select

from nurture.adapters.clock import set_shift
from nurture.adapters.database.tables import enrollments, events, messages, people
from nurture.domain.mail.sending import MessageStatus
from nurture.supervisor.engine import RunningEngine

AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0"
HEADERS = {"User-Agent": AGENT, "Accept": "text/html", "Accept-Language": "en-GB", "Sec-Fetch-Mode": "navigate"}


def ask_for_guide(engine: RunningEngine, email: str) -> bytes:
    """Fill in the guide's form and follow it to the guide; its bytes."""
    with httpx.Client(base_url=engine.url, headers=HEADERS, timeout=30) as browser:
        answer = browser.post("/f/guide", data={"email": email, "first_name": "Ada", "consent": "yes"})
        assert answer.status_code == 303, answer.text
        guide = browser.get(answer.headers["location"])
        assert guide.status_code == 200, guide.text
        return guide.content


def happened(database: Engine, email: str, name: str) -> list[Any]:
    """The events of that name of the person with an address."""
    wanted = select(events).join(people).where(people.c.email == email, events.c.name == name)
    with database.connect() as connection:
        return list(connection.execute(wanted))


def statuses(database: Engine, email: str) -> dict[str, str]:
    """The status of each message to a person, by step."""
    wanted = select(messages.c.step, messages.c.status).join(people).where(people.c.email == email)
    with database.connect() as connection:
        return {step: status.value for step, status in connection.execute(wanted)}


def next_due(database: Engine) -> datetime | None:
    """When the next step or mail comes due."""
    runs = select(enrollments.c.due_at).where(enrollments.c.due_at.is_not(None))
    mails = select(messages.c.due_at).where(messages.c.status == MessageStatus.QUEUED)
    with database.connect() as connection:
        return min([*connection.scalars(runs), *connection.scalars(mails)], default=None)


def move_clock(engine: RunningEngine, to: datetime) -> None:
    """Set the engine's clock to an instant."""
    assert engine.settings.clock_file is not None
    set_shift(engine.settings.clock_file, (to - datetime.now(UTC)).total_seconds())
