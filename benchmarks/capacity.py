"""`python -m benchmarks.capacity [--people N] [--events-per-second N] …`: what an installation of a size needs, on paper.

The model is the arithmetic of what one event, person, step and mail cost. These costs, with where each was measured, stand in
`capacity.json`; so do two runs of other sizes and mixes, for which the model must say about what was measured (a test holds it to
that). `python -m benchmarks.costs` measures them anew.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from math import ceil
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

DATA: Final = Path(__file__).with_suffix(".json")

DAYS_A_MONTH: Final = 30
SECONDS_A_MONTH: Final = DAYS_A_MONTH * 86_400


@dataclass(frozen=True)
class Costs:
    """What things cost on one core of the machine that they were measured on. Times are CPU, in microseconds."""

    web_event: float
    web_event_in_batch: float
    redis_event: float
    absorb_event: float
    absorb_person: float
    store_event: float
    store_person: float
    step: float
    store_step: float
    mail: float
    store_mail: float
    growth: float
    bytes_event: float
    bytes_person: float
    bytes_wal_event: float
    bytes_waiting: float
    web_memory_mb: float
    worker_memory_mb: float
    connections_process: float

    @classmethod
    def load(cls, told: Mapping[str, Any]) -> Self:
        """The costs of `capacity.json`; raises KeyError for one that is missing."""
        return cls(**{each.name: float(told["costs"][each.name]["value"]) for each in fields(cls)})


class Absorbed(NamedTuple):
    """A piece of work for absorb: events, and the people in its batches, each counted once in every batch they are in."""

    events: int
    people_in_batches: int


def absorb_seconds(costs: Costs, work: Absorbed) -> tuple[float, float]:
    """The CPU seconds that work takes of the engine and of PostgreSQL, while the log is short."""
    engine = costs.absorb_event * work.events + costs.absorb_person * work.people_in_batches
    postgres = costs.store_event * work.events + costs.store_person * work.people_in_batches
    return engine / 1e6, postgres / 1e6


def database_bytes(costs: Costs, events: float, people: float) -> float:
    """What the database holds of so many events and people, all tables and indexes."""
    return costs.bytes_event * events + costs.bytes_person * people


@dataclass(frozen=True)
class Business:
    """Who is to be served. Rates are means over a month; the busiest hour has `peak` times as much.

    `visit` is how many events of somebody come together, so that a batch has them at once. Of all people a share `mailed` is mailed
    `mails` times a month, with `steps` steps of sequences to each mail. Cores are to be busy for a share `busy` in the busiest hour.
    """

    people: int = 10_000_000
    events_per_second: float = 1_000
    peak: float = 3.0
    visit: float = 5.0
    mailed: float = 0.1
    mails: float = 4.0
    steps: float = 2.5
    busy: float = 0.6

    @property
    def mails_per_second(self) -> float:
        return self.people * self.mailed * self.mails / SECONDS_A_MONTH

    @property
    def events_a_month(self) -> float:
        return self.events_per_second * SECONDS_A_MONTH


@dataclass(frozen=True)
class Need:
    """Cores for the busiest hour, processes for as many, and what fills up. Bytes are of a month, but for those that are said otherwise."""

    web: float
    absorb: float
    advance: float
    send: float
    redis: float
    postgres: float
    web_processes: int
    worker_processes: int
    memory: float
    connections: int
    disk: float
    people_disk: float
    wal: float
    backlog_events: float
    backlog: float

    @property
    def cores(self) -> float:
        return self.web + self.absorb + self.advance + self.send + self.redis + self.postgres


def need(costs: Costs, business: Business) -> Need:
    """What a business needs, once its log is long."""
    rate = business.events_per_second * business.peak / business.busy / 1e6
    mails = business.mails_per_second * business.peak / business.busy / 1e6
    engine, postgres = (each * costs.growth for each in _event_costs(costs, business))
    web, absorb = rate * costs.web_event, rate * engine
    advance, send = mails * business.steps * costs.step, mails * costs.mail
    stored = rate * postgres + mails * (business.steps * costs.store_step + costs.store_mail)
    web_processes = max(2, ceil(web))
    worker_processes = max(2, ceil(absorb + advance)) + max(2, ceil(send))
    backlog_events = 3_600 * business.events_per_second * business.peak
    return Need(
        web=web, absorb=absorb, advance=advance, send=send, redis=rate * costs.redis_event, postgres=stored,
        web_processes=web_processes, worker_processes=worker_processes,
        memory=1e6 * (web_processes * costs.web_memory_mb + worker_processes * costs.worker_memory_mb),
        connections=ceil((web_processes + worker_processes + 2) * costs.connections_process),
        disk=costs.bytes_event * business.events_a_month, people_disk=costs.bytes_person * business.people,
        wal=costs.bytes_wal_event * business.events_a_month, backlog_events=backlog_events,
        backlog=backlog_events * costs.bytes_waiting,
    )  # fmt: skip


def _event_costs(costs: Costs, business: Business) -> tuple[float, float]:
    """Microseconds of the engine and of PostgreSQL for one event."""
    return (
        costs.absorb_event + costs.absorb_person / business.visit,
        costs.store_event + costs.store_person / business.visit,
    )


class Ceiling(NamedTuple):
    """How many events a second one of something carries when it is busy all the time, and how there come to be more of it."""

    part: str
    events_per_second: float
    more: str


def ceilings(costs: Costs, business: Business) -> list[Ceiling]:
    """Where it stops, lowest first. A partition waits for PostgreSQL between its own turns, so both times add up."""
    engine, postgres = (each * costs.growth for each in _event_costs(costs, business))
    found = [
        Ceiling(
            "one partition, one event after the other", 1e6 / (engine + postgres), "NURTURE_PARTITIONS, a worker process for each"
        ),
        Ceiling("one web process, single events", 1e6 / costs.web_event, "another process behind the balancer"),
        Ceiling("one web process, batches", 1e6 / costs.web_event_in_batch, "another process behind the balancer"),
        Ceiling("one core of PostgreSQL", 1e6 / postgres, "a machine with more cores"),
        Ceiling("Redis (one core)", 1e6 / costs.redis_event, "none today"),
    ]
    return sorted(found, key=lambda each: each.events_per_second)


def table(costs: Costs, business: Business) -> str:
    """The need and the ceilings as Markdown."""
    return "\n".join([*_needs(need(costs, business), business), "", *_stops(costs, business)]) + "\n"


def _needs(needed: Need, business: Business) -> Iterator[str]:
    yield (
        f"{business.people:,} people, {business.events_per_second:,.0f} events/s in the mean and {business.peak:g} times as many in "
        f"the busiest hour, {business.mails_per_second:,.1f} mails/s; cores {business.busy:.0%} busy in that hour:"
    )
    yield ""
    yield "| part | it needs | what for |"
    yield "|---|---:|---|"
    for part, much, what in (
        ("web", f"{needed.web:.2f} cores", f"{needed.web_processes} processes"),
        ("absorb", f"{needed.absorb:.2f} cores", "queue `events`"),
        ("advance", f"{needed.advance:.2f} cores", "queue `sequences`"),
        ("send", f"{needed.send:.2f} cores", "queue `mail`"),
        ("Redis", f"{needed.redis:.2f} cores", "one thread"),
        ("PostgreSQL", f"{needed.postgres:.2f} cores", "what all of them ask of it"),
        ("all cores", f"{needed.cores:.1f}", "of the machine that was measured on"),
        ("workers", f"{needed.worker_processes}", "processes, on one host or several"),
        ("memory of the engine", size(needed.memory), "web processes and workers"),
        ("connections to PostgreSQL", f"{needed.connections}", "at most, with beat; `max_connections`"),
        ("disk, people", size(needed.people_disk), "once"),
        ("disk, events", size(needed.disk), f"a month, for {business.events_a_month:,.0f} rows"),
        ("PostgreSQL's log of writes", size(needed.wal), "a month, to replicas and archives"),
        ("memory of Redis", size(needed.backlog), f"for an hour without workers: {needed.backlog_events:,.0f} events"),
    ):
        yield f"| {part} | {much} | {what} |"


def _stops(costs: Costs, business: Business) -> Iterator[str]:
    yield "| what stops first | events/s | how there is more of it |"
    yield "|---|---:|---|"
    for each in ceilings(costs, business):
        yield f"| {each.part} | {each.events_per_second:,.0f} | {each.more} |"


def size(many: float) -> str:
    """Bytes for people to read: 2.5 GB."""
    for unit, factor in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if many >= factor:
            return f"{many / factor:,.1f} {unit}"
    return f"{many:,.0f} B"


def read() -> dict[str, Any]:
    """All that was measured."""
    told: dict[str, Any] = json.loads(DATA.read_text(encoding="utf-8"))
    return told


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.capacity", description=__doc__)
    for each in fields(Business):
        kind = int if each.name == "people" else float
        parser.add_argument(f"--{each.name.replace('_', '-')}", type=kind, default=each.default, metavar="N")
    business = Business(**vars(parser.parse_args()))
    print(table(Costs.load(read()), business), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
