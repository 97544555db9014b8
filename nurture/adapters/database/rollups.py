"""Adding to the roll-ups: one statement, last of all in a transaction, so that whoever waits for a row holds up nobody else.

Processes write to different shards, as far as there are enough, so that a page that everybody reads is no row that everybody waits
for. What is read is the sum of all shards.
"""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, func, select, text

from nurture.adapters.database.bulk import add_to_rows, put_rows
from nurture.adapters.database.tables import horizons, rollups
from nurture.domain.measuring.days import first_whole_day
from nurture.domain.measuring.figures import MOST_KEYS, OTHER, has_any_key
from nurture.domain.measuring.tally import Place, Tally

#: Shards that workers write to; the one beyond them is that of corrections. Few, for a report reads all of them.
SHARDS: Final = 4
CORRECTIONS: Final = SHARDS

#: What the retention rules call the event log, and what closes the days of the roll-ups beside it.
_CLOSING: Final = ("events", "rollups")
_CLOSED: Final = select(func.max(horizons.c.at)).where(horizons.c.what.in_(_CLOSING))

#: Keys that a process remembers to stand; beyond them it forgets all and looks again.
_REMEMBERED: Final = 100_000


class StandingKeys:
    """Which keys a figure has on a day, as far as this process has seen them stored; one for each process.

    A key that stands goes on to stand. Of a figure whose keys are anybody's words, new ones stand for themselves as long as there is
    room on their day, and beyond that are counted under `OTHER`.
    """

    def __init__(self) -> None:
        self._seen: set[Place] = set()

    def routed(self, connection: Connection, tally: Tally) -> Tally:
        """A tally in which what finds no room is counted under `OTHER`."""
        unknown = {place for place in tally if has_any_key(place.figure)} - self._seen
        if not unknown:
            return tally
        stored = _stored(connection, unknown)
        if len(self._seen) > _REMEMBERED:
            self._seen.clear()
        self._seen |= stored
        return _moved(tally, _without_room(connection, unknown - stored)) if unknown - stored else tally


def add(connection: Connection, tally: Tally, keys: StandingKeys, shard: int | None = None) -> None:
    """Add to the roll-ups. What comes to nothing writes nothing."""
    changing = Tally({place: n for place, n in tally.items() if n})
    if changing:
        shard = _shard_of(connection) if shard is None else shard
        routed = keys.routed(connection, changing)
        add_to_rows(
            connection, rollups, [{**place._asdict(), "shard": shard, "n": routed[place]} for place in sorted(routed)], "n"
        )


def closed_before(connection: Connection, timezone: str) -> int | None:
    """The first day that is still open; None if all are. What came before it was forgotten: those roll-ups are its memory, and
    nothing changes them any more.
    """
    since = connection.scalar(_CLOSED)
    return None if since is None else first_whole_day(since, timezone)


def close(connection: Connection, before: datetime) -> None:
    """Let nothing change the days before an instant any more; it moves forward only."""
    known = connection.scalar(select(horizons.c.at).where(horizons.c.what == "rollups").with_for_update())
    if known is None or known < before:
        put_rows(connection, horizons, [{"what": "rollups", "at": before}])


def _shard_of(connection: Connection) -> int:
    """One shard a server process: of any two that work at the same time, most have different ones."""
    if connection.dialect.name != "postgresql":
        return 0  # one writer at a time
    return int(connection.connection.dbapi_connection.info.backend_pid) % SHARDS  # type: ignore[union-attr] # it is connected


def _stored(connection: Connection, places: Iterable[Place]) -> set[Place]:
    question = "SELECT DISTINCT figure, day, key FROM rollups WHERE (figure, day, key) IN ({})"
    return {Place(figure, day, key) for figure, day, key in _among(connection, question, places)}


def _without_room(connection: Connection, fresh: Collection[Place]) -> set[Place]:
    """The new keys for which there is no room on their day."""
    question = "SELECT figure, day, count(DISTINCT key) FROM rollups WHERE (figure, day) IN ({}) GROUP BY figure, day"
    rows = _among(connection, question, {place[:2] for place in fresh})
    standing = {(figure, day): int(n) for figure, day, n in rows}
    coming: dict[tuple[str, int], list[Place]] = defaultdict(list)
    for place in sorted(fresh):
        if place.key != OTHER:
            coming[place.figure, place.day].append(place)
    return {place for where, places in coming.items() for place in places[max(0, MOST_KEYS - standing.get(where, 0)) :]}


def _moved(tally: Tally, homeless: Collection[Place]) -> Tally:
    moved = Tally({place: n for place, n in tally.items() if place not in homeless})
    for place in homeless:
        moved[place._replace(key=OTHER)] += tally[place]
    return moved


def _among(connection: Connection, question: str, keys: Iterable[tuple[str | int, ...]]) -> Sequence[Any]:
    """Ask about places, or the first parts of places, that travel as one parameter."""
    listed = sorted(keys)
    casts = ("text", "integer", "text")[: len(listed[0])]
    if connection.dialect.name == "postgresql":
        parts = ", ".join(f"CAST(place ->> {index} AS {cast})" for index, cast in enumerate(casts))
        each = f"SELECT {parts} FROM jsonb_array_elements(CAST(:places AS jsonb)) AS place"  # noqa: S608 - our own words
    else:
        each = f"SELECT {', '.join(f'value ->> {index}' for index in range(len(casts)))} FROM json_each(:places)"  # noqa: S608 - as above
    return connection.execute(text(question.format(each)), {"places": json.dumps(listed)}).all()
