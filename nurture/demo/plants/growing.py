"""A made-up business played against the real verbs and a real database: absorb, advance, send, hand off.

Only time, mail servers and the CRM are made up. What follows from mails and calls is decided here, by dice of its own. Of the half
before only what visitors did matters, so that is absorbed at once; the half that is reported on goes from evening to evening.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from random import Random
from typing import Final

from sqlalchemy import Engine, insert, select

from nurture.adapters.agents import kind_of_agent
from nurture.adapters.database.releases import apply
from nurture.adapters.database.store import Database
from nurture.adapters.database.tables import follow_ups, messages, people, spend
from nurture.demo.plants.business import DEFINITIONS, Business
from nurture.demo.plants.people import BROWSER, HALF, Crowd, Someone, crowd, raising_hand
from nurture.domain.answering import Answered
from nurture.domain.answering import as_event as as_answer
from nurture.domain.definitions import Definitions
from nurture.domain.event import EMAIL_CLICKED, ENGINE, UNSUBSCRIBED, Event
from nurture.domain.handing_off import Handoff
from nurture.domain.mail.delivery import Accepted
from nurture.domain.mail.faults import Fault
from nurture.domain.mail.feedback import Feedback, as_event
from nurture.domain.telling.calls import Answer, Call
from nurture.flow.absorb import BATCH, store_batch
from nurture.flow.advance import advance
from nurture.flow.hand_off import hand_off
from nurture.flow.one_way import OneWay
from nurture.flow.send import Mailroom, send
from nurture.ports import Carried, Letter, Mail, Written
from nurture.reports.sheet import Period, local_day

#: The Monday on which the first half begins.
FIRST_DAY: Final = datetime(2026, 3, 2, tzinfo=UTC)

#: The engine works through so many days at a time, at this hour (UTC) of the last one.
_DAYS: Final = 2
_EVENING: Final = timedelta(hours=17)

_SCANNER: Final = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"


def grow(engine: Engine, business: Business, seed: int) -> tuple[Definitions, Period]:
    """Play a business into an empty database; what is in force there, and the period of its second half."""
    definitions = Definitions.model_validate({**DEFINITIONS, **business.definitions})
    town = _Town(engine, business, crowd(business, seed, FIRST_DAY), Random(seed + 1))  # noqa: S311 - a play, no secret
    town.play(definitions)
    first = local_day(FIRST_DAY, definitions.business_timezone) + HALF
    return definitions, Period(first=first, last=first + HALF - 1, timezone=definitions.business_timezone)


class _Town:
    """The business, its crowd, its mail server and its CRM; time stands still but from evening to evening."""

    def __init__(self, engine: Engine, business: Business, crowd: Crowd, dice: Random) -> None:
        self._engine, self._business, self._crowd, self._dice = engine, business, crowd, dice
        self._database = Database(engine)
        self._now = crowd.events[0].occurred_at
        self._coming: list[tuple[datetime, str, Event]] = []
        self._postbox = _Postbox(self)
        self._mailroom = Mailroom(self._database.sending, self._postbox, OneWay(), _LineWriter(), self, lambda *_: False, "demo")
        self._seen: set[int] = set()

    def now(self) -> datetime:
        return self._now

    def play(self, definitions: Definitions) -> None:
        """All that happens from the first event to the end of the second half."""
        turn = FIRST_DAY + timedelta(days=HALF)
        quiet = definitions.model_copy(update={"sequences": {}, "handoff": Handoff()})
        self._apply(quiet)
        self._spend()
        self._now = turn
        self._absorb([event for event in self._crowd.events if event.received_at < turn])
        self._apply(definitions)
        for event in self._crowd.events:
            if event.received_at >= turn:
                self._expect(event)
        for step in range(_DAYS, HALF + 1, _DAYS):
            self._now = turn + timedelta(days=step - 1) + _EVENING
            self._absorb(self._until_now())
            self._work()

    def _apply(self, definitions: Definitions) -> None:
        with self._engine.begin() as connection:
            apply(connection, definitions, self._now)

    def _spend(self) -> None:
        day = local_day(FIRST_DAY, "UTC")
        costs = [
            {"id": number, "channel": channel, "first_day": day, "last_day": day + 2 * HALF - 1, "amount": amount, "currency": "EUR",
             "imported_at": self._now}
            for number, (channel, amount) in enumerate(sorted(self._business.spend.items()))
        ]  # fmt: skip
        with self._engine.begin() as connection:
            connection.execute(insert(spend), costs)

    def _expect(self, event: Event) -> None:
        heappush(self._coming, (event.received_at, event.message_id, event))

    def _until_now(self) -> list[Event]:
        come = []
        while self._coming and self._coming[0][0] <= self._now:
            come.append(heappop(self._coming)[-1])
        return come

    def _absorb(self, events: Sequence[Event]) -> None:
        for start in range(0, len(events), BATCH):
            store_batch(self._database, events[start : start + BATCH], kind_of_agent, self._now)

    def _work(self) -> None:
        while advance(self._database, self, lambda *_: False).more:
            pass
        while send(self._mailroom).more:
            pass
        crm = _Crm(self._business.crm_answers)
        while hand_off(self._database.handing_off, crm, self, self._dice.random).claimed:
            pass
        self._read_mail()
        self._call_leads()

    def _luck(self, chance: float) -> bool:
        return self._dice.random() < chance

    def _read_mail(self) -> None:
        """The readers of today's mails do what they do tomorrow."""
        carried = self._postbox.taken()
        if not carried:
            return
        asked = (
            select(messages.c.id, messages.c.person_id, people.c.email)
            .select_from(messages.join(people, people.c.id == messages.c.person_id))
            .where(messages.c.id.in_(carried))
            .order_by(messages.c.id)
        )
        with self._engine.connect() as connection:
            rows = connection.execute(asked).all()
        for message, person, email in rows:
            for event in self._reactions(message, person, self._crowd.people[email]):
                self._expect(event)

    def _reactions(self, message: int, person: int, reader: Someone) -> Iterator[Event]:
        business, at = self._business, self._tomorrow()
        if self._luck(business.bounces):
            bounce = Feedback("bounced", "mailbox", f"bounce-{message}", at, message, person, fault=Fault.ADDRESS, code="5.1.1")
            yield as_event(bounce, at)
            return
        scans = int(business.scanned) + self._luck(business.scanned % 1)
        for number in range(scans):
            yield _of_mail(EMAIL_CLICKED, f"scan-{number}", message, person, at, _SCANNER)
        if self._luck(business.unsubscribes):
            yield _of_mail(UNSUBSCRIBED, "unsubscribe", message, person, at, BROWSER)
        elif self._luck(business.clicks):
            yield _of_mail(EMAIL_CLICKED, "click", message, person, at, BROWSER)
            if reader.ready and self._luck(business.demo_after_click):
                yield from raising_hand(reader, at + timedelta(minutes=5))

    def _tomorrow(self) -> datetime:
        """Some instant of the coming morning."""
        return self._now + timedelta(hours=13, seconds=self._dice.randrange(3 * 3600))

    def _call_leads(self) -> None:
        """Sales is told of who became hot lately, and answers most of them: whoever is ready is accepted."""
        awaited = (
            select(follow_ups.c.stage_change_id, follow_ups.c.person_id, follow_ups.c.since, people.c.email)
            .select_from(follow_ups.join(people, people.c.id == follow_ups.c.person_id))
            .where(follow_ups.c.answered_at.is_(None))
            .order_by(follow_ups.c.since, follow_ups.c.stage_change_id)
        )
        with self._engine.connect() as connection:
            rows = [row for row in connection.execute(awaited) if row.stage_change_id not in self._seen]
        self._seen |= {row.stage_change_id for row in rows}
        for row in rows:
            if self._luck(self._business.answers):
                self._expect(self._answer(row.stage_change_id, row.person_id, row.since, self._crowd.people[row.email]))

    def _answer(self, change: int, person: int, since: datetime, lead: Someone) -> Event:
        """What sales says about a lead, soon after it came; we hear of it when the evening is over."""
        said = since + timedelta(days=self._business.answers_after_days, hours=self._dice.randint(2, 28))
        told = Answered("accepted" if lead.ready else "rejected", "crm", f"answer-{change}", said, person)
        return as_answer(told, max(said, self._tomorrow()))


