"""Cool: people whose engagement has faded go down a stage. Nothing happens to them, so no event would ever tell.

The only work that time alone brings. Candidates are a range of an index (stage, heat), not a scan: a bound on engagement
today is a bound on heat.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Final, Protocol

from nurture.domain.acting import recycle, state_of
from nurture.domain.definitions import Definitions
from nurture.domain.event import day_number
from nurture.domain.lifecycle import Recycling, StageChange
from nurture.domain.person import Person
from nurture.domain.scoring import heat_for
from nurture.ports import Clock

BATCH: Final = 500


class Cooling(Protocol):
    """The database, as cool sees it: one transaction."""

    def definitions(self) -> Definitions:
        """The definitions in force."""
        ...

    def people_at(self, stage: str, heat_below: float | None, after: int, limit: int, at: datetime) -> Sequence[Person]:
        """Locked people at a stage, by id from `after` on, with their history up to `at`; only those with less heat, if a bound
        is given.
        """
        ...

    def store_moves(self, moved: Sequence[Person], changes: Sequence[StageChange], at: datetime) -> None:
        """Write new stages and why."""
        ...


class CoolStore(Protocol):
    """Opens the transactions of cool."""

    def cooling(self) -> AbstractContextManager[Cooling]:
        """One transaction."""
        ...


def cool(store: CoolStore, clock: Clock, limit: int = BATCH) -> int:
    """Apply every recycling rule to everybody it holds for; returns how many went down. Raises Unavailable and Conflict."""
    at = clock.now()
    with store.cooling() as transaction:
        definitions = transaction.definitions()
    return sum(_cool_by(rule, store, definitions, at, limit) for rule in definitions.lifecycle.recycling)


def _cool_by(rule: Recycling, store: CoolStore, definitions: Definitions, at: datetime, limit: int) -> int:
    bound = rule.engagement_below
    heat_below = None if bound is None else heat_for(bound, day_number(at), definitions.scoring.half_life)
    recycled, after, full = 0, -1, True
    while full:
        with store.cooling() as transaction:
            found = transaction.people_at(rule.from_, heat_below, after, limit, at)
            cooled = [person for person in found if rule.when.holds(person.facts(at, definitions.scoring))]
            changes = [recycle(person, rule, state_of(person.facts(at, definitions.scoring)), at) for person in cooled]
            transaction.store_moves(cooled, changes, at)
        recycled += len(cooled)
        full = len(found) == limit
        after = found[-1].id if found else after
    return recycled
