"""A small installation for tests of what looks at one: events are absorbed, steps taken and mails sent by the real flow."""

from datetime import datetime, timedelta
from typing import Any

from redis import Redis
from sqlalchemy import Engine, Row, select

from nurture.adapters.agents import kind_of_agent
from nurture.adapters.database.releases import apply
from nurture.adapters.database.store import Database
from nurture.adapters.database.tables import messages, people
from nurture.adapters.redis_keys import FIELD, events
from nurture.adapters.stream import held_partition
from nurture.domain.definitions import Definitions
from nurture.domain.event import EMAIL_CLICKED, EVENT, PAGE_VIEWED, Event
from nurture.flow.absorb import absorb
from nurture.flow.advance import advance
from nurture.flow.send import send
from nurture.ports import Letter, Waiting, Written
from tests.support.definitions import definitions
from tests.support.events import event, form, page
from tests.support.mailrooms import mailroom
from tests.support.smtp import SmtpSink
from tests.support.waiting import MovableClock

#: The secret key of the installation.
SECRET = "a secret of these tests"

BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
CRAWLER = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"


def crawl(path: str, device: str = "crawler") -> Event:
    """A page viewed by a machine."""
    return event(PAGE_VIEWED, anonymous_id=device, context={"page": {"path": path}, "userAgent": CRAWLER})


def claim(database: Database, worker: str, at: datetime, limit: int = 10) -> list[Waiting]:
    """Messages leased to a worker that does no more about them; whatever may go or not."""
    with database.sending.claiming() as claiming:
        waiting = claiming.due(limit, at)
        claiming.lease(worker, [each.letter.message for each in waiting], at)
        return waiting


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
        with mailroom(self.database.sending, LineWriter(), self.clock, default=self.sink.url) as room:
            while send(room).claimed:
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


def with_every_outcome(installation: Installation) -> None:
    """ana@acme.test on a sequence whose steps have come to all that may come of steps; she waits behind them."""
    steps = [
        {"id": "more", "pool": "evergreen", "window": "any"},
        {"id": "again", "pool": "evergreen", "window": "any"},
        {"id": "interest", "wait_for": {"event": "page_viewed", "within": "1d"}},
        {"id": "demo", "wait_for": {"event": "demo_requested", "within": "1d"}},
        {"wait": "1d"},
    ]
    sequence = {"sequence": "guide-nurture", "trigger": {"event": "form_submitted"}, "steps": steps}
    pools = {"evergreen": [{"email": "checklist", "asset": "guide"}]}
    installation.apply(definitions(sequences={"guide-nurture": sequence}, pools=pools))
    installation.happen(form("ana@acme.test", at=installation.clock.now()))
    installation.work()
    installation.happen(page("/pricing", at=installation.later(hours=1)))
    installation.work()
    installation.later(days=1)
    installation.work()
