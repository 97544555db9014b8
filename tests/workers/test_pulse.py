"""Beat takes the engine's pulse, from the streams and the counters as they are."""

from typing import Any

from redis import Redis

from nurture.adapters import redis_keys
from nurture.adapters.pulse import EVERY, KEPT, Sample, samples_in
from nurture.adapters.redis_keys import COUNTERS, FIELD, events
from tests.support.servers import RedisServer
from workers.pulse import Pulse


def kept(client: Redis) -> list[Sample]:
    lines: Any = client.lrange(redis_keys.PULSE, 0, -1)
    return samples_in(lines)


def test_a_sample_holds_what_came_what_waits_and_the_counters(redis_url: str) -> None:
    client = Redis.from_url(redis_url)
    for number in (0, 0, 0, 2):
        client.xadd(events(number), {FIELD: b"{}"})
    oldest: Any = client.xrange(events(0), count=1)
    client.xdel(events(0), oldest[0][0])
    client.hset(COUNTERS, mapping={"events_stored": 7, 'task_runs{task="absorb"}': 3, "web_seconds": "1.5"})
    Pulse(client, 4).take()
    (sample,) = kept(client)
    assert sample[1:] == ({"events_stored": 7, "web_seconds": 1}, 4, 3)
    now: Any = client.time()
    assert abs(sample.at - now[0]) < 60


def test_it_is_taken_every_five_seconds_and_ten_minutes_are_kept(redis_url: str) -> None:
    now = 0.0
    client = Redis.from_url(redis_url)
    pulse = Pulse(client, 1, lambda: now)
    for _ in range(int(EVERY) * KEPT + 20):
        pulse.take()
        now += 1
    assert len(kept(client)) == KEPT
    client.delete(redis_keys.PULSE)
    for _ in range(10):
        pulse.take()
        now += 1
    assert len(kept(client)) == 2


def test_without_redis_there_is_no_sample_and_no_error(own_redis: RedisServer) -> None:
    client = Redis.from_url(own_redis.url, socket_timeout=1, retry=None)
    own_redis.stop()
    Pulse(client, 1).take()
    own_redis.start()
    assert kept(client) == []


def test_samples_of_another_version_are_passed_over() -> None:
    good = b'{"at": 5.0, "counters": {}, "entries": null, "backlog": 1, "more": 2}'
    odd = [b"{}", b"[]", b"7", b"no json", b'{"at": 1, "counters": [], "entries": 1, "backlog": 1}']
    assert samples_in([*odd, good]) == [Sample(5.0, {}, None, 1)]
