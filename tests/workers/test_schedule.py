"""Beat's ticks: every sweep, never piling up, with a sign that beat is alive."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
import redis

from nurture.adapters import redis_keys
from nurture.adapters.broker import ROUTES, queue_key
from nurture.settings import Settings
from tests.support.servers import RedisServer
from workers.app import App, make_app
from workers.schedule import Ticking, schedule


def app_for(url: str, sweep_seconds: float = 0.05) -> App:
    return make_app(Settings.model_validate({"redis_url": url, "sweep_seconds": sweep_seconds}))


@pytest.fixture
def ticking(redis_url: str) -> Iterator[Ticking]:
    scheduler = Ticking(app_for(redis_url))
    yield scheduler
    scheduler.close()


def tick_for(scheduler: Ticking, seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(min(max(scheduler.tick(), 0.0), 0.02))


def lengths(url: str) -> dict[str, int]:
    with redis.Redis.from_url(url) as client:
        return {queue: len(client.lrange(queue_key(queue), 0, -1)) for queue in ("events", "sequences", "mail")}


@pytest.mark.parametrize(("sweep", "expires"), [(0.1, 2.0), (1.0, 2.0), (5.0, 10.0)])
def test_a_tick_expires_after_two_intervals_and_not_before_two_seconds(sweep: float, expires: float) -> None:
    entries = schedule(sweep)
    assert entries["sweep"]["schedule"] == sweep
    assert entries["sweep"]["options"]["expires"] == expires
    assert entries["cool"]["schedule"] == 60 * sweep


def test_every_tick_wakes_a_task_in_its_own_queue() -> None:
    for task, entry in schedule(1.0).items():
        assert entry["task"] == f"nurture.{task}"
        assert entry["options"]["queue"] == ROUTES[task]


def test_each_sweep_sends_one_tick_of_each_kind(ticking: Ticking, redis_url: str) -> None:
    tick_for(ticking, 0.5)
    for queue, waiting in lengths(redis_url).items():
        kinds = sum(each == queue for each in ROUTES.values())
        assert 3 <= waiting <= 10 + kinds  # ten sweeps, fewer on a slow machine; of what is rarer, one or two


def test_ticking_says_when_it_last_ticked(ticking: Ticking, redis_url: str) -> None:
    before = time.time()
    tick_for(ticking, 0.2)
    with redis.Redis.from_url(redis_url) as client:
        told: Any = client.get(redis_keys.BEAT)
    assert before - 0.001 <= float(told) <= time.time()


def test_without_workers_ticks_do_not_pile_up(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workers.schedule.ENOUGH", 5)
    scheduler = Ticking(app_for(redis_url, 0.01))
    tick_for(scheduler, 1.0)
    scheduler.close()
    assert lengths(redis_url) == {"events": 5, "sequences": 5, "mail": 5}


def test_ticking_goes_on_when_redis_comes_back(own_redis: RedisServer) -> None:
    scheduler = Ticking(app_for(own_redis.url))
    tick_for(scheduler, 0.2)
    own_redis.restart(empty=True)
    tick_for(scheduler, 0.4)
    scheduler.close()
    assert min(lengths(own_redis.url).values()) >= 2


def test_a_full_redis_costs_ticks_and_fills_no_log(own_redis: RedisServer, caplog: pytest.LogCaptureFixture) -> None:
    scheduler = Ticking(app_for(own_redis.url))
    with own_redis.client() as client:
        client.config_set("maxmemory", "1")
        tick_for(scheduler, 0.3)
        client.config_set("maxmemory", "0")
    assert "Message Error" not in caplog.text
    tick_for(scheduler, 0.3)
    scheduler.close()
    assert min(lengths(own_redis.url).values()) >= 1


def test_forgetting_is_ticked_every_hour() -> None:
    assert schedule(1.0)["forget"]["schedule"] == 3_600
    assert schedule(1.0)["forget"]["options"]["queue"] == "sequences"


def test_surveys_are_looked_for_every_ten_sweeps() -> None:
    assert schedule(1.0)["survey"]["schedule"] == 10
    assert schedule(1.0)["survey"]["options"]["queue"] == "sequences"
