"""Queued messages go to a real mail server, each at most once."""

from datetime import timedelta
from threading import Thread
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from nurture.adapters.database.holding import release_messages
from nurture.adapters.database.releases import apply
from nurture.adapters.database.tables import enrollments, messages, pauses, people, suppressions
from nurture.domain.event import UNSUBSCRIBED
from nurture.domain.mail.dispatch import HELD_FOR
from nurture.domain.mail.sending import LEASE, MessageStatus
from nurture.flow.send import SendReport
from tests.flow.conftest import Intake, queue
from tests.flow.post import Post
from tests.support.definitions import GUIDE_SEQUENCE, SENDING, definitions
from tests.support.events import event
from tests.support.installation import claim
from tests.support.waiting import MovableClock


def test_a_queued_message_reaches_the_server_once(intake: Intake, post: Post) -> None:
    queue(intake, "ana@acme.test", "ben@acme.test")
    assert post.send() == SendReport(claimed=2, sent=2)
    assert post.send() == SendReport()
    assert sorted(mail.to[0] for mail in post.sink.mails) == ["ana@acme.test", "ben@acme.test"]
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
    [waiting] = claim(post.database, "dead", clock.now())
    assert post.database.sending.begin("dead", [waiting.letter.message], [], clock.now())
    assert post.send() == SendReport()
    clock.advance(LEASE + timedelta(seconds=1))
    assert post.send() == SendReport()
    assert post.statuses() == {"uncertain": 1}
    assert post.sink.mails == []


def test_a_worker_that_died_before_sending_loses_nothing(intake: Intake, post: Post, clock: MovableClock) -> None:
    queue(intake, "ana@acme.test")
    claim(post.database, "dead", clock.now())
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
    assert post.send(url=f"{post.sink.url}?connections=1") == SendReport(claimed=3, sent=2)
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
    [waiting] = claim(post.database, "worker-1", clock.now())
    with post.database.engine.begin() as connection:
        row = {"email": "ana@acme.test", "reason": "bounced", "source": "test", "at": clock.now()}
        connection.execute(insert(suppressions), row)
    assert post.database.sending.begin("worker-1", [waiting.letter.message], [], clock.now()) == set()


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


# What ends a run.


def test_a_run_that_ended_without_its_mail_being_cancelled_sends_no_more(intake: Intake, post: Post) -> None:
    """A recount, for one, may have ended it while a worker held the mail."""
    queue(intake, "ana@acme.test")
    post.change(update(enrollments).values(status="completed", reason="goal: demo_requested"))
    assert post.send() == SendReport(claimed=1, sent=0)
    message = post.message()
    assert (message.status, message.reason, message.detail) == (MessageStatus.SKIPPED, "enrollment_ended", "goal: demo_requested")


def test_an_exit_that_time_alone_makes_true_is_seen_before_the_mail_goes(intake: Intake, post: Post, clock: MovableClock) -> None:
    exits = {"exit": [{"not": {"happened": {"event": "asset_downloaded", "within": "1h"}}}]}
    post.put_in_force(GUIDE_SEQUENCE | exits)
    queue(intake, "ana@acme.test")
    clock.advance(timedelta(hours=2))
    assert post.send().sent == 0
    message = post.message()
    assert (message.status, message.reason) == (MessageStatus.SKIPPED, "enrollment_ended")
    assert message.detail.startswith("not: ")


def test_the_exits_are_those_of_the_version_that_the_run_is_pinned_to(intake: Intake, post: Post) -> None:
    queue(intake, "ana@acme.test")
    post.put_in_force(GUIDE_SEQUENCE | {"exit": [{"stage": "lead"}]})
    assert post.send().sent == 1


def test_a_run_that_walked_to_its_end_still_sends_its_last_mail(intake: Intake, post: Post) -> None:
    post.put_in_force(GUIDE_SEQUENCE | {"steps": [{"id": "thanks", "email": "guide-thanks", "window": "any"}]})
    queue(intake, "ana@acme.test")
    assert post.send() == SendReport(claimed=1, sent=1)


