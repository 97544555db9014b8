"""The event stream for whoever can come again: a write is done at once, or refused at once."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from nurture.adapters.stream_writer import StreamWriter, connect
from nurture.domain.event import Event

if TYPE_CHECKING:
    from nurture.ports import Nudge  # brings the whole domain along, for which a mail server's pipe would wait


class PromptWriter:
    """Writes events from a program without an event loop; fulfils `flow.fetch.Stream`."""

    def __init__(self, redis_url: str, partitions: int, max_backlog: int, nudge: "Nudge") -> None:
        self._redis_url = redis_url
        self._partitions = partitions
        self._max_backlog = max_backlog
        self._nudge = nudge

    def write(self, events: Sequence[Event]) -> None:
        """Return when Redis has all of `events`; raises StreamFull when there is no room, and Unavailable when it does not answer."""
        if events:
            asyncio.run(self._write(events))

    async def _write(self, events: Sequence[Event]) -> None:
        writer = StreamWriter(connect(self._redis_url), self._partitions, self._max_backlog, self._nudge)
        try:
            await writer.write(events)
        finally:
            await writer.stop()
