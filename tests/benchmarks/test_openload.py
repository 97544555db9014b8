"""Requests leave at their instants, whatever became of those before, and a wait is told as what it was for whoever waited."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from functools import wraps
from itertools import pairwise
from statistics import mean, pstdev
from typing import Any

import pytest

from benchmarks.openload import Posts, address, instants, percentile, run

ANSWER = b"HTTP/1.1 202 Accepted\r\ncontent-length: 2\r\n\r\nok"
REFUSAL = b"HTTP/1.1 503 Service Unavailable\r\n\r\n"


def in_a_loop(test: Callable[[], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    @wraps(test)
    def run_it() -> None:
        asyncio.run(test())

    return run_it


class Numbered:
    """Requests of one line each."""

    def __init__(self) -> None:
        self.made = 0

    def next(self) -> bytes:
        self.made += 1
        return b"%d\n" % self.made


class Server:
    """Answers a line with what `answer` says to its number: how long to wait, in seconds, and the bytes; none means to hang up.

    Nobody is answered before `crowd` lines are here.
    """

    def __init__(self, answer: Callable[[int], tuple[float, bytes]], crowd: int = 1) -> None:
        self.asked: list[int] = []
        self._answer, self._crowd = answer, crowd
        self._held: list[tuple[asyncio.Transport, int]] = []
        self.lines: list[asyncio.Transport] = []

    def take(self, transport: asyncio.Transport, line: bytes) -> None:
        self.asked.append(int(line))
        self._held.append((transport, self.asked[-1]))
        if len(self.asked) >= self._crowd:
            for waiting, number in self._held:
                wait, told = self._answer(number)
                asyncio.get_running_loop().call_later(wait, *((waiting.write, told) if told else (waiting.close,)))
            self._held.clear()


class Line(asyncio.Protocol):
    """A connection to it."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._server.lines.append(transport)

    def data_received(self, data: bytes) -> None:
        self._server.take(self._transport, data)


@asynccontextmanager
async def running(server: Server) -> AsyncIterator[str]:
    listener = await asyncio.get_running_loop().create_server(lambda: Line(server), "127.0.0.1", 0)
    async with listener:
        yield f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}/"
        for line in server.lines:
            line.abort()
    await asyncio.sleep(0)


@in_a_loop
async def test_everything_is_asked_once_and_counted_by_its_answer() -> None:
    async with running(server := Server(lambda number: (0.0, REFUSAL if number % 5 == 0 else ANSWER))) as url:
        told = await run(url, Numbered(), instants(500, 0.2), connections=8)
    assert sorted(server.asked) == list(range(1, told["asked"] + 1))
    assert told["statuses"] == {202: told["asked"] - told["asked"] // 5, 503: told["asked"] // 5}


@in_a_loop
async def test_who_waits_for_a_connection_is_late_by_all_that_time() -> None:
    """One connection, and the first answer takes long: the second request cannot leave, and its latency counts from its instant."""
    async with running(Server(lambda number: (0.5 if number == 1 else 0.0, ANSWER))) as url:
        told = await run(url, Numbered(), [0.0, 0.1], connections=1)
    assert told["p50_ms"] >= 400  # that of the second, the shorter one
    assert told["max_ms"] >= 500


@in_a_loop
async def test_nobody_waits_for_an_answer_while_connections_are_free() -> None:
    """The first answer comes only once the last request is here: were they asked one after the other, none would ever end."""
    async with running(Server(lambda _: (0.0, ANSWER), crowd=3)) as url:
        told = await run(url, Numbered(), [0.0, 0.01, 0.02], connections=3)
    assert told["statuses"] == {202: 3}


@in_a_loop
async def test_a_server_that_hangs_up_ends_the_run() -> None:
    async with running(Server(lambda number: (0.0, ANSWER if number < 3 else b""))) as url:
        with pytest.raises(ConnectionError):
            await run(url, Numbered(), instants(500, 0.1), connections=2)


def test_instants_are_those_of_people_who_do_not_know_each_other() -> None:
    planned = instants(200, 50)
    gaps = [after - before for before, after in pairwise(planned)]
    assert planned == instants(200, 50) == sorted(planned)
    assert planned[-1] < 50
    assert mean(gaps) == pytest.approx(1 / 200, rel=0.05)
    assert pstdev(gaps) == pytest.approx(mean(gaps), rel=0.05)  # as with exponential gaps; even ones would have none


def test_each_form_is_sent_in_another_name() -> None:
    posts = Posts("http://127.0.0.1:1/f/letter", "idle")
    heads, bodies = zip(*(posts.next().split(b"\r\n\r\n") for _ in range(3)), strict=True)
    assert [body.decode() for body in bodies] == [f"email={address('idle', number)}&first_name=Ana" for number in range(3)]
    assert all(f"Content-Length: {len(bodies[0])}" in head.decode() for head in heads)


def test_a_percentile_is_one_of_the_values() -> None:
    values = [float(each) for each in range(1, 201)]
    assert [percentile(values, share) for share in (50, 99, 100)] == [100, 198, 200]
    assert percentile([7.0], 50) == percentile([7.0], 99) == 7
