"""Partitions of the event stream, over a real Redis."""

from typing import Any

import pytest
from redis import Redis

from nurture.adapters.redis_keys import FIELD, NUDGE_EVERY, events, lease, nudged, turned_away
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


def test_whoever_was_turned_away_is_called_if_something_is_left(redis: Redis) -> None:
    redis.xadd(events(0), {FIELD: b"1"})
    with held_partition(redis, 0) as partition:
        assert partition is not None
        [entry] = partition.read(10)
        redis.xadd(events(0), {FIELD: b"came later"})
        with held_partition(redis, 0) as other:
            assert other is None
        partition.done([entry.id])
    assert partition.wants_another()
    assert not partition.wants_another(), "nobody is called twice"
    redis.set(turned_away(0), 1)
    redis.delete(events(0))
    assert not partition.wants_another(), "nothing is left"


def test_what_came_after_the_end_was_seen_has_its_own_nudge(redis: Redis) -> None:
    redis.xadd(events(0), {FIELD: b"1"})
    with held_partition(redis, 0) as partition:
        assert partition is not None
        assert len(partition.read(10)) == 1
    redis.xadd(events(0), {FIELD: b"came later"})
    assert not partition.wants_another()


def test_another_is_wanted_where_the_end_was_not_seen(redis: Redis) -> None:
    for body in (b"1", b"2", b"3"):
        redis.xadd(events(0), {FIELD: body})
    with held_partition(redis, 0) as dead:
        assert dead is not None
        assert len(dead.read(2)) == 2
    assert dead.wants_another()
    with held_partition(redis, 0) as heir:
        assert heir is not None
        assert len(heir.read(10)) == 2, "what was left unfinished comes alone"
    assert heir.wants_another()


def test_who_is_turned_away_while_the_lease_is_put_down_takes_it(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    """The holder has looked for others just before: nobody else would come."""
    leave_a_mark = Redis.set

    def put_down(self: Redis, name: str, *args: Any, **options: Any) -> Any:
        left = leave_a_mark(self, name, *args, **options)
        if name == turned_away(0):
            redis.delete(lease(0))
        return left

    redis.set(lease(0), "another worker")
    monkeypatch.setattr(Redis, "set", put_down)
    with held_partition(redis, 0) as partition:
        assert partition is not None


def test_a_nudge_is_on_its_way_until_somebody_holds_the_partition(redis: Redis) -> None:
    def lasts() -> Any:
        return redis.pttl(nudged("absorb:0"))

    redis.set(nudged("absorb:0"), 1, px=3_600_000)
    with held_partition(redis, 0) as partition:
        assert partition is not None
        assert lasts() <= NUDGE_EVERY
        redis.set(nudged("absorb:0"), 1, px=3_600_000)
        with held_partition(redis, 0) as other:
            assert other is None
        assert lasts() > NUDGE_EVERY, "whoever is turned away has not taken it"
    assert not partition.wants_another()
    assert lasts() <= NUDGE_EVERY, "but who turned him away has"
