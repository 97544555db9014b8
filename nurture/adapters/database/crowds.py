"""People as surveys look at them: some at a time, with what may have triggered a sequence for each."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from itertools import chain
from typing import Any

from sqlalchemy import Connection, Select, select

from nurture.adapters.database.bulk import among
from nurture.adapters.database.histories import give_histories
from nurture.adapters.database.holding import held_and_closed
from nurture.adapters.database.rows import enrollment_of, event_of, person_of, stage_change_of
from nurture.adapters.database.tables import enrollments, events, people, stage_changes
from nurture.domain.definitions import Definitions
from nurture.domain.enrollment import Enrollment
from nurture.domain.person import Person
from nurture.domain.surveying import Crowd, Glance, Happened, Survey, events_asked_for, has_cause, past_asked_for


class CrowdReader:
    """Reads, within one transaction, what surveys that stand at the same place ask of people at instant `at`."""

    def __init__(self, connection: Connection, definitions: Definitions, surveys: Sequence[Survey], at: datetime) -> None:
        self._connection = connection
        asking = [(survey, definitions.sequences[survey.sequence]) for survey in surveys]
        self._backfills = [each for each in asking if each[0].kind == "backfill" and has_cause(each[1])]
        self._stages = {
            sequence.trigger.promoted_to for _, sequence in self._backfills if sequence.trigger.promoted_to is not None
        }
        self._since = min((survey.since for survey, _ in self._backfills), default=at)
        self._reach = past_asked_for([sequence for _, sequence in asking])
        self._looks_back_to = min(at, *(survey.since for survey in surveys))

    def next(self, after: int, limit: int) -> Glance:
        """The next people by id, of those who have an address."""
        wanted = [people.c.id > after, people.c.merged_into.is_(None), people.c.email.is_not(None)]
        found = self._connection.execute(select(people).where(*wanted).order_by(people.c.id).limit(limit))
        persons = [person_of(row) for row in found]
        give_histories(self._connection, persons, self._reach, self._looks_back_to)
        return Glance(persons, self._triggered(persons))

    def closely(self, ids: Collection[int], *, locked: bool = False) -> Crowd:
        """These people as they are now, with all that decides whether they enter; if `locked`, kept so until the transaction ends."""
        which = among(self._connection, people.c.id, ids), people.c.merged_into.is_(None)
        asked = select(people).where(*which).order_by(people.c.id)
        persons = [person_of(row) for row in self._connection.execute(asked.with_for_update() if locked else asked)]
        give_histories(self._connection, persons, self._reach, self._looks_back_to)
        return Crowd(persons, self._happened(persons), self._runs(ids), *held_and_closed(self._connection))

    def _runs(self, ids: Collection[int]) -> Mapping[int, Sequence[Enrollment]]:
        runs: dict[int, list[Enrollment]] = defaultdict(list)
        theirs = among(self._connection, enrollments.c.person_id, ids)
        for row in self._connection.execute(select(enrollments).where(theirs)):
            runs[row.person_id].append(enrollment_of(row))
        return runs

    def _triggered(self, persons: Sequence[Person]) -> set[int]:
        """Who did, or was promoted by, something of the kind that a backfill asks about: known without reading what it was."""
        names = {name for _, sequence in self._backfills for name in sequence.trigger.events}
        if not persons or not self._backfills:
            return set()
        root_of = self._family(persons)
        found: set[int] = set()
        if names:
            found.update(self._connection.scalars(self._events_of(root_of, names, events.c.person_id).distinct()))
        if self._stages:
            found.update(self._connection.scalars(self._moves_of(root_of, stage_changes.c.person_id).distinct()))
        return {root_of[id_] for id_ in found}

    def _happened(self, persons: Sequence[Person]) -> Mapping[int, Sequence[Happened]]:
        """What happened to people that backfills ask about."""
        happened: dict[int, list[Happened]] = defaultdict(list)
        names = set(chain.from_iterable(events_asked_for(sequence) for _, sequence in self._backfills))
        if not persons or not self._backfills:
            return happened
        root_of = self._family(persons)
        if names:
            for row in self._connection.execute(self._events_of(root_of, names, events)):
                happened[root_of[row.person_id]].append(event_of(row))
        if self._stages:
            found = self._connection.execute(self._moves_of(root_of, stage_changes)).all()
            causes = among(self._connection, events.c.id, {row.event_id for row in found if row.event_id is not None})
            by_key = {row.id: event_of(row) for row in self._connection.execute(select(events).where(causes))}
            for row in found:
                happened[root_of[row.person_id]].append(stage_change_of(row, by_key.get(row.event_id)))
        return happened

    def _family(self, persons: Sequence[Person]) -> Mapping[int, int]:
        """These people and whoever was merged into them, each with the person they are."""
        ids = [person.id for person in persons]
        merged = select(people.c.id, people.c.merged_into).where(among(self._connection, people.c.merged_into, ids))
        return {id_: id_ for id_ in ids} | {row.id: row.merged_into for row in self._connection.execute(merged)}

    def _events_of(self, people: Collection[int], names: Collection[str], wanted: Any) -> Select[Any]:
        theirs = among(self._connection, events.c.person_id, people)
        human = events.c.verdict == "human"
        return select(wanted).where(theirs, human, events.c.occurred_at >= self._since, events.c.name.in_(sorted(names)))

    def _moves_of(self, people: Collection[int], wanted: Any) -> Select[Any]:
        theirs = among(self._connection, stage_changes.c.person_id, people)
        reached = stage_changes.c.to_stage.in_(sorted(self._stages))
        return select(wanted).where(theirs, reached, stage_changes.c.at >= self._since)
