"""The steps of a sequence as a marketer writes them. What they do stands in `stepping`; how they are laid out, in `program`."""

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Sequence as Ordered
from datetime import timedelta
from string import ascii_lowercase
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Discriminator, Field, PlainValidator, Tag, model_validator

from nurture.domain.conditions import Condition, EventCondition
from nurture.domain.duration import Duration
from nurture.domain.lateness import LateField
from nurture.domain.model import Definition, EventNames, Place, Problem, Slug, refuse
from nurture.domain.pauses import Pause
from nurture.domain.window import Window


def _kind_of_window(value: Any) -> str:
    return "<any>" if isinstance(value, str) else "<Window>"


StepWindow = Annotated[
    Annotated[Window, Tag("<Window>")] | Annotated[Literal["any"], Tag("<any>")], Discriminator(_kind_of_window)
]


class Variant(Definition):
    """One of several ways to write a mail. Who gets which is drawn once and stays."""

    weight: Annotated[int, Field(ge=1, le=1_000)] = 1
    """How often it is drawn, compared with the others."""
    subject: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    """The subject, instead of the template's."""
    preheader: Annotated[str, Field(min_length=1, max_length=300)] | None = None
    """The preheader, instead of the template's."""
    email: Slug | None = None
    """Another e-mail in templates/emails/."""


class EmailStep(Definition):
    """Send the e-mail named, in the sequence's window unless the step says otherwise (`any`: at once)."""

    id: Slug
    """The step's name in stories and reports; people in flight stand on it, so keep it when the text changes."""
    email: Slug
    """The e-mail's folder in templates/emails/."""
    window: StepWindow | None = None
    """The hours for this step alone; any means at once."""
    late: LateField | None = None
    """What becomes of it when it is late: send, skip or next_window."""
    variants: Annotated[dict[Slug, Variant], Field(min_length=2)] | None = None
    """Ways to write it, compared by `nurture report variants`."""

    def emails(self) -> Iterator[str]:
        """Every e-mail that it may send."""
        yield self.email
        yield from (each.email for each in (self.variants or {}).values() if each.email)

    def variant_texts(self) -> Iterator[tuple[str, str, str]]:
        """The subjects and preheaders of its variants: the variant's name, which of the two it is, and the text."""
        for name, variant in (self.variants or {}).items():
            for part, text in (("subject", variant.subject), ("preheader", variant.preheader)):
                if text is not None:
                    yield name, part, text


def variant_text(sequence: str, step: str, variant: str, part: str) -> str:
    """What a text of a variant is called where mistakes in it are told."""
    return f"{sequence}/{step}/{variant}:{part}"


class PoolStep(Definition):
    """Send the first e-mail of a pool that the person has not seen and whose content they have not downloaded."""

    id: Slug
    """The step's name in stories and reports."""
    pool: Slug
    """The pool in pools.yaml."""
    window: StepWindow | None = None
    """The hours for this step alone; any means at once."""
    late: LateField | None = None
    """What becomes of it when it is late: send, skip or next_window."""
    exhausted: tuple["Step", ...] = ()
    """The steps for somebody who has seen everything; the sequence goes on behind."""


class WaitStep(Definition):
    """Let time pass: a duration, business days, until a weekday, or until a date of the person."""

    wait: Pause
    """How long, such as 2d; or {business_days: 3}, {until: monday, at: "09:00"}, {date: webinar_day, before: 1d}."""
    id: Slug | None = None
    """The step's name; without it, one made of its place."""


class Awaited(Definition):
    """The event that somebody is waited for to cause."""

    event: EventNames
    """The event, or a list of events."""
    where: EventCondition | None = None
    """What must be true of the event."""
    message: Slug | None = None
    """The step whose mail it must come from."""
    within: Annotated[Duration, Field(gt=timedelta(0))]
    """How long it is waited for."""
    since: Literal["entry", "step"] = "entry"
    """From when on the event counts: since the person entered the sequence, or since they came to this step."""


