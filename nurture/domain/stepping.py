"""The next step of an enrollment: the decision behind the verb *advance*.

From the node it stands on, an enrollment walks until it must wait or its sequence ends: e-mails on the way are planned,
branches taken. Steps only lead forward, so the walk is never longer than the sequence.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from nurture.domain.enrollment import REACHED_END, Enrollment, EnrollmentStatus, ending_by_state
from nurture.domain.ids import stable_id
from nurture.domain.schedule import IsHoliday, next_opening, zone_for
from nurture.domain.sequence import END, Branch, EmailStep, Send, Sequence, Wait
from nurture.domain.window import Window


class PlannedMessage(NamedTuple):
    """A message to be queued for a step; `planned_at` is when the step came due; `any_time` frees it from quiet hours. There is one per enrollment, step and pass."""

    id: int
    enrollment: int
    person: int
    step: str
    pass_: int
    template: str
    planned_at: datetime
    any_time: bool


class Move(NamedTuple):
    """Where an enrollment stands afterwards, and the messages planned on the way."""

    enrollment: int
    status: EnrollmentStatus
    step: str
    due_at: datetime | None
    reason: str | None
    messages: tuple[PlannedMessage, ...] = ()

    @property
    def ended(self) -> bool:
        return self.status in (EnrollmentStatus.COMPLETED, EnrollmentStatus.EXITED)


class Calendar(NamedTuple):
    """What a computation of local time rests on: the business's zone, and which days are public holidays."""

    zone: str
    is_holiday: IsHoliday


def advance(run: Enrollment, sequence: Sequence, facts: Mapping[str, Any], calendar: Calendar, at: datetime) -> Move:
    """Walk an enrollment that is due at instant `at` as far as it goes; `facts` are its person's."""
    ending = ending_by_state(sequence, facts)
    if ending is not None:
        return Move(run.id, ending.status, run.step, None, ending.reason)
    planned: list[PlannedMessage] = []
    step = run.step
    while step != END:
        match sequence.program.nodes.get(step):
            case Send(id=own, step=email, next=following):
                opens = _opening(email, sequence.window, facts, calendar, at)
                if opens > at:
                    return Move(run.id, EnrollmentStatus.WAITING, own, opens, None, tuple(planned))
                planned.append(_message(run, email, at))
                step = following
            case Wait(length=length, next=following):
                return Move(run.id, EnrollmentStatus.WAITING, following, at + length, None, tuple(planned))
            case Branch(arms=arms, otherwise=otherwise):
                step = next((target for condition, target in arms if condition.holds(facts)), otherwise)
            case None:
                reason = f"step {step} is not in version {run.version}"
                return Move(run.id, EnrollmentStatus.EXITED, step, None, reason, tuple(planned))
    return Move(run.id, EnrollmentStatus.COMPLETED, END, None, REACHED_END, tuple(planned))


def _opening(email: EmailStep, window: Window, facts: Mapping[str, Any], calendar: Calendar, at: datetime) -> datetime:
    if email.window == "any":
        return at
    chosen = email.window or window
    return next_opening(chosen, zone_for(chosen, facts, calendar.zone), at, calendar.is_holiday)


def _message(run: Enrollment, email: EmailStep, at: datetime) -> PlannedMessage:
    pass_ = 1
    return PlannedMessage(
        stable_id("message", run.id, email.id, pass_), run.id, run.person, email.id, pass_, email.email, at,
        any_time=email.window == "any",
    )  # fmt: skip
