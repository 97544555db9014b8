"""The event stream as the web process sees it: events go in, and whoever hands them over waits until they are durable.

Durable means that Redis has them or, where the writer has a detour (`detour.py`) and Redis is away, that they are on the disk.
"""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from nurture.adapters import redis_keys
from nurture.adapters.script import Script
from nurture.adapters.segments import Kind, Record
from nurture.domain.event import ANSWERED_AT_ONCE, EVENT, Event, route_of
from nurture.errors import StreamFull, Unavailable

if TYPE_CHECKING:  # a mail server's pipe would wait for all that these bring along
    from nurture.adapters.detour import Detour
    from nurture.ports import Nudge

T = TypeVar("T")

#: How long Redis may take for anything, in seconds; who waits longer is told to come again.
PATIENCE: Final = 2.0

#: Events in one write, unless a single request brings more; a bound on how long Redis is busy with us.
GROUP: Final = 2_000

#: Entries kept in quarantine; the oldest go first.
QUARANTINE_LENGTH: Final = 10_000

# One call for a whole group instead of a pipeline of XADDs. With redis-py 8 a pipelined command costs the client about
# 40 µs, an argument of a script under 10 (Redis spends the same on both), and a script is all or nothing: a request is never half
# written, and the bound on the backlog is looked at in the moment of writing.
#
# KEYS: the streams of all partitions, then their marks "a nudge is on its way", which a worker that takes it lets expire soon.
# ARGV: the bound, the life of a mark in ms, and how soon it expires once its nudge was taken, the field, the partitions (from 1, with commas)
# with something for which somebody waits, then for each event its partition and its body.
# Answer: the partitions to nudge now, or {-1} when the backlog has reached the bound.
_WRITE: Final = """
local partitions = #KEYS / 2
local backlog = 0
for p = 1, partitions do backlog = backlog + redis.call('XLEN', KEYS[p]) end
if backlog >= tonumber(ARGV[1]) then return {-1} end
local written = {}
for i = 6, #ARGV, 2 do
  local p = tonumber(ARGV[i])
  redis.call('XADD', KEYS[p], '*', ARGV[4], ARGV[i + 1])
  written[p] = true
end
for p in string.gmatch(ARGV[5], '%d+') do
  local mark = KEYS[partitions + tonumber(p)]
  if redis.call('PTTL', mark) <= tonumber(ARGV[3]) then redis.call('DEL', mark) end
end
local wake = {}
for p = 1, partitions do
  if written[p] and redis.call('SET', KEYS[partitions + p], '1', 'PX', ARGV[2], 'NX') then wake[#wake + 1] = p end
end
return wake
"""


def connect(url: str) -> Redis:
    """A client for StreamWriter, which bounds every wait itself: a bound of redis-py's would be a task and a timer for each command.

    Trying again is left to whoever sent the event.
    """
    return Redis.from_url(url, socket_timeout=None, socket_connect_timeout=PATIENCE, retry=Retry(NoBackoff(), 1))


class _Waiting(NamedTuple):
    """One request's events as script arguments, whether somebody waits for what follows, and the future on which it waits."""

    arguments: list[Any]
    urgent: bool
    done: "asyncio.Future[None]"

    @property
    def partitions(self) -> set[int]:
        return set(self.arguments[::2])


