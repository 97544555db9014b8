"""Two schedulers and four workers at once over 10,000 due steps (mautic#1737, #2215: overlapping crons mailed up to six times).

Redis is emptied in the middle: what is due stands in the database, and beat wakes the workers again.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from sqlalchemy import Engine, func, select

from nurture.adapters import redis_keys
from nurture.adapters.database.bulk import insert_rows
from nurture.adapters.database.releases import apply
from nurture.adapters.database.rows import enrollment_row, person_row
from nurture.adapters.database.tables import enrollments, events, messages, people, score_cells
from nurture.adapters.nudge import CeleryNudge
from nurture.domain.definitions import Definitions
from nurture.domain.enrollment import Enrollment, EnrollmentStatus
from nurture.domain.person import Person
from nurture.domain.scoring import Grade
from nurture.reports.status import status
from tests.support.definitions import DEFINITIONS
from tests.support.servers import RedisServer
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.engine, pytest.mark.timeout(600)]

DUE: Final = 10_000
SCHEDULERS, WORKERS = 2, 4

#: Everybody has waited long enough; then a scoring rule is hit, which ends the walk, and the next walk mails.
SEQUENCE: Final = {
    "sequence": "everybody",
    "trigger": "manual",
    "late": "send",
    "steps": [{"id": "rest", "wait": "2d"}, {"id": "warm", "score": "nurtured"}, {"id": "letter", "email": "letter"}],
}
WALKS: Final = 2


def test_each_step_is_taken_once(migrated_engine: Engine, database_url: str, own_redis: RedisServer, tmp_path: Path) -> None:
    scoring = {"half_life": "30d", "rules": [{"id": "nurtured", "on": "step_scored", "points": 5}]}
    definitions = Definitions.model_validate({**DEFINITIONS, "scoring": scoring, "sequences": {"everybody": SEQUENCE}})
    environment = {
        "NURTURE_DATABASE_URL": database_url, "NURTURE_REDIS_URL": own_redis.url, "NURTURE_DATA_DIR": str(tmp_path / "data"),
        "NURTURE_LOG_LEVEL": "info", "NURTURE_LOG_FORMAT": "json", "NURTURE_SECRET_KEY": "two-of-each-two-of-each",
    }  # fmt: skip
    with ExitStack() as stack:
        logs = [
            stack.enter_context(running(command, environment, tmp_path / f"{command[0]}-{number}.log"))
            for command, times in ((["worker", "--queues", "sequences", "--concurrency", "1"], WORKERS), (["beat"], SCHEDULERS))
            for number in range(times)
        ]
        with own_redis.client() as client:
            wait_until(lambda: client.zcard(redis_keys.WORKERS) == WORKERS, 120, every=0.1, what="every worker to be there")
        lay_out(migrated_engine, definitions, datetime.now(UTC))
        nudge = CeleryNudge(own_redis.url)
        for _ in range(WORKERS):
            nudge("advance")
        nudge.close()
        wait_until(lambda: finished(migrated_engine) > 0, 120, every=0.05, what="the first run to end")
        own_redis.flush()
        wait_until(lambda: finished(migrated_engine) == DUE, 120, every=0.2, what="every run to end")
    told = [line for log in logs for line in lines(log)]
    advanced = [line for line in told if line.get("event") == "advanced"]
    assert sum(line["moved"] for line in advanced) == DUE * WALKS
    assert sum(line["queued"] for line in advanced) == DUE
    warned = [line for line in told if line.get("level") in ("warning", "error")]
    assert [line for line in warned if "beat is silent" not in line["event"]] == []  # it may be slower to start than a worker
    if migrated_engine.dialect.name != "sqlite":  # its one writer may be the next one, too
        workers_that_worked = sum(any(line.get("event") == "advanced" for line in lines(log)) for log in logs)
        assert workers_that_worked > 1, "one worker did it all, so nothing was put to the test"
    with migrated_engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(messages)) == DUE
        assert connection.scalar(select(func.count()).select_from(events)) == DUE
        assert connection.execute(select(func.count(), func.sum(score_cells.c.hits))).one() == (DUE, DUE)


def test_without_any_beat_waits_end_nevertheless(
    migrated_engine: Engine, database_url: str, own_redis: RedisServer, tmp_path: Path
) -> None:
    scoring = {"half_life": "30d", "rules": [{"id": "nurtured", "on": "step_scored", "points": 5}]}
    definitions = Definitions.model_validate({**DEFINITIONS, "scoring": scoring, "sequences": {"everybody": SEQUENCE}})
    lay_out(migrated_engine, definitions, datetime.now(UTC), many=20)
    environment = {
        "NURTURE_DATABASE_URL": database_url, "NURTURE_REDIS_URL": own_redis.url, "NURTURE_DATA_DIR": str(tmp_path / "data"),
        "NURTURE_LOG_FORMAT": "json", "NURTURE_SECRET_KEY": "two-of-each-two-of-each",
    }  # fmt: skip
    command = ["worker", "--queues", "sequences", "--concurrency", "1"]
    with running(command, environment, tmp_path / "worker.log") as log, own_redis.client() as client:
        wait_until(lambda: finished(migrated_engine) == 20, 120, every=0.1, what="every run to end")
        found = status(migrated_engine, client, 4, datetime.now(UTC))
    assert [line["event"] for line in lines(log) if line.get("level") == "warning"] == [
        "beat is silent; this worker sweeps in its place"
    ]
    assert "beat has never ticked" in {problem.what for problem in found.problems}


def lay_out(engine: Engine, definitions: Definitions, now: datetime, many: int = DUE) -> None:
    """Everybody stands on their wait, which is over since some minutes."""
    came, due = now - timedelta(days=2, minutes=5), now - timedelta(minutes=5)
    crowd = [
        Person(
            id=number,
            stage="lead",
            stage_since=came,
            first_seen_at=came,
            seen_at=came,
            grade=Grade("D"),
            email=f"p{number}@example.com",
        )
        for number in range(1, many + 1)
    ]
    runs = [
        Enrollment(
            id=person.id, person=person.id, sequence="everybody", version=definitions.versions["everybody"], entry=1,
            status=EnrollmentStatus.WAITING, step="rest", due_at=due, entered_at=came, step_since=came,
        )
        for person in crowd
    ]  # fmt: skip
    with engine.begin() as connection:
        apply(connection, definitions, came)
        insert_rows(connection, people, [person_row(person) for person in crowd])
        insert_rows(connection, enrollments, [enrollment_row(run) for run in runs])


@contextmanager
def running(
    command: Sequence[str], environment: dict[str, str], log: Path, program: Sequence[str] = ("-m", "nurture.cli.main")
) -> Iterator[Path]:
    """One process of the engine, stopped as a process manager stops it; its log."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, *program, *command], env={**os.environ, **environment}, stdout=output, stderr=output,
            start_new_session=True,
        )  # fmt: skip
        try:
            yield log
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def lines(log: Path) -> list[dict[str, Any]]:
    found = []
    for line in log.read_text(encoding="utf-8").splitlines():
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return found


def finished(engine: Engine) -> int:
    with engine.connect().execution_options(reading=True) as connection:
        done = select(func.count()).where(enrollments.c.status == EnrollmentStatus.COMPLETED.value)
        return connection.scalar(done) or 0
