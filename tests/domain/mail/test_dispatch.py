"""Which messages go now, which later, which never."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurture.domain.mail.dispatch import (
    HELD_FOR,
    Allowed,
    Deferred,
    Mailed,
    Permission,
    Situation,
    Skipped,
    decide,
    may_send,
)  # fmt: skip
from nurture.domain.mail.message import Reason
from nurture.domain.schedule import Calendar
from nurture.domain.sequence import Sequence
from tests.support.definitions import SENDING, definitions

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)  # a Monday
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
CALENDAR = Calendar("UTC", lambda _day, _country: False)
WORKDAY = {"days": "mon-fri", "hours": "09:00-18:00", "timezone": "UTC"}


def plan(**changed: Any) -> Sequence:
    steps = [
        {"id": "skip", "email": "x"},
        {"id": "send", "email": "x", "late": "send"},
        {"id": "next", "email": "x", "late": "next_window"},
        {"id": "soon", "pool": "cases", "late": {"then": "skip", "after": "1h"}},
        {"id": "any", "email": "x", "window": "any", "late": "next_window"},
    ]
    usual = {"sequence": "s", "trigger": {"event": "x"}, "exit": [{"stage": "customer"}], "steps": steps, "window": WORKDAY}
    return Sequence.model_validate(usual | changed)


FREE = Situation(
    1, 7, "s", "skip", plan(), NOW, any_time=False, priority=50, address="x@example.com", facts={"stage": "lead"},
    template="x",
)  # fmt: skip


def mailed(*instants: datetime) -> list[Mailed]:
    return [Mailed(100 + index, at, f"mail-{index}") for index, at in enumerate(instants)]


def ask(situation: Situation, at: datetime = NOW, **sending: Any) -> Permission:
    return may_send(situation, (), definitions(sending=SENDING | sending), CALENDAR, at)


@pytest.mark.parametrize(
    ("situation", "answer"),
    [
        (FREE, Allowed()),
        (FREE._replace(suppressed=True), Skipped(Reason.SUPPRESSED)),
        (FREE._replace(ended="goal: demo_requested"), Skipped(Reason.ENROLLMENT_ENDED, "goal: demo_requested")),
        (FREE._replace(facts={"stage": "customer"}), Skipped(Reason.ENROLLMENT_ENDED, "stage: customer")),
        (FREE._replace(address=None), Skipped(Reason.NO_ADDRESS)),
        (FREE._replace(held=True), Deferred(NOW + HELD_FOR, Reason.PAUSED)),
        (FREE._replace(recent=mailed(NOW - DAY, NOW - DAY)), Allowed()),
        (
            FREE._replace(recent=mailed(NOW - 6 * DAY, NOW - DAY, NOW - HOUR)),
            Deferred(NOW + DAY, Reason.CAPPED, (100, 101, 102)),
        ),
        (
            FREE._replace(recent=mailed(NOW - 6 * DAY, NOW - 5 * DAY, NOW - DAY, NOW)),
            Deferred(NOW + 2 * DAY, Reason.CAPPED, (101, 102, 103)),
        ),
        (FREE._replace(recent=[Mailed(9, NOW - 2 * HOUR, "x")]), Skipped(Reason.BREAKER, "x went to them less than 1d before")),
        (FREE._replace(recent=[Mailed(9, NOW - DAY, "x")]), Allowed()),
        # What forbids it for ever is asked before what only delays it, and what is held is not late by its own doing.
        (FREE._replace(suppressed=True, held=True), Skipped(Reason.SUPPRESSED)),
        (FREE._replace(planned_at=NOW - 9 * DAY, held=True), Deferred(NOW + HELD_FOR, Reason.PAUSED)),
        (FREE._replace(planned_at=NOW - 9 * DAY, recent=mailed(NOW, NOW, NOW)), Skipped(Reason.TOO_LATE)),
    ],
)
def test_may_send(situation: Situation, answer: Permission) -> None:
    assert ask(situation) == answer


@pytest.mark.parametrize(
    ("step", "late_by", "answer"),
    [
        ("skip", 3 * DAY, Allowed()),
        ("skip", 3 * DAY + HOUR, Skipped(Reason.TOO_LATE)),
        ("send", 30 * DAY, Allowed()),
        ("next", 3 * DAY, Allowed()),
        ("next", 4 * DAY, Deferred(NOW + DAY, Reason.LATE)),  # the window is open; the next one opens tomorrow
        ("soon", HOUR, Allowed()),
        ("soon", 2 * HOUR, Skipped(Reason.TOO_LATE)),
        ("any", 4 * DAY, Allowed()),  # a window that never shuts has no next opening
        ("gone", 4 * DAY, Skipped(Reason.TOO_LATE)),  # its run is pinned to another version by now: sending.yaml counts
    ],
)
def test_a_late_mail_has_its_steps_policy(step: str, late_by: timedelta, answer: Permission) -> None:
    assert ask(FREE._replace(step=step, any_time=step == "any", planned_at=NOW - late_by)) == answer


def test_without_its_sequence_the_policy_of_the_business_counts() -> None:
    lost = FREE._replace(plan=None, planned_at=NOW - 9 * DAY, step="send")
    assert ask(lost) == Skipped(Reason.TOO_LATE)
    assert ask(lost, late="send") == Allowed()
    assert ask(lost, at=NOW + 12 * HOUR, late="send") == Allowed()


@pytest.mark.parametrize(
    ("at", "quiet", "answer"),
    [
        (NOW - HOUR, None, Deferred(NOW, Reason.OUTSIDE_WINDOW)),
        (NOW + 12 * HOUR, None, Deferred(NOW + DAY, Reason.OUTSIDE_WINDOW)),
        (
            NOW + 5 * DAY,
            None,
            Deferred(NOW + 7 * DAY, Reason.OUTSIDE_WINDOW),
        ),  # no mail on Saturday, whatever put it off to there
        (NOW, "08:30-10:00", Deferred(NOW + HOUR, Reason.QUIET_HOURS)),
        (NOW - HOUR, "08:30-10:00", Deferred(NOW + HOUR, Reason.OUTSIDE_WINDOW)),
        (NOW + HOUR, "08:30-10:00", Allowed()),
        (NOW, "18:00-09:00", Allowed()),
        (NOW, "08:00-19:00", Deferred(NOW + 10 * HOUR, Reason.QUIET_HOURS)),  # never both: the business's hours count
        (NOW + 10 * HOUR, "08:00-19:00", Allowed()),
    ],
)
def test_a_mail_goes_in_the_hours_of_its_step_and_of_the_business(at: datetime, quiet: str | None, answer: Permission) -> None:
    policy: dict[str, Any] = {"quiet_hours": {"hours": quiet, "timezone": "UTC"}} if quiet else {}
    assert ask(FREE._replace(planned_at=at), at, **policy) == answer


def test_a_mail_that_somebody_waits_for_goes_at_any_hour() -> None:
    night = NOW + 14 * HOUR
    waited_for = FREE._replace(step="any", any_time=True, planned_at=night)
    assert ask(waited_for, night, quiet_hours={"hours": "20:00-08:00", "timezone": "UTC"}) == Allowed()


def test_without_a_cap_nothing_is_capped() -> None:
    recent = mailed(*[NOW] * 50)
    assert ask(FREE._replace(recent=recent), frequency_cap=None, breakers={"per_person": None}) == Allowed()


def test_a_whole_series_of_mails_within_a_day_waits_whatever_the_cap_says() -> None:
    recent = mailed(*[NOW - hours * HOUR for hours in (20, 9, 8, 7, 6)])
    answer = ask(FREE._replace(recent=recent), frequency_cap=None)
    assert answer == Deferred(NOW + 4 * HOUR, Reason.BREAKER)


@given(hours_ago=st.lists(st.integers(0, 24 * 7 - 1), max_size=10))
def test_the_cap_holds_in_any_span_whenever_the_message_goes(hours_ago: list[int]) -> None:
    recent = mailed(*sorted(NOW - hours * HOUR for hours in hours_ago))
    answer = ask(FREE._replace(recent=recent))
    goes_at = answer.until if isinstance(answer, Deferred) else NOW
    assert sum(goes_at - sent.at < 7 * DAY for sent in recent) < 3


PRIORITIES = st.lists(st.tuples(st.integers(1, 3), st.integers(0, 3), st.integers(0, 2), st.booleans()), max_size=12)


@given(waiting=PRIORITIES, sent=st.lists(st.integers(0, 24 * 7 - 1), max_size=4))
def test_of_all_that_is_due_the_highest_priority_goes_and_never_more_than_the_cap(
    waiting: list[tuple[int, int, int, bool]], sent: list[int]
) -> None:
    recent = mailed(*sorted(NOW - hours * HOUR for hours in sent))
    due = [
        FREE._replace(
            message=index,
            person=person,
            priority=priority,
            planned_at=NOW - age * HOUR,
            held=held,
            any_time=True,
            recent=recent,
            template=f"another-{index}",
        )
        for index, (person, priority, age, held) in enumerate(waiting)
    ]
    answers = decide(due, definitions(sending=SENDING), CALENDAR, NOW)
    assert answers.keys() == {each.message for each in due}
    for person in {each.person for each in due}:
        theirs = [each for each in due if each.person == person and not each.held]
        going = [each for each in theirs if answers[each.message] == Allowed()]
        assert len(going) == min(len(theirs), max(0, 3 - len(recent)))
        lost = [each for each in theirs if each not in going]
        rank = [(-each.priority, each.planned_at, each.message) for each in (*sorted(going, key=_rank), *sorted(lost, key=_rank))]
        assert rank == sorted(rank)
        for each in lost:
            answer = answers[each.message]
            assert isinstance(answer, Deferred)
            used_up = [*(sent.message for sent in recent), *(other.message for other in sorted(going, key=_rank))]
            assert list(answer.lost_to) == used_up[-3:]


def _rank(each: Situation) -> tuple[int, datetime, int]:
    return -each.priority, each.planned_at, each.message


def test_the_answers_are_in_the_order_in_which_mails_should_go() -> None:
    due = [
        FREE._replace(message=1, person=1, priority=10),
        FREE._replace(message=2, person=2, priority=90),
        FREE._replace(message=3, person=3, priority=90, planned_at=NOW - HOUR),
    ]
    assert list(decide(due, definitions(), CALENDAR, NOW)) == [3, 2, 1]
