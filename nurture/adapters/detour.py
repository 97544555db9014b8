"""The detour that everything for Redis takes while Redis is away: into the journal, and from there in its order as soon as it can.

While anything waits in the journal, whatever is new goes behind it. So each partition gets its events in the order in which this
process took them; what other web processes took meanwhile comes when it comes, which costs a recount and nothing else, for events
are counted by their ids and by when people acted. A write that Redis may have got nevertheless is journalled, too: it counts once.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

import structlog

from nurture.adapters.journal import Journal
from nurture.adapters.segments import Kind, Record, Segment
from nurture.errors import StreamFull, Unavailable

_log = structlog.get_logger(__name__)

T = TypeVar("T")

#: Seconds between two tries whether Redis is back, and whether its backlog has room again.
PROBE_EVERY: Final = 0.25
FULL_EVERY: Final = 1.0

#: With so few records left, what is new waits a moment, and then goes to Redis again. Seconds that the moment may last.
LAST: Final = 2_000
LAST_SECONDS: Final = 0.5

#: Seconds that a process which is told to end goes on passing on; what is left waits for the next one.
STOP_SECONDS: Final = 3.0

#: Counts something under a name, for /metrics.
Count = Callable[[str, int], None]


class Target(Protocol):
    """Redis, as the detour comes back to it. Every call raises Unavailable, and `put` StreamFull."""

    async def probe(self) -> None:
        """Return if it answers."""
        ...

    async def put(self, events: Sequence[tuple[int, bytes]]) -> None:
        """Write events to their partitions, in their order."""
        ...

    async def put_ahead(self, bodies: Sequence[bytes]) -> None:
        """Write events that no mail may overtake."""
        ...

    async def put_aside(self, body: bytes) -> None:
        """Do what a record of `quarantine` says."""
        ...

    async def mark_again(self, body: bytes) -> None:
        """Do what a record of `mark` says."""
        ...


class Detour:
    """Belongs to one event loop and one target. The journal is touched in a thread of its own, so that the loop never waits for a disk."""

    def __init__(self, journal: Journal, count: Count = lambda _name, _n: None) -> None:
        self._journal = journal
        self._count = count
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="journal")
        self._turn = asyncio.Lock()
        self._target: Target | None = None
        self._reason: str | None = None
        self._replaying: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()
        self._since = 0.0
        self._passed_on = 0
        self._halfway: tuple[Path | None, int] = (None, 0)
        self._full = False
        self._stumbled = False

    @property
    def taken(self) -> bool:
        """Whether everything goes to the journal now."""
        return self._reason is not None

    @property
    def reason(self) -> str | None:
        """Why, or None."""
        return self._reason

    @property
    def has_room(self) -> bool:
        """Whether the journal can take something."""
        return self._journal.has_room and not self._full

    def attach(self, target: Target) -> None:
        """Say where everything is to go in the end."""
        self._target = target

    def resume(self) -> None:
        """Pass on what a dead process has left. Belongs at the start of the loop."""
        if not self._journal.empty:
            self.begin(f"{self._journal.count} records of an earlier process wait for Redis")

    def begin(self, reason: str | Unavailable) -> None:
        """Take the detour from now on, if it is not taken already."""
        if self._reason is None:
            loop = asyncio.get_running_loop()
            self._reason, self._since, self._passed_on, self._stumbled = _words(reason), loop.time(), 0, False
            _log.warning("everything goes to the journal", reason=self._reason)
            self._replaying = loop.create_task(self._replay())

    async def keep(self, records: Sequence[Record], ahead: Sequence[Record] = ()) -> bool:
        """Return True when all records are on the disk, or False if the detour has just ended and Redis is to be asked.

        Raises JournalFull, and Unavailable when the disk does not take them.
        """
        async with self._turn:
            if not self.taken:
                return False
            try:
                await self._in_thread(self._journal.append, records, ahead)
            except Unavailable as error:
                if not self._full:
                    _log.error("nothing more can be taken", reason=str(error))
                    self._full = True
                raise
            self._full = False
        self._count("web_journalled", len(records) or len(ahead))
        return True

    async def stop(self) -> None:
        """Pass on what can be passed on now, and leave the rest on the disk."""
        self._stopping.set()
        if self._replaying is not None:
            done, _ = await asyncio.wait([self._replaying], timeout=STOP_SECONDS)
            if not done:
                self._replaying.cancel()
                await asyncio.wait([self._replaying])
        left = self._journal.count
        await self._in_thread(self._journal.close)
        self._thread.shutdown()
        if left:
            _log.warning("records wait in the journal for the next web process", records=left, folder=str(self._journal.folder))

    async def _in_thread(self, call: Callable[..., T], *arguments: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, call, *arguments)

    async def _replay(self) -> None:
        """Try until nothing is left."""
        while True:
            pause = PROBE_EVERY
            try:
                if await self._all_passed_on():
                    return
            except StreamFull as error:
                pause, self._reason = FULL_EVERY, str(error)
            except Unavailable as error:
                self._reason = _words(error)
            except Exception:  # noqa: BLE001 - whatever it was, what was acknowledged must be passed on in the end
                if not self._stumbled:  # once is enough of that much text
                    _log.exception("the journal cannot be passed on; it is tried again")
                self._stumbled, pause = True, FULL_EVERY
            if self._stopping.is_set():
                return
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._stopping.wait()

    async def _all_passed_on(self) -> bool:
        """Pass on everything, then end the detour; raises what Redis answers."""
        await self.target.probe()
        await self._pass_on_until(LAST)
        async with self._turn:
            try:
                async with asyncio.timeout(LAST_SECONDS):
                    await self._pass_on_until(0)
            except TimeoutError:
                return False
            self._end()
        return True

    async def _pass_on_until(self, left: int) -> None:
        """Whoever said no to mail comes first, whatever else there is."""
        while segment := await self._in_thread(self._journal.next_ahead):
            await self._pass_on(segment)
        while self._journal.count > left and (segment := await self._in_thread(self._journal.next_events)):
            await self._pass_on(segment)
            while ahead := await self._in_thread(self._journal.next_ahead):
                await self._pass_on(ahead)

    async def _pass_on(self, segment: Segment) -> None:
        """Give all of a file to Redis, and only then delete it. What was given before is not given again as long as this process lives."""
        found = await self._in_thread(self._journal.read, segment)
        if self._halfway[0] != segment.path:
            self._halfway = segment.path, 0
            if found.torn:
                _log.warning("the end of a journal is not whole; nobody was told that it was taken", bytes=found.torn)
        for start in range(self._halfway[1], len(found.records), LAST):
            await self._put(found.records[start : start + LAST])
            self._halfway = segment.path, start + LAST
        await self._in_thread(self._journal.drop, segment)
        self._full = False
        passed_on = sum(record.kind != Kind.AHEAD for record in found.records)
        self._passed_on += passed_on
        self._count("web_replayed", passed_on)

    async def _put(self, records: Sequence[Record]) -> None:
        target = self.target
        await target.put([(record.partition, record.body) for record in records if record.kind == Kind.EVENT])
        await target.put_ahead([record.body for record in records if record.kind == Kind.AHEAD])
        one_by_one: dict[int, Callable[[bytes], Awaitable[None]]] = {
            Kind.QUARANTINE: target.put_aside,
            Kind.MARK: target.mark_again,
        }
        for record in records:
            if record.kind in one_by_one:
                await one_by_one[record.kind](record.body)
            elif record.kind not in {Kind.EVENT, Kind.AHEAD}:
                _log.error("a record of the journal is of a later version, and is left out", kind=record.kind)

    def _end(self) -> None:
        seconds = round(asyncio.get_running_loop().time() - self._since, 3)
        self._reason, self._full = None, False
        _log.info("the journal is passed on, and Redis takes events again", records=self._passed_on, seconds=seconds)

    @property
    def target(self) -> Target:
        assert self._target is not None, "the writer attaches itself"
        return self._target


def _words(reason: str | Unavailable) -> str:
    """What Redis or the network said, rather than what is told to senders."""
    said = reason if isinstance(reason, str) else reason.__cause__ or reason
    return str(said).partition("\n")[0] or type(said).__name__
