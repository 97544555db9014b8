"""What a batch of events changes: the decision behind the verb *absorb*.

`World` is everybody the batch may concern, as loaded; `absorb` walks the events in order and leaves `Changes`, a plain list
of what to store. For each event:

1. whose is it, and was it a human? Machine events are stored and go no further;
2. what does it tell of the person, and which scoring rules does it hit?
3. does it promote them, end one of their runs, or put them on a sequence?

What rests on totals (engagement, fit, grade, conditions on the person) is decided once per person, when all events of the
batch are counted.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Sequence as Ordered
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from nurture.domain.definitions import Definitions
from nurture.domain.enrollment import Ending, Enrollment, ending_by_event, ending_by_state, enter, is_triggered
from nurture.domain.event import UNSUBSCRIBED, Event
from nurture.domain.identity import Register, resolve
from nurture.domain.ids import stable_id
from nurture.domain.lifecycle import (
    Promotion,
    Recycling,
    StageChange,
    highest,
    promotions_by_event,
    promotions_by_state,
    recycling_for,
)  # fmt: skip
from nurture.domain.person import Person, attributes_in
from nurture.domain.scoring import Cell, fit_lines, grade_of, heat_of, heats_of, rules_hit
from nurture.domain.sequence import Sequence
from nurture.domain.verdict import KindOfAgent, Verdict, judge


class StoredEvent(NamedTuple):
    """An event with the person it counts for and what we think of who acted."""

    event: Event
    person: int
    verdict: Verdict


class Suppressed(NamedTuple):
    """An address that is never to be mailed again, by the wish of its owner."""

    email: str
    reason: str
    source: str
    at: datetime


class Parked(NamedTuple):
    """An event that cannot be counted for anybody, with the reason."""

    event: Event
    reason: str


@dataclass(slots=True)
class Changes:
    """What a batch leaves to be stored, all in one transaction."""

    people: list[Person] = field(default_factory=list)
    register: Register = field(default_factory=Register)
    events: list[StoredEvent] = field(default_factory=list)
    hits: Counter[tuple[int, Cell]] = field(default_factory=Counter)
    merges: list[tuple[int, int]] = field(default_factory=list)
    stage_changes: list[StageChange] = field(default_factory=list)
    enrollments: list[Enrollment] = field(default_factory=list)
    suppressions: list[Suppressed] = field(default_factory=list)
    parked: list[Parked] = field(default_factory=list)

    @property
    def wakes_sequences(self) -> bool:
        """Whether something is due at once."""
        return any(run.new and run.live for run in self.enrollments)


class World:
    """Everybody a batch may concern, with what is known of them; fulfils `identity.People`."""

    def __init__(
        self,
        definitions: Definitions,
        *,
        people: Iterable[Person] = (),
        register: Register | None = None,
        cells: Mapping[int, Mapping[Cell, int]] | None = None,
        enrollments: Iterable[Enrollment] = (),
        pinned: Mapping[tuple[str, str], Sequence] | None = None,
        sent_at: Mapping[int, datetime] | None = None,
    ) -> None:
        self.definitions = definitions
        self.people = {person.id: person for person in people}
        self.register = register or Register()
        self.cells: dict[int, Counter[Cell]] = defaultdict(Counter)
        for owner, counted in (cells or {}).items():
            self.cells[owner].update(counted)
        self.enrollments: dict[int, list[Enrollment]] = defaultdict(list)
        for run in enrollments:
            self.enrollments[run.person].append(run)
        self._pinned = pinned or {}
        self.sent_at = sent_at or {}
        self.changes = Changes(register=self.register)

    def find(self, person: int) -> Person | None:
        found = self.people.get(person)
        return self.people.get(found.merged_into) if found is not None and found.merged_into is not None else found

    def create(self, event: Event) -> Person:
        grades = self.definitions.scoring.grades
        person = Person(
            id=stable_id("person", event.key), stage=self.definitions.lifecycle.first, stage_since=event.occurred_at,
            first_seen_at=event.occurred_at, seen_at=event.occurred_at, grade=grade_of(0, grades), new=True, changed=True,
        )  # fmt: skip
        self.people[person.id] = person
        return person

    def merge(self, weak: Person, into: Person) -> None:
        rank = self.definitions.lifecycle.rank
        if rank(weak.stage) > rank(into.stage) >= 0:
            into.stage, into.stage_since = weak.stage, weak.stage_since
        for name, attribute in weak.attributes.items():
            into.learn(name, attribute)
        into.first_seen_at = min(into.first_seen_at, weak.first_seen_at)
        into.seen_at = max(into.seen_at, weak.seen_at)
        moved = self.cells.pop(weak.id, Counter())
        self.cells[into.id].update(moved)
        weak.merged_into, weak.heat, weak.heats = into.id, 0.0, {}
        weak.changed = into.changed = True
        self.changes.merges.append((weak.id, into.id))

    def sequence_of(self, run: Enrollment) -> Sequence | None:
        """The sequence in the version a run is pinned to."""
        return self._pinned.get((run.sequence, run.version))


def absorb(events: Ordered[Event], world: World, kind_of_agent: KindOfAgent, at: datetime) -> Changes:
    """Decide what `events`, none of them seen before, change in `world` at instant `at`."""
    batch = _Batch(world, kind_of_agent, at)
    for event in events:
        batch.take(event)
    for person in batch.last_event:
        batch.settle(person)
    world.changes.people = [person for person in world.people.values() if person.changed]
    world.changes.enrollments = [run for runs in world.enrollments.values() for run in runs if run.new or run.changed]
    return world.changes


class _Batch:
    """The walk through one batch."""

    def __init__(self, world: World, kind_of_agent: KindOfAgent, at: datetime) -> None:
        self.world = world
        self.definitions = world.definitions
        self.changes = world.changes
        self.kind_of_agent = kind_of_agent
        self.at = at
        self.last_event: dict[int, Event] = {}

    def take(self, event: Event) -> None:
        sent_at = self.world.sent_at.get(event.message) if event.message is not None else None
        verdict = judge(event, self.kind_of_agent, sent_at)
        by_machine = verdict.kind == "machine"
        person = resolve(event, self.world.register, self.world, weakly=by_machine)
        if person is None:
            self.changes.parked.append(Parked(event, "the signed link names a person who is no longer known"))
            return
        self.changes.events.append(StoredEvent(event, person.id, verdict))
        if verdict.kind == "human":
            self._count(event, person)
            self._act_on(event, person)

    def _count(self, event: Event, person: Person) -> None:
        for name, attribute in attributes_in(event).items():
            person.learn(name, attribute)
        person.first_seen_at = min(person.first_seen_at, event.occurred_at)
        person.seen_at = max(person.seen_at, event.occurred_at)
        person.changed = True
        for rule in rules_hit(event, self.definitions.rules_by_event):
            cell = Cell(rule.id, event.day)
            self.world.cells[person.id][cell] += 1
            self.changes.hits[person.id, cell] += 1
        self.last_event[person.id] = event

    def _act_on(self, event: Event, person: Person) -> None:
        if event.name == UNSUBSCRIBED and person.email is not None:
            self.changes.suppressions.append(Suppressed(person.email, UNSUBSCRIBED, event.source, event.occurred_at))
        self._end_runs(person, lambda sequence: ending_by_event(sequence, event))
        caused = [rule for rule in self.definitions.lifecycle.promotions if event.name in rule.on]
        if caused:
            rules = promotions_by_event(event, caused, self._facts(person))
            self._promote(person, rules, event.name, event)
        self._enroll(person, event, None)

    def settle(self, person_id: int) -> None:
        """Decide what rests on a person's totals, now that the whole batch is counted."""
        person = self.world.find(person_id)
        if person is None:
            return
        self._total(person)
        event, facts, stage = self.last_event[person_id], self._facts(person), person.stage
        self._promote(person, promotions_by_state(self.definitions.lifecycle.promotions, facts), state_of(facts), event)
        back = recycling_for(person.stage, self.definitions.lifecycle, facts)
        if back is not None:
            self.changes.stage_changes.append(recycle(person, back, state_of(facts), self.at))
        if person.stage != stage:
            facts = self._facts(person)
        self._end_runs(person, lambda sequence: ending_by_state(sequence, facts))

    def _total(self, person: Person) -> None:
        scoring = self.definitions.scoring
        person.heat = heat_of(self.world.cells[person.id], scoring)
        person.heats = heats_of(self.world.cells[person.id], scoring)
        person.fit = sum(points for _, points in fit_lines(self._facts(person), scoring))
        person.grade = grade_of(person.fit, scoring.grades)
        person.changed = True

    def _facts(self, person: Person) -> Mapping[str, Any]:
        return person.facts(self.at, self.definitions.scoring)

    def _promote(self, person: Person, rules: Ordered[Promotion], cause: str, event: Event) -> None:
        rule = highest(rules, person.stage, self.definitions.lifecycle)
        if rule is None:
            return
        change = move(person, rule.to, rule.id, cause, event.occurred_at, event)
        self.changes.stage_changes.append(change)
        self._enroll(person, None, change)

    def _enroll(self, person: Person, event: Event | None, change: StageChange | None) -> None:
        if person.email is None:
            return
        for name, sequence in self.definitions.sequences.items():
            if not is_triggered(sequence.trigger, event, change):
                continue
            if sequence.audience is not None and not sequence.audience.holds(self._facts(person)):
                continue
            runs = self.world.enrollments[person.id]
            run = enter(sequence, self.definitions.versions[name], person.id, runs, self.at)
            if run is not None:
                runs.append(run)

    def _end_runs(self, person: Person, ending_of: Callable[[Sequence], Ending | None]) -> None:
        for run in self.world.enrollments[person.id]:
            sequence = self._sequence_of(run) if run.live else None
            ending = ending_of(sequence) if sequence is not None else None
            if ending is not None:
                run.end(ending, self.at)

    def _sequence_of(self, run: Enrollment) -> Sequence | None:
        return self.definitions.sequences.get(run.sequence) if run.new else self.world.sequence_of(run)


def move(person: Person, to: str, rule: str, cause: str, at: datetime, event: Event | None) -> StageChange:
    """Put a person on another stage and say why."""
    change = StageChange(person.id, person.stage, to, rule, cause, at, event)
    person.stage, person.stage_since, person.changed = to, at, True
    return change


def recycle(person: Person, rule: Recycling, cause: str, at: datetime) -> StageChange:
    """Send a person down a stage by a recycling rule."""
    return move(person, rule.to, rule.id, cause, at, None)


def state_of(facts: Mapping[str, Any]) -> str:
    """The totals on which a decision rested, in words."""
    return f"engagement {facts['engagement']:.1f}, grade {facts['grade']}"
