"""What people did in the past, loaded as far as conditions ask about it."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, and_, or_, select

from nurture.adapters.database.bulk import among
from nurture.adapters.database.rows import event_of
from nurture.adapters.database.tables import events, people
from nurture.domain.definitions import Definitions
from nurture.domain.history import History, HistoryQuestion, Reach, past_of, widest
from nurture.domain.person import Person
from nurture.domain.sequence import Sequence as SequenceDefinition


def reach_of(
    definitions: Definitions, pinned: Iterable[SequenceDefinition] = (), looked_back: Iterable[HistoryQuestion] = ()
) -> Reach:
    """How far back anybody looks: conditions in force, those of older versions that runs are pinned to, and steps that wait."""
    more = {*(question for sequence in pinned for question in sequence.history()), *looked_back}
    if not more:
        return definitions.history_names
    return widest([*more, *(HistoryQuestion((name,), span) for name, span in definitions.history_names.items())])


#: The person for whom an event counts, by its key, when the database has it for a person with an id.
OwnerOf = Callable[[UUID, int], int]


def give_histories(
    connection: Connection, persons: Sequence[Person], reach: Reach, at: datetime, owner_of: OwnerOf | None = None
) -> None:
    """Let every person know their own past, as it was needed at instant `at` or later.

    `owner_of` says whose an event is where that is not stored yet.
    """
    for person in persons:
        person.history = History((), reach)
    if not reach or not persons:
        return
    by_id = {person.id: person for person in persons}
    merged = select(people.c.id, people.c.merged_into).where(among(connection, people.c.merged_into, by_id.keys()))
    root_of = {id_: id_ for id_ in by_id} | {row.id: row.merged_into for row in connection.execute(merged)}
    asked = [
        events.c.name == name if span is None else and_(events.c.name == name, events.c.occurred_at >= at - span)
        for name, span in sorted(reach.items())
    ]
    whose = among(connection, events.c.person_id, root_of.keys())
    for row in connection.execute(select(events).where(whose, events.c.verdict == "human", or_(*asked))):
        owner = by_id.get(owner_of(row.id, row.person_id) if owner_of is not None else root_of[row.person_id])
        if owner is not None and owner.history is not None:
            owner.history.add([past_of(event_of(row))])
