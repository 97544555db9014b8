"""Stages, and what moves a person between them: promotion upwards, recycling downwards."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Final, NamedTuple
from uuid import UUID

from pydantic import Field, model_validator

from nurture.domain.conditions import Condition, EventCondition, Facts
from nurture.domain.duration import Duration, parse_duration
from nurture.domain.event import ENGINE, TOLD_BY_SALES, Event
from nurture.domain.model import (
    LONGEST_SLUG,
    Definition,
    EventName,
    EventNames,
    OneOrMore,
    Place,
    Problem,
    Slug,
    refuse,
    repeated,
)
from nurture.domain.touches import Touch
from nurture.domain.wording import instead, one_of

DISQUALIFIED: Final = "disqualified"

#: `on` may be left out: then the promotion rests on `when` alone.
OptionalEventNames = Annotated[tuple[EventName, ...], OneOrMore]


class Promotion(Definition):
    """Up to stage `to` when an event named in `on` satisfies `where`, or as soon as `when` holds for the person."""

    id: Slug
    """The promotion's name in stories and reports."""
    to: Slug
    """The stage it leads up to."""
    on: OptionalEventNames = ()
    """The event, or a list of events, that causes it."""
    where: EventCondition | None = None
    """What must be true of the event."""
    when: Condition | None = None
    """What must be true of the person; without `on` it is the whole cause."""

    @model_validator(mode="after")
    def _has_a_cause(self) -> "Promotion":
        if not self.on and self.when is None:
            raise ValueError("nothing causes this promotion; add 'on' (an event) or 'when' (a condition on the person)")
        if self.where is not None and not self.on:
            refuse(
                "promotion",
                [
                    Problem(
                        ("where",),
                        "'where' asks about an event, but 'on' names none; write 'when' to ask about the person",
                        in_key=True,
                    )
                ],
            )
        return self


class Recycling(Definition):
    """Down from stage `from` to stage `to` when `when` holds for the person."""

    id: Slug
    """The rule's name in stories and reports."""
    from_: Slug = Field(alias="from")
    """The stage in which people are looked at."""
    to: Slug
    """The lower stage to which they go."""
    when: Condition
    """What must be true of the person."""

    @property
    def engagement_below(self) -> float | None:
        """The bound that `{engagement: {below: n}}` sets, if the rule has one on its own level."""
        test = self.when.raw.get("engagement")
        bound = test.get("below") if isinstance(test, dict) else None
        return float(bound) if isinstance(bound, int | float) else None


class Rejection(Definition):
    """Sales does not want somebody now, or has lost them: down to stage `to` when an event named in `on` satisfies `where`.

    Only what is verified speaks for sales: a server with a secret key, a signed webhook, a file of answers, the command line. From
    anybody else the event changes nothing. Its property `reason` is kept with the stage change; `nurture person reject` may give
    another `cool_down`. For as long as that no promotion that rests on `when` alone brings the person up again; what they do themselves
    (`on`) still counts.
    """

    id: Slug
    """The rule's name in stories and reports."""
    on: EventNames
    """The event, or a list of events, by which sales says so."""
    where: EventCondition | None = None
    """What must be true of the event."""
    from_: Annotated[tuple[Slug, ...], OneOrMore] = Field(default=(), alias="from")
    """The stages, one or a list, whose people are sent back; without it, all that lie above `to`."""
    to: Slug
    """The stage to which people go back."""
    cool_down: Duration = timedelta(days=90)
    """How long a score alone does not promote them again."""


