"""The most letters that get written and sent when nothing is stored: `python -m benchmarks.limits.smtp MAILS`, with the engine's settings.

Two processes write the benchmark's letter with the engine's own writer – template, styles, links, checklist, header – and hand each
to the mail server over as many connections as the engine has, pipelined as RFC 2920 allows. There is no database, no
Redis, no claim, no permit and no note of what came of a mail.
"""

import asyncio
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

import uvloop

from benchmarks.laboratory import WrongResultError
from benchmarks.side_by_side import PROCESSES, side_by_side
from nurture import bootstrap
from nurture.adapters.mail.connection import stuffed
from nurture.adapters.mail.server import Server, parse_url
from nurture.ports import Letter, Written
from nurture.settings import Settings

#: What each reader is like, as far as the layout of the benchmark's queue does not say it.
_FACTS: Final[Mapping[str, Any]] = {"first_name": "Ana", "stage": "lead", "engagement": 0.0, "grade": "C"}


def _letter(number: int) -> Letter:
    address = f"person{number}@example.com"
    facts = {**_FACTS, "email": address, "company": f"Company {number % 997}"}
    return Letter(number, number, "letters", "letter", "letter", address, facts)


def _prepare(mails: int, share: int) -> Callable[[], int]:
    """Read templates and definitions, and write a letter once, as a worker that has been at work for a while has done."""
    parts = bootstrap.WorkerParts(Settings.load())
    definitions = bootstrap.load_definitions(parts.settings).definitions
    if definitions is None:
        raise WrongResultError("the definitions of the benchmark are not in order")
    write = partial(parts.writer.write, definitions=definitions, at=datetime.now(UTC))
    write(_letter(0))
    bootstrap.settle_down()
    letters = [_letter(number) for number in range(1 + share, 1 + mails, PROCESSES)]
    server = parse_url(parts.settings.transports["default"])
    return lambda: uvloop.run(_send(server, ((letter.address, write(letter)) for letter in letters)))


async def _send(server: Server, mails: Iterator[tuple[str, Written]]) -> int:
    """Send all mails; whichever connection is free takes the next. How many were accepted."""
    return sum(await asyncio.gather(*(_carry(server, mails) for _ in range(server.connections))))


async def _carry(server: Server, mails: Iterator[tuple[str, Written]]) -> int:
    reader, writer = await asyncio.open_connection(server.host, server.port)
    await _heard(reader, b"220")
    writer.write(b"EHLO limit\r\n")
    await _heard(reader, b"250")
    accepted = 0
    for address, mail in mails:
        writer.write(f"MAIL FROM:<{mail.mail_from}>\r\nRCPT TO:<{address}>\r\nDATA\r\n".encode())
        for code in (b"250", b"250", b"354"):
            await _heard(reader, code)
        writer.write(stuffed(mail.raw) + b".\r\n")
        await _heard(reader, b"250")
        accepted += 1
    writer.close()
    return accepted


async def _heard(reader: asyncio.StreamReader, code: bytes) -> None:
    """Take one reply, all lines of it; raises WrongResultError unless it has this code."""
    line = await reader.readline()
    while line[3:4] == b"-":
        line = await reader.readline()
    if not line.startswith(code):
        raise WrongResultError(f"the sink answered {line!r} instead of {code!r}")


def main() -> None:
    print(json.dumps(side_by_side(_prepare, int(sys.argv[1]))._asdict()))


if __name__ == "__main__":
    main()
