"""Nudges: published where a worker finds them, and never in anybody's way."""

import json
import os
import threading
import time
from collections.abc import Iterator, Mapping

import pytest
import redis

from nurture.adapters import broker
from nurture.adapters.nudge import CeleryNudge
from nurture.adapters.tracing import Traces
from tests.support.servers import RedisServer


def waiting(url: str, queue: str) -> list[tuple[str, list[object]]]:
    """The messages of a queue, oldest first: each task's name and arguments."""
    from base64 import b64decode

    with redis.Redis.from_url(url) as client:
        messages = [json.loads(each) for each in client.lrange(broker.queue_key(queue), 0, -1)]
    return [(each["headers"]["task"], json.loads(b64decode(each["body"]))[0]) for each in reversed(messages)]


@pytest.fixture
def nudge(redis_url: str) -> Iterator[CeleryNudge]:
    nudging = CeleryNudge(redis_url)
    yield nudging
    nudging.close()


def test_every_task_goes_to_its_queue(nudge: CeleryNudge, redis_url: str) -> None:
    nudge("absorb", 3)
    for task in ("sweep", "advance", "cool", "send", "hand_off"):
        nudge(task)
    assert waiting(redis_url, "events") == [("nurture.absorb", [3]), ("nurture.sweep", [])]
    assert waiting(redis_url, "sequences") == [("nurture.advance", []), ("nurture.cool", [])]
    assert waiting(redis_url, "mail") == [("nurture.send", [])]
    assert waiting(redis_url, "handoff") == [("nurture.hand_off", [])]


def test_everything_it_writes_has_the_prefix(nudge: CeleryNudge, redis_url: str) -> None:
    nudge("advance")
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        assert all(key.startswith("nurture:celery:") for key in client.scan_iter())


def test_threads_may_share_it(nudge: CeleryNudge, redis_url: str) -> None:
    def often() -> None:
        for _ in range(20):
            nudge("advance")

    threads = [threading.Thread(target=often) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(waiting(redis_url, "sequences")) == 120


def test_a_forked_child_may_use_it(nudge: CeleryNudge, redis_url: str) -> None:
    nudge("absorb", 0)
    child = os.fork()
    if child == 0:
        nudge("absorb", 1)
        os._exit(0)
    os.waitpid(child, 0)
    nudge("absorb", 2)
    assert [arguments for _, arguments in waiting(redis_url, "events")] == [[0], [1], [2]]


def test_without_workers_nudges_do_not_pile_up(nudge: CeleryNudge, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nurture.adapters.nudge.ENOUGH", 10)
    for _ in range(30):
        nudge("advance")
    assert len(waiting(redis_url, "sequences")) == 10


def test_while_redis_is_away_it_neither_raises_nor_holds_up_and_then_works_again(own_redis: RedisServer) -> None:
    nudge = CeleryNudge(own_redis.url)
    nudge("advance")
    for absent, present in ((own_redis.pause, own_redis.resume), (own_redis.stop, own_redis.start)):
        absent()
        started = time.monotonic()
        nudge("advance")
        assert time.monotonic() - started < 3
        present()
        before = len(waiting(own_redis.url, "sequences"))
        nudge("advance")
        assert len(waiting(own_redis.url, "sequences")) == before + 1
    nudge.close()


def test_a_nudge_carries_who_sends_it_in_its_headers(redis_url: str) -> None:
    class Carrying(Traces):
        def carried(self) -> Mapping[str, str]:
            return {"traceparent": "00-x"}

    nudge = CeleryNudge(redis_url, Carrying())
    nudge("advance")
    nudge.close()
    with redis.Redis.from_url(redis_url) as client:
        [message] = client.lrange(broker.queue_key("sequences"), 0, -1)
    assert json.loads(message)["headers"]["traceparent"] == "00-x"