class Lifecycle(Definition):
    """config/lifecycle.yaml: the stages in their order, and the rules between them."""

    stages: tuple[Slug, ...] = Field(default=("audience", "lead", "mql", "sql", "opportunity", "customer"), min_length=2)
    """All stages, the first (where everybody begins) to the last."""
    promotions: tuple[Promotion, ...] = ()
    """What moves people up. Of several that apply at once, the one that leads furthest counts."""
    recycling: tuple[Recycling, ...] = ()
    """What moves people down again."""
    rejections: tuple[Rejection, ...] = ()
    """How sales sends people back."""

    @model_validator(mode="after")
    def _is_consistent(self) -> "Lifecycle":
        stages = [(("stages", index), name) for index, name in enumerate(self.stages)]
        ids = [(("promotions", index, "id"), rule.id) for index, rule in enumerate(self.promotions)]
        ids += [(("recycling", index, "id"), back.id) for index, back in enumerate(self.recycling)]
        ids += [(("rejections", index, "id"), no.id) for index, no in enumerate(self.rejections)]
        problems = [*repeated("stage", stages), *repeated("rule id", ids)]
        if DISQUALIFIED in self.stages:
            place = ("stages", self.stages.index(DISQUALIFIED))
            problems.append(Problem(place, f"{DISQUALIFIED!r} stands outside the order of stages by itself; delete it here"))
        refuse("lifecycle", [*problems, *self._moves_that_lead_nowhere()])
        return self

    def _moves_that_lead_nowhere(self) -> Iterator[Problem]:
        for index, rule in enumerate(self.promotions):
            if rule.to == self.first:
                text = f"nobody can be promoted to {rule.to!r}, where everybody begins; write {one_of(self.stages[1:])}"
                yield Problem(("promotions", index, "to"), text)
            elif rule.to not in self.stages:
                yield self._unknown(rule.to, ("promotions", index, "to"))
        for index, back in enumerate(self.recycling):
            if back.from_ not in self.stages:
                yield self._unknown(back.from_, ("recycling", index, "from"))
            if back.to not in self.stages:
                yield self._unknown(back.to, ("recycling", index, "to"))
            elif self.rank(back.to) >= self.rank(back.from_) >= 0:
                text = f"{back.to!r} does not lie below {back.from_!r}; recycling leads down, so name an earlier stage"
                yield Problem(("recycling", index, "to"), text)
        yield from self._rejections_that_lead_nowhere()

    def _rejections_that_lead_nowhere(self) -> Iterator[Problem]:
        for index, no in enumerate(self.rejections):
            if no.to not in self.stages:
                yield self._unknown(no.to, ("rejections", index, "to"))
            for stage in no.from_:
                if stage not in self.stages:
                    yield self._unknown(stage, ("rejections", index, "from"))
                elif self.rank(no.to) >= self.rank(stage):
                    text = f"{no.to!r} does not lie below {stage!r}; a rejection leads down, so name an earlier stage"
                    yield Problem(("rejections", index, "to"), text)

    def _unknown(self, stage: str, place: Place) -> Problem:
        return Problem(place, f"unknown stage {stage!r}; {instead(stage, self.stages)}")

    @property
    def first(self) -> str:
        """The stage in which everybody begins."""
        return self.stages[0]

    def rank(self, stage: str) -> int:
        """The place of a stage; a disqualified person stands below everybody and is never promoted by a rule."""
        return self.stages.index(stage) if stage in self.stages else -1


class StageChange(NamedTuple):
    """One move of one person, with its cause. `asset` is the content that caused it, where there was one; `touch` is what had
    brought the person when it happened. `after` is the event after which it was decided, where totals and no event caused it: it
    tells apart two such moves of one instant.
    """

    person: int
    from_stage: str
    to_stage: str
    rule: str
    cause: str
    at: datetime
    event: Event | None = None
    touch: Touch | None = None
    after: UUID | None = None

    @property
    def asset(self) -> str | None:
        asset = self.event.properties.get("asset") if self.event else None
        return asset if isinstance(asset, str) and len(asset) <= LONGEST_SLUG else None  # longer ones name nothing of ours


def promotions_by_event(event: Event, promotions: Iterable[Promotion], facts: Facts) -> list[Promotion]:
    """The promotions that this event causes for a person of whom `facts` are true."""
    return [
        rule for rule in promotions
        if event.name in rule.on
        and (rule.where is None or rule.where.holds(event.facts))
        and (rule.when is None or rule.when.holds(facts))
    ]  # fmt: skip


def promotions_by_state(promotions: Iterable[Promotion], facts: Facts) -> list[Promotion]:
    """The promotions that need no event and whose condition holds for the person."""
    return [rule for rule in promotions if not rule.on and rule.when is not None and rule.when.holds(facts)]


def highest(candidates: Sequence[Promotion], stage: str, lifecycle: Lifecycle) -> Promotion | None:
    """Of several promotions the one that leads furthest up from `stage`; None if none leads up."""
    if stage == DISQUALIFIED:
        return None
    upward = [rule for rule in candidates if lifecycle.rank(rule.to) > lifecycle.rank(stage)]
    return max(upward, key=lambda rule: lifecycle.rank(rule.to), default=None)


def recycling_for(stage: str, lifecycle: Lifecycle, facts: Facts) -> Recycling | None:
    """The first recycling rule that sends a person at `stage` down."""
    return next((rule for rule in lifecycle.recycling if rule.from_ == stage and rule.when.holds(facts)), None)


#: A file of answers often names the day only; by so much an answer may seem older than what it is about.
SLACK: Final = timedelta(days=1)


def speaks_for_sales(event: Event) -> bool:
    """Whether an event is an answer of sales that may be believed."""
    return event.name in TOLD_BY_SALES and event.assurance == "verified"


def rejection_by_event(event: Event, stage: str, lifecycle: Lifecycle, since: datetime | None = None) -> Rejection | None:
    """The first rule by which this event sends somebody down who has been at `stage` since an instant.

    None if sales did not say so, said so before they came there, or nothing lies below.
    """
    if event.assurance != "verified" or (since is not None and event.occurred_at + SLACK < since):
        return None
    return next(
        (rule for rule in lifecycle.rejections
         if event.name in rule.on and lifecycle.rank(rule.to) < lifecycle.rank(stage)
         and (not rule.from_ or stage in rule.from_)
         and (rule.where is None or rule.where.holds(event.facts))),
        None,
    )  # fmt: skip


def cool_down_of(event: Event, rule: Rejection) -> timedelta:
    """How long a score alone does not promote somebody whom this event sends down: what the engine's own event says, else the rule."""
    said = event.properties.get("cool_down") if event.source == ENGINE and event.person is not None else None
    return rule.cool_down if said is None else parse_duration(said)
