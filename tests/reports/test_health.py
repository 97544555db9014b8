"""What /metrics tells: everything on the list, cheaply, and what it has while a part is away."""

import threading
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from sqlalchemy import delete, insert
from sqlalchemy import event as hooks

from nurture.adapters import redis_keys
from nurture.adapters.broker import QUEUES
from nurture.adapters.counters import Counters
from nurture.adapters.database.engine import make_engine
from nurture.adapters.database.tables import pauses
from nurture.adapters.journal import JournalStanding
from nurture.metrics import METRICS
from nurture.reports.health import EVERY, Looks, Metrics, figures, of_journal, reasons_not_ready
from nurture.reports.status import Status, status
from tests.support.events import MONDAY, download, form, page
from tests.support.exposition import read, value
from tests.support.installation import Installation
from tests.support.waiting import free_port, wait_until

EMPTY_JOURNAL = of_journal(JournalStanding(0, 0, None, 1_000), MONDAY)


def ask(installation: Installation) -> Status:
    return status(installation.engine, installation.redis, 4, installation.clock.now())


def told(installation: Installation) -> str:
    return figures(installation.redis, ask(installation), EMPTY_JOURNAL)


def show_life(redis: Redis, name: str, queues: str) -> None:
    """A worker's sign of life, as workers.life writes it, and beat's."""
    now = f"{time.time():.3f}"
    sign: dict[Any, Any] = {"host": "h", "pid": 7, "queues": queues, "concurrency": 2, "started": now, "seen": now}
    redis.hset(redis_keys.worker(name), mapping=sign)
    redis.set(redis_keys.BEAT, now)


def test_how_things_stand(installation: Installation) -> None:
    show_life(installation.redis, "all@h", ",".join(QUEUES))
    show_life(installation.redis, "more@h", "mail")
    installation.happen(page("/a", "reader"), form("ana@acme.test", "ana"), download("ana@acme.test"))
    installation.garble()
    installation.redis.xadd(redis_keys.events(3), {redis_keys.FIELD: b"{}"})
    found = told(installation)
    assert value(found, "nurture_database_up") == value(found, "nurture_redis_up") == value(found, "nurture_schema_fits") == 1
    assert [value(found, "nurture_stream_backlog", partition=str(number)) for number in range(4)] == [0, 0, 0, 1]
    assert value(found, "nurture_stream_oldest_seconds", partition="3") < 60
    assert value(found, "nurture_dead_letters") == 1
    assert [value(found, "nurture_workers", queue=queue) for queue in ("events", "mail")] == [1, 2]
    assert 0 <= value(found, "nurture_beat_age_seconds") < 30
    assert value(found, "nurture_people", stage="lead") == 1
    assert value(found, "nurture_enrollments", status="active") == 1
    assert value(found, "nurture_due", what="steps") == 1
    assert value(found, "nurture_overdue", what="steps") == 0
    with installation.engine.begin() as connection:
        connection.execute(insert(pauses), {"sequence": "guide-nurture", "at": installation.clock.now()})
    assert value(told(installation), "nurture_holds", kind="sequence") == 1
    assert value(told(installation), "nurture_holds", kind="all") == 0
    with installation.engine.begin() as connection:
        connection.execute(delete(pauses))
    installation.later(hours=3)
    found = told(installation)
    assert value(found, "nurture_overdue", what="steps") == 1
    assert value(found, "nurture_overdue_oldest_seconds", what="steps") == 3 * 3_600
    installation.work()
    assert value(told(installation), "nurture_messages", status="sent") == 1
    assert "ana" not in told(installation)


def test_nothing_is_told_that_is_not_on_the_list(installation: Installation) -> None:
    listed = {metric.full_name: metric for metric in METRICS}
    for name, family in read(told(installation)).items():
        assert family.type == listed[name].kind
        assert {label for labels in family.samples for label, _ in labels} == set(listed[name].labels)


def test_every_gauge_of_the_list_is_told(installation: Installation) -> None:
    show_life(installation.redis, "all@h", "mail")
    installation.happen(form("ana@acme.test", "ana"), download("ana@acme.test"))
    installation.work()
    gauges = {metric.full_name for metric in METRICS if metric.kind == "gauge"}
    hand_offs_need_an_endpoint = {"nurture_handoffs"}
    assert gauges - read(told(installation)).keys() == hand_offs_need_an_endpoint


