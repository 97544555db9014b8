"""The writer on a real Redis: grouped, acknowledged, bounded, nudging."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis

from nurture.adapters import redis_keys
from nurture.adapters.redis_keys import NUDGE_EVERY, NUDGE_LASTS
from nurture.adapters.stream_writer import GROUP, StreamWriter, connect
from nurture.domain.event import EVENT, FORM_SUBMITTED, Event, route_of
from nurture.errors import StreamFull, Unavailable
from tests.support.servers import RedisServer
from tests.support.waiting import wait_until

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
PARTITIONS = 3


def event(number: int, visitor: str = "v") -> Event:
    return Event(message_id=str(number), source="website", name="x", occurred_at=AT, received_at=AT, anonymous_id=visitor)


def stored(client: redis.Redis, partition: int) -> list[Event]:
    entries: Any = client.xrange(redis_keys.events(partition))
    return [EVENT.validate_json(fields[redis_keys.FIELD]) for _, fields in entries]


def calls_of(client: redis.Redis, command: str) -> int:
    """How often the server has executed a command since it last forgot."""
    statistics: Any = client.info("commandstats")
    return int(statistics.get(f"cmdstat_{command}", {}).get("calls", 0))


@asynccontextmanager
async def writing(
    url: str, nudge: Callable[..., None] = lambda *_: None, max_backlog: int = 1_000_000
) -> AsyncIterator[StreamWriter]:
    writer = StreamWriter(connect(url), PARTITIONS, max_backlog, nudge)
    yield writer
    await writer.stop()


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(work)


@pytest.fixture
def looking(redis_url: str) -> redis.Redis:
    client = redis.Redis.from_url(redis_url)
    client.config_resetstat()
    return client


def test_concurrent_requests_share_a_write(redis_url: str, looking: redis.Redis) -> None:
    """A thousand requests of the same moment make a handful of round trips, and each request hears of its own."""

    async def work() -> None:
        async with writing(redis_url) as writer:
            await asyncio.gather(*(writer.write([event(number, f"v{number % 50}")]) for number in range(1_000)))

    run(work())
    assert sum(len(stored(looking, partition)) for partition in range(PARTITIONS)) == 1_000
    assert calls_of(looking, "evalsha") <= 5


def test_what_comes_while_one_write_is_under_way_goes_into_the_next(redis_url: str, looking: redis.Redis) -> None:
    async def request(writer: StreamWriter, number: int) -> None:
        for step in range(10):
            await writer.write([event(number * 10 + step)])

    async def work() -> None:
        async with writing(redis_url) as writer:
            await asyncio.gather(*(request(writer, number) for number in range(100)))

    run(work())
    assert calls_of(looking, "xadd") == 1_000
    assert calls_of(looking, "evalsha") <= 40


def test_a_write_returns_only_when_redis_has_it(redis_url: str, looking: redis.Redis) -> None:
    async def work() -> None:
        async with writing(redis_url) as writer:
            await writer.write([event(1), event(2)])
            assert [each.message_id for each in stored(looking, route_of(event(1)) % PARTITIONS)] == ["1", "2"]

    run(work())


def test_the_order_of_one_visitor_is_kept(redis_url: str, looking: redis.Redis) -> None:
    """Within a request and over concurrent ones, and through groups larger than one write."""

    async def work() -> None:
        async with writing(redis_url) as writer:
            batches = [[event(number * 1_000 + each) for each in range(1_000)] for number in range(5)]
            await asyncio.gather(*(writer.write(batch) for batch in batches))

    run(work())
    numbers = [int(each.message_id) for each in stored(looking, route_of(event(0)) % PARTITIONS)]
    assert numbers == list(range(5_000))
    # One call for each group, and one more where Redis did not know the script yet.
    assert calls_of(looking, "evalsha") - (5_000 / GROUP + 0.5) in (0, 1)


def test_a_route_overrides(redis_url: str, looking: redis.Redis) -> None:
    async def work() -> None:
        async with writing(redis_url) as writer:
            for route in range(6):
                await writer.write([event(route)], route)

    run(work())
    assert [[each.message_id for each in stored(looking, partition)] for partition in range(3)] == [
        ["0", "3"],
        ["1", "4"],
        ["2", "5"],
    ]


def test_a_full_stream_takes_nothing(redis_url: str, looking: redis.Redis) -> None:
    """The backlog over all partitions together counts, whichever partition an event goes to."""

    async def work() -> None:
        async with writing(redis_url, max_backlog=3) as writer:
            await writer.write([event(number) for number in range(3)], 0)
            with pytest.raises(StreamFull):
                await writer.write([event(9)], 1)
            looking.delete(redis_keys.events(0))
            await writer.write([event(9)], 1)

    run(work())
    assert len(stored(looking, 1)) == 1


def test_without_redis_it_says_so(own_redis: RedisServer) -> None:
    async def work() -> None:
        async with writing(own_redis.url) as writer:
            own_redis.stop()
            results = await asyncio.gather(*(writer.write([event(number)]) for number in range(50)), return_exceptions=True)
            assert {type(result) for result in results} == {Unavailable}
            with pytest.raises(Unavailable):
                await writer.quarantine(event(1), ["x"], AT)
            with pytest.raises(Unavailable):
                await writer.tally("key", "member", timedelta(hours=1))

    run(work())


def test_a_request_that_was_given_up_disturbs_nobody(redis_url: str, looking: redis.Redis) -> None:
    """A client that hangs up while its event is being written."""

    async def work() -> None:
        async with writing(redis_url) as writer:
            leaving = asyncio.ensure_future(writer.write([event(1)]))
            staying = asyncio.ensure_future(writer.write([event(2)]))
            await asyncio.sleep(0)
            leaving.cancel()
            await staying
            await writer.write([event(3)])

    run(work())
    assert [each.message_id for each in stored(looking, route_of(event(1)) % PARTITIONS)] == ["1", "2", "3"]


class Nudges(list[int]):
    """Notes the partitions that are nudged; as a worker that takes each nudge at once would, unless none is there."""

    def __init__(self, client: redis.Redis | None = None) -> None:
        super().__init__()
        self._client = client

    def __call__(self, _task: str, partition: int | None = None) -> None:
        assert partition is not None
        if self._client is not None:
            self._client.pexpire(redis_keys.nudged(f"absorb:{partition}"), NUDGE_EVERY)
        self.append(partition)


def posted(number: int) -> Event:
    return event(number).model_copy(update={"name": FORM_SUBMITTED})


class TestNudge:
    """One is on its way at a time; the next comes a quarter of a second after it was taken, or at once for what somebody waits for."""

    def test_comes_at_once_and_again_after_what_came_meanwhile(self, redis_url: str, looking: redis.Redis) -> None:
        nudges = Nudges(looking)
        partition = route_of(event(1)) % PARTITIONS

        async def work() -> None:
            async with writing(redis_url, nudges) as writer:
                await writer.write([event(1)])
                await asyncio.to_thread(wait_until, lambda: len(nudges) == 1, what="the first nudge")
                for number in range(20):
                    await writer.write([event(number)])
                await asyncio.to_thread(wait_until, lambda: len(nudges) == 2, what="the last nudge")

        run(work())
        assert nudges == [partition] * 2

    def test_is_shared_by_all_web_processes(self, redis_url: str, looking: redis.Redis) -> None:
        nudges = Nudges(looking)

        async def work() -> None:
            async with writing(redis_url, nudges) as one, writing(redis_url, nudges) as other:
                began = asyncio.get_running_loop().time()
                number = 0
                while asyncio.get_running_loop().time() - began < 4 * NUDGE_EVERY / 1000:
                    number += 1
                    await asyncio.gather(one.write([event(number)]), other.write([event(number)]))

        run(work())
        assert 1 <= len(nudges) <= 6

    def test_does_not_pile_up_while_nobody_takes_it(self, redis_url: str, looking: redis.Redis) -> None:
        nudges = Nudges()
        looking.set(redis_keys.nudged("absorb:0"), 1, px=3_600_000)  # one is on its way

        async def work() -> None:
            async with writing(redis_url, nudges) as writer:
                for number in range(20):
                    await writer.write([posted(number), event(number)], 0)
                await writer.write([event(1)], 1)
                await asyncio.to_thread(wait_until, lambda: nudges, what="a nudge")

        run(work())
        assert nudges == [1]

    def test_counts_as_lost_in_the_end(self, redis_url: str, looking: redis.Redis) -> None:
        async def work() -> None:
            async with writing(redis_url) as writer:
                await writer.write([event(1)], 0)

        run(work())
        lasts: Any = looking.pttl(redis_keys.nudged("absorb:0"))
        assert 0 < lasts <= NUDGE_LASTS

    def test_of_what_somebody_waits_for_comes_at_once_however_lately_another_was_taken(
        self, redis_url: str, looking: redis.Redis
    ) -> None:
        nudges = Nudges()

        async def work() -> None:
            async with writing(redis_url, nudges) as writer:
                for number in range(3):
                    looking.set(redis_keys.nudged("absorb:0"), 1, px=NUDGE_EVERY)
                    await writer.write([posted(number)], 0)
                await asyncio.to_thread(wait_until, lambda: len(nudges) == 3, what="three nudges")

        run(work())
        assert nudges == [0, 0, 0]

    def test_comes_not_again_where_nothing_is_left(self, redis_url: str, looking: redis.Redis) -> None:
        nudges = Nudges(looking)

        async def work() -> None:
            async with writing(redis_url, nudges) as writer:
                for partition in (0, 1):
                    await writer.write([event(1)], partition)
                await asyncio.to_thread(wait_until, lambda: len(nudges) == 2, what="the first nudges")
                for partition in (0, 1):
                    await writer.write([event(2)], partition)
                looking.delete(redis_keys.events(0))
                await asyncio.to_thread(wait_until, lambda: nudges.count(1) == 2, what="the last nudge")

        run(work())
        assert nudges.count(0) == 1

    def test_goes_only_to_partitions_that_were_written_to(self, redis_url: str) -> None:
        nudges = Nudges()

        async def work() -> None:
            async with writing(redis_url, nudges) as writer:
                await writer.write([event(1)], 0)
                await writer.write([event(2)], 2)
                await asyncio.to_thread(wait_until, lambda: len(nudges) == 2, what="two nudges")

        run(work())
        assert sorted(nudges) == [0, 2]


def test_a_tally_counts_different_members(redis_url: str, looking: redis.Redis) -> None:
    async def work() -> None:
        async with writing(redis_url) as writer:
            hour = timedelta(hours=1)
            counts = [await writer.tally("key", member, hour) for member in ("a", "a", None, "b", "a")]
            assert counts == [1, 1, 1, 2, 2]
            assert await writer.tally("other", None, hour) == 0

    run(work())
    remaining: Any = looking.ttl("key")
    assert 3_500 < remaining <= 3_601
    assert not looking.exists("other")


def test_what_is_set_aside_says_why(redis_url: str, looking: redis.Redis) -> None:
    async def work() -> None:
        async with writing(redis_url) as writer:
            await writer.quarantine(event(1), ["honeypot", "rate"], AT)

    run(work())
    entries: Any = looking.xrange(redis_keys.QUARANTINE)
    ((_, fields),) = entries
    assert EVENT.validate_json(fields[redis_keys.FIELD]) == event(1)
    assert (fields[b"reasons"], fields[b"at"]) == (b'["honeypot", "rate"]', b"2026-03-02T09:00:00+00:00")
