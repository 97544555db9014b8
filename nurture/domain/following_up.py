"""Leads that sales were told of and have not answered for: when they are reminded, and who is told in the end.

How long somebody waits is measured in the hours in which sales work, from the stage change on. What is due is decided when it is due,
by the rules in force then: a follow-up is looked at, and either somebody is told, or it is looked at again later, or it is over.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Final, NamedTuple

from pydantic import Field, model_validator

from nurture.domain.duration import Duration
from nurture.domain.model import Definition, OneOrMore, Problem, Slug, refuse
from nurture.domain.schedule import Calendar, open_time_after
from nurture.domain.window import Window

#: The answer that ends a follow-up when nobody gave one: they stand in another stage.
MOVED: Final = "moved"

#: The answer that ends one that is over for another reason: its stage asks for none any more, or it came with old news.
DROPPED: Final = "dropped"

#: Of stage changes that are heard of so long after sales should have answered (an import, say) nobody is reminded.
OLD_NEWS: Final = timedelta(days=7)

Endpoints = Annotated[tuple[Slug, ...], Field(min_length=1), OneOrMore]


class Escalation(Definition):
    """Who is told when sales still have not answered."""

    after: Duration
    """How long after the stage change, in hours of work."""
    to: Endpoints
    """The endpoint, or several, that is told."""


class FollowUp(Definition):
    """Sales must answer for everybody who comes to a stage: accepted, rejected, won or lost."""

    within: Duration
    """How long sales may take, in hours of work: of 09:00-18:00, 9h are one day."""
    remind: Endpoints
    """The endpoint, or several, that is told when they took longer."""
    escalate: Escalation | None = None
    """Who is told when they took longer still."""
    hours: Window = Window()
    """When sales work; without a timezone, on the clock of the business. Without hours, always."""

    @model_validator(mode="after")
    def _is_consistent(self) -> "FollowUp":
        refuse("follow-up", self._problems())
        return self

    def _problems(self) -> Iterator[Problem]:
        if self.escalate is not None and self.escalate.after <= self.within:
            text = "this would come before the reminder; both are counted from the stage change, so make it longer than 'within'"
            yield Problem(("escalate", "after"), text)
        if self.hours.spread is not None:
            yield Problem(("hours", "spread"), "nobody is spread here; delete this", in_key=True)

    def levels(self) -> Sequence[tuple[timedelta, tuple[str, ...]]]:
        """After which time of work who is told, one after the other."""
        first = (self.within, self.remind)
        return (first,) if self.escalate is None else (first, (self.escalate.after, self.escalate.to))


class Awaited(NamedTuple):
    """A lead for whom sales must answer. `stands` is the stage where they are now, `level` how often somebody was told."""

    stage_change: int
    person: int
    stage: str
    stands: str
    since: datetime
    level: int


class Look(NamedTuple):
    """Nothing is to be done before an instant; none if nothing will be."""

    due_at: datetime | None


class Remind(NamedTuple):
    """Endpoints are told, for the `level`-th time; then it is looked at again."""

    level: int
    endpoints: tuple[str, ...]
    due_at: datetime | None


class Over(NamedTuple):
    """Nobody need answer any more, and why."""

    answer: str


def deadline(rule: FollowUp, since: datetime, calendar: Calendar, level: int = 0) -> datetime:
    """When sales must have answered at the latest before somebody is told for the next time."""
    return open_time_after(rule.hours, {}, calendar, since, rule.levels()[level][0])


def what_is_due(awaited: Awaited, rule: FollowUp | None, calendar: Calendar, at: datetime) -> Look | Remind | Over:
    """What follows at instant `at`, by the rule of the follow-up's stage, if there is one. Raises ValueError for hours that never come."""
    if awaited.stands != awaited.stage:
        return Over(MOVED)
    if rule is None:
        return Over(DROPPED)
    levels = rule.levels()
    if awaited.level >= len(levels):
        return Look(None)
    due_at = deadline(rule, awaited.since, calendar, awaited.level)
    if at < due_at:
        return Look(due_at)
    if awaited.level == 0 and at - due_at > OLD_NEWS:
        return Over(DROPPED)
    told = awaited.level + 1
    return Remind(told, levels[awaited.level][1], deadline(rule, awaited.since, calendar, told) if told < len(levels) else None)