def test_without_a_database_the_rest_is_told(redis_url: str, installation: Installation) -> None:
    Counters(installation.redis).add("events_stored", 5)
    away = make_engine(f"postgresql://postgres@127.0.0.1:{free_port()}/none")
    found = figures(installation.redis, status(away, installation.redis, 4, installation.clock.now()), {})
    assert (value(found, "nurture_database_up"), value(found, "nurture_redis_up")) == (0, 1)
    assert value(found, "nurture_events_stored_total") == 5
    assert value(found, "nurture_stream_backlog", partition="0") == 0
    assert "nurture_people" not in read(found)
    away.dispose()


def test_without_redis_the_rest_is_told(installation: Installation) -> None:
    with Redis.from_url(f"redis://127.0.0.1:{free_port()}", retry=None) as nowhere:
        found = figures(nowhere, status(installation.engine, nowhere, 4, installation.clock.now()), {})
        assert reasons_not_ready(nowhere)
    assert (value(found, "nurture_database_up"), value(found, "nurture_redis_up")) == (1, 0)
    assert value(found, "nurture_due", what="steps") == 0
    assert "nurture_stream_backlog" not in read(found)
    assert value(figures(None, None, {}), "nurture_redis_up") == 0


def test_the_journal_is_told_of() -> None:
    found = figures(None, None, of_journal(JournalStanding(3, 700, MONDAY - timedelta(minutes=5), 1_000), MONDAY))
    told_of = {name: family.samples[()] for name, family in read(found).items() if "journal" in name}
    assert told_of == {
        "nurture_journal_events": 3, "nurture_journal_bytes": 700, "nurture_journal_bound_bytes": 1_000,
        "nurture_journal_oldest_seconds": 300,
    }  # fmt: skip


def test_a_hundred_scrapes_cost_one_look(installation: Installation, tmp_path: Path) -> None:
    now, statements = [100.0], []
    hooks.listen(installation.engine, "before_cursor_execute", lambda *told: statements.append(told[2]))
    looks = Looks(lambda: ask(installation), monotonic=lambda: now[0])
    metrics = Metrics(installation.redis, looks, tmp_path, installation.clock.now)
    wait_until(lambda: value(metrics(), "nurture_database_up") == 1, 60)
    once = len(statements)
    assert 0 < once < 40
    for _ in range(100):
        Counters(installation.redis).add("events_stored")
        metrics()
    assert len(statements) == once
    assert value(metrics(), "nurture_events_stored_total") == 100, "counters are as new as can be"
    now[0] += EVERY - 0.1
    assert value(metrics(), "nurture_look_age_seconds") == pytest.approx(EVERY - 0.1)
    assert len(statements) == once
    now[0] += 0.1
    metrics()
    wait_until(lambda: len(statements) == 2 * once)
    wait_until(lambda: value(metrics(), "nurture_look_age_seconds") == 0)


class SlowDatabase:
    """Looks that take as long as the test likes."""

    def __init__(self, installation: Installation) -> None:
        self.now = 100.0
        self.calls = 0
        self.go = threading.Event()
        self.installation = installation

    def look(self) -> Status:
        self.calls += 1
        assert self.go.wait(60)
        return ask(self.installation)


def test_nobody_waits_for_a_slow_database_and_it_is_asked_less_often(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nurture.reports.health._PATIENCE", 0.05)
    monkeypatch.setattr("nurture.reports.health._FIRST_PATIENCE", 0.05)
    slow = SlowDatabase(installation)
    looks = Looks(slow.look, monotonic=lambda: slow.now)
    assert looks.latest() == (None, 0.0)
    assert looks.latest() == (None, 0.0)
    assert slow.calls == 1
    slow.now += 4.0
    slow.go.set()
    wait_until(lambda: looks.latest()[0])
    slow.now += 79.0
    assert looks.latest()[1] == 79.0
    slow.go.clear()
    slow.now += 1.0  # twenty times what it took
    assert looks.latest()[1] == 80.0
    wait_until(lambda: slow.calls == 2)
    slow.now += 31.0
    assert looks.latest() == (None, 0.0), "a look that does not end is no answer"
    slow.go.set()
    wait_until(lambda: looks.latest()[0])
