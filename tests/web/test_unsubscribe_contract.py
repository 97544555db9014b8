"""What an unsubscribe link keeps to beyond its own answer: U8, U9, U11, U12 and U13 of the contract of RFC 8058.

U1 to U7 and U10 stand in `test_unsubscribe`. Here a real web process, Redis, database and mail server work together, as the parts
of a worker process put them together.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import Engine, func, insert, select

from nurture.adapters.agents import kind_of_agent
from nurture.adapters.database.engine import make_engine
from nurture.adapters.database.migrations import upgrade
from nurture.adapters.database.releases import ReleaseWatch, apply
from nurture.adapters.database.tables import enrollments, events, messages, people, suppressions
from nurture.adapters.journal import somebody_left
from nurture.adapters.redis_keys import AHEAD
from nurture.adapters.stream import held_partition
from nurture.adapters.tokens import Click, MailLink, ReaderOpened, Tokens
from nurture.bootstrap import WorkerParts
from nurture.domain.definitions import Definitions
from nurture.domain.event import UNSUBSCRIBED
from nurture.domain.mail.sending import MessageStatus
from nurture.domain.mail.tracking import Opens
from nurture.errors import Unavailable
from nurture.flow.absorb import absorb
from nurture.flow.send import send
from nurture.ports import Letter, Written
from nurture.settings import Settings
from nurture.web.gif import PIXEL
from tests.support.definitions import definitions
from tests.support.installation import LineWriter
from tests.support.mailrooms import mailroom
from tests.support.servers import PostgresServer, RedisServer
from tests.support.smtp import SmtpSink
from tests.support.waiting import MovableClock, wait_until
from tests.web.conftest import PARTITIONS, Web, make_definitions, serving

ONE_CLICK = "List-Unsubscribe=One-Click"
MANY = 10_000


class Office:
    """A worker that absorbs and sends beside the web process, and a crowd to whom a mail each is queued."""

    def __init__(self, web: Web, engine: Engine, url: str, redis: RedisServer, sink: SmtpSink) -> None:
        self.web, self.engine, self.sink = web, engine, sink
        settings = Settings(
            database_url=SecretStr(url), redis_url=SecretStr(redis.url), secret_key=SecretStr("0123456789abcdef"),
            data_dir=web.folder,
        )  # fmt: skip
        self.parts = WorkerParts(settings)
        self.parts.clock = web.clock
        what = definitions()
        with engine.begin() as connection:
            apply(connection, what, web.clock.now())
        self.version = what.versions["guide-nurture"]

    def queue(self, count: int) -> None:
        """A mail to each of people 1 … `count`, whose message has the number of its reader."""
        at, crowd = self.web.clock.now(), range(1, count + 1)
        person = {"stage": "lead", "stage_since": at, "attributes": {}, "grade": "D", "first_seen_at": at, "seen_at": at}
        run = {
            "sequence": "guide-nurture", "version": self.version, "entry": 0, "status": "waiting", "step": "case",
            "entered_at": at,
        }  # fmt: skip
        mail = {"step": "thanks", "pass": 0, "template": "guide-thanks", "status": MessageStatus.QUEUED, "any_time": True}
        with self.engine.begin() as connection:
            connection.execute(insert(people), [{"id": each, "email": address(each), **person} for each in crowd])
            connection.execute(insert(enrollments), [{"id": each, "person_id": each, **run} for each in crowd])
            queued = [
                {"id": each, "enrollment_id": each, "person_id": each, **mail, "planned_at": at, "due_at": at} for each in crowd
            ]
            connection.execute(insert(messages), queued)

    def absorb(self) -> None:
        for number in range(PARTITIONS):
            with held_partition(self.parts.redis, number) as held:
                assert held is not None
                while absorb(held, self.parts.database, self.web.clock, kind_of_agent).read:
                    pass

    def send_all(self, writer: LineWriter | None = None) -> None:
        with mailroom(self.parts.sending, writer or LineWriter(), self.web.clock, default=self.sink.url) as room:
            while send(room).claimed:
                pass

    def mailed(self) -> set[str]:
        return {to for mail in self.sink.mails for to in mail.to}

    def skipped(self) -> set[int]:
        asked = select(messages.c.person_id).where(messages.c.status == MessageStatus.SKIPPED)
        with self.engine.connect() as connection:
            return set(connection.scalars(asked))


def address(person: int) -> str:
    return f"p{person}@acme.test"


def leave(web: Web, person: int) -> None:
    """The one-click unsubscribe of a mailbox provider (RFC 8058 §3.2)."""
    answer = web.client.post(f"/u/{web.tokens.unsubscribe(MailLink(person, person))}", data={"List-Unsubscribe": "One-Click"})
    assert answer.status_code == 200


class LeavingWriter(LineWriter):
    """Writes mail, and lets its reader unsubscribe in the worst moment: after it was claimed, before it begins."""

    def __init__(self, web: Web, leaving: Sequence[int]) -> None:
        self._web, self._leaving = web, leaving

    def write(self, letter: Letter, definitions: Definitions, at: object) -> Written:
        if letter.person in self._leaving:
            leave(self._web, letter.person)
        return super().write(letter, definitions, self._web.clock.now())


@pytest.fixture
def office(
    web: Web, migrated_engine: Engine, database_url: str, redis_server: RedisServer, smtp_sink: SmtpSink
) -> Iterator[Office]:
    office = Office(web, migrated_engine, database_url, redis_server, smtp_sink)
    yield office
    office.parts.database.engine.dispose()
    office.parts.redis.close()


def test_u8_what_an_earlier_key_signed_still_unsubscribes(redis_url: str, tmp_path: Path) -> None:
    """Tokens of unsubscribing never expire; of everything else that key signs nothing is taken any more."""
    former = Tokens("the key of last year")
    with serving(redis_url, tmp_path, tokens=Tokens("the key of today", ["an older one", "the key of last year"])) as web:
        assert web.client.post(f"/u/{former.unsubscribe(MailLink(11, 7))}", content=ONE_CLICK).status_code == 200
        assert (web.event().name, web.event().person) == (UNSUBSCRIBED, 7)
        assert web.client.get(f"/c/{former.click(Click(11, 7, 'https://www.example.com/'))}").status_code == 404
        assert web.client.post(f"/u/{Tokens('a stranger').unsubscribe(MailLink(11, 7))}").status_code == 404


def test_u9_nobody_is_mailed_who_left_before_the_claim(office: Office) -> None:
    """Sent at once: nothing of the stream has been absorbed yet."""
    office.queue(3)
    leave(office.web, 2)
    office.send_all()
    assert office.mailed() == {address(1), address(3)}
    assert office.skipped() == {2}


def test_u9_nobody_is_mailed_who_left_between_the_claim_and_the_mail(office: Office) -> None:
    office.queue(3)
    office.send_all(LeavingWriter(office.web, [1, 3]))
    assert office.mailed() == {address(2)}
    assert office.skipped() == {1, 3}


def test_u9_what_send_has_taken_ahead_counts_once(office: Office) -> None:
    """U5 to the end: posted twice, absorbed by send and from its partition, it is one event and one suppression."""
    office.queue(1)
    leave(office.web, 1)
    leave(office.web, 1)
    office.send_all()
    office.absorb()
    with office.engine.connect() as connection:
        assert connection.scalar(select(func.count()).where(events.c.name == UNSUBSCRIBED)) == 1
        assert connection.execute(select(suppressions.c.email, suppressions.c.reason)).all() == [(address(1), UNSUBSCRIBED)]
    assert office.web.redis.xlen(AHEAD) == 0
    assert office.web.events() == []


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
def test_u9_of_ten_thousand_queued_mails_none_goes_to_who_has_left(office: Office) -> None:
    """One leaves and is absorbed first; a hundred leave and are not; fifty leave while their mail is being written."""
    office.queue(MANY)
    leave(office.web, 7)
    office.absorb()
    early, late = {*range(50, MANY, 100)}, {*range(1, MANY, 200)}
    for person in early:
        leave(office.web, person)
    office.send_all(LeavingWriter(office.web, sorted(late)))
    gone = {7} | early | late
    assert office.mailed() == {address(person) for person in range(1, MANY + 1)} - {address(person) for person in gone}
    assert office.skipped() == gone


def test_u10_a_full_backlog_refuses_nobody_who_leaves(redis_url: str, tmp_path: Path) -> None:
    """A mailbox provider that posts for its reader may not come again."""
    with serving(redis_url, tmp_path, max_backlog=1) as web:
        while web.track().status_code == 200:
            pass
        leave(web, 7)
        assert web.redis.xlen(AHEAD) == 1


def test_u10_nobody_is_mailed_who_left_while_redis_was_away(
    own_redis: RedisServer, migrated_engine: Engine, database_url: str, smtp_sink: SmtpSink, tmp_path: Path
) -> None:
    """Redis is back, and the web process that took the unsubscribe is dead: mail waits until another one has passed it on."""
    with serving(own_redis.url, tmp_path, journal=1 << 20) as web:
        own_redis.stop()
        leave(web, 2)
    own_redis.start()
    assert somebody_left(tmp_path / "journal")
    office = Office(web, migrated_engine, database_url, own_redis, smtp_sink)
    office.queue(3)
    with pytest.raises(Unavailable, match="unsubscribed while Redis was away"):
        office.send_all()
    assert office.mailed() == set()
    with serving(own_redis.url, tmp_path, journal=1 << 20) as web:
        wait_until(lambda: not somebody_left(tmp_path / "journal"), what="the unsubscribe to be passed on")
        office.send_all()
    assert office.mailed() == {address(1), address(3)}
    assert office.skipped() == {2}
    office.parts.database.engine.dispose()
    office.parts.redis.close()


@pytest.mark.parametrize("opens", ["individual", "hygiene"])
def test_u11_the_pixel_says_nothing_once_its_reader_has_left(redis_url: str, tmp_path: Path, opens: Opens) -> None:
    with serving(redis_url, tmp_path, definitions=make_definitions(opens=opens), lets_opens_be_told=lambda _: True) as web:
        token = web.tokens.open_by(ReaderOpened(7)) if opens == "hygiene" else web.tokens.open(MailLink(11, 7))
        image = f"/o/{token}.gif"
        before = web.client.get(image)
        assert [event.name for event in web.events()] == ["email_opened"]
        leave(web, 7)
        web.clock.advance(timedelta(minutes=1))
        after = web.client.get(image)
        assert (after.status_code, after.content) == (before.status_code, before.content) == (200, PIXEL)
        assert after.headers.items() - {("date", after.headers["date"])} == before.headers.items() - {
            ("date", before.headers["date"])
        }
        assert sorted(event.name for event in web.events()) == ["email_opened", UNSUBSCRIBED]


@pytest.mark.parametrize(
    "forge", [lambda _: "https://evil.example", lambda token: "_" + token[1:], lambda token: token[:-9] + "A" * 9]
)
def test_u12_nobody_is_led_anywhere_by_a_link_that_was_not_signed(web: Web, forge: Callable[[str], str]) -> None:
    token = forge(web.tokens.click(Click(11, 7, "https://www.example.com/pricing")))
    answer = web.client.get(f"/c/{token}", params={"url": "https://evil.example"})
    assert (answer.status_code, "location" in answer.headers) == (404, False)
    assert web.events() == []


def test_u13_the_answer_does_not_wait_for_the_database(own_postgres: PostgresServer, redis_url: str, tmp_path: Path) -> None:
    """With a database that answers nothing any more, the answer comes as fast as ever: it rests on Redis alone."""
    engine = make_engine(own_postgres.url())
    upgrade(engine)
    with engine.begin() as connection:
        apply(connection, make_definitions(), MovableClock().now())
    watch = ReleaseWatch(engine, every=0.01)
    watch.start()
    with serving(redis_url, tmp_path, watch=watch) as web:
        leave(web, 1)
        own_postgres.pause()
        try:
            took = []
            for person in range(20):
                began = time.perf_counter()
                leave(web, person)
                took.append(time.perf_counter() - began)
        finally:
            own_postgres.resume()
            watch.stop()
        assert sorted(took)[len(took) // 2] < 0.3
    engine.dispose()
