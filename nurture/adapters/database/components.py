"""People with everything that connects them, from the database and back: what *recount* and merges by hand work on."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine, and_, delete, or_, select, update

from nurture.adapters.database.bulk import among, insert_rows, put_rows, update_rows
from nurture.adapters.database.dialect import translated
from nurture.adapters.database.families import locked_family
from nurture.adapters.database.histories import give_histories, reach_of
from nurture.adapters.database.horizons import event_horizon
from nurture.adapters.database.identities import (
    disputes_about,
    holdings_named,
    holdings_of,
    identifier_row,
    journal_entry,
    store_journal,
)  # fmt: skip
from nurture.adapters.database.measuring import Measuring
from nurture.adapters.database.moving import store_runs, store_stage_changes
from nurture.adapters.database.releases import Releases
from nurture.adapters.database.rollups import StandingKeys
from nurture.adapters.database.rows import enrollment_of, enrollment_row, event_of, person_of, person_row
from nurture.adapters.database.switching import keep_switch
from nurture.adapters.database.tables import (
    alerts,
    enrollments,
    events,
    identifiers,
    identity_journal,
    messages,
    people,
    score_cells,
)  # fmt: skip
from nurture.domain.component import Component, Logged, Recounted
from nurture.domain.definitions import Definitions
from nurture.domain.enrollment import Enrollment
from nurture.domain.identity import Identifier, identifiers_in
from nurture.domain.lifecycle import StageChange
from nurture.domain.mail.sending import MessageStatus, Reason
from nurture.domain.person import Person
from nurture.domain.scoring import Cell
from nurture.domain.world import JournalEntry
from nurture.errors import TooMuch


class ComponentTransaction:
    """One transaction on a component; fulfils `ports.Recounting`."""

    def __init__(self, connection: Connection, releases: Releases, keys: StandingKeys) -> None:
        self._connection = connection
        self._releases = releases
        self.measuring = Measuring(connection, keys, self.definitions)
        self._before: dict[int, dict[str, Any]] = {}
        self._runs_before: dict[int, dict[str, Any]] = {}
        self._cells_before: Mapping[int, Mapping[Cell, int]] = {}
        self._held: Mapping[Identifier, Any] = {}

    def definitions(self) -> Definitions:
        return self._releases.current(self._connection)

    def due(self, limit: int) -> list[int]:
        marked = select(people.c.id).where(people.c.recount_at.is_not(None)).order_by(people.c.recount_at, people.c.id)
        return list(self._connection.scalars(marked.limit(limit)))

    def everybody(self, after: int, limit: int) -> list[int]:
        own = select(people.c.id).where(people.c.merged_into.is_(None), people.c.id > after).order_by(people.c.id)
        return list(self._connection.scalars(own.limit(limit)))

    def give_up(self, person: int) -> None:
        self._connection.execute(update(people).where(people.c.id == person).values(recount_at=None))

    def component(self, wanted: Collection[int], most: int, *, connected: bool = True) -> Component:
        rows = self._lock(set(wanted))
        log = self._log(set(rows), most)
        while connected:
            known = set(rows)
            further = self._connected(log, known) - known
            if not further:
                break
            rows |= self._lock(further)
            log += self._log(set(rows) - known, most - len(log))
        return self._loaded(rows, log)

    def _lock(self, wanted: set[int]) -> dict[int, Person]:
        """The people wanted, those they were merged into, and all who were merged into these."""
        which = among(self._connection, people.c.id, locked_family(self._connection, wanted))
        return {row.id: person_of(row) for row in self._connection.execute(select(people).where(which).order_by(people.c.id))}

    def _log(self, ids: Collection[int], most: int) -> list[Logged]:
        """What these people did; raises TooMuch before more than `most` events are loaded."""
        kept = select(events).where(among(self._connection, events.c.person_id, ids)).limit(most + 1)
        log = [Logged(event_of(row), row.verdict, row.person_id) for row in self._connection.execute(kept)]
        if len(log) > most:
            raise TooMuch(f"more than {most:,} events hang together")
        return log

    def _connected(self, log: Iterable[Logged], known: Collection[int]) -> set[int]:
        """Everybody who holds, held or was refused something that these events name."""
        named = {identifier for entry in log for identifier in identifiers_in(entry.event)}
        held = holdings_of(self._connection, known)
        holders = {holding.person for holding in holdings_named(self._connection, named).values()}
        disputes = disputes_about(self._connection, named | held.keys()).values()
        return holders.union(*(each.people for told in disputes for each in told))

    def _loaded(self, rows: dict[int, Person], log: list[Logged]) -> Component:
        self._before = {id_: person_row(person) for id_, person in rows.items()}
        self._held = holdings_of(self._connection, rows)
        self._cells_before = self._cells(rows)
        runs = self._enrollments(rows)
        pinned = self._releases.pinned(self._connection, {(run.sequence, run.version) for run in runs})
        horizon = event_horizon(self._connection)
        forgotten = horizon is not None and any(holding.first_seen_at < horizon for holding in self._held.values())
        return Component(
            people=rows,
            holdings=dict(self._held),
            log=log,
            enrollments=runs,
            sequence_of=lambda run: pinned.get((run.sequence, run.version)),
            complete=not forgotten and not any(person.by_hand for person in rows.values()),
            horizon=horizon,
        )

    def _cells(self, ids: Collection[int]) -> Mapping[int, Mapping[Cell, int]]:
        cells: dict[int, dict[Cell, int]] = defaultdict(dict)
        for row in self._connection.execute(select(score_cells).where(among(self._connection, score_cells.c.person_id, ids))):
            cells[row.person_id][Cell(row.rule, row.day)] = row.hits
        return cells

    def _enrollments(self, ids: Collection[int]) -> list[Enrollment]:
        found = self._connection.execute(select(enrollments).where(among(self._connection, enrollments.c.person_id, ids)))
        runs = [enrollment_of(row) for row in found]
        self._runs_before = {run.id: enrollment_row(run) for run in runs}
        return runs

    def journal(self, entry: int) -> JournalEntry | None:
        row = self._connection.execute(
            select(identity_journal).where(identity_journal.c.id == entry, identity_journal.c.undone_at.is_(None))
        ).one_or_none()
        return None if row is None else journal_entry(row)

    def merges(self, component: Component) -> list[JournalEntry]:
        journal = identity_journal.c
        which = (
            journal.action == "merged",
            journal.undone_at.is_(None),
            among(self._connection, journal.other_id, component.people),
        )
        return [journal_entry(row) for row in self._connection.execute(select(identity_journal).where(*which))]

    def store(self, component: Component, outcome: Recounted, at: datetime, *, settled: bool = True) -> None:
        self._store_people(outcome)
        if settled:
            self._unmark(outcome)
        self._store_holdings(outcome)
        update_rows(self._connection, events, [{"id": key, "person_id": owner} for key, owner in outcome.owners.items()])
        self._store_cells(outcome)
        self._store_runs(component)
        self._store_journal(outcome, at)
        self.measuring.recounted(component, outcome, at)

    def remember(self, outcome: Recounted, component: Component, at: datetime) -> None:
        pinned = [component.sequence_of(run) for run in component.enrollments if run.live]
        reach = reach_of(self.definitions(), [sequence for sequence in pinned if sequence is not None])

        def owner_of(key: UUID, person: int) -> int:
            return component.root(outcome.owners.get(key, person)) if person in component.people else person

        give_histories(self._connection, outcome.people, reach, at, owner_of)

    def store_moves(self, moves: Sequence[StageChange], begun: Sequence[Enrollment]) -> None:
        store_stage_changes(self._connection, moves, self.definitions().handoff)
        store_runs(self._connection, begun)

    def _store_people(self, outcome: Recounted) -> None:
        # Whoever was merged into another points to them, so those others come first.
        new = sorted((person for person in outcome.people if person.new), key=lambda person: person.merged_into is not None)
        insert_rows(self._connection, people, [person_row(person) for person in new])
        rows = [person_row(person) for person in outcome.people if not person.new]
        update_rows(self._connection, people, [row for row in rows if row != self._before[row["id"]]])

    def _unmark(self, outcome: Recounted) -> None:
        marked = among(self._connection, people.c.id, [person.id for person in outcome.people])
        self._connection.execute(update(people).where(marked, people.c.recount_at.is_not(None)).values(recount_at=None))

    def _store_holdings(self, outcome: Recounted) -> None:
        for identifier in self._held.keys() - outcome.holdings.keys():
            which = and_(identifiers.c.kind == identifier.kind, identifiers.c.value == identifier.value)
            self._connection.execute(delete(identifiers).where(which))
        rows = []
        for identifier, holding in sorted(outcome.holdings.items()):
            held = self._held.get(identifier)
            if held is not None and held.last_seen_at > holding.last_seen_at:
                holding = replace(holding, last_seen_at=held.last_seen_at)  # noqa: PLW2901 - the same holding, seen later
            if holding != held:
                rows.append(identifier_row(identifier, holding))
        put_rows(self._connection, identifiers, rows)

    def _store_cells(self, outcome: Recounted) -> None:
        changed = [id_ for id_, cells in outcome.cells.items() if dict(cells) != self._cells_before.get(id_, {})]
        if changed:
            self._connection.execute(delete(score_cells).where(among(self._connection, score_cells.c.person_id, changed)))
        rows = [
            {"person_id": id_, "rule": cell.rule, "day": cell.day, "hits": hits}
            for id_ in changed
            for cell, hits in outcome.cells[id_].items()
        ]
        insert_rows(self._connection, score_cells, rows)

    def _store_runs(self, component: Component) -> None:
        before = self._runs_before
        changed = [run for run in component.enrollments if run.id in before and enrollment_row(run) != before[run.id]]
        for run in changed:
            row = enrollment_row(run)
            self._connection.execute(update(enrollments).where(enrollments.c.id == run.id).values(row))
            of_run = messages.c.enrollment_id == run.id
            self._connection.execute(update(messages).where(of_run).values(person_id=run.person))
            self._connection.execute(update(alerts).where(alerts.c.enrollment_id == run.id).values(person_id=run.person))
            queued = messages.c.status == MessageStatus.QUEUED
            cancelled = and_(messages.c.status == MessageStatus.SKIPPED, messages.c.reason == Reason.ENROLLMENT_ENDED)
            if not run.live:
                ended = {"status": MessageStatus.SKIPPED, "reason": Reason.ENROLLMENT_ENDED}
                self._connection.execute(update(messages).where(of_run, queued).values(ended))
            elif before[run.id]["ended_at"] is not None:
                goes_on = {"status": MessageStatus.QUEUED, "reason": None}
                self._connection.execute(update(messages).where(of_run, cancelled).values(goes_on))

    def _store_journal(self, outcome: Recounted, at: datetime) -> None:
        ids = [person.id for person in outcome.people]
        journal = identity_journal.c
        valid = update(identity_journal).where(journal.undone_at.is_(None)).values(undone_at=at)
        if outcome.refreshed:
            theirs = or_(among(self._connection, journal.person_id, ids), among(self._connection, journal.other_id, ids))
            self._connection.execute(valid.where(journal.action.in_(["moved", "refused"]), theirs))
        if outcome.parted:
            of_them = among(self._connection, journal.other_id, outcome.parted)
            self._connection.execute(valid.where(journal.action == "merged", of_them))
        update_rows(self._connection, identity_journal, [{"id": each.id, "image": each.image} for each in outcome.amended])
        store_journal(self._connection, outcome.journal)


@contextmanager
def components(engine: Engine, releases: Releases, keys: StandingKeys) -> Iterator[ComponentTransaction]:
    """A transaction that commits if the block ends well; Conflict and Unavailable tell that trying again helps."""
    with translated("people are recounted later"), engine.begin() as connection:
        keep_switch(connection)
        transaction = ComponentTransaction(connection, releases, keys)
        yield transaction
        transaction.measuring.write()
