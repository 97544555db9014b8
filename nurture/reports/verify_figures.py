"""Do the days on which people were here, what they add by what they reached, and the roll-ups follow from the log?"""

from collections import defaultdict
from collections.abc import Iterator
from typing import Final, NamedTuple

from sqlalchemy import Connection, select

from nurture.adapters.database.bulk import among
from nurture.adapters.database.contributions import kept, measured
from nurture.adapters.database.figures_afresh import Both, days_of_events, of_days, of_events, of_people
from nurture.adapters.database.rollups import closed_before
from nurture.adapters.database.tables import active_days
from nurture.domain.definitions import Definitions
from nurture.domain.measuring.adding import measure_of
from nurture.domain.measuring.tally import Place, Tally
from nurture.reports.afresh import Afresh
from nurture.reports.sheet import date_of

#: Days of events that are computed together: what is in memory is what they come to, never the events.
_SPAN: Final = 7


class Differing(NamedTuple):
    """A day of somebody, or what is counted somewhere, as it is stored and as it should be."""

    person: int | None
    name: str
    stored: int
    computed: int


class DaysAndFigures:
    """Compares within one snapshot."""

    def __init__(self, connection: Connection, definitions: Definitions) -> None:
        self._connection = connection
        self._definitions = definitions
        self._measure = measure_of(definitions)
        self._closed = closed_before(connection, self._measure.timezone)

    def of_people(self, batch: Afresh) -> Iterator[Differing]:
        """Days, still open, on which people were here and it is not known, or the other way round; who was merged was never here."""
        stored: dict[int, set[int]] = defaultdict(set)
        theirs = among(self._connection, active_days.c.person_id, batch.root_of.keys())
        for id_, day in self._connection.execute(select(active_days).where(theirs)):
            stored[id_].add(day)
        for id_ in sorted(batch.root_of):
            computed = batch.days[id_] if id_ in batch.computed else set()
            for day in sorted(stored[id_] ^ computed):
                if self._closed is None or day >= self._closed:
                    yield Differing(id_, f"here on {date_of(day)}", int(day in stored[id_]), int(day in computed))

    def reached(self, batch: Afresh) -> Iterator[Differing]:
        """What people add by the stages they reached, where that is not what is kept of them."""
        stored = kept(self._connection, batch.root_of.keys())
        computed = measured(self._connection, self._definitions, batch.root_of.keys())
        for id_ in sorted(batch.root_of):
            yield from self._differing(Both(stored.get(id_, Tally()), computed.get(id_, Tally())), id_)

    def figures(self) -> Iterator[Iterator[Differing]]:
        """The roll-ups, a few days at a time."""
        for first, last in days_of_events(self._connection, self._measure, _SPAN):
            yield self._differing(of_events(self._connection, self._measure, first, last))
        yield self._differing(of_days(self._connection, self._measure))
        yield self._differing(of_people(self._connection, self._measure))

    def _differing(self, both: Both, person: int | None = None) -> Iterator[Differing]:
        for place, (stored, computed) in sorted(both.differing().items()):
            if self._closed is None or place.day >= self._closed:
                yield Differing(person, _name(place), stored, computed)


def _name(place: Place) -> str:
    return f"{place.figure} {place.key} on {date_of(place.day)}".replace("  ", " ")
