"""Everybody a batch of events may concern, and what the batch changes about them."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple
from uuid import UUID

from nurture.domain.consent import Agreements, Statement
from nurture.domain.counting import total
from nurture.domain.definitions import Definitions
from nurture.domain.enrollment import Enrollment
from nurture.domain.event import Event
from nurture.domain.history import History, Reach
from nurture.domain.identity import Identifier, Merge, Register, Resolution
from nurture.domain.ids import stable_id
from nurture.domain.judging import Click
from nurture.domain.lifecycle import StageChange
from nurture.domain.mail.hearing import Bounce, Report
from nurture.domain.mail.suppression import Suppressed
from nurture.domain.merging import image_of
from nurture.domain.person import Person
from nurture.domain.preferences import Lifted, Wish
from nurture.domain.scoring import Cell, grade_of
from nurture.domain.sequence import Sequence
from nurture.domain.verdict import Verdict


class StoredEvent(NamedTuple):
    """An event with the person it counts for, what we think of who acted, and the channel by which they came if they just did."""

    event: Event
    person: int
    verdict: Verdict
    channel: str | None = None


#: Who decided something about who is who, when it was no human: an event on its way in.
BY_EVENT: Final = "event"


class JournalEntry(NamedTuple):
    """Something that happened to who is who. `image` is how both people were before they were joined."""

    at: datetime
    action: Literal["merged", "moved", "refused", "unmerged"]
    person: int
    other: int | None
    reason: str
    by: str = BY_EVENT
    identifier: Identifier | None = None
    event: UUID | None = None
    image: dict[str, Any] | None = None

    @property
    def id(self) -> int:
        """Equal for the same change; of a link refused again and again one entry is kept, with the latest instant."""
        told = (
            (self.identifier, self.reason) if self.action == "refused" else (self.event or self.at.isoformat(), self.identifier)
        )
        return stable_id("identity", self.action, self.person, self.other, *told)


@dataclass(slots=True)
class Changes:
    """What a batch leaves to be stored, all in one transaction. `recounts` are people who no longer follow from the log.

    `hearsay` are suppressions of addresses of which nobody knows which mail they are about. `dropped` came by signed links to people
    who were erased or have expired, or names nobody: nothing is kept of it.
    """

    people: list[Person] = field(default_factory=list)
    register: Register = field(default_factory=Register)
    events: list[StoredEvent] = field(default_factory=list)
    rejudged: dict[UUID, Verdict] = field(default_factory=dict)
    hits: Counter[tuple[int, Cell]] = field(default_factory=Counter)
    merges: list[tuple[int, int]] = field(default_factory=list)
    journal: list[JournalEntry] = field(default_factory=list)
    recounts: set[int] = field(default_factory=set)
    stage_changes: list[StageChange] = field(default_factory=list)
    enrollments: list[Enrollment] = field(default_factory=list)
    suppressions: list[Suppressed] = field(default_factory=list)
    hearsay: list[Suppressed] = field(default_factory=list)
    reports: list[Report] = field(default_factory=list)
    statements: list[Statement] = field(default_factory=list)
    lifted: list[Lifted] = field(default_factory=list)
    wishes: list[Wish] = field(default_factory=list)
    unnamed: list[Event] = field(default_factory=list)
    dropped: list[Event] = field(default_factory=list)

    @property
    def wakes_sequences(self) -> bool:
        """Whether something is due at once."""
        return any(run.live and run.step_since is None for run in self.enrollments)


class World:
    """Everybody a batch may concern, with what is known of them.

    `moves` are the earlier promotions of people without an address: what they started waits for one. `reach` says how far back
    people's histories go. `near` are people of whom only the cells are here that the batch can reach; none of them is joined.
    `held` are the sequences that are paused, `closed` those that nobody enters any more. `bounces` is what was heard of people's mailboxes, and `agreements` is where addresses
    stand with what they agree to, both where the batch asks for it.
    """

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
        clicks: Mapping[int, Iterable[Click]] | None = None,
        moves: Mapping[int, Iterable[StageChange]] | None = None,
        reach: Reach | None = None,
        near: Collection[int] = (),
        held: Collection[str] = (),
        closed: Collection[str] = (),
        bounces: Mapping[int, Iterable[Bounce]] | None = None,
        agreements: Agreements | None = None,
    ) -> None:
        self.definitions = definitions
        self.bounces = {person: list(each) for person, each in (bounces or {}).items()}
        self.agreements = dict(agreements or {})
        self.people = {person.id: person for person in people}
        self.register = register or Register()
        self.cells: dict[int, Counter[Cell]] = defaultdict(Counter)
        for owner, counted in (cells or {}).items():
            self.cells[owner].update(counted)
        self.near = near
        self.enrollments: dict[int, list[Enrollment]] = defaultdict(list)
        for run in enrollments:
            self.enrollments[run.person].append(run)
        self._pinned = pinned or {}
        self.held = held
        self.closed = closed
        self.sent_at = sent_at or {}
        self.clicks = {message: list(each) for message, each in (clicks or {}).items()}
        self.moves = {person: list(each) for person, each in (moves or {}).items()}
        self._reach = definitions.history_names if reach is None else reach
        self.changes = Changes(register=self.register)

    def find(self, person: int) -> Person | None:
        """The person with an id, or the one they were merged into."""
        found = self.people.get(person)
        return self.people.get(found.merged_into) if found is not None and found.merged_into is not None else found

    def create(self, event: Event) -> int:
        """Somebody new, first seen by this event."""
        grades = self.definitions.scoring.grades
        person = Person(
            id=stable_id("person", event.key), stage=self.definitions.lifecycle.first, stage_since=event.occurred_at,
            first_seen_at=event.occurred_at, seen_at=event.occurred_at, grade=grade_of(0, grades), new=True, changed=True,
            history=History((), self._reach),
        )  # fmt: skip
        self.people[person.id] = person
        total(person, {}, self.definitions, event.occurred_at)
        return person.id

    def follow(self, resolution: Resolution, event: Event) -> tuple[Person, list[StageChange]]:
        """Do to people what an event has changed about who they are.

        Returns the event's person, and the earlier promotions that can start something now that there is an address.
        """
        person = self.people[resolution.person]
        awaited = [] if person.email else list(self.moves.get(person.id, ()))
        for merge in resolution.merges:
            awaited += self.moves.get(merge.weak, ())
            self._join(merge, person, event)
        address = self.register.address_of(person.id)
        if address != person.email:
            person.email, person.changed, person.learned = address, True, True
        self.changes.recounts |= resolution.late
        self._note(resolution, event)
        return person, awaited if person.email else []

    def _join(self, merge: Merge, into: Person, event: Event) -> None:
        weak = self.people[merge.weak]
        image = image_of(weak, into, merge.known_by)
        rank = self.definitions.lifecycle.rank
        if rank(weak.stage) > rank(into.stage) >= 0:
            into.stage, into.stage_since = weak.stage, weak.stage_since
        for name, attribute in weak.attributes.items():
            into.learn(name, attribute)
        into.passed(weak.first_seen_at)
        if weak.acted:
            into.saw(weak.seen_at)
        into.came_by(weak.first_touch, weak.last_touch)
        if into.history is not None and weak.history is not None:
            into.history.add(weak.history)
        self.cells[into.id].update(self.cells.pop(weak.id, Counter()))
        weak.merged_into, weak.changed = into.id, True
        weak.heat, weak.heats, weak.sums = 0.0, {}, None
        self.changes.merges.append((weak.id, into.id))
        entry = JournalEntry(
            event.occurred_at, "merged", into.id, weak.id, "an anonymous person became known", event=event.key, image=image
        )
        self.changes.journal.append(entry)

    def _note(self, resolution: Resolution, event: Event) -> None:
        for entry in disputes_in(resolution, event):
            self.changes.journal.append(entry)
            people = {entry.person} if entry.other is None else {entry.person, entry.other}
            if entry.identifier is not None:
                self.register.dispute(entry.identifier, entry.at, people)
            # Some of what came later on a browser that changed hands may have been counted for whoever had it before.
            if entry.action == "moved" and entry.other is not None and self.people[entry.other].seen_at > entry.at:
                self.changes.recounts |= people

    def addresses_of(self, person: Person) -> tuple[str, ...]:
        """The addresses that somebody is known by, the one that is mailed first."""
        others = sorted(
            each.value for each in self.register.held_by(person.id) if each.kind == "email" and each.value != person.email
        )
        return (person.email, *others) if person.email is not None else tuple(others)

    def sequence_of(self, run: Enrollment) -> Sequence | None:
        """The sequence in the version a run is pinned to."""
        return self._pinned.get((run.sequence, run.version))


def disputes_in(resolution: Resolution, event: Event) -> Iterable[JournalEntry]:
    """What the journal keeps of links that changed hands, or were refused, because of an event."""
    at, person = event.occurred_at, resolution.person
    for identifier, former in resolution.moves:
        reason = "a browser showed somebody else's identifier"
        yield JournalEntry(at, "moved", person, former, reason, identifier=identifier, event=event.key)
    for identifier, reason, other in resolution.refusals:
        yield JournalEntry(at, "refused", person, other, reason, identifier=identifier, event=event.key)
