"""Who is who by the true order of events: the log of a component, resolved from its beginning.

People bear numbers while the log is replayed. Then everybody gets the id back under which most is known of them, so that links
in mails, runs and messages go on to mean the same human.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from itertools import chain, count
from typing import Final
from uuid import UUID

from nurture.domain.component import Component, Logged, Recounted
from nurture.domain.definitions import Definitions
from nurture.domain.event import Event
from nurture.domain.identity import STRONG, Register, Resolution, resolve
from nurture.domain.ids import stable_id
from nurture.domain.merging import image_of, join_runs
from nurture.domain.person import Person
from nurture.domain.scoring import grade_of
from nurture.domain.world import JournalEntry, disputes_in

#: Who joined two people, when it was the true order of events.
BY_RECOUNT: Final = "recount"


def identify(component: Component, definitions: Definitions, at: datetime) -> Recounted:
    """Place everybody of a component, and every event, where the true order of events puts them. Changes the component."""
    return _Identifying(component, definitions, at).outcome()


class _Replay:
    """The log of a component, resolved in its true order."""

    def __init__(self, log: Iterable[Logged]) -> None:
        self.register = Register()
        self.person_of: dict[UUID, int] = {}
        self.first_event: dict[int, Event] = {}
        self.told: list[tuple[Event, Resolution]] = []
        self._merged: dict[int, int] = {}
        self._numbers = count(1)
        for entry in log:
            if entry.event.person is None:
                self._take(entry)

    def _take(self, entry: Logged) -> None:
        event = entry.event
        resolution = resolve(event, self.register, self._create, weakly=entry.verdict == "machine")
        self._merged |= {merge.weak: resolution.person for merge in resolution.merges}
        self.person_of[event.key] = resolution.person
        if resolution.moves or resolution.refusals:
            self.told.append((event, resolution))

    def _create(self, event: Event) -> int:
        number = next(self._numbers)
        self.first_event[number] = event
        return number

    def root(self, number: int) -> int:
        return self._merged.get(number, number)

    def roots(self) -> list[int]:
        return [number for number in self.first_event if number not in self._merged]


class _Identifying:
    """The walk from a replay back to people with ids."""

    def __init__(self, component: Component, definitions: Definitions, at: datetime) -> None:
        self.component, self.definitions, self.at = component, definitions, at
        self.before = {id_: replace(person) for id_, person in component.people.items()}
        self.log = sorted(component.log, key=lambda entry: entry.order)
        self.replay = _Replay(self.log)
        self.names = self._named()

    def outcome(self) -> Recounted:
        self._make_new_people()
        self._place_people()
        outcome = Recounted(refreshed=True)
        for entry in self.log:
            right = self._owner(entry)
            if self.component.root(entry.person) != right:
                outcome.owners[entry.event.key] = right
        outcome.holdings = {
            identifier: replace(holding, person=self._name(holding.person))
            for identifier, holding in self.replay.register.holdings()
        }
        for number in self.replay.roots():
            self.component.people[self.names[number]].email = self.replay.register.address_of(number)
        outcome.journal = [*self._disputes(), *self._merges()]
        outcome.parted = {id_ for id_, was in self.before.items() if was.merged_into not in (None, self._root(id_))}
        self._join_runs()
        return outcome

    def _named(self) -> dict[int, int]:
        """The id of everybody in the replay; those who are known choose first."""
        names: dict[int, int] = {}
        taken: set[int] = set()
        counted_for = {entry.event.key: entry.person for entry in self.log}
        register, held_by = self.replay.register, self.component.holdings
        for number in sorted(self.replay.roots(), key=lambda number: not register.is_known(number)):
            event = self.replay.first_event[number]
            known_by = sorted(register.held_by(number), key=lambda each: (each.kind not in STRONG, each))
            stored = counted_for[event.key]
            wanted = [held_by[each].person for each in known_by if each in held_by]
            wanted += [self.component.root(stored), stored, stable_id("person", event.key)]
            parted = (stable_id("person", event.key, "parted", time) for time in count(1))
            names[number] = next(each for each in chain(wanted, parted) if each not in taken)
            taken.add(names[number])
        return names

    def _name(self, number: int) -> int:
        return self.names[self.replay.root(number)]

    def _root(self, person: int) -> int | None:
        return self.component.people[person].merged_into

    def _owner(self, entry: Logged) -> int:
        """Whom an event counts for: whoever the replay says, or whoever the person of a signed link has become."""
        number = self.replay.person_of.get(entry.event.key)
        if number is not None:
            return self._name(number)
        linked = entry.event.person
        return self.component.root(linked if linked in self.component.people else entry.person)

    def _make_new_people(self) -> None:
        for number, id_ in self.names.items():
            if id_ not in self.component.people:
                at, grades = self.replay.first_event[number].occurred_at, self.definitions.scoring.grades
                self.component.people[id_] = Person(
                    id=id_, stage=self.definitions.lifecycle.first, stage_since=at, first_seen_at=at, seen_at=at,
                    grade=grade_of(0, grades), new=True, changed=True,
                )  # fmt: skip

    def _place_people(self) -> None:
        """Point everybody who is no person of their own to the one to whom most of what they did belongs."""
        belongs: dict[int, Counter[int]] = defaultdict(Counter)
        for entry in self.log:
            number = self.replay.person_of.get(entry.event.key)
            if number is not None:
                belongs[entry.person][self._name(number)] += 1
        for identifier, holding in self.component.holdings.items():
            owner = self.replay.register.owner(identifier)
            if owner is not None:
                belongs[holding.person][self._name(owner)] += 0
        own = set(self.names.values())
        for id_, person in self.component.people.items():
            if id_ in own:
                person.merged_into = None
            elif belongs[id_]:
                person.merged_into = min(belongs[id_], key=lambda root: (-belongs[id_][root], root))
        for person in self.component.people.values():
            while person.merged_into is not None and (further := self._root(person.merged_into)) is not None:
                person.merged_into = further
            self._lift(person)

    def _lift(self, person: Person) -> None:
        """Nobody falls back a stage because a part of them stood higher."""
        if person.merged_into is None:
            return
        into, rank = self.component.people[person.merged_into], self.definitions.lifecycle.rank
        if rank(person.stage) > rank(into.stage) >= 0:
            into.stage, into.stage_since = person.stage, person.stage_since

    def _disputes(self) -> Iterable[JournalEntry]:
        for event, resolution in self.replay.told:
            for entry in disputes_in(resolution, event):
                other = None if entry.other is None else self._name(entry.other)
                yield entry._replace(person=self._name(entry.person), other=other)

    def _merges(self) -> Iterable[JournalEntry]:
        for id_, was in self.before.items():
            into = self._root(id_)
            if into is not None and into != was.merged_into:
                known_by = {each: holding for each, holding in self.component.holdings.items() if holding.person == id_}
                image = image_of(was, self.before.get(into, self.component.people[into]), known_by)
                reason = "the true order of events joined them"
                yield JournalEntry(self.at, "merged", into, id_, reason, BY_RECOUNT, image=image)

    def _join_runs(self) -> None:
        for id_ in self.before:
            into = self._root(id_)
            if into is not None:
                own = [run for run in self.component.enrollments if run.person == into]
                coming = [run for run in self.component.enrollments if run.person == id_]
                join_runs(own, coming, into, self.component.sequence_of, self.at)
