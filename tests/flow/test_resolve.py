"""Uncertain mails are settled by the operator's word."""

from datetime import timedelta

import pytest
from sqlalchemy import insert, update

from nurture.adapters.database.tables import enrollments, messages, suppressions
from nurture.domain.mail.sending import LEASE, MessageStatus
from nurture.errors import Refused
from nurture.flow.resolve import Resolved, resolve
from nurture.flow.send import SendReport
from nurture.ports import Outcome
from tests.flow.conftest import Intake, queue
from tests.flow.post import Post
from tests.support.installation import claim
from tests.support.waiting import MovableClock


@pytest.fixture
def unknown(intake: Intake, post: Post, clock: MovableClock) -> int:
    """A mail whose worker died over it, two hours ago."""
    queue(intake, "ana@acme.test")
    [waiting] = claim(post.database, "dead", clock.now())
    assert post.database.sending.begin("dead", [waiting.letter.message], [], clock.now())
    clock.advance(LEASE + timedelta(seconds=1))
    post.send()
    clock.advance(timedelta(hours=2))
    assert post.statuses() == {"uncertain": 1}
    return waiting.letter.message


def test_one_that_was_not_sent_goes_once(unknown: int, post: Post, clock: MovableClock) -> None:
    assert resolve(post.database, [unknown], "not_sent", clock.now()) == Resolved([unknown], [])
    assert post.send() == SendReport(claimed=1, sent=1)
    assert post.send() == SendReport()
    assert [mail.to[0] for mail in post.sink.mails] == ["ana@acme.test"]


def test_a_worker_that_lives_after_all_is_believed_though_the_mail_was_queued_again(
    unknown: int, post: Post, clock: MovableClock
) -> None:
    resolve(post.database, [unknown], "not_sent", clock.now())
    post.database.sending.begin("dead", [], [Outcome(unknown, MessageStatus.SENT, clock.now(), detail="250 taken")], clock.now())
    assert post.send() == SendReport()
    assert post.message().status == MessageStatus.SENT


def test_one_that_was_not_sent_is_not_late_however_long_it_took_to_find_out(
    unknown: int, post: Post, clock: MovableClock
) -> None:
    clock.advance(timedelta(days=30))
    resolve(post.database, [unknown], "not_sent", clock.now())
    assert post.send().sent == 1


def test_one_that_was_not_sent_is_subject_to_all_that_forbids_mail(unknown: int, post: Post, clock: MovableClock) -> None:
    row = {"email": "ana@acme.test", "scope": "all", "reason": "by_hand", "source": "operator", "at": clock.now()}
    with post.database.engine.begin() as connection:
        connection.execute(insert(suppressions), row)
    resolve(post.database, [unknown], "not_sent", clock.now())
    assert post.send().sent == 0
    assert (post.message().status, post.message().reason) == (MessageStatus.SKIPPED, "suppressed")


def test_one_whose_run_ended_meanwhile_does_not_go(unknown: int, post: Post, clock: MovableClock) -> None:
    post.change(update(enrollments).values(status="exited", reason="unsubscribed"))
    resolve(post.database, [unknown], "not_sent", clock.now())
    post.send()
    assert (post.message().status, post.message().reason) == (MessageStatus.SKIPPED, "enrollment_ended")


def test_one_that_was_sent_counts_from_when_it_was_handed_over(unknown: int, post: Post, clock: MovableClock) -> None:
    resolve(post.database, [unknown], "sent", clock.now())
    message = post.message()
    handed_over = clock.now() - timedelta(hours=2, seconds=1) - LEASE
    assert (message.status, message.sent_at, message.claimed_by) == (MessageStatus.SENT, handed_over, None)
    assert message.detail == "the worker died while sending; by hand: sent"
    assert post.send() == SendReport()


def test_one_that_is_left_does_not_go_and_counts_for_no_cap(unknown: int, post: Post, clock: MovableClock) -> None:
    resolve(post.database, [unknown], "failed", clock.now())
    assert (post.message().status, post.message().sent_at) == (MessageStatus.FAILED, None)
    assert post.send() == SendReport()


def test_what_lost_to_one_that_is_left_goes(unknown: int, post: Post, clock: MovableClock) -> None:
    [mailed] = post.messages()
    loser = {"id": unknown - 1, "step": "other", "status": MessageStatus.QUEUED, "reason": "capped", "sent_at": None}
    with post.database.engine.begin() as connection:
        later = {"due_at": clock.now() + timedelta(days=7), "lost_to": [unknown]}
        row = {name: value for name, value in mailed._mapping.items() if name != "sequence"}
        connection.execute(insert(messages), row | loser | later)
    resolve(post.database, [unknown], "failed", clock.now())
    [woken] = [row for row in post.messages() if row.id != unknown]
    assert (woken.due_at, woken.planned_at) == (clock.now(), clock.now())


def test_the_same_word_twice_is_said_once(unknown: int, post: Post, clock: MovableClock) -> None:
    resolve(post.database, [unknown], "sent", clock.now())
    before = post.message()
    assert resolve(post.database, [unknown], "sent", clock.now()) == Resolved([], [unknown])
    assert post.message() == before


def test_what_is_not_uncertain_is_refused_with_all_that_was_named(
    intake: Intake, unknown: int, post: Post, clock: MovableClock
) -> None:
    queue(intake, "ben@acme.test")
    post.send()
    [sent] = [row.id for row in post.messages() if row.id != unknown]
    with pytest.raises(Refused, match=rf"message {sent} is sent, not uncertain; there is no message 7\."):
        resolve(post.database, [unknown, sent, 7], "not_sent", clock.now())
    assert post.statuses() == {"uncertain": 1, "sent": 1}