class WaitForStep(Definition):
    """Wait until the person does something, for so long at most. What they did since they entered counts."""

    wait_for: Awaited
    """What is waited for, and how long."""
    id: Slug
    """The step's name; {happened: <id>} asks in a branch whether they did it."""
    on_timeout: tuple["Step", ...] = ()
    """The steps for somebody who did not; the sequence goes on behind."""


class Arm(Definition):
    """One way out of a branch: `if` a condition holds, `then` these steps."""

    if_: Condition = Field(alias="if")
    """What must be true of the person."""
    then: tuple["Step", ...] = ()
    """The steps on this way; none means straight on."""


class Share(Definition):
    """One way out of a random split. Who takes it is drawn once per person and stays."""

    share: Annotated[int, Field(ge=1, le=100)]
    """How many of a hundred people take it."""
    then: tuple["Step", ...] = ()
    """The steps on this way; none means straight on."""


class Otherwise(Definition):
    """The way out of a branch for everybody whom no other took."""

    else_: tuple["Step", ...] = Field(alias="else")
    """The steps on this way."""

    @property
    def then(self) -> tuple["Step", ...]:
        return self.else_


def _kind_of_arm(value: Any) -> str | None:
    if isinstance(value, Definition):
        return f"<{type(value).__name__}>"
    if not isinstance(value, dict):
        return None
    return "<Otherwise>" if "else" in value else "<Share>" if "share" in value else "<Arm>"


AnyArm = Annotated[
    Annotated[Arm, Tag("<Arm>")] | Annotated[Share, Tag("<Share>")] | Annotated[Otherwise, Tag("<Otherwise>")],
    Discriminator(
        _kind_of_arm,
        custom_error_type="mistake",
        custom_error_message="{text}",
        custom_error_context={
            "text": "this is no way out of a branch; write {if: …, then: […]}, {share: 30, then: […]} or {else: […]}"
        },
    ),
]


class BranchStep(Definition):
    """Take the first arm whose condition holds, or draw one by its share; all arms meet again behind the branch."""

    branch: tuple[AnyArm, ...] = Field(min_length=1, max_length=len(ascii_lowercase))
    """The ways out, in the order in which they are asked."""
    id: Slug | None = None
    """The step's name; without it, one made of its place."""

    @model_validator(mode="after")
    def _can_be_taken(self) -> "BranchStep":
        refuse("branch", _misplaced_else(self.branch))
        kinds = {type(arm) for arm in self.branch} - {Otherwise}
        if not kinds:
            raise ValueError("this branch asks nothing; add an arm {if: …, then: […]}, or write the steps without a branch")
        if len(kinds) > 1:
            raise ValueError("a branch either asks ('if') or draws ('share'); put one of the two into a branch of its own")
        shares = sum(arm.share for arm in self.branch if isinstance(arm, Share))
        if shares > 100:  # noqa: PLR2004 - of a hundred
            raise ValueError(f"the shares of this branch come to {shares} of a hundred; lower them to 100 or less")
        if shares == 100 and isinstance(self.branch[-1], Otherwise):  # noqa: PLR2004 - likewise
            text = "the shares before it come to a hundred, so nobody is left for 'else'; lower one of them, or delete it"
            refuse("branch", [Problem(("branch", len(self.branch) - 1, "else"), text, in_key=True)])
        return self


def _misplaced_else(arms: Ordered[Arm | Share | Otherwise]) -> Iterator[Problem]:
    for index, arm in enumerate(arms):
        if isinstance(arm, Otherwise) and index + 1 < len(arms):
            yield Problem(("branch", index, "else"), "no arm behind 'else' is ever taken; move 'else' to the end", in_key=True)


def _plain_value(value: Any) -> Any:
    if not isinstance(value, str | int | float):
        raise ValueError("an attribute holds one value; write a text, a number, true or false")
    return value


PlainValue = Annotated[str | int | float | bool, PlainValidator(_plain_value, json_schema_input_type=str | int | float | bool)]


