"""`python -m benchmarks.sink PORT [--round-trip MS] [--work MS] [--one-by-one]`: a mail server that takes everything, counts it and throws it away.

PIPELINING (RFC 2920) is offered, unless commands are to come one by one. Every reply comes a round trip late, as if the server stood far away; the reply to a whole mail
comes later by the server's work on it. `XCOUNT` is answered with what was counted, as JSON; `XTIMES` with a line for each mail and recipient:
the instant at which its last byte was here (`time.monotonic`, which all processes of a machine share) and the address.
"""

import argparse
import asyncio
import json
import re
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

_MESSAGE_ID: Final = re.compile(rb"^message-id:\s*(<[^>]*>)", re.IGNORECASE | re.MULTILINE)
_END: Final = b"\r\n.\r\n"
_HELLO: Final = "250-sink\r\n250-8BITMIME\r\n250 ENHANCEDSTATUSCODES"
_PIPELINING: Final = _HELLO.replace("250-8BITMIME", "250-PIPELINING\r\n250-8BITMIME")


@dataclass
class Tally:
    """What was taken. `round_trip` and `work` are seconds."""

    round_trip: float
    work: float
    hello: str
    sessions: int = 0
    size: int = 0
    ids: Counter[bytes] = field(default_factory=Counter)
    times: list[tuple[float, str]] = field(default_factory=list)

    def take(self, raw: bytes, recipients: list[str]) -> None:
        came = time.monotonic()
        found = _MESSAGE_ID.search(raw)
        self.ids[found[1] if found else b""] += 1
        self.size += len(raw)
        self.times += [(came, recipient) for recipient in recipients]

    def as_lines(self) -> str:
        return "\r\n".join([*(f"250-{came} {recipient}" for came, recipient in self.times), "250 that is all"])

    def as_json(self) -> str:
        mails, different = self.ids.total(), len(self.ids)
        return json.dumps({"mails": mails, "twice": mails - different, "bytes": self.size, "sessions": self.sessions})


class Session(asyncio.Protocol):
    """One connection; what arrives together is answered together."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._buffer = bytearray()
        self._in_body = False
        self._recipients: list[str] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._tally.sessions += 1
        self._say(["220 sink"], 0.0)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        replies: list[str] = []
        work = 0.0
        while True:
            end = self._end_of_mail() if self._in_body else self._buffer.find(b"\r\n")
            if end < 0:
                break
            if self._in_body:
                self._tally.take(bytes(self._buffer[:end]), self._recipients)
                del self._buffer[: end + len(_END)]
                self._in_body = False
                work += self._tally.work
                replies.append("250 2.0.0 taken")
            else:
                line = bytes(self._buffer[:end])
                del self._buffer[: end + 2]
                replies.append(self._answer(line))
        if replies:
            self._say(replies, work)

    def _end_of_mail(self) -> int:
        """Where the mail ends, or -1. Nobody sends on before a mail is answered, so it ends where the buffer does, or not yet."""
        return len(self._buffer) - len(_END) if self._buffer.endswith(_END) else -1

    def _answer(self, line: bytes) -> str:
        match line[:4].upper():
            case b"XCOU":
                return f"250 {self._tally.as_json()}"
            case b"XTIM":
                return self._tally.as_lines()
            case b"MAIL":
                self._recipients = []
            case b"RCPT":
                self._recipients.append(line.partition(b"<")[2].partition(b">")[0].decode())
            case b"EHLO":
                return self._tally.hello
            case b"DATA":
                self._in_body = True
                return "354 go on"
            case b"QUIT":
                return "221 2.0.0 bye"
        return "250 2.0.0 ok"

    def _say(self, replies: list[str], work: float) -> None:
        lines, delay = "".join(f"{reply}\r\n" for reply in replies).encode(), self._tally.round_trip + work
        if delay:
            asyncio.get_running_loop().call_later(delay, self._transport.write, lines)
        else:
            self._transport.write(lines)


async def _serve(port: int, tally: Tally) -> None:
    server = await asyncio.get_running_loop().create_server(lambda: Session(tally), "127.0.0.1", port, backlog=512)
    await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sink", description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("--round-trip", type=float, default=0.0, metavar="MS", help="how long every reply is on its way")
    parser.add_argument("--work", type=float, default=0.0, metavar="MS", help="how long the server works on each mail")
    parser.add_argument("--one-by-one", action="store_true", help="offer no PIPELINING")
    options = parser.parse_args()
    hello = _HELLO if options.one_by_one else _PIPELINING
    asyncio.run(_serve(options.port, Tally(options.round_trip / 1e3, options.work / 1e3, hello)))


if __name__ == "__main__":
    main()
