"""The roll-ups worked out afresh: what they should be, beside what they are, a few days at a time.

Whoever stores an event or a person adds to the roll-ups in the same transaction. So what differs within one snapshot of the database is
wrong by exactly that much, whatever is added meanwhile: *verify* tells it, and *rebuild* adds it.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Final, NamedTuple

from sqlalchemy import ColumnElement, Connection, func, select, text

from nurture.adapters.database.contributions import tally_of
from nurture.adapters.database.rollups import closed_before
from nurture.adapters.database.rows import event_of
from nurture.adapters.database.tables import contributions, events, rollups
from nurture.domain.measuring.adding import Measure, added_by
from nurture.domain.measuring.days import begins, local_day
from nurture.domain.measuring.figures import (
    AWARE,
    COHORT,
    DEEP,
    DID,
    DOWNLOADS,
    EVENTS,
    LANDED,
    MACHINES,
    MOST_KEYS,
    OTHER,
    PEOPLE,
    PLAYS,
    SECONDS,
    SUBMITS,
    VIEWS,
    VISITS,
    has_any_key,
)  # fmt: skip
from nurture.domain.measuring.tally import Place, Tally

OF_EVENTS: Final = (EVENTS, DID, VISITS, AWARE, VIEWS, SECONDS, DEEP, PLAYS, DOWNLOADS, SUBMITS, LANDED, MACHINES)
OF_DAYS: Final = (PEOPLE, COHORT)

#: Before anything of ours.
_FIRST_DAY: Final = -1_000_000
_LAST_DAY: Final = 2_000_000


class Both(NamedTuple):
    """The same places as they are stored and as they should be."""

    stored: Tally
    computed: Tally

    def differing(self) -> dict[Place, tuple[int, int]]:
        """Where they differ: what is stored, and what should be.

        Of a day whose keys found no room any more, who came first is told only by what is stored: two workers may have looked at
        once. So there a named key may have lost some to the others, and the sum must hold.
        """
        found = {
            place: (self.stored[place], self.computed[place])
            for place in self.stored.keys() | self.computed.keys() if self.stored[place] != self.computed[place]
        }  # fmt: skip
        short: Counter[tuple[str, int]] = Counter()
        taken: set[tuple[str, int]] = set()
        for place, (stored, computed) in found.items():
            short[place.figure, place.day] += computed - stored
            if place.key != OTHER and stored > computed:
                taken.add((place.figure, place.day))
        full = {(place.figure, place.day) for place in self.stored if place.key == OTHER} - taken
        return {place: each for place, each in found.items() if place[:2] not in full or short[place[0], place[1]]}

    def missing(self) -> Tally:
        """What must be added."""
        return Tally({place: self.computed[place] - self.stored[place] for place in self.stored.keys() | self.computed.keys()})


class _Routed:
    """A tally whose new keys are counted under their own name as long as there is room on their day, as the roll-ups' are."""

    def __init__(self, stored: Tally) -> None:
        self.tally = Tally()
        self._standing = set(stored)
        self._room: Counter[tuple[str, int]] = Counter(
            place[:2] for place in stored if place.key != OTHER and has_any_key(place.figure)
        )

    def add(self, added: Tally) -> None:
        for place, n in added.items():
            self.tally[self._place_of(place)] += n

    def _place_of(self, place: Place) -> Place:
        if place in self._standing or not has_any_key(place.figure):
            return place
        if self._room[place[:2]] >= MOST_KEYS:
            return place._replace(key=OTHER)
        self._room[place[:2]] += 1
        self._standing.add(place)
        return place