class SetStep(Definition):
    """Change what is known of the person. It is an event of its own in their story, and counts like one."""

    set: Annotated[dict[Slug, PlainValue], Field(min_length=1)]
    """Attributes with their new values; under `stage` stands the stage to move to."""
    id: Slug | None = None
    """The step's name; without it, one made of its place."""


def _names_a_rule(value: Any) -> Any:
    if isinstance(value, int | float):
        raise ValueError(f"points stand in scoring.yaml; add a rule with 'points: {value}' there, and write its id here")
    return value


class ScoreStep(Definition):
    """Count one hit of a scoring rule. The points, their cap and how they fade stand in scoring.yaml."""

    score: Annotated[Slug, BeforeValidator(_names_a_rule)]
    """The id of the scoring rule."""
    id: Slug | None = None
    """The step's name; without it, one made of its place."""


class NotifyStep(Definition):
    """Tell another system, such as sales' CRM or a chat, that somebody has come here."""

    notify: Slug
    """The endpoint in handoff.yaml."""
    text: Annotated[str, Field(min_length=1, max_length=500)] | None = None
    """A few words for whoever reads it."""
    id: Slug | None = None
    """The step's name; without it, one made of its place."""


class GotoStep(Definition):
    """Go on at a later step."""

    goto: Slug
    """The id of the step; `end` ends the sequence."""
    id: Slug | None = None
    """The step's name; without it, one made of its place."""


class SequenceStep(Definition):
    """Put the person on another sequence as well; this one goes on."""

    sequence: Slug
    """The other sequence. Its audience and its re-entry rule decide as always."""
    id: Slug | None = None
    """The step's name; without it, one made of its place."""


#: What makes a step what it is: the key that only this kind has.
STEP_KINDS: Final[Mapping[str, str]] = {
    "email": "<EmailStep>", "wait": "<WaitStep>", "wait_for": "<WaitForStep>", "branch": "<BranchStep>", "set": "<SetStep>",
    "score": "<ScoreStep>", "notify": "<NotifyStep>", "goto": "<GotoStep>", "sequence": "<SequenceStep>", "pool": "<PoolStep>",
}  # fmt: skip


def _kind_of_step(value: Any) -> str | None:
    if isinstance(value, Definition):
        return f"<{type(value).__name__}>"
    return next((tag for key, tag in STEP_KINDS.items() if key in value), None) if isinstance(value, dict) else None


Step = Annotated[
    Annotated[EmailStep, Tag("<EmailStep>")]
    | Annotated[WaitStep, Tag("<WaitStep>")]
    | Annotated[WaitForStep, Tag("<WaitForStep>")]
    | Annotated[BranchStep, Tag("<BranchStep>")]
    | Annotated[SetStep, Tag("<SetStep>")]
    | Annotated[ScoreStep, Tag("<ScoreStep>")]
    | Annotated[NotifyStep, Tag("<NotifyStep>")]
    | Annotated[GotoStep, Tag("<GotoStep>")]
    | Annotated[SequenceStep, Tag("<SequenceStep>")]
    | Annotated[PoolStep, Tag("<PoolStep>")],
    Discriminator(
        _kind_of_step,
        custom_error_type="step",
        custom_error_message="{text}",
        custom_error_context={
            "text": "this is no step; write {id: …, email: …}, {wait: 2d}, {branch: […]}, or one with "
            "wait_for, set, score, notify, goto, sequence or pool"
        },
    ),
]


def inner_steps(step: Step) -> Iterable[tuple[Place, str, tuple[Step, ...]]]:
    """The lists of steps inside a step: the place of each in it, a word for the way that leads there, and the steps."""
    match step:
        case BranchStep():
            for index, (letter, arm) in enumerate(zip(ascii_lowercase, step.branch, strict=False)):
                yield ("branch", index, "else" if isinstance(arm, Otherwise) else "then"), letter, arm.then
        case WaitForStep():
            yield ("on_timeout",), "timeout", step.on_timeout
        case PoolStep():
            yield ("exhausted",), "exhausted", step.exhausted
        case _:
            return
