"""`python -m benchmarks.growth [--events N] [--people N] [--json FILE]`: does an event cost more when a million are stored?

A season's events (`benchmarks.season`) are absorbed by one process, by the real flow, from one partition of a real Redis stream
into a durable PostgreSQL, with the definitions in `config/`. Another process makes the events and lays them on the stream, a slice
at a time, while this one waits: that is not counted. After each batch that asks for it whoever is marked is recounted, as a worker
does; that is counted by itself. At the end everything is verified against the log. Exit code 1 if anything is lost, doubled, parked
or differs: then there is no figure.
"""

import argparse
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime
from functools import partial
from itertools import islice
from math import inf
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import fmean, median
from typing import Any, Final, NamedTuple

from redis import Redis
from rich.table import Table
from sqlalchemy import func, select

from benchmarks.breakdown import Breakdown
from benchmarks.figure import Figure, Goal
from benchmarks.laboratory import ROOT, Laboratory, WrongResultError, same
from benchmarks.meter import Cost, Meter
from benchmarks.program import console, run, say
from benchmarks.season import MIX, heard
from benchmarks.table import parts_of
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

EVENTS: Final = 1_000_000
PEOPLE: Final = 50_000

SLICE: Final = 10_000

#: Of the kinds of statements so many are told.
MOST_WAITS: Final = 12

#: After so many slices the first one is measured again.
BLOCK: Final = 10

OUT: Final = ROOT / "benchmarks" / "out" / "growth.json"


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
    #: Seconds that absorb waited for answers of the database, by the kind of statement.
    waits: dict[str, float] = field(default_factory=dict)

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


class Laid(NamedTuple):
    """A slice that lies on the stream, and when the engine has heard of each of its batches. `unnamed` without consent."""

    read: int
    people: int
    new_people: int
    unnamed: int
    heard: tuple[datetime, ...]


def lay_out(season: Iterable[Event], redis: Redis, size: int = SLICE) -> Iterator[Laid]:
    """Lay a season on the stream, a slice each time the next one is asked for."""
    rest, known, unnamed = iter(season), set[Any](), set[Any]()
    while part := list(islice(rest, size)):
        pipeline = redis.pipeline(transaction=False)
        for each in part:
            pipeline.xadd(stream(0), {FIELD: EVENT.dump_json(each, exclude_defaults=True)})
        pipeline.execute()
        named = {each.person or each.anonymous_id or each.submission for each in part if each.consented}
        without = {each.key for each in part if not each.consented}
        heard = tuple(batch[-1].received_at for batch in (part[at : at + BATCH] for at in range(0, len(part), BATCH)))
        yield Laid(len(part), len(named), len(named - known), len(without - unnamed), heard)
        known |= named
        unnamed |= without


@contextmanager
def laid_out_elsewhere(events: int, people: int, redis_url: str) -> Iterator[Iterator[Laid]]:
    """The same by another process, so that no visitor of the season lies in the memory of the one that is measured."""
    ours, theirs = get_context("spawn").Pipe()
    process = get_context("spawn").Process(target=_lay_out_when_asked, args=(theirs, events, people, redis_url), daemon=True)
    process.start()
    theirs.close()
    try:
        yield iter(partial(_ask, ours), None)
    finally:
        ours.close()
        process.join(10)


def _ask(pipe: Connection) -> Laid | None:
    pipe.send("next")
    answer: Laid | None = pipe.recv()
    return answer


def _lay_out_when_asked(pipe: Connection, events: int, people: int, redis_url: str) -> None:
    with Redis.from_url(redis_url) as redis, suppress(EOFError):
        slices = lay_out(heard(events, people), redis)
        while pipe.recv():
            pipe.send(next(slices, None))


@contextmanager
def as_delivered(laboratory: Laboratory) -> Iterator[tuple[Database, Meter]]:
    """The engine as in production, with the definitions it is delivered with, and nothing in its database."""
    laboratory.redis.flush()
    with laboratory.database() as url:
        folders = {"config_dir": ROOT / "config", "templates_dir": ROOT / "templates" / "emails"}
        settings = laboratory.settings(url).model_copy(update=folders)
        bootstrap.prepare(settings)
        database = bootstrap.database(settings)
        yield database, Meter(database.engine, laboratory.postgres.pid)
        database.engine.dispose()


