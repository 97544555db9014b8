"""A person: one human, anonymous or known, as the flow holds them in its hand."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from nurture.domain.event import Event, day_number
from nurture.domain.history import HISTORY, NOW, History
from nurture.domain.scoring import Grade, Scoring, band_of, engagement_on
from nurture.domain.sums import Sums
from nurture.domain.touches import Touch, earlier, later_non_direct

#: Traits as the SDKs of the field write them, and the attribute each becomes; all others keep their name in snake_case.
_RENAMED = {"title": "job_title", "locale": "language", "organization": "company", "organisation": "company"}

#: Enough for any form; a sender that goes on inventing traits cannot grow a row without bound.
MOST_ATTRIBUTES = 100
_LONGEST_VALUE = 1_000


class Attribute(NamedTuple):
    """A value with its provenance: when it was said (event time) and by which source."""

    value: Any
    at: datetime
    source: str


@dataclass(slots=True)
class Person:
    """The working state of a person; `changed` marks what has to be stored.

    `sums` are the heats, unrounded. `acted` says that a human did something, not machines alone; `seen_at` is when they last did.
    `learned` says that something was told of them since their fit was worked out.
    `history` is what they did in the past, as far as conditions ask about it; a condition that asks raises MissingHistory where
    nobody loaded it.
    """

    id: int
    stage: str
    stage_since: datetime
    first_seen_at: datetime
    seen_at: datetime
    grade: Grade
    email: str | None = None
    attributes: dict[str, Attribute] = field(default_factory=dict)
    heat: float = 0.0
    heats: dict[str, float] = field(default_factory=dict)
    sums: Sums | None = None
    fit: int = 0
    merged_into: int | None = None
    by_hand: bool = False
    rejected_until: datetime | None = None
    first_touch: Touch | None = None
    last_touch: Touch | None = None
    acted: bool = False
    new: bool = False
    changed: bool = False
    history: History | None = field(default=None, compare=False, repr=False)
    learned: bool = field(default=True, compare=False, repr=False)

    def learn(self, name: str, attribute: Attribute) -> None:
        """Keep the attribute said last in event time; of two said at once, the greater text, so that order is no matter."""
        known = self.attributes.get(name)
        if known is None and len(self.attributes) >= MOST_ATTRIBUTES:
            return
        if known is None or (known.at, str(known.value)) < (attribute.at, str(attribute.value)):
            self.attributes[name] = attribute
            self.changed = self.learned = True

    def saw(self, at: datetime) -> None:
        """They did something at an instant."""
        self.first_seen_at = min(self.first_seen_at, at)
        self.seen_at = max(self.seen_at, at) if self.acted else at
        self.acted = self.changed = True

    def passed(self, at: datetime) -> None:
        """A machine did something in their name at an instant."""
        if at < self.first_seen_at:
            self.first_seen_at, self.changed = at, True
        if not self.acted:
            self.seen_at = self.first_seen_at

    def came_by(self, first: Touch | None, last: Touch | None) -> None:
        """Remember what brought them: the earliest touch, and the latest that was not direct."""
        touches = earlier(self.first_touch, first), later_non_direct(self.last_touch, last)
        if touches != (self.first_touch, self.last_touch):
            self.first_touch, self.last_touch = touches
            self.changed = True

    @property
    def touch(self) -> Touch | None:
        """What brought them last, as far as anything but themselves did."""
        return self.last_touch or self.first_touch

    def facts(self, at: datetime, scoring: Scoring) -> Mapping[str, Any]:
        """What conditions and templates may ask about this person at instant `at`."""
        day = day_number(at)
        engagement = engagement_on(day, self.heat, scoring.half_life)
        facts = {name: attribute.value for name, attribute in self.attributes.items()}
        if self.email:
            facts["email"] = self.email
            facts["email_domain"] = self.email.rpartition("@")[2]
        facts["stage"] = self.stage
        facts["engagement"] = engagement
        facts["fit"] = self.fit
        facts["grade"] = self.grade
        facts["matrix"] = f"{self.grade}{band_of(engagement, scoring)}"
        for name, model in scoring.models.items():
            facts[f"engagement.{name}"] = engagement_on(day, self.heats.get(name, 0.0), model.half_life)
        facts[HISTORY] = self.history
        facts[NOW] = at
        return facts


@lru_cache(maxsize=1_024)
def snake_case(name: str) -> str:
    """`firstName` and `First Name` both as `first_name`."""
    spaced = "".join(f"_{letter}" if letter.isupper() and index and name[index - 1].islower() else letter
                     for index, letter in enumerate(name))  # fmt: skip
    return "_".join(spaced.replace("-", " ").replace("_", " ").lower().split())


def attributes_in(event: Event) -> dict[str, Attribute]:
    """The attributes that an event tells of its person: its traits, and the language and zone of the browser.

    Nested traits other than a company's name are left in the event.
    """
    told: dict[str, Any] = {}
    for name in ("timezone", "locale"):
        told[_RENAMED.get(name, name)] = event.context.get(name)
    for trait, value in event.traits.items():
        name = snake_case(trait)
        told[_RENAMED.get(name, name)] = value.get("name") if name == "company" and isinstance(value, dict) else value
    told.pop("email", None)
    return {
        name: Attribute(value, event.occurred_at, event.source)
        for name, value in told.items()
        if isinstance(value, str | int | float) and value != "" and len(str(value)) <= _LONGEST_VALUE
    }
