"""Workers are killed with -9 while they drain a shuffled, doubled crowd: nothing is lost, counted twice or mailed twice."""

import os
import random
import signal
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import Engine, func, select

from nurture import bootstrap
from nurture.adapters import redis_keys
from nurture.adapters.clock import set_shift
from nurture.adapters.database.tables import enrollments, events, identifiers, messages, people, score_cells
from nurture.reports.verify import verify
from nurture.settings import Settings
from nurture.supervisor.engine import RunningEngine, running_engine
from tests.acceptance.kill_crowd import (
    EVENTS,
    LEADS,
    SUBJECTS,
    Crowd,
    batches,
    cells_by_visitor,
    fit_by_visitor,
    heat,
    make_crowd,
    write_definitions,
)
from tests.support.servers import RedisServer
from tests.support.smtp import SmtpSink
from tests.support.waiting import free_port, wait_until

pytestmark = [pytest.mark.engine, pytest.mark.timeout(600)]

KILLS = 5
CONNECTIONS = 2
WRITE_KEY = "wk_kill_test"
#: Longer than a lease on a message, so that moving the clock by it frees what dead workers had claimed. Seconds.
LEASES_ARE_OVER = 300


@pytest.fixture
def settings(database_url: str, own_redis: RedisServer, smtp_sink: SmtpSink, tmp_path: Path) -> Settings:
    definitions = write_definitions(tmp_path)
    return Settings(
        database_url=SecretStr(database_url), redis_url=SecretStr(own_redis.url), smtp_url=SecretStr(f"{smtp_sink.url}?connections={CONNECTIONS}"),
        secret_key=SecretStr("only-for-the-kill-test"), write_keys={"website": WRITE_KEY}, port=free_port(),
        config_dir=definitions.config, templates_dir=definitions.templates, data_dir=tmp_path / "data",
        clock_file=tmp_path / "clock", log_level="warning",
    )  # fmt: skip


def test_nothing_is_lost_or_done_twice_when_workers_are_killed(
    settings: Settings, migrated_engine: Engine, own_redis: RedisServer, smtp_sink: SmtpSink, tmp_path: Path
) -> None:
    chance = random.Random(20_000)
    crowd = make_crowd(datetime.now(UTC), chance)
    smtp_sink.delay = 0.005  # as a server across a network, so that kills also meet letters on their way
    with running_engine(settings, tmp_path / "engine.log") as engine:
        left = kill_five_times(engine, migrated_engine, own_redis, smtp_sink, batches(crowd, 400), chance)
        assert any(left), "each portion was drained before its kill, so nothing was put to the test"
        wait_until(lambda: stored(migrated_engine) == EVENTS, 180, every=0.1, what="all events to be stored")
        wait_until(lambda: waiting(own_redis, settings) == 0, 60, every=0.1, what="an empty stream")
        assert settings.clock_file is not None
        set_shift(settings.clock_file, LEASES_ARE_OVER)
        wait_until(lambda: unfinished(migrated_engine) == 0, 120, every=0.2, what="every letter to be sent or given up")
    check_scores(migrated_engine, crowd)
    check_mails(migrated_engine, smtp_sink)
    definitions = bootstrap.load_definitions(settings).definitions
    assert definitions is not None
    assert verify(migrated_engine, definitions) == []


def kill_five_times(
    engine: RunningEngine, database: Engine, redis: RedisServer, sink: SmtpSink, bodies: Sequence[bytes], chance: random.Random
) -> list[int]:
    """Kill each worker, with all its processes, once for each portion of the crowd but the last: that of events while it drains the portion,
    then that of mail when one more letter has gone out. Each time it must come back.

    Returns how many events waited at each kill of the worker of events.
    """
    size, left = len(bodies) // (KILLS + 1), []
    for number in range(KILLS):
        moment = stored(database) + chance.randrange(1, 1_000)
        post(engine, bodies[number * size : (number + 1) * size])
        await_moment(database, moment)
        left.append(waiting(redis, engine.settings))
        kill(engine, "worker-events")
        sink.wait_for(len(sink.mails) + 1, 120)
        kill(engine, "worker-mail")
    post(engine, bodies[KILLS * size :])
    return left


