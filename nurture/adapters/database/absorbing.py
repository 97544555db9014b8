"""The database as absorb sees it: what is stored already, everybody a batch may concern, and what was decided."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine, Executable, bindparam, delete, literal, select, union_all, update

from nurture.adapters.database.bulk import Among, add_to_rows, among, ask, insert_rows, update_rows
from nurture.adapters.database.consenting import store_lifted, store_statements, store_wishes
from nurture.adapters.database.dialect import translated
from nurture.adapters.database.erased_addresses import ErasedAddresses
from nurture.adapters.database.following_up import note_answers
from nurture.adapters.database.identities import store_journal, store_register
from nurture.adapters.database.measuring import Measuring
from nurture.adapters.database.moving import store_runs, store_stage_changes
from nurture.adapters.database.releases import Releases
from nurture.adapters.database.rollups import StandingKeys
from nurture.adapters.database.rows import person_row
from nurture.adapters.database.suppressing import suppress
from nurture.adapters.database.switching import InForce, in_force, keep_switch
from nurture.adapters.database.tables import (
    counted_events,
    daily_counts,
    event_conflicts,
    events,
    messages,
    people,
    score_cells,
)  # fmt: skip
from nurture.adapters.database.worlds import WorldReader
from nurture.domain.definitions import Definitions
from nurture.domain.event import Event
from nurture.domain.mail.hearing import Report
from nurture.domain.mail.suppression import Suppressed
from nurture.domain.mail.tracking import counted_as
from nurture.domain.person import Person
from nurture.domain.scoring import Cell
from nurture.domain.touches import touch_of
from nurture.domain.verdict import Verdict
from nurture.domain.world import Changes, World


class AbsorbingTransaction:
    """One transaction of absorb; fulfils `ports.Absorbing`."""

    def __init__(self, connection: Connection, releases: Releases, erased: ErasedAddresses, keys: StandingKeys) -> None:
        self._connection = connection
        self._releases = releases
        self._erased = erased
        self.measuring = Measuring(connection, keys, self.definitions)

    def definitions(self) -> Definitions:
        return self.in_force.definitions

    @cached_property
    def in_force(self) -> InForce:
        return in_force(self._connection, self._releases)

    def unseen(self, batch: Sequence[Event]) -> list[Event]:
        """The events that are not stored yet. One that says something else under the id of another is kept as a conflict."""
        first = {event.key: event for event in reversed(batch)}
        stored = self._fingerprints(first.keys())
        fresh = [event for event in batch if first[event.key] is event and event.key not in stored]
        repeated = [event for event in batch if event.key in stored or first[event.key] is not event]
        if repeated:
            known = {key: event.fingerprint for key, event in first.items()} | stored
            other = [event for event in repeated if known[event.key] not in (0, event.fingerprint)]
            self._store_conflicts([event for event in other if event.consented])
        return fresh

    def _fingerprints(self, keys: Any) -> dict[UUID, int]:
        return {row.id: row.fingerprint for row in ask(self._connection, _stored_already, keys=keys)}

    def _store_conflicts(self, found: Sequence[Event]) -> None:
        rows = {
            (event.key, event.fingerprint): {
                "event_id": event.key,
                "fingerprint": event.fingerprint,
                "received_at": event.received_at,
                "body": event.model_dump(mode="json", exclude_defaults=True),
            }
            for event in found
        }
        insert_rows(self._connection, event_conflicts, list(rows.values()), unless_there=True)

    def world(self, batch: Sequence[Event]) -> World:
        return WorldReader(self._connection, self._releases, self.in_force).read(batch)

    def store(self, changes: Changes) -> None:
        self._store_people(changes.people)
        store_register(self._connection, changes.register)
        self._store_events(changes)
        self._store_unnamed(changes.unnamed)
        self._store_hits(changes.hits)
        for weak, into in changes.merges:
            self._move_cells(weak, into)
        store_journal(self._connection, changes.journal)
        self.measuring.absorbed(changes)
        self._store_rejudged(changes.rejudged)
        self._mark(changes)
        store_stage_changes(self._connection, changes.stage_changes, self.definitions().handoff)
        note_answers(self._connection, changes.events)
        store_runs(self._connection, changes.enrollments)
        self._report(changes.reports)
        wanted = [*changes.suppressions, *self._erased_before(changes), *self._unless_erased(changes.hearsay)]
        suppress(self._connection, wanted)
        store_statements(self._connection, changes.statements)
        store_lifted(self._connection, changes.lifted)
        store_wishes(self._connection, changes.wishes)

    def _erased_before(self, changes: Changes) -> list[Suppressed]:
        """New addresses whose owner was erased. Asked after they are written: whoever erases them just now was waited for."""
        addresses = [each.value for each in changes.register.added if each.kind == "email"]
        if not addresses:
            return []
        return self._erased.suppressions(self._connection, addresses, min(event.received_at for event, *_ in changes.events))

    def _unless_erased(self, wanted: Sequence[Suppressed]) -> list[Suppressed]:
        """Of people who were erased a hash is kept that does as much; their address is not written down again."""
        if not wanted:
            return []
        gone = self._erased.suppressions(self._connection, [each.email for each in wanted], wanted[0].at)
        return [each for each in wanted if each.email not in {erased.email for erased in gone}]

    def _report(self, reports: Sequence[Report]) -> None:
        """Put messages where mail servers and readers say that they are; a report that comes late takes nothing back."""
        if not reports:
            return
        which = among(self._connection, messages.c.id, {report.message for report in reports})
        asked = select(messages.c.id, messages.c.status, messages.c.sent_at).where(which).order_by(messages.c.id)
        found = {row.id: row for row in self._connection.execute(asked.with_for_update())}
        rows = {}
        for report in sorted(reports, key=lambda report: len(report.replaces)):
            if report.message in found and found[report.message].status in report.replaces:
                sent_at = found[report.message].sent_at or report.at
                rows[report.message] = {
                    "id": report.message, "status": report.status, "detail": report.detail, "sent_at": sent_at,
                    "lease_until": None, "claimed_by": None,
                }  # fmt: skip
        update_rows(self._connection, messages, list(rows.values()))

    def _store_people(self, changed: Sequence[Person]) -> None:
        # Whoever was merged into another points to them, so those others come first.
        new = sorted((person for person in changed if person.new), key=lambda person: person.merged_into is not None)
        insert_rows(self._connection, people, [person_row(person) for person in new])
        update_rows(self._connection, people, [person_row(person) for person in changed if not person.new])

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
                    "channel": channel,
                    "fingerprint": event.fingerprint,
                    "body": event.body,
                }
                for event, person, verdict, channel in changes.events
            ],
        )

    def _store_unnamed(self, unnamed: Sequence[Event]) -> None:
        channels = self.definitions().channels
        touches = [(event, touch_of(event, channels)) for event in unnamed]
        counts = Counter((event.day, counted_as(event), touch.channel if touch else "") for event, touch in touches)
        rows = [{"day": day, "name": name, "channel": channel, "events": n} for (day, name, channel), n in sorted(counts.items())]
        add_to_rows(self._connection, daily_counts, rows, "events")
        keys = [{"id": event.key, "day": event.day} for event in unnamed]
        insert_rows(self._connection, counted_events, keys)

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

    def _store_rejudged(self, rejudged: Mapping[UUID, Verdict]) -> None:
        rows = [
            {"id": key, "verdict": each.kind, "verdict_reasons": list(each.reasons), "channel": None}
            for key, each in rejudged.items()
        ]
        update_rows(self._connection, events, rows)

    def _mark(self, changes: Changes) -> None:
        """Leave people who no longer follow from the log to the verb *recount*."""
        if changes.recounts:
            due = min(event.received_at for event, *_ in changes.events)
            ask(self._connection, _marked, recounts=changes.recounts, due=due)


def _stored_already(among: Among) -> Executable:
    held = select(events.c.id, events.c.fingerprint).where(among(events.c.id, "keys"))
    counted = select(counted_events.c.id, literal(0)).where(among(counted_events.c.id, "keys"))
    return union_all(held, counted)


def _marked(among: Among) -> Executable:
    unmarked = among(people.c.id, "recounts"), people.c.recount_at.is_(None)
    return update(people).where(*unmarked).values(recount_at=bindparam("due"))


@contextmanager
def absorbing(engine: Engine, releases: Releases, erased: ErasedAddresses, keys: StandingKeys) -> Iterator[AbsorbingTransaction]:
    """A transaction that commits if the block ends well; Conflict and Unavailable tell that trying again helps."""
    with translated("the batch stays in the stream"), engine.begin() as connection:
        keep_switch(connection)
        transaction = AbsorbingTransaction(connection, releases, erased, keys)
        yield transaction
        transaction.measuring.write()
