"""What there is to see of somebody in a case, at one instant of it."""

from collections.abc import Mapping, Sequence
from datetime import datetime, tzinfo
from typing import Any, NamedTuple

from nurture.domain.cases.case import Case, clock_of
from nurture.domain.duration import format_duration
from nurture.domain.enrollment import Enrollment
from nurture.domain.mail.sending import MessageStatus
from nurture.simulation.cases.role import Role
from nurture.simulation.engine import Simulation
from nurture.simulation.story import Line, What


class Clock(NamedTuple):
    """How instants of a case are told to somebody: on their own clock, and counted from the beginning."""

    starts: datetime
    zone: tzinfo

    def local(self, at: datetime) -> datetime:
        """An instant on their clock."""
        return at.astimezone(self.zone)

    def since(self, at: datetime) -> str:
        """How long after the beginning, such as `2d3h`."""
        return format_duration(at - self.starts) if at - self.starts else "0m"

    def told(self, at: datetime) -> str:
        """`Wed 4 Mar 10:00`."""
        local = self.local(at)
        return f"{local:%a} {local.day} {local:%b %H:%M}"


class SentMail(NamedTuple):
    """A mail that went."""

    step: str
    sequence: str
    email: str
    variant: str | None
    at: datetime


class HeldMail(NamedTuple):
    """A mail that did not go, or not when it was due."""

    step: str
    sequence: str
    reason: str | None
    at: datetime


class Seen(NamedTuple):
    """What has come of somebody's acts until instant `at`. `scores` is by score model, None being the one without a name."""

    at: datetime
    clock: Clock
    sent: Sequence[SentMail] = ()
    skipped: Sequence[HeldMail] = ()
    deferred: Sequence[HeldMail] = ()
    failed: Sequence[tuple[str, str]] = ()
    runs: Sequence[Enrollment] = ()
    notified: Sequence[str] = ()
    stage: str | None = None
    scores: Mapping[str | None, float] = {}
    known: Mapping[str, Any] = {}


def clock_for(case: Case, role: Role) -> Clock:
    """How instants of a case are told to somebody."""
    return Clock(case.starts, clock_of(case, role.cast.actor.person))


def lines_of(role: Role, lines: Sequence[Line]) -> list[Line]:
    """What of a timeline is about somebody."""
    theirs = role.ids()
    return [line for line in lines if line.person in theirs]


def look(role: Role, simulation: Simulation, clock: Clock, at: datetime) -> Seen:
    """What there is to see of somebody at instant `at`, which is the simulation's present."""
    person = role.person()
    if person is None:
        return Seen(at, clock)
    mails, lines = role.mails(), lines_of(role, simulation.story().lines)
    facts = person.facts(at, simulation.definitions.scoring)
    sent = [
        SentMail(mail.planned.step, role.sequence_of(mail), mail.planned.template, mail.planned.variant, mail.sent_at)
        for mail in mails
        if mail.status == MessageStatus.SENT and mail.sent_at is not None
    ]
    left_out = {(role.sequence_of(mail), mail.planned.step) for mail in mails if mail.status == MessageStatus.SKIPPED}
    skipped = [mail for mail in _held(lines, What.SKIPPED) if (mail.sequence, mail.step) in left_out]
    return Seen(
        at, clock, sorted(sent, key=lambda mail: mail.at), skipped,
        deferred=_held(lines, What.DEFERRED),
        failed=[(mail.planned.step, mail.detail or "") for mail in mails if mail.status == MessageStatus.FAILED],
        runs=sorted((run for run in simulation.memory.runs.values() if run.person in role.ids()), key=lambda run: run.entered_at),
        notified=[str(line.told["endpoint"]) for line in lines if line.what is What.ALERT],
        stage=person.stage,
        scores={None: facts["engagement"], **{name: facts[f"engagement.{name}"] for name in simulation.definitions.scoring.models}},
        known={name: told.value for name, told in person.attributes.items()},
    )  # fmt: skip


def _held(lines: Sequence[Line], what: What) -> list[HeldMail]:
    """The mails that lines of one kind tell of."""
    return [
        HeldMail(line.step, line.sequence, line.told.get("reason"), line.at)
        for line in lines
        if line.what is what and line.step and line.sequence
    ]
