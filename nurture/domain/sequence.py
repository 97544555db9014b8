"""A sequence as a marketer writes it, and the same as a program: a table of nodes that the engine walks.

Steps nest in YAML (a branch holds steps). An enrollment stands on exactly one node, so the nested steps are laid out flat:
each node knows what comes next, and `END` closes every path.
"""

import json
from collections.abc import Iterator, Mapping
from collections.abc import Sequence as Ordered
from datetime import timedelta
from functools import cached_property
from hashlib import blake2b
from string import ascii_lowercase
from typing import Annotated, Any, Final, Literal, NamedTuple

from pydantic import (
    Discriminator,
    Field,
    PlainSerializer,
    PlainValidator,
    Tag,
    model_validator,
)

from nurture.domain.conditions import Condition, EventCondition
from nurture.domain.duration import Duration, format_duration, parse_duration
from nurture.domain.model import Definition, EventName, EventNames, Place, Problem, Slug, refuse, repeated
from nurture.domain.window import Window

END: Final = "end"


class Trigger(Definition):
    """What puts a person on the sequence: a promotion to a stage, or an event."""

    promoted_to: Slug | None = None
    """The stage that somebody has just been promoted to."""
    event: EventNames | None = None
    """The event, or a list of events, that somebody has just caused."""
    where: EventCondition | None = None
    """What must be true of the event."""
    asset: Slug | None = None
    """Only if this asset was behind it."""
    form: Slug | None = None
    """Only if this form was behind it."""

    @model_validator(mode="after")
    def _names_one_cause(self) -> "Trigger":
        if (self.promoted_to is None) == (self.event is None):
            both = "names two causes" if self.event else "names no cause"
            raise ValueError(f"this trigger {both}; write either 'promoted_to' (a stage) or 'event'")
        return self


class Goal(Definition):
    """The event that makes the sequence a success and ends it."""

    event: EventNames
    """The event, or a list of events."""
    where: EventCondition | None = None
    """What must be true of the event."""


def _kind_of_window(value: Any) -> str:
    return "<any>" if isinstance(value, str) else "<Window>"


StepWindow = Annotated[
    Annotated[Window, Tag("<Window>")] | Annotated[Literal["any"], Tag("<any>")], Discriminator(_kind_of_window)
]


class EmailStep(Definition):
    """Send the e-mail named, in the sequence's window unless the step says otherwise (`any`: at once)."""

    id: Slug
    """The step's name in stories and reports; people in flight stand on it, so keep it when the text changes."""
    email: Slug
    """The e-mail's folder in templates/emails/."""
    window: StepWindow | None = None
    """The hours for this step alone; any means at once."""


class WaitStep(Definition):
    """Let time pass."""

    wait: Duration
    """How long, such as 2d or 36h; the window counts on top."""
    id: Slug | None = None
    """The step's name; without it, its place."""


class Arm(Definition):
    """One way out of a branch: `if` a condition holds, `then` these steps."""

    if_: Condition = Field(alias="if")
    """What must be true of the person."""
    then: tuple["Step", ...] = ()
    """The steps on this way; none means straight on."""


class Otherwise(Definition):
    """The way out of a branch when no condition held."""

    else_: tuple["Step", ...] = Field(alias="else")
    """The steps on this way."""


def _kind_of_arm(value: Any) -> str | None:
    if isinstance(value, Definition):
        return f"<{type(value).__name__}>"
    return ("<Otherwise>" if "else" in value else "<Arm>") if isinstance(value, dict) else None


AnyArm = Annotated[
    Annotated[Arm, Tag("<Arm>")] | Annotated[Otherwise, Tag("<Otherwise>")],
    Discriminator(
        _kind_of_arm,
        custom_error_type="mistake",
        custom_error_message="{text}",
        custom_error_context={"text": "this is no way out of a branch; write {if: …, then: […]} or {else: […]}"},
    ),
]


