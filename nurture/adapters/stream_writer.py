"""The event stream as the web process sees it: events go in, and whoever hands them over waits until Redis has them."""

import asyncio
import json
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from nurture.adapters import redis_keys
from nurture.domain.event import EVENT, Event, route_of
from nurture.errors import StreamFull, Unavailable

if TYPE_CHECKING:
    from nurture.ports import Nudge  # brings the whole domain along, for which a mail server's pipe would wait

#: How long Redis may take for anything, in seconds; who waits longer is told to come again.
PATIENCE: Final = 2.0

#: One nudge per partition in this many milliseconds.
NUDGE_EVERY: Final = 250

#: Events in one write, unless a single request brings more; a bound on how long Redis is busy with us.
GROUP: Final = 2_000

#: Entries kept in quarantine; the oldest go first.
QUARANTINE_LENGTH: Final = 10_000

# One call for a whole group instead of a pipeline of XADDs. With redis-py 8 a pipelined command costs the client about
# 40 µs, an argument of a script under 10 (Redis spends the same on both), and a script is all or nothing: a request is never half
# written, and the bound on the backlog is looked at in the moment of writing.
#
# KEYS: the streams of all partitions, then their marks "was nudged a moment ago".
# ARGV: the bound, the life of a mark in ms, the field, then for each event its partition (from 1) and its body.
# Answer: the partitions to nudge now, or {-1} when the backlog has reached the bound.
_WRITE: Final = """
local partitions = #KEYS / 2
local backlog = 0
for p = 1, partitions do backlog = backlog + redis.call('XLEN', KEYS[p]) end
if backlog >= tonumber(ARGV[1]) then return {-1} end
local written = {}
for i = 4, #ARGV, 2 do
  local p = tonumber(ARGV[i])
  redis.call('XADD', KEYS[p], '*', ARGV[3], ARGV[i + 1])
  written[p] = true
end
local wake = {}
for p = 1, partitions do
  if written[p] and redis.call('SET', KEYS[partitions + p], '1', 'PX', ARGV[2], 'NX') then wake[#wake + 1] = p end
end
return wake
"""


def connect(url: str) -> Redis:
    """A client for StreamWriter: it never waits longer than PATIENCE and leaves trying again to whoever sent the event."""
    return Redis.from_url(url, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE, retry=Retry(NoBackoff(), 1))


class _Waiting(NamedTuple):
    """One request's events as script arguments, and the future on which it waits."""

    arguments: list[Any]
    done: "asyncio.Future[None]"


