"""The little that SQLite and PostgreSQL do differently."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError, OperationalError

from nurture.errors import Conflict, Unavailable

#: Serialisation failure and deadlock (SQLSTATE class 40): the transaction was undone and only needs to be run again.
_UNDONE = {"40001", "40P01"}


def insert(connection: Connection, table: Table) -> Any:
    """An INSERT that knows ON CONFLICT; both dialects write it alike."""
    return (postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert)(table)


@contextmanager
def translated(consequence: str) -> Iterator[None]:
    """The database's errors in the engine's words."""
    try:
        yield
    except IntegrityError as error:
        raise Conflict(f"another worker wrote the same key first: {type(error.orig).__name__}") from error
    except OperationalError as error:
        if getattr(error.orig, "sqlstate", None) in _UNDONE:
            raise Conflict("the database undid the transaction because of another one") from error
        raise Unavailable(f"the database does not answer; {consequence}") from error
