"""`python -m benchmarks.storage [--events N] [--json FILE]`: what an event and a person take in the database, and what each index does.

A season's events (`benchmarks.season`) are absorbed by the real flow into PostgreSQL with the definitions in `config/`, and verified. Then
every table and index is measured, and told by the event. The event's own figure is the table `events` with its indexes; what is kept of
people, and the roll-ups of reports, do not grow with events alone and are told beside it. Sizes are those that a database has that grew: pages
are as full as they came to be, none is packed anew.
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from rich.table import Table
from sqlalchemy import Engine, func, select, text

from benchmarks.breakdown import Breakdown
from benchmarks.figure import Figure, Goal
from benchmarks.laboratory import ROOT, Laboratory
from benchmarks.program import console, run, say
from benchmarks.reporting import taken_in
from nurture.adapters.database.tables import events, people

#: How many events are absorbed.
EVENTS: Final = 100_000

OUT: Final = ROOT / "benchmarks" / "out" / "storage.json"

#: What is kept of each person; `rollups` grow with days and the different things that happen, and the rest hardly at all.
_OF_PEOPLE: Final = frozenset({
    "people", "identifiers", "identity_journal", "score_cells", "stage_changes", "enrollments", "messages", "active_days", "contributions",
})  # fmt: skip

_SIZES: Final = """
SELECT c.relname AS name, t.relname AS "of", c.relkind = 'i' AS is_index,
       pg_table_size(c.oid) AS bytes, s.idx_scan AS scans
FROM pg_class c
LEFT JOIN pg_index i ON i.indexrelid = c.oid
LEFT JOIN pg_stat_user_indexes s ON s.indexrelid = c.oid
JOIN pg_class t ON t.oid = coalesce(i.indrelid, c.oid)
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'i')
ORDER BY bytes DESC, name
"""


@dataclass(frozen=True)
class Part:
    """A table, what does not fit into its rows included, or an index. `scans` counts questions that an index has answered."""

    name: str
    of: str
    is_index: bool
    bytes: int
    scans: int | None


def parts(engine: Engine) -> list[Part]:
    """Every table and index of a PostgreSQL, largest first."""
    with engine.connect() as connection:
        return [Part(*row) for row in connection.execute(text(_SIZES))]


def columns(engine: Engine) -> dict[str, float]:
    """What each column of the log takes in a row, in bytes on average; one that is empty takes nothing."""
    asked = select(*(func.avg(func.coalesce(func.pg_column_size(column), 0)).label(column.name) for column in events.c))
    with engine.connect() as connection:
        return {name: float(size or 0) for name, size in connection.execute(asked).mappings().one().items()}


@dataclass(frozen=True)
class Stored:
    """What a season came to in the database. Bytes an event, and bytes a person; `columns` are those of the log's rows."""

    events: int
    people: int
    parts: list[Part]
    columns: dict[str, float] = field(default_factory=dict)

    @property
    def event_bytes(self) -> float:
        """The log with its indexes, by the event."""
        return self._bytes("events") / self.events

    @property
    def rollup_bytes(self) -> float:
        """The daily sums that reports read, by the event."""
        return self._bytes("rollups") / self.events

    @property
    def person_bytes(self) -> float:
        """All that is kept of people, by the person."""
        return self._bytes(*_OF_PEOPLE) / self.people

    @property
    def event_made_of(self) -> Breakdown:
        """What an event takes, by the row's columns, what PostgreSQL adds to a row (its header, alignment, room in pages), and indexes."""
        of_log = {each.name: each.bytes / self.events for each in self.parts if each.of == "events"}
        row = of_log.pop("events")
        parts = {f"column {name}": size for name, size in self.columns.items()} | {
            f"index {name}": size for name, size in of_log.items()
        }
        parts["header, alignment, room in pages"] = row - sum(self.columns.values())
        return _largest_first(parts, "B an event")

    @property
    def person_made_of(self) -> Breakdown:
        """What a person takes, by tables with their indexes."""
        tables = {each.of for each in self.parts} & _OF_PEOPLE
        return _largest_first({f"table {name}": self._bytes(name) / self.people for name in tables}, "B a person")

    def _bytes(self, *tables: str) -> int:
        return sum(each.bytes for each in self.parts if each.of in tables)

    def as_json(self) -> dict[str, Any]:
        told = [asdict(each) | {"bytes_an_event": each.bytes / self.events} for each in self.parts]
        figures = {name: getattr(self, name) for name in ("event_bytes", "rollup_bytes", "person_bytes")}
        return {"events": self.events, "people": self.people, **figures, "columns": self.columns, "parts": told}


def _largest_first(parts: dict[str, float], unit: str) -> Breakdown:
    """Without what takes less than a byte."""
    ordered = sorted(parts.items(), key=lambda part: part[1], reverse=True)
    return Breakdown((unit,), {name: (size,) for name, size in ordered if size >= 1})


def measure(laboratory: Laboratory, events: int, say: Callable[[str], None]) -> Stored:
    """Absorb a season of so many events, verify it, and measure what it takes."""
    with laboratory.redis.client() as redis, taken_in(laboratory, redis, events, say) as season:
        engine = season.database.engine
        with engine.connect() as connection:
            known = connection.scalar(select(func.count()).select_from(people)) or 0
        return Stored(events, known, parts(engine), columns(engine))


def figures(laboratory: Laboratory, *, short: bool, times: int, say: Callable[[str], None]) -> Iterator[Figure]:  # noqa: ARG001 - equal each time
    """One turn: the same events take the same bytes each time."""
    stored = measure(laboratory, EVENTS // 10 if short else EVENTS, say)
    yield Figure(
        "bytes-event", "an event stored, with its indexes", "B", "less", ours=[stored.event_bytes], goals=(Goal(400),),
        made_of=stored.event_made_of,
    )  # fmt: skip
    yield Figure(
        "bytes-person", "a person stored, with scores and identifiers", "B", "less", ours=[stored.person_bytes],
        made_of=stored.person_made_of,
    )  # fmt: skip


def _print(told: dict[str, Any]) -> None:
    table = Table(title=f"{told['events']:,} events of {told['people']:,} people")
    for column in ("table or index", "of", "B an event", "MB", "scans"):
        table.add_column(column, justify="left" if column in {"table or index", "of"} else "right")
    for each in told["parts"]:
        if each["bytes_an_event"] >= 1:
            scans = "" if each["scans"] is None else f"{each['scans']:,}"
            table.add_row(
                each["name"],
                each["of"] if each["is_index"] else "",
                f"{each['bytes_an_event']:.1f}",
                f"{each['bytes'] / 1e6:.1f}",
                scans,
            )
    screen = console()
    screen.print(table)
    screen.print(
        f"an event with its indexes {told['event_bytes']:.0f} B, roll-ups {told['rollup_bytes']:.0f} B an event, "
        f"a person {told['person_bytes']:,.0f} B"
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.storage", description=__doc__)
    parser.add_argument("--events", type=int, default=EVENTS, help="how many are to be in the log")
    parser.add_argument("--json", type=Path, metavar="FILE", default=OUT, help="where the figures are written")
    options = parser.parse_args()
    return run(lambda laboratory: measure(laboratory, options.events, say).as_json(), _print, options.json)


if __name__ == "__main__":
    sys.exit(main())
