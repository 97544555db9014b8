"""`python -m benchmarks.steps [--waiting N] [--due N] [--json FILE]`: does a step cost more when a million people wait, and how long
do two workers take for a million steps that are due at once?

Two databases on one durable PostgreSQL hold the same people on the same sequence, few and many; nobody of them is due but 1,000 at
a time, which the real verb *advance* claims and moves. The two take turns, so that a busy moment hits both. Then everybody of the
large one is due, and two processes plan their steps. Exit code 1 if a step was taken twice or not at all: then there is no figure.
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, Final

from rich.table import Table
from sqlalchemy import Connection, func, select, text

from benchmarks.figure import Figure, Goal, measure
from benchmarks.laboratory import ROOT, Laboratory, WrongResultError, same
from benchmarks.meter import Cost, Meter
from benchmarks.program import console, run, say
from benchmarks.side_by_side import PROCESSES, side_by_side
from nurture import bootstrap
from nurture.adapters.calendar import is_holiday
from nurture.adapters.database.releases import apply
from nurture.adapters.database.store import Database
from nurture.adapters.database.tables import enrollments, messages
from nurture.domain.definitions import Definitions
from nurture.domain.sequence import Sequence
from nurture.flow.advance import advance
from nurture.settings import Settings
from tests.support.waiting import MovableClock

#: So many steps are due at once, in each turn.
DUE: Final = 1_000

#: How many turns are measured.
TURNS: Final = 9

FEW: Final = 10_000
MANY: Final = 1_000_000
AT: Final = datetime(2026, 3, 4, 10, 0, tzinfo=UTC)  # a Wednesday, within the window
OUT: Final = ROOT / "benchmarks" / "out" / "steps.json"

#: Everybody stands on the first wait; the next step asks a branch, mails within a window, and waits for a click.
NURTURING: Final = {
    "sequence": "nurturing",
    "trigger": {"promoted_to": "lead"},
    "goal": {"event": "demo_requested"},
    "exit": ["unsubscribed", {"stage": "customer"}],
    "window": {"days": "mon-fri", "hours": "09:00-18:00", "timezone": "person", "holidays": "FR"},
    "steps": [
        {"id": "rest", "wait": "2d"},
        {
            "branch": [
                {"if": {"engagement": {"at_least": 35}}, "then": [{"id": "demo", "email": "follow-up"}]},
                {"else": [{"id": "case", "email": "follow-up"}]},
            ]
        },
        {"id": "interest", "wait_for": {"event": "email_clicked", "within": "4d"}, "on_timeout": [{"id": "again", "email": "follow-up"}]},
    ],
}  # fmt: skip

_PEOPLE: Final = """
INSERT INTO people (id, stage, stage_since, email, attributes, heat, fit, grade, first_seen_at, seen_at)
SELECT i, 'lead', :at, 'person' || i || '@example.com',
       jsonb_build_object('first_name', jsonb_build_array('Ana', CAST(:at AS text), 'form:guide'),
                          'company', jsonb_build_array('Company ' || i % 997, CAST(:at AS text), 'form:guide'),
                          'timezone', jsonb_build_array('Europe/Paris', CAST(:at AS text), 'website')),
       0, 20, 'C', :at, :at
