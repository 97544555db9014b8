"""Why somebody did not get a sequence's mail: every no that was stored, and those that were never stored because nothing began."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Engine, func, or_, select

from nurture.adapters.database.histories import give_histories
from nurture.adapters.database.rows import event_of
from nurture.adapters.database.tables import events, identifiers, people, releases, stage_changes
from nurture.domain.acting import LOST, REJECTED
from nurture.domain.definitions import Definitions
from nurture.domain.duration import format_duration
from nurture.domain.enrollment import LIVE, EnrollmentStatus, is_held_out, is_triggered
from nurture.domain.holding_out import HELD_OUT
from nurture.domain.lifecycle import StageChange
from nurture.domain.mail.sending import MessageStatus, Reason
from nurture.domain.sequence import Sequence
from nurture.domain.triggers import Trigger
from nurture.domain.wording import instead, one_of
from nurture.errors import DefinitionError, UnknownPerson
from nurture.reports.figures import Figures
from nurture.reports.holds import concerning, held
from nurture.reports.people import Known, find_person
from nurture.reports.reading import snapshot
from nurture.reports.story import CAME_OF_IT, EnrollmentLine, MessageLine, capped, runs_of, suppression_of

#: What each stored reason means.
MEANINGS: Final[Mapping[str, str]] = {
    Reason.SUPPRESSED: "the address is suppressed",
    Reason.NO_ADDRESS: "no address is known",
    Reason.ENROLLMENT_ENDED: "the run had ended before it went out",
    Reason.CAPPED: "the person had enough mail; it goes when the frequency cap allows",
    Reason.QUIET_HOURS: "these are quiet hours; it goes when they end",
    Reason.OUTSIDE_WINDOW: "its window is shut; it goes when that opens",
    Reason.LATE: "it is late; it goes when its window opens the next time",
    Reason.PAUSED: "the sequence is paused; it goes when that is resumed",
    Reason.ALREADY_SENT: "the person got it already, from a step that had another name then",
    Reason.TOO_LATE: "it was delayed too long to be of use",
    Reason.TEMPLATE_ERROR: "the template could not be rendered for this person",
    Reason.TEMPORARY_FAILURE: "the mail server put it off; it is tried again",
    Reason.UNREACHABLE: "the mail server could not be reached; it is tried again",
    Reason.RATE: "as much mail as may go goes just now; it goes in its turn",
    Reason.WARM_UP: "the transport is being warmed up, and today's quota is used; it goes when there is room",
    Reason.BRAKE: "a brake holds it back (`nurture brakes`); it goes when that is lifted or ends",
    Reason.BREAKER: "no sequence means to mail that often; `nurture alarms` tells more",
    Reason.ADDRESS_REFUSED: "the mail server says that nobody has this address",
    Reason.NO_CONSENT: "the person has not agreed to mail of this topic, or has taken that back",
    Reason.UNCONFIRMED: "the person has not yet confirmed that they agree; it goes when they do",
    Reason.TOPIC_OFF: "the person does not wish to read of this topic",
    Reason.PACE: "the person wishes for less mail; it goes when their pace allows",
    Reason.ASKED_TO_PAUSE: "the person asked for a pause; it goes when that ends",
    Reason.POLICY: "the mail server holds something against the sender, not the reader; it is tried again",
}


#: Reasons of which the detail says more than the reason itself.
_TOLD_WITH_DETAIL: Final = frozenset({Reason.ENROLLMENT_ENDED, Reason.RATE, Reason.WARM_UP, Reason.BRAKE, Reason.POLICY})

_BECAME: Final[Mapping[str, str]] = {
    MessageStatus.QUEUED: "is queued",
    MessageStatus.SENDING: "is being sent",
    MessageStatus.SENT: "was sent",
    MessageStatus.FAILED: "failed",
    MessageStatus.SKIPPED: "was skipped",
    MessageStatus.UNCERTAIN: "may have been sent",
    MessageStatus.DELIVERED: "was delivered",
    MessageStatus.BOUNCED: "bounced",
    MessageStatus.COMPLAINED: "was reported as spam",
}


class Finding(Figures):
    """One reason, or one thing that did happen. `code` is for machines, `text` for people."""

    code: str
    text: str
    at: datetime | None = None


class WhyNot(Figures):
    """The answer: findings, the weightiest first. `mailed` is how many of the sequence's mails were sent."""

    sequence: str
    person: int | None
    mailed: int
    findings: tuple[Finding, ...]