class BranchStep(Definition):
    """Take the first arm whose condition holds; all arms meet again behind the branch."""

    branch: tuple[AnyArm, ...] = Field(min_length=1, max_length=len(ascii_lowercase))
    """The ways out, in the order in which they are asked."""
    id: Slug | None = None
    """The step's name; without it, its place."""

    @model_validator(mode="after")
    def _else_comes_last(self) -> "BranchStep":
        refuse("branch", _misplaced_else(self.branch))
        if not any(isinstance(arm, Arm) for arm in self.branch):
            raise ValueError("this branch asks nothing; add an arm {if: …, then: […]}, or write the steps without a branch")
        return self


def _misplaced_else(arms: Ordered[Arm | Otherwise]) -> Iterator[Problem]:
    for index, arm in enumerate(arms):
        if isinstance(arm, Otherwise) and index + 1 < len(arms):
            yield Problem(("branch", index, "else"), "no arm behind 'else' is ever taken; move 'else' to the end", in_key=True)


#: What makes a step what it is: the key that only this kind has.
STEP_KINDS: Final[Mapping[str, str]] = {"email": "<EmailStep>", "wait": "<WaitStep>", "branch": "<BranchStep>"}


def _kind_of_step(value: Any) -> str | None:
    if isinstance(value, Definition):
        return f"<{type(value).__name__}>"
    return next((tag for key, tag in STEP_KINDS.items() if key in value), None) if isinstance(value, dict) else None


Step = Annotated[
    Annotated[EmailStep, Tag("<EmailStep>")]
    | Annotated[WaitStep, Tag("<WaitStep>")]
    | Annotated[BranchStep, Tag("<BranchStep>")],
    Discriminator(
        _kind_of_step,
        custom_error_type="step",
        custom_error_message="{text}",
        custom_error_context={"text": "this is no step; write {id: …, email: …}, {wait: 2d} or {branch: […]}"},
    ),
]


class Reentry(NamedTuple):
    """Whether somebody may run through a sequence again: never (`after` is None) or so long after the last entry ended."""

    after: timedelta | None

    def written(self) -> str | dict[str, str]:
        """As in YAML."""
        return "never" if self.after is None else {"after": format_duration(self.after)}


def parse_reentry(value: Any) -> Any:
    """`never`, `after_exit` or `{after: 180d}`; raises ValueError with the accepted forms."""
    if isinstance(value, Reentry):
        return value
    if value == "never":
        return Reentry(None)
    if value == "after_exit":
        return Reentry(timedelta(0))
    if isinstance(value, dict) and set(value) == {"after"}:
        try:
            return Reentry(parse_duration(value["after"]))
        except ValueError as error:
            refuse("reentry", [Problem(("after",), str(error))])
    shown = repr(value) if isinstance(value, str) else "this"
    raise ValueError(f"{shown} is no re-entry rule; write never, after_exit or {{after: 180d}}")


ReentryField = Annotated[
    Reentry,
    PlainValidator(parse_reentry, json_schema_input_type=Literal["never", "after_exit"] | dict[Literal["after"], Duration]),
    PlainSerializer(Reentry.written),
]


def _kind_of_exit(value: Any) -> str:
    return "<event>" if isinstance(value, str) else "<Condition>"


Exit = Annotated[Annotated[EventName, Tag("<event>")] | Annotated[Condition, Tag("<Condition>")], Discriminator(_kind_of_exit)]


