"""The engine's decisions without a database: one world that remembers everything, for properties of identity and counting."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from nurture.domain.absorbing import absorb
from nurture.domain.component import Component, Logged, Recounted
from nurture.domain.definitions import Definitions
from nurture.domain.event import Event
from nurture.domain.identity import Dispute, Identifier, Register, identifiers_in
from nurture.domain.recounting import recount
from nurture.domain.scoring import Cell
from nurture.domain.world import JournalEntry, World


class Somebody(NamedTuple):
    """A person without an id: what they did, what they are known by, and what it came to."""

    events: frozenset[str]
    known_by: frozenset[Identifier]
    cells: frozenset[tuple[Cell, int]]
    attributes: frozenset[tuple[str, object]]
    email: str | None


class Memory:
    """Everybody, everything, in memory."""

    def __init__(self, definitions: Definitions, at: datetime) -> None:
        self.definitions, self.at = definitions, at
        self.world = World(definitions)
        self.log: list[Logged] = []
        self.marked: set[int] = set()
        self._journal: list[JournalEntry] = []

    def take(self, *events: Event) -> None:
        """Absorb a batch; what was seen before is left out."""
        seen = {entry.event.key for entry in self.log}
        fresh = list({event.key: event for event in reversed(events) if event.key not in seen}.values())[::-1]
        world = World(
            self.definitions,
            people=[replace(person, new=False, changed=False) for person in self.world.people.values()],
            register=Register.loaded(dict(self.world.register.holdings()), self._disputes(), losses=self._losses()),
            cells=self.world.cells,
        )
        changes = absorb(fresh, world, lambda agent: "crawler" if "bot" in agent else "browser", self.at)
        self.log += [Logged(event, verdict.kind, person) for event, person, verdict, _ in changes.events]
        self.marked |= changes.recounts
        self._journal += changes.journal
        self.world = world

    def _disputes(self) -> Mapping[Identifier, list[Dispute]]:
        told: dict[Identifier, list[Dispute]] = defaultdict(list)
        for entry in self._journal:
            if entry.identifier is not None:
                people = frozenset(each for each in (entry.person, entry.other) if each is not None)
                told[entry.identifier].append(Dispute(entry.at, people))
        return told

    def _losses(self) -> Mapping[int, datetime]:
        lost: dict[int, datetime] = {}
        for entry in self._journal:
            if entry.action == "moved" and entry.other is not None:
                lost[entry.other] = max(entry.at, lost.get(entry.other, entry.at))
        return lost

    def root(self, person: int) -> int:
        found = self.world.find(person)
        assert found is not None
        return found.id

    def connected(self) -> list[set[int]]:
        """The people who hang together: by merges, and by what their events name."""
        parent = {person: person for person in self.world.people}

        def top(person: int) -> int:
            while parent[person] != person:
                person = parent[person]
            return person

        named: dict[Identifier, int] = {}
        links = [(person.id, person.merged_into) for person in self.world.people.values() if person.merged_into is not None]
        for entry in self.log:
            links += [(entry.person, named.setdefault(each, entry.person)) for each in identifiers_in(entry.event)]
        for one, other in links:
            parent[top(one)] = top(other)
        groups: dict[int, set[int]] = defaultdict(set)
        for person in parent:
            groups[top(person)].add(person)
        return list(groups.values())

    def component(self, people: Iterable[int]) -> Component:
        wanted = set(people)
        return Component(
            people={id_: replace(self.world.people[id_]) for id_ in wanted},
            holdings={each: holding for each, holding in self.world.register.holdings() if holding.person in wanted},
            log=[entry for entry in self.log if entry.person in wanted],
            enrollments=[],
            sequence_of=lambda _: None,
        )

    def recount(self) -> None:
        """Work out everybody connected with somebody marked."""
        for group in self.connected():
            if group & self.marked:
                component = self.component(group)
                self._keep(component, recount(component, self.definitions, self.at))
        self.marked.clear()

    def _keep(self, component: Component, outcome: Recounted) -> None:
        ids = {person.id for person in outcome.people}
        self.world.people |= {person.id: person for person in outcome.people}
        others = {each: holding for each, holding in self.world.register.holdings() if holding.person not in ids}
        self.world.register = Register.loaded(others | outcome.holdings)
        for id_, cells in outcome.cells.items():
            self.world.cells[id_] = Counter(cells)
        self.log = [entry._replace(person=outcome.owners.get(entry.event.key, entry.person)) for entry in self.log]
        keys = {entry.event.key for entry in component.log}
        self._journal = [entry for entry in self._journal if entry.event not in keys] + outcome.journal

    def people(self) -> frozenset[Somebody]:
        """Everybody who did something or is known by something. What machines did counts for nobody, so it tells nobody apart."""
        did: dict[int, set[str]] = defaultdict(set)
        for _, holding in self.world.register.holdings():
            did[holding.person] = set()
        for entry in self.log:
            if entry.verdict == "human":
                did[self.root(entry.person)].add(entry.event.message_id)
        return frozenset(
            Somebody(
                frozenset(events),
                self.world.register.held_by(id_),
                frozenset((cell, hits) for cell, hits in self.world.cells[id_].items() if hits),
                frozenset((name, told.value) for name, told in self.world.people[id_].attributes.items()),
                self.world.people[id_].email,
            )
            for id_, events in did.items()
        )
