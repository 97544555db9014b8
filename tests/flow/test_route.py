"""Every mail gets a way and a slot, or is told why not; what is learned on the way holds for all workers."""

from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Any

import pytest
from redis import Redis
from sqlalchemy import insert, select, update

from nurture.adapters.database.store import Database
from nurture.adapters.database.tables import alarms, brakes, messages, suppressions, warm_ups
from nurture.adapters.limiter import RedisLimiter
from nurture.domain.definitions import Definitions
from nurture.domain.mail.brakes import Brake, Learned
from nurture.domain.mail.breakers import ALL_MAIL
from nurture.domain.mail.delivery import Accepted, Missed, Unreached
from nurture.domain.mail.faults import Refusal
from nurture.domain.mail.message import MessageStatus, Reason
from nurture.domain.mail.warm_up import day_of
from nurture.flow.route import Routes
from nurture.ports import Carried, Go, Parcel, Wait
from tests.flow.conftest import Intake, queue
from tests.flow.post import Post
from tests.support.definitions import SENDING, definitions
from tests.support.servers import RedisServer
from tests.support.waiting import MovableClock

TWO = {"first": {"weight": 1}, "second": {"weight": 0}}
POLICY = Refusal(550, "5.7.1", "our users do not like you")


def by_name(domains: Collection[str]) -> Mapping[str, str]:
    """What the DNS would say."""
    return {domain: "gmail" if domain in {"acme.com", "gmail.com"} else domain for domain in domains}


class Worker:
    """The router of one worker process, with its clock."""

    def __init__(self, database: Database, redis: Redis, clock: MovableClock) -> None:
        self.routes = Routes(database.routing, RedisLimiter(redis), by_name)
        self.clock = clock
        self.definitions = definitions()

    def sends(self, **sending: Any) -> None:
        self.definitions = definitions(sending=SENDING | sending)

    def route(self, *domains: str) -> list[Go | Wait]:
        parcels = [Parcel(number, domain) for number, domain in enumerate(domains)]
        return self.routes.route(parcels, self.definitions, self.clock.now())

    def transports(self, *domains: str) -> list[str]:
        return [each.transport for each in self.route(*domains) if isinstance(each, Go)]

    def hears(self, transport: str, domain: str, answer: Any) -> None:
        at = self.clock.now()
        self.routes.heard([Carried(1, transport, domain, at, answer)], at)


@pytest.fixture
def worker(database: Database, redis: Redis, clock: MovableClock) -> Worker:
    return Worker(database, redis, clock)


@pytest.fixture
def another(database: Database, redis: Redis, clock: MovableClock) -> Worker:
    return Worker(database, redis, clock)


def rows(database: Database, table: Any) -> Any:
    with database.engine.connect() as connection:
        return connection.execute(select(table)).all()


def test_without_rates_everything_goes_at_once(worker: Worker, clock: MovableClock) -> None:
    begins, ends = clock.now(), clock.now() + timedelta(minutes=1, milliseconds=-5)
    assert worker.route("a.test", "b.test") == [Go(0, "default", begins, ends), Go(1, "default", begins, ends)]
    assert worker.route() == []


def test_workers_share_a_rate(worker: Worker, another: Worker) -> None:
    for each in (worker, another):
        each.sends(transports={"default": {"rate": {"mails": 3, "per": "1h"}}})
    assert len(worker.transports("a.test", "b.test")) == 2
    went, waits = another.route("c.test", "d.test")
    assert isinstance(went, Go)
    assert isinstance(waits, Wait)
    assert (waits.reason, waits.detail, waits.all_mail) == (Reason.RATE, "transport default is full", True)
    assert waits.until > another.clock.now() + timedelta(minutes=50)


def test_a_family_is_counted_whatever_its_domains_are_called(worker: Worker) -> None:
    worker.sends(recipients={"gmail": {"rate": {"mails": 2, "per": "1h"}}})
    answers = worker.route("gmail.com", "acme.com", "other.test", "gmail.com")
    assert [isinstance(each, Go) for each in answers] == [True, True, True, False]
    assert isinstance(answers[3], Wait)
    assert not answers[3].all_mail


def test_what_was_not_used_is_there_for_others(worker: Worker, another: Worker) -> None:
    for each in (worker, another):
        each.sends(transports={"default": {"rate": {"mails": 1, "per": "1h"}}})
    [went] = worker.route("a.test")
    assert another.transports("b.test") == []
    assert isinstance(went, Go)
    worker.routes.unused([went], worker.clock.now())
    worker.routes.unused([went], worker.clock.now())
    assert another.transports("b.test", "c.test") == ["default"]


def test_a_permit_that_ran_out_on_its_connection_is_there_for_others(worker: Worker, another: Worker) -> None:
    for each in (worker, another):
        each.sends(transports={"default": {"rate": {"mails": 1, "per": "1h"}}})
    worker.route("a.test")
    assert another.transports("b.test") == []
    worker.routes.heard([Carried(0, "default", "a.test", worker.clock.now(), Missed())], worker.clock.now())
    assert another.transports("b.test") == ["default"]


