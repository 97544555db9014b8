"""Finding a person, and the ids under which what they did is kept."""

from typing import Final, NamedTuple

from sqlalchemy import Connection, or_, select, tuple_

from nurture.adapters.database.rows import person_of
from nurture.adapters.database.tables import identifiers, people
from nurture.domain.person import Person
from nurture.errors import UnknownPerson

#: Ids of people have 63 bits.
_MOST: Final = 2**63


class Known(NamedTuple):
    """A person, and the anonymous people they turned out to be."""

    person: Person
    merged: tuple[int, ...]

    @property
    def ids(self) -> tuple[int, ...]:
        """Every id under which their events may lie; their own comes first."""
        return (self.person.id, *self.merged)


def find_person(connection: Connection, email_or_id: str) -> Known:
    """Whom an e-mail address, a user id, a browser's anonymous id or our own id names; raises UnknownPerson."""
    asked = email_or_id.strip()
    keys = [("email", asked.lower()), ("user_id", asked), ("anonymous_id", asked)]
    named = tuple_(identifiers.c.kind, identifiers.c.value).in_(keys)
    rows = connection.execute(select(identifiers.c.kind, identifiers.c.person_id).where(named))
    holders = {row.kind: row.person_id for row in rows}
    candidates = [holders[kind] for kind, _ in keys if kind in holders]
    if asked.isascii() and asked.isdigit() and len(asked) <= len(str(_MOST)) and int(asked) < _MOST:
        candidates.append(int(asked))
    found = (_load(connection, candidate) for candidate in candidates)
    known = next((each for each in found if each is not None), None)
    if known is None:
        raise UnknownPerson
    return known


def _load(connection: Connection, asked: int) -> Known | None:
    """The person with an id, or the one they were merged into."""
    target = select(people.c.merged_into).where(people.c.id == asked).scalar_subquery()
    row = connection.execute(
        select(people).where(people.c.merged_into.is_(None), or_(people.c.id == asked, people.c.id == target))
    ).one_or_none()
    if row is None:
        return None
    merged = connection.scalars(select(people.c.id).where(people.c.merged_into == row.id).order_by(people.c.first_seen_at))
    return Known(person_of(row), tuple(merged))
