"""A sequence as a marketer writes it: who enters, when mail may go, what ends it, and the steps."""

import json
from collections.abc import Collection, Iterator
from datetime import timedelta
from functools import cached_property
from hashlib import blake2b
from typing import Annotated, Any, Final, Literal, NamedTuple

from pydantic import Discriminator, Field, PlainSerializer, PlainValidator, Tag, model_validator

from nurture.domain.conditions import Condition
from nurture.domain.duration import Duration, format_duration, parse_duration
from nurture.domain.history import HistoryQuestion
from nurture.domain.holding_out import HoldoutField
from nurture.domain.lateness import LateField
from nurture.domain.model import Definition, EventName, Place, Problem, Slug, refuse, repeated
from nurture.domain.pools import DOWNLOADS
from nurture.domain.program import END, Branch, Chain, Offer, Placed, Program, Send, WaitFor, lay_out, walk_steps
from nurture.domain.steps import Arm, BranchStep, EmailStep, GotoStep, PoolStep, Step, WaitForStep
from nurture.domain.triggers import Enroll, EnrollField, Goal, TriggerField
from nurture.domain.window import Window
from nurture.domain.wording import instead

#: What sequences weigh that say nothing of it; a higher priority goes first where not all mail may go.
USUAL_PRIORITY: Final = 50


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
    trigger: TriggerField
    """Who enters: what must just have happened."""
    audience: Condition | None = None
    """Who of them: what must be true of the person."""
    enroll: EnrollField = Enroll(None)
    """Who enters when it is put in force: from_now (nobody of before), backfill, or {backfill: 90d}."""
    topic: Slug | None = None
    """What its mail is about, by its name in consents.yaml: readers choose topics, and some need their consent."""
    priority: Annotated[int, Field(ge=0, le=100)] = USUAL_PRIORITY
    """Whose mail goes first where the frequency cap does not let all of it go: 0 to 100, the highest first."""
    goal: Goal | None = None
    """What makes it a success, and ends it."""
    holdout: HoldoutField | None = None
    """The share of those who enter that is not mailed, such as 10%, so that one sees what the mail brings."""
    exit: tuple[Exit, ...] = ()
    """What else ends it: events, or conditions on the person."""
    reentry: ReentryField = Reentry(None)
    """Whether somebody may go through it again: never, after_exit or {after: 180d}."""
    window: Window = Window()
    """When its mail may go out."""
    late: LateField | None = None
    """What becomes of its mail that is late: send, skip or next_window; without it, what sending.yaml says."""
    auto_replies: bool = False
    """Whether out-of-office answers to its mail are welcome; otherwise its mail asks machines not to answer."""
    steps: tuple[Step, ...] = Field(min_length=1)
    """What happens, in this order."""

    @model_validator(mode="after")
    def _steps_fit_together(self) -> "Sequence":
        placed = list(walk_steps(self.steps))
        named = [((*each.place, "id"), each.id) for each in placed]
        reserved = [
            Problem(place, f"{END!r} means that the sequence is over; give this step another id")
            for place, name in named
            if name == END
        ]
        asked = [*_asked_too_early(placed), *_messages_of_no_earlier_step(placed), *self._asked_outside_a_branch()]
        refuse("sequence", [*repeated("step id", named), *reserved, *_gotos_that_lead_nowhere(placed), *asked])
        if self.trigger.manual and self.enroll.backfill is not None:
            text = "a hand puts everybody on this sequence, so nobody of before is known; delete 'enroll', or name a cause"
            refuse("sequence", [Problem(("enroll",), text)])
        if self.holdout is not None and self.goal is None:
            text = "without a goal nobody sees what those miss who are held out; name a goal, or delete 'holdout'"
            refuse("sequence", [Problem(("holdout",), text)])
        return self

    def _asked_outside_a_branch(self) -> Iterator[Problem]:
        """`{happened: step}` where no run is at hand to ask."""
        outside: list[tuple[Place, Condition]] = [(("audience",), self.audience)] if self.audience else []
        outside += [(("exit", index), each) for index, each in enumerate(self.exit) if isinstance(each, Condition)]
        outside += [(("trigger", "enters"), each) for each in self.trigger.conditions()]
        for place, condition in outside:
            for inner, step in condition.awaited:
                text = f"whether step {step!r} happened is known inside a branch only; ask for the event: happened: {{event: …}}"
                yield Problem((*place, *inner), text)

    @cached_property
    def program(self) -> Program:
        return lay_out(self.steps, self.trigger.pause, self.audience)

    def person_conditions(self) -> Iterator[Condition]:
        """Every condition about the person: trigger, audience, exits, and the arms of branches."""
        yield from self.trigger.conditions()
        if self.audience is not None:
            yield self.audience
        yield from (way_out for way_out in self.exit if isinstance(way_out, Condition))
        for node in self.program.nodes.values():
            if isinstance(node, Branch):
                yield from (condition for condition, _ in node.arms)

    def history(self) -> Iterator[HistoryQuestion]:
        """What must be known of the past of whoever is on it, beside what its waits for events look back to."""
        for condition in self.person_conditions():
            yield from condition.history()
        if self.takes_from_pools:
            yield DOWNLOADS

    @cached_property
    def awaited_events(self) -> frozenset[str]:
        """The events that its steps wait for."""
        waits = (node for node in self.program.nodes.values() if isinstance(node, WaitFor))
        return frozenset(name for node in waits for name in node.awaited.event)

    @cached_property
    def takes_from_pools(self) -> bool:
        """Whether one of its steps asks what the person was mailed before."""
        return any(isinstance(node, Offer) for node in self.program.nodes.values())

    @cached_property
    def leads_on(self) -> bool:
        """Whether one of its steps puts the person on another sequence."""
        return any(isinstance(node, Chain) for node in self.program.nodes.values())

    def emails(self) -> list[EmailStep]:
        """All e-mail steps, in the order written."""
        return [node.step for node in self.program.nodes.values() if isinstance(node, Send)]

    def pools(self) -> list[PoolStep]:
        """All steps that take from a pool, in the order written."""
        return [node.step for node in self.program.nodes.values() if isinstance(node, Offer)]