class StreamWriter:
    """Writes events, grouped: what concurrent requests hand over while one write is under way goes into the next.

    Belongs to one event loop, and the client to it alone. `max_backlog` bounds the events waiting in all partitions together; a group is written while
    the backlog lies under it, so it may be passed by one group per web process.
    """

    def __init__(
        self, redis: Redis, partitions: int, max_backlog: int, nudge: "Nudge", detour: "Detour | None" = None
    ) -> None:  # fmt: skip
        self._redis = redis
        self._partitions = partitions
        self._script = Script(redis, _WRITE)
        marks = [redis_keys.nudged(f"absorb:{each}") for each in range(partitions)]
        self._marks = marks
        self._keys = [*map(redis_keys.events, range(partitions)), *marks]
        self._options: list[Any] = [max_backlog, redis_keys.NUDGE_LASTS, redis_keys.NUDGE_EVERY, redis_keys.FIELD]
        self._waiting: deque[_Waiting] = deque()
        self._writing: asyncio.Task[None] | None = None
        self._nudge = nudge
        self._nudges = ThreadPoolExecutor(1, thread_name_prefix="nudge")
        self._later: dict[int, asyncio.TimerHandle] = {}
        self._looking: set[asyncio.Task[None]] = set()
        self._detour = detour
        if detour is not None:
            detour.attach(self)

    def start(self) -> None:
        """Begin to pass on what an earlier process has left in its journal; called in the loop."""
        if self._detour is not None:
            self._detour.resume()

    @property
    def away(self) -> str | None:
        """Why nothing goes to Redis now but to the journal; None while it does, or if there is no journal."""
        return self._detour.reason if self._detour is not None else None

    @property
    def has_room(self) -> bool:
        """Whether something can be taken while Redis is away."""
        return self._detour is not None and self._detour.has_room

    async def write(self, events: Sequence[Event], route: int | None = None) -> None:
        """Return when all of `events` are durable, in their order; each goes its own way, or all go the way of `route`.

        Raises StreamFull when the backlog has reached its bound and Unavailable when nothing takes them. Then
        the events may have been written nevertheless; writing them again is safe, for each is counted once.
        """
        if not events:
            return
        arguments: list[Any] = []
        for event in events:
            arguments.append((route_of(event) if route is None else route) % self._partitions + 1)
            arguments.append(EVENT.dump_json(event, exclude_defaults=True))
        loop = asyncio.get_running_loop()
        waiting = _Waiting(arguments, any(event.name in ANSWERED_AT_ONCE for event in events), loop.create_future())
        self._waiting.append(waiting)
        if self._writing is None:
            self._writing = loop.create_task(self._write_groups())
        await waiting.done

    async def write_ahead(self, event: Event, route: int) -> None:
        """Write an event that no mail may overtake: what sends absorbs it first, however much waits in its partition.

        Raises Unavailable. A backlog at its bound refuses nobody: what takes this event is not behind it.
        """
        body = EVENT.dump_json(event, exclude_defaults=True)
        partition = route % self._partitions
        ahead = [Record(Kind.AHEAD, 0, body)]
        if await self._done_or_kept(lambda: self.put_ahead([body]), [Record(Kind.EVENT, partition, body)], ahead):
            with suppress(StreamFull):
                await self.write([event], route)

    async def quarantine(self, event: Event, reasons: Sequence[str], at: datetime) -> None:
        """Set an event aside for a human to judge, with the reasons; it makes nobody a person. Raises Unavailable."""
        told = {
            "event": EVENT.dump_json(event, exclude_defaults=True).decode(),
            "reasons": list(reasons),
            "at": at.isoformat(),
        }
        body = json.dumps(told).encode()
        await self._done_or_kept(lambda: self.put_aside(body), [Record(Kind.QUARANTINE, 0, body)])

    async def mark(self, key: str, member: str, lasts: timedelta) -> None:
        """Add a member to what `tally` counts, at the latest when Redis is back. Raises Unavailable when nothing takes it."""
        body = json.dumps({"key": key, "member": member, "seconds": lasts.total_seconds()}).encode()
        await self._done_or_kept(lambda: self.mark_again(body), [Record(Kind.MARK, 0, body)])

    async def tally(self, key: str, member: str | None, lasts: timedelta) -> int:
        """How many different members have been added to `key`, this one included; all are forgotten `lasts` after the last.

        Without a member nothing is added. Raises Unavailable, at once where Redis is known to be away.
        """
        detour = self._detour
        if detour is not None and detour.taken:
            raise Unavailable(f"Redis is away ({detour.reason}): nobody can say how often this came")
        try:
            async with _answering():
                if member is None:
                    return int(await self._redis.scard(key))
                return await self._added(key, member, lasts)
        except Unavailable as error:
            if detour is not None:
                detour.begin(error)
            raise

    async def probe(self) -> None:
        """Return if Redis answers; raises Unavailable."""
        async with _answering():
            await self._redis.ping()

    async def put(self, events: Sequence[tuple[int, bytes]]) -> None:
        """Write events that the journal has kept; raises StreamFull and Unavailable."""
        if events:
            arguments = [each for partition, body in events for each in (partition % self._partitions + 1, body)]
            self._wake({int(each) - 1 for each in arguments[::2]}, await self._written(arguments))

    async def put_ahead(self, bodies: Sequence[bytes]) -> None:
        """Write events ahead of all partitions; raises Unavailable."""
        async with _answering():
            for body in bodies:
                await self._redis.xadd(redis_keys.AHEAD, {redis_keys.FIELD: body})

    async def put_aside(self, body: bytes) -> None:
        """Write into quarantine what a record of it says; raises Unavailable."""
        told = json.loads(body)
        entry: dict[Any, Any] = {redis_keys.FIELD: told["event"], "reasons": json.dumps(told["reasons"]), "at": told["at"]}
        async with _answering():
            await self._redis.xadd(redis_keys.QUARANTINE, entry, maxlen=QUARANTINE_LENGTH, approximate=True)

    async def mark_again(self, body: bytes) -> None:
        """Add the member that a record of `mark` names; raises Unavailable."""
        told = json.loads(body)
        async with _answering():
            await self._added(told["key"], told["member"], timedelta(seconds=told["seconds"]))

    async def _added(self, key: str, member: str, lasts: timedelta) -> int:
        pipeline = self._redis.pipeline(transaction=True)
        pipeline.sadd(key, member)
        pipeline.expire(key, int(lasts.total_seconds()) + 1)
        pipeline.scard(key)
        return int((await pipeline.execute())[-1])

    async def _done_or_kept(
        self, do: Callable[[], Awaitable[None]], records: Sequence[Record], ahead: Sequence[Record] = ()
    ) -> bool:  # fmt: skip
        """Whether it is done in Redis, or False when the journal has it; raises Unavailable."""
        while self._detour is None or not self._detour.taken or not await self._detour.keep(records, ahead):
            try:
                await do()
            except StreamFull:
                raise
            except Unavailable as error:
                if self._detour is None:
                    raise
                self._detour.begin(error)
            else:
                return True
        return False

    async def stop(self) -> None:
        """Finish what is being written, nudge no more, and close the client, which must end with its event loop."""
        if self._writing is not None:
            await self._writing
        if self._detour is not None:
            await self._detour.stop()
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
        arguments: list[Any] = []
        for each in group:
            arguments += each.arguments
        try:
            wake = await self._written_or_kept(
                arguments, {each for waiting in group if waiting.urgent for each in waiting.partitions}
            )
        except Exception as error:  # noqa: BLE001 - whatever it was, each of these requests must hear of it
            for each in group:
                if not each.done.done():
                    each.done.set_exception(error)
            return
        for each in group:
            if not each.done.done():
                each.done.set_result(None)
        if wake is not None:
            self._wake({partition - 1 for partition in arguments[::2]}, wake)

    async def _written_or_kept(self, arguments: list[Any], urgent: Collection[int]) -> set[int] | None:
        """The partitions to nudge now; None when the journal has it all."""
        if self._detour is None or not self._detour.taken:
            try:
                return await self._written(arguments, urgent)
            except StreamFull:
                raise
            except Unavailable as error:
                if self._detour is None:
                    raise
                self._detour.begin(error)
        wake: set[int] = set()

        async def write() -> None:
            wake.update(await self._written(arguments, urgent))

        records = [Record(Kind.EVENT, arguments[each] - 1, arguments[each + 1]) for each in range(0, len(arguments), 2)]
        return wake if await self._done_or_kept(write, records) else None

    async def _written(self, arguments: list[Any], urgent: Collection[int] = ()) -> set[int]:
        """Write one group: for each event its partition, counted from 1, and its body. The partitions to nudge now, counted from 0.

        Partitions in `urgent` are nudged unless a nudge is on its way, the others not so soon after the last one either.
        """
        options = [*self._options, ",".join(map(str, urgent))]
        with _as_unavailable():
            async with asyncio.timeout(PATIENCE):
                wake: list[int] = await self._script(self._keys, options + arguments)
        if wake == [-1]:
            raise StreamFull
        return {partition - 1 for partition in wake}

    def _wake(self, written: set[int], now: set[int]) -> None:
        """Nudge the partitions of `now`; the others were nudged a moment ago, maybe too early for us: look again later."""
        for partition in now:
            self._nudges.submit(self._nudge, "absorb", partition)
        for partition in written - now - self._later.keys():
            loop = asyncio.get_running_loop()
            self._later[partition] = loop.call_later((redis_keys.NUDGE_EVERY + 5) / 1000, self._look_again, partition)

    def _look_again(self, partition: int) -> None:
        del self._later[partition]
        task = asyncio.get_running_loop().create_task(self._nudge_unless_nudged(partition))
        self._looking.add(task)
        task.add_done_callback(self._looking.discard)

    async def _nudge_unless_nudged(self, partition: int) -> None:
        """Nudge a partition if something is left in it, unless that was done meanwhile."""
        try:
            async with asyncio.timeout(PATIENCE):
                left = await self._redis.xlen(redis_keys.events(partition))
                fresh = left and await self._redis.set(self._marks[partition], 1, px=redis_keys.NUDGE_LASTS, nx=True)
        except (RedisError, OSError):  # a lost nudge is no error; TimeoutError is an OSError
            return
        if fresh:
            self._nudges.submit(self._nudge, "absorb", partition)


@asynccontextmanager
async def _answering() -> AsyncIterator[None]:
    """Every way in which Redis can fail, silence beyond PATIENCE included, as Unavailable."""
    with _as_unavailable():
        async with asyncio.timeout(PATIENCE):
            yield


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
