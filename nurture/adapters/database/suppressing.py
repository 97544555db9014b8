"""Addresses that are not to be mailed: written, lifted and listed."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, and_, delete, select

from nurture.adapters.database.bulk import insert_rows
from nurture.adapters.database.dialect import translated
from nurture.adapters.database.moving import cancel_suppressed
from nurture.adapters.database.tables import suppressions
from nurture.domain.mail.suppression import ALL, Suppressed


def suppress(connection: Connection, wanted: Sequence[Suppressed]) -> None:
    """Suppress addresses, and cancel what is queued to them; of one that is suppressed already the first reason stays."""
    if wanted:
        rows = {(each.email, each.scope): each._asdict() for each in wanted}
        insert_rows(connection, suppressions, list(rows.values()), unless_there=True)
        cancel_suppressed(connection, [email for email, scope in rows if scope == ALL])


class SuppressingTransaction:
    """One transaction; fulfils `flow.suppress.Suppressing`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def of(self, address: str) -> list[Suppressed]:
        """Why an address is not mailed."""
        theirs = select(suppressions).where(suppressions.c.email == address).order_by(suppressions.c.scope)
        return [suppressed_of(row) for row in self._connection.execute(theirs)]

    def add(self, wanted: Sequence[Suppressed]) -> None:
        """Suppress addresses."""
        suppress(self._connection, wanted)

    def lift(self, address: str, scope: str) -> None:
        """Let an address be mailed again."""
        which = and_(suppressions.c.email == address, suppressions.c.scope == scope)
        self._connection.execute(delete(suppressions).where(which))


def suppressed_of(row: Any) -> Suppressed:
    """A suppression from a full row."""
    return Suppressed(row.email, row.reason, row.source, row.at, row.scope, row.detail)


@contextmanager
def suppressing(engine: Engine) -> Iterator[SuppressingTransaction]:
    """A transaction that commits if the block ends well."""
    with translated("nothing was changed; give the same command again"), engine.begin() as connection:
        yield SuppressingTransaction(connection)
