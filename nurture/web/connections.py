"""Connections that keep a process busy without asking for anything: slow ones, half-open ones, endless heads, readers that do not read.

uvicorn waits for as long as a client likes, and for as many as come. This protocol does not: a client has `header_seconds` for the
head of a request, and a head is bounded; whoever does not take its answer is cut off; and where there are more connections than
`max_connections`, those that have been asking nothing for longest make room. Bodies have their own bound (`bodies.read_body`).
"""

import asyncio
from collections.abc import Iterator
from typing import Any, Final, cast

import structlog
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from nurture.settings import Settings

_log = structlog.get_logger(__name__)

#: Bytes of a head: the longest address (an event in a pixel's) and as much again for headers.
MOST_HEAD_BYTES: Final = 128 * 1024

#: Headers of a request, those after its body included.
MOST_HEADERS: Final = 200

#: Of all connections, this share makes room at once when there are too many.
_ROOM: Final = 0.05


def _answer(status: str, says: str, *headers: str) -> bytes:
    head = [f"HTTP/1.1 {status}", "content-type: text/plain; charset=utf-8", f"content-length: {len(says)}", "connection: close"]
    return "\r\n".join([*head, *headers, "", says]).encode("ascii")


async def _too_many_headers(_scope: Any, _receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 431, "headers": [(b"content-length", b"0"), (b"connection", b"close")]})
    await send({"type": "http.response.body"})


_TOO_LARGE: Final = _answer("431 Request Header Fields Too Large", "The head of this request is too long")
_NO_ROOM: Final = _answer("503 Service Unavailable", "No connection is free", "retry-after: 2")


class GuardedProtocol(HttpToolsProtocol):
    """A connection that is watched. Made by `guarded`, which says by which settings."""

    settings: Settings
    watch: "Watch"

    def __init__(
        self, config: Config, server_state: ServerState, app_state: dict[str, Any], _loop: asyncio.AbstractEventLoop | None = None
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        #: Since when nothing is asked by this connection, and since when its client reads nothing; loop time.
        self.idle_since = self.loop.time()
        self.stuck_since: float | None = None
        self.headers = []
        self._answering: RequestResponseCycle | None = None
        self._head_bytes = 0
        self._most_headers = MOST_HEADERS
        self._in_head = True

    @property
    def asks(self) -> bool:
        """Whether a request has come whose answer is not complete."""
        newest = self._newest()
        return newest is not None and not newest.response_complete

    @property
    def still_sends(self) -> bool:
        """Whether the body of that request is not here yet."""
        return self.asks and self.cycle.more_body

    def _newest(self) -> RequestResponseCycle | None:
        return self.cycle  # none before the first request, whatever uvicorn declares

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn itself has it
        super().connection_made(transport)
        self.watch.begin(self.connections)
        if len(self.connections) > self.settings.max_connections and not self.watch.make_room():
            self._close(_NO_ROOM)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._in_head:
            self._head_bytes += len(data)
        if (self._in_head and self._head_bytes > MOST_HEAD_BYTES) or len(self.headers) > self._most_headers:
            self._close(_TOO_LARGE)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head, self._head_bytes, self._most_headers = True, 0, MOST_HEADERS

    def on_headers_complete(self) -> None:
        self._in_head = False
        if len(self.headers) <= MOST_HEADERS:
            super().on_headers_complete()
            return
        self._most_headers = len(self.headers)  # no more of them after the body
        application, self.app = self.app, _too_many_headers
        try:
            super().on_headers_complete()
        finally:
            self.app = application

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._answering = cycle
        super()._start_asgi_task(cycle, app)

    def connection_lost(self, exc: Exception | None) -> None:
        # uvicorn tells the request that came last; of several on one connection, another may be the one under way.
        self._let_go()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self.idle_since = self.loop.time()

    def pause_writing(self) -> None:
        super().pause_writing()
        self.stuck_since = self.loop.time()

    def resume_writing(self) -> None:
        super().resume_writing()
        self.stuck_since = None

    def is_late(self, now: float) -> bool:
        """Whether the client has had all the time that it gets."""
        if self.stuck_since is not None:
            return now - self.stuck_since > self.settings.body_seconds
        return not self.asks and now - self.idle_since > self.settings.header_seconds

    def cut_off(self) -> None:
        """Close at once, whatever the client still sends or has not read."""
        self._let_go()
        self.transport.abort()

    def _close(self, answer: bytes) -> None:
        if self.transport.is_closing():
            return
        if not self.asks:
            self.transport.write(answer)
        self._let_go()
        self.transport.close()

    def _let_go(self) -> None:
        """Tell a request under way now that its client is gone: until it is told otherwise it goes on with a closed socket."""
        for each in (self._answering, self._newest()):
            if each is not None and not each.response_complete:
                each.disconnected = True
                each.message_event.set()


class Watch:
    """Looks at all connections of a server from time to time; a timer for each would cost every request more than this does."""

    def __init__(self, settings: Settings) -> None:
        self._connections: set[Any] = set()
        self._settings = settings
        self._every = min(1.0, settings.header_seconds / 4, settings.body_seconds / 4)
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, connections: set[Any]) -> None:
        """Look after a server's connections, as long as there are any."""
        self._connections = connections
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._every, self._look)

    def _look(self) -> None:
        self._timer = None
        loop = asyncio.get_running_loop()
        now = loop.time()
        late = [each for each in self._guarded() if each.is_late(now)]
        for each in late:
            each.cut_off()
        if late:
            _log.info("clients cut off that sent or read too slowly", count=len(late))
        if self._connections:
            self.begin(self._connections)

    def make_room(self) -> bool:
        """Cut off some of those that ask nothing, else of those whose bodies are still on their way, longest first."""
        asking_nothing = [each for each in self._guarded() if not each.asks]
        # The newest is the one for which room is made.
        chosen = sorted(asking_nothing, key=lambda each: each.idle_since)[:-1]
        if not chosen:
            chosen = sorted((each for each in self._guarded() if each.still_sends), key=lambda each: each.idle_since)
        for each in chosen[: max(1, int(self._settings.max_connections * _ROOM))]:
            each.cut_off()
        return bool(chosen)

    def _guarded(self) -> Iterator[GuardedProtocol]:
        return (cast("GuardedProtocol", each) for each in self._connections)


def guarded(settings: Settings) -> type[GuardedProtocol]:
    """The protocol for one server, as uvicorn's `http` wants it."""
    return type("Guarded", (GuardedProtocol,), {"settings": settings, "watch": Watch(settings)})
