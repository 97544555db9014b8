"""Who is held out of a sequence: the same people however they come, as many as the share says, and never mailed."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from nurture.domain.enrollment import Enrollment, EnrollmentStatus, enter, is_held_out
from nurture.domain.holding_out import HELD_OUT, Holdout, parse_holdout
from nurture.domain.merging import join_runs
from nurture.domain.sequence import Sequence, version_of
from tests.support.events import MONDAY

DAY = timedelta(days=1)


def sequence(holdout: str | None = "10%", **more: Any) -> Sequence:
    return Sequence.model_validate({
        "sequence": "s", "trigger": {"event": "x"}, "goal": {"event": "y"}, "steps": [{"id": "a", "email": "a"}],
        **({"holdout": holdout} if holdout else {}), **more,
    })  # fmt: skip


def one_of(plan: Sequence, *, held_out: bool) -> int:
    return next(person for person in range(1_000) if is_held_out(plan, person) is held_out)


@pytest.mark.parametrize(("written", "share"), [("10%", 0.1), ("2.5%", 0.025), ("0.25 %", 0.0025), ("50%", 0.5)])
def test_a_share_is_written_as_a_percentage(written: str, share: float) -> None:
    assert parse_holdout(written).share == share
    assert parse_holdout(parse_holdout(written).written()) == parse_holdout(written)


@pytest.mark.parametrize(
    ("written", "text"),
    [
        (0.1, "0.1 is no share; write one like 10% or 2.5%"),
        ("ten", "'ten' is no share; write one like 10% or 2.5%"),
        (True, "this is no share; write one like 10% or 2.5%"),
        ("0%", "0% cannot be held out; write more than 0% and at most 50%, or delete 'holdout'"),
        ("51%", "51% cannot be held out; write more than 0% and at most 50%, or delete 'holdout'"),
    ],
)
def test_what_is_no_share_is_refused(written: Any, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        parse_holdout(written)


def test_without_a_goal_nobody_is_held_out() -> None:
    with pytest.raises(ValidationError, match="name a goal, or delete 'holdout'"):
        sequence(goal=None)


def test_the_share_is_part_of_what_a_sequence_means() -> None:
    assert len({version_of(sequence(holdout)) for holdout in (None, "10%", "20%")}) == 3


def test_as_many_are_held_out_as_the_share_says() -> None:
    held = sum(Holdout(1_000).holds_out(person, "s") for person in range(100_000))
    assert abs(held - 10_000) < 400  # four standard deviations; the draw is a function of numbers, so it never changes


@given(st.integers(0, 2**63 - 1), st.integers(1, 4_999), st.integers(1, 4_999))
def test_a_larger_share_holds_out_the_same_people_and_more(person: int, one: int, other: int) -> None:
    small, large = sorted((one, other))
    assert Holdout(small).holds_out(person, "s") <= Holdout(large).holds_out(person, "s")


def test_sequences_hold_out_other_people() -> None:
    both = sum(Holdout(1_000).holds_out(person, "s") and Holdout(1_000).holds_out(person, "t") for person in range(10_000))
    assert both < 150  # about one in a hundred


def test_the_run_of_somebody_held_out_is_over_at_once() -> None:
    plan = sequence()
    run = enter(plan, "v", one_of(plan, held_out=True), [], MONDAY, since=MONDAY - DAY)
    assert run
    assert (run.status, run.reason, run.held_out) == (EnrollmentStatus.EXITED, HELD_OUT, True)
    assert (run.entered_at, run.ended_at, run.due_at, run.live) == (MONDAY - DAY, MONDAY, None, False)
    mailed = enter(plan, "v", one_of(plan, held_out=False), [], MONDAY)
    assert mailed
    assert mailed.live


@pytest.mark.parametrize("reentry", ["never", "after_exit", {"after": "1d"}])
def test_who_is_held_out_is_so_once_and_enters_when_nobody_holds_them_out_any_more(reentry: Any) -> None:
    plan = sequence(reentry=reentry)
    person = one_of(plan, held_out=True)
    out = enter(plan, "v", person, [], MONDAY)
    assert out
    assert enter(plan, "v", person, [out], MONDAY + 90 * DAY) is None
    for run in (
        enter(sequence(None, reentry=reentry), "v", person, [out], MONDAY),
        enter(plan, "v", person, [out], MONDAY, despite_holdout=True),
    ):
        assert run
        assert (run.live, run.entry) == (True, 2)


def test_who_went_through_it_before_there_was_a_holdout_is_held_out_the_next_time() -> None:
    plan = sequence(reentry="after_exit")
    person = one_of(plan, held_out=True)
    walked = enter(sequence(None), "v", person, [], MONDAY - 9 * DAY)
    assert walked
    assert enter(plan, "v", person, [walked], MONDAY) is None  # they are still on it
    walked.status, walked.ended_at = EnrollmentStatus.COMPLETED, MONDAY - DAY
    out = enter(plan, "v", person, [walked], MONDAY)
    assert out
    assert (out.held_out, out.entry) == (True, 2)
    assert enter(sequence(), "v", person, [walked], MONDAY) is None  # reentry: never


def test_a_run_that_was_held_out_ends_no_other_when_two_people_are_one() -> None:
    plan = sequence()
    into, weak = one_of(plan, held_out=False), one_of(plan, held_out=True)
    own, coming = enter(plan, "v", into, [], MONDAY), enter(plan, "v", weak, [], MONDAY)
    assert own and coming  # noqa: PT018 - of both
    for runs, other in (([own], coming), ([coming], own)):
        join_runs(list(runs), [other], into, lambda _: plan, MONDAY)
        assert own.live
        assert (coming.person, coming.reason) == (into, HELD_OUT)


def test_the_first_goal_after_entering_counts() -> None:
    run = enter(sequence(), "v", 7, [], MONDAY)
    assert isinstance(run, Enrollment)
    for at, first in ((-1, None), (0, None), (3, 3), (5, 3), (2, 2)):
        run.reach_goal(MONDAY + at * DAY)
        assert run.goal_at == (None if first is None else MONDAY + first * DAY)