def await_moment(database: Engine, moment: int) -> None:
    wait_until(lambda: stored(database) >= moment, 120, what=f"{moment} events")


def post(engine: RunningEngine, bodies: Sequence[bytes]) -> None:
    """Give the real web process calls, each of which must be accepted."""
    with httpx.Client(base_url=engine.url, auth=(WRITE_KEY, ""), timeout=30) as client:
        for body in bodies:
            answer = client.post("/v1/batch", content=body, headers={"Content-Type": "application/json"})
            assert answer.status_code == 200, answer.text[:500]
            assert not answer.json().get("rejected"), answer.text[:500]


def kill(engine: RunningEngine, worker: str) -> None:
    before = engine.pids()[worker]
    os.killpg(before, signal.SIGKILL)
    wait_until(lambda: engine.pids().get(worker, before) != before, 60, what=f"{worker} to come back")


def stored(database: Engine) -> int:
    with database.connect().execution_options(reading=True) as connection:
        return connection.scalar(select(func.count()).select_from(events)) or 0


def waiting(redis: RedisServer, settings: Settings) -> int:
    with redis.client() as client:
        lengths = [int(client.xlen(redis_keys.events(partition))) for partition in range(settings.partitions)]
        assert client.xlen(redis_keys.DEAD) == 0
    return sum(lengths)


def unfinished(database: Engine) -> int:
    """Letters on their way, and enrollments that will still write one."""
    with database.connect().execution_options(reading=True) as connection:
        letters = select(func.count()).select_from(messages).where(messages.c.status.in_(["queued", "sending"]))
        runs = select(func.count()).select_from(enrollments).where(enrollments.c.status.in_(["active", "waiting"]))
        return (connection.scalar(letters) or 0) + (connection.scalar(runs) or 0)


def check_scores(database: Engine, crowd: Crowd) -> None:
    """Each unique event is stored once, and each visitor's score is what plain arithmetic makes of their events."""
    expected = cells_by_visitor(crowd)
    fit = fit_by_visitor(crowd)
    with database.connect().execution_options(reading=True) as connection:
        bodies = connection.scalars(select(events.c.body)).all()
        person_of = {
            row.value: row.person_id
            for row in connection.execute(select(identifiers).where(identifiers.c.kind == "anonymous_id"))
        }
        cells: dict[int, dict[tuple[str, int], int]] = defaultdict(dict)
        for row in connection.execute(select(score_cells)):
            cells[row.person_id][row.rule, row.day] = row.hits
        stored_people = {row.id: row for row in connection.execute(select(people))}
    assert Counter(body["message_id"] for body in bodies) == Counter(call["messageId"] for call in crowd.events)
    assert len(set(person_of.values())) == len(person_of) == len(stored_people)
    assert person_of.keys() == fit.keys()
    for visitor, person in person_of.items():
        assert cells[person] == expected.get(visitor, {}), visitor
        assert (stored_people[person].heat, stored_people[person].fit) == (heat(expected.get(visitor, {})), fit[visitor]), visitor


def check_mails(database: Engine, sink: SmtpSink) -> None:
    """Each lead got each letter once, but for the few that were on the wire when their worker was killed."""
    with database.connect().execution_options(reading=True) as connection:
        rows = connection.execute(
            select(people.c.email, messages.c.step, messages.c.status).join(people, people.c.id == messages.c.person_id)
        ).all()
    step_of = dict(zip(SUBJECTS, ("first", "second", "third"), strict=True))
    arrived = [(mail.to[0], step_of[str(mail.message["Subject"])]) for mail in sink.mails]
    by_status = {status: {(row.email, row.step) for row in rows if row.status == status} for status in ("sent", "uncertain")}
    assert Counter(arrived).most_common(1)[0][1] == 1, "a letter was mailed twice"
    assert len({mail.message_id for mail in sink.mails}) == len(sink.mails)
    assert len(rows) == len(by_status["sent"]) + len(by_status["uncertain"]) == LEADS * len(SUBJECTS)
    assert by_status["sent"] <= set(arrived) <= by_status["sent"] | by_status["uncertain"]
    mail_processes = 2
    assert len(by_status["uncertain"]) <= KILLS * mail_processes * CONNECTIONS
