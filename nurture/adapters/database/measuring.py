"""What one transaction changes in the figures: noted while it works, written when everything else is stored.

Roll-ups are sums of what each event and each person adds, so whoever changes one of these takes away what it added before and adds
what it adds now. Nothing is worked out twice, and it does not matter who comes first.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, Executable, TextClause, delete, select, text

from nurture.adapters.database.bulk import Among, among, ask, insert_rows
from nurture.adapters.database.contributions import remeasure, withdraw
from nurture.adapters.database.goals import note_goals
from nurture.adapters.database.rollups import StandingKeys, add, closed_before
from nurture.adapters.database.rows import event_of
from nurture.adapters.database.tables import active_days, events
from nurture.domain.component import Component, Recounted
from nurture.domain.definitions import Definitions
from nurture.domain.event import Event
from nurture.domain.measuring.adding import Measure, add_event, added_by, measure_of, was_here
from nurture.domain.measuring.days import changed_presence, local_day
from nurture.domain.measuring.tally import Tally
from nurture.domain.world import Changes

_LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)

#: The days on which people were here.
Days = Mapping[int, Collection[int]]


class Measuring:
    """The figures, as one transaction changes them; all people named here are locked by it.

    The roll-ups themselves are written by `write` alone, last of all; what is noted before only concerns rows of these people.
    """

    def __init__(self, connection: Connection, keys: StandingKeys, definitions: Callable[[], Definitions]) -> None:
        self._connection = connection
        self._keys = keys
        self._definitions = definitions
        self._tally = Tally()
        self._touched: set[int] = set()
        self._other: set[int] = set()
        self._at = _LONG_AGO

    @property
    def _measure(self) -> Measure:
        return measure_of(self._definitions())

    def absorbed(self, changes: Changes) -> None:
        """Note what a batch adds. Its people and events are stored; verdicts that it revised are still as they were."""
        measure, into = self._measure, dict(changes.merges)
        came: dict[int, set[int]] = defaultdict(set)
        for event, person, verdict, channel in changes.events:
            self._at = max(self._at, event.received_at)
            add_event(self._tally, event, verdict.kind, channel, measure)
            if verdict.kind == "human" and was_here(event):
                came[_root(person, into)].add(local_day(event.occurred_at, measure.timezone))
        self.rejudge({key: (verdict.kind, None) for key, verdict in changes.rejudged.items()}, self._at)
        for weak, days in self._take_days(into).items():
            came[_root(weak, into)].update(days)
        self._came(came)
        self._other.update(*changes.merges)
        self.touched(_touched_by(changes), self._at)

    def rejudge(self, revised: Mapping[UUID, tuple[str, str | None]], at: datetime) -> None:
        """Note that stored events are of another verdict and channel now, before that is stored."""
        self._at = max(self._at, at)
        if revised:
            measure = self._measure
            for row in self._connection.execute(select(events).where(among(self._connection, events.c.id, revised.keys()))):
                self._tally.subtract(added_by(event_of(row), row.verdict, row.channel, measure))
                self._tally.update(added_by(event_of(row), *revised[row.id], measure))

    def recounted(self, component: Component, outcome: Recounted, at: datetime) -> None:
        """Let people have been here on the days that their log tells of; days whose events were forgotten stay where they are."""
        root_of = {person.id: person.merged_into or person.id for person in outcome.people}
        happened = (
            (outcome.owners.get(each.event.key, each.person), each.event) for each in component.log if each.verdict == "human"
        )
        self._were_here(root_of, happened)
        self._other.update(root_of)
        self.touched(root_of, at)

    def rebuilt(self, root_of: Mapping[int, int], at: datetime) -> None:
        """The same from what is stored of everybody who counts under these roots."""
        log = select(events).where(among(self._connection, events.c.person_id, root_of.keys()), events.c.verdict == "human")
        rows = self._connection.execute(log, execution_options={"yield_per": 1_000})
        self._were_here(root_of, ((row.person_id, event_of(row)) for row in rows))
        self.touched(root_of, at)

    def touched(self, people: Iterable[int], at: datetime) -> None:
        """Note that something changed on which it rests what people add by the stages that they reached."""
        self._touched.update(people)
        self._at = max(self._at, at)

    def gone(self, people: Collection[int], at: datetime) -> None:
        """Take back what people add who are about to be deleted with their events."""
        measure, theirs = self._measure, among(self._connection, events.c.person_id, people)
        for row in self._connection.execute(select(events).where(theirs), execution_options={"yield_per": 1_000}):
            self._tally.subtract(added_by(event_of(row), row.verdict, row.channel, measure))
        self._take_days(people)
        self._tally.update(withdraw(self._connection, people))
        self._touched.difference_update(people)
        self._at = max(self._at, at)

    def forget_days(self, people: Collection[int]) -> None:
        """Of the days that are closed keep the first and the last alone: from them follows who is new and who returns."""
        closed, other = closed_before(self._connection, self._measure.timezone), active_days.alias()
        if closed is not None:
            theirs = other.c.person_id == active_days.c.person_id
            between = (
                select(other.c.day).where(theirs, other.c.day < active_days.c.day).exists(),
                select(other.c.day).where(theirs, other.c.day > active_days.c.day, other.c.day < closed).exists(),
            )
            whose = among(self._connection, active_days.c.person_id, people), active_days.c.day < closed
            self._connection.execute(delete(active_days).where(*whose, *between))

    def write(self) -> None:
        """Add it all to the roll-ups, last of all in the transaction. Days that are closed stay as they are."""
        if self._other:
            note_goals(self._connection, self._definitions(), self._other)
            self._other = set()
        if self._touched:
            self._tally.update(remeasure(self._connection, self._definitions(), self._touched))
        changing = Tally({place: n for place, n in self._tally.items() if n})
        self._tally, self._touched = Tally(), set()
        if not changing:
            return
        timezone = self._measure.timezone
        if min(place.day for place in changing) < local_day(self._at, timezone):  # a day that has not ended is never closed
            closed = closed_before(self._connection, timezone)
            changing = Tally({place: n for place, n in changing.items() if closed is None or place.day >= closed})
        add(self._connection, changing, self._keys)

    def _were_here(self, root_of: Mapping[int, int], happened: Iterable[tuple[int, Event]]) -> None:
        timezone, before = self._measure.timezone, self._days(root_of.keys())
        closed = closed_before(self._connection, timezone)
        came: dict[int, set[int]] = defaultdict(set)
        for id_, days in before.items():
            came[root_of[id_]].update(day for day in days if closed is not None and day < closed)
        for owner, event in happened:
            if was_here(event):
                came[root_of[owner]].add(local_day(event.occurred_at, timezone))
        self._put_days({id_: sorted(before.get(id_, ())) for id_ in root_of}, {id_: sorted(came[id_]) for id_ in root_of})

    def _came(self, came: Days) -> None:
        """Note on which days people were here; known days add nothing."""
        rows = [[id_, day] for id_, days in sorted(came.items()) for day in sorted(days)]
        if not rows:
            return
        fresh: dict[int, set[int]] = defaultdict(set)
        other: dict[int, set[int]] = defaultdict(set)
        for id_, day, known in self._connection.execute(_INSERT_DAYS[self._connection.dialect.name], {"rows": json.dumps(rows)}):
            fresh[id_].add(day)
            other[id_].update(json.loads(known or "[]"))
        for id_, days in fresh.items():
            self._tally.update(changed_presence(sorted(other[id_] - days), sorted(other[id_] | days)))

    def _put_days(self, before: Mapping[int, Sequence[int]], after: Mapping[int, Sequence[int]]) -> None:
        changed = [id_ for id_ in before if before[id_] != after[id_]]
        if not changed:
            return
        for id_ in changed:
            self._tally.update(changed_presence(before[id_], after[id_]))
        self._connection.execute(delete(active_days).where(among(self._connection, active_days.c.person_id, changed)))
        rows = [{"person_id": id_, "day": day} for id_ in changed for day in after[id_]]
        insert_rows(self._connection, active_days, rows)

    def _take_days(self, people: Collection[int]) -> dict[int, set[int]]:
        """Delete the days of people and take back what they added; what they were."""
        if not people:
            return {}
        theirs = delete(active_days).where(among(self._connection, active_days.c.person_id, people))
        taken = _by_person(self._connection.execute(theirs.returning(active_days.c.person_id, active_days.c.day)))
        for days in taken.values():
            self._tally.update(changed_presence(sorted(days), ()))
        return taken

    def _days(self, people: Collection[int]) -> dict[int, set[int]]:
        return _by_person(ask(self._connection, _days, people=people))


#: Days are stored, and those that were not known come back, with all that were, in one statement with one parameter. PostgreSQL sees
#: the days that were there before; SQLite may see those, too, that it has just stored.
_INSERT_DAYS: Final[Mapping[str, TextClause]] = {
    "postgresql": text(
        "INSERT INTO active_days (person_id, day) SELECT CAST(r ->> 0 AS bigint), CAST(r ->> 1 AS integer) "
        "FROM jsonb_array_elements(CAST(:rows AS jsonb)) AS r ON CONFLICT DO NOTHING RETURNING person_id, day, "
        "(SELECT CAST(json_agg(other.day) AS text) FROM active_days AS other WHERE other.person_id = active_days.person_id)"
    ),
    "sqlite": text(
        "INSERT INTO active_days (person_id, day) SELECT value ->> 0, value ->> 1 FROM json_each(:rows) WHERE true "
        "ON CONFLICT DO NOTHING RETURNING person_id, day, "
        "(SELECT json_group_array(other.day) FROM active_days AS other WHERE other.person_id = active_days.person_id)"
    ),
}


def _days(among: Among) -> Executable:
    return select(active_days).where(among(active_days.c.person_id, "people"))


def _root(person: int, into: Mapping[int, int]) -> int:
    """Under which id somebody counts after the merges of a batch."""
    while person in into:
        person = into[person]
    return person


def _touched_by(changes: Changes) -> set[int]:
    """Whoever moved or was merged, or did something before they last moved of which we hear only now."""
    since = {person.id: person.stage_since for person in changes.people if not person.new}
    late = {person for event, person, verdict, _ in changes.events if person in since and event.occurred_at <= since[person]}
    return late.union((move.person for move in changes.stage_changes), *changes.merges)


def _by_person(rows: Iterable[Any]) -> dict[int, set[int]]:
    days: dict[int, set[int]] = defaultdict(set)
    for id_, day in rows:
        days[id_].add(day)
    return days
