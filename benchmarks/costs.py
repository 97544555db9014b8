"""`python -m benchmarks.costs`: what one event, person and step cost, for the model of `benchmarks.capacity`; writes `capacity.json`.

Absorb takes in two seasons (`benchmarks.season`) that differ in how many people come to a batch; from both follows what an event and
what a person costs. Two more, of other sizes and mixes, are measured for the model to be held against. Times are CPU of the engine's
process, of PostgreSQL and of Redis. What stands in `CITED` was measured by other programs.
"""

import json
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from statistics import fmean, median
from typing import Any, Final, NamedTuple

from redis import Redis
from sqlalchemy import func, select

from benchmarks.accept import BATCH as REQUEST
from benchmarks.capacity import DATA
from benchmarks.growth import Absorption, as_delivered, lay_out
from benchmarks.laboratory import WRITE_KEY, Laboratory, await_port, same
from benchmarks.machine import cpu_seconds
from benchmarks.meter import Cost
from benchmarks.program import run, say
from benchmarks.season import heard
from benchmarks.steps import DUE, FEW, Crowd
from nurture import bootstrap
from nurture.adapters.database.tables import people as table_of_people
from nurture.adapters.redis_keys import events as stream
from nurture.flow.absorb import BATCH
from workers.life import memory_of

#: Events and people of the seasons that costs come from, and of those that the model is held against.
CROWDED: Final = (20_000, 5_000)
FAITHFUL: Final = (20_000, 200)
POINTS: Final = ((10_000, 1_000), (60_000, 4_000))

_SECONDS: Final = 4.0
_TURNS: Final = 5

#: A value, its unit, and where it comes from.
Measured = tuple[float, str, str]

#: What was measured by other programs.
CITED: Final[dict[str, Measured]] = {
    "mail": (1_200, "µs", "benchmarks/README.md, How fast does mail leave: 0.62 ms to write and look over, 0.5 to 0.6 ms for all else"),
    "store_mail": (250, "µs", "benchmarks/README.md, How fast does mail leave: PostgreSQL and the sink together"),
    "growth": (1.4, "×", "benchmarks/README.md, Does an event cost more as the log grows: the last tenth of a million events"),
    "worker_memory_mb": (130, "MB", "benchmarks/README.md, How fast does mail leave: the most that a process of a worker took"),
    "connections_process": (4, "connections", "nurture/adapters/database/engine.py: a pool of two and two more at most"),
}  # fmt: skip


@dataclass
class Season:
    """A season that was taken in: CPU seconds by part, and what it left. `people_in_batches` counts people once for each batch."""

    events: int
    people_in_batches: int = 0
    people: int = 0
    cost: Cost = field(default_factory=Cost)
    redis_cpu: float = 0.0
    grown: int = 0
    waiting: int = 0


class Accepted(NamedTuple):
    """What an event cost the web process and Redis, in CPU seconds, and the megabytes that the process took."""

    web: float
    redis: float
    memory_mb: float


