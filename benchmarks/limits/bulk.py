"""The most that PostgreSQL takes of the engine's rows: `python -m benchmarks.limits.bulk DATABASE_URL NUMBER ISO_INSTANT`.

Two processes with a connection each; batches of 500 events as one JSON parameter, the people and score cells of a batch
upserted by hand, one transaction a batch. All rows are made before the clock starts; nothing is looked up or decided.
"""

import json
import multiprocessing
import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from multiprocessing.synchronize import Barrier
from typing import Any, Final, NamedTuple

import psycopg

from benchmarks.crowd import accepted, wire_events
from benchmarks.twin.rules import RULES
from nurture.domain.event import EVENT
from nurture.domain.ids import stable_id

BATCH: Final = 500
PROCESSES: Final = 2

_STATEMENTS: Final = (
    """INSERT INTO people (id, stage, stage_since, attributes, heat, fit, grade, first_seen_at, seen_at)
       SELECT id, 'audience', seen, '{}', heat, 0, 'D', seen, seen FROM jsonb_to_recordset(%s) AS row (id bigint, seen timestamptz, heat float)
       ON CONFLICT (id) DO UPDATE SET heat = people.heat + excluded.heat, seen_at = excluded.seen_at""",
    """INSERT INTO events (id, person_id, name, occurred_at, received_at, verdict, body)
       SELECT id, person, name, at, at, 'human', body
       FROM jsonb_to_recordset(%s) AS row (id uuid, person bigint, name text, at timestamptz, body jsonb) ON CONFLICT DO NOTHING""",
    """INSERT INTO score_cells (person_id, rule, day, hits)
       SELECT * FROM jsonb_to_recordset(%s) AS row (person_id bigint, rule text, day int, hits int)
       ON CONFLICT (person_id, rule, day) DO UPDATE SET hits = score_cells.hits + excluded.hits""",
)


class Batch(NamedTuple):
    """The three JSON parameters of one transaction: people, events, score cells."""

    people: str
    events: str
    cells: str


def _batches(number: int, now: datetime, share: int) -> Iterator[Batch]:
    """The batches of one process: the events of its share of the visitors."""
    mine = [wire for wire in wire_events(number, prefix="drain", now=now) if int(wire["anonymousId"][-1]) % PROCESSES == share]
    for start in range(0, len(mine), BATCH):
        yield _batch(mine[start : start + BATCH], now)


def _batch(wires: list[dict[str, Any]], now: datetime) -> Batch:
    people: Counter[int] = Counter()
    cells: Counter[tuple[int, str, int]] = Counter()
    events = []
    for wire in wires:
        event = accepted(wire, now)
        person = stable_id("person", wire["anonymousId"])
        hits = [(rule, points) for rule, points, matches in RULES if matches(wire)]
        cells.update((person, rule, event.day) for rule, _ in hits)
        people[person] += sum(points for _, points in hits)
        body = EVENT.dump_python(event, mode="json", exclude_defaults=True)
        events.append({"id": str(event.key), "person": person, "name": event.name, "at": wire["timestamp"], "body": body})
    seen = now.isoformat()
    return Batch(
        json.dumps([{"id": person, "seen": seen, "heat": heat} for person, heat in sorted(people.items())]),
        json.dumps(events),
        json.dumps(
            [{"person_id": person, "rule": rule, "day": day, "hits": hits} for (person, rule, day), hits in sorted(cells.items())]
        ),
    )


def _insert(url: str, batches: list[Batch], start: Barrier) -> None:
    with psycopg.connect(url) as connection:
        start.wait()
        for batch in batches:
            with connection.transaction():
                for statement, rows in zip(_STATEMENTS, batch, strict=True):
                    connection.execute(statement, (rows,))
        connection.commit()


def main() -> None:
    url, number, now = sys.argv[1].replace("+psycopg", ""), int(sys.argv[2]), datetime.fromisoformat(sys.argv[3])
    start = multiprocessing.Barrier(PROCESSES + 1)
    processes = [
        multiprocessing.Process(target=_insert, args=(url, list(_batches(number, now, share)), start))
        for share in range(PROCESSES)
    ]
    for process in processes:
        process.start()
    start.wait()
    started = time.perf_counter()
    for process in processes:
        process.join()
    if any(process.exitcode for process in processes):
        raise SystemExit("a process of the limit failed")
    print(json.dumps({"seconds": time.perf_counter() - started}))


if __name__ == "__main__":
    main()
