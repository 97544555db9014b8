"""The database as reclassify sees it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime

from sqlalchemy import Connection, Engine, select, update

from nurture.adapters.database.bulk import among, update_rows
from nurture.adapters.database.dialect import translated
from nurture.adapters.database.measuring import Measuring
from nurture.adapters.database.releases import Releases
from nurture.adapters.database.rollups import StandingKeys
from nurture.adapters.database.rows import event_of
from nurture.adapters.database.tables import events, messages, people
from nurture.domain.definitions import Definitions
from nurture.domain.judging import Judged, Revised
from nurture.domain.verdict import Verdict


class ReclassifyingTransaction:
    """One transaction of reclassify; fulfils `flow.reclassify.Reclassifying`."""

    def __init__(self, connection: Connection, releases: Releases, keys: StandingKeys, *, reading: bool) -> None:
        self._connection = connection
        self._releases = releases
        self.measuring = Measuring(connection, keys, self.definitions)
        self._reading = reading

    def definitions(self) -> Definitions:
        return self._releases.current(self._connection)

    def people(self, after: int, limit: int) -> Sequence[int]:
        own = select(people.c.id).where(people.c.merged_into.is_(None), people.c.id > after).order_by(people.c.id)
        return list(self._connection.scalars(own.limit(limit)))

    def log(self, wanted: Sequence[int], since: datetime | None) -> Iterator[Judged]:
        root_of = self._locked(wanted)
        kept = select(events).where(among(self._connection, events.c.person_id, root_of.keys()))
        if since is not None:
            kept = kept.where(events.c.occurred_at >= since)
        ordered = kept.order_by(events.c.occurred_at, events.c.received_at, events.c.id)
        for row in self._connection.execute(ordered, execution_options={"yield_per": 500}):
            yield Judged(event_of(row), Verdict(row.verdict, tuple(row.verdict_reasons or ())), root_of[row.person_id])

    def _locked(self, wanted: Sequence[int]) -> Mapping[int, int]:
        """The root of each of these people and of those merged into them, locked in the order of ids as absorb does."""
        which = among(self._connection, people.c.id, wanted) | among(self._connection, people.c.merged_into, wanted)
        chosen = select(people.c.id, people.c.merged_into).where(which).order_by(people.c.id)
        found = self._connection.execute(chosen if self._reading else chosen.with_for_update())
        return {row.id: row.merged_into or row.id for row in found}

    def sent_at(self, wanted: Sequence[int]) -> Mapping[int, datetime]:
        named = select(people.c.id).where(
            among(self._connection, people.c.id, wanted) | among(self._connection, people.c.merged_into, wanted)
        )
        left = select(messages.c.id, messages.c.sent_at).where(messages.c.person_id.in_(named), messages.c.sent_at.is_not(None))
        return {row.id: row.sent_at for row in self._connection.execute(left)}

    def revise(self, revised: Sequence[Revised], recounted: Iterable[int], at: datetime) -> None:
        rows = [
            {
                "id": each.key,
                "verdict": each.after.kind,
                "verdict_reasons": list(each.after.reasons) or None,
                "channel": each.channel,
            }
            for each in revised
        ]
        self.measuring.rejudge({each.key: (each.after.kind, each.channel) for each in revised}, at)
        update_rows(self._connection, events, rows)
        which = among(self._connection, people.c.id, list(recounted))
        self._connection.execute(update(people).where(which, people.c.recount_at.is_(None)).values(recount_at=at))


@contextmanager
def reclassifying(engine: Engine, releases: Releases, keys: StandingKeys, *, reading: bool) -> Iterator[ReclassifyingTransaction]:
    """A transaction that commits if the block ends well; Conflict and Unavailable tell that trying again helps."""
    with (
        translated("give the same command again"),
        engine.connect().execution_options(reading=reading) as connection,
        connection.begin(),
    ):
        transaction = ReclassifyingTransaction(connection, releases, keys, reading=reading)
        yield transaction
        transaction.measuring.write()
