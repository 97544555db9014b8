"""What each person adds to the roll-ups by the stages they reached, kept so that it can be taken back.

Whoever stores something that changes people's stages, touches or identity names them to `Measuring.touched`; at the end of the
transaction, when everything else is stored, they are measured again, and the difference goes to the roll-ups with everything else.
"""

from collections import Counter
from collections.abc import Collection, Mapping

from sqlalchemy import Connection, Executable, delete, select

from nurture.adapters.database.bulk import Among, among, ask, put_rows
from nurture.adapters.database.families import family_among
from nurture.adapters.database.stories import stories_of
from nurture.adapters.database.tables import contributions
from nurture.adapters.database.tables import people as everybody
from nurture.domain.definitions import Definitions
from nurture.domain.measuring.milestones import added_by
from nurture.domain.measuring.tally import Place, Tally, difference


def measured(connection: Connection, definitions: Definitions, family: Collection[int]) -> Mapping[int, Tally]:
    """What each of these people adds now; everybody who is the same human is among them. Who was merged into another adds nothing:
    that other does in their place.
    """
    stories = stories_of(connection, definitions, family)
    return {id_: added_by(story, definitions.lifecycle, definitions.business_timezone) for id_, story in stories.items()}


def remeasure(connection: Connection, definitions: Definitions, people: Collection[int]) -> Tally:
    """Measure people again and keep what they add; what changes in the roll-ups, which the caller adds there.

    Called once, last of all in a transaction in which these people are locked; asked twice, it changes nothing more. Who was merged
    into another may be named: they give back what they added, and that other is measured.
    """
    if not people:
        return Tally()
    before = {row.id: tally_of(row.body or []) for row in ask(connection, _kept_of_family, people=people)}
    now = measured(connection, definitions, before.keys())
    after = {id_: now.get(id_, Tally()) for id_ in before}
    changed = {id_ for id_ in before if before[id_] != after[id_]}
    gone = {id_ for id_ in changed if not after[id_]}
    if gone:
        connection.execute(delete(contributions).where(among(connection, contributions.c.person_id, gone)))
    rows = [{"person_id": id_, "body": _body(after[id_])} for id_ in sorted(changed - gone)]
    put_rows(connection, contributions, rows)
    return difference(_sum({id_: before[id_] for id_ in changed}), _sum({id_: after[id_] for id_ in changed}))


def withdraw(connection: Connection, people: Collection[int]) -> Tally:
    """Forget what people add who are about to be deleted; what changes in the roll-ups."""
    before = kept(connection, people)
    connection.execute(delete(contributions).where(among(connection, contributions.c.person_id, people)))
    return difference(_sum(before), Tally())


def _kept_of_family(among: Among) -> Executable:
    """People and all who are the same human, with what they were found to add; who adds nothing is there as well."""
    family = family_among(among(everybody.c.id, "people"))
    theirs = family.outerjoin(contributions, contributions.c.person_id == family.c.id)
    return select(family.c.id, contributions.c.body).select_from(theirs)


def kept(connection: Connection, people: Collection[int]) -> Mapping[int, Tally]:
    """What these people were found to add; who adds nothing is left out."""
    asked = select(contributions).where(among(connection, contributions.c.person_id, people))
    return {row.person_id: tally_of(row.body) for row in connection.execute(asked)}


def tally_of(body: list[list[int | str]]) -> Tally:
    """A tally from what is stored of it: a list of [day, figure, key, n]."""
    return Tally({Place(str(figure), int(day), str(key)): int(n) for day, figure, key, n in body})


def _body(tally: Tally) -> list[list[int | str]]:
    return [[place.day, place.figure, place.key, n] for place, n in sorted(tally.items())]


def _sum(tallies: Mapping[int, Tally]) -> Tally:
    total: Tally = Counter()
    for tally in tallies.values():
        total.update(tally)
    return total
