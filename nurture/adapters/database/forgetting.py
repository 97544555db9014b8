"""The database as forget and erase see it: people and data that are to go, and what goes with them."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Engine, Table, delete, func, or_, select, tuple_, update

from nurture.adapters.database.bulk import among, put_rows, update_rows
from nurture.adapters.database.dialect import translated
from nurture.adapters.database.erased_addresses import ErasedAddresses
from nurture.adapters.database.erasing import delete_about, delete_people, holders_of, suppressed, traces_of, unname
from nurture.adapters.database.families import locked_family
from nurture.adapters.database.histories import give_histories
from nurture.adapters.database.horizons import EVENTS
from nurture.adapters.database.measuring import Measuring
from nurture.adapters.database.releases import Releases
from nurture.adapters.database.rollups import StandingKeys, close
from nurture.adapters.database.rows import person_of, person_row
from nurture.adapters.database.tables import (
    counted_events,
    event_conflicts,
    events,
    horizons,
    identifiers,
    identity_journal,
    messages,
    people,
    score_cells,
    stage_changes,
)  # fmt: skip
from nurture.domain.counting import total
from nurture.domain.definitions import Definitions
from nurture.domain.erasing import Traces
from nurture.domain.event import day_number
from nurture.domain.identity import STRONG
from nurture.domain.mail.sending import MessageStatus
from nurture.domain.privacy import DataClass, oldest_kept
from nurture.domain.scoring import Cell

#: People deleted in one transaction.
PEOPLE: Final = 100

_ON_ITS_WAY: Final = (MessageStatus.QUEUED, MessageStatus.SENDING)


class ForgettingTransaction:
    """One transaction of forget or erase; fulfils `flow.erase.Erasing` and `flow.forget.Forgetting`."""

    def __init__(self, connection: Connection, releases: Releases, erased: ErasedAddresses, keys: StandingKeys) -> None:
        self._connection = connection
        self._releases = releases
        self.measuring = Measuring(connection, keys, self.definitions)
        self._erased = erased
        self._forget: dict[DataClass, Callable[[datetime, int, datetime], int]] = {
            "anonymous": self._forget_anonymous,
            "events": self._forget_events,
            "messages": self._forget_messages,
            "journal": self._forget_journal,
            "conflicts": self._forget_conflicts,
            "counted": self._forget_counted,
        }

    def definitions(self) -> Definitions:
        return self._releases.current(self._connection)

    def traces(self, wanted: Collection[int]) -> Traces:
        return traces_of(self._connection, locked_family(self._connection, wanted)) if wanted else Traces()

    def holders(self, traces: Traces) -> set[int]:
        return holders_of(self._connection, traces)

    def erase(self, wanted: Collection[int], at: datetime, *, wished: bool) -> tuple[Counter[str], Traces]:
        ids = locked_family(self._connection, wanted)
        traces = traces_of(self._connection, ids)
        remembered = traces.addresses if wished else suppressed(self._connection, traces.addresses)
        unnamed = unname(self._connection, traces)
        if not wished and (span := self.definitions().privacy.retention.prospects) is not None:
            close(self._connection, oldest_kept(span, at))
        self.measuring.gone(ids, at)
        removed = delete_about(self._connection, traces) + delete_people(self._connection, ids)
        self._erased.keep(self._connection, remembered, at)
        return removed + Counter(events_unnamed=unnamed), traces

    def erased_before(self, traces: Traces) -> bool:
        return bool(self._erased.known(self._connection, traces.addresses))

    def due(self, what: DataClass, before: datetime) -> int:
        table, old = self.old(what, before)
        return int(self._connection.scalar(select(func.count()).select_from(table).where(*old)) or 0)

    def prospects(self, before: datetime, limit: int) -> list[int]:
        _, old = self.old("prospects", before)
        # In two parts, for each has an index of its own: with an address and with nothing but a user id.
        found: list[int] = []
        for part in (people.c.email.is_not(None), people.c.email.is_(None)):
            asked = select(people.c.id).where(*old, part).order_by(people.c.seen_at).limit(limit - len(found))
            found += self._connection.scalars(asked.with_for_update(skip_locked=True))
        return found

    def forget(self, what: DataClass, before: datetime, limit: int, at: datetime) -> int:
        return self._forget[what](before, limit, at)

    def old(self, what: DataClass, before: datetime) -> tuple[Table, list[ColumnElement[bool]]]:
        """The table of a class of data, and what is true of rows from before an instant."""
        if what in ("anonymous", "prospects"):
            unseen = [people.c.merged_into.is_(None), people.c.seen_at < before]
            known = (
                select(identifiers.c.value).where(identifiers.c.person_id == people.c.id, identifiers.c.kind.in_(STRONG)).exists()
            )
            if what == "anonymous":
                return people, [*unseen, people.c.email.is_(None), ~known]
            last = self.definitions().lifecycle.stages[-1]
            was_there = select(stage_changes.c.id).where(
                stage_changes.c.person_id == people.c.id, stage_changes.c.to_stage == last
            ).exists()  # fmt: skip
            return people, [*unseen, people.c.stage != last, known, ~was_there]
        told = or_(messages.c.subject.is_not(None), messages.c.detail.is_not(None))
        others: dict[str, tuple[Table, list[ColumnElement[bool]]]] = {
            "events": (events, [events.c.occurred_at < before]),
            "messages": (messages, [messages.c.planned_at < before, told, messages.c.status.not_in(_ON_ITS_WAY)]),
            "journal": (identity_journal, [identity_journal.c.at < before]),
            "conflicts": (event_conflicts, [event_conflicts.c.received_at < before]),
            "counted": (counted_events, [counted_events.c.day < day_number(before)]),
        }
        return others[what]

    def _forget_anonymous(self, before: datetime, limit: int, at: datetime) -> int:
        _, old = self.old("anonymous", before)
        asked = select(people.c.id).where(*old).order_by(people.c.seen_at).limit(min(limit, PEOPLE))
        found = list(self._connection.scalars(asked.with_for_update(skip_locked=True)))
        if found:
            everybody = locked_family(self._connection, found)
            close(self._connection, before)
            self.measuring.gone(everybody, at)
            delete_people(self._connection, everybody)
        return len(found)

    def _forget_events(self, before: datetime, limit: int, at: datetime) -> int:
        """A day at a time, the oldest first: some people's events of the day, with all points they earned until its end.

        Whoever looks in between finds that what is stored follows from the log: of people whose turn has not come, the log
        still says all of it.
        """
        oldest = select(events.c.occurred_at).where(events.c.occurred_at < before).order_by(events.c.occurred_at).limit(1)
        first = self._connection.scalar(oldest)
        if first is None:
            return 0
        end = first.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
        that_day = select(events.c.person_id).where(events.c.occurred_at < end).order_by(events.c.occurred_at).limit(limit)
        everybody = locked_family(self._connection, set(self._connection.scalars(that_day)))
        theirs = [among(self._connection, events.c.person_id, everybody), events.c.occurred_at < end]
        conflicts = event_conflicts.c.event_id.in_(select(events.c.id).where(*theirs))
        self._connection.execute(delete(event_conflicts).where(conflicts))
        gone = self._connection.execute(delete(events).where(*theirs)).rowcount
        cells = [among(self._connection, score_cells.c.person_id, everybody), score_cells.c.day < day_number(end)]
        self._connection.execute(delete(score_cells).where(*cells))
        self._move_horizon(end)
        self.measuring.forget_days(everybody)
        self.measuring.touched(everybody, at)
        self._total(everybody, at)
        return gone

    def _total(self, ids: Collection[int], at: datetime) -> None:
        """Give people the heat, fit and grade that what is left of them comes to."""
        own = select(people).where(among(self._connection, people.c.id, ids), people.c.merged_into.is_(None))
        persons = [person_of(row) for row in self._connection.execute(own)]
        cells: dict[int, dict[Cell, int]] = {person.id: {} for person in persons}
        for row in self._connection.execute(select(score_cells).where(among(self._connection, score_cells.c.person_id, cells))):
            cells[row.person_id][Cell(row.rule, row.day)] = row.hits
        definitions = self.definitions()
        give_histories(self._connection, persons, definitions.history_names, at)
        for person in persons:
            total(person, cells[person.id], definitions, at)
        update_rows(self._connection, people, [person_row(person) for person in persons])

    def _move_horizon(self, at: datetime) -> None:
        """Say that events from before an instant were forgotten. A horizon moves forward only."""
        known = self._connection.scalar(select(horizons.c.at).where(horizons.c.what == EVENTS).with_for_update())
        if known is None or known < at:
            put_rows(self._connection, horizons, [{"what": EVENTS, "at": at}])

    def _forget_messages(self, before: datetime, limit: int, at: datetime) -> int:  # noqa: ARG002 - like the others
        _, old = self.old("messages", before)
        some = select(messages.c.id).where(*old).order_by(messages.c.planned_at).limit(limit)
        blanked = update(messages).where(messages.c.id.in_(some)).values(subject=None, detail=None)
        return self._connection.execute(blanked).rowcount

    def _forget_journal(self, before: datetime, limit: int, at: datetime) -> int:  # noqa: ARG002 - like the others
        return self._delete("journal", before, limit, identity_journal.c.at)

    def _forget_conflicts(self, before: datetime, limit: int, at: datetime) -> int:  # noqa: ARG002 - like the others
        return self._delete("conflicts", before, limit, event_conflicts.c.received_at)

    def _forget_counted(self, before: datetime, limit: int, at: datetime) -> int:  # noqa: ARG002 - like the others
        return self._delete("counted", before, limit, counted_events.c.day)

    def _delete(self, what: DataClass, before: datetime, limit: int, age: Any) -> int:
        table, old = self.old(what, before)
        key = tuple_(*table.primary_key) if len(table.primary_key) > 1 else next(iter(table.primary_key))
        some = select(*table.primary_key).where(*old).order_by(age).limit(limit)
        return self._connection.execute(delete(table).where(key.in_(some))).rowcount


@contextmanager
def forgetting(
    engine: Engine, releases: Releases, erased: ErasedAddresses, keys: StandingKeys, *, dry_run: bool = False
) -> Iterator[ForgettingTransaction]:
    """A transaction that commits if the block ends well, or never if it only tries; Conflict and Unavailable tell that trying
    again helps.
    """
    with translated("what is too old stays a little longer"), engine.begin() as connection:
        transaction = ForgettingTransaction(connection, releases, erased, keys)
        yield transaction
        if dry_run:
            connection.rollback()
        else:
            transaction.measuring.write()