class StreamWriter:
    """Writes events, grouped: what concurrent requests hand over while one write is under way goes into the next.

    Belongs to one event loop, and the client to it alone. `max_backlog` bounds the events waiting in all partitions together; a group is written while
    the backlog lies under it, so it may be passed by one group per web process.
    """

    def __init__(self, redis: Redis, partitions: int, max_backlog: int, nudge: "Nudge") -> None:
        self._redis = redis
        self._partitions = partitions
        self._script = redis.register_script(_WRITE)
        marks = [redis_keys.nudged(f"absorb:{each}") for each in range(partitions)]
        self._marks = marks
        self._keys = [*map(redis_keys.events, range(partitions)), *marks]
        self._options = [max_backlog, NUDGE_EVERY, redis_keys.FIELD]
        self._waiting: deque[_Waiting] = deque()
        self._writing: asyncio.Task[None] | None = None
        self._nudge = nudge
        self._nudges = ThreadPoolExecutor(1, thread_name_prefix="nudge")
        self._later: dict[int, asyncio.TimerHandle] = {}
        self._looking: set[asyncio.Task[None]] = set()

    async def write(self, events: Sequence[Event], route: int | None = None) -> None:
        """Return when Redis has all of `events`, in their order; each goes its own way, or all go the way of `route`.

        Raises StreamFull when the backlog has reached its bound and Unavailable when Redis does not answer or refuses. Then
        the events may have been written nevertheless; writing them again is safe, for each is counted once.
        """
        if not events:
            return
        arguments: list[Any] = []
        for event in events:
            arguments.append((route_of(event) if route is None else route) % self._partitions + 1)
            arguments.append(EVENT.dump_json(event, exclude_defaults=True))
        loop = asyncio.get_running_loop()
        waiting = _Waiting(arguments, loop.create_future())
        self._waiting.append(waiting)
        if self._writing is None:
            self._writing = loop.create_task(self._write_groups())
        await waiting.done

    async def write_ahead(self, event: Event, route: int) -> None:
        """Write an event that no mail may overtake: what sends absorbs it first, however much waits in its partition.

        Raises Unavailable. A backlog at its bound refuses nobody: what takes this event is not behind it.
        """
        with _as_unavailable():
            async with asyncio.timeout(PATIENCE):
                await self._redis.xadd(redis_keys.AHEAD, {redis_keys.FIELD: EVENT.dump_json(event, exclude_defaults=True)})
        with suppress(StreamFull):
            await self.write([event], route)

    async def quarantine(self, event: Event, reasons: Sequence[str], at: datetime) -> None:
        """Set an event aside for a human to judge, with the reasons; it makes nobody a person. Raises Unavailable."""
        entry: dict[Any, Any] = {
            redis_keys.FIELD: EVENT.dump_json(event, exclude_defaults=True),
            "reasons": json.dumps(list(reasons)),
            "at": at.isoformat(),
        }
        with _as_unavailable():
            async with asyncio.timeout(PATIENCE):
                await self._redis.xadd(redis_keys.QUARANTINE, entry, maxlen=QUARANTINE_LENGTH, approximate=True)

    async def tally(self, key: str, member: str | None, lasts: timedelta) -> int:
        """How many different members have been added to `key`, this one included; all are forgotten `lasts` after the last.

        Without a member nothing is added. Raises Unavailable.
        """
        with _as_unavailable():
            async with asyncio.timeout(PATIENCE):
                if member is None:
                    return int(await self._redis.scard(key))
                pipeline = self._redis.pipeline(transaction=True)
                pipeline.sadd(key, member)
                pipeline.expire(key, int(lasts.total_seconds()) + 1)
                pipeline.scard(key)
                return int((await pipeline.execute())[-1])

    async def stop(self) -> None:
        """Finish what is being written, nudge no more, and close the client, which must end with its event loop."""
        if self._writing is not None:
            await self._writing
        for timer in self._later.values():
            timer.cancel()
        await asyncio.gather(*self._looking)
        self._nudges.shutdown(wait=False)
        await self._redis.aclose()

    async def _write_groups(self) -> None:
        try:
            while self._waiting:
                await self._write_group(self._next_group())
        finally:
            self._writing = None

    def _next_group(self) -> list[_Waiting]:
        group = [self._waiting.popleft()]
        size = len(group[0].arguments)
        while self._waiting and size + len(self._waiting[0].arguments) <= 2 * GROUP:
            group.append(self._waiting.popleft())
            size += len(group[-1].arguments)
        return group

    async def _write_group(self, group: list[_Waiting]) -> None:
        arguments: list[Any] = [*self._options]
        for each in group:
            arguments += each.arguments
        try:
            with _as_unavailable():
                async with asyncio.timeout(PATIENCE):
                    wake: list[int] = await self._script(keys=self._keys, args=arguments)
            if wake == [-1]:
                raise StreamFull  # noqa: TRY301 - handled like every other reason why nothing was written
        except Exception as error:  # noqa: BLE001 - whatever it was, each of these requests must hear of it
            for each in group:
                if not each.done.done():
                    each.done.set_exception(error)
            return
        for each in group:
            if not each.done.done():
                each.done.set_result(None)
        self._wake({partition - 1 for partition in arguments[3::2]}, {partition - 1 for partition in wake})

    def _wake(self, written: set[int], now: set[int]) -> None:
        """Nudge the partitions of `now`; the others were nudged a moment ago, maybe too early for us: look again later."""
        for partition in now:
            self._nudges.submit(self._nudge, "absorb", partition)
        for partition in written - now - self._later.keys():
            loop = asyncio.get_running_loop()
            self._later[partition] = loop.call_later((NUDGE_EVERY + 5) / 1000, self._look_again, partition)

    def _look_again(self, partition: int) -> None:
        del self._later[partition]
        task = asyncio.get_running_loop().create_task(self._nudge_unless_nudged(partition))
        self._looking.add(task)
        task.add_done_callback(self._looking.discard)

    async def _nudge_unless_nudged(self, partition: int) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                fresh = await self._redis.set(self._marks[partition], 1, px=NUDGE_EVERY, nx=True)
        except (RedisError, OSError):  # a lost nudge is no error; TimeoutError is an OSError
            return
        if fresh:
            self._nudges.submit(self._nudge, "absorb", partition)


@contextmanager
def _as_unavailable() -> Iterator[None]:
    """Every way in which Redis can fail to take something (down, slow, read-only, out of memory) as Unavailable."""
    try:
        yield
    except (RedisError, OSError) as error:
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise Unavailable(
            f"Redis does not take events ({reason}); they are kept by whoever sends them, who tries again"
        ) from error