def test_a_full_transport_leaves_the_rest_to_another(worker: Worker) -> None:
    worker.sends(transports={"first": {"rate": {"mails": 1, "per": "1h"}}, "second": {"weight": 0}})
    assert worker.transports("a.test", "b.test", "c.test") == ["first", "second", "second"]


def test_a_transport_that_is_away_rests_and_the_other_takes_over(worker: Worker, another: Worker, clock: MovableClock) -> None:
    for each in (worker, another):
        each.sends(transports=TWO)
    worker.hears("first", "a.test", Unreached("connection refused"))
    assert another.transports("a.test") == ["second"]
    clock.advance(timedelta(seconds=31))
    assert another.transports("a.test") == ["first"]
    another.hears("first", "a.test", Unreached("connection refused"))
    clock.advance(timedelta(seconds=31))
    assert worker.transports("a.test") == ["second"], "the second rest is longer"
    clock.advance(timedelta(seconds=30))
    assert worker.transports("a.test") == ["first"]
    worker.hears("first", "a.test", Accepted("250 ok"))
    assert another.routes._store.brakes() == {}


def test_when_no_transport_is_left_mail_waits_for_the_first(worker: Worker, clock: MovableClock) -> None:
    worker.hears("default", "a.test", Unreached("connection refused"))
    [waits] = worker.route("a.test")
    why = "default cannot be reached: connection refused"
    assert waits == Wait(0, clock.now() + timedelta(seconds=30), Reason.UNREACHABLE, why, all_mail=True)


def test_a_policy_block_pauses_the_family_and_suppresses_nobody(worker: Worker, database: Database, clock: MovableClock) -> None:
    worker.hears("default", "acme.com", POLICY)
    worker.hears("default", "gmail.com", POLICY)
    blocked, other = worker.route("gmail.com", "other.test")
    assert isinstance(blocked, Wait)
    assert (blocked.reason, blocked.until) == (Reason.BRAKE, clock.now() + timedelta(minutes=10))
    assert "our users do not like you" in (blocked.detail or "")
    assert isinstance(other, Go)
    assert [(each.kind, each.about) for each in rows(database, alarms)] == [("policy_block", "default/gmail")]
    assert rows(database, suppressions) == []


def test_a_family_that_refuses_one_transport_is_mailed_by_the_other(worker: Worker) -> None:
    worker.sends(transports=TWO)
    worker.hears("first", "gmail.com", POLICY)
    assert worker.transports("gmail.com", "other.test") == ["second", "first"]


def test_others_may_go_where_one_family_may_not(worker: Worker) -> None:
    worker.sends(transports={"first": {"rate": {"mails": 1, "per": "1h"}}, "second": {"weight": 0}})
    worker.hears("second", "gmail.com", POLICY)
    assert worker.transports("gmail.com") == ["first"]
    [full] = worker.route("gmail.com")
    assert isinstance(full, Wait)
    assert (full.reason, full.all_mail) == (Reason.RATE, False)
    worker.hears("first", "gmail.com", Unreached("connection refused"))
    [away] = worker.route("gmail.com")
    assert isinstance(away, Wait)
    assert (away.reason, away.all_mail) == (Reason.UNREACHABLE, False)
    assert worker.transports("other.test") == ["second"]


def test_two_workers_that_are_refused_at_once_pull_one_brake(worker: Worker, another: Worker, database: Database) -> None:
    another.route("gmail.com")
    worker.hears("default", "gmail.com", POLICY)
    another.clock.advance(timedelta(seconds=1))
    another.hears("default", "gmail.com", POLICY)
    assert len(rows(database, brakes)) == 1
    assert len(rows(database, alarms)) == 1


def test_the_brake_of_all_mail_holds_everything(worker: Worker, database: Database, clock: MovableClock) -> None:
    row = {"kind": "all", "name": ALL_MAIL, "until": None, "reason": "a surge", "at": clock.now()}
    with database.engine.begin() as connection:
        connection.execute(insert(brakes).values(row))
    assert worker.route("a.test") == [Wait(0, clock.now() + timedelta(minutes=15), Reason.BRAKE, "a surge", all_mail=True)]
    assert database.routing.lift("all", ALL_MAIL, clock.now())
    clock.advance(timedelta(seconds=1))
    assert worker.transports("a.test") == ["default"]
    assert not database.routing.lift("all", ALL_MAIL, clock.now())


def test_what_a_brake_held_goes_as_soon_as_it_is_lifted(
    intake: Intake, post: Post, worker: Worker, database: Database, clock: MovableClock
) -> None:
    queue(intake, "ana@acme.test")
    later = clock.now() + timedelta(hours=1)
    post.change(update(messages).values(due_at=later, planned_at=later, reason=Reason.BRAKE))
    worker.hears("default", "acme.test", POLICY)
    database.routing.lift("family", "default/acme.test", clock.now())
    assert post.message().due_at == clock.now() + timedelta(seconds=1)


