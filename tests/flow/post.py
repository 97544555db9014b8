"""The sending side of one worker, for tests of send."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row, Update, func, select

from nurture.adapters.database.releases import apply
from nurture.adapters.database.store import Database
from nurture.adapters.database.tables import enrollments, messages
from nurture.domain.definitions import Definitions
from nurture.domain.mail.sending import MessageStatus
from nurture.errors import TemplateError
from nurture.flow.send import SendReport, send
from nurture.ports import Letter, Written
from tests.support.definitions import GUIDE_SEQUENCE, SENDING, THE_SAME_AGAIN, definitions
from tests.support.mailrooms import mailroom
from tests.support.smtp import SmtpSink
from tests.support.waiting import MovableClock


class PlainWriter:
    """Writes three lines; refuses one address as a template with a missing variable would."""

    def write(self, letter: Letter, definitions: Definitions, at: datetime) -> Written:
        if letter.address.startswith("unwritable"):
            raise TemplateError("guide-thanks/en.md:3: 'first_name' is undefined")
        raw = f"Message-ID: <{letter.message}@example.com>\r\nSubject: {letter.template}\r\n\r\nHello.\r\n"
        return Written(raw.encode(), definitions.sending.sender.email, "en", letter.template)


class Post:
    """The sending side of one worker."""

    def __init__(self, database: Database, clock: MovableClock, sink: SmtpSink) -> None:
        self.database, self.clock, self.sink = database, clock, sink

    def send(self, worker: str = "worker-1", url: str | None = None, limit: int = 100) -> SendReport:
        with mailroom(self.database.sending, PlainWriter(), self.clock, worker=worker, default=url or self.sink.url) as room:
            return send(room, limit)

    def statuses(self) -> dict[str, int]:
        counted = select(messages.c.status, func.count()).group_by(messages.c.status)
        with self.database.engine.connect() as connection:
            return {status.value: count for status, count in connection.execute(counted)}

    def message(self) -> Row[Any]:
        [message] = self.messages()
        return message

    def messages(self) -> list[Row[Any]]:
        """By sequence and step."""
        named = messages.join(enrollments, enrollments.c.id == messages.c.enrollment_id)
        asked = select(messages, enrollments.c.sequence).select_from(named)
        with self.database.engine.connect() as connection:
            return list(connection.execute(asked.order_by(enrollments.c.sequence, messages.c.step)))

    def sent(self) -> list[str]:
        return [f"{each.sequence}/{each.step}" for each in self.messages() if each.status == MessageStatus.SENT]

    def change(self, change: Update) -> None:
        with self.database.engine.begin() as connection:
            connection.execute(change)

    def put_in_force(self, *sequences: dict[str, Any], **sending: Any) -> None:
        named = {each["sequence"]: each for each in sequences} or {"guide-nurture": GUIDE_SEQUENCE}
        with self.database.engine.begin() as connection:
            apply(connection, definitions(sequences=named, sending=SENDING | THE_SAME_AGAIN | sending), self.clock.now())
