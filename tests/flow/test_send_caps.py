"""What one person is sent of all that is due to them: priorities, frequency caps, and what lost to what."""

from collections import Counter
from datetime import timedelta
from threading import Thread
from typing import Any

import pytest
from sqlalchemy import select, update

from nurture.adapters.database.tables import enrollments, messages, people
from nurture.domain.mail.sending import MessageStatus
from nurture.flow.advance import advance
from nurture.flow.send import SendReport
from tests.flow.conftest import Intake, queue
from tests.flow.post import Post
from tests.support.events import event, form
from tests.support.installation import claim
from tests.support.waiting import MovableClock


def to_all(name: str, priority: int = 50, **changed: Any) -> dict[str, Any]:
    """A sequence that mails everybody who sends a form, at any hour."""
    steps = [{"id": "mail", "email": "guide-thanks", "window": "any"}]
    return {"sequence": name, "trigger": {"event": "form_submitted"}, "priority": priority, "steps": steps, **changed}


def welcome(intake: Intake, *addresses: str) -> None:
    intake.take([form(address, device=address) for address in addresses])
    while advance(intake.database, intake.clock, lambda *_: False).moved:
        pass


def test_of_two_sequences_the_one_with_the_higher_priority_mails_and_it_is_recorded(
    intake: Intake, post: Post, clock: MovableClock
) -> None:
    post.put_in_force(to_all("low", 10), to_all("high", 90), frequency_cap={"messages": 1})
    welcome(intake, "ana@acme.test")
    assert post.send() == SendReport(claimed=2, sent=1)
    high, low = post.messages()
    assert (high.status, low.status, low.reason, low.lost_to) == ("sent", "queued", "capped", [high.id])
    assert low.due_at == low.planned_at == clock.now() + timedelta(days=7)


def test_what_else_is_due_to_a_person_is_taken_with_the_batch(intake: Intake, post: Post, clock: MovableClock) -> None:
    post.put_in_force(to_all("low", 10), to_all("high", 90), frequency_cap={"messages": 1})
    welcome(intake, "ana@acme.test")
    post.change(update(messages).where(messages.c.priority == 10).values(due_at=clock.now() - timedelta(minutes=1)))
    assert post.send(limit=1) == SendReport(claimed=2, sent=1)
    assert post.sent() == ["high/mail"]


def test_earlier_mails_and_those_that_go_now_are_what_a_mail_lost_to(intake: Intake, post: Post, clock: MovableClock) -> None:
    post.put_in_force(to_all("first"), frequency_cap={"messages": 2})
    welcome(intake, "ana@acme.test")
    post.send()
    first_at = clock.now()
    clock.advance(timedelta(days=1))
    again = to_all("again", 90, trigger={"event": "came_back"}), to_all("last", 10, trigger={"event": "came_back"})
    post.put_in_force(*again, frequency_cap={"messages": 2})
    intake.take([event("came_back", anonymous_id="ana@acme.test", at=clock.now())])
    while advance(intake.database, clock, lambda *_: False).moved:
        pass
    assert post.send() == SendReport(claimed=2, sent=1)
    again_, first, last = post.messages()
    assert (last.reason, last.lost_to, last.due_at) == ("capped", [first.id, again_.id], first_at + timedelta(days=7))


def test_where_the_winner_fails_the_loser_goes(intake: Intake, post: Post) -> None:
    post.put_in_force(to_all("low", 10), to_all("high", 90), frequency_cap={"messages": 1})
    welcome(intake, "ana@acme.test")
    post.sink.refuse("ana", "552 5.3.4 too big", times=1)
    assert post.send() == SendReport(claimed=2, sent=0)
    assert post.send() == SendReport(claimed=1, sent=1)
    assert post.sent() == ["low/mail"]