class Scales:
    """Measures, on the servers of a laboratory."""

    def __init__(self, laboratory: Laboratory, redis: Redis) -> None:
        self._laboratory, self._redis = laboratory, redis

    def season(self, events: int, people: int) -> Season:
        """Absorb a season into an empty database, with the definitions that the engine is delivered with."""
        with as_delivered(self._laboratory) as (database, meter):
            taken, absorption, empty = Season(0), Absorption(database, self._redis, meter), meter.database_bytes()
            for laid in lay_out(heard(events, people), self._redis, BATCH):
                taken.waiting = max(taken.waiting, int(self._redis.memory_usage(stream(0), samples=0) or 0) // laid.read)
                before = cpu_seconds(self._laboratory.redis.pid)
                batch = absorption.take(laid)
                taken.redis_cpu += cpu_seconds(self._laboratory.redis.pid) - before
                taken.events += laid.read
                taken.people_in_batches += laid.people
                for name in ("engine_cpu", "postgres_cpu", "wal"):
                    spent = getattr(batch.absorbing, name) + getattr(batch.recounting, name)
                    setattr(taken.cost, name, getattr(taken.cost, name) + spent)
            taken.grown = meter.database_bytes() - empty
            with database.engine.connect() as connection:
                taken.people = connection.scalar(select(func.count()).select_from(table_of_people)) or 0
        say(f"{events:,} events of {people:,} people: {asdict(taken)}")
        return taken

    def accepting(self, batch: int) -> Accepted:
        """Load a web process, so many events in a request."""
        laboratory = self._laboratory
        laboratory.redis.flush()
        with laboratory.database() as url:
            settings = laboratory.settings(url)
            bootstrap.prepare(settings)
            with laboratory.process("nurture.cli.main", "web", environ=settings.as_environ()) as web:
                await_port(web, settings.port)
                path = "/v1/batch" if batch > 1 else "/v1/track"
                words = ["--url", f"http://127.0.0.1:{settings.port}{path}", "--batch", str(batch), "--write-key", WRITE_KEY]
                laboratory.answer_of("benchmarks.load", *words, "--prefix", "warm", "--seconds", "1")
                before = [cpu_seconds(pid) for pid in (web.pid, laboratory.redis.pid)]
                told = laboratory.answer_of("benchmarks.load", *words, "--prefix", "hot", "--seconds", str(_SECONDS))
                spent = [cpu_seconds(pid) - was for pid, was in zip((web.pid, laboratory.redis.pid), before, strict=True)]
                same("requests refused", sum(told["statuses"].values()) - told["accepted"], 0)
                memory = (memory_of([web.pid]) or 0) / 1e6
        events = told["accepted"] * batch
        say(f"accepted {events:,} events, {batch} in a request: {spent} s of web and Redis, {memory:.0f} MB")
        return Accepted(spent[0] / events, spent[1] / events, memory)

    def steps(self) -> Cost:
        """What a step costs while ten thousand wait; the median of some turns."""
        with self._laboratory.database() as url:
            crowd = Crowd(self._laboratory.settings(url), self._laboratory.postgres.pid, FEW)
            costs = []
            for turn in range(_TURNS + 1):
                crowd.make_due(turn)
                costs.append(crowd.take())
            crowd.database.engine.dispose()
        del costs[0]  # what a process does once is not counted
        return Cost(
            engine_cpu=median(each.engine_cpu for each in costs) / DUE,
            postgres_cpu=median(each.postgres_cpu for each in costs) / DUE,
        )


def split(
    crowded: Season, faithful: Season, much: Callable[[Season], float], heads: Callable[[Season], int]
) -> tuple[float, float]:
    """What an event and what a person has of `much`: two equations with two unknowns (Cramer)."""
    determinant = crowded.events * heads(faithful) - faithful.events * heads(crowded)
    event = (much(crowded) * heads(faithful) - much(faithful) * heads(crowded)) / determinant
    person = (crowded.events * much(faithful) - faithful.events * much(crowded)) / determinant
    return event, person


def measure(laboratory: Laboratory) -> dict[str, Any]:
    """All costs, and the points."""
    with laboratory.redis.client() as redis:
        scales = Scales(laboratory, redis)
        scales.season(5_000, 500)  # what a process does once is not counted
        bootstrap.settle_down()
        crowded, faithful = scales.season(*CROWDED), scales.season(*FAITHFUL)
        points = [scales.season(*each) for each in POINTS]
        costs = {
            **of_events(crowded, faithful), **of_accepting(scales.accepting(1), scales.accepting(REQUEST), faithful),
            **of_steps(scales.steps()), **CITED,
        }  # fmt: skip
    return {"costs": _told(costs), "points": [_point(each) for each in points]}


def of_events(crowded: Season, faithful: Season) -> dict[str, Measured]:
    """What absorb, PostgreSQL and the disk have of an event and of a person."""
    absorb = split(crowded, faithful, lambda each: each.cost.engine_cpu, lambda each: each.people_in_batches)
    store = split(crowded, faithful, lambda each: each.cost.postgres_cpu, lambda each: each.people_in_batches)
    held = split(crowded, faithful, lambda each: each.grown, lambda each: each.people)
    seasons = f"benchmarks/costs.py, seasons of {CROWDED} and {FAITHFUL} events and people"
    return {
        "absorb_event": (absorb[0] * 1e6, "µs", seasons),
        "absorb_person": (absorb[1] * 1e6, "µs", f"{seasons}; a person in a batch"),
        "store_event": (store[0] * 1e6, "µs", seasons),
        "store_person": (store[1] * 1e6, "µs", f"{seasons}; a person in a batch"),
        "bytes_event": (held[0], "B", seasons),
        "bytes_person": (held[1], "B", f"{seasons}; a person in the database"),
        "bytes_wal_event": (fmean(each.cost.wal / each.events for each in (crowded, faithful)), "B", seasons),
        "bytes_waiting": (max(crowded.waiting, faithful.waiting), "B", "benchmarks/costs.py, MEMORY USAGE of a stream"),
    }


def of_accepting(single: Accepted, many: Accepted, faithful: Season) -> dict[str, Measured]:
    """What an event costs before it is absorbed, and Redis all in all."""
    load = "benchmarks/costs.py, 64 connections"
    redis = single.redis + faithful.redis_cpu / faithful.events
    return {
        "web_event": (single.web * 1e6, "µs", load),
        "web_event_in_batch": (many.web * 1e6, "µs", f"{load}, {REQUEST} in a request"),
        "redis_event": (redis * 1e6, "µs", f"{load}, and a season of {FAITHFUL} events and people"),
        "web_memory_mb": (many.memory_mb, "MB", f"{load}, PSS"),
    }


def of_steps(step: Cost) -> dict[str, Measured]:
    """What a step costs the engine and PostgreSQL."""
    steps = f"benchmarks/costs.py, {FEW:,} people wait"
    return {"step": (step.engine_cpu * 1e6, "µs", steps), "store_step": (step.postgres_cpu * 1e6, "µs", steps)}


def _told(costs: dict[str, Measured]) -> dict[str, Any]:
    return {name: {"value": float(f"{value:.3g}"), "unit": unit, "from": source} for name, (value, unit, source) in costs.items()}


def _point(season: Season) -> dict[str, Any]:
    return {
        "events": season.events, "people_in_batches": season.people_in_batches, "people": season.people,
        "engine_seconds": round(season.cost.engine_cpu, 3), "postgres_seconds": round(season.cost.postgres_cpu, 3),
        "database_bytes": season.grown,
    }  # fmt: skip


def main() -> int:
    return run(measure, lambda told: print(json.dumps(told, indent=2)), DATA)


if __name__ == "__main__":
    sys.exit(main())
