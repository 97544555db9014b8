"""What test cases name must be defined, and what people in them type must have been told somewhere."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from zoneinfo import available_timezones

from nurture.domain.cases.acts import (
    Chosen,
    Clicked,
    Confirmed,
    Downloaded,
    Enrolled,
    FormPosted,
    Happened,
    Rejected,
    Told,
)
from nurture.domain.cases.case import CONSENT, CasesFile, Cast, expectations_of, told_by_browsers, told_by_servers
from nurture.domain.cases.expectations import placed
from nurture.domain.cases.names import step_named
from nurture.domain.content import Form
from nurture.domain.definitions import Definitions
from nurture.domain.lifecycle import DISQUALIFIED
from nurture.domain.model import Place, Problem
from nurture.domain.program import Offer, Send
from nurture.domain.wording import instead, nearest


class _Named(NamedTuple):
    """Something of the definitions that a case names."""

    place: Place
    kind: str
    name: str
    in_key: bool = False


def check_cases(file: CasesFile, definitions: Definitions) -> Iterator[Problem]:
    """Everything in a file that does not fit the definitions."""
    rules = _Rules(definitions)
    for index, case in enumerate(file.cases):
        for cast in case.cast():
            yield from rules.check(cast._replace(place=("cases", index, *cast.place)))


class _Rules:
    """The definitions, as far as cases name parts of them."""

    def __init__(self, definitions: Definitions) -> None:
        self._definitions = definitions
        self._steps: dict[str, list[str]] = {}
        for name, sequence in definitions.sequences.items():
            for node in sequence.program.nodes.values():
                if isinstance(node, Send | Offer):
                    self._steps.setdefault(node.id, []).append(name)
        self._known: Mapping[str, Any] = {
            "form": definitions.forms, "asset": definitions.assets, "sequence": definitions.sequences,
            "stage": (*definitions.lifecycle.stages, DISQUALIFIED), "score model": definitions.scoring.models,
            "endpoint": definitions.handoff.endpoints, "purpose": definitions.consents.purposes,
            "topic": definitions.consents.topics,
        }  # fmt: skip

    def check(self, cast: Cast) -> Iterator[Problem]:
        """What is wrong with one person of a case."""
        for named in (*_named_in_acts(cast), *_named_in_expectations(cast)):
            known = self._known[named.kind]
            if named.name not in known:
                yield Problem(
                    named.place, f"unknown {named.kind} {named.name!r}; {instead(named.name, known)}", in_key=named.in_key
                )
        for place, step in _steps_named(cast):
            yield from self._step(place, step)
        yield from _zone(cast)
        yield from self._posts(cast)
        yield from self._told(cast)
        yield from _addressed(cast)

    def _step(self, place: Place, written: str) -> Iterator[Problem]:
        sequence, step = step_named(written)
        within = self._steps.get(step, [])
        if sequence is not None and sequence not in self._definitions.sequences:
            yield Problem(place, f"unknown sequence {sequence!r}; {instead(sequence, self._definitions.sequences)}")
        elif not within:
            yield Problem(place, f"no step {step!r} sends a mail; {instead(step, sorted(self._steps))}")
        elif sequence is None and len(within) > 1:
            yield Problem(place, f"{' and '.join(within)} each have a step {step!r}; write {within[0]}/{step}")
        elif sequence is not None and sequence not in within:
            own = sorted(each for each, sequences in self._steps.items() if sequence in sequences)
            yield Problem(place, f"{sequence} has no step {step!r} that sends a mail; {instead(step, own)}")

    def _posts(self, cast: Cast) -> Iterator[Problem]:
        """What people type, held against what the form asks for."""
        for index, act in enumerate(cast.actor.given):
            form = self._definitions.forms.get(act.form) if isinstance(act, FormPosted) else None
            if form is None or not isinstance(act, FormPosted):
                continue
            place = (*cast.place, "given", index)
            for field in act.fields:
                if field not in form.fields and field != CONSENT:
                    text = f"the form {act.form!r} has no field {field!r}; {instead(field, form.fields)}"
                    yield Problem((*place, "fields", field), text, in_key=True)
            missing = [field for field in _required(form) if field not in {*cast.actor.person, *act.fields}]
            if missing:
                text = f"the form {act.form!r} is not taken without {' and '.join(missing)}; write '{missing[0]}: …' under person"
                yield Problem((*place, "form"), text)

    def _told(self, cast: Cast) -> Iterator[Problem]:
        """An attribute of which nobody tells the engine would make no difference, which is not what its writer thinks."""
        forms = [self._definitions.forms.get(act.form) for act in cast.actor.given if isinstance(act, FormPosted)]
        if None in forms:
            return  # that one may ask
        asked = {field for form in forms if form is not None for field in form.fields} | told_by_browsers(cast.actor) | {"email"}
        for name in cast.actor.person:
            if name not in asked | told_by_servers(cast.actor):
                near = nearest(name, asked, alike=0.8)
                add = f"post a form that asks for it, or add {{at: 0m, identify: {{{name}: …}}}}"
                text = f"nothing here ever tells the engine {name!r}; {f'did you mean {near!r}?' if near else add}"
                yield Problem((*cast.place, "person", name), text, in_key=True)


def _required(form: Form) -> list[str]:
    return [field for field, need in form.fields.items() if need == "required" and field != CONSENT]


def _zone(cast: Cast) -> Iterator[Problem]:
    zone = cast.actor.person.get("timezone")
    if zone is not None and zone not in available_timezones():
        near = nearest(zone, available_timezones(), alike=0.7)
        meant = f"did you mean {near!r}?" if near else "write one like Europe/Paris"
        yield Problem((*cast.place, "person", "timezone"), f"{zone!r} is no IANA time zone; {meant}")


def _addressed(cast: Cast) -> Iterator[Problem]:
    """Servers and sales know people by their address."""
    if "email" in cast.actor.person:
        return
    for index, act in enumerate(cast.actor.given):
        if isinstance(act, Told | Enrolled | Rejected) or (isinstance(act, Happened) and act.by == "server"):
            text = "a server knows people by their address; write 'email: …' under person"
            yield Problem((*cast.place, "given", index), text)


def _named_in_acts(cast: Cast) -> Iterator[_Named]:
    for index, act in enumerate(cast.actor.given):
        place = (*cast.place, "given", index)
        match act:
            case FormPosted():
                yield _Named((*place, "form"), "form", act.form)
            case Downloaded():
                yield _Named((*place, "download"), "asset", act.download)
            case Enrolled():
                yield _Named((*place, "enroll"), "sequence", act.enroll)
            case Confirmed():
                yield _Named((*place, "confirm"), "purpose", act.confirm)
            case Chosen():
                yield from (
                    _Named((*place, "prefer", "topics", topic), "topic", topic, in_key=True) for topic in act.prefer.topics
                )


def _named_in_expectations(cast: Cast) -> Iterator[_Named]:
    for place, expected in expectations_of(cast):
        for inner, stage in placed("stage", expected.stage):
            yield _Named((*place, *inner, "is"), "stage", stage.is_)
        for inner, score in placed("score", expected.score):
            if score.model is not None:
                yield _Named((*place, *inner, "model"), "score model", score.model)
        for inner, end in placed("ended", expected.ended):
            yield _Named((*place, *inner, "sequence"), "sequence", end.sequence)
        for index, name in enumerate(expected.entered or ()):
            yield _Named((*place, "entered", index), "sequence", name)
        for index, name in enumerate(expected.notified or ()):
            yield _Named((*place, "notified", index), "endpoint", name)


def _steps_named(cast: Cast) -> Iterator[tuple[Place, str]]:
    for index, act in enumerate(cast.actor.given):
        place = (*cast.place, "given", index)
        if act.after is not None:
            yield (*place, "after"), act.after
        if isinstance(act, Clicked):
            yield (*place, "click"), act.click
        if isinstance(act, Downloaded) and act.from_ is not None:
            yield (*place, "from"), act.from_
    for place, expected in expectations_of(cast):
        for inner, step in expected.steps():
            yield (*place, *inner), step
