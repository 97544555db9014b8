"""The event stream for whoever has many events and time: writes wait until there is room, and leave room for others."""

import asyncio
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Final, Self

from nurture.adapters.stream_writer import StreamWriter, connect
from nurture.domain.event import Event
from nurture.errors import StreamFull, Unavailable
from nurture.ports import Nudge

#: Seconds between two looks whether there is room again.
AGAIN: Final = 0.5

#: How often Redis may fail to answer in a row before we give up: what was written stays written.
TRIES: Final = 20


class PatientWriter:
    """Writes batches of events from a program that does nothing else meanwhile.

    It uses at most half of the backlog that is allowed, so that the web process can take events all the time.
    """

    def __init__(self, redis_url: str, partitions: int, max_backlog: int, nudge: Nudge, tell: Callable[[str], None]) -> None:
        self._runner = asyncio.Runner()
        self._redis_url = redis_url
        self._partitions = partitions
        self._max_backlog = max(1, max_backlog // 2)
        self._nudge = nudge
        self._tell = tell
        self._writer: StreamWriter | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None) -> None:
        if self._writer is not None:
            self._runner.run(self._writer.stop())
        self._runner.close()

    def write(self, events: Sequence[Event]) -> None:
        """Return when Redis has all of `events`; raises Unavailable when it does not answer for a while."""
        self._runner.run(self._write(events))

    async def _write(self, events: Sequence[Event]) -> None:
        if self._writer is None:
            self._writer = StreamWriter(connect(self._redis_url), self._partitions, self._max_backlog, self._nudge)
        told = ""
        failures = 0
        while True:
            try:
                await self._writer.write(events)
            except StreamFull:
                reason, failures = "the backlog of events is half full; waiting for the workers", 0
            except Unavailable as error:
                failures += 1
                if failures >= TRIES:
                    raise Unavailable(
                        "Redis does not take events; see that it runs, then give the same command: it goes on after the last batch"
                    ) from error
                reason = "Redis does not answer; trying again"
            else:
                return
            if reason != told:
                self._tell(reason)
                told = reason
            await asyncio.sleep(AGAIN)
