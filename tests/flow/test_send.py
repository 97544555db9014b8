"""Queued messages go to a real mail server, each at most once."""

from datetime import datetime, timedelta
from threading import Thread
from typing import Any

import pytest
from sqlalchemy import Row, func, insert, select, update

from nurture.adapters.database.releases import apply
from nurture.adapters.database.store import Database
from nurture.adapters.database.tables import messages, people, suppressions
from nurture.adapters.mail.transport import SmtpTransport
from nurture.domain.definitions import Definitions
from nurture.domain.event import UNSUBSCRIBED
from nurture.domain.sending import LEASE, MessageStatus
from nurture.errors import TemplateError
from nurture.flow.advance import advance
from nurture.flow.send import SendReport, send
from nurture.ports import Letter, Written
from tests.flow.conftest import Intake
from tests.support.definitions import SENDING, definitions
from tests.support.events import download, event, form
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
        transport = SmtpTransport(url or self.sink.url)
        return send(self.database.sending, transport, PlainWriter(), self.clock, lambda *_: False, worker, limit)

    def statuses(self) -> dict[str, int]:
        counted = select(messages.c.status, func.count()).group_by(messages.c.status)
        with self.database.engine.connect() as connection:
            return {status.value: count for status, count in connection.execute(counted)}

    def message(self) -> Row[Any]:
        with self.database.engine.connect() as connection:
            return connection.execute(select(messages)).one()


@pytest.fixture
def post(database: Database, clock: MovableClock, smtp_sink: SmtpSink) -> Post:
    return Post(database, clock, smtp_sink)


def queue(intake: Intake, *addresses: str) -> None:
    for address in addresses:
        intake.put(form(address, device=address), download(address))
    intake.absorb(2 * len(addresses))
    while advance(intake.database, intake.clock, lambda *_: False).moved:
        pass


def test_a_queued_message_reaches_the_server_once(intake: Intake, post: Post) -> None:
    queue(intake, "ana@acme.test", "ben@acme.test")
    assert post.send() == SendReport(claimed=2, sent=2)
    assert post.send() == SendReport()
    assert sorted(mail.to[0] for mail in post.sink.mails) == ["ana@acme.test", "ben@acme.test"]
    assert post.sink.sessions == 1
    assert post.statuses() == {"sent": 2}


