"""An open-loop load generator: each request has an instant at which it is to leave, whatever became of those before it.

    python -m benchmarks.openload --url http://127.0.0.1:8000/v1/track --prefix run1 --rate 500 --seconds 5

Visitors do not wait for each other, so a server that stalls is not asked less meanwhile. The instants are laid out before the start,
with the gaps of independent arrivals (exponential, the same each time). A request takes the next free connection; where none is free it
waits, and its latency counts from its instant all the same (coordinated omission: Tene, "How NOT to Measure Latency", 2013).

It prints one JSON object: how many requests were to leave, the statuses of their answers, the instant of the start (`time.monotonic`,
which all processes of a machine share), the seconds until the last answer, and the latencies. With `--form` it posts forms, each with an
address of its own, and tells at which instant each was to leave.
"""

import argparse
import asyncio
import json
import random
import time
from collections import Counter, deque
from itertools import accumulate, count, repeat, takewhile
from math import ceil
from typing import Any, Final, Protocol, cast
from urllib.parse import urlsplit

import uvloop

from benchmarks.crowd import AGENT
from benchmarks.load import Requests, status_of

_MOST_CONNECTIONS: Final = 64

#: How long after the last instant answers are waited for, in seconds; who needs longer is broken, not slow.
_PATIENCE: Final = 60.0


class Makes(Protocol):
    """Makes the bytes of one request after the other."""

    def next(self) -> bytes: ...


class Posts:
    """Posts of a form as a browser sends them, each in another name."""

    def __init__(self, url: str, prefix: str) -> None:
        parts = urlsplit(url)
        self._head = (
            f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nUser-Agent: {AGENT}\r\nAccept: text/html\r\n"
            "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: "
        ).encode()
        self._prefix = prefix
        self._numbers = count()

    def next(self) -> bytes:
        body = f"email={address(self._prefix, next(self._numbers))}&first_name=Ana".encode()
        return b"%b%d\r\n\r\n%b" % (self._head, len(body), body)


def address(prefix: str, number: int) -> str:
    """Who sends the form the `number`th time, counted from 0."""
    return f"{prefix}-{number:06d}@example.com"


def instants(rate: float, seconds: float) -> list[float]:
    """When requests leave, in seconds from the start: `rate` a second on average, without regard to each other; equal for equal arguments."""
    chance = random.Random(20261129)
    return list(takewhile(lambda at: at < seconds, accumulate(chance.expovariate(each) for each in repeat(rate))))


class Connection(asyncio.Protocol):
    """Carries one request at a time, and tells its loop when the whole answer is there."""

    planned: float

    def __init__(self, loop: "OpenLoop") -> None:
        self._loop = loop
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's are not derived from it

    def connection_lost(self, error: Exception | None) -> None:
        self._loop.broken(error or ConnectionError("the server closed a connection"))

    def ask(self, request: bytes, planned: float) -> None:
        self.planned = planned
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._buffer = self._buffer + data if self._buffer else data
        status = status_of(self._buffer)
        if status is not None:
            self._buffer = b""
            self._loop.answered(self, status)

    def close(self) -> None:
        self._transport.close()


class OpenLoop:
    """Lets each request go at its instant, or as soon after it as a connection is free."""

    def __init__(self, requests: Makes, planned: list[float]) -> None:
        self._requests = requests
        self._planned = planned
        self._gone = 0
        self._free: deque[Connection] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.began = 0.0
        self.statuses: Counter[int] = Counter()
        self.latencies: list[float] = []

    async def run(self, connections: list[Connection]) -> None:
        """Return when everything was answered; raises ConnectionError if the server breaks off, TimeoutError if it stays away."""
        self._free.extend(connections)
        self.began = time.monotonic()
        self._go()
        async with asyncio.timeout(self._planned[-1] + _PATIENCE):
            await self._over

    def _go(self) -> None:
        """Send what is due, as far as there are connections; then wait for the next instant, or for an answer."""
        since = time.monotonic() - self.began
        while self._free and self._gone < len(self._planned) and self._planned[self._gone] <= since:
            self._free.popleft().ask(self._requests.next(), self._planned[self._gone])
            self._gone += 1
        waits = self._free and self._gone < len(self._planned)
        self._timer = asyncio.get_running_loop().call_later(self._planned[self._gone] - since, self._go) if waits else None

    def answered(self, connection: Connection, status: int) -> None:
        self.statuses[status] += 1
        self.latencies.append(time.monotonic() - self.began - connection.planned)
        self._free.append(connection)
        if len(self.latencies) == len(self._planned):
            self._over.set_result(None)
        elif self._timer is None:
            self._go()

    def broken(self, error: Exception) -> None:
        if not self._over.done():
            self._over.set_exception(error)


async def run(url: str, requests: Makes, planned: list[float], connections: int) -> dict[str, Any]:
    """Ask at the `planned` instants, in seconds from the start, and wait for the last answer."""
    host, port = urlsplit(url).hostname or "127.0.0.1", urlsplit(url).port or 80
    loop = OpenLoop(requests, planned)
    create = asyncio.get_running_loop().create_connection
    opened = [(await create(lambda: Connection(loop), host, port))[1] for _ in range(connections)]
    try:
        await loop.run(opened)
        took = time.monotonic() - loop.began
    finally:
        for each in opened:
            each.close()
    latencies = sorted(loop.latencies)
    return {
        "asked": len(latencies), "statuses": dict(loop.statuses), "began": loop.began, "seconds": took,
        "p50_ms": 1000 * percentile(latencies, 50), "p99_ms": 1000 * percentile(latencies, 99), "max_ms": 1000 * latencies[-1],
    }  # fmt: skip


def percentile(values: list[float], share: int) -> float:
    """The least of some values, in ascending order, that `share` % of them do not exceed (nearest rank)."""
    return values[max(0, -(-len(values) * share // 100) - 1)]


def _connections(rate: float) -> int:
    """So many that each is used about once a second: servers close those that are silent for long."""
    return min(_MOST_CONNECTIONS, ceil(rate))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", required=True)
    parser.add_argument("--prefix", required=True)
    parser.add_argument("--write-key", default="")
    parser.add_argument("--rate", type=float, required=True)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--form", action="store_true", help="post forms")
    given = parser.parse_args()
    requests: Makes = (
        Posts(given.url, given.prefix) if given.form else Requests(given.url, given.write_key, given.prefix, batch=1)
    )
    planned = instants(given.rate, given.seconds)
    told = uvloop.run(run(given.url, requests, planned, _connections(given.rate)))
    if given.form:
        told["planned"] = {address(given.prefix, number): told["began"] + at for number, at in enumerate(planned)}
    print(json.dumps(told))


if __name__ == "__main__":
    main()
