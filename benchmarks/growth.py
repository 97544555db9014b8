"""`python -m benchmarks.growth [--events N] [--people N] [--json FILE]`: does an event cost more when a million are stored?

A season's events (`benchmarks.season`) are absorbed by one process, by the real flow, from one partition of a real Redis stream
into a durable PostgreSQL, with the definitions in `config/`. Making events and laying them on the stream is not counted. After
each batch that asks for it whoever is marked is recounted, as a worker does; that is counted by itself. At the end everything is
verified against the log. Exit code 1 if anything is lost, doubled, parked or differs: then there is no figure.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any, Final

from redis import Redis
from rich.console import Console
from rich.table import Table
from sqlalchemy import Engine, event, func, select, text

from benchmarks.laboratory import ROOT, Laboratory, WrongResultError, same
from benchmarks.machine import cpu_seconds, describe
from benchmarks.season import MIX, heard
from nurture import bootstrap
from nurture.adapters.agents import kind_of_agent
from nurture.adapters.database.store import Database
from nurture.adapters.database.tables import counted_events, event_conflicts, events, people
from nurture.adapters.redis_keys import DEAD, FIELD
from nurture.adapters.redis_keys import events as stream
from nurture.adapters.stream import held_partition
from nurture.domain.event import EVENT, Event
from nurture.flow.absorb import BATCH, absorb
from nurture.flow.recount import recount
from nurture.reports.verify import Audit, audit
from tests.support.waiting import MovableClock

SLICE: Final = 10_000
OUT: Final = ROOT / "benchmarks" / "out" / "growth.json"


@dataclass
class Cost:
    """What was spent. Seconds, but for the number of statements and the bytes of PostgreSQL's log of writes."""

    wall: float = 0.0
    engine_cpu: float = 0.0
    postgres_cpu: float = 0.0
    statements: int = 0
    wal: int = 0

    @property
    def cpu(self) -> float:
        """Of the process that absorbs and of all of PostgreSQL's together, those that clean up behind it included."""
        return self.engine_cpu + self.postgres_cpu


@dataclass
class Slice:
    """One slice of the stream: `read` entries, of `people` devices and people named, of whom `new_people` were new."""

    read: int
    people: int
    new_people: int
    batches: int = 0
    absorbing: Cost = field(default_factory=Cost)
    recounting: Cost = field(default_factory=Cost)
    recounted: int = 0

    def per_event(self, cost: Callable[["Slice"], float]) -> float:
        """Microseconds per entry."""
        return cost(self) / self.read * 1e6


#: The costs whose growth is told.
COSTS: Final[dict[str, Callable[[Slice], float]]] = {
    "CPU": lambda each: each.absorbing.cpu,
    "wall clock": lambda each: each.absorbing.wall,
    "CPU with recounts": lambda each: each.absorbing.cpu + each.recounting.cpu,
    "wall clock with recounts": lambda each: each.absorbing.wall + each.recounting.wall,
}


class Meter:
    """Reads what this process and PostgreSQL have spent so far. Without a server of its own (SQLite) only this process."""

    def __init__(self, engine: Engine, postmaster: int | None = None) -> None:
        self._engine = engine
        self._postmaster = postmaster
        self._statements = 0
        event.listen(engine, "before_cursor_execute", self._count)

    def _count(self, *_: Any) -> None:
        self._statements += 1

    @contextmanager
    def into(self, cost: Cost) -> Iterator[None]:
        """Add to `cost` what is spent in the block."""
        before = self._reading()
        yield
        for name, now in asdict(self._reading()).items():
            setattr(cost, name, getattr(cost, name) + now - getattr(before, name))

    def _reading(self) -> Cost:
        spent = Cost(time.perf_counter(), time.process_time(), statements=self._statements)
        if self._postmaster is not None:
            spent.postgres_cpu = cpu_seconds(self._postmaster)
        return spent

    def wal_position(self) -> int:
        if self._postmaster is None:
            return 0
        with self._engine.connect() as connection:
            return int(connection.scalar(text("SELECT pg_current_wal_lsn() - '0/0'::pg_lsn")) or 0)

    def database_bytes(self) -> int:
        with self._engine.connect() as connection:
            return int(connection.scalar(text("SELECT pg_database_size(current_database())")) or 0)


