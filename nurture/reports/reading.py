"""How reports read: one consistent state of the database, never a lock, never a write."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from sqlalchemy import BigInteger, Boolean, ColumnElement, Connection, Engine, Select, cast, func, literal_column
from sqlalchemy.exc import DBAPIError, OperationalError

from nurture.adapters.database.tables import events, people
from nurture.adapters.database.tables.people import OF_MAIL
from nurture.errors import SettingsError, Unavailable

_UNDEFINED_TABLE: Final = "42P01"


@contextmanager
def snapshot(engine: Engine) -> Iterator[Connection]:
    """A transaction that only reads and sees the same state throughout, whatever the workers write meanwhile.

    Raises Unavailable when the database does not answer, and SettingsError when it has no tables yet.
    """
    options: dict[str, Any] = {"reading": True}
    if engine.dialect.name == "postgresql":
        options |= {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    try:
        with engine.connect() as connection:
            yield connection.execution_options(**options)
    except DBAPIError as error:
        if is_without_tables(error):
            raise SettingsError("the database has no tables yet; run `nurture db upgrade`") from error
        if isinstance(error, OperationalError):
            raise Unavailable("the database does not answer; see that it runs, then ask again") from error
        raise


def is_without_tables(error: DBAPIError) -> bool:
    """Whether a statement failed because a table does not exist."""
    return getattr(error.orig, "sqlstate", None) == _UNDEFINED_TABLE or "no such table" in str(error.orig)


def root() -> ColumnElement[int]:
    """The id under which a row of `people` counts: its own, or that of the person it was merged into."""
    return func.coalesce(people.c.merged_into, people.c.id)


def message_of_event() -> ColumnElement[int]:
    """The message that an event is about; empty where it is about none."""
    # As text first: PostgreSQL would read a JSON number as a 32-bit integer, and ids have 63 bits.
    return cast(events.c.body["message"].as_string(), BigInteger)


def of_mail() -> ColumnElement[bool]:
    """Whether an event says what a reader made of a mail; in the words of the index that holds only these."""
    return literal_column(f"events.{OF_MAIL}", Boolean)


def tally(connection: Connection, counting: Select[Any, int]) -> dict[Any, int]:
    """The rows of a statement that gives a value and how often it occurs."""
    return {row[0]: row[1] for row in connection.execute(counting)}
