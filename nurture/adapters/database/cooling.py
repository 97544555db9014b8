"""The database as cool sees it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from sqlalchemy import Connection, Engine, select, update
from sqlalchemy import insert as plain_insert

from nurture.adapters.database.dialect import translated
from nurture.adapters.database.following_up import follow_moves
from nurture.adapters.database.handing_off import store_deliveries
from nurture.adapters.database.histories import give_histories
from nurture.adapters.database.measuring import Measuring
from nurture.adapters.database.releases import Releases
from nurture.adapters.database.rollups import StandingKeys
from nurture.adapters.database.rows import person_of, stage_change_row
from nurture.adapters.database.switching import keep_switch
from nurture.adapters.database.tables import people, stage_changes
from nurture.domain.definitions import Definitions
from nurture.domain.lifecycle import StageChange
from nurture.domain.person import Person


class CoolingTransaction:
    """One transaction of cool; fulfils `flow.cool.Cooling`."""

    def __init__(self, connection: Connection, releases: Releases, keys: StandingKeys) -> None:
        self._connection = connection
        self._releases = releases
        self.measuring = Measuring(connection, keys, self.definitions)

    def definitions(self) -> Definitions:
        return self._releases.current(self._connection)

    def people_at(self, stage: str, heat_below: float | None, after: int, limit: int, at: datetime) -> Sequence[Person]:
        wanted = [people.c.stage == stage, people.c.merged_into.is_(None), people.c.id > after]
        if heat_below is not None:
            wanted.append(people.c.heat < heat_below)
        found = self._connection.execute(select(people).where(*wanted).order_by(people.c.id).limit(limit).with_for_update())
        persons = [person_of(row) for row in found]
        give_histories(self._connection, persons, self.definitions().history_names, at)
        return persons

    def store_moves(self, moved: Sequence[Person], changes: Sequence[StageChange], at: datetime) -> None:
        for person in moved:
            values = {"stage": person.stage, "stage_since": at}
            self._connection.execute(update(people).where(people.c.id == person.id).values(values))
        if changes:
            rows = [stage_change_row(change) for change in changes]
            self._connection.execute(plain_insert(stage_changes), rows)
            store_deliveries(self._connection, rows, self.definitions().handoff)
            follow_moves(self._connection, rows, self.definitions().handoff)
        self.measuring.touched((person.id for person in moved), at)


@contextmanager
def cooling(engine: Engine, releases: Releases, keys: StandingKeys) -> Iterator[CoolingTransaction]:
    """A transaction that commits if the block ends well; Conflict and Unavailable tell that trying again helps."""
    with translated("people cool later"), engine.begin() as connection:
        keep_switch(connection)
        transaction = CoolingTransaction(connection, releases, keys)
        yield transaction
        transaction.measuring.write()