@pytest.mark.parametrize(
    ("status", "reason", "goes"), [("exited", "unsubscribed", False), ("completed", "goal: x", False), ("completed", "end", True)]
)
def test_a_run_that_ends_between_claim_and_sending(
    intake: Intake, post: Post, clock: MovableClock, status: str, reason: str, goes: bool
) -> None:
    queue(intake, "ana@acme.test")
    [waiting] = claim(post.database, "worker-1", clock.now())
    post.change(update(enrollments).values(status=status, reason=reason))
    begun = post.database.sending.begin("worker-1", [waiting.letter.message], [], clock.now())
    assert begun == ({waiting.letter.message} if goes else set())


# Sequences that are held.


def test_a_paused_sequence_sends_nothing_until_it_is_resumed(intake: Intake, post: Post, clock: MovableClock) -> None:
    queue(intake, "ana@acme.test")
    with post.database.engine.begin() as connection:
        connection.execute(insert(pauses), {"sequence": "guide-nurture", "at": clock.now()})
    assert post.send().sent == 0
    message, later = post.message(), clock.now() + HELD_FOR
    assert (message.status, message.reason, message.due_at, message.planned_at) == ("queued", "paused", later, later)
    clock.advance(timedelta(days=30))  # nobody looked meanwhile
    assert post.send().sent == 0
    with post.database.engine.begin() as connection:
        connection.execute(pauses.delete())
        assert release_messages(connection, "guide-nurture", clock.now(), timedelta(hours=1)) == 1
    released = post.message()
    assert clock.now() <= released.due_at == released.planned_at < clock.now() + timedelta(hours=1)
    clock.move_to(released.due_at)
    assert post.send() == SendReport(claimed=1, sent=1)


def test_a_sequence_that_is_paused_between_claim_and_sending_sends_nothing(
    intake: Intake, post: Post, clock: MovableClock
) -> None:
    queue(intake, "ana@acme.test")
    [waiting] = claim(post.database, "worker-1", clock.now())
    with post.database.engine.begin() as connection:
        connection.execute(insert(pauses), {"sequence": "guide-nurture", "at": clock.now()})
    assert post.database.sending.begin("worker-1", [waiting.letter.message], [], clock.now()) == set()


# Late mail.


def late(policy: Any) -> dict[str, Any]:
    window = {"days": "mon-fri", "hours": "09:00-18:00", "timezone": "UTC"}
    return GUIDE_SEQUENCE | {"window": window, "steps": [{"id": "thanks", "email": "guide-thanks", "late": policy}]}


def test_late_mail_that_is_to_be_sent_goes(intake: Intake, post: Post, clock: MovableClock) -> None:
    post.put_in_force(late("send"))
    queue(intake, "ana@acme.test")
    clock.advance(timedelta(days=30))
    assert post.send().sent == 1


def test_late_mail_of_the_next_window_is_planned_anew(intake: Intake, post: Post, clock: MovableClock) -> None:
    post.put_in_force(late("next_window"))
    queue(intake, "ana@acme.test")
    clock.advance(timedelta(days=4, hours=1))  # Friday, 10:00
    assert post.send().sent == 0
    monday = clock.now() + timedelta(days=3, hours=-1)
    message = post.message()
    assert (message.reason, message.due_at, message.planned_at) == ("late", monday, monday)
    clock.move_to(monday + timedelta(hours=2))
    assert post.send().sent == 1


def test_a_server_that_is_away_lets_mail_become_late(intake: Intake, post: Post, clock: MovableClock) -> None:
    queue(intake, "ana@acme.test")
    planned_at = post.message().planned_at
    post.send(url="smtp://127.0.0.1:1")
    assert post.message().planned_at == planned_at
    clock.advance(timedelta(days=4))
    post.send()
    assert post.message().reason == "too_late"


# Many sequences, one person.
