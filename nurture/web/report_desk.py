"""Where pages of reports are made: one at a time, in a thread of their own, and kept for a minute.

So whoever reloads a page, or opens ten, takes nothing from the events that are collected beside it.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from nurture.errors import Unavailable

#: How long a page is shown as it was made.
KEPT_FOR: Final = timedelta(minutes=1)

#: Pages kept, and people who wait for one; whoever comes then is asked to come again.
MOST_KEPT: Final = 64
MOST_WAITING: Final = 8


class Asked(NamedTuple):
    """What somebody wants to see, so far as it makes a page another one. The days are ISO dates, or empty."""

    name: str
    first: str
    last: str
    language: str
    logged_in: bool


class ReportDesk:
    """Makes pages, and keeps them."""

    def __init__(self, make: Callable[[Asked, datetime], str]) -> None:
        self._make = make
        self._kept: OrderedDict[Asked, tuple[datetime, str]] = OrderedDict()
        self._waiting = 0
        self._thread = ThreadPoolExecutor(1, "report")

    async def page(self, asked: Asked, at: datetime) -> str:
        """A page, at most a minute old. Raises Unavailable when too many wait for one, and what making it raises."""
        found = self._found(asked, at)
        if found is not None:
            return found
        if self._waiting >= MOST_WAITING:
            raise Unavailable("several reports are being made; come again in a moment")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, self._made, asked, at)
        finally:
            self._waiting -= 1

    def _made(self, asked: Asked, at: datetime) -> str:
        """Runs in the thread; what somebody else was waiting for may be there by now."""
        found = self._found(asked, at)
        if found is None:
            found = self._make(asked, at)
            self._kept[asked] = (at, found)
            self._kept.move_to_end(asked)
            while len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
        return found

    def _found(self, asked: Asked, at: datetime) -> str | None:
        made, page = self._kept.get(asked, (at, None))
        return page if timedelta(0) <= at - made < KEPT_FOR else None
