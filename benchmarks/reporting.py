"""`python -m benchmarks.reporting [--events N] [--few N] [--json FILE]`: do reports cost more when a million events are stored?

Two seasons of the same four months (`benchmarks.season`), of few and of many events, are absorbed by the real flow into two databases on
one durable PostgreSQL, with the definitions in `config/`. Then every report is built and drawn as a page, as /report gives it, on the last
28 days, on 90 days and on all of them, turn by turn on both, so that a busy moment of the machine hits both alike. How long the figures
alone took is told beside it. Before that the figures are verified against the log, and everybody is counted, as a worker does every
quarter of an hour (`flow/census.py`): how long that took is told as well; nobody waits for it, so it may grow. Exit
code 1 if anything differs: then there is no figure.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any, Final, NamedTuple

from redis import Redis
from rich.table import Table
from sqlalchemy import func, select, text

from benchmarks.growth import Absorption, as_delivered, check, laid_out_elsewhere
from benchmarks.laboratory import ROOT, Laboratory
from benchmarks.program import console, run, say
from benchmarks.season import SEASON, START
from nurture.adapters.database.store import Database
from nurture.adapters.database.tables import rollups
from nurture.domain.definitions import Definitions
from nurture.flow.census import census
from nurture.reports.catalogue import REPORTS, builder
from nurture.reports.census import Censuses
from nurture.reports.reading import snapshot
from nurture.reports.report_page import page
from nurture.reports.sheet import Period, local_day
from nurture.reports.told import told as in_words

#: Events of one person, on average.
_EACH: Final = 20

FEW: Final = 10_000

#: How often each report is built on each database.
TURNS: Final = 9

#: What many events may cost beside few.
BOUND: Final = 1.5

#: Of how many days, up to the last of the season.
SPANS: Final = (28, 90, 120)

OUT: Final = ROOT / "benchmarks" / "out" / "reporting.json"

AT: Final = START + SEASON


class Season(NamedTuple):
    """A database that has taken in a season, how many rows its roll-ups have, and how many seconds its census took."""

    events: int
    database: Database
    definitions: Definitions
    rows: int
    counting: float

    def took(self, name: str, days: int) -> "Took":
        """How long it takes until somebody who asks for a report sees it."""
        last = local_day(AT, self.definitions.business_timezone) - 1
        period = Period(first=last - days + 1, last=last, timezone=self.definitions.business_timezone)
        begun = time.perf_counter()
        with snapshot(self.database.engine) as connection:
            report = builder(name)(connection, self.definitions, period, AT)
        built = time.perf_counter() - begun
        page([in_words(report, "en")], "en")
        return Took(built, time.perf_counter() - begun)


class Took(NamedTuple):
    """Seconds until the figures were there, and until the page was."""

    figures: float
    page: float


@contextmanager
def taken_in(laboratory: Laboratory, redis: Redis, events: int, say: Callable[[str], None]) -> Iterator[Season]:
    """A season absorbed and verified."""
    with as_delivered(laboratory) as (database, meter):
        absorption = Absorption(database, redis, meter)
        taken = 0
        with laid_out_elsewhere(events, events // _EACH, laboratory.redis.url) as laid:
            for each in laid:
                taken += absorption.take(each).read
                say(f"{taken:,} of {events:,} events absorbed")
        check(database, redis, events, absorption.unnamed)
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))  # as autovacuum would have done over the months
            definitions = database.releases.current(connection)
            rows = connection.scalar(select(func.count()).select_from(rollups)) or 0
        counting = _counted(database)
        say(f"nothing differs; {rows:,} rows of roll-ups; everybody counted in {counting:.2f} s")
        yield Season(events, database, definitions, rows, counting)


class _TheEnd:
    """The clock stands at the end of the season."""

    def now(self) -> datetime:
        return AT


def _counted(database: Database) -> float:
    """Take a census, as a worker does every quarter of an hour; how many seconds it took."""
    begun = time.perf_counter()
    census(Censuses(database.engine, database.releases), _TheEnd())
    return time.perf_counter() - begun


def measure(laboratory: Laboratory, sizes: tuple[int, int], say: Callable[[str], None]) -> dict[str, Any]:
    """Build every report on both; everything that is told of it."""
    with ExitStack() as stack, laboratory.redis.client() as redis:
        few, many = (stack.enter_context(taken_in(laboratory, redis, each, say)) for each in sizes)
        found = {name: {str(days): _compared(few, many, name, days) for days in SPANS} for name in REPORTS}
    return {
        "events": sizes, "rows": (few.rows, many.rows), "census, s": (few.counting, many.counting), "reports": found,
    }  # fmt: skip


def _compared(few: Season, many: Season, name: str, days: int) -> dict[str, dict[str, float]]:
    for each in (few, many):
        each.took(name, days)  # what a process does once is not counted
    turns = [(few.took(name, days), many.took(name, days)) for _ in range(TURNS)]
    found = {}
    for what in Took._fields:
        first, second = (median(getattr(each, what) for each in side) for side in zip(*turns, strict=True))
        found[what] = {"few, ms": first * 1e3, "many, ms": second * 1e3, "ratio": second / first}
    return found


def worst(told: dict[str, Any], what: str = "page") -> float:
    """The highest ratio of any report."""
    return max(float(found[what]["ratio"]) for spans in told["reports"].values() for found in spans.values())


def _print(told: dict[str, Any]) -> None:
    few, many = told["events"]
    table = Table(
        title=f"Reports on {few:,} and on {many:,} events ({told['rows'][0]:,} and {told['rows'][1]:,} rows of roll-ups)"
    )
    sides = (f"{few:,}, ms", f"{many:,}, ms", "ratio")
    for heading in ("report", "days", *(f"figures, {side}" for side in sides), *(f"page, {side}" for side in sides)):
        table.add_column(heading, justify="left" if heading == "report" else "right")
    for name, spans in told["reports"].items():
        for days, figures in spans.items():
            cells = [f"{value:.{2 if key == 'ratio' else 1}f}" for what in Took._fields for key, value in figures[what].items()]
            table.add_row(name, days, *cells)
    screen = console()
    screen.print(table)
    few_counted, many_counted = told["census, s"]
    screen.print(
        f"figures of how everybody stands are those of a census, which took a worker {few_counted:.2f} s and {many_counted:.2f} s"
    )
    screen.print(
        f"the highest ratio is {worst(told):.2f}, of the figures alone {worst(told, 'figures'):.2f}; at most {BOUND} is wanted"
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reporting", description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000, help="how many are in the larger log")
    parser.add_argument("--few", type=int, default=FEW, help="how many are in the smaller one")
    parser.add_argument("--json", type=Path, metavar="FILE", default=OUT, help="where the figures are written")
    options = parser.parse_args()
    return run(lambda laboratory: measure(laboratory, (options.few, options.events), say), _print, options.json)


if __name__ == "__main__":
    sys.exit(main())
