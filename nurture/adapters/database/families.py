"""People with all rows that are theirs: whom they were merged into, and who was merged into them."""

from collections.abc import Collection

from sqlalchemy import Connection, select

from nurture.adapters.database.bulk import among
from nurture.adapters.database.tables import people
from nurture.errors import Conflict


def locked_family(connection: Connection, wanted: Collection[int]) -> list[int]:
    """The ids of these people, of those they were merged into and of all who were merged into these; locked, in their order.

    Raises Conflict if somebody was merged while we waited for the lock.
    """
    family = family_of(connection, wanted)
    which = among(connection, people.c.id, family)
    locked = list(connection.scalars(select(people.c.id).where(which).order_by(people.c.id).with_for_update()))
    if family_of(connection, wanted) != family:
        raise Conflict
    return locked


def family_of(connection: Connection, wanted: Collection[int]) -> set[int]:
    """The ids of these people, of those they were merged into and of all who were merged into these."""
    # In three steps: for "one of these, or one that points to them" PostgreSQL would read the whole table.
    merged = among(connection, people.c.id, wanted), people.c.merged_into.is_not(None)
    roots = {*wanted, *connection.scalars(select(people.c.merged_into).where(*merged))}
    return roots.union(connection.scalars(select(people.c.id).where(among(connection, people.c.merged_into, roots))))
