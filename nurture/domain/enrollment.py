"""One person's run through a sequence: entering it, and what ends it before its last step."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from nurture.domain.conditions import Condition, Facts
from nurture.domain.event import Event
from nurture.domain.ids import stable_id
from nurture.domain.lifecycle import StageChange
from nurture.domain.sequence import Sequence, Trigger


class EnrollmentStatus(StrEnum):
    """Where an enrollment stands; `waiting` has a due time ahead, `active` is due now."""

    ACTIVE = "active"
    WAITING = "waiting"
    PAUSED = "paused"
    COMPLETED = "completed"
    EXITED = "exited"


LIVE = frozenset({EnrollmentStatus.ACTIVE, EnrollmentStatus.WAITING, EnrollmentStatus.PAUSED})

#: The reason of an enrollment that walked to its end; its last mail still goes out, while any other end stops the mail.
REACHED_END = "end"


@dataclass(slots=True)
class Enrollment:
    """An enrollment as absorb sees it."""

    id: int
    person: int
    sequence: str
    version: str
    entry: int
    status: EnrollmentStatus
    step: str
    due_at: datetime | None
    entered_at: datetime
    ended_at: datetime | None = None
    reason: str | None = None
    new: bool = False
    changed: bool = False

    @property
    def live(self) -> bool:
        return self.status in LIVE

    def end(self, ending: "Ending", at: datetime) -> None:
        """Close the run, with its reason."""
        self.status, self.reason = ending
        self.ended_at, self.due_at, self.changed = at, None, True


#: As long as the column that keeps it.
_LONGEST_REASON = 200


class Ending(NamedTuple):
    """How a run ends, and why."""

    status: EnrollmentStatus
    reason: str


def ending_by_event(sequence: Sequence, event: Event) -> Ending | None:
    """Whether an event fulfils the goal of a sequence or is one of its exits."""
    goal = sequence.goal
    if goal is not None and event.name in goal.event and (goal.where is None or goal.where.holds(event.facts)):
        return Ending(EnrollmentStatus.COMPLETED, f"goal: {event.name}")
    if event.name in sequence.exit:
        return Ending(EnrollmentStatus.EXITED, event.name)
    return None


def ending_by_state(sequence: Sequence, facts: Facts) -> Ending | None:
    """Whether one of a sequence's exit conditions holds for the person."""
    for each in sequence.exit:
        if isinstance(each, Condition) and each.holds(facts):
            return Ending(EnrollmentStatus.EXITED, _worded(each))
    return None


def _worded(condition: Condition) -> str:
    words = ", ".join(f"{name}: {value}" for name, value in condition.raw.items())
    return words if len(words) <= _LONGEST_REASON else f"{words[: _LONGEST_REASON - 1]}…"


def is_triggered(trigger: Trigger, event: Event | None, change: StageChange | None) -> bool:
    """Whether an event, or a stage change, is what a trigger waits for."""
    if trigger.promoted_to is not None:
        if change is None or change.to_stage != trigger.promoted_to:
            return False
        event = change.event
    elif event is None or event.name not in (trigger.event or ()):
        return False
    properties = event.properties if event else {}
    return (
        (trigger.asset is None or properties.get("asset") == trigger.asset)
        and (trigger.form is None or properties.get("form") == trigger.form)
        and (trigger.where is None or (event is not None and trigger.where.holds(event.facts)))
    )


def enter(sequence: Sequence, version: str, person: int, earlier: Iterable[Enrollment], at: datetime) -> Enrollment | None:
    """A new run due at once, or None when the sequence's re-entry rule does not let the person in (again)."""
    runs = [run for run in earlier if run.sequence == sequence.sequence]
    if any(run.live for run in runs):
        return None
    ended = max((run.ended_at for run in runs if run.ended_at), default=None)
    if runs and (sequence.reentry.after is None or ended is None or ended + sequence.reentry.after > at):
        return None
    entry = 1 + max((run.entry for run in runs), default=0)
    return Enrollment(
        id=stable_id("enrollment", person, sequence.sequence, entry), person=person, sequence=sequence.sequence,
        version=version, entry=entry, status=EnrollmentStatus.ACTIVE, step=sequence.program.first, due_at=at,
        entered_at=at, new=True,
    )  # fmt: skip
