"""What ends a run by what is true of its person."""

from nurture.domain.enrollment import EnrollmentStatus, ending_by_state
from nurture.domain.sequence import Sequence


def sequence(**way_out: object) -> Sequence:
    return Sequence.model_validate({
        "sequence": "s", "trigger": {"event": "x"}, "exit": ["y", way_out], "steps": [{"id": "a", "email": "a"}],
    })  # fmt: skip


def test_an_exit_tells_its_condition() -> None:
    assert ending_by_state(sequence(stage="customer"), {"stage": "lead"}) is None
    assert ending_by_state(sequence(stage="customer"), {"stage": "customer"}) == (EnrollmentStatus.EXITED, "stage: customer")


def test_a_long_condition_is_told_as_far_as_the_column_goes() -> None:
    stages = [f"stage-number-{number}" for number in range(50)]
    ending = ending_by_state(sequence(stage=stages), {"stage": stages[7]})
    assert ending
    assert len(ending.reason) == 200
    assert ending.reason.endswith("…")
