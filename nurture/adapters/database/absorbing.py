"""The database as absorb sees it: load everybody a batch may concern, store what was decided."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, Engine, and_, delete, or_, select, update

from nurture.adapters.database.bulk import add_to_rows, among, insert_rows, update_rows
from nurture.adapters.database.dialect import translated
from nurture.adapters.database.handing_off import store_deliveries
from nurture.adapters.database.releases import Releases
from nurture.adapters.database.rows import enrollment_of, enrollment_row, person_of, person_row, stage_change_row
from nurture.adapters.database.tables import (
    enrollments,
    events,
    identifiers,
    messages,
    people,
    score_cells,
    stage_changes,
    suppressions,
)  # fmt: skip
from nurture.domain.absorbing import Changes, World
from nurture.domain.definitions import Definitions
from nurture.domain.enrollment import Enrollment, EnrollmentStatus
from nurture.domain.event import Event
from nurture.domain.identity import Identifier, Register, identifiers_in
from nurture.domain.lifecycle import StageChange
from nurture.domain.person import Person
from nurture.domain.scoring import Cell
from nurture.domain.sending import MessageStatus, Reason
from nurture.errors import Conflict


class AbsorbingTransaction:
    """One transaction of absorb; fulfils `ports.Absorbing`."""

    def __init__(self, connection: Connection, releases: Releases) -> None:
        self._connection = connection
        self._releases = releases

    def definitions(self) -> Definitions:
        return self._releases.current(self._connection)

    def unseen(self, batch: Sequence[Event]) -> list[Event]:
        by_key = {event.key: event for event in reversed(batch)}
        stored = set(self._connection.scalars(select(events.c.id).where(among(self._connection, events.c.id, by_key.keys()))))
        taken: set[UUID] = set()
        return [event for event in batch if by_key[event.key] is event and not (event.key in stored or event.key in taken)]

    def world(self, batch: Sequence[Event]) -> World:
        named = {identifier for event in batch for identifier in identifiers_in(event)}
        linked = {event.person for event in batch if event.person is not None}
        wanted = {owner for _, owner in self._owners(named)} | linked
        everybody = self._lock(wanted)
        register = Register(dict(self._identifiers_of(everybody, named)))
        for identifier in named:
            owner = register.owner(identifier)
            if owner is not None and owner not in everybody:
                raise Conflict
        runs = self._enrollments(everybody)
        return World(
            self.definitions(),
            people=everybody.values(),
            register=register,
            cells=self._cells(everybody),
            enrollments=runs,
            pinned=self._releases.pinned(self._connection, {(run.sequence, run.version) for run in runs if run.live}),
            sent_at=self._sent_at({event.message for event in batch if event.message is not None}),
        )

    def _owners(self, named: set[Identifier]) -> Iterator[tuple[Identifier, int]]:
        if not named:
            return
        values_by_kind: dict[str, list[str]] = defaultdict(list)
        for identifier in named:
            values_by_kind[identifier.kind].append(identifier.value)
        asked = [
            and_(identifiers.c.kind == kind, among(self._connection, identifiers.c.value, values))
            for kind, values in sorted(values_by_kind.items())
        ]
        held = select(identifiers.c.kind, identifiers.c.value, identifiers.c.person_id)
        found = self._connection.execute(held.where(or_(*asked)))
        for kind, value, person in found:
            yield Identifier(kind, value), person

    def _lock(self, wanted: set[int]) -> dict[int, Person]:
        """The people wanted and those they were merged into, locked in the order of their ids, so that no two batches wait
        for each other.
        """
        if not wanted:
            return {}
        named = among(self._connection, people.c.id, wanted)
        targets = select(people.c.merged_into).where(named, people.c.merged_into.is_not(None))
        found = self._connection.execute(
            select(people).where(or_(named, people.c.id.in_(targets))).order_by(people.c.id).with_for_update()
        )
        return {row.id: person_of(row) for row in found}

    def _identifiers_of(self, everybody: Mapping[int, Person], named: set[Identifier]) -> Iterator[tuple[Identifier, int]]:
        # Asked again now that the people are locked: what was true before the lock may have changed while we waited for it.
        if everybody:
            held = select(identifiers.c.kind, identifiers.c.value, identifiers.c.person_id)
            for kind, value, person in self._connection.execute(
                held.where(among(self._connection, identifiers.c.person_id, everybody.keys()))
            ):
                yield Identifier(kind, value), person
        yield from self._owners(named)

    def _cells(self, everybody: Collection[int]) -> Mapping[int, Mapping[Cell, int]]:
        cells: dict[int, dict[Cell, int]] = defaultdict(dict)
        for row in self._connection.execute(
            select(score_cells).where(among(self._connection, score_cells.c.person_id, everybody))
        ):
            cells[row.person_id][Cell(row.rule, row.day)] = row.hits
        return cells

    def _enrollments(self, everybody: Collection[int]) -> list[Enrollment]:
        found = self._connection.execute(select(enrollments).where(among(self._connection, enrollments.c.person_id, everybody)))
        return [enrollment_of(row) for row in found]

    def _sent_at(self, wanted: set[int]) -> Mapping[int, datetime]:
        if not wanted:
            return {}
        found = self._connection.execute(
            select(messages.c.id, messages.c.sent_at).where(among(self._connection, messages.c.id, wanted))
        )
        return {row.id: row.sent_at for row in found if row.sent_at is not None}

    def store(self, changes: Changes) -> None:
        self._store_people(changes.people)
        self._store_identifiers(changes.register)
        self._store_events(changes)
        self._store_hits(changes.hits)
        for weak, into in changes.merges:
            self._move_cells(weak, into)
        self._store_stage_changes(changes.stage_changes)
        self._store_enrollments(changes.enrollments)
        if changes.suppressions:
            rows = {suppressed.email: suppressed._asdict() for suppressed in changes.suppressions}
            insert_rows(self._connection, suppressions, list(rows.values()), unless_there=True)
            self._cancel(people_of=[suppressed.email for suppressed in changes.suppressions])

    def _store_stage_changes(self, moves: Sequence[StageChange]) -> None:
        if moves:
            rows = [stage_change_row(change) for change in moves]
            insert_rows(self._connection, stage_changes, rows)
            store_deliveries(self._connection, rows, self.definitions().handoff)

    def _store_people(self, changed: Sequence[Person]) -> None:
        insert_rows(self._connection, people, [person_row(person) for person in changed if person.new])
        update_rows(self._connection, people, [person_row(person) for person in changed if not person.new])

    def _store_identifiers(self, register: Register) -> None:
        added = [
            {
                "kind": identifier.kind,
                "value": identifier.value,
                "person_id": register.owner(identifier),
                "source": event.source,
                "first_seen_at": event.occurred_at,
                "last_seen_at": event.occurred_at,
                "linked_at": event.occurred_at,
                "assurance": event.assurance,
            }
            for identifier, event in sorted(register.added.items(), key=lambda item: item[0])
        ]
        insert_rows(self._connection, identifiers, added)
        for identifier in sorted(register.moved):
            self._connection.execute(
                update(identifiers)
                .where(identifiers.c.kind == identifier.kind, identifiers.c.value == identifier.value)
                .values(person_id=register.owner(identifier))
            )

    def _store_events(self, changes: Changes) -> None:
        insert_rows(
            self._connection,
            events,
            [
                {
                    "id": event.key,
                    "person_id": person,
                    "name": event.name,
                    "occurred_at": event.occurred_at,
                    "received_at": event.received_at,
                    "verdict": verdict.kind,
                    "verdict_reasons": list(verdict.reasons) or None,
                    "fingerprint": event.fingerprint,
                    "body": event.model_dump(mode="json", exclude_defaults=True, exclude={"name", "occurred_at", "received_at"}),
                }
                for event, person, verdict in changes.events
            ],
        )

    def _store_hits(self, hits: Counter[tuple[int, Cell]]) -> None:
        rows = [
            {"person_id": person, "rule": cell.rule, "day": cell.day, "hits": count}
            for (person, cell), count in sorted(hits.items())
        ]
        add_to_rows(self._connection, score_cells, rows, "hits")

    def _move_cells(self, weak: int, into: int) -> None:
        held = self._connection.execute(
            delete(score_cells)
            .where(score_cells.c.person_id == weak)
            .returning(score_cells.c.rule, score_cells.c.day, score_cells.c.hits)
        )
        self._store_hits(Counter({(into, Cell(row.rule, row.day)): row.hits for row in held}))

    def _store_enrollments(self, runs: Sequence[Enrollment]) -> None:
        insert_rows(self._connection, enrollments, [enrollment_row(run) for run in runs if run.new])
        ended = [run for run in runs if run.changed and not run.new]
        for run in ended:
            self._connection.execute(
                update(enrollments)
                .where(enrollments.c.id == run.id)
                .values(status=run.status, reason=run.reason, ended_at=run.ended_at, due_at=None)
            )
        if ended:
            self._cancel(runs=[run.id for run in ended if run.status == EnrollmentStatus.EXITED or run.reason])

    def _cancel(self, *, runs: Sequence[int] = (), people_of: Sequence[str] = ()) -> None:
        """Queued mails of ended runs, or to suppressed addresses, will not go; say why where it is decided."""
        addressed = select(people.c.id).where(people.c.email.in_(people_of))
        which = messages.c.enrollment_id.in_(runs) if runs else messages.c.person_id.in_(addressed)
        reason = Reason.ENROLLMENT_ENDED if runs else Reason.SUPPRESSED
        self._connection.execute(
            update(messages)
            .where(messages.c.status == MessageStatus.QUEUED, which)
            .values(status=MessageStatus.SKIPPED, reason=reason)
        )


@contextmanager
def absorbing(engine: Engine, releases: Releases) -> Iterator[AbsorbingTransaction]:
    """A transaction that commits if the block ends well; Conflict and Unavailable tell that trying again helps."""
    with translated("the batch stays in the stream"), engine.begin() as connection:
        yield AbsorbingTransaction(connection, releases)
