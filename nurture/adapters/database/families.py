"""People with all rows that are theirs: whom they were merged into, and who was merged into them."""

from collections.abc import Collection

from sqlalchemy import CTE, ColumnElement, Connection, func, select, union

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
    return {*wanted, *connection.scalars(select(family_among(among(connection, people.c.id, wanted))))}


def family_among(wanted: ColumnElement[bool]) -> CTE:
    """The same as a table of ids, of the people for whom a condition holds, for a statement that asks more of them."""
    # In parts: for "one of these, or one that points to them" PostgreSQL would read the whole table.
    root = func.coalesce(people.c.merged_into, people.c.id).label("id")
    roots = select(root).where(wanted).cte("roots")
    merged = select(people.c.id).join(roots, people.c.merged_into == roots.c.id)
    return union(select(roots.c.id), merged).cte("family")