def test_a_winner_whose_run_ends_before_it_goes_lets_the_loser_go(intake: Intake, post: Post, clock: MovableClock) -> None:
    post.put_in_force(to_all("low", 10), to_all("high", 90), frequency_cap={"messages": 1})
    welcome(intake, "ana@acme.test")
    post.send(url="smtp://127.0.0.1:1")  # decided, and nothing handed over
    post.change(update(enrollments).where(enrollments.c.sequence == "high").values(status="exited", reason="unsubscribed"))
    clock.advance(timedelta(minutes=1))
    post.send()
    assert post.send().sent == 1
    assert post.sent() == ["low/mail"]


def test_two_workers_at_once_never_mail_anybody_more_than_the_cap(intake: Intake, post: Post) -> None:
    """Messages of six sequences to each of thirty people, in batches of seven, decided by two workers at the same time."""
    names = [("a", 10), ("b", 20), ("c", 30), ("d", 40), ("e", 50), ("f", 60)]
    post.put_in_force(*(to_all(name, priority) for name, priority in names), frequency_cap={"messages": 2})
    welcome(intake, *(f"p{number}@acme.test" for number in range(30)))
    held = dict(enumerate(post.messages()))
    for index, row in held.items():  # in an order that has nothing to do with priority
        earlier = row.due_at - timedelta(seconds=index * 7919 % 180)
        post.change(update(messages).where(messages.c.id == row.id).values(due_at=earlier))

    def drain(worker: str) -> None:
        while post.send(worker, limit=7).claimed or MessageStatus.QUEUED in due_now():
            pass

    def due_now() -> set[MessageStatus]:
        return {each.status for each in post.messages() if each.due_at <= post.clock.now()}

    threads = [Thread(target=drain, args=(f"worker-{number}",)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(Counter(mail.to[0] for mail in post.sink.mails).values()) == [2] * 30
    assert set(post.sent()) == {"e/mail", "f/mail"}
    for each in post.messages():
        assert each.status == MessageStatus.SENT or (each.reason == "capped" and len(each.lost_to) == 2)


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)  # on SQLite one transaction writes at a time
def test_a_person_of_whom_another_worker_decides_is_passed_over(intake: Intake, post: Post, clock: MovableClock) -> None:
    queue(intake, "ana@acme.test", "ben@acme.test")
    with post.database.sending.claiming() as one, post.database.sending.claiming() as other:
        [first] = one.due(1, clock.now())
        [second] = other.due(2, clock.now())
    assert first.letter.person != second.letter.person


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
def test_messages_of_somebody_who_is_passed_over_are_not_locked(intake: Intake, post: Post, clock: MovableClock) -> None:
    """Else two workers would each hold what the other one waits for."""
    queue(intake, "ana@acme.test", "ben@acme.test")
    hers = select(people.c.id).where(people.c.email == "ana@acme.test")
    with post.database.engine.connect() as one, post.database.sending.claiming() as other:
        ana = one.scalar(hers.with_for_update(key_share=True))
        [waiting] = other.due(10, clock.now())
        assert waiting.letter.person != ana
        free = select(messages.c.person_id).with_for_update(skip_locked=True)
        assert one.scalars(free).all() == [ana]


# Variants.


def test_the_variant_goes_with_the_letter(intake: Intake, post: Post, clock: MovableClock) -> None:
    variants = {"a": {"subject": "One"}, "b": {"subject": "Two", "email": "case-study"}}
    steps = [{"id": "mail", "email": "guide-thanks", "variants": variants}]
    post.put_in_force(to_all("test", steps=steps))
    welcome(intake, *(f"p{number}@acme.test" for number in range(9)))
    letters = [waiting.letter for waiting in claim(post.database, "worker-1", clock.now())]
    told = {(letter.subject, letter.template) for letter in letters}
    assert told == {("One", "guide-thanks"), ("Two", "case-study")}


def test_what_the_cap_held_back_is_not_late(intake: Intake, post: Post, clock: MovableClock) -> None:
    post.put_in_force(to_all("one"), to_all("two", priority=10), frequency_cap={"messages": 1, "per": "20d"})
    welcome(intake, "ana@acme.test")
    post.send()
    clock.advance(timedelta(days=20))
    assert post.send().sent == 1
    assert post.sent() == ["one/mail", "two/mail"]
