"""Does what is stored follow from the event log? Everything is computed afresh and compared; nothing may differ.

Every person who was not merged into another is taken with the events of all they turned out to be. From the human ones
follow attributes, score cells and heat; from attributes follow fit and grade. Whose an event is, and somebody's stage, are
taken as stored: they depend on what was in force when the events came.

The definitions in force are the measure. After rules were changed, people differ until they are counted again.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from math import isclose
from typing import Any, Final, Literal

from sqlalchemy import Connection, Engine, Row, select

from nurture.adapters.database.rows import person_of
from nurture.adapters.database.tables import events, people, score_cells
from nurture.domain.definitions import Definitions
from nurture.domain.person import MOST_ATTRIBUTES, Attribute, Person, attributes_in
from nurture.domain.scoring import Cell, fit_lines, grade_of, heat_of, rules_hit
from nurture.reports.figures import EPOCH, Figures
from nurture.reports.log import event_of
from nurture.reports.reading import snapshot

#: People who are computed together: what is in memory are their counts, never their events.
_BATCH: Final = 500


class Difference(Figures):
    """Something stored that does not follow from the log. `name` is the rule and its day, or the attribute."""

    person: int
    what: Literal["cell", "heat", "fit", "grade", "attribute"]
    name: str | None = None
    stored: Any
    computed: Any


@dataclass
class Audit:
    """What was computed afresh, how much of it differs, and the first of what does."""

    people: int = 0
    events: int = 0
    differing: int = 0
    differences: list[Difference] = field(default_factory=list)


def verify(engine: Engine, definitions: Definitions) -> list[Difference]:
    """Every difference there is; none is as it should be. Raises Unavailable."""
    return audit(engine, definitions).differences


def audit(engine: Engine, definitions: Definitions, most: int | None = None) -> Audit:
    """The same with its figures; keeps the first `most` differences and counts the others. Raises Unavailable."""
    outcome = Audit()
    with snapshot(engine) as connection:
        for batch in _people(connection):
            work = _Batch(connection, definitions, batch)
            for difference in work.differences():
                outcome.differing += 1
                if most is None or len(outcome.differences) < most:
                    outcome.differences.append(difference)
            outcome.people += len(batch)
            outcome.events += work.events
    return outcome


def _people(connection: Connection) -> Iterator[Sequence[Person]]:
    """Everybody who was not merged into another, a batch at a time."""
    after = -1
    while True:
        following = select(people).where(people.c.id > after, people.c.merged_into.is_(None)).order_by(people.c.id)
        batch = [person_of(row) for row in connection.execute(following.limit(_BATCH))]
        if not batch:
            return
        yield batch
        after = batch[-1].id


class _Computed:
    """What a person's log comes to."""

    def __init__(self) -> None:
        self.counted = False
        self.cells: Counter[Cell] = Counter()
        self.attributes: dict[str, Attribute] = {}

    def learn(self, told: Mapping[str, Attribute]) -> None:
        """The rule of `Person.learn`, without its bound on how many attributes there are."""
        for name, attribute in told.items():
            known = self.attributes.get(name)
            if known is None or (known.at, str(known.value)) < (attribute.at, str(attribute.value)):
                self.attributes[name] = attribute


