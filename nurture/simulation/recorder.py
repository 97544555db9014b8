"""Writes down what happens in a simulation, line by line, as the verbs store it."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from nurture.domain.conditions import HAPPENED
from nurture.domain.enrollment import Enrollment, EnrollmentStatus
from nurture.domain.event import ENROLL_REQUESTED
from nurture.domain.lifecycle import StageChange
from nurture.domain.mail.sending import MessageStatus
from nurture.domain.person import Person
from nurture.domain.stepping import Move
from nurture.domain.world import Changes, StoredEvent
from nurture.ports import Clock, Outcome
from nurture.simulation.memory import Mail, Memory
from nurture.simulation.story import Line, What

#: What becomes of a message, as a line tells it.
_TOLD_OF = {
    MessageStatus.QUEUED: What.DEFERRED, MessageStatus.SENT: What.SENT, MessageStatus.SKIPPED: What.SKIPPED,
}  # fmt: skip


class Recorder:
    """Keeps the lines of a timeline; with `silent` none."""

    def __init__(self, memory: Memory, clock: Clock, *, silent: bool = False) -> None:
        self.lines: list[Line] = []
        self._memory, self._clock, self._silent = memory, clock, silent
        self._known: dict[int, str | None] = {}

    def _tell(
        self, what: What, person: int, told: Mapping[str, Any], sequence: str | None = None, step: str | None = None
    ) -> None:
        self.lines.append(Line(self._clock.now(), what, person, sequence, step, told))

    def changes(self, changes: Changes) -> None:
        """What a batch of events changes, just before it is stored."""
        if self._silent:
            return
        for stored in changes.events:
            self._event(stored)
        for person in changes.people:
            self._person(person)
        for weak, into in changes.merges:
            self._tell(What.MERGED, into, {"other": weak})
        rules = self._memory.ground.definitions.rules_by_id
        for (id_, cell), hits in changes.hits.items():
            told = {"rule": cell.rule, "hits": hits, "points": rules[cell.rule].points, "day": cell.day}
            self._tell(What.SCORED, id_, told)
        self.stage_changes(changes.stage_changes)
        self._entered(changes)
        for run in changes.enrollments:
            self._touched(run)

    def _event(self, stored: StoredEvent) -> None:
        event, person, verdict, channel = stored
        told: dict[str, Any] = {"event": event.name, "occurred_at": event.occurred_at, "verdict": verdict.kind}
        if verdict.reasons:
            told["reasons"] = list(verdict.reasons)
        if channel:
            told["channel"] = channel
        self._tell(What.EVENT, person, told)

    def _person(self, person: Person) -> None:
        if person.new:
            self._tell(What.CREATED, person.id, {})
        if person.email != self._known.get(person.id):
            self._known[person.id] = person.email
            self._tell(What.IDENTIFIED, person.id, {"email": person.email})

    def _entered(self, changes: Changes) -> None:
        asked = {
            (each.person, each.event.properties.get("sequence")) for each in changes.events if each.event.name == ENROLL_REQUESTED
        }
        for run in changes.enrollments:
            if run.new:
                why = "asked for" if (run.person, run.sequence) in asked else None
                self._tell_entry(run, why)

    def _tell_entry(self, run: Enrollment, why: str | None) -> None:
        if why is None:
            trigger = self._memory.ground.definitions.sequences[run.sequence].trigger
            why = ", ".join(f"{name}: {value}" for name, value in _written(trigger.written()).items())
        told: dict[str, Any] = {"entry": run.entry, "why": why}
        if run.status == EnrollmentStatus.PAUSED:
            told["held"] = True
        self._tell(What.ENTERED, run.person, told, run.sequence)
        if run.held_out:
            self._tell_end(run)

    def _tell_end(self, run: Enrollment) -> None:
        self._tell(What.ENDED, run.person, {"status": run.status.value, "reason": run.reason}, run.sequence, run.step)

    def _touched(self, run: Enrollment) -> None:
        """A run that an event ended, let go on, or put off."""
        if not run.live:
            # Of one that was over before, it is noted that its goal was reached.
            if run.ended_at == self._clock.now() and not run.held_out:
                self._tell_end(run)
        elif not run.new and run.step_since is None:
            waited = next((step for step, came in reversed(list(run.outcomes.items())) if came == HAPPENED), None)
            self._tell(What.WENT_ON, run.person, {"outcome": HAPPENED}, run.sequence, waited)
        elif not run.new:
            self._tell(What.WAITS, run.person, {"until": run.due_at}, run.sequence, run.step)

    def begun(self, runs: Iterable[Enrollment]) -> None:
        """Runs that begin without an event."""
        for run in runs if not self._silent else ():
            self._tell_entry(run, None)

    def stage_changes(self, moves: Iterable[StageChange]) -> None:
        """Promotions and the like."""
        for move in moves if not self._silent else ():
            told = {"from": move.from_stage, "to": move.to_stage, "rule": move.rule, "cause": move.cause}
            self._tell(What.STAGE, move.person, told)

    def recounted(self, people: Iterable[Person], _at: datetime) -> None:
        """People who were worked out afresh, because something was heard of late."""
        for person in people if not self._silent else ():
            if person.merged_into is None:
                self._person(person)
                self._tell(What.RECOUNTED, person.id, {})

    def moved(self, move: Move, run: Enrollment, mails: Iterable[Mail]) -> None:
        """A walk and the messages that it has left, just before the run is stored."""
        if self._silent:
            return
        person, sequence = run.person, run.sequence
        for step, came in move.outcomes.items():
            if run.outcomes.get(step) != came:
                self._tell(What.WENT_ON, person, {"outcome": came}, sequence, step)
        left = {mail.planned.step: mail for mail in mails}
        for step in move.taken:
            self._tell(What.STEP, person, {}, sequence, step)
            if step in left:
                self._planned(left[step])
        for alert in move.alerts:
            self._tell(What.ALERT, person, {"endpoint": alert.endpoint, "text": alert.text}, sequence, alert.step)
        for begun in move.begun:
            self._tell_entry(begun, f"sequence: {sequence}")
        if move.ended:
            self._tell(What.ENDED, person, {"status": move.status.value, "reason": move.reason}, sequence, move.step)
        elif move.status == EnrollmentStatus.WAITING:
            self._tell(What.WAITS, person, {"until": move.due_at}, sequence, move.step)

    def _planned(self, mail: Mail) -> None:
        what = What.SKIPPED if mail.status == MessageStatus.SKIPPED else What.QUEUED
        self._tell_mail(what, mail, {"reason": mail.reason.value} if mail.reason else {})

    def cancelled(self, mails: Iterable[Mail]) -> None:
        """Messages that will not go, because their run has ended or their reader does not want them."""
        for mail in mails if not self._silent else ():
            self._tell_mail(What.SKIPPED, mail, {"reason": mail.reason.value if mail.reason else None})

    def settled(self, outcome: Outcome, mail: Mail) -> None:
        """What became of a message that was due."""
        if self._silent:
            return
        what = _TOLD_OF.get(outcome.status, What.FAILED)
        told: dict[str, Any] = {"reason": outcome.reason.value} if outcome.reason else {}
        if outcome.due_at is not None:
            told["until"] = outcome.due_at
        if what is What.FAILED:
            told["detail"] = outcome.detail
        if mail.subject:
            told |= {"language": mail.language, "subject": mail.subject}
        self._tell_mail(what, mail, told)

    def _tell_mail(self, what: What, mail: Mail, more: Mapping[str, Any]) -> None:
        told = {"template": mail.planned.template, **more}
        if mail.planned.variant:
            told["variant"] = mail.planned.variant
        self._tell(what, mail.person, told, self._memory.runs[mail.planned.enrollment].sequence, mail.planned.step)


def _written(trigger: Any) -> Mapping[str, Any]:
    """A trigger as it stands in the YAML file."""
    return trigger if isinstance(trigger, dict) else {"trigger": trigger}
