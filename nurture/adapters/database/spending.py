"""What was spent: read and written as a whole."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from sqlalchemy import Connection, Engine, delete, select, text

from nurture.adapters.database.bulk import among, insert_rows
from nurture.adapters.database.dialect import translated
from nurture.adapters.database.tables import spend
from nurture.domain.spending import Spending


class SpendingTransaction:
    """One transaction; fulfils `flow.spend.Spends`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def known(self, first_day: int, last_day: int) -> list[Spending]:
        """What is known of these days; nobody else adds to it before this transaction ends."""
        if self._connection.dialect.name == "postgresql":
            self._connection.execute(text("LOCK TABLE spend IN SHARE ROW EXCLUSIVE MODE"))
        within = spend.c.last_day >= first_day, spend.c.first_day <= last_day
        found = self._connection.execute(select(spend).where(*within).order_by(spend.c.first_day, spend.c.id))
        return [Spending(row.channel, row.campaign, row.first_day, row.last_day, row.amount, row.currency) for row in found]

    def store(self, new: Sequence[Spending], replaced: Sequence[Spending], at: datetime) -> None:
        """Write what is new instead of what it replaces."""
        if replaced:
            self._connection.execute(delete(spend).where(among(self._connection, spend.c.id, [each.id for each in replaced])))
        insert_rows(self._connection, spend, [{"id": each.id, **each._asdict(), "imported_at": at} for each in new])


@contextmanager
def spending(engine: Engine) -> Iterator[SpendingTransaction]:
    """A transaction that commits if the block ends well."""
    with translated("nothing was imported; give the same command again"), engine.begin() as connection:
        yield SpendingTransaction(connection)