class _Postbox:
    """Fulfils `ports.Carrier`: takes every mail at once, and keeps which."""

    def __init__(self, clock: _Town) -> None:
        self._clock = clock
        self._carried: list[Carried] = []
        self._taken: list[int] = []

    def taken(self) -> list[int]:
        """The messages taken since this was asked last."""
        taken, self._taken = self._taken, []
        return taken

    def free(self, transport: str) -> int:  # noqa: ARG002 - there is room for everything
        return BATCH

    def carry(self, mails: Sequence[Mail]) -> None:
        at = self._clock.now()
        self._carried += [Carried(mail.message, mail.transport, mail.domain, at, Accepted("250 taken")) for mail in mails]
        self._taken += [mail.message for mail in mails]

    def finished(self, patience: float) -> list[Carried]:  # noqa: ARG002 - nothing is waited for
        carried, self._carried = self._carried, []
        return carried

    def close(self) -> None:
        """There is nobody to say goodbye to."""


class _LineWriter:
    """Fulfils `ports.Writer`: what a mail says makes no difference here."""

    def write(self, letter: Letter, definitions: Definitions, at: datetime) -> Written:  # noqa: ARG002 - nothing is said
        return Written(b"\r\n", definitions.sending.sender.email, "en", letter.template)


class _Crm:
    """Fulfils `ports.Caller`: answers every call alike."""

    def __init__(self, status: int) -> None:
        self._status = status

    def call(self, calls: Iterable[Call], at: datetime) -> list[Answer]:  # noqa: ARG002 - it answers at any time
        return [Answer(call.delivery, self._status, f"HTTP {self._status}") for call in calls]


def _of_mail(name: str, what: str, message: int, person: int, at: datetime, agent: str) -> Event:
    properties: Mapping[str, str] = {"url": "https://www.example.com/case-study", "path": "/case-study"}
    return Event(
        message_id=f"{what}-{message}", source=ENGINE, name=name, occurred_at=at, received_at=at, person=person, message=message,
        properties=dict(properties) if name == EMAIL_CLICKED else {}, context={"userAgent": agent},
    )  # fmt: skip
