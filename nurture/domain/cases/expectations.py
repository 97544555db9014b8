"""What must come of what a person does in a case."""

from collections.abc import Iterator
from typing import Annotated, Any, TypeVar

from pydantic import BeforeValidator, Discriminator, Field, Tag, model_validator

from nurture.domain.cases.moments import Moment
from nurture.domain.cases.names import Attributes, StepName
from nurture.domain.duration import Duration
from nurture.domain.mail.message import Reason
from nurture.domain.model import Definition, Place, Slug
from nurture.domain.pauses import UntilDays
from nurture.domain.window import HoursField

Each = TypeVar("Each")


def _one_or_several(value: Any) -> str:
    return "<several>" if isinstance(value, list | tuple) else "<one>"


#: One thing, or a list of them.
OneOrMoreOf = Annotated[
    Annotated[Each, Tag("<one>")] | Annotated[tuple[Each, ...], Tag("<several>"), Field(min_length=1)],
    Discriminator(_one_or_several),
]


def placed(key: str, written: Each | tuple[Each, ...] | None) -> Iterator[tuple[Place, Each]]:
    """What is written under a key, as one thing or as a list, each with its place."""
    if isinstance(written, tuple):
        yield from (((key, index), each) for index, each in enumerate(written))
    elif written is not None:
        yield (key,), written


class ExpectedMail(Definition):
    """A mail that goes."""

    step: StepName
    """The step that sends it."""
    email: Slug | None = None
    """The e-mail that it is: of a pool, or of a variant."""
    variant: Slug | None = None
    """The variant that was drawn."""
    at: Moment | None = None
    """When, to the minute: so long after the beginning, or 2026-03-04T10:00."""
    on: UntilDays | None = None
    """On which weekday, on the person's clock: wed, or tue,wed,thu."""
    between: HoursField | None = None
    """At what time of the day, on the person's clock, such as 09:00-18:00."""


class ExpectedStage(Definition):
    """A stage in which the person is."""

    is_: Slug = Field(alias="is")
    """The stage."""
    at: Moment | None = None
    """When; without it, at the end."""


class ExpectedScore(Definition):
    """How engaged the person is."""

    at: Moment | None = None
    """When; without it, at the end."""
    between: Annotated[tuple[float, ...], Field(min_length=2, max_length=2)] | None = None
    """From the first to the second number, both included."""
    at_least: float | None = None
    """This much or more."""
    at_most: float | None = None
    """This much or less."""
    model: Slug | None = None
    """Of which score model in scoring.yaml; without it, the one that conditions call engagement."""

    @model_validator(mode="after")
    def _asks_something(self) -> "ExpectedScore":
        if self.between is None and self.at_least is None and self.at_most is None:
            raise ValueError("it is not said what the score must be; add 'between: [20, 40]', 'at_least: 20' or 'at_most: 40'")
        return self

    @property
    def bounds(self) -> tuple[float, float]:
        """The least and the greatest that it may be."""
        least, most = self.between or (float("-inf"), float("inf"))
        if self.at_least is not None:
            least = max(least, self.at_least)
        return least, most if self.at_most is None else min(most, self.at_most)


class ExpectedEnd(Definition):
    """A sequence that is over."""

    sequence: Slug
    """The sequence."""
    reason: Annotated[str, Field(min_length=1)] | None = None
    """Why, such as `goal: demo_requested`, unsubscribed or end."""


class ExpectedDelay(Definition):
    """A mail that does not go, or not when it was due."""

    step: StepName
    """The step whose mail it is."""
    reason: Reason | None = None
    """Why, such as capped."""


class AtMost(Definition):
    """No more mails than these in any span of time."""

    mails: Annotated[int, Field(ge=0)]
    """How many."""
    per: Duration
    """In how long a span; every span of that length counts."""


def _as_step(value: Any) -> Any:
    return {"step": value} if isinstance(value, str) else value


def _as_stage(value: Any) -> Any:
    return {"is": value} if isinstance(value, str) else value


MailField = Annotated[ExpectedMail, BeforeValidator(_as_step, json_schema_input_type=StepName | ExpectedMail)]
StageField = Annotated[ExpectedStage, BeforeValidator(_as_stage, json_schema_input_type=Slug | ExpectedStage)]


class Expectations(Definition):
    """What must have come until a moment. What is not written may be as it likes."""

    mails: tuple[MailField, ...] | None = None
    """All mails that went, in their order: steps, or {step: case, on: wed}."""
    no_mail_on: UntilDays | None = None
    """Weekdays on which no mail goes, on the person's clock."""
    stage: OneOrMoreOf[StageField] | None = None
    """The stage: lead, or {at: 1d, is: lead}."""
    score: OneOrMoreOf[ExpectedScore] | None = None
    """The engagement: {between: [20, 40]}, or {at: 3d, at_least: 20}."""
    entered: tuple[Slug, ...] | None = None
    """All sequences that the person entered, in their order."""
    ended: OneOrMoreOf[ExpectedEnd] | None = None
    """Sequences that are over, and why."""
    skipped: OneOrMoreOf[ExpectedDelay] | None = None
    """Mails that did not go and never will, and why."""
    deferred: OneOrMoreOf[ExpectedDelay] | None = None
    """Mails that were put off, and why."""
    at_most: OneOrMoreOf[AtMost] | None = None
    """No more mails than these in any span of time."""
    known: Annotated[Attributes, Field(min_length=1)] | None = None
    """What is known of the person: attributes with their values."""
    notified: tuple[Slug, ...] | None = None
    """All endpoints that `notify` steps told, in their order."""

    @model_validator(mode="after")
    def _expect_something(self) -> "Expectations":
        if not self.model_fields_set:
            raise ValueError("nothing is expected here; write what must be so, such as 'mails: [thanks]' or 'stage: lead'")
        return self

    def steps(self) -> Iterator[tuple[Place, str]]:
        """Every step named, with its place."""
        for index, mail in enumerate(self.mails or ()):
            yield ("mails", index, "step"), mail.step
        for key, delays in (("skipped", self.skipped), ("deferred", self.deferred)):
            yield from (((*place, "step"), each.step) for place, each in placed(key, delays))
