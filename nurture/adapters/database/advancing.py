"""The database as advance sees it: claim what is due, store where it stands now and what its steps left."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import chain
from typing import Any

from sqlalchemy import Connection, Engine, select

from nurture.adapters.database.absorbing import AbsorbingTransaction
from nurture.adapters.database.bulk import among, insert_rows, update_rows
from nurture.adapters.database.dialect import translated
from nurture.adapters.database.erased_addresses import ErasedAddresses
from nurture.adapters.database.handing_off import store_alerts
from nurture.adapters.database.histories import give_histories, reach_of
from nurture.adapters.database.releases import Releases
from nurture.adapters.database.rollups import StandingKeys
from nurture.adapters.database.rows import enrollment_of, enrollment_row, person_of
from nurture.adapters.database.switching import keep_switch
from nurture.adapters.database.tables import enrollments, messages, people
from nurture.domain.definitions import Definitions
from nurture.domain.enrollment import Enrollment, EnrollmentStatus
from nurture.domain.event import Event
from nurture.domain.history import HistoryQuestion
from nurture.domain.mail.message import NEVER_LEFT
from nurture.domain.mail.sending import MessageStatus
from nurture.domain.person import Person
from nurture.domain.sequence import Sequence as SequenceDefinition
from nurture.domain.stepping import Move, PlannedMessage, Standing, waits_back_to
from nurture.domain.world import Changes, World


class AdvancingTransaction:
    """One transaction of advance; fulfils `ports.Advancing`."""

    def __init__(self, connection: Connection, releases: Releases, erased: ErasedAddresses, keys: StandingKeys) -> None:
        self._connection = connection
        self._releases = releases
        self._absorbing = AbsorbingTransaction(connection, releases, erased, keys)
        self.measuring = self._absorbing.measuring

    def definitions(self) -> Definitions:
        return self._absorbing.definitions()

    def due(self, limit: int, at: datetime) -> list[Standing]:
        runs, persons = self._claim(limit, at)
        if not runs:
            return []
        pinned = self._releases.pinned(self._connection, {(run.sequence, run.version) for run in runs})
        sequences = {run.id: pinned.get((run.sequence, run.version)) for run in runs}
        self._remember(persons.values(), runs, sequences, at)
        scoring = self.definitions().scoring
        facts = {person.id: person.facts(at, scoring) for person in persons.values()}
        mailed, others = self._mailed(runs, sequences), self._others(runs, sequences)
        _, held, closed = self._absorbing.in_force
        return [
            Standing(
                run, sequences[run.id], facts[run.person], mailed.get(run.person, ()), others.get(run.person, ()), held, closed
            )
            for run in runs
        ]

    def _claim(self, limit: int, at: datetime) -> tuple[list[Enrollment], Mapping[int, Person]]:
        """The most overdue runs, kept from other workers, and their people, kept from absorb meanwhile: no event that a step waits for
        is stored between looking back and waiting.

        Whoever is just being absorbed is passed over, and stays due: to wait for them could be to wait for each other.
        """
        waiting = enrollments.c.status.in_([EnrollmentStatus.ACTIVE.value, EnrollmentStatus.WAITING.value])
        claimed = self._connection.execute(
            select(enrollments, *(column for column in people.c if column is not people.c.id))
            .select_from(enrollments.join(people, people.c.id == enrollments.c.person_id))
            .where(waiting, enrollments.c.due_at <= at)
            .order_by(enrollments.c.due_at)
            .limit(limit)
            .with_for_update(of=[enrollments, people], skip_locked=True, key_share=True)
        ).all()
        return [enrollment_of(row) for row in claimed], {row.person_id: person_of(row, row.person_id) for row in claimed}

    def _remember(
        self,
        persons: Iterable[Person],
        runs: Sequence[Enrollment],
        sequences: Mapping[int, SequenceDefinition | None],
        at: datetime,
    ) -> None:
        """Let people know their past, as far as conditions ask, and as steps that wait for events look back."""
        oldest = {(run.sequence, run.version): run for run in sorted(runs, key=lambda run: run.entered_at, reverse=True)}
        known: list[SequenceDefinition] = []
        looked_back: list[HistoryQuestion] = []
        for run in oldest.values():
            sequence = sequences[run.id]
            if sequence is not None:
                known.append(sequence)
                looked_back += waits_back_to(run, sequence, at)
        give_histories(self._connection, list(persons), reach_of(self.definitions(), known, looked_back), at)

    def _mailed(self, runs: Sequence[Enrollment], sequences: Mapping[int, SequenceDefinition | None]) -> Mapping[int, set[str]]:
        """The e-mails ever queued for the people on sequences that take from pools."""
        asking = {run.person for run in runs if (of := sequences[run.id]) is not None and of.takes_from_pools}
        mailed: dict[int, set[str]] = defaultdict(set)
        if asking:
            left = messages.c.status.not_in(NEVER_LEFT)
            which = among(self._connection, messages.c.person_id, asking)
            for row in self._connection.execute(select(messages.c.person_id, messages.c.template).where(which, left).distinct()):
                mailed[row.person_id].add(row.template)
        return mailed

    def _others(
        self, runs: Sequence[Enrollment], sequences: Mapping[int, SequenceDefinition | None]
    ) -> Mapping[int, list[Enrollment]]:
        """All runs of the people on sequences that lead on to others."""
        asking = {run.person for run in runs if (of := sequences[run.id]) is not None and of.leads_on}
        others: dict[int, list[Enrollment]] = defaultdict(list)
        if asking:
            which = among(self._connection, enrollments.c.person_id, asking)
            for row in self._connection.execute(select(enrollments).where(which)):
                others[row.person_id].append(enrollment_of(row))
        return others

    def store(self, moves: Sequence[Move], at: datetime) -> None:
        planned = [message_row(message, at) for move in moves for message in move.messages]
        insert_rows(self._connection, messages, planned, unless_there=True)
        begun = {run.id: enrollment_row(run) for move in moves for run in move.begun}
        insert_rows(self._connection, enrollments, list(begun.values()), unless_there=True)
        stands = [
            {
                "id": move.enrollment,
                "status": move.status.value,
                "step": move.step,
                "due_at": move.due_at,
                "reason": move.reason,
                "ended_at": at if move.ended else None,
                "step_since": move.step_since,
                "outcomes": dict(move.outcomes) or None,
            }
            for move in moves
        ]
        update_rows(self._connection, enrollments, stands)
        store_alerts(self._connection, list(chain.from_iterable(move.alerts for move in moves)), at)

    def world(self, events: Sequence[Event]) -> World:
        return self._absorbing.world(events)

    def store_changes(self, changes: Changes) -> None:
        self._absorbing.store(changes)


def message_row(message: PlannedMessage, at: datetime) -> dict[str, Any]:
    """A row of `messages` for a step taken at instant `at`."""
    status, reason = (MessageStatus.SKIPPED, message.skipped) if message.skipped else (MessageStatus.QUEUED, None)
    return {
        "id": message.id,
        "enrollment_id": message.enrollment,
        "person_id": message.person,
        "step": message.step,
        "pass": message.pass_,
        "template": message.template,
        "status": status,
        "any_time": message.any_time,
        "planned_at": message.planned_at,
        "due_at": at,
        "priority": message.priority,
        "variant": message.variant,
        "reason": reason,
        "topic": message.topic,
    }


@contextmanager
def advancing(engine: Engine, releases: Releases, erased: ErasedAddresses, keys: StandingKeys) -> Iterator[AdvancingTransaction]:
    """A transaction that commits if the block ends well; Conflict and Unavailable tell that trying again helps."""
    with translated("the steps stay due"), engine.begin() as connection:
        keep_switch(connection)
        transaction = AdvancingTransaction(connection, releases, erased, keys)
        yield transaction
        transaction.measuring.write()
