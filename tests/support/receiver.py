"""A real HTTP endpoint that keeps the webhooks it is given and can be told to misbehave."""

import json
import socket
import sys
import threading
from collections import deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, NamedTuple, Self

#: It takes the call and never answers.
HANG = 0

#: It reads the call and hangs up without an answer.
HANG_UP = 2

#: It answers 200, and then goes on sending a header that never ends, a byte now and then.
DRIP = 1


class Taken(NamedTuple):
    """One call as it came; header names in small letters."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def data(self) -> dict[str, Any]:
        data: dict[str, Any] = json.loads(self.body)["data"]
        return data


@dataclass
class Receiver:
    """The server, in threads of its own. It answers by `answers` (HTTP statuses, HANG, DRIP or HANG_UP), and then by `usually`.

    `bodies` are what stands in its answers, and `headers` are those of every answer.
    """

    answers: deque[int] = field(default_factory=deque)
    taken: list[Taken] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    bodies: deque[bytes] = field(default_factory=deque)
    usually: int = 204
    _over: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._over.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def let_go(self) -> None:
        """Hang up on everybody who is kept waiting."""
        self._over.set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/hooks"

    @property
    def ids(self) -> list[str]:
        return [each.id for each in self.taken]

    def take(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers.get("content-length", 0)))
        self.taken.append(
            Taken(handler.command, handler.path, {name.lower(): value for name, value in handler.headers.items()}, body)
        )
        answer = self.answers.popleft() if self.answers else self.usually
        if answer == HANG:
            self._over.wait()
        elif answer == DRIP:
            handler.wfile.write(b"HTTP/1.1 200 OK\r\nendless: ")
            while not self._over.wait(0.01):
                handler.wfile.write(b"x")
        elif answer == HANG_UP:
            handler.close_connection = True
            handler.connection.shutdown(socket.SHUT_RDWR)
        else:
            body = self.bodies.popleft() if self.bodies else b""
            handler.send_response(answer)
            for name, value in {"location": "/elsewhere", "content-length": str(len(body)), **self.headers}.items():
                handler.send_header(name, value)
            handler.end_headers()
            handler.wfile.write(body)


class _Server(ThreadingHTTPServer):
    daemon_threads = False  # so that closing waits for them
    request_queue_size = 128  # a call refused for want of room would come again only a second later

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], ConnectionError):  # a caller that lost patience hangs up
            super().handle_error(request, client_address)


def _handler(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            receiver.take(self)

        def do_GET(self) -> None:
            receiver.take(self)

        def do_PATCH(self) -> None:
            receiver.take(self)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
            pass

    return Handler
