"""One person's run through a sequence: entering it, and what ends it before its last step."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from nurture.domain.conditions import Condition, Facts
from nurture.domain.event import Event
from nurture.domain.history import MESSAGE, past_of
from nurture.domain.holding_out import HELD_OUT
from nurture.domain.ids import stable_id
from nurture.domain.lifecycle import StageChange
from nurture.domain.program import WaitFor
from nurture.domain.sequence import Sequence
from nurture.domain.triggers import Trigger


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
    """One person's run through a sequence. `step_since` is when they began to wait on their step, None if they are yet to take it;
    `outcomes` is what came of earlier steps, by id. `goal_at` is when they first did what the sequence aims at after they had entered
    it, be it over or not.
    """

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
    step_since: datetime | None = None
    outcomes: Mapping[str, str] = field(default_factory=dict)
    goal_at: datetime | None = None
    new: bool = False
    changed: bool = False

    @property
    def live(self) -> bool:
        return self.status in LIVE

    @property
    def held_out(self) -> bool:
        """Whether it ended as it began, for its person is one of those who are not mailed."""
        return self.reason == HELD_OUT

    def reach_goal(self, at: datetime) -> None:
        """Note that the person did at instant `at` what the sequence aims at; the first time after entering counts."""
        if at > self.entered_at and (self.goal_at is None or at < self.goal_at):
            self.goal_at, self.changed = at, True

    def go_on(self, step: str, at: datetime, outcomes: Mapping[str, str]) -> None:
        """Take a step at instant `at`; a run that is held takes it when it goes on."""
        self.step, self.due_at, self.step_since, self.changed = step, at, None, True
        self.outcomes = {**self.outcomes, **outcomes}
        if self.status != EnrollmentStatus.PAUSED:
            self.status = EnrollmentStatus.ACTIVE

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
    if is_goal(sequence, event):
        return Ending(EnrollmentStatus.COMPLETED, f"goal: {event.name}")
    if event.name in sequence.exit:
        return Ending(EnrollmentStatus.EXITED, event.name)
    return None


def is_goal(sequence: Sequence, event: Event) -> bool:
    """Whether an event is what a sequence aims at."""
    goal = sequence.goal
    return goal is not None and event.name in goal.event and (goal.where is None or goal.where.holds(event.facts))


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
    elif change is not None or event is None or event.name not in trigger.events:
        return False
    properties = event.properties if event else {}
    return (
        (trigger.asset is None or properties.get("asset") == trigger.asset)
        and (trigger.form is None or properties.get("form") == trigger.form)
        and (trigger.where is None or (event is not None and trigger.where.holds(event.facts)))
    )


def awaited_by(run: Enrollment, sequence: Sequence, event: Event) -> WaitFor | None:
    """The step on which a run waits for this very event, if it does and the event falls into its time."""
    if run.step_since is None or run.due_at is None or event.name not in sequence.awaited_events:
        return None
    node = sequence.program.nodes.get(run.step)
    if not isinstance(node, WaitFor) or not counts_from(node, run, run.step_since) <= event.occurred_at <= run.due_at:
        return None
    return node if is_awaited(node, run, past_of(event).facts) else None


def counts_from(node: WaitFor, run: Enrollment, came: datetime) -> datetime:
    """From when on an event counts for a step that waits for it and to which the run came at instant `came`."""
    return run.entered_at if node.awaited.since == "entry" else came


def is_awaited(node: WaitFor, run: Enrollment, facts: Facts) -> bool:
    """Whether an event, of whose name and time it is known already, is what a step waits for."""
    awaited = node.awaited
    from_message = awaited.message is None or facts.get(MESSAGE) == message_id(run.id, awaited.message)
    return from_message and (awaited.where is None or awaited.where.holds(facts))


def message_id(enrollment: int, step: str, pass_: int = 1) -> int:
    """The id of the message of a step; there is one per enrollment, step and pass."""
    return stable_id("message", enrollment, step, pass_)


def enter(
    sequence: Sequence,
    version: str,
    person: int,
    earlier: Iterable[Enrollment],
    at: datetime,
    *,
    since: datetime | None = None,
    held: bool = False,
    despite_holdout: bool = False,
) -> Enrollment | None:
    """A new run due at once, or None when the sequence's re-entry rule does not let the person in (again).

    It was entered `since` what triggered it happened, as far as that lies back. While a sequence is held, a new run is so, too.
    The run of somebody who is held out is over at once; they have one, however often they come. Should they be held out no longer, it
    counts for nothing.
    """
    runs = [run for run in earlier if run.sequence == sequence.sequence]
    walked = [run for run in runs if not run.held_out]
    if any(run.live for run in walked):
        return None
    ended = max((run.ended_at for run in walked if run.ended_at), default=None)
    if walked and (sequence.reentry.after is None or ended is None or ended + sequence.reentry.after > at):
        return None
    held_out = is_held_out(sequence, person) and not despite_holdout
    if held_out and len(walked) < len(runs):
        return None
    entry = 1 + max((run.entry for run in runs), default=0)
    run = Enrollment(
        id=stable_id("enrollment", person, sequence.sequence, entry), person=person, sequence=sequence.sequence,
        version=version, entry=entry, status=EnrollmentStatus.PAUSED if held else EnrollmentStatus.ACTIVE,
        step=sequence.program.first, due_at=at, entered_at=at if since is None else min(since, at), new=True,
    )  # fmt: skip
    if held_out:
        run.end(Ending(EnrollmentStatus.EXITED, HELD_OUT), at)
    return run


def is_held_out(sequence: Sequence, person: int) -> bool:
    """Whether a person is one of those who are not mailed, so that one sees what the sequence brings."""
    return sequence.holdout is not None and sequence.holdout.holds_out(person, sequence.sequence)