class _Batch:
    """Some people, with those merged into them."""

    def __init__(self, connection: Connection, definitions: Definitions, batch: Sequence[Person]) -> None:
        self._connection = connection
        self._definitions = definitions
        self._people = batch
        self.events = 0
        ids = [person.id for person in batch]
        merged = connection.execute(select(people.c.id, people.c.merged_into).where(people.c.merged_into.in_(ids)))
        self._root_of: dict[int, int] = {**{id_: id_ for id_ in ids}, **{row.id: row.merged_into for row in merged}}

    def differences(self) -> Iterator[Difference]:
        computed, stored = self._from_the_log(), self._cells()
        for person in self._people:
            log = computed[person.id]
            yield from self._in_cells(person.id, stored[person.id], log.cells)
            yield from self._in_heat(person, log.cells)
            yield from _in_attributes(person, log.attributes)
            yield from self._in_fit(person, log)
        for merged in self._root_of.keys() - {person.id for person in self._people}:
            yield from self._in_cells(merged, stored[merged], Counter())

    def _from_the_log(self) -> Mapping[int, _Computed]:
        computed: dict[int, _Computed] = defaultdict(_Computed)
        log = select(events).where(events.c.person_id.in_(self._root_of), events.c.verdict == "human")
        for row in self._connection.execute(log, execution_options={"yield_per": 1_000}):
            self._count(row, computed[self._root_of[row.person_id]])
            self.events += 1
        return computed

    def _count(self, row: Row[Any], person: _Computed) -> None:
        event = event_of(row)
        person.counted = True
        person.learn(attributes_in(event))
        person.cells.update(Cell(rule.id, event.day) for rule in rules_hit(event, self._definitions.rules_by_event))

    def _cells(self) -> Mapping[int, Counter[Cell]]:
        stored: dict[int, Counter[Cell]] = defaultdict(Counter)
        held = select(score_cells).where(score_cells.c.person_id.in_(self._root_of))
        for row in self._connection.execute(held):
            stored[row.person_id][Cell(row.rule, row.day)] = row.hits
        return stored

    def _in_cells(self, person: int, stored: Counter[Cell], computed: Counter[Cell]) -> Iterator[Difference]:
        for cell in sorted(stored.keys() | computed.keys()):
            # The cells of a rule that was taken away are worth nothing, and kept in case it comes back.
            if cell.rule in self._definitions.rules_by_id and stored[cell] != computed[cell]:
                name = f"{cell.rule} on {EPOCH + timedelta(days=cell.day)}"
                yield Difference(person=person, what="cell", name=name, stored=stored[cell], computed=computed[cell])

    def _in_heat(self, person: Person, cells: Counter[Cell]) -> Iterator[Difference]:
        heat = heat_of(cells, self._definitions.scoring)
        if not isclose(person.heat, heat, rel_tol=1e-9, abs_tol=1e-9):
            yield Difference(person=person.id, what="heat", stored=person.heat, computed=heat)

    def _in_fit(self, person: Person, log: _Computed) -> Iterator[Difference]:
        """Nobody's fit is computed before they have done something."""
        fit = self._fit(replace(person, attributes=log.attributes)) if log.counted else 0
        if person.fit != fit:
            yield Difference(person=person.id, what="fit", stored=person.fit, computed=fit)
        grade = grade_of(person.fit, self._definitions.scoring.grades)
        if person.grade != grade:
            yield Difference(person=person.id, what="grade", stored=str(person.grade), computed=str(grade))

    def _fit(self, person: Person) -> int:
        """The fit that follows from a person's attributes."""
        scoring = self._definitions.scoring
        return sum(points for _, points in fit_lines(person.facts(person.seen_at, scoring), scoring))


def _in_attributes(person: Person, computed: Mapping[str, Attribute]) -> Iterator[Difference]:
    """Of two attributes said at once in the same words the first one's source is kept, so sources are not compared."""
    names = set(person.attributes)
    if len(computed) <= MOST_ATTRIBUTES:
        names |= set(computed)
    for name in sorted(names):
        stored, expected = person.attributes.get(name), computed.get(name)
        if _said(stored) != _said(expected):
            # When it was said is told, what was said is not: a report on everybody shows nobody's data.
            instants = [None if each is None else each.at.isoformat() for each in (stored, expected)]
            yield Difference(person=person.id, what="attribute", name=name, stored=instants[0], computed=instants[1])


def _said(attribute: Attribute | None) -> tuple[str, datetime] | None:
    return None if attribute is None else (str(attribute.value), attribute.at)
