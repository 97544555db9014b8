"""What a batch of events changes: the decision behind the verb *absorb*.

`World` is everybody the batch may concern, as loaded; `absorb` judges each event (was it a human?), then walks the events in
the order in which people acted and leaves `Changes`, a plain list of what to store. For each event:

1. whose is it? Machine events are stored and go no further;
2. what does it tell of the person, and which scoring rules does it hit?
3. does it promote them, end one of their runs, or put them on a sequence?

What rests on totals (engagement, fit, grade, conditions on the person) is decided once per person, when all events of the
batch are counted.
"""

from collections.abc import Callable, Mapping
from collections.abc import Sequence as Ordered
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from nurture.domain.counting import count, total
from nurture.domain.enrollment import Ending, Enrollment, ending_by_event, ending_by_state, enter, is_triggered
from nurture.domain.event import UNSUBSCRIBED, Event
from nurture.domain.identity import resolve
from nurture.domain.lifecycle import (
    Promotion,
    Recycling,
    StageChange,
    highest,
    promotions_by_event,
    promotions_by_state,
    recycling_for,
    rejection_by_event,
)  # fmt: skip
from nurture.domain.person import Person
from nurture.domain.sequence import Sequence
from nurture.domain.verdict import KindOfAgent, Verdict, clicked_at_once, judge, opened_in_mail
from nurture.domain.world import Changes, Click, Parked, StoredEvent, Suppressed, World


def absorb(events: Ordered[Event], world: World, kind_of_agent: KindOfAgent, at: datetime) -> Changes:
    """Decide what `events`, none of them seen before, change in `world` at instant `at`."""
    batch = _Batch(world, kind_of_agent, at)
    ordered = sorted(events, key=lambda event: (event.occurred_at, event.received_at))
    batch.judge(ordered)
    for event in ordered:
        batch.take(event)
    for person in batch.last_event:
        batch.settle(person)
    world.changes.people = [person for person in world.people.values() if person.changed]
    world.changes.enrollments = [run for runs in world.enrollments.values() for run in runs if run.new or run.changed]
    return world.changes


#: Why a click is a machine's when another link of the same mail was clicked in the same moment.
SEVERAL_LINKS_AT_ONCE: Final = "several_links_at_once"

#: Of a reason that sales gave, what fits into the story of a stage.
LONGEST_REASON: Final = 200


class _Batch:
    """The walk through one batch."""

    def __init__(self, world: World, kind_of_agent: KindOfAgent, at: datetime) -> None:
        self.world = world
        self.definitions = world.definitions
        self.changes = world.changes
        self.kind_of_agent = kind_of_agent
        self.at = at
        self.last_event: dict[int, Event] = {}
        self.verdicts: dict[UUID, Verdict] = {}

    def judge(self, events: Ordered[Event]) -> None:
        """Judge the whole batch before anything of it counts: what comes next may show that an event was a machine's."""
        for event in events:
            if event.consented:
                self.verdicts[event.key] = self._judge(event)

    def take(self, event: Event) -> None:
        if not event.consented:
            self.changes.unnamed.append(event)
            return
        verdict = self.verdicts[event.key]
        found = self._whose(event, verdict)
        if found is None:
            self.changes.parked.append(Parked(event, "the signed link names a person who is no longer known"))
            return
        person, awaited = found
        channel = None
        if verdict.kind == "human":
            channel = self._count(event, person)
            self._act_on(event, person)
        self.changes.events.append(StoredEvent(event, person.id, verdict, channel))
        for change in awaited:
            self._enroll(person, None, change)

    def _judge(self, event: Event) -> Verdict:
        sent_at = self.world.sent_at.get(event.message) if event.message is not None else None
        verdict = judge(event, self.kind_of_agent, sent_at)
        target = opened_in_mail(event)
        if event.message is None or event.person is None or target is None:
            return verdict
        click = Click(event.key, event.person, event.occurred_at, target, verdict.kind == "human")
        clicks = self.world.clicks.setdefault(event.message, [])
        together = clicked_at_once(click, clicks)
        clicks.append(click)
        scanned = Verdict("machine", (SEVERAL_LINKS_AT_ONCE,))
        for other in together:
            if other.human and other.key in self.verdicts:
                self.verdicts[other.key] = scanned
            elif other.human:
                self.changes.rejudged[other.key] = scanned
                self.changes.recounts.add(other.person)
        return scanned if together and click.human else verdict

    def _whose(self, event: Event, verdict: Verdict) -> tuple[Person, list[StageChange]] | None:
        """The person of an event, and the earlier promotions that it gives an address to."""
        if event.person is not None:
            named = self.world.find(event.person)
            return None if named is None else (named, [])
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

    def _act_on(self, event: Event, person: Person) -> None:
        if event.name == UNSUBSCRIBED and person.email is not None:
            self.changes.suppressions.append(Suppressed(person.email, UNSUBSCRIBED, event.source, event.occurred_at))
        self._end_runs(person, lambda sequence: ending_by_event(sequence, event))
        self._reject(event, person)
        caused = [rule for rule in self.definitions.lifecycle.promotions if event.name in rule.on]
        if caused:
            rules = promotions_by_event(event, caused, self._facts(person))
            self._promote(person, rules, event.name, event)
        self._enroll(person, event, None)

    def _reject(self, event: Event, person: Person) -> None:
        """Sales sends somebody back, with a reason; for a while their score alone does not bring them up again."""
        rule = rejection_by_event(event, person.stage, self.definitions.lifecycle)
        if rule is None:
            return
        person.rejected_until = event.occurred_at + rule.cool_down
        reason = str(event.properties.get("reason") or "no reason given")[:LONGEST_REASON]
        self.changes.stage_changes.append(move(person, rule.to, rule.id, f"rejected: {reason}", event.occurred_at, event))

    def settle(self, person_id: int) -> None:
        """Decide what rests on a person's totals, now that the whole batch is counted."""
        person = self.world.find(person_id)
        if person is None:
            return
        total(person, self.world.cells[person.id], self.definitions, self.at)
        event, facts, stage = self.last_event[person_id], self._facts(person), person.stage
        if person.rejected_until is None or person.rejected_until <= self.at:
            self._promote(person, promotions_by_state(self.definitions.lifecycle.promotions, facts), state_of(facts), event)
        back = recycling_for(person.stage, self.definitions.lifecycle, facts)
        if back is not None:
            self.changes.stage_changes.append(recycle(person, back, state_of(facts), self.at))
        if person.stage != stage:
            facts = self._facts(person)
        self._end_runs(person, lambda sequence: ending_by_state(sequence, facts))

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
    change = StageChange(person.id, person.stage, to, rule, cause, at, event, person.touch)
    person.stage, person.stage_since, person.changed = to, at, True
    return change


def recycle(person: Person, rule: Recycling, cause: str, at: datetime) -> StageChange:
    """Send a person down a stage by a recycling rule."""
    return move(person, rule.to, rule.id, cause, at, None)


def state_of(facts: Mapping[str, Any]) -> str:
    """The totals on which a decision rested, in words."""
    return f"engagement {facts['engagement']:.1f}, grade {facts['grade']}"
