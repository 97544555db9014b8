"""A test case: people, what they do when, and what must come of it."""

from collections.abc import Iterator, Mapping
from datetime import UTC, tzinfo
from typing import Annotated, Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from pydantic import Field, model_validator

from nurture.domain.cases.acts import Act, Checked, FormPosted, Happened, PageViewed, Told
from nurture.domain.cases.expectations import Expectations
from nurture.domain.cases.moments import Moment, Start, instant
from nurture.domain.cases.names import Attributes
from nurture.domain.model import Definition, Place, Problem, Slug, refuse, repeated


class Actor(Definition):
    """Somebody in a case."""

    person: Attributes = {}
    """Who they are: email, timezone, language, and what they type into forms."""
    given: tuple[Act, ...] = ()
    """What they do, and when."""
    expect: Expectations | None = None
    """What must have come of it at the end."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Another number is somebody else: other random shares, variants and spread."""


class Case(Actor):
    """What happens, and what must come of it. Either to one person, or to several."""

    case: Annotated[str, Field(min_length=1, max_length=200)]
    """What it shows, in a sentence."""
    starts: Start
    """When it begins, and on whose clock: 2026-03-02T09:00 Europe/Paris."""
    until: Moment
    """When it is over: so long after the beginning, such as 30d."""
    people: Annotated[dict[Slug, Actor], Field(min_length=1)] | None = None
    """Instead of person, given and expect: several people by name, each with their own."""

    @model_validator(mode="after")
    def _fits_together(self) -> "Case":
        own = [key for key in ("person", "given", "expect", "seed") if key in self.model_fields_set]
        if self.people is not None and own:
            text = f"'{own[0]}' stands beside 'people'; write it below one of them"
            refuse("case", [Problem((own[0],), text, in_key=True)])
        refuse("case", self._mistakes())
        return self

    def _mistakes(self) -> Iterator[Problem]:
        if instant(self.until, self.starts) <= self.starts:
            yield Problem(("until",), "this case is over before it begins; write how long it lasts, such as 30d")
        for cast in self.cast():
            if not cast.actor.given:
                yield Problem(cast.place, "nothing happens here; add 'given: [{at: 0m, form: …}]'")
            if cast.actor.expect is None and not any(isinstance(act, Checked) for act in cast.actor.given):
                yield Problem(cast.place, "nothing is expected here; add 'expect: {mails: […]}'")
            yield from self._outside(cast)

    def _outside(self, cast: "Cast") -> Iterator[Problem]:
        last = instant(self.until, self.starts)
        for index, act in enumerate(cast.actor.given):
            if act.at is not None and not self.starts <= instant(act.at, self.starts) <= last:
                yield Problem((*cast.place, "given", index, "at"), "this is not between 'starts' and 'until'; change one of them")

    def cast(self) -> Iterator["Cast"]:
        """Everybody in the case."""
        if self.people is None:
            yield Cast("", (), self)
        for name, actor in (self.people or {}).items():
            yield Cast(name, ("people", name), actor)


class Cast(NamedTuple):
    """Somebody in a case with their name, empty for the only one, and where they stand in it."""

    name: str
    place: Place
    actor: Actor


class CasesFile(Definition):
    """config/tests/<name>.yaml: what sequences must do, tried by `nurture test`."""

    cases: Annotated[tuple[Case, ...], Field(min_length=1)]
    """The cases, each tried by itself."""

    @model_validator(mode="after")
    def _names_differ(self) -> "CasesFile":
        refuse("cases", repeated("case", [(("cases", index, "case"), each.case) for index, each in enumerate(self.cases)]))
        return self


#: The box of a form that gives consent; people in cases tick it unless they type false.
CONSENT: Final = "consent"


def told_by_browsers(actor: Actor) -> frozenset[str]:
    """The attributes that somebody's browser tells beside what they type, if they use one."""
    by_browser = (
        isinstance(act, FormPosted | PageViewed) or (isinstance(act, Happened) and act.by == "browser") for act in actor.given
    )
    return frozenset({"timezone", "language"} if any(by_browser) else ())


def told_by_servers(actor: Actor) -> frozenset[str]:
    """The attributes that servers tell of somebody."""
    return frozenset(name for act in actor.given if isinstance(act, Told) for name in act.identify)


def clock_of(case: Case, person: Mapping[str, Any]) -> tzinfo:
    """The zone on which the person's days and hours are read: their own, else that of the case."""
    zone = person.get("timezone")
    return ZoneInfo(zone) if isinstance(zone, str) and zone else case.starts.tzinfo or UTC


def expectations_of(cast: Cast) -> Iterator[tuple[Place, Expectations]]:
    """What is expected of somebody, on the way and at the end, with its place."""
    for index, act in enumerate(cast.actor.given):
        if isinstance(act, Checked):
            yield (*cast.place, "given", index, "expect"), act.expect
    if cast.actor.expect is not None:
        yield (*cast.place, "expect"), cast.actor.expect
