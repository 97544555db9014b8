"""The little that SQLite and PostgreSQL do differently."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Connection, Date, Integer, Table, cast, func, literal
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError, OperationalError

from nurture.errors import Conflict, Unavailable

#: Serialisation failure and deadlock (SQLSTATE class 40): the transaction was undone and only needs to be run again.
_UNDONE = {"40001", "40P01"}

_EPOCH = date(1970, 1, 1)


def insert(connection: Connection, table: Table) -> Any:
    """An INSERT that knows ON CONFLICT; both dialects write it alike."""
    return (postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert)(table)


def local_day(connection: Connection, at: ColumnElement[Any], timezone: str) -> ColumnElement[int]:
    """The day of an instant on the clocks of a time zone, counted from 1970-01-01, as `domain.measuring.days.local_day` tells it."""
    if connection.dialect.name == "postgresql":
        return cast(func.timezone(timezone, at), Date).op("-", return_type=Integer())(literal(_EPOCH, Date))
    return func.local_day(at, timezone, type_=Integer)


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
