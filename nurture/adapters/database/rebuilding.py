"""The database as rebuild sees it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, Engine, select

from nurture.adapters.database.bulk import among
from nurture.adapters.database.dialect import translated
from nurture.adapters.database.families import locked_family
from nurture.adapters.database.figure_basis import basis_of, note_basis
from nurture.adapters.database.figures_afresh import Both, days_of_events, of_days, of_events, of_people
from nurture.adapters.database.measuring import Measuring
from nurture.adapters.database.releases import Releases
from nurture.adapters.database.rollups import CORRECTIONS, StandingKeys, add
from nurture.adapters.database.switching import keep_switch
from nurture.adapters.database.tables import people
from nurture.domain.definitions import Definitions
from nurture.domain.measuring.adding import measure_of

#: Days whose events are worked out in one transaction.
_SPAN: Final = 1


class RebuildingTransaction:
    """One transaction of rebuild; fulfils `flow.rebuild.Rebuilding`."""

    def __init__(self, connection: Connection, releases: Releases, keys: StandingKeys) -> None:
        self._connection = connection
        self._releases = releases
        self._keys = keys
        self.measuring = Measuring(connection, keys, self.definitions)

    def definitions(self) -> Definitions:
        return self._releases.current(self._connection)

    def basis(self) -> str:
        return basis_of(self.definitions())

    def people(self, after: int, limit: int, at: datetime) -> int | None:
        own = select(people.c.id).where(people.c.merged_into.is_(None), people.c.id > after).order_by(people.c.id).limit(limit)
        wanted = list(self._connection.scalars(own))
        if not wanted:
            return None
        which = among(self._connection, people.c.id, locked_family(self._connection, wanted))
        rows = self._connection.execute(select(people.c.id, people.c.merged_into).where(which))
        self.measuring.rebuilt({row.id: row.merged_into or row.id for row in rows}, at)
        return int(wanted[-1])

    def days(self, after: int | None) -> int | None:
        measure = measure_of(self.definitions())
        following = next(days_of_events(self._connection, measure, _SPAN, after), None)
        if following is None:
            return None
        self._correct(of_events(self._connection, measure, *following))
        return following[1]

    def sums(self) -> None:
        measure = measure_of(self.definitions())
        self._correct(of_days(self._connection, measure))
        self._correct(of_people(self._connection, measure))

    def done(self, at: datetime) -> None:
        note_basis(self._connection, self.definitions(), at)

    def _correct(self, both: Both) -> None:
        add(self._connection, both.missing(), self._keys, CORRECTIONS)


@contextmanager
def rebuilding(engine: Engine, releases: Releases, keys: StandingKeys, *, of_people: bool) -> Iterator[RebuildingTransaction]:
    """A transaction that commits if the block ends well; Conflict and Unavailable tell that trying again helps.

    One that is not of people sees the same state throughout, so that what is computed and what is stored can be told apart from what
    workers add meanwhile. It adds to a shard of its own: of two that correct the same at once, PostgreSQL undoes one.
    """
    repeatable = {"isolation_level": "REPEATABLE READ"} if engine.dialect.name == "postgresql" and not of_people else {}
    with (
        translated("give the same command again"),
        engine.connect().execution_options(**repeatable) as connection,
        connection.begin(),
    ):
        keep_switch(connection)
        transaction = RebuildingTransaction(connection, releases, keys)
        yield transaction
        transaction.measuring.write()