class Absorption:
    """Takes a season in, slice by slice."""

    def __init__(self, database: Database, redis: Redis, meter: Meter) -> None:
        self._database, self._redis, self._meter = database, redis, meter
        self._clock = MovableClock()
        self.unnamed = 0

    def take(self, laid: Laid) -> Slice:
        """Absorb what was laid out, and recount whoever is marked."""
        taken = Slice(laid.read, laid.people, laid.new_people)
        before = self._meter.wal_position()
        for at in laid.heard:
            self._clock.move_to(at)
            self._take_batch(taken)
        taken.absorbing.wal = self._meter.wal_position() - before
        self.unnamed += laid.unnamed
        return taken

    def _take_batch(self, taken: Slice) -> None:
        before = dict(self._meter.waits)
        with self._meter.into(taken.absorbing), held_partition(self._redis, 0) as partition:
            if partition is None:
                raise WrongResultError("the partition is held by somebody else")
            absorbed = absorb(partition, self._database, self._clock, kind_of_agent)
        for kind, seconds in self._meter.waits.items():
            taken.waits[kind] = taken.waits.get(kind, 0.0) + seconds - before.get(kind, 0.0)
        taken.batches += 1
        while absorbed.wakes_recount:
            with self._meter.into(taken.recounting):
                report = recount(self._database, self._clock)
            taken.recounted += report.due
            same("people left without a recount", report.left, 0)
            absorbed.wakes_recount = bool(report.due)


def check(database: Database, redis: Redis, logged: int, unnamed: int) -> Audit:
    """Verify what a season left behind; raises WrongResultError unless everything is there, once, and follows from the log."""
    with database.engine.connect() as connection:
        definitions = database.releases.current(connection)
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


@dataclass
class Block:
    """Some slices in a row, between two times when the first slice was taken in by an engine that had nothing yet."""

    before: Slice
    slices: list[Slice]
    after: Slice

    def ratios(self, cost: Callable[[Slice], float]) -> list[float]:
        """A cost per event of each full slice ÷ that of the first slice, as it was around the block."""
        first = (self.before.per_event(cost) + self.after.per_event(cost)) / 2
        return [each.per_event(cost) / first for each in self.slices if each.read == self.before.read]