class Sequence(Definition):
    """config/sequences/<name>.yaml: who enters, when mail may go, what ends it, and the steps."""

    sequence: Slug
    """Its name; the file is called the same."""
    trigger: Trigger
    """Who enters: what must just have happened."""
    audience: Condition | None = None
    """Who of them: what must be true of the person."""
    goal: Goal | None = None
    """What makes it a success, and ends it."""
    exit: tuple[Exit, ...] = ()
    """What else ends it: events, or conditions on the person."""
    reentry: ReentryField = Reentry(None)
    """Whether somebody may go through it again: never, after_exit or {after: 180d}."""
    window: Window = Window()
    """When its mail may go out."""
    steps: tuple[Step, ...] = Field(min_length=1)
    """What happens, in this order."""

    @model_validator(mode="after")
    def _step_ids_are_unique(self) -> "Sequence":
        named = [((*place, "id"), step_id(step, number)) for place, step, number in walk_steps(self.steps)]
        reserved = [
            Problem(place, f"{END!r} means that the sequence is over; give this step another id")
            for place, name in named
            if name == END
        ]
        refuse("sequence", [*repeated("step id", named), *reserved])
        return self

    @cached_property
    def program(self) -> "Program":
        nodes = list(_lay_out(self.steps, END, ""))
        return Program({node.id: node for node in nodes}, nodes[0].id)

    def person_conditions(self) -> Iterator[Condition]:
        """Every condition about the person: audience, exits, and the arms of branches."""
        if self.audience is not None:
            yield self.audience
        yield from (way_out for way_out in self.exit if isinstance(way_out, Condition))
        for node in self.program.nodes.values():
            if isinstance(node, Branch):
                yield from (condition for condition, _ in node.arms)

    def emails(self) -> list[EmailStep]:
        """All e-mail steps, in the order written."""
        return [node.step for node in self.program.nodes.values() if isinstance(node, Send)]


class Send(NamedTuple):
    """A node that queues an e-mail."""

    id: str
    step: EmailStep
    next: str


class Wait(NamedTuple):
    """A node that lets time pass."""

    id: str
    length: timedelta
    next: str


class Branch(NamedTuple):
    """A node that asks its arms in order, and goes to the node named beside the first whose condition holds."""

    id: str
    arms: tuple[tuple[Condition, str], ...]
    otherwise: str


Node = Send | Wait | Branch


class Program(NamedTuple):
    """The steps laid out flat, by id, with the id of the first."""

    nodes: Mapping[str, Node]
    first: str


def step_id(step: Step, number: str) -> str:
    """The id written, else one made of the step's number, such as `wait-2` or `wait-3a-1` (first step of branch 3's first arm)."""
    return step.id or f"{'wait' if isinstance(step, WaitStep) else 'branch'}-{number}"


def walk_steps(steps: Ordered[Step], place: Place = ("steps",), prefix: str = "") -> Iterator[tuple[Place, Step, str]]:
    """Every step however deep, with its place in the YAML document and its number."""
    for index, step in enumerate(steps):
        here, number = (*place, index), f"{prefix}{index + 1}"
        yield here, step, number
        if isinstance(step, BranchStep):
            for arm_index, (letter, arm) in enumerate(zip(ascii_lowercase, step.branch, strict=False)):
                key, inner = ("then", arm.then) if isinstance(arm, Arm) else ("else", arm.else_)
                yield from walk_steps(inner, (*here, "branch", arm_index, key), f"{number}{letter}-")


def _lay_out(steps: Ordered[Step], behind: str, prefix: str) -> Iterator[Node]:
    numbers = [f"{prefix}{index}" for index in range(1, len(steps) + 1)]
    ids = [step_id(step, number) for step, number in zip(steps, numbers, strict=True)]
    for step, number, own, following in zip(steps, numbers, ids, [*ids, behind][1:], strict=True):
        match step:
            case EmailStep():
                yield Send(own, step, following)
            case WaitStep():
                yield Wait(own, step.wait, following)
            case BranchStep():
                yield from _lay_out_branch(step, own, following, number)


def _lay_out_branch(step: BranchStep, own: str, following: str, number: str) -> Iterator[Node]:
    arms: list[tuple[Condition, str]] = []
    otherwise, inner = following, list[Node]()
    for letter, arm in zip(ascii_lowercase, step.branch, strict=False):
        steps = arm.then if isinstance(arm, Arm) else arm.else_
        nodes = list(_lay_out(steps, following, f"{number}{letter}-"))
        first = nodes[0].id if nodes else following
        if isinstance(arm, Arm):
            arms.append((arm.if_, first))
        else:
            otherwise = first
        inner += nodes
    yield Branch(own, tuple(arms), otherwise)
    yield from inner


def version_of(sequence: Sequence) -> str:
    """Twelve hexadecimal digits that change when, and only when, the sequence's meaning does."""
    meaning = sequence.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return blake2b(json.dumps(meaning, sort_keys=True).encode(), digest_size=6).hexdigest()
