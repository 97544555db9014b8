"""A load generator in a process of its own: keep-alive connections, each with one request on its way at any time.

    python -m benchmarks.load --url http://127.0.0.1:8000/v1/track --prefix run1 --seconds 5

It prints one JSON object: how many requests were answered 2xx and otherwise, in how many seconds, and the latencies. Requests
are pieced together from bytes made before the start, so that the generator needs far less time than the server; each event
has a message id of its own (`<prefix>-<number>`).
"""

import argparse
import asyncio
import json
import time
from collections import Counter
from datetime import UTC, datetime
from itertools import count, cycle
from typing import cast
from urllib.parse import urlsplit

import uvloop

from benchmarks.crowd import WireEvent, wire_events
from nurture.domain.event import RESERVED_NAMES

_PLACEHOLDER = "load-message-id"
_TEMPLATES = 2_000


def said(prefix: str) -> list[WireEvent]:
    """What the generator says, over and over; only the message ids differ."""
    events = wire_events(_TEMPLATES, prefix=prefix, now=datetime.now(UTC))
    return [event for event in events if event["event"] not in RESERVED_NAMES]  # what only the engine itself may report


class Requests:
    """Makes the bytes of one request after the other; those of a batch hold `batch` events."""

    def __init__(self, url: str, write_key: str, prefix: str, batch: int) -> None:
        parts = urlsplit(url)
        self._head = (
            f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: application/json\r\nContent-Length: ".encode()
        )
        self._prefix = prefix
        self._numbers = count()
        self._batch = batch
        self._key = write_key
        events = [
            json.dumps(event | {"messageId": _PLACEHOLDER} | ({} if batch > 1 else {"writeKey": write_key}))
            for event in said(prefix)
        ]
        self._pieces = cycle([event.encode().partition(_PLACEHOLDER.encode()) for event in events])

    def _event(self) -> bytes:
        before, _, after = next(self._pieces)
        return b"%b%b-%012d%b" % (before, self._prefix.encode(), next(self._numbers), after)

    def next(self) -> bytes:
        if self._batch == 1:
            body = self._event()
        else:
            body = b'{"writeKey":"%b","batch":[%b]}' % (self._key.encode(), b",".join(self._event() for _ in range(self._batch)))
        return b"%b%d\r\n\r\n%b" % (self._head, len(body), body)


class Tally:
    """What came back, and the instant after which nothing new is sent (`time.perf_counter`)."""

    def __init__(self) -> None:
        self.stop_at = float("inf")
        self.statuses: Counter[int] = Counter()
        self.latencies: list[float] = []


def status_of(answer: bytes) -> int | None:
    """The status of an answer; None while it is not whole."""
    head = answer.find(b"\r\n\r\n")
    if head < 0:
        return None
    start = answer.lower().find(b"content-length:", 0, head)
    length = int(answer[start + 15 : answer.find(b"\r\n", start)]) if start >= 0 else 0
    return int(answer[9:12]) if len(answer) >= head + 4 + length else None


class Connection(asyncio.Protocol):
    """Sends a request, waits for the whole response, sends the next."""

    def __init__(self, requests: Requests, tally: Tally) -> None:
        self._requests = requests
        self._tally = tally
        self._buffer = b""
        self.closed = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's are not derived from it
        self._send()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.closed.done():
            self.closed.set_exception(error or ConnectionError("the server closed a connection"))

    def _send(self) -> None:
        self._sent_at = time.perf_counter()
        self._transport.write(self._requests.next())

    def data_received(self, data: bytes) -> None:
        self._buffer = self._buffer + data if self._buffer else data
        status = status_of(self._buffer)
        if status is None:
            return
        self._tally.statuses[status] += 1
        self._buffer = b""
        now = time.perf_counter()
        self._tally.latencies.append(now - self._sent_at)
        if now < self._tally.stop_at:
            self._send()
        elif not self.closed.done():
            self.closed.set_result(None)


async def run(url: str, requests: Requests, connections: int, seconds: float) -> dict[str, float | dict[int, int]]:
    """Keep the server busy for `seconds`; the time counts until the last response has arrived."""
    loop, tally = asyncio.get_running_loop(), Tally()
    host, port = urlsplit(url).hostname or "127.0.0.1", urlsplit(url).port or 80
    started = time.perf_counter()
    tally.stop_at = started + seconds
    opened = [(await loop.create_connection(lambda: Connection(requests, tally), host, port))[1] for _ in range(connections)]
    await asyncio.gather(*(connection.closed for connection in opened))
    elapsed = time.perf_counter() - started
    latencies = sorted(tally.latencies)
    return {
        "accepted": sum(number for status, number in tally.statuses.items() if 200 <= status < 300),
        "statuses": dict(tally.statuses),
        "seconds": elapsed,
        "p50_ms": 1000 * latencies[len(latencies) // 2],
        "p99_ms": 1000 * latencies[len(latencies) * 99 // 100],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", required=True)
    parser.add_argument("--prefix", required=True)
    parser.add_argument("--write-key", default="")
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--batch", type=int, default=1)
    options = parser.parse_args()
    requests = Requests(options.url, options.write_key, options.prefix, options.batch)
    print(json.dumps(uvloop.run(run(options.url, requests, options.connections, options.seconds))))


if __name__ == "__main__":
    main()
