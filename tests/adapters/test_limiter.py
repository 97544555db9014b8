"""The limiter in Redis answers just as its model in the domain."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis import Redis

from nurture.adapters.limiter import RedisLimiter
from nurture.domain.mail.rates import Limiter, Permit, Rate, Slot, day_lane, lane_of
from nurture.errors import Unavailable
from tests.support.servers import RedisServer

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
LANES = [
    lane_of("fast", Rate(mails=30)), lane_of("slow", Rate(mails=2, per=timedelta(seconds=3))),
    lane_of("quota", Rate(mails=25, per=timedelta(hours=1))), day_lane("day", 20),
]  # fmt: skip

way = st.lists(st.sampled_from(LANES), unique=True, max_size=3)
mail = st.lists(way, min_size=1, max_size=2)
turn = st.tuples(st.integers(-20_000, 3_000_000), st.lists(mail, max_size=25), st.floats(0, 1))


@pytest.fixture
def redis(redis_url: str) -> Redis:
    return Redis.from_url(redis_url)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(turns=st.lists(turn, max_size=8))
def test_it_answers_as_its_twin(redis: Redis, turns: list[Any]) -> None:
    redis.flushall()
    ours, twin, at = RedisLimiter(redis), Limiter(), NOON
    for waited, mails, unused in turns:
        at += timedelta(microseconds=waited)
        answers = ours.take(mails, at)
        assert answers == twin.take(mails, at)
        given_ = [
            Permit(ways[answer.way], answer.at) for ways, answer in zip(mails, answers, strict=True) if isinstance(answer, Slot)
        ]
        back = given_[: int(unused * len(given_))]
        ours.give_back(back, at)
        twin.give_back(back)


def test_what_went_before_counts_only_where_nothing_is_known(redis: Redis) -> None:
    ours, lane = RedisLimiter(redis), day_lane("day", 5)
    assert ours.uncounted([lane]) == [lane]
    took = [isinstance(each, Slot) for each in ours.take([[[lane]]] * 3, NOON, {lane: 3})]
    assert took == [True, True, False]
    assert ours.uncounted([lane]) == []
    again = ours.take([[[lane]]], NOON + timedelta(days=1), {lane: 5})
    assert isinstance(again[0], Slot)


def test_what_is_kept_goes_by_itself_and_stays_small(redis: Redis) -> None:
    ours, lane, at = RedisLimiter(redis), lane_of("lane", Rate(mails=1000)), NOON
    for _ in range(100):
        ours.take([[[lane]]] * 50, at)
        at += timedelta(milliseconds=50)
    [key] = redis.keys("nurture:lane:*")
    assert (redis.memory_usage(key) or 0) < 8_000
    assert 0 < redis.pttl(key) < 10_000


def test_while_redis_is_away_nobody_knows(own_redis: RedisServer) -> None:
    ours = RedisLimiter(Redis.from_url(own_redis.url, retry=None))
    own_redis.stop()
    with pytest.raises(Unavailable, match="how much mail may go"):
        ours.take([[[LANES[0]]]], NOON)
