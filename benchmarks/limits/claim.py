"""The most that PostgreSQL moves of the engine's runs: `python -m benchmarks.limits.claim DATABASE_URL ISO_INSTANT`.

Two processes with a connection each claim a thousand due enrollments at a time, move them to the next wait and queue a mail for
each, a transaction for each thousand. Nobody is looked up and nothing is decided.
"""

import json
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

import psycopg

from benchmarks.side_by_side import side_by_side

BATCH: Final = 1_000

_CLAIM: Final = """
SELECT id, person_id, due_at FROM enrollments WHERE status IN ('active', 'waiting') AND due_at <= %s
ORDER BY due_at LIMIT %s FOR UPDATE SKIP LOCKED
"""

_MOVE: Final = """
UPDATE enrollments SET status = 'waiting', step = 'interest', due_at = %s, step_since = %s WHERE id = ANY(%s)
"""

_QUEUE: Final = """
INSERT INTO messages (id, enrollment_id, person_id, step, pass, template, status, any_time, planned_at, due_at, priority)
SELECT run, run, person, 'case', 1, 'follow-up', 'queued', false, since, %s, 50
FROM unnest(%s::bigint[], %s::bigint[], %s::timestamptz[]) AS claimed (run, person, since)
"""


def _prepare(told: tuple[str, datetime], _share: int) -> Callable[[], int]:
    url, at = told
    return partial(_drain, psycopg.connect(url), at)


def _drain(connection: psycopg.Connection[Any], at: datetime) -> int:
    """Move whatever is due; how many that was."""
    moved = 0
    with connection:
        while claimed := connection.execute(_CLAIM, (at, BATCH)).fetchall():
            runs, people, since = (list(column) for column in zip(*claimed, strict=True))
            connection.execute(_MOVE, (at + timedelta(days=4), at, runs))
            connection.execute(_QUEUE, (at, runs, people, since))
            connection.commit()
            moved += len(claimed)
    return moved


def main() -> None:
    url, at = sys.argv[1].replace("+psycopg", ""), datetime.fromisoformat(sys.argv[2])
    print(json.dumps(side_by_side(_prepare, (url, at))._asdict()))


if __name__ == "__main__":
    main()
