"""A mail server that counts, in a process of its own: what it takes is a line of a file before it says 250.

It takes a mail at the final dot, whether or not anybody still listens for its reply, as real servers do. On request it holds its
reply at one stage of one mail, tells so, and goes on when told.
"""

import asyncio
import os
import re
from collections import deque
from collections.abc import Callable
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

_MESSAGE_ID = re.compile(rb"^message-id:\s*(<[^>]*>)", re.IGNORECASE | re.MULTILINE)
_RECIPIENT = re.compile(rb"<([^>]*)>")

#: How long the server thinks before it answers a whole mail, so that kills also meet mails on their way. Seconds.
_THINKS = 0.002


class Taken(NamedTuple):
    """A mail that the server took."""

    recipient: str
    message_id: str


def taken(file: Path) -> list[Taken]:
    """What a server took so far; half a line is not there yet."""
    whole, _, _ = file.read_text(encoding="ascii").rpartition("\n")
    return [Taken(*line.split(" ", 1)) for line in whole.splitlines()]


def serve(control: Connection, file: Path) -> None:
    """Tell the port, then serve until the other end of `control` is closed."""
    asyncio.run(_serve(control, file))


async def _serve(control: Connection, file: Path) -> None:
    loop, over = asyncio.get_running_loop(), asyncio.Event()
    descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    house = _House(control, descriptor)
    server = await loop.create_server(lambda: _Session(house), "127.0.0.1", 0, backlog=256)
    loop.add_reader(control.fileno(), house.hear, over.set)
    control.send(server.sockets[0].getsockname()[1])
    await over.wait()


class _House:
    """What all sessions share: the file, and the one reply that is held."""

    def __init__(self, control: Connection, file: int) -> None:
        self._control, self._file = control, file
        self._stage, self._passing = "", 0
        self._held: deque[Callable[[], None]] = deque()

    def hear(self, over: Callable[[], None]) -> None:
        """Do what is asked: hold at a stage, at its so-and-so-many-th reply, or let go; it is over when nobody asks any more."""
        try:
            match self._control.recv():
                case str(stage), int(passing):
                    self._stage, self._passing = stage, passing
                case _:
                    while self._held:
                        self._held.popleft()()
        except EOFError:
            over()

    def take(self, recipient: bytes, raw: bytes) -> None:
        found = _MESSAGE_ID.search(raw)
        os.write(self._file, recipient + b" " + (found[1] if found else b"-") + b"\n")

    def reply(self, stage: str, say: Callable[[], None]) -> None:
        if stage == self._stage:
            self._passing -= 1
            if self._passing == 0:
                self._held.append(say)
                self._control.send(stage)
                return
        asyncio.get_running_loop().call_later(_THINKS if stage == "dot" else 0, say)


class _Session(asyncio.Protocol):
    """One connection (RFC 5321, PIPELINING of RFC 2920): while a reply is pending, what comes in waits."""

    def __init__(self, house: _House) -> None:
        self._house = house
        self._buffer = bytearray()
        self._pending = self._in_body = False
        self._recipient = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._say("220 sink ESMTP")

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        self._go_on()

    def _go_on(self) -> None:
        while not self._pending and (self._take_body() if self._in_body else self._take_command()):
            pass

    def _say(self, *lines: str) -> None:
        self._transport.write("".join(f"{line}\r\n" for line in lines).encode())

    def _reply(self, stage: str, line: str) -> None:
        self._pending = True
        self._house.reply(stage, partial(self._answer, line))

    def _answer(self, line: str) -> None:
        self._pending = False
        self._say(line)
        self._go_on()

    def _take_command(self) -> bool:
        line, end, rest = self._buffer.partition(b"\r\n")
        if not end:
            return False
        self._buffer = rest
        match line[:4].upper():
            case b"EHLO":
                self._say("250-sink", "250-PIPELINING", "250-8BITMIME", "250 SIZE 52428800")
            case b"RCPT":
                found = _RECIPIENT.search(line)
                self._recipient = found[1] if found else b"-"
                self._say("250 2.1.5 OK")
            case b"DATA":
                self._in_body = True
                self._buffer[:0] = b"\r\n"  # so that an empty body ends like any other
                self._reply("data", "354 go on")
            case b"QUIT":
                self._say("221 2.0.0 bye")
                self._transport.close()
                return False
            case _:
                self._say("250 OK")
        return True

    def _take_body(self) -> bool:
        end = self._buffer.find(b"\r\n.\r\n")
        if end < 0:
            return False
        self._house.take(self._recipient, bytes(self._buffer[2 : end + 2]))
        del self._buffer[: end + 5]
        self._in_body = False
        self._reply("dot", "250 2.0.0 taken")
        return True
