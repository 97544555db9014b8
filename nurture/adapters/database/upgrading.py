"""Upgrading a database in steps that let the version before go on working (see docs/upgrades.md)."""

from collections.abc import Callable, Sequence

from sqlalchemy import Connection, Engine, column, select, table
from sqlalchemy.exc import OperationalError

from nurture.adapters.database import revisions
from nurture.errors import Refused


def standing(connection: Connection) -> str | None:
    """The revision a database stands at; None if it was never migrated."""
    if not connection.dialect.has_table(connection, "alembic_version"):
        return None
    return connection.scalar(select(column("version_num")).select_from(table("alembic_version")))


def current(engine: Engine) -> str | None:
    """The same, asked in a transaction of its own."""
    with engine.connect().execution_options(reading=True) as connection:
        return standing(connection)


def require_fit(engine: Engine) -> None:
    """Raise Refused, with the command to type, if this version cannot work with the database as it stands.

    A database that does not answer just now is no reason: whoever needs it waits for it.
    """
    try:
        found = current(engine)
    except OperationalError:
        return
    if (why := revisions.why_not(revisions.known(revisions.VERSIONS), found)) is not None:
        raise Refused(why)


def expand(engine: Engine) -> str | None:
    """Run the migrations that only add; returns the contract migration that waits then, if one does.

    Raises Refused where an earlier one must be run first.
    """
    waits = _expand(engine)
    known, found = revisions.known(revisions.VERSIONS), current(engine)
    if waits is not None and found is not None and found < revisions.needed(known):
        raise Refused(
            f"the migration {waits} takes away what older versions use, and later ones wait for it; "
            "run `nurture db upgrade --contract` when only the version before this one runs"
        )
    return waits


def contract(engine: Engine, elders: Callable[[str], Sequence[str]]) -> None:
    """Run all migrations. `elders` names the processes alive that know less than a revision: raises Refused if there are any."""
    waits = _expand(engine)
    if waits is None:
        return
    if alive := elders(waits):
        raise Refused(
            f"the migration {waits} takes away what these processes of an older version may still use: {', '.join(alive)}. "
            "Replace them, wait 15 s, and run `nurture db upgrade --contract` again"
        )
    _upgrade(engine, revisions.newest(revisions.known(revisions.VERSIONS)))


def _expand(engine: Engine) -> str | None:
    """Run the migrations that only add, up to the first that does not; returns that one."""
    known = revisions.known(revisions.VERSIONS)
    found = current(engine)
    if (target := revisions.expandable(known, found)) is not None:
        _upgrade(engine, target)
        found = target
    return revisions.next_contract(known, found)


def _upgrade(engine: Engine, target: str) -> None:
    from nurture.adapters.database.migrations import upgrade  # loads Alembic, which takes a second

    upgrade(engine, target)