def _gotos_that_lead_nowhere(placed: list[Placed]) -> Iterator[Problem]:
    order = {each.id: index for index, each in enumerate(placed)}
    for index, (place, step, _) in enumerate(placed):
        if isinstance(step, GotoStep) and step.goto != END:
            target = order.get(step.goto)
            if target is None:
                later = [each.id for each in placed[index + 1 :] if each.step.id is not None]
                yield Problem((*place, "goto"), f"there is no step {step.goto!r}; {instead(step.goto, [*later, END])}")
            elif target <= index:
                text = f"step {step.goto!r} lies behind; 'goto' leads forward only, so that nothing is mailed twice"
                yield Problem((*place, "goto"), f"{text}; name a later step, or {END!r}")


def _asked_too_early(placed: list[Placed]) -> Iterator[Problem]:
    """Branches that ask about a step that waits for nothing, or comes later."""
    every = {each.id: each.step for each in placed}
    waits: set[str] = set()
    for place, step, own in placed:
        if isinstance(step, BranchStep):
            for index, arm in enumerate(step.branch):
                for inner, name in arm.if_.awaited if isinstance(arm, Arm) else ():
                    if name not in waits:
                        yield Problem((*place, "branch", index, "if", *inner), _not_awaited(name, every.get(name), waits))
        elif isinstance(step, WaitForStep):
            waits.add(own)


def _not_awaited(name: str, step: "Step | None", waits: Collection[str]) -> str:
    match step:
        case EmailStep() | PoolStep():
            click = f"{{id: …, wait_for: {{event: email_clicked, message: {name}, within: 4d}}}}"
            return f"step {name!r} sends a mail and waits for nothing; put {click} behind it, and ask for that step"
        case WaitForStep():
            return f"step {name!r} is not waited on before this one; move it before the branch"
        case None:
            return f"no step {name!r} before this one waits for an event; {instead(name, sorted(waits))}"
        case _:
            return f"step {name!r} waits for no event; {instead(name, sorted(waits))}"


def _messages_of_no_earlier_step(placed: list[Placed]) -> Iterator[Problem]:
    """Steps that wait for something to come from a mail which no step before them sends."""
    later = {each.id for each in placed if isinstance(each.step, EmailStep | PoolStep)}
    mails: list[str] = []
    for place, step, own in placed:
        if isinstance(step, EmailStep | PoolStep):
            mails.append(own)
            later.discard(own)
        elif isinstance(step, WaitForStep) and step.wait_for.message not in (None, *mails):
            name = step.wait_for.message
            text = f"step {name!r} sends its mail only later" if name in later else f"no step {name!r} sends a mail"
            hint = instead(name, mails) if mails else "no step before this one sends any, so delete 'message'"
            yield Problem((*place, "wait_for", "message"), f"{text}; {hint}")


def version_of(sequence: Sequence) -> str:
    """Twelve hexadecimal digits that change when, and only when, the sequence's meaning does."""
    meaning = sequence.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return blake2b(json.dumps(meaning, sort_keys=True).encode(), digest_size=6).hexdigest()