def days_of_events(connection: Connection, measure: Measure, span: int, after: int | None = None) -> Iterator[tuple[int, int]]:
    """Spans of open days, those beyond `after`, in which anything happened or is counted; each from a first to a last day."""
    closed = closed_before(connection, measure.timezone)
    day = max(_FIRST_DAY if closed is None else closed, _FIRST_DAY if after is None else after + 1)
    while True:
        happened = select(func.min(events.c.occurred_at))
        if day > _FIRST_DAY:
            happened = happened.where(events.c.occurred_at >= begins(day, measure.timezone))
        counted = select(func.min(rollups.c.day)).where(rollups.c.figure.in_(OF_EVENTS), rollups.c.day >= day)
        first, next_counted = connection.scalar(happened), connection.scalar(counted)
        ahead = [each for each in (first and local_day(first, measure.timezone), next_counted) if each is not None]
        if not ahead:
            return
        yield min(ahead), min(ahead) + span - 1
        day = min(ahead) + span


def of_events(connection: Connection, measure: Measure, first: int, last: int) -> Both:
    """What the events of some days come to."""
    stored = _stored(connection, rollups.c.figure.in_(OF_EVENTS), first, last)
    routed = _Routed(stored)
    within = events.c.occurred_at >= begins(first, measure.timezone), events.c.occurred_at < begins(last + 1, measure.timezone)
    log = select(events).where(*within).order_by(events.c.occurred_at)
    for row in connection.execute(log, execution_options={"yield_per": 1_000}):
        routed.add(added_by(event_of(row), row.verdict, row.channel, measure))
    return Both(stored, routed.tally)


def of_days(connection: Connection, measure: Measure) -> Both:
    """What the days come to on which people were here; only where it differs."""
    closed = closed_before(connection, measure.timezone)
    stored, computed = Tally(), Tally()
    for figure, day, key, is_, should in connection.execute(text(_OF_DAYS), {"open": _FIRST_DAY if closed is None else closed}):
        stored[Place(figure, day, key)], computed[Place(figure, day, key)] = int(is_), int(should)
    return Both(stored, computed)


def of_people(connection: Connection, measure: Measure) -> Both:
    """What is kept of what people add by the stages they reached."""
    closed = closed_before(connection, measure.timezone)
    first = _FIRST_DAY if closed is None else closed
    stored = _stored(connection, rollups.c.figure.not_in([*OF_EVENTS, *OF_DAYS]), first, _LAST_DAY)
    routed = _Routed(stored)
    for body in connection.scalars(select(contributions.c.body), execution_options={"yield_per": 1_000}):
        routed.add(Tally({place: n for place, n in tally_of(body).items() if place.day >= first}))
    return Both(stored, routed.tally)


def _stored(connection: Connection, which: ColumnElement[bool], first: int, last: int) -> Tally:
    place = rollups.c.figure, rollups.c.day, rollups.c.key
    asked = select(*place, func.sum(rollups.c.n)).where(which, rollups.c.day.between(first, last)).group_by(*place)
    return Tally({Place(figure, day, key): int(n) for figure, day, key, n in connection.execute(asked)})


#: In plain SQL, and so by another way than the engine itself: whom did each day see, by the day before it; and whom did it see for the
#: first time in its week, by the week of their first day. 1970-01-01 was a Thursday.
_OF_DAYS: Final = """
WITH here AS (
  SELECT day, lag(day) OVER theirs AS earlier, min(day) OVER (PARTITION BY person_id) AS first_day
  FROM active_days WINDOW theirs AS (PARTITION BY person_id ORDER BY day)
)
SELECT figure, day, key, sum(is_), sum(should) FROM (
  SELECT figure, day, key, n AS is_, 0 AS should FROM rollups WHERE figure IN ('people', 'cohort')
  UNION ALL
  SELECT 'people', day, coalesce(CAST(earlier AS varchar), ''), 0, 1 FROM here
  UNION ALL
  SELECT 'cohort', day, CAST(first_day - (first_day + 3) % 7 AS varchar), 0, 1 FROM here
  WHERE earlier IS NULL OR earlier - (earlier + 3) % 7 <> day - (day + 3) % 7
) AS told
WHERE day >= :open GROUP BY figure, day, key HAVING sum(is_) <> sum(should) ORDER BY figure, day, key
"""