class _Cause(NamedTuple):
    """One time the trigger's event or promotion happened; `verdict` is who acted, `matched` whether it met the trigger."""

    at: datetime
    verdict: str
    reasons: tuple[str, ...]
    matched: bool


def why_not(engine: Engine, definitions: Definitions, email_or_id: str, sequence: str, at: datetime) -> WhyNot:
    """Why the person did not get the sequence (or the rest of it). A person nobody knows is an answer, too.

    Raises DefinitionError for a sequence that is not in force, and Unavailable.
    """
    plan = definitions.sequences.get(sequence)
    if plan is None:
        raise DefinitionError(f"no sequence {sequence!r} is in force; {instead(sequence, definitions.sequences)}")
    with snapshot(engine) as connection:
        try:
            known = find_person(connection, email_or_id)
        except UnknownPerson:
            text = "nobody is known by this address: no event and no form post has named it"
            return WhyNot(sequence=sequence, person=None, mailed=0, findings=(Finding(code="unknown_person", text=text),))
        runs = [run for run in runs_of(connection, known) if run.sequence == sequence]
        asking = _Asking(connection, definitions, plan, known, at)
        findings = [*asking.about_the_address(), *asking.about_holds(), *asking.about_standing()]
        findings += asking.about_runs(runs) if runs else asking.about_entering()
        mailed = sum(mail.sent_at is not None for run in runs for mail in run.messages)
        return WhyNot(sequence=sequence, person=known.person.id, mailed=mailed, findings=tuple(findings))


