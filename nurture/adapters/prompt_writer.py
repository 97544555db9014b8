"""The event stream for whoever can come again: a write is done at once, or refused at once."""

import asyncio
from typing import TYPE_CHECKING

from nurture.adapters.stream_writer import StreamWriter, connect
from nurture.domain.mail.feedback import Ways

if TYPE_CHECKING:
    from nurture.ports import Nudge  # brings the whole domain along, for which a mail server's pipe would wait


class PromptWriter:
    """Writes events from a program without an event loop; fulfils `flow.fetch.Stream`."""

    def __init__(self, redis_url: str, partitions: int, max_backlog: int, nudge: "Nudge") -> None:
        self._redis_url = redis_url
        self._partitions = partitions
        self._max_backlog = max_backlog
        self._nudge = nudge

    def write(self, ways: Ways) -> None:
        """Return when Redis has all of it; raises StreamFull when there is no room, and Unavailable when it does not answer."""
        if ways.ahead or ways.behind:
            asyncio.run(self._write(ways))

    async def _write(self, ways: Ways) -> None:
        writer = StreamWriter(connect(self._redis_url), self._partitions, self._max_backlog, self._nudge)
        try:
            for event, way in ways.ahead:
                await writer.write_ahead(event, way)
            for way, events in ways.behind.items():
                await writer.write(events, way)
        finally:
            await writer.stop()
