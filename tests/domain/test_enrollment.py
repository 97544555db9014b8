"""One person's run through a sequence: entering it, going on, and what ends it by what is true of its person."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from nurture.domain.enrollment import Enrollment, EnrollmentStatus, ending_by_state, enter, is_triggered, message_id
from nurture.domain.lifecycle import StageChange
from nurture.domain.sequence import Sequence
from tests.support.events import event

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
ACTIVE, WAITING, PAUSED, COMPLETED, EXITED = (
    EnrollmentStatus.ACTIVE, EnrollmentStatus.WAITING, EnrollmentStatus.PAUSED, EnrollmentStatus.COMPLETED, EnrollmentStatus.EXITED,
)  # fmt: skip


def sequence(**more: Any) -> Sequence:
    return Sequence.model_validate({"sequence": "s", "trigger": {"event": "x"}, "steps": [{"id": "a", "email": "a"}], **more})


def run(status: EnrollmentStatus, entry: int = 1, ended_at: datetime | None = None, name: str = "s") -> Enrollment:
    return Enrollment(
        id=entry, person=7, sequence=name, version="v", entry=entry, status=status, step="a", due_at=NOON,
        entered_at=NOON - 30 * DAY, ended_at=ended_at,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("reentry", "earlier", "entry"),
    [
        ("never", [], 1),
        ("never", [run(COMPLETED, ended_at=NOON - 900 * DAY)], None),
        ("never", [run(COMPLETED, ended_at=NOON, name="other")], 1),
        ("after_exit", [run(COMPLETED, ended_at=NOON)], 2),
        ("after_exit", [run(ACTIVE)], None),
        ("after_exit", [run(WAITING)], None),
        ("after_exit", [run(PAUSED)], None),
        ({"after": "3d"}, [run(EXITED, ended_at=NOON - 3 * DAY)], 2),
        ({"after": "3d"}, [run(EXITED, ended_at=NOON - 2 * DAY)], None),
        # The last end counts, and entries are numbered on.
        ({"after": "3d"}, [run(EXITED, 4, NOON - 9 * DAY), run(EXITED, 2, NOON - 2 * DAY)], None),
        ({"after": "3d"}, [run(EXITED, 4, NOON - 9 * DAY), run(EXITED, 2, NOON - 5 * DAY)], 5),
    ],
)
def test_who_is_let_in_again(reentry: Any, earlier: list[Enrollment], entry: int | None) -> None:
    entered = enter(sequence(reentry=reentry), "v2", 7, earlier, NOON)
    assert (entered and entered.entry) == entry


def test_a_run_begins_on_its_first_step_and_is_due_at_once() -> None:
    entered = enter(sequence(), "v2", 7, [], NOON, since=NOON - DAY)
    assert entered
    assert (entered.status, entered.step, entered.due_at, entered.entered_at) == (ACTIVE, "a", NOON, NOON - DAY)
    assert (entered.version, entered.new, entered.live, entered.step_since) == ("v2", True, True, None)
    ahead = enter(sequence(), "v2", 7, [], NOON, since=NOON + DAY)
    assert ahead
    assert ahead.entered_at == NOON  # a clock that is fast lets nobody enter tomorrow


def test_the_same_entry_has_the_same_id() -> None:
    one, other = (enter(sequence(), version, 7, [], NOON) for version in ("v1", "v2"))
    again = enter(sequence(reentry="after_exit"), "v1", 7, [run(COMPLETED, ended_at=NOON)], NOON)
    assert one and other and again  # noqa: PT018 - of all three
    assert one.id == other.id != again.id
    assert message_id(one.id, "a") != message_id(one.id, "b") != message_id(again.id, "b")


def test_a_run_goes_on_and_ends() -> None:
    waits = run(WAITING)
    waits.outcomes = {"w": "timed_out"}
    waits.go_on("b", NOON + DAY, {"v": "happened"})
    assert (waits.status, waits.step, waits.due_at, waits.step_since, waits.changed) == (ACTIVE, "b", NOON + DAY, None, True)
    assert waits.outcomes == {"w": "timed_out", "v": "happened"}
    held = run(PAUSED)
    held.go_on("b", NOON, {})
    assert (held.status, held.step) == (PAUSED, "b")
    ending = ending_by_state(sequence(exit=[{"stage": "customer"}]), {"stage": "customer"})
    assert ending
    waits.end(ending, NOON)
    assert (waits.status, waits.reason, waits.due_at, waits.live) == (EXITED, "stage: customer", None, False)


@pytest.mark.parametrize(
    ("trigger", "asset", "to", "triggered"),
    [
        ({"promoted_to": "lead"}, "guide", "lead", True),
        ({"promoted_to": "lead"}, "guide", "mql", False),
        ({"promoted_to": "lead", "asset": "guide"}, "guide", "lead", True),
        ({"promoted_to": "lead", "asset": "guide"}, "other", "lead", False),
        ({"promoted_to": "lead", "where": {"asset": "guide"}}, "guide", "lead", True),
        ({"event": "asset_downloaded"}, "guide", "lead", False),  # the event itself is looked at on its own
        ("manual", "guide", "lead", False),
    ],
)
def test_a_stage_change_triggers(trigger: Any, asset: str, to: str, triggered: bool) -> None:
    cause = event("asset_downloaded", NOON, properties={"asset": asset})
    change = StageChange(7, "audience", to, "rule", "cause", NOON, cause)
    assert is_triggered(sequence(trigger=trigger).trigger, None, change) is triggered


def test_a_promotion_without_an_event_fulfils_no_question_about_one() -> None:
    change = StageChange(7, "audience", "mql", "hot", "engagement 60.0, grade A", NOON)
    assert is_triggered(sequence(trigger={"promoted_to": "mql"}).trigger, None, change)
    assert not is_triggered(sequence(trigger={"promoted_to": "mql", "where": {"a": 1}}).trigger, None, change)
    assert not is_triggered(sequence(trigger={"promoted_to": "mql", "asset": "guide"}).trigger, None, change)


def test_an_exit_tells_its_condition() -> None:
    leaves = sequence(exit=["y", {"stage": "customer"}])
    assert ending_by_state(leaves, {"stage": "lead"}) is None
    assert ending_by_state(leaves, {"stage": "customer"}) == (EXITED, "stage: customer")


def test_a_long_condition_is_told_as_far_as_the_column_goes() -> None:
    stages = [f"stage-number-{number}" for number in range(50)]
    ending = ending_by_state(sequence(exit=[{"stage": stages}]), {"stage": stages[7]})
    assert ending
    assert len(ending.reason) == 200
    assert ending.reason.endswith("…")
