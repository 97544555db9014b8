"""A client that sends exactly the bytes it is given, and reads what comes back."""

import socket
from contextlib import suppress
from typing import Final, NamedTuple

#: An answer takes milliseconds; who waits longer has found a hang. Seconds.
_PATIENCE: Final = 30.0


class Answer(NamedTuple):
    """What came back; status 0 if the server closed without a word."""

    status: int
    headers: dict[str, str]
    body: bytes


CLOSED: Final = Answer(0, {}, b"")


class Connection:
    """One connection at a time, kept as long as the server keeps it."""

    def __init__(self, host: str, port: int) -> None:
        self._where = host, port
        self._socket: socket.socket | None = None
        self._rest = b""

    def ask(self, wire: bytes, *, head_only: bool = False) -> Answer:
        """Send a request and read its answer; raises TimeoutError for a server that hangs."""
        for fresh in (False, True):
            opened = self._opened()
            try:
                opened.sendall(wire)
                answer = self._read(opened, head_only=head_only)
            except OSError as error:
                self.close()
                if isinstance(error, TimeoutError):
                    raise
                answer = CLOSED
            if answer is not CLOSED or fresh:
                return answer
            self.close()  # the server may have closed a kept connection just before
        return CLOSED

    def say(self, raw: bytes) -> Answer:
        """Send bytes on a connection of their own, say that there is no more, and read to the end."""
        with socket.create_connection(self._where, timeout=_PATIENCE) as opened:
            said = b""
            with suppress(ConnectionError):
                opened.sendall(raw)
                opened.shutdown(socket.SHUT_WR)
                while piece := opened.recv(65_536):
                    said += piece
        return Answer(int(said[9:12]), {}, said) if said.startswith(b"HTTP/1.1 ") else CLOSED

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
        self._socket, self._rest = None, b""

    def _opened(self) -> socket.socket:
        if self._socket is None:
            self._socket = socket.create_connection(self._where, timeout=_PATIENCE)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self._socket

    def _more(self, opened: socket.socket) -> None:
        piece = opened.recv(65_536)
        if not piece:
            raise ConnectionResetError
        self._rest += piece

    def _read(self, opened: socket.socket, *, head_only: bool) -> Answer:
        while True:
            while b"\r\n\r\n" not in self._rest:
                self._more(opened)
            head, _, self._rest = self._rest.partition(b"\r\n\r\n")
            first, *lines = head.decode("latin-1").split("\r\n")
            status = int(first[9:12])
            if status >= 200:
                break
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        bodiless = head_only or status in (204, 304)
        body = b"" if bodiless else self._body(opened, headers)
        if headers.get("connection") == "close":
            self.close()
        return Answer(status, headers, body)

    def _body(self, opened: socket.socket, headers: dict[str, str]) -> bytes:
        if headers.get("transfer-encoding") != "chunked":
            return self._take(opened, int(headers.get("content-length", 0)))
        body = b""
        while True:
            while b"\r\n" not in self._rest:
                self._more(opened)
            size, _, self._rest = self._rest.partition(b"\r\n")
            piece = self._take(opened, int(size, 16) + 2)[:-2]
            if not piece:
                return body
            body += piece

    def _take(self, opened: socket.socket, length: int) -> bytes:
        while len(self._rest) < length:
            self._more(opened)
        taken, self._rest = self._rest[:length], self._rest[length:]
        return taken
