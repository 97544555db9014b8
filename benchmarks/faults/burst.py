"""More than the web process can take: its capacity is measured, then three times as much is sent, whatever it answers.

Runs in a process of its own, so that the crowd is not held up. Each request bears a batch of events with ids of their own.
"""

import asyncio
import json
import time
from collections import Counter
from multiprocessing.connection import Connection
from typing import Final, NamedTuple
from urllib.parse import urlsplit

#: Events of a request: enough that the web process is the slower one.
BATCH: Final = 100

_CONNECTIONS: Final = 4
_TIMES: Final = 3

#: Who waits longer has given up. Seconds.
_PATIENCE: Final = 10.0


class Burst(NamedTuple):
    """What came of it: the ids of the requests tried and accepted, and the answers by status (0: none came)."""

    tried: tuple[str, ...]
    accepted: tuple[str, ...]
    statuses: Counter[int]
    capacity: float

    def events(self, requests: tuple[str, ...]) -> set[str]:
        """The ids of the events of requests."""
        return {f"{request}-{number}" for request in requests for number in range(BATCH)}


def burst(line: Connection, url: str, write_key: str, prefix: str, seconds: float) -> None:
    """Measure for a third of the time, overdo it for the rest, and say what came of it."""
    line.send(asyncio.run(_Crowd(url, write_key, prefix).storm(seconds)))


class _Crowd:
    def __init__(self, url: str, write_key: str, prefix: str) -> None:
        self._host, self._port = urlsplit(url).hostname, urlsplit(url).port
        self._key, self._prefix = write_key, prefix
        self._tried: list[str] = []
        self._accepted: list[str] = []
        self._statuses: Counter[int] = Counter()

    async def storm(self, seconds: float) -> Burst:
        began = time.perf_counter()
        await asyncio.gather(*(self._one_after_the_other(began + seconds / 3) for _ in range(_CONNECTIONS)))
        capacity = max(1.0, len(self._tried) / (time.perf_counter() - began))
        waiting, due, end = set(), time.perf_counter(), time.perf_counter() + seconds * 2 / 3
        while due < end:
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            waiting.add(asyncio.ensure_future(self._post()))
            due += 1 / (_TIMES * capacity)
        await asyncio.gather(*waiting)
        return Burst(tuple(self._tried), tuple(self._accepted), self._statuses, capacity)

    async def _one_after_the_other(self, until: float) -> None:
        while time.perf_counter() < until:
            await self._post()

    async def _post(self) -> None:
        request = f"{self._prefix}-{len(self._tried)}"
        self._tried.append(request)
        status = 0
        try:
            async with asyncio.timeout(_PATIENCE):
                status = await self._answer(self._body(request))
        except (OSError, TimeoutError, ValueError, asyncio.IncompleteReadError):
            pass
        self._statuses[status] += 1
        if status == 200:
            self._accepted.append(request)

    def _body(self, request: str) -> bytes:
        batch = [
            {"type": "track", "event": "video_watched", "messageId": f"{request}-{number}", "anonymousId": f"burst-{number}"}
            for number in range(BATCH)
        ]
        return json.dumps({"writeKey": self._key, "batch": batch}).encode()

    async def _answer(self, body: bytes) -> int:
        reader, writer = await asyncio.open_connection(self._host, self._port)
        try:
            head = f"POST /v1/batch HTTP/1.1\r\nHost: {self._host}\r\nConnection: close\r\nContent-Type: application/json\r\n"
            writer.write(head.encode() + b"Content-Length: %d\r\n\r\n" % len(body) + body)
            return int((await reader.readuntil(b"\r\n")).split()[1])
        finally:
            writer.close()
