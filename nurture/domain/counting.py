"""What the events of a person come to: attributes, score cells, totals. The same for the next event as for a whole log.

Everything here commutes: which event comes first makes no difference, so a person who is counted afresh from the log is equal
to one who was counted event by event as they came.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from nurture.domain.definitions import Definitions
from nurture.domain.event import TOLD_BY_SALES, Event
from nurture.domain.history import History, past_of
from nurture.domain.mail.tracking import BY_OPENING
from nurture.domain.person import Attribute, Person, attributes_in
from nurture.domain.scoring import DEFAULT_MODEL, Cell, Cells, fit_lines, grade_of, rules_hit
from nurture.domain.sums import changed_sums, sums_of
from nurture.domain.touches import Touch, touch_of


class Counted(NamedTuple):
    """What one event came to: the score cells it adds a hit to, and the touch it is, if it brought somebody."""

    cells: list[Cell]
    touch: Touch | None


def count(event: Event, person: Person, definitions: Definitions) -> Counted:
    """Let a person learn what one human event tells of them. What sales answers is about them, but nothing that they did."""
    for name, attribute in attributes_in(event).items():
        person.learn(name, attribute)
    if event.name in TOLD_BY_SALES:
        person.passed(event.occurred_at)
    else:
        person.saw(event.occurred_at)
    if person.history is not None:
        person.history.add([past_of(event)])
    touch = touch_of(event, definitions.channels)
    person.came_by(touch, touch)
    return Counted([Cell(rule.id, event.day) for rule in rules_hit(event, definitions.rules_by_event)], touch)


def total(
    person: Person, cells: Cells, definitions: Definitions, at: datetime, added: Cells | None = None, *, scored: bool = True
) -> None:
    """Set a person's heat, fit and grade from their cells and attributes.

    `cells` are all there are; or, with the hits that the batch has `added`, those that an event of it can reach.
    Where nothing was `scored`, sums by the same rules stay as they are; so does the fit of somebody of whom nothing was learned.
    """
    scoring = definitions.scoring
    other_rules = person.sums is None or person.sums.by != scoring.digest
    if scored or other_rules:
        if added is None or person.sums is None:
            person.sums = sums_of(cells, scoring)
        else:
            person.sums = changed_sums(person.sums, cells, added, scoring)
        person.heats = person.sums.heats
        person.heat = person.heats.pop(DEFAULT_MODEL, 0.0)
    if person.learned or other_rules or scoring.fit_asks_the_past:
        person.fit = sum(points for _, points in fit_lines(person.facts(at, scoring), scoring))
        person.grade = grade_of(person.fit, scoring.grades)
        person.learned = False
    person.changed = True


class Forgotten(NamedTuple):
    """What is known of a person from events that are no longer in the log."""

    attributes: Mapping[str, Attribute]
    first_touch: Touch | None
    last_touch: Touch | None


def forgotten(person: Person, horizon: datetime | None) -> Forgotten | None:
    """What a person is known by from before `horizon`; None if nothing was ever forgotten."""
    if horizon is None:
        return None
    attributes = {name: told for name, told in person.attributes.items() if told.at < horizon}
    first, last = (
        touch if touch is not None and touch.at < horizon else None for touch in (person.first_touch, person.last_touch)
    )
    return Forgotten(attributes, first, last)


def blank(person: Person, definitions: Definitions, first: datetime | None = None, kept: Forgotten | None = None) -> Person:
    """A person as they were before the first event of their log, at instant `first`; who they are and their stage stay.

    What they told in events that were forgotten since (`kept`) stays as well, and what follows from no event.
    """
    kept = kept or Forgotten({}, None, None)
    of_no_event = {name: told for name, told in person.attributes.items() if told.source == BY_OPENING}
    return replace(
        person, attributes={**kept.attributes, **of_no_event}, first_touch=kept.first_touch, last_touch=kept.last_touch,
        first_seen_at=first or person.first_seen_at, seen_at=first or person.seen_at, acted=person.acted and first is None,
        history=History((), definitions.history_names), learned=True,
    )  # fmt: skip