class _Asking:
    def __init__(self, connection: Connection, definitions: Definitions, plan: Sequence, known: Known, at: datetime) -> None:
        self._connection = connection
        self._definitions = definitions
        self._plan = plan
        self._known = known
        self._at = at

    def about_the_address(self) -> Iterator[Finding]:
        person = self._known.person
        if person.email is None:
            yield Finding(code="no_address", text="no e-mail address is known of this person, so no sequence takes them")
            return
        suppression = suppression_of(self._connection, person)
        if suppression is not None:
            text = f"the address is suppressed ({suppression.reason}, told by {suppression.source}): it is never mailed"
            yield Finding(code="suppressed", text=text, at=suppression.at)

    def about_holds(self) -> Iterator[Finding]:
        """What an operator holds just now, so that nothing of it goes on, whatever else is true."""
        name, found = self._plan.sequence, held(self._connection, self._at)
        for each in concerning(found, name, self._known.person.email, {"events", "sequences", "mail"}):
            why = f" ({each.reason})" if each.reason else ""
            yield Finding(code="held", text=f"{each.what} is held{why}; `{each.ends_with}` lets it go on", at=each.since)
        for each in found:
            if (each.kind, each.name, each.how) == ("sequence", name, "draining"):
                text = f"nobody enters {name} any more since it is drained; `{each.ends_with}` ends that"
                yield Finding(code="draining", text=text, at=each.since)

    def about_standing(self) -> Iterator[Finding]:
        """What keeps the person from being promoted, or what is told of them from being final."""
        person = self._known.person
        until = person.rejected_until
        if until is not None and until > self._at:
            yield self._cooling(until)
        if self._connection.scalar(select(people.c.recount_at).where(people.c.id == person.id)) is not None:
            text = "what they did is due to be counted afresh, so the following may change in a moment"
            yield Finding(code="recount_due", text=text)

    def _cooling(self, until: datetime) -> Finding:
        mine = stage_changes.c.person_id.in_(self._known.ids)
        by_sales = or_(*(stage_changes.c.cause.startswith(each, autoescape=True) for each in (REJECTED, LOST)))
        sent_back = select(stage_changes).where(mine, by_sales).order_by(stage_changes.c.at.desc()).limit(1)
        row = self._connection.execute(sent_back).one_or_none()
        how, _, why = row.cause.partition(": ") if row else ("rejected", "", "")
        what = f"{how} by sales{f' on {row.at:%Y-%m-%d} ({why})' if row else ''}"
        text = f"{what}: until {until:%Y-%m-%d %H:%M} UTC no score alone promotes them; what they ask for themselves does"
        return Finding(code="cool_down", text=text, at=row.at if row else None)

    def about_runs(self, runs: list[EnrollmentLine]) -> Iterator[Finding]:
        for run in runs:
            yield _standing(run)
            for step, came in run.outcomes.items():
                yield Finding(code=f"step_{came}", text=f"step {step}: {CAME_OF_IT[came]}")
            for mail in run.messages:
                yield _mail(mail)
        walked = [run for run in runs if run.reason != HELD_OUT]
        if walked and walked[-1].ended_at is not None:
            yield self._reentry(walked[-1].ended_at)
        elif not walked and not is_held_out(self._plan, self._known.person.id):
            yield Finding(code="held_out_no_longer", text="is held out no longer, and may enter with the next trigger")

    def _reentry(self, ended_at: datetime) -> Finding:
        after = self._plan.reentry.after
        if after is None:
            return Finding(code="no_reentry", text="nobody enters this sequence twice (reentry: never)")
        again = ended_at + after
        when = "may enter again with the next trigger" if again <= self._at else "may not enter again before then"
        return Finding(code="reentry", text=f"{when} (reentry after {format_duration(after)})", at=again)

    def about_entering(self) -> Iterator[Finding]:
        """Why there is no run: nothing was stored, so the trigger and the audience are asked again."""
        person = self._known.person
        give_histories(self._connection, [person], self._definitions.history_names, self._at)
        facts = person.facts(self._at, self._definitions.scoring)
        causes = list(self._causes())
        triggered = [cause for cause in causes if cause.matched and cause.verdict == "human"]
        if not (self._plan.trigger.events or self._plan.trigger.promoted_to):
            yield self._without_cause(facts)
        elif not triggered:
            yield self._not_triggered(causes)
        audience = self._plan.audience
        if audience is not None and not audience.holds(facts):
            yield Finding(code="not_in_audience", text=f"does not belong to the audience {audience.raw}")
        elif triggered:
            yield self._triggered_in_vain(triggered[-1].at)

    def _without_cause(self, facts: Mapping[str, Any]) -> Finding:
        """Why a trigger did not take them in that waits for no event."""
        trigger = self._plan.trigger
        if trigger.enters is not None:
            if trigger.enters.holds(facts):
                text = f"the sequence waits for {trigger.enters.raw} to become true; it is so of them, but who had it so before the sequence came into force does not enter, and whom time alone brings there enters at midnight UTC"
                return Finding(code="true_already", text=text)
            text = f"the sequence waits for {trigger.enters.raw} to become true, which it is not"
            return Finding(code="trigger_not_met", text=text)
        if trigger.date is not None:
            said = facts.get(trigger.date)
            what = f"which is {said}: it has passed, or can be no date" if said is not None else "which is not known of them"
            return Finding(code="no_date", text=f"the sequence is taken around the {trigger.date} of people, {what}")
        text = "nobody enters this sequence but by `nurture person enroll`, or when a server asks for it (enroll_requested)"
        return Finding(code="manual", text=text)

    def _not_triggered(self, causes: list[_Cause]) -> Finding:
        wanted = _wording(self._plan.trigger)
        machines = [cause for cause in causes if cause.matched]
        if machines:
            last = machines[-1]
            reasons = ", ".join(last.reasons)
            return Finding(code="machine", text=f"{wanted}, but by a machine ({last.verdict}: {reasons})", at=last.at)
        if causes:
            text = f"the sequence waits for: {wanted}; the like happened, but did not meet its conditions"
            return Finding(code="trigger_not_met", text=text, at=causes[-1].at)
        return Finding(code="never_triggered", text=f"the sequence waits for: {wanted}; that never happened")

    def _triggered_in_vain(self, triggered_at: datetime) -> Finding:
        named = select(func.min(identifiers.c.first_seen_at)).where(
            identifiers.c.kind == "email", identifiers.c.person_id == self._known.person.id
        )
        named_at = self._connection.scalar(named)
        if named_at is not None and triggered_at < named_at:
            text = "the trigger came before an address was known, so there was nobody to mail"
            return Finding(code="triggered_before_address", text=text, at=triggered_at)
        applied_at = self._connection.scalar(select(func.max(releases.c.applied_at)))
        if applied_at is not None and triggered_at < applied_at:
            text = f"the trigger came before the definitions of {applied_at:%Y-%m-%d %H:%M} UTC; others were in force then"
            return Finding(code="triggered_before_definitions", text=text, at=triggered_at)
        text = "the trigger came, but the person was not in the audience at that moment; today they are"
        return Finding(code="not_in_audience_then", text=text, at=triggered_at)

    def _causes(self) -> Iterator[_Cause]:
        """Every time the event or promotion that the trigger names happened, oldest first."""
        trigger = self._plan.trigger
        mine = self._known.ids
        if trigger.promoted_to is None:
            named = select(events).where(events.c.person_id.in_(mine), events.c.name.in_(trigger.events))
            for row in self._connection.execute(named.order_by(events.c.occurred_at)):
                matched = is_triggered(trigger, event_of(row), None)
                yield _Cause(row.occurred_at, row.verdict, tuple(row.verdict_reasons or ()), matched)
            return
        moves = (
            select(stage_changes, events.c.name, events.c.occurred_at, events.c.received_at, events.c.body)
            .select_from(stage_changes.outerjoin(events, events.c.id == stage_changes.c.event_id))
            .where(stage_changes.c.person_id.in_(mine), stage_changes.c.to_stage == trigger.promoted_to)
        )
        for row in self._connection.execute(moves.order_by(stage_changes.c.at)):
            event = event_of(row) if row.body is not None else None
            change = StageChange(row.person_id, row.from_stage, row.to_stage, row.rule, row.cause, row.at, event)
            yield _Cause(row.at, "human", (), is_triggered(trigger, None, change))


