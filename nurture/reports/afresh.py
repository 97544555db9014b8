"""Everybody computed afresh from the event log, a batch at a time and without a lock, beside what is stored of them."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, select

from nurture.adapters.database.bulk import among
from nurture.adapters.database.horizons import event_horizon
from nurture.adapters.database.rows import event_of, person_of
from nurture.adapters.database.tables import events, people
from nurture.domain.counting import blank, count, forgotten, total
from nurture.domain.definitions import Definitions
from nurture.domain.measuring.adding import was_here
from nurture.domain.measuring.days import local_day
from nurture.domain.person import Person
from nurture.domain.scoring import Cell

#: People who are computed together: what is in memory are their counts, never their events.
BATCH: Final = 500


@dataclass
class Afresh:
    """Some people as `stored`, and by their ids as `computed`, with their `cells` and the `days` on which they were here; `events` of
    theirs were human.

    `root_of` leads from each of their ids, and from those of everybody merged into them, to the id under which they count.
    """

    stored: Sequence[Person]
    root_of: Mapping[int, int]
    computed: dict[int, Person]
    cells: dict[int, Counter[Cell]] = field(default_factory=lambda: defaultdict(Counter))
    days: dict[int, set[int]] = field(default_factory=lambda: defaultdict(set))
    events: int = 0


def everybody_afresh(connection: Connection, definitions: Definitions, at: datetime | None = None) -> Iterator[Afresh]:
    """Everybody who was not merged into another, by id. What rests on time is computed as of `at`; without it, as of the
    instant at which each person was seen last.
    """
    horizon = event_horizon(connection)
    for stored in _stored(connection):
        ids = [person.id for person in stored]
        merged = connection.execute(select(people.c.id, people.c.merged_into).where(among(connection, people.c.merged_into, ids)))
        root_of = {id_: id_ for id_ in ids} | {row.id: row.merged_into for row in merged}
        computed = {person.id: blank(person, definitions, None, forgotten(person, horizon)) for person in stored}
        afresh = Afresh(stored, root_of, computed)
        _count(connection, afresh, definitions)
        for id_, person in computed.items():
            total(person, afresh.cells[id_], definitions, at or person.seen_at)
        yield afresh


def _stored(connection: Connection) -> Iterator[Sequence[Person]]:
    after = -1
    while True:
        following = select(people).where(people.c.id > after, people.c.merged_into.is_(None)).order_by(people.c.id)
        batch = [person_of(row) for row in connection.execute(following.limit(BATCH))]
        if not batch:
            return
        yield batch
        after = batch[-1].id


def _count(connection: Connection, afresh: Afresh, definitions: Definitions) -> None:
    log = select(events).where(among(connection, events.c.person_id, afresh.root_of.keys()), events.c.verdict == "human")
    for row in connection.execute(log, execution_options={"yield_per": 1_000}):
        root, event = afresh.root_of[row.person_id], event_of(row)
        afresh.cells[root].update(count(event, afresh.computed[root], definitions).cells)
        if was_here(event):
            afresh.days[root].add(local_day(event.occurred_at, definitions.business_timezone))
        afresh.events += 1
