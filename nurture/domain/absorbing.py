"""What a batch of events changes: the decision behind the verb *absorb*.

`World` is everybody the batch may concern, as loaded; `absorb` judges each event (was it a human?), then walks the events in
the order in which people acted and leaves `Changes`, a plain list of what to store. For each event:

1. whose is it? Machine events are stored and go no further;
2. what does it tell of the person, and which scoring rules does it hit?
3. does it promote them, end one of their runs, or put them on a sequence?

What rests on totals (engagement, fit, grade, conditions on the person) is decided once per person, when all events of the
batch are counted.
"""

from collections import defaultdict
from collections.abc import Sequence as Ordered
from datetime import datetime
from uuid import UUID

from nurture.domain.acting import Acting
from nurture.domain.consent import (
    Agreement,
    Purpose,
    Speaker,
    Statement,
    after,
    concerns_consent,
    scopes_of,
    statements_in,
)  # fmt: skip
from nurture.domain.counting import count, total
from nurture.domain.event import EMAIL_OPENED, TOLD_BY_SALES, UNSUBSCRIBED, Event
from nurture.domain.identity import identifiers_in, resolve
from nurture.domain.judging import AT_ONCE_BY_A_MACHINE, Judge
from nurture.domain.lifecycle import StageChange
from nurture.domain.mail.hearing import HEARD, bounce_in, is_of_an_address, report_of, suppression_in
from nurture.domain.mail.tracking import note_open
from nurture.domain.person import Person
from nurture.domain.preferences import Lifted, wish_in
from nurture.domain.scoring import Cell
from nurture.domain.verdict import KindOfAgent, Verdict
from nurture.domain.world import Changes, StoredEvent, World


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
        self.acting = Acting(world.definitions, world.enrollments, world.sequence_of, at, world.held, world.closed)
        self.at = at
        self.last_event: dict[int, Event] = {}
        self.outside: dict[int, list[str]] = {}
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
        if is_of_an_address(event):
            self._hear_of_an_address(event)
            return
        linked = None if event.person is None else self.world.find(event.person)
        if event.person is not None and linked is None:
            # We sign links only for people we know. Whoever this was, was forgotten, and a dead letter would remember them again.
            self.changes.dropped.append(event)
            return
        if linked is None and event.name in TOLD_BY_SALES and not self._names_somebody_known(event):
            self.changes.dropped.append(event)  # an answer is about a lead that sales was told of; it makes nobody
            return
        verdict = self.verdicts[event.key]
        if event.name == EMAIL_OPENED and event.message is None and linked is not None:
            if verdict.kind != "machine":
                note_open(linked, event)
            self.changes.dropped.append(event)
            return
        person, awaited = self._whose(event, verdict) if linked is None else (self._seen_before(linked), [])
        channel = None
        if verdict.kind == "human":
            channel = self._count(event, person)
            self._act(event, person)
            self._listen(event, person)
        else:
            person.passed(event.occurred_at)
        self._hear(event, person, verdict)
        self.changes.events.append(StoredEvent(event, person.id, verdict, channel))
        for change in awaited:
            self.acting.enroll(person, None, change, event.occurred_at)

    def _names_somebody_known(self, event: Event) -> bool:
        return any(self.world.register.owner(each) is not None for each in identifiers_in(event))

    def _hear(self, event: Event, person: Person, verdict: Verdict) -> None:
        """What an event tells of a mail that left: its message, its reader's address, and the runs that end by it."""
        if event.name not in HEARD and not (event.name == UNSUBSCRIBED and verdict.kind == "human"):
            return
        report, heard = report_of(event), self.world.bounces.setdefault(person.id, [])
        if report is not None:
            self.changes.reports.append(report)
        if person.email is not None:
            suppressed = suppression_in(event, person.email, heard, self.definitions.sending.soft_bounces)
            self.changes.suppressions += [suppressed] if suppressed is not None else []
        if (bounce := bounce_in(event)) is not None:
            heard.append(bounce)
        if verdict.kind != "human":
            self.acting.end_by_event(event, person)

    def _listen(self, event: Event, person: Person) -> None:
        """What somebody says of the mail they agree to, or wish for."""
        if not concerns_consent(event):
            return
        consents, agreements = self.definitions.consents, self.world.agreements
        speaker = Speaker(person.id, self.world.addresses_of(person), agreements)
        for said in list(statements_in(event, speaker, consents, self.definitions.sending.default_language)):
            self.changes.statements.append(said)
            where = said.email, said.purpose
            agreements[where] = after(agreements.get(where), said.action, said.at)
            if (purpose := consents.purposes.get(said.purpose)) is not None:
                self._follow(purpose, said, agreements[where], person)
        if person.email is not None and (wish := wish_in(event, person.email)) is not None:
            # What needs a consent that they have not given is not mailed to them anyway, and may be asked for by a form later.
            missing = {name for name in consents.purposes if not speaker.agreed(person.email, name)}
            self.changes.wishes.append(wish.without([scope for name in missing for scope in scopes_of(consents.purposes[name])]))

    def _follow(self, purpose: Purpose, said: Statement, agreement: Agreement, person: Person) -> None:
        """What comes of a word about consent: they are asked to confirm, or have taken up again what they once left."""
        if said.action == "confirmed":
            self.changes.lifted.append(Lifted(said.email, scopes_of(purpose), said.at))
        if purpose.confirm is not None and agreement.state == "asked":
            self.acting.put_on(person, purpose.confirm, said.at)

    def _hear_of_an_address(self, event: Event) -> None:
        """Nobody knows which mail it was: nothing is kept but that the address is not to be mailed, if it says so."""
        if event.email is not None:
            suppressed = suppression_in(event, event.email, (), self.definitions.sending.soft_bounces)
            self.changes.hearsay += [suppressed] if suppressed is not None else []
        self.changes.dropped.append(event)

    def _act(self, event: Event, person: Person) -> None:
        made = len(self.acting.moves)
        self.acting.on_event(event, person)
        if person.email is None:
            # What these promotions start waits for an address, which a later event of the batch may bring.
            self.world.moves.setdefault(person.id, []).extend(self.acting.moves[made:])

    def _whose(self, event: Event, verdict: Verdict) -> tuple[Person, list[StageChange]]:
        """The person of an event without a signed link, and the earlier promotions that it gives an address to."""
        resolution = resolve(event, self.world.register, self.world.create, weakly=verdict.kind == "machine")
        self._seen_before(self.world.people[resolution.person])
        return self.world.follow(resolution, event)

    def _seen_before(self, person: Person) -> Person:
        """Note what is not yet true of a person, before anything of the batch changes it: an address, too, lets people in."""
        if person.id not in self.outside:
            self.outside[person.id] = self.acting.outside(person)
        return person

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
        hits: dict[int, dict[Cell, int]] = defaultdict(dict)
        for (person_id, cell), number in self.changes.hits.items():
            hits[person_id][cell] = number
        changed = hits.keys() | {into for _, into in self.changes.merges}
        for person_id, event in self.last_event.items():
            person = self.world.find(person_id)
            if person is not None:
                added = hits[person.id] if person.id in self.world.near else None
                total(person, self.world.cells[person.id], self.definitions, self.at, added, scored=person.id in changed)
                self.acting.on_state(person, event, self.outside.get(person.id, ()))
        self.changes.stage_changes = self.acting.moves
