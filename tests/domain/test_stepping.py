"""The next step of an enrollment, as a table of positions and instants."""

from datetime import UTC, datetime, timedelta
from typing import Any

from nurture.domain.enrollment import Enrollment, EnrollmentStatus
from nurture.domain.sequence import Sequence
from nurture.domain.stepping import Calendar, advance
from tests.support.definitions import GUIDE_SEQUENCE

MONDAY = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
CALENDAR = Calendar("Europe/Paris", lambda *_: False)
GUIDE = Sequence.model_validate(GUIDE_SEQUENCE)


def standing(step: str = "thanks", sequence: Sequence = GUIDE) -> Enrollment:
    return Enrollment(
        id=1, person=2, sequence=sequence.sequence, version="v", entry=1, status=EnrollmentStatus.ACTIVE, step=step,
        due_at=MONDAY, entered_at=MONDAY,
    )  # fmt: skip


def sequence_of(*steps: dict[str, Any]) -> Sequence:
    return Sequence.model_validate({"sequence": "s", "trigger": {"event": "signed_up"}, "steps": list(steps)})


def test_a_mail_is_planned_and_the_wait_behind_it_begins() -> None:
    move = advance(standing(), GUIDE, {"stage": "lead"}, CALENDAR, MONDAY)
    assert [message.template for message in move.messages] == ["guide-thanks"]
    assert (move.status, move.step, move.due_at) == (EnrollmentStatus.WAITING, "case", MONDAY + timedelta(days=2))


def test_the_same_step_plans_the_same_message_every_time() -> None:
    first, again = (advance(standing(), GUIDE, {"stage": "lead"}, CALENDAR, MONDAY) for _ in range(2))
    assert first.messages[0].id == again.messages[0].id


def test_a_shut_window_keeps_the_run_on_its_step() -> None:
    sunday = MONDAY - timedelta(days=1)
    move = advance(standing("case"), GUIDE, {"stage": "lead"}, CALENDAR, sunday)
    assert (move.step, move.messages, move.due_at) == ("case", (), datetime(2026, 3, 2, 8, 0, tzinfo=UTC))


def test_the_person_s_zone_decides_when_the_window_says_so() -> None:
    window = {"days": "mon-fri", "hours": "09:00-18:00", "timezone": "person"}
    mail = sequence_of({"id": "a", "email": "hello", "window": window})
    move = advance(standing("a", mail), mail, {"timezone": "Asia/Tokyo"}, CALENDAR, MONDAY.replace(hour=12))
    assert move.due_at == datetime(2026, 3, 3, 0, 0, tzinfo=UTC)  # Tuesday 09:00 in Tokyo


def test_a_branch_takes_the_first_arm_that_holds_and_meets_the_others_behind() -> None:
    branch = {
        "branch": [{"if": {"stage": "mql"}, "then": [{"id": "hot", "email": "demo"}]}, {"if": {"fit": {"above": 10}}, "then": []}]
    }
    forked = sequence_of(branch, {"id": "last", "email": "bye"})

    def mails(**facts: Any) -> list[str]:
        move = advance(standing(forked.program.first, forked), forked, facts, CALENDAR, MONDAY)
        assert (move.status, move.reason) == (EnrollmentStatus.COMPLETED, "end")
        return [message.template for message in move.messages]

    assert mails(stage="mql") == ["demo", "bye"]
    assert mails(stage="lead", fit=20) == mails(stage="lead") == ["bye"]


def test_an_exit_condition_comes_before_the_step() -> None:
    move = advance(standing(), GUIDE, {"stage": "customer"}, CALENDAR, MONDAY)
    assert (move.status, move.reason, move.messages) == (EnrollmentStatus.EXITED, "stage: customer", ())


def test_a_step_that_no_longer_exists_ends_the_run_with_the_reason() -> None:
    move = advance(standing("removed"), GUIDE, {"stage": "lead"}, CALENDAR, MONDAY)
    assert (move.status, move.reason) == (EnrollmentStatus.EXITED, "step removed is not in version v")