class Absorption:
    """Takes a season in, slice by slice."""

    def __init__(self, database: Database, redis: Redis, meter: Meter, size: int = SLICE) -> None:
        self._database, self._redis, self._meter, self._size = database, redis, meter, size
        self._clock = MovableClock()
        self._seen: set[Any] = set()

    def take(self, season: Iterable[Event]) -> Iterator[Slice]:
        rest = iter(season)
        while part := list(islice(rest, self._size)):
            yield self._take_slice(part)

    def _take_slice(self, part: Sequence[Event]) -> Slice:
        self._lay_out(part)
        named = {each.person or each.anonymous_id or each.submission or each.key for each in part}
        taken = Slice(len(part), len(named), len(named - self._seen))
        self._seen |= named
        before = self._meter.wal_position()
        for end in range(BATCH, len(part) + BATCH, BATCH):
            self._clock.move_to(part[min(end, len(part)) - 1].received_at)
            self._take_batch(taken)
        taken.absorbing.wal = self._meter.wal_position() - before
        return taken

    def _lay_out(self, part: Iterable[Event]) -> None:
        pipeline = self._redis.pipeline(transaction=False)
        for each in part:
            pipeline.xadd(stream(0), {FIELD: EVENT.dump_json(each, exclude_defaults=True)})
        pipeline.execute()

    def _take_batch(self, taken: Slice) -> None:
        with self._meter.into(taken.absorbing), held_partition(self._redis, 0) as partition:
            if partition is None:
                raise WrongResultError("the partition is held by somebody else")
            absorbed = absorb(partition, self._database, self._clock, kind_of_agent)
        taken.batches += 1
        while absorbed.wakes_recount:
            with self._meter.into(taken.recounting):
                report = recount(self._database, self._clock)
            taken.recounted += report.due
            same("people left without a recount", report.left, 0)
            absorbed.wakes_recount = bool(report.due)


def check(database: Database, redis: Redis, logged: int, unnamed: int) -> Audit:
    """Verify what a season left behind; raises WrongResultError unless everything is there, once, and follows from the log."""
    with database.engine.connect() as connection, database.absorbing() as transaction:
        definitions = transaction.definitions()
        for what, table, expected in (
            ("events stored", events, logged),
            ("events without consent counted", counted_events, unnamed),
            ("conflicts", event_conflicts, 0),
        ):
            same(what, connection.scalar(select(func.count()).select_from(table)) or 0, expected)
        marked = select(func.count()).where(people.c.recount_at.is_not(None))
        same("people who wait for a recount", connection.scalar(marked) or 0, 0)
    same("dead letters", redis.exists(DEAD), 0)
    found = audit(database.engine, definitions, most=5)
    if found.differing:
        raise WrongResultError(f"{found.differing} differences from the log, among them {found.differences}")
    return found


