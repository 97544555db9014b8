"""Partitions of the event stream, over a real Redis."""

import pytest
from redis import Redis

from nurture.adapters.redis_keys import FIELD, events, lease
from nurture.adapters.stream import held_partition
from nurture.errors import Conflict


@pytest.fixture
def redis(redis_url: str) -> Redis:
    return Redis.from_url(redis_url)


def test_one_worker_at_a_time_holds_a_partition(redis: Redis) -> None:
    with held_partition(redis, 0) as mine, held_partition(redis, 0) as theirs, held_partition(redis, 1) as other:
        assert mine is not None
        assert theirs is None
        assert other is not None
    with held_partition(redis, 0) as again:
        assert again is not None


def test_what_was_read_and_never_done_comes_first_to_the_next_holder(redis: Redis) -> None:
    for body in (b"1", b"2", b"3"):
        redis.xadd(events(0), {FIELD: body})
    with held_partition(redis, 0) as dead:
        assert dead is not None
        assert [entry.body for entry in dead.read(2)] == [b"1", b"2"]
    with held_partition(redis, 0) as heir:
        assert heir is not None
        leftovers = heir.read(10)
        assert [(entry.body, entry.deliveries) for entry in leftovers] == [(b"1", 2), (b"2", 2)]
        heir.done([entry.id for entry in leftovers])
        assert [entry.body for entry in heir.read(10)] == [b"3"]


def test_a_holder_that_lost_its_lease_reads_no_more(redis: Redis) -> None:
    with held_partition(redis, 0) as slow:
        assert slow is not None
        redis.set(lease(0), "another worker")
        with pytest.raises(Conflict, match="lost to another worker"):
            slow.read(1)
    assert redis.get(lease(0)) == b"another worker"


def test_a_partition_is_waiting_until_its_last_entry_is_done(redis: Redis) -> None:
    redis.xadd(events(0), {FIELD: b"1"})
    with held_partition(redis, 0) as partition:
        assert partition is not None
        [entry] = partition.read(1)
        assert partition.waiting()
        partition.done([entry.id])
        assert not partition.waiting()
