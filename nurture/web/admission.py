"""How much this process works on at once. What comes above is answered 503 before anything of it is read.

A process that takes whatever comes keeps ever more half-done requests, answers each of them later, and ends by losing all. Here the
requests under way are counted, and the bytes of their bodies; both are bounds on memory, and the first is one on how long anybody
waits (Little's law). What was accepted is never given up for what comes after.

While a body is still on its way nothing is worked on, and how long that takes is up to the client. So it counts apart, and there the
newest comes first: who has taken longest makes room. Slow clients keep nobody out but each other.
"""

import asyncio
from collections.abc import Awaitable
from typing import Final

from starlette.types import Message, Scope, Send

from nurture.settings import Settings
from nurture.web.counters import Counters
from nurture.web.refusals import Refusal

#: Bytes of the bodies that are worked on; as objects they come to several times as much. Bodies on their way may be as much again.
MOST_BYTES: Final = 16 * 1024 * 1024

#: What a body may come to that does not say so: one in pieces, or one that is packed.
_UNSAID: Final = 512 * 1024

#: How often it is looked within the time that a body has.
_LOOKS: Final = 4

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
        self._every = settings.body_seconds / _LOOKS
        self._most = settings.max_requests
        self._most_bytes = most_bytes
        self._counters = counters
        self._requests = 0
        self._bytes = 0
        self._on_their_way: dict[Ticket, int] = {}
        self._bytes_on_their_way = 0
        self._looks = 0
        self._timer: asyncio.TimerHandle | None = None

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

    async def wait_for(self, body: Awaitable[bytes], ticket: "Ticket", size: int) -> bytes:
        """A body of about `size` bytes once it is here; meanwhile its request does not count.

        Raises Refusal (408) when that takes too long, or when it must make room. A timer for each request would cost more than all the
        rest of this, so one looks after all, a few times within the time that they have.
        """
        self._make_room(size)
        ticket.came, ticket.task = self._looks, asyncio.current_task()
        self._requests -= 1
        self._on_their_way[ticket] = size
        self._bytes_on_their_way += size
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._every, self._look)
        try:
            return await body
        except asyncio.CancelledError:
            if ticket.sent_away and ticket.task is not None and not ticket.task.uncancel():
                raise Refusal(408, "too_slow", "the body did not come in time; send it faster, or send less at once") from None
            raise
        finally:
            self._requests += 1
            if self._on_their_way.pop(ticket, None) is not None:
                self._bytes_on_their_way -= size

    def _look(self) -> None:
        self._looks += 1
        for ticket in [each for each in self._on_their_way if self._looks - each.came > _LOOKS]:
            self._send_away(ticket)
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._every, self._look) if self._on_their_way else None

    def _make_room(self, size: int) -> None:
        while self._on_their_way and (
            len(self._on_their_way) >= self._most or self._bytes_on_their_way + size > self._most_bytes
        ):
            self._send_away(next(iter(self._on_their_way)))
            self._counters.add("web_made_room")

    def _send_away(self, ticket: "Ticket") -> None:
        self._bytes_on_their_way -= self._on_their_way.pop(ticket)
        if ticket.task is not None:
            ticket.sent_away = True
            ticket.task.cancel()

    def take(self, ticket: "Ticket", size: int) -> None:
        """Count the bytes of a body that is here. Raises Refusal (503) if there is no room for it by now."""
        if self._requests > ticket.most or (self._bytes and self._bytes + size > self._most_bytes):
            self._counters.add("web_shed")
            raise Refusal(503, "overloaded", _SAYS, retry_after=RETRY_AFTER)
        self._bytes += size
        ticket.bytes += size


class Ticket:
    """A request that was let in. `most` is with how many others at most."""

    __slots__ = ("admission", "bytes", "came", "most", "sent_away", "task")

    def __init__(self, admission: Admission, most: int) -> None:
        self.admission = admission
        self.most = most
        self.bytes = 0
        self.came = 0
        self.task: asyncio.Task[object] | None = None
        self.sent_away = False


def ticket_of(scope: Scope) -> Ticket:
    """The ticket with which a request was let in."""
    ticket: Ticket = scope[TICKET]
    return ticket


def size_said(declared: bytes | None, *, packed: bool) -> int:
    """The bytes that a body may come to, by its Content-Length and whether it is packed."""
    said = int(declared) if declared is not None and declared.isdigit() and len(declared) < 16 else _UNSAID  # noqa: PLR2004 - no body is that long
    return max(said, _UNSAID) if packed else said