def ratios(slices: Sequence[Slice]) -> dict[str, dict[str, float]]:
    """Of each cost: per event in the later slices ÷ per event in the first. A slice that is not full is left out."""
    first, *later = (each for each in slices if each.read == slices[0].read)
    told = {}
    for name, cost in COSTS.items():
        grown = [each.per_event(cost) / first.per_event(cost) for each in later] or [1.0]
        tenth = grown[-max(1, len(grown) // 10) :]
        told[name] = {
            "first_microseconds": first.per_event(cost), "median": median(grown), "last_tenth": median(tenth), "highest": max(grown),
        }  # fmt: skip
    return told


def measure(laboratory: Laboratory, number: int, crowd: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Absorb and verify one season; everything that is told of it."""
    with laboratory.database() as url, laboratory.redis.client() as redis:
        settings = laboratory.settings(url).model_copy(
            update={"config_dir": ROOT / "config", "templates_dir": ROOT / "templates" / "emails"}
        )
        bootstrap.prepare(settings)
        database = bootstrap.database(settings)
        meter = Meter(database.engine, laboratory.postgres.pid)
        season = _Season(heard(number, crowd))
        empty, slices = meter.database_bytes(), []
        for each in Absorption(database, redis, meter).take(season):
            slices.append(each)
            say(_line(len(slices), each))
        grown = meter.database_bytes() - empty
        spent = Cost()
        with meter.into(spent):
            found = check(database, redis, number, season.unnamed)
        database.engine.dispose()
    return {
        "events": number, "people": crowd, "mix": MIX, "ratios": ratios(slices), "bytes_per_event": grown / number,
        "verify": {"seconds": spent.wall, "people": found.people, "human_events": found.events, "differing": found.differing},
        "slices": [asdict(each) for each in slices],
    }  # fmt: skip


class _Season:
    """A season that counts while it is read what nobody consented to."""

    def __init__(self, season: Iterable[Event]) -> None:
        self._season = season
        self._unnamed: set[Any] = set()

    def __iter__(self) -> Iterator[Event]:
        for each in self._season:
            if not each.consented:
                self._unnamed.add(each.key)
            yield each

    @property
    def unnamed(self) -> int:
        return len(self._unnamed)


def _line(number: int, each: Slice) -> str:
    costs = each.absorbing
    return (
        f"slice {number:3}: {each.per_event(lambda _: costs.cpu):4.0f} µs CPU (engine {each.per_event(lambda _: costs.engine_cpu):4.0f}, "
        f"PostgreSQL {each.per_event(lambda _: costs.postgres_cpu):4.0f}), wall {each.per_event(lambda _: costs.wall):4.0f} µs, "
        f"recounts {each.per_event(lambda one: one.recounting.cpu):4.0f} µs CPU ({each.recounted} people), "
        f"{costs.statements / each.batches:.1f} statements a batch, {costs.wal / each.read:,.0f} B WAL an event, "
        f"{each.people:,} people, {each.new_people / each.people:.0%} new"
    )


def _print(facts: dict[str, Any], told: dict[str, Any]) -> None:
    table = Table(title=f"{told['events']:,} events of {told['people']:,} people: cost per event ÷ that of the first {SLICE:,}")
    for column in ("cost", "first, µs", "median", "last tenth", "highest"):
        table.add_column(column, justify="left" if column == "cost" else "right")
    for name, each in told["ratios"].items():
        table.add_row(name, f"{each['first_microseconds']:,.0f}", *(f"{each[key]:.2f}" for key in ("median", "last_tenth", "highest")))
    console = Console(width=None if sys.stdout.isatty() else 150)
    console.print(table)
    verified = told["verify"]
    console.print(
        f"verify: {verified['differing']} differences in {verified['human_events']:,} human events of {verified['people']:,} people, "
        f"{verified['seconds']:.0f} s; {told['bytes_per_event']:,.0f} bytes of database per event"
    )
    console.print(f"{facts['measured']}, commit {facts['commit']}, {facts['machine']}, {facts['servers']}, Python {facts['python']}")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth", description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000, help="how many are to be in the log")
    parser.add_argument("--people", type=int, default=50_000, help="how many humans they are of")
    parser.add_argument("--json", type=Path, metavar="FILE", default=OUT, help="where the figures are written")
    options = parser.parse_args()
    try:
        with Laboratory() as laboratory:
            facts = describe(laboratory)
            told = measure(laboratory, options.events, options.people, lambda line: print(line, file=sys.stderr, flush=True))
    except WrongResultError as error:
        print(f"the run was wrong, so there is no figure: {error}", file=sys.stderr)
        return 1
    _print(facts, told)
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(facts | told, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
