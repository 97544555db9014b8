"""What people did in the past, loaded as far as conditions ask about it."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import Connection, and_, or_, select

from nurture.adapters.database.bulk import among
from nurture.adapters.database.rows import event_of
from nurture.adapters.database.tables import events, people
from nurture.domain.definitions import Definitions
from nurture.domain.history import History, HistoryQuestion, Past, Reach, widest
from nurture.domain.person import Person
from nurture.domain.sequence import Sequence as SequenceDefinition


def reach_of(definitions: Definitions, pinned: Iterable[SequenceDefinition] = ()) -> Reach:
    """How far back conditions look: those in force, and those of older versions that runs are pinned to."""
    older = [question for sequence in pinned for condition in sequence.person_conditions() for question in condition.history()]
    if not older:
        return definitions.history_names
    return widest([*older, *((HistoryQuestion((name,), span)) for name, span in definitions.history_names.items())])


def give_histories(connection: Connection, persons: Sequence[Person], reach: Reach, at: datetime) -> None:
    """Let every person know their own past, as it was needed at instant `at` or later."""
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
        history = by_id[root_of[row.person_id]].history
        if history is not None:
            history.add([Past(row.name, row.occurred_at, event_of(row).facts)])