def growth(blocks: Sequence[Block]) -> dict[str, dict[str, float]]:
    """How each cost per event grew behind the first slice: median, mean, the median of the last tenth, and the highest."""
    told = {}
    for name, cost in COSTS.items():
        first = median(each.per_event(cost) for each in [blocks[0].before, *(block.after for block in blocks)])
        ratios = [ratio for block in blocks for ratio in block.ratios(cost)][1:]
        tenth = ratios[-max(1, len(ratios) // 10) :]
        told[name] = {
            "first, µs": first, "median": median(ratios), "mean": fmean(ratios), "last tenth": median(tenth), "highest": max(ratios),
        }  # fmt: skip
    return told


def made_of(blocks: Sequence[Block]) -> Breakdown:
    """Where the microseconds of an event went in the first slice, and where in the last tenth: who had the processor, and which answers of the
    database were waited for, those of the last tenth that took longest.
    """
    first = [blocks[0].before, *(block.after for block in blocks)]
    full = [each for block in blocks for each in block.slices if each.read == block.before.read][1:]
    last = full[-max(1, len(full) // 10) :]

    def both(cost: Callable[[Slice], float]) -> tuple[float, float, float]:
        then, now = (median(each.per_event(cost) for each in some) for some in (first, last))
        return then, now, now / then if then else inf

    def waited(kind: str) -> tuple[float, float, float]:
        return both(lambda each: each.waits.get(kind, 0.0))

    processor = {
        "engine": both(lambda each: each.absorbing.engine_cpu),
        "PostgreSQL": both(lambda each: each.absorbing.postgres_cpu),
    }
    waits = {f"wait for {kind}": waited(kind) for kind in {kind for each in last for kind in each.waits}}
    longest = sorted(waits, key=lambda kind: waits[kind][1], reverse=True)[:MOST_WAITS]
    return Breakdown(("µs at first", "µs at last", "last ÷ first"), processor | {kind: waits[kind] for kind in longest})


class Bench:
    """Where seasons are taken in, each into a database of its own."""

    def __init__(self, laboratory: Laboratory, redis: Redis, events: int, people: int, say: Callable[[str], None]) -> None:
        self._laboratory, self._redis = laboratory, redis
        self._events, self._people = events, people
        self._say = say

    def first(self) -> Slice:
        """The first slice, taken in by an engine that has nothing yet."""
        with as_delivered(self._laboratory) as (database, meter), self._season() as season:
            taken = Absorption(database, self._redis, meter).take(next(season))
        self._say(f"into nothing, {_line(taken)}")
        return taken

    def season(self) -> tuple[list[Block], dict[str, Any]]:
        """The whole season, and what was found at the end. In between the first slice is measured again and again, so that a
        busy moment of the machine hits both alike.
        """
        with as_delivered(self._laboratory) as (database, meter):
            absorption, blocks, first = Absorption(database, self._redis, meter), list[Block](), self.first()
            empty = meter.database_bytes()
            with self._season() as season:
                while slices := list(islice(self._told(map(absorption.take, season)), BLOCK)):
                    blocks.append(Block(first, slices, first := self.first()))
            grown = meter.database_bytes() - empty
            spent = Cost()
            with meter.into(spent):
                found = check(database, self._redis, self._events, absorption.unnamed)
        verified = {"seconds": spent.wall, "people": found.people, "human_events": found.events, "differing": found.differing}
        return blocks, {"bytes_per_event": grown / self._events, "verify": verified}

    def _told(self, slices: Iterable[Slice]) -> Iterator[Slice]:
        for each in slices:
            self._say(_line(each))
            yield each

    def _season(self) -> AbstractContextManager[Iterator[Laid]]:
        return laid_out_elsewhere(self._events, self._people, self._laboratory.redis.url)


def measure(laboratory: Laboratory, events: int, people: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Absorb and verify one season; everything that is told of it."""
    with laboratory.redis.client() as redis:
        bench = Bench(laboratory, redis, events, people, say)
        bench.first()  # what a process does once is not counted
        bootstrap.settle_down()
        blocks, found = bench.season()
    told = {"events": events, "people": people, "mix": MIX, "growth": growth(blocks), "made_of": asdict(made_of(blocks))}
    return {**told, **found, "blocks": [asdict(each) for each in blocks]}


def figures(laboratory: Laboratory, *, short: bool, times: int, say: Callable[[str], None]) -> Iterator[Figure]:  # noqa: ARG001 - see below
    """One turn, in which the first slice is taken in again and again; none in the short form, for it takes many minutes."""
    if not short:
        told = measure(laboratory, EVENTS, PEOPLE, say)
        name = f"CPU of an event, at {EVENTS:,} stored ÷ at {SLICE:,}"
        yield Figure(
            "growth", name, "×", "less", ours=[told["growth"]["CPU"]["last tenth"]], goals=(Goal(1.3),),
            made_of=Breakdown(**told["made_of"]),
        )  # fmt: skip


def _line(each: Slice) -> str:
    costs = each.absorbing
    return (
        f"an event {each.per_event(lambda _: costs.cpu):4.0f} µs CPU (engine {each.per_event(lambda _: costs.engine_cpu):4.0f}, "
        f"PostgreSQL {each.per_event(lambda _: costs.postgres_cpu):4.0f}), wall {each.per_event(lambda _: costs.wall):4.0f} µs, "
        f"recounts {each.per_event(lambda one: one.recounting.cpu):4.0f} µs CPU ({each.recounted} people), "
        f"{costs.statements / each.batches:.1f} statements a batch, {costs.wal / each.read:,.0f} B WAL an event, "
        f"{each.people:,} people, {each.new_people / each.people:.0%} new"
    )


def _print(told: dict[str, Any]) -> None:
    table = Table(title=f"{told['events']:,} events of {told['people']:,} people: cost per event ÷ that of the first {SLICE:,}")
    table.add_column("cost")
    for column in told["growth"]["CPU"]:
        table.add_column(column, justify="right")
    for name, figures in told["growth"].items():
        first, *ratios = figures.values()
        table.add_row(name, f"{first:,.0f}", *(f"{each:.2f}" for each in ratios))
    screen = console()
    screen.print(table)
    screen.print(parts_of(Breakdown(**told["made_of"])))
    verified = told["verify"]
    screen.print(
        f"verify: {verified['differing']} differences in {verified['human_events']:,} human events of {verified['people']:,} people, "
        f"{verified['seconds']:.0f} s; {told['bytes_per_event']:,.0f} bytes of database per event"
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth", description=__doc__)
    parser.add_argument("--events", type=int, default=EVENTS, help="how many are to be in the log")
    parser.add_argument("--people", type=int, default=PEOPLE, help="how many humans they are of")
    parser.add_argument("--json", type=Path, metavar="FILE", default=OUT, help="where the figures are written")
    options = parser.parse_args()
    if options.events < 2 * SLICE:
        parser.error(f"--events must be {2 * SLICE:,} or more: growth is measured behind the first {SLICE:,}")
    return run(lambda laboratory: measure(laboratory, options.events, options.people, say), _print, options.json)


if __name__ == "__main__":
    sys.exit(main())
