"""Many connections at once: what they never do, whatever dies, is refused, or has to wait meanwhile."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from multiprocessing import get_context
from typing import Any

import pytest
from sqlalchemy import func, select, update

from nurture.adapters.database.engine import make_engine
from nurture.adapters.database.store import Database
from nurture.adapters.database.tables import messages, suppressions
from nurture.domain.definitions import Definitions
from nurture.domain.mail.delivery import REST, Unreached
from nurture.domain.mail.message import MessageStatus, Reason
from nurture.domain.mail.sending import LEASE
from nurture.errors import Conflict, Unavailable
from nurture.flow.one_way import OneWay
from nurture.flow.send import Mailroom, SendReport, send
from nurture.ports import Carried, Claiming, Go, Outcome, Parcel, Sending, Wait
from tests.flow.conftest import Intake, queue
from tests.flow.post import PlainWriter, Post
from tests.support.installation import claim
from tests.support.mailrooms import mailroom
from tests.support.smtp import SmtpSink
from tests.support.waiting import MovableClock, free_port, wait_until


def crowd(intake: Intake, number: int) -> None:
    queue(intake, *(f"p{index}@acme.test" for index in range(number)))


class Watched:
    """The store of a test, which tells of every begin and may fail at it."""

    def __init__(self, post: Post, fails: Callable[[int], Exception | None] = lambda _: None) -> None:
        self._post, self._fails = post, fails
        self.begun: list[int] = []
        self.sending: list[int] = []

    def give_up_on_silent(self, at: datetime) -> int:
        return self._post.database.sending.give_up_on_silent(at)

    def claiming(self) -> AbstractContextManager[Claiming]:
        return self._post.database.sending.claiming()

    def begin(self, worker: str, messages: Sequence[int], before: Sequence[Outcome], at: datetime) -> set[int]:
        failure = self._fails(len(self.begun))
        if failure is not None:
            raise failure
        going = self._post.database.sending.begin(worker, messages, before, at)
        self.begun.append(len(messages))
        self.sending.append(self._post.statuses().get("sending", 0))
        return going


class Patient(Watched):
    """Begins nothing before the server has all that was begun: whoever sends next finds what all connections have done meanwhile."""

    def begin(self, worker: str, messages: Sequence[int], before: Sequence[Outcome], at: datetime) -> set[int]:
        self._post.sink.wait_for(sum(self.begun), 30)
        return super().begin(worker, messages, before, at)


def room_of(post: Post, **told: Any) -> AbstractContextManager[Mailroom]:
    told = {"default": f"{post.sink.url}?connections=4", "worker": "worker-1", **told}
    return mailroom(told.pop("store", post.database.sending), PlainWriter(), post.clock, **told)


# What is noted, and when.


def test_one_commit_notes_and_begins_many_and_no_connection_has_two(intake: Intake, post: Post) -> None:
    crowd(intake, 40)
    watched = Patient(post)
    with room_of(post, store=watched) as room:
        assert send(room) == SendReport(claimed=40, sent=40)
    assert post.statuses() == {"sent": 40}
    assert max(watched.sending) <= 4
    assert len(watched.begun) < 40
    assert post.sink.sessions == 4


def test_batches_follow_each_other_over_the_same_connections_until_nothing_is_due(intake: Intake, post: Post) -> None:
    crowd(intake, 30)
    with room_of(post) as room:
        assert send(room, 7, lambda: True) == SendReport(claimed=30, sent=30)
    assert len({mail.message_id for mail in post.sink.mails}) == len(post.sink.mails) == 30
    assert post.sink.sessions <= 4


def test_when_the_time_is_up_what_was_not_begun_is_put_back_for_others(intake: Intake, post: Post) -> None:
    crowd(intake, 30)
    turns = iter([True, True, False])
    with room_of(post) as room:
        report = send(room, 20, lambda: next(turns))
    assert report.more
    assert 0 < report.sent < 20
    assert post.statuses() == {"sent": report.sent, "queued": 30 - report.sent}
    assert post.send("worker-2") == SendReport(claimed=30 - report.sent, sent=30 - report.sent)
    assert len(post.sink.mails) == 30


def _send_into_silence(database_url: str, smtp_url: str) -> None:
    clock = MovableClock()
    with mailroom(Database(make_engine(database_url)).sending, PlainWriter(), clock, worker="doomed", default=smtp_url) as room:
        send(room)


@pytest.mark.parametrize("connections", [1, 5])
def test_a_process_that_is_killed_leaves_at_most_one_uncertain_mail_for_each_connection(
    intake: Intake, post: Post, clock: MovableClock, database_url: str, connections: int
) -> None:
    crowd(intake, 20)
    post.sink.answers_mails = False
    process = get_context("spawn").Process(
        target=_send_into_silence, args=(database_url, f"{post.sink.url}?connections={connections}")
    )
    process.start()
    post.sink.wait_for(connections, 60)
    process.kill()
    process.join()
    assert post.statuses() == {"sending": connections, "queued": 20 - connections}
    post.sink.answers_mails = True
    clock.advance(LEASE + timedelta(seconds=1))
    assert post.send("other").sent == 20 - connections
    assert post.statuses() == {"uncertain": connections, "sent": 20 - connections}
    assert len({mail.message_id for mail in post.sink.mails}) == len(post.sink.mails) == 20


# What goes wrong beside the wire.


def test_acceptance_that_could_not_be_noted_while_the_database_was_away_is_noted_later(intake: Intake, post: Post) -> None:
    crowd(intake, 6)
    away = [False]
    watched = Watched(post, lambda begun: Unavailable("the database is away") if begun and away[0] else None)
    with room_of(post, store=watched) as room:
        away[0] = True
        with pytest.raises(Unavailable):
            send(room)
        assert post.statuses() == {"sending": 4, "queued": 2}
        away[0] = False
        send(room)
        assert post.statuses() == {"sent": 4, "queued": 2}
    assert len(post.sink.mails) == 4


def test_a_conflict_with_another_worker_is_tried_again_and_loses_nothing(intake: Intake, post: Post) -> None:
    crowd(intake, 10)
    conflicts = iter([Conflict("a deadlock") if index % 2 else None for index in range(100)])
    with room_of(post, store=Watched(post, lambda _: next(conflicts))) as room:
        assert send(room) == SendReport(claimed=10, sent=10)
    assert post.statuses() == {"sent": 10}


def test_a_router_that_fails_leaves_nothing_uncertain_that_the_server_has_answered(intake: Intake, post: Post) -> None:
    class Deaf(OneWay):
        def heard(self, carried: Sequence[Carried], at: datetime) -> None:
            raise Unavailable("Redis is away")

    crowd(intake, 6)
    with room_of(post, router=Deaf()) as room, pytest.raises(Unavailable):
        send(room)
    assert post.statuses() == {"sent": 4, "queued": 2}


# Other workers.


def begin(post: Post, worker: str, ids: Sequence[int], *before: Outcome) -> set[int]:
    store: Sending = post.database.sending
    return store.begin(worker, ids, before, post.clock.now())


def test_what_a_worker_tells_of_a_message_that_another_has_taken_over_is_passed_over(
    intake: Intake, post: Post, clock: MovableClock
) -> None:
    """It was held still for longer than its lease. To queue the mail again now would send it twice."""
    queue(intake, "ana@acme.test")
    [waiting] = claim(post.database, "slow", clock.now())
    id_ = waiting.letter.message
    clock.advance(LEASE + timedelta(seconds=1))
    claim(post.database, "quick", clock.now())
    assert begin(post, "quick", [id_]) == {id_}
    assert begin(post, "slow", [id_], Outcome(id_, MessageStatus.QUEUED, clock.now(), clock.now())) == set()
    assert post.statuses() == {"sending": 1}


def test_a_worker_that_was_given_up_may_still_tell_that_its_mail_was_taken(
    intake: Intake, post: Post, clock: MovableClock
) -> None:
    queue(intake, "ana@acme.test")
    [waiting] = claim(post.database, "slow", clock.now())
    id_ = waiting.letter.message
    assert begin(post, "slow", [id_]) == {id_}
    clock.advance(LEASE + timedelta(seconds=1))
    assert post.database.sending.give_up_on_silent(clock.now()) == 1
    begin(post, "slow", [], Outcome(id_, MessageStatus.SENT, clock.now(), detail="250 ok", attempts=1))
    assert (post.message().status, post.message().attempts) == ("sent", 1)


# What servers say.


def test_an_address_where_nobody_is_gets_no_more_mail(intake: Intake, post: Post) -> None:
    queue(intake, "gone@acme.test", "ana@acme.test")
    post.sink.refuse("gone", "550 5.1.1 <gone@acme.test>: no such user")
    assert post.send() == SendReport(claimed=2, sent=1)
    refused = next(each for each in post.messages() if each.status == MessageStatus.FAILED)
    assert (refused.reason, refused.transport) == ("address_refused", "default")
    assert "gone@" not in refused.detail
    with post.database.engine.connect() as connection:
        [suppressed] = connection.execute(select(suppressions))
    assert (suppressed.email, suppressed.reason, suppressed.source) == ("gone@acme.test", "bounced", "smtp")


@pytest.mark.parametrize(
    ("reply", "stands"),
    [
        ("554 5.7.1 your address has a bad name", ("queued", "policy", 1)),
        ("451 4.7.1 too many mails", ("queued", "policy", 1)),
        ("552 5.3.4 too big", ("failed", None, 1)),
    ],
)
def test_what_is_not_the_readers_fault_suppresses_nobody(
    intake: Intake, post: Post, reply: str, stands: tuple[str, str | None, int]
) -> None:
    queue(intake, "ana@acme.test")
    post.sink.refuse("ana", reply)
    post.send()
    message = post.message()
    assert (message.status, message.reason, message.attempts) == stands
    assert message.status == "failed" or message.due_at == post.clock.now() + timedelta(minutes=5)
    with post.database.engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(suppressions)) == 0


# What the router says.


class Scripted(OneWay):
    """A router that answers as it is told, and remembers what it was told."""

    def __init__(self, answer: Callable[[Parcel, datetime], Go | Wait]) -> None:
        super().__init__()
        self._answer = answer
        self.asked: list[Parcel] = []
        self.given_back: list[Go] = []
        self.told: list[Carried] = []

    def route(self, parcels: Sequence[Parcel], definitions: Definitions, at: datetime) -> list[Go | Wait]:
        self.asked += parcels
        return [self._answer(parcel, at) for parcel in parcels]

    def unused(self, permits: Sequence[Go], at: datetime) -> None:
        self.given_back += permits

    def heard(self, carried: Sequence[Carried], at: datetime) -> None:
        self.told += carried


def at_once(parcel: Parcel, at: datetime, transport: str = "default") -> Go:
    return Go(parcel.message, transport, at, at + timedelta(minutes=1))


def test_the_router_is_asked_with_the_domain_and_told_what_became_of_it(intake: Intake, post: Post) -> None:
    queue(intake, "Ana@Acme.test")
    router = Scripted(at_once)
    with room_of(post, router=router) as room:
        send(room)
    [parcel], [carried] = router.asked, router.told
    assert parcel.domain == carried.domain == "acme.test"
    assert (carried.message, carried.transport) == (parcel.message, "default")
    assert router.given_back == []


def test_a_mail_that_must_wait_is_queued_again_with_the_reason_and_costs_no_attempt(
    intake: Intake, post: Post, clock: MovableClock
) -> None:
    queue(intake, "ana@acme.test", "ben@other.test")

    def answer(parcel: Parcel, at: datetime) -> Go | Wait:
        if parcel.domain == "other.test":
            return at_once(parcel, at)
        return Wait(parcel.message, at + timedelta(minutes=3), Reason.PAUSED, "acme.test rests")

    with room_of(post, router=Scripted(answer)) as room:
        assert send(room) == SendReport(claimed=2, sent=1)
    held = next(each for each in post.messages() if each.status == MessageStatus.QUEUED)
    later = clock.now() + timedelta(minutes=3)
    assert (held.reason, held.detail, held.attempts, held.due_at) == ("paused", "acme.test rests", 0, later)


def test_a_permit_for_later_is_waited_for_and_holds_nobody_else_up(intake: Intake, post: Post, clock: MovableClock) -> None:
    queue(intake, "ana@acme.test", "ben@other.test")
    started = clock.now()

    def answer(parcel: Parcel, at: datetime) -> Go:
        begins = started + timedelta(seconds=20) if parcel.domain == "acme.test" else at
        return Go(parcel.message, "default", begins, begins + timedelta(minutes=1))

    with room_of(post, router=Scripted(answer)) as room:
        finished, waited = room.carrier.finished, []

        def wait_and_move(patience: float) -> list[Carried]:
            carried = finished(min(patience, 0.2))
            if not carried and patience:
                waited.append(patience)
                clock.advance(timedelta(seconds=patience))
            return carried

        room.carrier.finished = wait_and_move  # type: ignore[method-assign]  # only the waiting is played
        assert send(room) == SendReport(claimed=2, sent=2)
    assert [mail.to[0] for mail in post.sink.mails] == ["ben@other.test", "ana@acme.test"]
    assert sum(waited) > 19  # the last moment it waits for on its connection


def test_a_permit_that_grew_old_is_given_back_and_another_one_asked_for(intake: Intake, post: Post, clock: MovableClock) -> None:
    queue(intake, "ana@acme.test")
    answers = iter([-1, 60])
    router = Scripted(lambda parcel, at: Go(parcel.message, "default", at, at + timedelta(seconds=next(answers))))
    with room_of(post, router=router) as room:
        assert send(room) == SendReport(claimed=1, sent=1)
    assert [go.until for go in router.given_back] == [clock.now() - timedelta(seconds=1)]


def test_a_message_that_may_no_longer_go_gives_its_permit_back(intake: Intake, post: Post) -> None:
    queue(intake, "ana@acme.test")

    def answer(parcel: Parcel, at: datetime) -> Go:
        post.change(update(messages).values(status=MessageStatus.SKIPPED, reason=Reason.SUPPRESSED))
        return at_once(parcel, at)

    router = Scripted(answer)
    with room_of(post, router=router) as room:
        assert send(room) == SendReport(claimed=1)
    assert len(router.given_back) == 1
    assert post.statuses() == {"skipped": 1}


def test_mail_by_a_transport_without_a_server_rests_and_says_why(intake: Intake, post: Post, clock: MovableClock) -> None:
    queue(intake, "ana@acme.test")
    with room_of(post, router=OneWay("bulk")) as room:
        assert send(room) == SendReport(claimed=1, left=1)
    message = post.message()
    assert (message.status, message.reason, message.attempts) == ("queued", "unreachable", 0)
    assert message.due_at == clock.now() + REST
    assert "NURTURE_SMTP_URL_BULK" in message.detail


def test_when_one_server_is_away_the_rest_goes_by_another_and_one_mail_by_each(intake: Intake, post: Post) -> None:
    crowd(intake, 12)
    away: set[str] = set()

    class FailOver(Scripted):
        def heard(self, carried: Sequence[Carried], at: datetime) -> None:
            away.update(each.transport for each in carried if isinstance(each.answer, Unreached))

    def answer(parcel: Parcel, at: datetime) -> Go:
        return at_once(parcel, at, "default" if "bulk" in away or parcel.message % 2 else "bulk")

    with room_of(post, router=FailOver(answer), bulk=f"smtp://127.0.0.1:{free_port()}?connections=1") as room:
        report = send(room)
        assert report == SendReport(claimed=12, sent=12 - report.left, left=report.left)
        assert report.left <= 1
        post.clock.advance(REST)
        send(room)
    assert post.statuses() == {"sent": 12}


def test_messages_go_by_the_transports_they_are_given(intake: Intake, post: Post) -> None:
    crowd(intake, 12)
    router = Scripted(lambda parcel, at: at_once(parcel, at, "bulk" if parcel.message % 2 else "default"))
    with SmtpSink() as other, room_of(post, router=router, bulk=other.url) as room:
        assert send(room) == SendReport(claimed=12, sent=12)
        by_transport = {name: sum(each.transport == name for each in post.messages()) for name in ("default", "bulk")}
        wait_until(lambda: len(other.mails) == by_transport["bulk"])
    assert len(post.sink.mails) == by_transport["default"]