FROM generate_series(1, :people) AS i
"""

_RUNS: Final = """
INSERT INTO enrollments (id, person_id, sequence, version, entry, status, step, due_at, entered_at, step_since)
SELECT i, i, 'nurturing', :version, 1, 'waiting', 'rest', CAST(:at AS timestamptz) + interval '30 days' + i * interval '1 second', :at, :at
FROM generate_series(1, :people) AS i
"""

#: The next ones are due: as many as there may be, spread over the whole table.
_MAKE_DUE: Final = """
UPDATE enrollments SET due_at = CAST(:at AS timestamptz) - interval '1 minute'
WHERE id IN (SELECT id FROM enrollments WHERE step = 'rest' AND due_at > :at AND id % :every = :turn LIMIT :due)
"""


class Crowd:
    """A database in which so many people wait."""

    def __init__(self, settings: Settings, postmaster: int, people: int) -> None:
        self.settings, self.people = settings, people
        bootstrap.upgrade_database(settings)
        self.database = bootstrap.database(settings)
        self.meter = Meter(self.database.engine, postmaster)
        self.clock = MovableClock(AT)
        self.taken = 0
        definitions = definitions_of(settings)
        with self.database.engine.begin() as connection:
            apply(connection, definitions, AT - timedelta(days=3))
            told = {"at": AT - timedelta(days=2), "people": people, "version": definitions.versions["nurturing"]}
            connection.execute(text(_PEOPLE), told)
            connection.execute(text(_RUNS), told)
        self._settle()

    def _settle(self) -> None:
        with self.database.engine.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT").execute(text("VACUUM ANALYZE"))

    def make_due(self, turn: int) -> None:
        """Let the next ones be due."""
        with self.database.engine.begin() as connection:
            told = {"at": AT, "every": self.people // DUE, "turn": 0, "due": DUE}
            found = connection.execute(text(_MAKE_DUE), {**told, "turn": turn}).rowcount
        same("steps due", found, DUE)

    def take(self) -> Cost:
        """Claim and move all that is due; what it cost."""
        cost = Cost()
        with self.meter.into(cost):
            moved = drain(self.database, self.clock)
        same("steps taken", moved, DUE)
        self.taken += moved
        return cost

    def everybody_is_due(self) -> int:
        """Let everybody be due who still waits for the first time; how many they are."""
        with self.database.engine.begin() as connection:
            due = text("UPDATE enrollments SET due_at = CAST(:at AS timestamptz) - interval '1 minute' WHERE step = 'rest'")
            found = connection.execute(due, {"at": AT}).rowcount
        self._settle()
        return int(found)

    def check(self, expected: int) -> None:
        """Everybody's step was taken once."""
        with self.database.engine.connect() as connection:
            same("mails queued", _count(connection, messages), expected)
            same("people behind the step", _count(connection, enrollments, enrollments.c.step == "interest"), expected)


def _count(connection: Connection, table: Any, *which: Any) -> int:
    return connection.scalar(select(func.count()).select_from(table).where(*which)) or 0


def definitions_of(settings: Settings) -> Definitions:
    """The definitions of the benchmarks with a sequence worth walking."""
    loaded = bootstrap.load_definitions(settings).definitions
    if loaded is None:
        raise WrongResultError("the definitions of the benchmarks are not in order")
    sequences = {**loaded.sequences, "nurturing": Sequence.model_validate(NURTURING)}
    return Definitions.model_validate({**dict(loaded), "sequences": sequences})


def drain(database: Database, clock: MovableClock) -> int:
    """Advance until nothing is due; how many steps were taken."""
    moved = 0
    while True:
        advanced = advance(database, clock, is_holiday)
        moved += advanced.moved
        if not advanced.more:
            return moved


def _worker(settings: Settings, _share: int) -> Callable[[], int]:
    """One worker process, and what it does."""
    database = bootstrap.database(settings, busy=True)
    bootstrap.settle_down()
    return partial(drain, database, MovableClock(AT))


def flatness(few: Crowd, many: Crowd, say: Callable[[str], None], number: int = TURNS) -> list[tuple[Cost, Cost]]:
    """What claiming and moving 1,000 steps costs with few waiting, and with many, turn by turn."""
    turns: list[tuple[Cost, Cost]] = []
    for turn in range(number + 1):
        costs = []
        for crowd in (few, many):
            crowd.make_due(turn)
            costs.append(crowd.take())
        if turn:  # what a process does once is not counted
            turns.append((costs[0], costs[1]))
            say(
                f"turn {turn}: {costs[0].wall * 1e3:.0f} ms with {few.people:,}, {costs[1].wall * 1e3:.0f} ms with {many.people:,}"
            )
    return turns


def _growth(turns: list[tuple[Cost, Cost]]) -> dict[str, Any]:
    told = {}
    for name in ("wall", "cpu"):
        small, large = ([float(getattr(each, name)) for each in column] for column in zip(*turns, strict=True))
        told[name] = {
            "few, ms": median(small) * 1e3, "many, ms": median(large) * 1e3,
            "ratio": median(b / a for a, b in zip(small, large, strict=True)),
        }  # fmt: skip
    return told


