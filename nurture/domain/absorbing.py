"""What a batch of events changes: the decision behind the verb *absorb*.

`World` is everybody the batch may concern, as loaded; `absorb` judges each event (was it a human?), then walks the events in
the order in which people acted and leaves `Changes`, a plain list of what to store. For each event:

1. whose is it? Machine events are stored and go no further;
2. what does it tell of the person, and which scoring rules does it hit?
3. does it promote them, end one of their runs, or put them on a sequence?

What rests on totals (engagement, fit, grade, conditions on the person) is decided once per person, when all events of the
batch are counted.
"""

from collections.abc import Sequence as Ordered
from datetime import datetime
from uuid import UUID

from nurture.domain.acting import Acting
from nurture.domain.counting import count, total
from nurture.domain.event import UNSUBSCRIBED, Event
from nurture.domain.identity import resolve
from nurture.domain.judging import AT_ONCE_BY_A_MACHINE, Judge
from nurture.domain.lifecycle import StageChange
from nurture.domain.person import Person
from nurture.domain.verdict import KindOfAgent, Verdict
from nurture.domain.world import Changes, StoredEvent, Suppressed, World


def absorb(events: Ordered[Event], world: World, kind_of_agent: KindOfAgent, at: datetime) -> Changes:
    """Decide what `events`, none of them seen before, change in `world` at instant `at`."""
    batch = _Batch(world, kind_of_agent, at)
    ordered = sorted(events, key=lambda event: (event.occurred_at, event.received_at))
    batch.judge(ordered)
    for event in ordered:
        batch.take(event)
    batch.settle()
    world.changes.people = [person for person in world.people.values() if person.changed]
    world.changes.enrollments = [run for runs in world.enrollments.values() for run in runs if run.new or run.changed]
    return world.changes


class _Batch:
    """The walk through one batch."""

    def __init__(self, world: World, kind_of_agent: KindOfAgent, at: datetime) -> None:
        self.world = world
        self.definitions = world.definitions
        self.changes = world.changes
        self.judging = Judge(kind_of_agent, world.sent_at, world.clicks)
        self.acting = Acting(world.definitions, world.enrollments, world.sequence_of, at)
        self.at = at
        self.last_event: dict[int, Event] = {}
        self.verdicts: dict[UUID, Verdict] = {}

    def judge(self, events: Ordered[Event]) -> None:
        """Judge the whole batch before anything of it counts: what comes next may show that an event was a machine's."""
        self.verdicts = {event.key: self.judging.verdict(event) for event in events if event.consented}
        for key, person in self.judging.rejudged.items():
            if key in self.verdicts:
                self.verdicts[key] = AT_ONCE_BY_A_MACHINE
            else:
                self.changes.rejudged[key] = AT_ONCE_BY_A_MACHINE
                self.changes.recounts.add(person)

    def take(self, event: Event) -> None:
        if not event.consented:
            self.changes.unnamed.append(event)
            return
        linked = None if event.person is None else self.world.find(event.person)
        if event.person is not None and linked is None:
            # We sign links only for people we know. Whoever this was, was forgotten, and a dead letter would remember them again.
            self.changes.dropped.append(event)
            return
        verdict = self.verdicts[event.key]
        person, awaited = (linked, []) if linked is not None else self._whose(event, verdict)
        channel = None
        if verdict.kind == "human":
            channel = self._count(event, person)
            if event.name == UNSUBSCRIBED and person.email is not None:
                self.changes.suppressions.append(Suppressed(person.email, UNSUBSCRIBED, event.source, event.occurred_at))
            self.acting.on_event(event, person)
        else:
            person.passed(event.occurred_at)
        self.changes.events.append(StoredEvent(event, person.id, verdict, channel))
        for change in awaited:
            self.acting.enroll(person, None, change, event.occurred_at)

    def _whose(self, event: Event, verdict: Verdict) -> tuple[Person, list[StageChange]]:
        """The person of an event without a signed link, and the earlier promotions that it gives an address to."""
        resolution = resolve(event, self.world.register, self.world.create, weakly=verdict.kind == "machine")
        return self.world.follow(resolution, event)

    def _count(self, event: Event, person: Person) -> str | None:
        """Count an event; the channel by which it brought the person, if it did."""
        counted = count(event, person, self.definitions)
        for cell in counted.cells:
            self.world.cells[person.id][cell] += 1
            self.changes.hits[person.id, cell] += 1
        self.last_event[person.id] = event
        return counted.touch.channel if counted.touch is not None else None

    def settle(self) -> None:
        """Decide what rests on people's totals, now that the whole batch is counted."""
        for person_id, event in self.last_event.items():
            person = self.world.find(person_id)
            if person is not None:
                before = self.world.cells_before.get(person.id)
                total(person, self.world.cells[person.id], self.definitions, self.at, before)
                self.acting.on_state(person, event)
        self.changes.stage_changes = self.acting.moves
