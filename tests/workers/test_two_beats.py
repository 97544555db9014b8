"""Of two beats one ticks, and the other goes on within seconds; without a database both do."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from sqlalchemy import Engine, select

from nurture.adapters import redis_keys
from nurture.adapters.broker import queue_key
from nurture.adapters.database.engine import make_engine
from nurture.adapters.database.leasing import LeaseKeeper, take
from nurture.adapters.database.tables import leases
from nurture.adapters.presence import alive
from nurture.settings import Settings
from tests.support.events import MONDAY
from tests.support.waiting import free_port, wait_until
from workers.app import make_app
from workers.schedule import Ticking

pytestmark = pytest.mark.timeout(600)

ROOT = Path(__file__).parents[2]


@contextmanager
def beat(database_url: str, redis_url: str, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    environ = {
        **os.environ, "NURTURE_DATABASE_URL": database_url, "NURTURE_REDIS_URL": redis_url, "NURTURE_DATA_DIR": str(folder),
        "NURTURE_SWEEP_SECONDS": "0.1",
    }  # fmt: skip
    log = (folder / f"beat-{time.monotonic_ns()}.log").open("wb")
    process = subprocess.Popen([sys.executable, "-m", "nurture.cli.main", "beat"], env=environ, cwd=ROOT, stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        log.close()


def ticking(client: Redis, ticks: int = 10) -> set[int]:
    """The processes that sent the next ticks; fails where fewer come within a minute."""
    client.delete(queue_key("sequences"))
    wait_until(lambda: client.llen(queue_key("sequences")) >= ticks, 60, what="ticks")
    told: list[Any] = client.lrange(queue_key("sequences"), 0, -1)
    origins = [json.loads(message)["headers"]["origin"] for message in told]
    return {int(origin.removeprefix("gen").partition("@")[0]) for origin in origins}


def test_of_two_beats_one_ticks_and_the_other_goes_on_when_it_dies(database_url: str, redis_url: str, tmp_path: Path) -> None:
    with Redis.from_url(redis_url) as client, ExitStack() as stack:
        beats = {
            process.pid: process for process in (stack.enter_context(beat(database_url, redis_url, tmp_path)) for _ in range(2))
        }
        wait_until(lambda: {each.pid for each in alive(client) if each.kind == "beat"} == beats.keys(), 60, what="both to be up")
        wait_until(lambda: client.exists(redis_keys.BEAT), 60, what="the first tick")
        # Until the database has answered both tick, and on a machine that stands still for seconds a lease may change hands.
        wait_until(lambda: len(ticking(client, 20)) == 1, 120, what="one of them to tick alone")
        [first] = holders(database_url)
        beats[first].kill()
        [second] = beats.keys() - {first}
        wait_until(lambda: ticking(client) == {second}, 60, what="the other to go on")
        beats[second].send_signal(signal.SIGTERM)
        assert beats[second].wait(60) == 0
        assert holders(database_url) == [], "whoever is stopped gives the lease back"


def holders(database_url: str) -> list[int]:
    """The process that holds the lease."""
    engine = make_engine(database_url)
    with engine.connect() as connection:
        found = [int(holder.split(":")[1]) for holder in connection.scalars(select(leases.c.holder))]
    engine.dispose()
    return found


def keeper(engine: Engine, holder: str, *, lasts: float = 60.0) -> LeaseKeeper:
    made = LeaseKeeper(engine, "beat", holder, lambda: datetime.now(UTC), lasts)
    made.start()
    return made


def test_a_lease_is_one_holders_until_it_gives_it_back(database_url: str) -> None:
    first = keeper(make_engine(database_url), "a", lasts=15.0)
    wait_until(lambda: first.standing() == "ours", 30)
    second = keeper(make_engine(database_url), "b", lasts=15.0)
    wait_until(lambda: second.standing() == "theirs", 30)
    first.stop()
    wait_until(lambda: second.standing() == "ours", 60)
    second.stop()


def test_a_lease_that_its_holder_does_not_renew_runs_out(database_url: str) -> None:
    engine = make_engine(database_url)
    assert take(engine, "beat", "a", MONDAY, 6.0)
    assert take(engine, "beat", "a", MONDAY, 6.0)
    assert not take(engine, "beat", "b", MONDAY, 6.0)
    assert take(engine, "other", "b", MONDAY, 6.0)
    later = datetime.fromtimestamp(MONDAY.timestamp() + 6.0, UTC)
    assert take(engine, "beat", "b", later, 6.0)
    assert not take(engine, "beat", "a", later, 6.0)
    engine.dispose()


def test_where_the_database_is_away_beat_ticks_nevertheless(redis_url: str) -> None:
    away = keeper(make_engine(f"postgresql://postgres@127.0.0.1:{free_port()}/none"), "a")
    assert away.standing() == "unknown"
    app = make_app(Settings.model_validate({"redis_url": redis_url, "sweep_seconds": 0.05}))
    app.lease = away
    scheduler = Ticking(app)
    with Redis.from_url(redis_url) as client:
        wait_until(lambda: scheduler.tick() >= 0 and client.llen(queue_key("sequences")) >= 3, 30)
    scheduler.close()


def test_while_another_holds_the_lease_nothing_is_sent_and_no_sign_is_given(redis_url: str, sqlite_url: str) -> None:
    holder = keeper(make_engine(sqlite_url), "a")
    wait_until(lambda: holder.standing() == "ours", 30)
    other = keeper(make_engine(sqlite_url), "b")
    wait_until(lambda: other.standing() == "theirs", 30)
    app = make_app(Settings.model_validate({"redis_url": redis_url, "sweep_seconds": 0.05}))
    app.lease = other
    scheduler = Ticking(app)
    for _ in range(20):
        assert scheduler.tick() > 0
    with Redis.from_url(redis_url) as client:
        assert not client.exists(redis_keys.BEAT, queue_key("sequences"), queue_key("events"))
    scheduler.close()
    holder.stop()
