"""What a batch of mails costs does not grow with the queue: PostgreSQL reads no table of people or messages from end to end."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, event, text

from nurture.adapters.database.engine import make_engine
from nurture.adapters.database.releases import apply
from nurture.adapters.database.store import Database
from tests.support.definitions import definitions
from tests.support.installation import claim
from tests.support.waiting import MovableClock

QUEUED = 20_000

#: One person with one message each second.
ROWS = """
INSERT INTO people (id, stage, stage_since, email, attributes, grade, first_seen_at, seen_at)
SELECT i, 'lead', :now, 'p' || i || '@acme.test', '{}', 'C', :now, :now FROM generate_series(1, :many) i;

INSERT INTO enrollments (id, person_id, sequence, version, entry, status, step, entered_at)
SELECT i, i, 'guide-nurture', :version, 1, 'waiting', 'case', :now FROM generate_series(1, :many) i;

INSERT INTO messages (id, enrollment_id, person_id, step, pass, template, status, any_time, planned_at, due_at)
SELECT i, i, i, 'thanks', 1, 'guide-thanks', 'queued', true, due, due
FROM (SELECT i, CAST(:now AS timestamptz) + i * interval '1 second' AS due FROM generate_series(1, :many) i) AS each
"""


@pytest.fixture
def queue(postgresql_url: str, clock: MovableClock) -> Engine:
    engine, told = make_engine(postgresql_url), definitions()
    with engine.begin() as connection:
        apply(connection, told, clock.now())
        values = {"now": clock.now(), "many": QUEUED, "version": told.versions["guide-nurture"]}
        for statement in ROWS.split(";"):
            connection.execute(text(statement), values)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))
    return engine


@pytest.mark.parametrize("due", [100, QUEUED])
def test_claiming_and_beginning_use_indexes(queue: Engine, clock: MovableClock, due: int) -> None:
    clock.advance(timedelta(seconds=due))
    said: list[tuple[str, Any]] = []

    def note(*call: Any) -> None:
        said.append((call[2], call[3]))

    event.listen(queue, "before_cursor_execute", note)
    database = Database(queue)
    waiting = claim(database, "worker", clock.now(), 100)
    these = [each.letter.message for each in waiting[:8]]
    assert database.sending.begin("worker", these, [], clock.now()) == set(these)
    event.remove(queue, "before_cursor_execute", note)
    assert len(waiting) == 100
    assert len(said) <= 12
    with queue.connect() as connection:
        plans = ["\n".join(row[0] for row in connection.exec_driver_sql(f"EXPLAIN {asked}", values)) for asked, values in said]
    assert any("ix_messages_queued" in plan for plan in plans)
    for plan in plans:
        for table in ("people", "messages", "enrollments"):
            assert f"Seq Scan on {table}" not in plan
    queue.dispose()
