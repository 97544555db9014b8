"""People with everything that connects them, as loaded from the log, and how it should be."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from nurture.domain.enrollment import Enrollment
from nurture.domain.event import Event
from nurture.domain.identity import Holding, Identifier
from nurture.domain.merging import SequenceOf
from nurture.domain.person import Person
from nurture.domain.scoring import Cell
from nurture.domain.world import JournalEntry


class Logged(NamedTuple):
    """An event from the log, what is thought of who acted, and the person it counts for."""

    event: Event
    verdict: str
    person: int

    @property
    def order(self) -> tuple[datetime, datetime, UUID]:
        """The order in which people acted; of what happened at one instant, in which it was heard of."""
        return self.event.occurred_at, self.event.received_at, self.event.key


@dataclass(slots=True)
class Component:
    """Some people with everything that connects them: those merged into them, what they are known by, their log and their runs.

    `complete` says that the whole log is there and no human decided who somebody is, so that it tells who is who. Events
    from before `horizon` were forgotten; what they told of people is kept.
    """

    people: dict[int, Person]
    holdings: dict[Identifier, Holding]
    log: list[Logged]
    enrollments: list[Enrollment]
    sequence_of: SequenceOf
    complete: bool = True
    horizon: datetime | None = None

    def root(self, person: int) -> int:
        """The id under which a person counts now."""
        merged_into = self.people[person].merged_into
        return person if merged_into is None else merged_into


@dataclass(slots=True)
class Recounted:
    """How everything of a component should be. `owners` are events that count for another person than they did.

    `cells` holds all there is of every person. `parted` are people of whom an earlier merge no longer holds. `refreshed` says
    that `journal` tells all moves and refusals anew.
    """

    people: list[Person] = field(default_factory=list)
    holdings: dict[Identifier, Holding] = field(default_factory=dict)
    owners: dict[UUID, int] = field(default_factory=dict)
    cells: dict[int, Mapping[Cell, int]] = field(default_factory=dict)
    journal: list[JournalEntry] = field(default_factory=list)
    amended: list[JournalEntry] = field(default_factory=list)
    parted: set[int] = field(default_factory=set)
    refreshed: bool = False