@pytest.mark.parametrize(("name", "stays"), [("acme.com", {0}), ("gmail", {0, 1}), ("other.test", {2})])
def test_mail_to_a_domain_or_a_family_is_held_by_whatever_transport(
    worker: Worker, database: Database, clock: MovableClock, name: str, stays: set[int]
) -> None:
    worker.sends(transports=TWO)
    database.routing.keep(Learned([Brake("domain", name, clock.now(), None, "held by hand", "ana")], [], []))
    waits = [each for each in worker.route("acme.com", "gmail.com", "other.test") if isinstance(each, Wait)]
    assert {each.message for each in waits} == stays
    assert {(each.reason, each.detail, each.all_mail) for each in waits} == {(Reason.BRAKE, f"{name} held by hand", False)}
    assert database.routing.brakes()["domain", name].by == "ana"


def test_a_new_transport_is_warmed_up(worker: Worker, another: Worker, database: Database, clock: MovableClock) -> None:
    warm_up = {"start": 2, "growth": 2, "until": 100}
    for each in (worker, another):
        each.sends(transports={"default": {"warm_up": warm_up}, "old": {"weight": 0}})
    assert worker.transports("a.test", "b.test", "c.test") == ["default", "default", "old"]
    assert another.transports("d.test") == ["old"]
    assert [(row.transport, row.quota) for row in rows(database, warm_ups)] == [("default", 2)]
    clock.advance(timedelta(days=1))
    assert another.transports("a.test", "b.test", "c.test") == ["default", "default", "old"]
    assert [row.reason for row in rows(database, warm_ups)] == [None, "no more than the day before: only 0 of 2 were used"]


def test_without_another_transport_the_rest_waits_for_tomorrow(worker: Worker, clock: MovableClock) -> None:
    worker.sends(transports={"default": {"warm_up": {"start": 1}}})
    _, waits = worker.route("a.test", "b.test")
    assert isinstance(waits, Wait)
    assert waits.reason == Reason.WARM_UP
    assert waits.until.date() >= clock.now().date()
    assert waits.until > clock.now() + timedelta(hours=12)


def test_what_was_sent_counts_though_redis_was_emptied(
    intake: Intake, post: Post, worker: Worker, redis: Redis, database: Database, clock: MovableClock
) -> None:
    worker.sends(transports={"default": {"warm_up": {"start": 3}}})
    assert len(worker.transports("a.test", "b.test", "c.test")) == 3
    queue(intake, "ana@acme.test", "ben@acme.test")
    gone = {"status": MessageStatus.SENT, "transport": "default", "sent_at": clock.now()}
    post.change(update(messages).values(gone))
    redis.flushall()
    assert len(worker.transports("a.test", "b.test", "c.test")) == 1


@pytest.mark.parametrize(
    ("came", "quota"),
    [
        ({}, 8),
        ({"attempts": 3}, 4),
        ({"status": MessageStatus.BOUNCED, "detail": "address 5.1.1: nobody"}, 4),
        ({"status": MessageStatus.BOUNCED, "detail": "mailbox 5.2.2: full"}, 8),
        ({"status": MessageStatus.QUEUED, "reason": Reason.TEMPORARY_FAILURE, "sent_at": None}, 4),
    ],
)
def test_a_quota_grows_after_a_good_day_only(
    came: dict[str, Any], quota: int, intake: Intake, post: Post, worker: Worker, database: Database, clock: MovableClock
) -> None:
    worker.sends(transports={"default": {"warm_up": {"start": 4, "growth": 1.9}}})
    worker.route("a.test")
    queue(intake, *(f"reader{number}@acme.test" for number in range(4)))
    gone = {"status": MessageStatus.SENT, "transport": "default", "sent_at": clock.now(), "attempts": 1}
    post.change(update(messages).values(gone))
    three = select(messages.c.id).order_by(messages.c.id).limit(3)
    post.change(update(messages).where(messages.c.id.in_(three)).values(came or {"attempts": 1}))
    clock.advance(timedelta(days=3))
    worker.route("a.test")
    assert {row.day: row.quota for row in rows(database, warm_ups)}[day_of(clock.now())] == quota


def test_while_redis_is_away_everything_waits_a_little(database: Database, own_redis: RedisServer, clock: MovableClock) -> None:
    worker = Worker(database, Redis.from_url(own_redis.url, retry=None), clock)
    worker.sends(transports={"default": {"rate": {"mails": 5, "per": "1s"}}})
    [went] = worker.route("a.test")
    assert isinstance(went, Go)
    own_redis.stop()
    [waits] = worker.route("a.test")
    assert isinstance(waits, Wait)
    assert (waits.reason, waits.until) == (Reason.RATE, clock.now() + timedelta(seconds=30))
    worker.routes.unused([went], clock.now())


def test_definitions_as_they_were_before_transports(worker: Worker) -> None:
    assert isinstance(worker.definitions, Definitions)
    assert list(worker.definitions.sending.transports) == ["default"]
