"""The database as advance sees it: claim what is due, store where it stands now."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from sqlalchemy import Connection, Engine, select

from nurture.adapters.database.bulk import among, insert_rows, update_rows
from nurture.adapters.database.dialect import translated
from nurture.adapters.database.histories import give_histories, reach_of
from nurture.adapters.database.releases import Releases
from nurture.adapters.database.rows import enrollment_of, person_of
from nurture.adapters.database.tables import enrollments, messages, people
from nurture.domain.definitions import Definitions
from nurture.domain.enrollment import EnrollmentStatus
from nurture.domain.sending import MessageStatus
from nurture.domain.stepping import Move
from nurture.ports import Standing


class AdvancingTransaction:
    """One transaction of advance; fulfils `ports.Advancing`."""

    def __init__(self, connection: Connection, releases: Releases) -> None:
        self._connection = connection
        self._releases = releases

    def definitions(self) -> Definitions:
        return self._releases.current(self._connection)

    def due(self, limit: int, at: datetime) -> list[Standing]:
        waiting = enrollments.c.status.in_([EnrollmentStatus.ACTIVE.value, EnrollmentStatus.WAITING.value])
        claimed = self._connection.execute(
            select(enrollments)
            .where(waiting, enrollments.c.due_at <= at)
            .order_by(enrollments.c.due_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        runs = [enrollment_of(row) for row in claimed]
        if not runs:
            return []
        who = select(people).where(among(self._connection, people.c.id, {run.person for run in runs}))
        persons = [person_of(row) for row in self._connection.execute(who)]
        pinned = self._releases.pinned(self._connection, {(run.sequence, run.version) for run in runs})
        definitions = self.definitions()
        give_histories(self._connection, persons, reach_of(definitions, pinned.values()), at)
        facts_of = {person.id: person.facts(at, definitions.scoring) for person in persons}
        return [Standing(run, pinned.get((run.sequence, run.version)), facts_of[run.person]) for run in runs]

    def store(self, moves: Sequence[Move], at: datetime) -> None:
        planned = [
            {
                "id": message.id,
                "enrollment_id": message.enrollment,
                "person_id": message.person,
                "step": message.step,
                "pass": message.pass_,
                "template": message.template,
                "status": MessageStatus.QUEUED,
                "any_time": message.any_time,
                "planned_at": message.planned_at,
                "due_at": message.planned_at,
            }
            for move in moves
            for message in move.messages
        ]
        insert_rows(self._connection, messages, planned, unless_there=True)
        stands = [
            {
                "id": move.enrollment,
                "status": move.status.value,
                "step": move.step,
                "due_at": move.due_at,
                "reason": move.reason,
                "ended_at": at if move.ended else None,
            }
            for move in moves
        ]
        update_rows(self._connection, enrollments, stands)


@contextmanager
def advancing(engine: Engine, releases: Releases) -> Iterator[AdvancingTransaction]:
    """A transaction that commits if the block ends well; Conflict and Unavailable tell that trying again helps."""
    with translated("the steps stay due"), engine.begin() as connection:
        yield AdvancingTransaction(connection, releases)
