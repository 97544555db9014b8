"""How much this process works on at once. What comes above is answered 503 before anything of it is read.

A process that takes whatever comes keeps ever more half-done requests, answers each of them later, and ends by losing all. Here the
requests under way are counted, and the bytes of their bodies; both are bounds on memory, and the first is one on how long anybody
waits (Little's law). What was accepted is never given up for what comes after.

While a body is still on its way nothing is worked on, and how long that takes is up to the client. So it counts apart, and there the
newest comes first: who has taken longest makes room. Slow clients keep nobody out but each other.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from starlette.types import Message, Scope, Send

from nurture.settings import Settings
from nurture.web.counters import Counters
from nurture.web.refusals import Refusal

#: Bytes of the bodies that are worked on; as objects they come to several times as much. Bodies on their way may be as much again.
MOST_BYTES: Final = 16 * 1024 * 1024

#: What a body may come to that does not say so: one in pieces, or one that is packed.
_UNSAID: Final = 512 * 1024

#: People who post a form, confirm or unsubscribe are still served when events are refused: so many times the bound is theirs.
_FOR_PEOPLE: Final = 1.5

#: Seconds after which a load that is too high may be over.
RETRY_AFTER: Final = 1

#: A request's ticket, in its ASGI scope.
TICKET: Final = "nurture.ticket"

_SAYS: Final = "Nothing was taken. Please try again in a moment."
_BODY: Final = b'{"success":false,"code":"overloaded","message":"%b"}' % _SAYS.encode()
_START: Final[Message] = {
    "type": "http.response.start",
    "status": 503,
    "headers": [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(_BODY)).encode()),
        (b"retry-after", str(RETRY_AFTER).encode()),
        (b"access-control-allow-origin", b"*"),
        (b"access-control-expose-headers", b"retry-after"),
    ],
}
_END: Final[Message] = {"type": "http.response.body", "body": _BODY}


class Admission:
    """Counts what is under way."""

    def __init__(self, settings: Settings, counters: Counters, most_bytes: int = MOST_BYTES) -> None:
        self.patience = settings.body_seconds
        self._most = settings.max_requests
        self._most_bytes = most_bytes
        self._counters = counters
        self._requests = 0
        self._bytes = 0
        self._on_their_way: dict[Ticket, tuple[asyncio.Timeout, int]] = {}
        self._bytes_on_their_way = 0

    def enter(self, *, carries_events: bool) -> "Ticket | None":
        """Count a request in; None if there is no room for it now."""
        most = self._most if carries_events else int(self._most * _FOR_PEOPLE)
        if self._requests >= most or self._bytes >= self._most_bytes:
            return None
        self._requests += 1
        return Ticket(self, most)

    def leave(self, ticket: "Ticket") -> None:
        """Count a request out."""
        self._requests -= 1
        self._bytes -= ticket.bytes

    async def refuse(self, send: Send) -> None:
        """Answer a request for which there is no room."""
        self._counters.add("web_shed")
        await send(_START)
        await send(_END)

    @contextmanager
    def waiting_for(self, ticket: "Ticket", deadline: asyncio.Timeout, size: int) -> Iterator[None]:
        """Do not count a request while its body of `size` bytes is on its way; `deadline` ends early for whoever must make room."""
        self._make_room(size)
        self._requests -= 1
        self._on_their_way[ticket] = deadline, size
        self._bytes_on_their_way += size
        try:
            yield
        finally:
            self._requests += 1
            if self._on_their_way.pop(ticket, None) is not None:
                self._bytes_on_their_way -= size

    def _make_room(self, size: int) -> None:
        while self._on_their_way and (
            len(self._on_their_way) >= self._most or self._bytes_on_their_way + size > self._most_bytes
        ):
            longest = next(iter(self._on_their_way))
            deadline, gone = self._on_their_way.pop(longest)
            self._bytes_on_their_way -= gone
            deadline.reschedule(0)  # long ago: it ends in the next turn of the loop
            self._counters.add("web_made_room")

    def take(self, ticket: "Ticket", size: int) -> None:
        """Count the bytes of a body that is here. Raises Refusal (503) if there is no room for it by now."""
        if self._requests > ticket.most or (self._bytes and self._bytes + size > self._most_bytes):
            self._counters.add("web_shed")
            raise Refusal(503, "overloaded", _SAYS, retry_after=RETRY_AFTER)
        self._bytes += size
        ticket.bytes += size


class Ticket:
    """A request that was let in. `most` is with how many others at most."""

    __slots__ = ("admission", "bytes", "most")

    def __init__(self, admission: Admission, most: int) -> None:
        self.admission = admission
        self.most = most
        self.bytes = 0


def ticket_of(scope: Scope) -> Ticket:
    """The ticket with which a request was let in."""
    ticket: Ticket = scope[TICKET]
    return ticket


def size_said(declared: bytes | None, *, packed: bool) -> int:
    """The bytes that a body may come to, by its Content-Length and whether it is packed."""
    said = int(declared) if declared is not None and declared.isdigit() and len(declared) < 16 else _UNSAID  # noqa: PLR2004 - no body is that long
    return max(said, _UNSAID) if packed else said