def test_four_workers_at_once_send_each_message_once(intake: Intake, post: Post) -> None:
    queue(intake, *(f"p{number}@acme.test" for number in range(80)))

    def drain(worker: str) -> None:
        while post.send(worker, limit=9).claimed:
            pass

    threads = [Thread(target=drain, args=(f"worker-{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(post.sink.mails) == len({mail.message_id for mail in post.sink.mails}) == 80
    assert post.statuses() == {"sent": 80}


def test_a_worker_that_died_while_sending_leaves_an_uncertain_message__mautic_13070(
    intake: Intake, post: Post, clock: MovableClock
) -> None:
    """Incident 1: killed after the server accepted and before that was stored, it must not send again."""
    queue(intake, "ana@acme.test")
    [waiting] = post.database.sending.claim("dead", 10, clock.now())
    assert post.database.sending.begin("dead", waiting.letter.message, [], clock.now())
    assert post.send() == SendReport()
    clock.advance(LEASE + timedelta(seconds=1))
    assert post.send() == SendReport()
    assert post.statuses() == {"uncertain": 1}
    assert post.sink.mails == []


def test_a_worker_that_died_before_sending_loses_nothing(intake: Intake, post: Post, clock: MovableClock) -> None:
    queue(intake, "ana@acme.test")
    post.database.sending.claim("dead", 10, clock.now())
    assert post.send() == SendReport()
    clock.advance(LEASE + timedelta(seconds=1))
    assert post.send() == SendReport(claimed=1, sent=1)


def test_a_temporary_refusal_is_tried_again_with_growing_delay(intake: Intake, post: Post, clock: MovableClock) -> None:
    queue(intake, "ana@acme.test")
    post.sink.refuse("ana", "450 4.2.1 later", times=2)
    waits = []
    for _ in range(2):
        post.send()
        message = post.message()
        assert (message.status, message.reason) == (MessageStatus.QUEUED, "temporary_failure")
        waits.append(message.due_at - clock.now())
        clock.move_to(message.due_at)
    post.send()
    assert waits == [timedelta(minutes=5), timedelta(minutes=10)]
    assert (post.message().status, post.message().attempts) == (MessageStatus.SENT, 3)


def test_a_permanent_refusal_is_final_and_costs_only_itself(intake: Intake, post: Post) -> None:
    queue(intake, "gone@acme.test", "ana@acme.test")
    post.sink.refuse("gone", "550 5.1.1 no such user")
    assert post.send() == SendReport(claimed=2, sent=1)
    assert post.statuses() == {"sent": 1, "failed": 1}


def test_a_missing_template_variable_costs_one_message__mautic_13070(intake: Intake, post: Post) -> None:
    """Incident 6."""
    queue(intake, "unwritable@acme.test", *(f"p{number}@acme.test" for number in range(9)))
    assert post.send() == SendReport(claimed=10, sent=9)
    assert post.statuses() == {"sent": 9, "failed": 1}


def test_a_connection_lost_after_the_last_byte_leaves_one_uncertain_message(intake: Intake, post: Post) -> None:
    queue(intake, "ana@acme.test", "ben@acme.test", "eve@acme.test")
    post.sink.drop("dot", matching="", times=1)
    assert post.send() == SendReport(claimed=3, sent=2)
    assert post.statuses() == {"uncertain": 1, "sent": 2}
    assert post.sink.sessions == 2
    assert len({mail.message_id for mail in post.sink.mails}) == 3  # the sink took the uncertain one, too


def test_a_server_that_is_away_costs_no_attempt(intake: Intake, post: Post, clock: MovableClock) -> None:
    queue(intake, "ana@acme.test")
    assert post.send(url="smtp://127.0.0.1:1") == SendReport(claimed=1, left=1)
    message = post.message()
    assert (message.status, message.reason, message.attempts) == (MessageStatus.QUEUED, "unreachable", 0)
    clock.advance(timedelta(minutes=1))
    assert post.send() == SendReport(claimed=1, sent=1)


def test_unsubscribing_stops_what_is_queued_already(intake: Intake, post: Post) -> None:
    queue(intake, "ana@acme.test", "ben@acme.test")
    with post.database.engine.connect() as connection:
        ana = connection.scalar(select(people.c.id).where(people.c.email == "ana@acme.test"))
    intake.take([event(UNSUBSCRIBED, person=ana, source="engine")])
    post.send()
    assert [mail.to[0] for mail in post.sink.mails] == ["ben@acme.test"]
    assert post.statuses() == {"skipped": 1, "sent": 1}


def test_an_address_suppressed_between_claim_and_sending_is_not_mailed(intake: Intake, post: Post, clock: MovableClock) -> None:
    queue(intake, "ana@acme.test")
    [waiting] = post.database.sending.claim("worker-1", 10, clock.now())
    with post.database.engine.begin() as connection:
        row = {"email": "ana@acme.test", "reason": "bounced", "source": "test", "at": clock.now()}
        connection.execute(insert(suppressions), row)
    assert post.database.sending.begin("worker-1", waiting.letter.message, [], clock.now()) is False


def test_the_fourth_mail_in_a_week_waits_until_the_first_is_a_week_old__mautic_4761(
    intake: Intake, post: Post, clock: MovableClock
) -> None:
    """Incident 12: a cap defers by the cap's own span, not by several."""
    queue(intake, "ana@acme.test")
    post.send()
    first_sent = post.message().sent_at
    with post.database.engine.begin() as connection:
        row = connection.execute(select(messages)).mappings().one()
        for number in range(2, 5):
            status = "sent" if number < 4 else "queued"
            sent = first_sent + timedelta(days=number - 1) if number < 4 else None
            copy = {"id": number, "step": f"step-{number}", "status": status, "sent_at": sent, "planned_at": clock.now()}
            connection.execute(insert(messages).values({**row, **copy}))
    clock.advance(timedelta(days=2, hours=1))
    assert post.send().sent == 0
    with post.database.engine.connect() as connection:
        capped = connection.execute(select(messages).where(messages.c.id == 4)).one()
    assert (capped.reason, capped.due_at) == ("capped", first_sent + timedelta(days=7))


def test_an_unset_cap_is_no_cap__mautic_10416(intake: Intake, post: Post, clock: MovableClock) -> None:
    with post.database.engine.begin() as connection:
        apply(connection, definitions(sending=SENDING | {"frequency_cap": None}), clock.now())
    queue(intake, "ana@acme.test")
    with post.database.engine.begin() as connection:
        row = connection.execute(select(messages)).mappings().one()
        for number in range(2, 8):
            connection.execute(insert(messages).values({**row, "id": number, "step": f"step-{number}"}))
    assert post.send().sent == 7


def test_mail_that_is_days_late_is_not_sent(intake: Intake, post: Post, clock: MovableClock) -> None:
    queue(intake, "ana@acme.test")
    clock.advance(timedelta(days=4))
    post.send()
    assert (post.message().status, post.message().reason) == (MessageStatus.SKIPPED, "too_late")


def test_quiet_hours_put_mail_off_until_they_end(intake: Intake, post: Post, clock: MovableClock) -> None:
    quiet = SENDING | {"quiet_hours": {"hours": "08:30-10:00", "timezone": "UTC"}}
    with post.database.engine.begin() as connection:
        apply(connection, definitions(sending=quiet), clock.now())
    queue(intake, "ana@acme.test")
    with post.database.engine.begin() as connection:
        connection.execute(update(messages).values(any_time=False))
    post.send()
    assert (post.message().reason, post.message().due_at) == ("quiet_hours", clock.now() + timedelta(hours=1))


def test_a_mail_that_somebody_waits_for_goes_in_quiet_hours_too(intake: Intake, post: Post, clock: MovableClock) -> None:
    quiet = SENDING | {"quiet_hours": {"hours": "08:30-10:00", "timezone": "UTC"}}
    with post.database.engine.begin() as connection:
        apply(connection, definitions(sending=quiet), clock.now())
    queue(intake, "ana@acme.test")
    assert post.send() == SendReport(claimed=1, sent=1)


def test_a_person_without_an_address_is_skipped_with_the_reason(intake: Intake, post: Post) -> None:
    queue(intake, "ana@acme.test")
    with post.database.engine.begin() as connection:
        connection.execute(update(people).values(email=None))
    post.send()
    assert (post.message().status, post.message().reason) == (MessageStatus.SKIPPED, "no_address")