def _wording(trigger: Trigger) -> str:
    what = f"promoted to {trigger.promoted_to}" if trigger.promoted_to else one_of(trigger.events)
    parts = [f"{name} {value}" for name, value in (("asset", trigger.asset), ("form", trigger.form)) if value]
    if trigger.where is not None:
        parts.append(f"where {trigger.where.raw}")
    return ", ".join([what, *parts])


def _standing(run: EnrollmentLine) -> Finding:
    if run.status in LIVE:
        when = run.due_at if run.status != EnrollmentStatus.PAUSED else None
        since = f" since {run.step_since:%Y-%m-%d %H:%M} UTC" if run.step_since else ""
        return Finding(code="in_progress", text=f"is on it: {run.status} at step {run.step}{since}", at=when)
    if run.reason == HELD_OUT:
        text = "is held out of it, as a share of those who enter are, to see what its mail brings: none of it goes to them"
        return Finding(code=HELD_OUT, text=text, at=run.ended_at)
    return Finding(code=run.status, text=f"{run.status} at step {run.step}: {run.reason}", at=run.ended_at)


def _mail(mail: MessageLine) -> Finding:
    why = [MEANINGS.get(mail.reason, mail.reason)] if mail.reason else []
    if mail.detail and (
        mail.status in (MessageStatus.FAILED, MessageStatus.UNCERTAIN, MessageStatus.BOUNCED) or mail.reason in _TOLD_WITH_DETAIL
    ):
        why.append(mail.detail)
    if mail.capped_until:
        why = [capped(mail)]
    when = mail.sent_at or mail.due_at or mail.planned_at
    return Finding(code=f"mail_{mail.status}", text=": ".join([f"mail {mail.step} {_BECAME[mail.status]}", *why]), at=when)
