"""One switch for what all workers go by: which definitions are in force, and which sequences are held.

Workers begin runs, move and end them by what they read of it when their transaction began. Whoever turns the switch waits until
these transactions are over and keeps new ones waiting, so that none of them works by what was: a run could otherwise be born on a
version that everybody has just left, or be awake in a sequence that has just been paused.

SQLite has one writer at a time anyway.
"""

from collections import defaultdict
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, String, cast, func, literal_column, select, union_all

from nurture.adapters.database.releases import Releases
from nurture.adapters.database.tables import holds, pauses, releases
from nurture.domain.definitions import Definitions

#: The key of PostgreSQL's advisory lock; any number that nobody else uses in this database.
_SWITCH: Final = 7_305_808_863_412_593
_KEEP: Final = select(func.pg_advisory_xact_lock_shared(_SWITCH))

_WHAT_WORKERS_GO_BY: Final = union_all(
    select(literal_column("'release'").label("what"), cast(func.max(releases.c.id), String).label("name")),
    select(literal_column("'held'"), pauses.c.sequence),
    select(literal_column("'closed'"), holds.c.name).where(holds.c.kind == literal_column("'sequence'")),
)


class InForce(NamedTuple):
    """What workers go by: `held` are the sequences that are paused, `closed` those that nobody enters any more."""

    definitions: Definitions
    held: frozenset[str]
    closed: frozenset[str]


def in_force(connection: Connection, known: Releases) -> InForce:
    """What is in force, asked at once, for a transaction that keeps the switch; raises DefinitionError as `Releases` does."""
    names: dict[str, list[Any]] = defaultdict(list)
    for what, name in connection.execute(_WHAT_WORKERS_GO_BY):
        names[what].append(name)
    newest = names["release"][0]
    definitions = known.of(connection, int(newest) if newest is not None else None)
    return InForce(definitions, frozenset(names["held"]), frozenset(names["closed"]))


def keep_switch(connection: Connection) -> None:
    """Let nobody turn the switch before this transaction ends. Its first statement, or it may wait for what waits for it."""
    if connection.dialect.name == "postgresql":
        connection.execute(_KEEP)


def turn_switch(connection: Connection) -> None:
    """Wait until no transaction goes by what was, and hold up new ones until this one ends. Its first statement."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_SWITCH)))
