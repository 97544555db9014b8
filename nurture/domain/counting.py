"""What the events of a person come to: attributes, score cells, totals. The same for the next event as for a whole log.

Everything here commutes: which event comes first makes no difference, so a person who is counted afresh from the log
(`recount`) is equal to one who was counted event by event.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from nurture.domain.definitions import Definitions
from nurture.domain.event import Event
from nurture.domain.person import Attribute, Person, attributes_in
from nurture.domain.scoring import Cell, Cells, fit_lines, grade_of, heat_of, rules_hit
from nurture.domain.touches import Touch, touch_of


class Counted(NamedTuple):
    """What one event came to: the score cells it adds a hit to, and the touch it is, if it brought somebody."""

    cells: list[Cell]
    touch: Touch | None


def count(event: Event, person: Person, definitions: Definitions) -> Counted:
    """Let a person learn what one human event tells of them."""
    for name, attribute in attributes_in(event).items():
        person.learn(name, attribute)
    person.saw(event.occurred_at)
    touch = touch_of(event, definitions.channels)
    person.came_by(touch, touch)
    return Counted([Cell(rule.id, event.day) for rule in rules_hit(event, definitions.rules_by_event)], touch)


def total(person: Person, cells: Cells, definitions: Definitions, at: datetime) -> None:
    """Set a person's heat, fit and grade from their cells and attributes."""
    scoring = definitions.scoring
    person.heat = heat_of(cells, definitions.rules_by_id, scoring.half_life)
    person.fit = sum(points for _, points in fit_lines(person.facts(at, scoring.half_life), scoring))
    person.grade = grade_of(person.fit, scoring.grades)
    person.changed = True


def recount(
    person: Person, log: Iterable[Event], definitions: Definitions, at: datetime, kept: dict[str, Attribute] | None = None
) -> tuple[Person, Counter[Cell]]:
    """A person as the human events of their log make them, with their cells. Who they are and their stage are left alone.

    `kept` are attributes from events that were forgotten since.
    """
    fresh, cells = replace(person, attributes=dict(kept or {})), Counter[Cell]()
    for event in log:
        cells.update(count(event, fresh, definitions).cells)
    total(fresh, cells, definitions, at)
    return fresh, cells
