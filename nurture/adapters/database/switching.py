"""One switch for what all workers go by: which definitions are in force, and which sequences are held.

Workers begin runs, move and end them by what they read of it when their transaction began. Whoever turns the switch waits until
these transactions are over and keeps new ones waiting, so that none of them works by what was: a run could otherwise be born on a
version that everybody has just left, or be awake in a sequence that has just been paused.

SQLite has one writer at a time anyway.
"""

from typing import Final

from sqlalchemy import Connection, func, select

#: The key of PostgreSQL's advisory lock; any number that nobody else uses in this database.
_SWITCH: Final = 7_305_808_863_412_593


def keep_switch(connection: Connection) -> None:
    """Let nobody turn the switch before this transaction ends. Its first statement, or it may wait for what waits for it."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock_shared(_SWITCH)))


def turn_switch(connection: Connection) -> None:
    """Wait until no transaction goes by what was, and hold up new ones until this one ends. Its first statement."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_SWITCH)))
