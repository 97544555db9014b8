"""Everybody in the simulator's memory, absorbed and recounted by the verbs: for properties of identity and counting."""

from collections import defaultdict
from datetime import datetime
from typing import NamedTuple

from nurture.domain.definitions import Definitions
from nurture.domain.event import Event
from nurture.domain.identity import Identifier
from nurture.domain.scoring import Cell
from nurture.flow.absorb import store_batch
from nurture.flow.recount import recount
from nurture.simulation.memory import Ground, begun
from nurture.simulation.recorder import Recorder
from nurture.simulation.stores import Stores
from tests.support.both_ways import kind_of_agent
from tests.support.waiting import MovableClock


class Somebody(NamedTuple):
    """A person without an id: what they did, what they are known by, and what it came to."""

    events: frozenset[str]
    known_by: frozenset[Identifier]
    cells: frozenset[tuple[Cell, int]]
    attributes: frozenset[tuple[str, object]]
    email: str | None


class Memory:
    """People of one installation at one instant."""

    def __init__(self, definitions: Definitions, at: datetime) -> None:
        self._clock = MovableClock(at)
        self._memory = begun(Ground.of(definitions), at)
        self._stores = Stores(self._memory, Recorder(self._memory, self._clock, silent=True))

    def take(self, *events: Event) -> None:
        """Absorb a batch; what was seen before is left out."""
        store_batch(self._stores, events, kind_of_agent, self._clock.now())

    def recount(self) -> None:
        """Work out everybody connected with somebody marked."""
        while recount(self._stores, self._clock).due:
            pass

    def people(self) -> frozenset[Somebody]:
        """Everybody who did something or is known by something. What machines did counts for nobody, so it tells nobody apart."""
        memory = self._memory
        did: dict[int, set[str]] = defaultdict(set)
        known_by: dict[int, set[Identifier]] = defaultdict(set)
        for identifier, holding in memory.holdings.items():
            known_by[holding.person].add(identifier)
            did[holding.person] = set()
        for entry in memory.log.values():
            root = memory.root(entry.person)
            if entry.verdict == "human" and root is not None:
                did[root.id].add(entry.event.message_id)
        return frozenset(
            Somebody(
                frozenset(events),
                frozenset(known_by[id_]),
                frozenset((cell, hits) for cell, hits in memory.cells[id_].items() if hits),
                frozenset((name, told.value) for name, told in memory.people[id_].attributes.items()),
                memory.people[id_].email,
            )
            for id_, events in did.items()
        )
