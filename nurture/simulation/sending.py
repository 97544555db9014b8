"""Send on memory: does what `nurture.adapters.database.sending` does, for one worker that never dies."""

from collections.abc import Sequence
from datetime import datetime

from nurture.domain.enrollment import REACHED_END, Enrollment
from nurture.domain.mail.dispatch import Mailed, Situation, looks_back, variant_of
from nurture.domain.mail.sending import MessageStatus
from nurture.domain.preferences import UNHURRIED, Rhythm
from nurture.ports import Letter, Outcome, Waiting
from nurture.simulation.memory import Mail, is_over
from nurture.simulation.transaction import Transaction

#: A batch holds at most this many times as many messages as were asked for, because of what else is due to the same people.
_ALL_OF_THEIRS = 2


class MemorySending(Transaction):
    """Fulfils `ports.Sending` and `ports.Claiming`."""

    def claiming(self) -> "MemoryClaiming":
        return MemoryClaiming(self._memory, self._recorder)

    def give_up_on_silent(self, at: datetime) -> int:  # noqa: ARG002 - nobody falls silent here
        return 0

    def begin(self, worker: str, messages: Sequence[int], before: Sequence[Outcome], at: datetime) -> set[int]:  # noqa: ARG002 - one worker
        for outcome in before:
            self._memory.settle(outcome)
            self._recorder.settled(outcome, self._memory.mails[outcome.message])
        self._memory.wake_the_capped(before)
        going = {message for message in messages if self._may_go(self._memory.mails[message])}
        for message in going:
            self._memory.mails[message].status = MessageStatus.SENDING
        return going

    def _may_go(self, mail: Mail) -> bool:
        memory, run = self._memory, self._memory.runs[mail.planned.enrollment]
        stopped = _ended(run) is not None or run.sequence in memory.ground.held
        address = memory.people[mail.person].email
        return mail.status == MessageStatus.QUEUED and not self._is_unwanted(mail, address) and not stopped

    def _is_unwanted(self, mail: Mail, address: str | None) -> bool:
        return self._memory.is_barred(address) or self._memory.is_off(address, mail.planned.topic)


class MemoryClaiming(Transaction):
    """Fulfils `ports.Claiming`."""

    def due(self, limit: int, at: datetime) -> list[Waiting]:
        due = self._memory.due_mails(at)
        who = {mail.person for mail in due[:limit]}
        theirs = [mail for mail in due if mail.person in who]
        if len(theirs) > 1:
            theirs.sort(key=lambda mail: (mail.person, -mail.planned.priority, mail.planned_at, mail.planned.id))
        return [self._waiting(mail, at) for mail in theirs[: _ALL_OF_THEIRS * limit]]

    def _waiting(self, mail: Mail, at: datetime) -> Waiting:
        memory, planned = self._memory, mail.planned
        person, run = memory.people[mail.person], memory.runs[planned.enrollment]
        plan, facts = memory.sequence_of(run), person.facts(at, memory.ground.definitions.scoring)
        rhythm = memory.rhythms.get(person.email or "", UNHURRIED)
        situation = Situation(
            planned.id, mail.person, run.sequence, planned.step, plan, mail.planned_at, planned.any_time, planned.priority,
            person.email, facts, memory.is_barred(person.email), _ended(run), run.sequence in memory.ground.held,
            self._recent(mail.person, rhythm, at), planned.template, planned.topic, memory.is_off(person.email, planned.topic),
            memory.agreement(person.email, memory.ground.definitions.consents.needed_for(planned.topic)), rhythm,
        )  # fmt: skip
        variant = variant_of(plan, planned.step, planned.variant)
        letter = Letter(
            planned.id, mail.person, run.sequence, planned.step, planned.template, person.email or "", facts, variant.subject,
            variant.preheader,
        )  # fmt: skip
        return Waiting(situation, letter, mail.attempts)

    def _recent(self, person: int, rhythm: Rhythm, at: datetime) -> list[Mailed]:
        since = at - looks_back(self._memory.ground.definitions.sending, [rhythm])
        mailed = [
            Mailed(id_, mail.sent_at, mail.planned.template) for id_, mail in self._memory.mails.items()
            if mail.person == person and mail.sent_at is not None and mail.sent_at > since
        ]  # fmt: skip
        return sorted(mailed, key=lambda each: (each.at, each.message)) if len(mailed) > 1 else mailed

    def settle(self, outcomes: Sequence[Outcome]) -> None:
        self._memory.wake_the_capped(outcomes)
        for outcome in outcomes:
            self._memory.settle(outcome)
            self._recorder.settled(outcome, self._memory.mails[outcome.message])

    def lease(self, worker: str, messages: Sequence[int], at: datetime) -> None:
        """There is no other worker to keep them from."""


def _ended(run: Enrollment) -> str | None:
    """Why a run is over, if it did not walk to its end."""
    return run.reason if is_over(run) and run.reason != REACHED_END else None
