"""A small installation for tests of what looks at one: events are absorbed, steps taken and mails sent by the real flow."""

from datetime import datetime, timedelta
from typing import Any

from redis import Redis
from sqlalchemy import Engine, Row, select

from nurture.adapters.agents import kind_of_agent
from nurture.adapters.database.releases import apply
from nurture.adapters.database.store import Database
from nurture.adapters.database.tables import messages, people
from nurture.adapters.mail.transport import SmtpTransport
from nurture.adapters.redis_keys import FIELD, events
from nurture.adapters.stream import held_partition
from nurture.domain.definitions import Definitions
from nurture.domain.event import EMAIL_CLICKED, EVENT, PAGE_VIEWED, Event
from nurture.flow.absorb import absorb
from nurture.flow.advance import advance
from nurture.flow.send import send
from nurture.ports import Letter, Written
from tests.support.definitions import definitions
from tests.support.events import event
from tests.support.smtp import SmtpSink
from tests.support.waiting import MovableClock

#: The secret key of the installation.
SECRET = "a secret of these tests"

BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
CRAWLER = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"


def crawl(path: str, device: str = "crawler") -> Event:
    """A page viewed by a machine."""
    return event(PAGE_VIEWED, anonymous_id=device, context={"page": {"path": path}, "userAgent": CRAWLER})


class LineWriter:
    """Writes a mail of a few lines; its subject is the template's name."""

    def write(self, letter: Letter, definitions: Definitions, at: datetime) -> Written:
        raw = f"Message-ID: <{letter.message}@example.com>\r\nSubject: {letter.template}\r\n\r\nHello.\r\n"
        return Written(raw.encode(), definitions.sending.sender.email, "en", letter.template)


class Installation:
    """A database with definitions in force, a stream of four partitions, and time that stands still."""

    def __init__(self, engine: Engine, redis: Redis, clock: MovableClock, sink: SmtpSink) -> None:
        self.engine, self.redis, self.clock, self.sink = engine, redis, clock, sink
        self.database = Database(engine, SECRET)
        self.definitions = definitions()
        self.apply(self.definitions)

    def apply(self, definitions: Definitions) -> None:
        """Put definitions in force."""
        self.definitions = definitions
        with self.engine.begin() as connection:
            apply(connection, definitions, self.clock.now())

    def happen(self, *happened: Event) -> None:
        """Absorb events, in their order."""
        for each in happened:
            self.redis.xadd(events(0), {FIELD: EVENT.dump_json(each)})
        with held_partition(self.redis, 0) as partition:
            assert partition is not None
            absorb(partition, self.database, self.clock, kind_of_agent)

    def garble(self) -> None:
        """Absorb something that is no event."""
        self.redis.xadd(events(0), {FIELD: b'{"source": "website"}'})
        self.happen()

    def work(self) -> None:
        """Take every step and send every mail that is due."""
        while advance(self.database, self.clock, lambda *_: False).moved:
            pass
        transport = SmtpTransport(self.sink.url)
        while send(self.database.sending, transport, LineWriter(), self.clock, lambda *_: False, "worker").claimed:
            pass

    def later(self, **by: float) -> datetime:
        return self.clock.advance(timedelta(**by))

    def person(self, email: str) -> Row[Any]:
        with self.engine.connect() as connection:
            return connection.execute(select(people).where(people.c.email == email)).one()

    def click(self, email: str, step: str, agent: str = BROWSER) -> Event:
        """A click in somebody's mail, now."""
        person = self.person(email).id
        wanted = select(messages.c.id).where(messages.c.person_id == person, messages.c.step == step)
        with self.engine.connect() as connection:
            message = connection.scalar(wanted)
        return event(
            EMAIL_CLICKED, self.clock.now(), person=person, message=message, source="engine", context={"userAgent": agent},
            properties={"url": "https://www.example.com/blog/x", "path": "/blog/x"},
        )  # fmt: skip
