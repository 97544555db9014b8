"""Send and route together: rates, fail-over and policy blocks on real servers."""

import time
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from redis import Redis
from sqlalchemy import select

from nurture.adapters.database.store import Database
from nurture.adapters.database.tables import alarms, suppressions
from nurture.adapters.limiter import RedisLimiter
from nurture.domain.mail.message import Reason
from nurture.flow.route import Routes
from nurture.flow.send import Mailroom, SendReport, send
from tests.flow.conftest import Intake, queue
from tests.flow.post import PlainWriter, Post
from tests.support.mailrooms import mailroom
from tests.support.smtp import SmtpSink
from tests.support.waiting import MovableClock, free_port
from tests.support.windows import fullest

READERS = [f"reader{number}@acme.test" for number in range(5)]
PLENTY = [f"reader{number}@acme.test" for number in range(40)]


class RunningClock:
    """Goes on by itself from where another stood."""

    def __init__(self, from_: MovableClock) -> None:
        self._from, self._began = from_, time.monotonic()

    def now(self) -> datetime:
        return self._from.now() + timedelta(seconds=time.monotonic() - self._began)


@pytest.fixture
def routes(database: Database, redis: Redis) -> Routes:
    return Routes(database.routing, RedisLimiter(redis), lambda domains: {domain: domain for domain in domains})


@pytest.fixture
def room(database: Database, routes: Routes, clock: MovableClock, smtp_sink: SmtpSink) -> Iterator[Mailroom]:
    nobody = f"smtp://127.0.0.1:{free_port()}"
    with mailroom(
        database.sending, PlainWriter(), clock, router=routes, default=smtp_sink.url, relay=smtp_sink.url, nobody=nobody
    ) as made:
        yield made


def test_what_is_over_a_rate_waits_and_is_let_go(intake: Intake, post: Post, room: Mailroom, clock: MovableClock) -> None:
    post.put_in_force(transports={"default": {"rate": {"mails": 2, "per": "1h"}}})
    queue(intake, *READERS)
    assert send(room) == SendReport(claimed=5, sent=2)
    waiting = [each for each in post.messages() if each.status == "queued"]
    assert {each.reason for each in waiting} == {Reason.RATE}
    assert {each.lease_until for each in waiting} == {None}
    assert all(clock.now() < each.due_at == each.planned_at for each in waiting)
    assert send(room).claimed == 0
    for _ in range(3):
        clock.advance(timedelta(hours=1, minutes=2))
        send(room)
    assert post.statuses() == {"sent": 5}
    assert len({mail.message_id for mail in post.sink.mails}) == 5


def test_while_all_mail_waits_no_more_is_claimed(intake: Intake, post: Post, room: Mailroom, clock: MovableClock) -> None:
    post.put_in_force(transports={"default": {"rate": {"mails": 1, "per": "1h"}}})
    queue(intake, *PLENTY)
    report = send(room, limit=10, goes_on=lambda: True)
    assert report == SendReport(claimed=10, sent=1)
    untouched = [each for each in post.messages() if each.due_at <= clock.now() and each.status == "queued"]
    assert len(untouched) > len(PLENTY) - 10
    assert {each.lease_until for each in untouched} == {None}


def test_mail_leaves_at_the_pace_of_its_rate(
    intake: Intake, post: Post, database: Database, routes: Routes, clock: MovableClock, smtp_sink: SmtpSink
) -> None:
    post.put_in_force(transports={"default": {"rate": {"mails": 20, "per": "1s"}}})
    queue(intake, *PLENTY)
    running = RunningClock(clock)
    with mailroom(database.sending, PlainWriter(), running, router=routes, default=smtp_sink.url) as room:
        while post.statuses() != {"sent": len(PLENTY)}:
            send(room)
    left = [each.sent_at for each in post.messages()]
    assert fullest(left, timedelta(seconds=0.9)) <= 20, "heard of a little later than begun"
    assert max(left) - min(left) < timedelta(seconds=20)


def test_whoever_takes_mail_slowly_keeps_nobody_else_waiting(
    intake: Intake, post: Post, database: Database, routes: Routes, clock: MovableClock, smtp_sink: SmtpSink
) -> None:
    post.put_in_force(recipients={"acme.test": {"rate": {"mails": 2, "per": "1s"}}})
    queue(intake, *PLENTY[:10])
    clock.advance(timedelta(seconds=1))
    queue(intake, *(f"reader{number}@other.test" for number in range(10)))
    running = RunningClock(clock)
    with mailroom(database.sending, PlainWriter(), running, router=routes, default=smtp_sink.url) as room:
        report = send(room)
    assert report.sent >= 12
    others = [each.to[0].endswith("@other.test") for each in smtp_sink.mails]
    assert sum(others) == 10
    last_other = max(number for number, other in enumerate(others) if other)
    assert others[:last_other].count(False) <= 3, "the slow ones come after them"


def test_another_transport_takes_over_from_one_that_is_away(
    intake: Intake, post: Post, room: Mailroom, clock: MovableClock
) -> None:
    post.put_in_force(transports={"nobody": {"weight": 1}, "relay": {"weight": 0}})
    queue(intake, *READERS)
    send(room)
    clock.advance(timedelta(seconds=30))
    while send(room).claimed:
        clock.advance(timedelta(seconds=30))
    assert post.statuses() == {"sent": 5}
    assert {each.transport for each in post.messages()} == {"relay"}


def test_a_policy_block_holds_the_family_back_and_nobody_is_suppressed(
    intake: Intake, post: Post, room: Mailroom, database: Database, clock: MovableClock, smtp_sink: SmtpSink
) -> None:
    smtp_sink.refuse("acme.test", "550 5.7.1 our users do not like you", times=1)
    queue(intake, READERS[0])
    assert send(room).sent == 0
    queue(intake, *READERS[1:], "else@other.test")
    assert send(room).sent == 1, "to others it goes"
    held = [each for each in post.messages() if each.reason == Reason.BRAKE]
    assert len(held) == 4
    with database.engine.connect() as connection:
        assert connection.execute(select(suppressions)).all() == []
        assert [row.about for row in connection.execute(select(alarms))] == ["default/acme.test"]
    database.routing.lift("family", "default/acme.test", clock.now())
    clock.advance(timedelta(seconds=1))
    assert send(room).sent == 4
