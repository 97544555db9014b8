"""A fast, real SMTP server that keeps what it is given and can be told to misbehave (RFC 5321, PIPELINING of RFC 2920).

aiosmtpd takes about 250 mails/s; this one takes more than 10,000, so it hides neither a slow nor a doubling sender.
"""

import asyncio
import re
import threading
from collections import deque
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from types import TracebackType
from typing import Literal, NamedTuple, Self

from tests.support.waiting import wait_until

#: Where a session can be refused or dropped: at the command named, inside the body, or after the final dot. A mail dropped
#: at the dot was taken: it is among `mails` although its sender was never told.
Phase = Literal["mail", "rcpt", "data", "body", "dot"]

_MESSAGE_ID = re.compile(rb"^message-id:\s*(<[^>]*>)", re.IGNORECASE | re.MULTILINE)
_ADDRESS = re.compile(r"<([^>]*)>")


class Mail(NamedTuple):
    """One mail as taken; `raw` is empty when the sink keeps only ids."""

    mail_from: str
    to: tuple[str, ...]
    message_id: str
    raw: bytes

    @property
    def message(self) -> EmailMessage:
        return message_from_bytes(self.raw, policy=policy.default)


@dataclass
class _Fault:
    phase: Phase
    matching: re.Pattern[str]
    reply: str | None
    times: int | None


@dataclass
class SmtpSink:
    """The server, in a thread of its own. `delay` seconds pass before each reply; `keep_bodies` off saves memory.

    While `answers_mails` is off, mails are taken and nobody is told; while `holds` is on, nothing at all is answered. More
    connections than `most_sessions` are turned away.
    """

    host: str = "127.0.0.1"
    keep_bodies: bool = True
    delay: float = 0.0
    answers_mails: bool = True
    holds: bool = False
    most_sessions: int | None = None
    mails: list[Mail] = field(default_factory=list)
    sessions: int = 0
    _faults: list[_Fault] = field(default_factory=list)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def start(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._open: set[asyncio.Transport] = set()
        listening = threading.Event()
        # All in the sink's own thread: another library may be running an event loop in the test's.
        self._thread = threading.Thread(target=self._serve, args=(listening,), name="smtp-sink", daemon=True)
        self._thread.start()
        if not listening.wait(10):
            raise AssertionError("the SMTP sink did not come up")

    def _serve(self, listening: threading.Event) -> None:
        self._server = self._loop.run_until_complete(self._listen(0))
        self.port = int(self._server.sockets[0].getsockname()[1])
        listening.set()
        self._loop.run_forever()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._shut)
        self._thread.join(10)
        self._loop.close()

    def _shut(self) -> None:
        self._server.close()
        for transport in self._open:
            transport.abort()
        self._loop.call_soon(self._loop.call_soon, self._loop.stop)  # the aborted connections close in the turn between

    async def _listen(self, port: int) -> asyncio.Server:
        return await self._loop.create_server(lambda: _Session(self), self.host, port, backlog=256)

    def shut_door(self) -> None:
        """Hang up on everybody and listen no more, until the door is opened again."""
        asyncio.run_coroutine_threadsafe(self._shut_door(), self._loop).result(10)

    def open_door(self) -> None:
        """Listen again on the same port."""
        self._server = asyncio.run_coroutine_threadsafe(self._listen(self.port), self._loop).result(10)

    def abort_sessions(self) -> int:
        """Hang up on everybody; how many there were."""
        return asyncio.run_coroutine_threadsafe(self._abort_sessions(), self._loop).result(10)

    async def _shut_door(self) -> None:
        self._server.close()
        await self._abort_sessions()

    async def _abort_sessions(self) -> int:
        gone = list(self._open)
        for transport in gone:
            transport.abort()
        return len(gone)

    @property
    def open_sessions(self) -> int:
        """How many connections are open just now."""
        return len(self._open)

    @property
    def url(self) -> str:
        return f"smtp://{self.host}:{self.port}"

    def wait_for(self, number: int, timeout: float = 10.0) -> list[Mail]:
        """The mails, once there are `number` of them or more."""
        wait_until(lambda: len(self.mails) >= number, timeout, what=f"{number} mails")
        return list(self.mails)

    def clear(self) -> None:
        """Forget the mails and every scripted fault."""
        self.mails.clear()
        self.forgive()

    def forgive(self) -> None:
        """Forget every scripted fault."""
        self._faults.clear()

    def refuse(
        self, matching: str, reply: str, *, phase: Literal["mail", "rcpt", "data", "dot"] = "rcpt", times: int | None = None
    ) -> None:
        """Answer `reply` (such as "450 4.2.1 later") when a recipient matches the pattern; `times` often, or always.

        At `mail` no recipient is known yet, so only a pattern that matches the empty string applies.
        """
        self._faults.append(_Fault(phase, re.compile(matching), reply, times))

    def drop(self, phase: Phase, *, matching: str = "", times: int | None = 1) -> None:
        """Cut the connection, without a reply, when a session reaches `phase`."""
        self._faults.append(_Fault(phase, re.compile(matching), None, times))

    def _fault(self, phase: Phase, recipients: list[str]) -> _Fault | None:
        for fault in self._faults:
            if fault.phase == phase and fault.times != 0 and any(fault.matching.search(to) for to in recipients or [""]):
                if fault.times is not None:
                    fault.times -= 1
                return fault
        return None


