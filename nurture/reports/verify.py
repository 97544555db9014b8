"""Does what is stored follow from the event log? Everything is computed afresh and compared; nothing may differ.

Every person who was not merged into another is taken with the events of all they turned out to be. From the human ones
follow attributes, score cells and heat; from attributes follow fit and grade. Whose an event is, and somebody's stage, are
taken as stored: they depend on what was in force when the events came.

So do the days on which people were here, what they add to the figures by what they reached, and the daily roll-ups, as far back as nothing
was forgotten.

The definitions in force are the measure. After rules were changed, people differ until `nurture rescore --apply` has
counted them again; people who are due to be recounted may differ until they are. After another time zone or brand came into force,
figures differ until `nurture report rebuild`.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import isclose
from typing import Any, Literal

from sqlalchemy import Connection, Engine, func, select

from nurture.adapters.database.bulk import among
from nurture.adapters.database.tables import people, score_cells
from nurture.domain.definitions import Definitions
from nurture.domain.person import MOST_ATTRIBUTES, Attribute, Person
from nurture.domain.scoring import Cell
from nurture.reports.afresh import Afresh, everybody_afresh
from nurture.reports.figures import EPOCH, Figures
from nurture.reports.reading import snapshot
from nurture.reports.verify_figures import DaysAndFigures, Differing


class Difference(Figures):
    """Something stored that does not follow from the log. `name` is the rule and its day, the score model, the attribute, or the figure
    with its day and key; a `figure` is nobody's in particular.
    """

    person: int | None = None
    what: Literal["cell", "heat", "fit", "grade", "attribute", "touch", "day", "contribution", "figure"]
    name: str | None = None
    stored: Any
    computed: Any


@dataclass
class Audit:
    """What was computed afresh, how much of it differs, and the first of what does. `waiting` people are due to be recounted."""

    people: int = 0
    events: int = 0
    differing: int = 0
    waiting: int = 0
    differences: list[Difference] = field(default_factory=list)

    def note(self, found: Iterable[Difference], most: int | None) -> None:
        """Count what differs, and keep it as long as there are not `most`."""
        for difference in found:
            self.differing += 1
            if most is None or len(self.differences) < most:
                self.differences.append(difference)


def verify(engine: Engine, definitions: Definitions) -> list[Difference]:
    """Every difference there is; none is as it should be. Raises Unavailable."""
    return audit(engine, definitions).differences


def audit(engine: Engine, definitions: Definitions, most: int | None = None) -> Audit:
    """The same with its figures; keeps the first `most` differences and counts the others. Raises Unavailable."""
    outcome = Audit()
    with snapshot(engine) as connection:
        days = DaysAndFigures(connection, definitions)
        for batch in everybody_afresh(connection, definitions):
            outcome.note([*_differences(connection, definitions, batch), *_found("day", days.of_people(batch))], most)
            outcome.note(_found("contribution", days.reached(batch)), most)
            outcome.people += len(batch.stored)
            outcome.events += batch.events
        for found in days.figures():
            outcome.note(_found("figure", found), most)
        outcome.waiting = connection.scalar(select(func.count()).where(people.c.recount_at.is_not(None))) or 0
    return outcome


def _differences(connection: Connection, definitions: Definitions, batch: Afresh) -> Iterator[Difference]:
    stored = _stored_cells(connection, batch)
    for person in batch.stored:
        computed = batch.computed[person.id]
        yield from _in_cells(person.id, stored[person.id], batch.cells[person.id], definitions)
        yield from _in_heat(person, computed)
        yield from _in_attributes(person, computed.attributes)
        yield from _in_the_rest(person, computed)
    for merged in batch.root_of.keys() - batch.computed.keys():
        yield from _in_cells(merged, stored[merged], Counter(), definitions)


def _found(what: Literal["day", "contribution", "figure"], found: Iterable[Differing]) -> Iterator[Difference]:
    for each in found:
        yield Difference(person=each.person, what=what, name=each.name, stored=each.stored, computed=each.computed)


def _stored_cells(connection: Connection, batch: Afresh) -> Mapping[int, Counter[Cell]]:
    stored: dict[int, Counter[Cell]] = defaultdict(Counter)
    held = select(score_cells).where(among(connection, score_cells.c.person_id, batch.root_of.keys()))
    for row in connection.execute(held):
        stored[row.person_id][Cell(row.rule, row.day)] = row.hits
    return stored


def _in_cells(person: int, stored: Counter[Cell], computed: Counter[Cell], definitions: Definitions) -> Iterator[Difference]:
    for cell in sorted(stored.keys() | computed.keys()):
        # The cells of a rule that was taken away are worth nothing, and kept in case it comes back.
        if cell.rule in definitions.rules_by_id and stored[cell] != computed[cell]:
            name = f"{cell.rule} on {EPOCH + timedelta(days=cell.day)}"
            yield Difference(person=person, what="cell", name=name, stored=stored[cell], computed=computed[cell])


def _in_heat(person: Person, computed: Person) -> Iterator[Difference]:
    heats = {"": (person.heat, computed.heat)}
    heats |= {
        name: (person.heats.get(name, 0.0), computed.heats.get(name, 0.0)) for name in person.heats.keys() | computed.heats.keys()
    }
    for model, (stored, expected) in sorted(heats.items()):
        if not isclose(stored, expected, rel_tol=1e-9, abs_tol=1e-9):
            yield Difference(person=person.id, what="heat", name=model or None, stored=stored, computed=expected)


def _in_the_rest(person: Person, computed: Person) -> Iterator[Difference]:
    """Fit and grade, and what brought the person."""
    if person.fit != computed.fit:
        yield Difference(person=person.id, what="fit", stored=person.fit, computed=computed.fit)
    if person.grade != computed.grade:
        yield Difference(person=person.id, what="grade", stored=str(person.grade), computed=str(computed.grade))
    for name in ("first_touch", "last_touch"):
        stored, expected = getattr(person, name), getattr(computed, name)
        if stored != expected:
            channels = [each and f"{each.channel} at {each.at.isoformat()}" for each in (stored, expected)]
            yield Difference(person=person.id, what="touch", name=name, stored=channels[0], computed=channels[1])


def _in_attributes(person: Person, computed: Mapping[str, Attribute]) -> Iterator[Difference]:
    """Of two attributes said at once in the same words the first one's source is kept, so sources are not compared."""
    full = len(person.attributes) >= MOST_ATTRIBUTES  # which of more are kept depends on which came first
    names = person.attributes.keys() & computed.keys() if full else person.attributes.keys() | computed.keys()
    for name in sorted(names):
        stored, expected = person.attributes.get(name), computed.get(name)
        if _said(stored) != _said(expected):
            # When it was said is told, what was said is not: a report on everybody shows nobody's data.
            instants = [None if each is None else each.at.isoformat() for each in (stored, expected)]
            yield Difference(person=person.id, what="attribute", name=name, stored=instants[0], computed=instants[1])


def _said(attribute: Attribute | None) -> tuple[str, datetime] | None:
    return None if attribute is None else (str(attribute.value), attribute.at)