def planning(many: Crowd) -> dict[str, Any]:
    """How long two workers take to plan everybody's step."""
    due = many.everybody_is_due()
    many.database.engine.dispose()
    planned = side_by_side(_worker, many.settings)
    same("steps planned", planned.done, due)
    many.check(due + many.taken)
    return {"steps": due, "workers": PROCESSES, "seconds": planned.seconds, "per_second": planned.rate}


def by_hand(laboratory: Laboratory, many: Crowd) -> float:
    """The same rows claimed and moved by two processes that decide nothing; how many a second."""
    due = many.everybody_is_due()
    many.database.engine.dispose()
    answer = laboratory.answer_of("benchmarks.limits.claim", many.settings.database, AT.isoformat())
    same("rows moved by the limit", answer["done"], due)
    many.check(due + many.taken)
    return float(due / answer["seconds"])


@contextmanager
def crowded(laboratory: Laboratory, people: int) -> Iterator[Crowd]:
    with laboratory.database() as url:
        crowd = Crowd(laboratory.settings(url), laboratory.postgres.pid, people)
        yield crowd
        crowd.database.engine.dispose()


def both(laboratory: Laboratory, waiting: int, say: Callable[[str], None]) -> dict[str, Any]:
    """What a step costs with few and with many waiting, and how fast those many are planned."""
    with crowded(laboratory, FEW) as few, crowded(laboratory, waiting) as many:
        bootstrap.settle_down()
        turns = flatness(few, many, say)
        few.check(few.taken)
        return {"few": few.people, "many": many.people, "due": DUE, "growth": _growth(turns), "planning": planning(many)}


def figures(laboratory: Laboratory, *, short: bool, times: int, say: Callable[[str], None]) -> Iterator[Figure]:
    """Steps a second when everybody is due; whether they cost more when many wait, but not in the short form."""
    yield speed(laboratory, 10_000 if short else 100_000, times, say)
    if not short:
        yield growth(laboratory, 3 * times, say)


def speed(laboratory: Laboratory, steps: int, times: int, say: Callable[[str], None]) -> Figure:
    """How many steps two workers take a second when everybody is due."""

    def ours() -> float:
        with crowded(laboratory, steps) as everybody:
            return float(planning(everybody)["per_second"])

    def limit() -> float:
        with crowded(laboratory, steps) as everybody:
            return by_hand(laboratory, everybody)

    figure = Figure(
        "steps", "steps, two workers", "steps/s", goals=(Goal(0.4, "limit"),),
        limit_is="the same rows claimed, updated and inserted by hand over two connections",
    )  # fmt: skip
    return measure(figure, times, say, ours=ours, twin=None, limit=limit)


def growth(laboratory: Laboratory, turns: int, say: Callable[[str], None], *, few: int = FEW, many: int = MANY) -> Figure:
    """What a thousand steps cost the processor when many wait ÷ when few do, turn by turn."""
    with crowded(laboratory, few) as small, crowded(laboratory, many) as large:
        ratios = [b.cpu / a.cpu for a, b in flatness(small, large, say, turns)]
        for crowd in (small, large):
            crowd.check(crowd.taken)
    name = f"cost of a step, {many:,} waiting ÷ {few:,}"
    return Figure("steps-growth", name, "×", better="less", ours=ratios, goals=(Goal(1.2),))


def _print(told: dict[str, Any]) -> None:
    table = Table(title=f"claiming and moving {told['due']:,} due steps while {told['few']:,} or {told['many']:,} people wait")
    for column in ("cost", "few, ms", "many, ms", "many ÷ few"):
        table.add_column(column, justify="left" if column == "cost" else "right")
    for name, each in told["growth"].items():
        table.add_row(name, f"{each['few, ms']:.0f}", f"{each['many, ms']:.0f}", f"{each['ratio']:.2f}")
    screen = console()
    screen.print(table)
    plan = told["planning"]
    screen.print(
        f"{plan['steps']:,} due steps planned by {plan['workers']} workers in {plan['seconds']:.0f} s, {plan['per_second']:,.0f}/s"
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.steps", description=__doc__)
    parser.add_argument("--waiting", type=int, default=MANY, help="how many people wait in the larger database")
    parser.add_argument("--json", type=Path, metavar="FILE", default=OUT, help="where the figures are written")
    options = parser.parse_args()
    return run(lambda laboratory: both(laboratory, options.waiting, say), _print, options.json)


if __name__ == "__main__":
    sys.exit(main())