class _Session(asyncio.Protocol):
    """One connection: commands in, replies out, both batched as the sockets batch them."""

    def __init__(self, sink: SmtpSink) -> None:
        self._sink = sink
        self._buffer = bytearray()
        self._replies: deque[str] = deque()
        self._in_body = False
        self._reset()

    def _reset(self) -> None:
        self._mail_from: str | None = None
        self._recipients: list[str] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._sink.sessions += 1
        self._sink._open.add(transport)
        most = self._sink.most_sessions
        if most is not None and self._sink.open_sessions > most:
            transport.write(b"421 4.7.0 too many connections from your address\r\n")
            transport.close()
            return
        self._reply("220 sink ESMTP")
        self._flush()

    def connection_lost(self, error: Exception | None) -> None:
        self._sink._open.discard(self._transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while not self._transport.is_closing() and (self._take_body() if self._in_body else self._take_command()):
            pass
        self._flush()

    def _reply(self, line: str) -> None:
        self._replies.append(line)

    def _flush(self) -> None:
        if not self._replies or self._sink.holds:
            return
        lines = "".join(f"{line}\r\n" for line in self._replies).encode()
        self._replies.clear()
        if self._sink.delay:
            asyncio.get_running_loop().call_later(self._sink.delay, self._transport.write, lines)
        else:
            self._transport.write(lines)

    def _goes_wrong(self, phase: Phase, recipients: list[str]) -> bool:
        fault = self._sink._fault(phase, recipients)
        if fault is None:
            return False
        if fault.reply is None:
            self._flush()
            self._transport.abort()
        else:
            self._reply(fault.reply)
        return True

    def _take_command(self) -> bool:
        end = self._buffer.find(b"\r\n")
        if end < 0:
            return False
        line = self._buffer[:end].decode("ascii", "replace")
        del self._buffer[: end + 2]
        verb = line[:4].upper()
        handler = {"EHLO": self._ehlo, "MAIL": self._mail, "RCPT": self._rcpt, "DATA": self._data, "QUIT": self._quit}.get(verb)
        if handler is not None:
            handler(line)
        elif verb in {"HELO", "NOOP", "RSET"}:
            self._reset()
            self._reply("250 OK")
        else:
            self._reply("502 5.5.2 not implemented")
        return True

    def _ehlo(self, _line: str) -> None:
        self._reset()
        for extension in ("sink", "PIPELINING", "8BITMIME", "ENHANCEDSTATUSCODES"):
            self._reply(f"250-{extension}")
        self._reply("250 SIZE 52428800")

    def _quit(self, _line: str) -> None:
        self._reply("221 2.0.0 bye")
        self._flush()
        asyncio.get_running_loop().call_later(self._sink.delay, self._transport.close)

    def _mail(self, line: str) -> None:
        self._reset()
        if self._goes_wrong("mail", []):
            return
        self._mail_from = _address(line)
        self._reply("250 2.1.0 OK")

    def _rcpt(self, line: str) -> None:
        recipient = _address(line)
        if self._mail_from is None:
            self._reply("503 5.5.1 MAIL first")
            return
        if self._goes_wrong("rcpt", [recipient]):
            return
        self._recipients.append(recipient)
        self._reply("250 2.1.5 OK")

    def _data(self, _line: str) -> None:
        if not self._recipients:
            self._reply("554 5.5.1 no valid recipients")
        elif not self._goes_wrong("data", self._recipients):
            self._reply("354 go on")
            self._in_body = True
            self._buffer[:0] = b"\r\n"  # so that an empty body ends like any other

    def _take_body(self) -> bool:
        if len(self._buffer) > 2 and self._goes_wrong("body", self._recipients):
            return False
        end = self._buffer.find(b"\r\n.\r\n")
        if end < 0:
            return False
        raw = bytes(self._buffer[2 : end + 2]).replace(b"\r\n..", b"\r\n.")
        del self._buffer[: end + 5]
        self._in_body = False
        if self._take(raw) and self._sink.answers_mails:
            self._reply("250 2.0.0 taken")
        self._reset()
        return True

    def _take(self, raw: bytes) -> bool:
        fault = self._sink._fault("dot", self._recipients)
        if fault is not None and fault.reply is not None:
            self._reply(fault.reply)
            return False
        found = _MESSAGE_ID.search(raw)
        message_id = found[1].decode() if found else ""
        kept = raw if self._sink.keep_bodies else b""
        self._sink.mails.append(Mail(self._mail_from or "", tuple(self._recipients), message_id, kept))
        if fault is not None:
            self._transport.abort()
        return fault is None


def _address(line: str) -> str:
    found = _ADDRESS.search(line)
    return found[1] if found else ""
