"""The detour on a real journal, with a Redis that does as it is told: what happens in the moments that no real one shows on demand."""

import asyncio
import json
from collections.abc import Callable, Coroutine, Sequence
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from nurture.adapters import detour as module
from nurture.adapters.detour import Detour
from nurture.adapters.journal import Journal
from nurture.adapters.segments import Kind, Record
from nurture.errors import StreamFull, Unavailable

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)


def record(number: int, kind: int = Kind.EVENT) -> Record:
    return Record(kind, number % 4, b'{"n": %d}' % number)


class Told:
    """Stands for Redis: notes what it is given, and before that does what the test wants."""

    def __init__(self) -> None:
        self.given: list[tuple[str, int]] = []
        self.up = True
        self.before: Callable[[], Coroutine[Any, Any, None]] | None = None

    async def probe(self) -> None:
        if not self.up:
            raise Unavailable("gone")

    async def put(self, events: Sequence[tuple[int, bytes]]) -> None:
        if events:
            await self._note("event", [body for _, body in events])

    async def put_ahead(self, bodies: Sequence[bytes]) -> None:
        await self._note("ahead", bodies)

    async def put_aside(self, body: bytes) -> None:
        await self._note("aside", [body])

    async def mark_again(self, body: bytes) -> None:
        await self._note("mark", [body])

    async def _note(self, what: str, bodies: Sequence[bytes]) -> None:
        await self.probe()
        if self.before is not None and bodies:
            await self.before()
        self.given += [(what, json.loads(body)["n"]) for body in bodies]


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PROBE_EVERY", 0.01)
    monkeypatch.setattr(module, "FULL_EVERY", 0.01)
    monkeypatch.setattr(module, "LAST_SECONDS", 0.2)


def opened(folder: Path) -> tuple[Detour, Told, Journal]:
    journal = Journal(folder / "journal", 1 << 24, lambda: AT)
    detour, redis = Detour(journal), Told()
    detour.attach(redis)
    return detour, redis, journal


def away(detour: Detour) -> bool:
    return detour.taken


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - the condition lies in a thread's journal or in a fake, which tell nobody
            await asyncio.sleep(0.005)


def test_what_is_left_is_passed_on_though_nothing_new_comes(tmp_path: Path) -> None:
    async def dead_process() -> None:
        detour, redis, _ = opened(tmp_path)
        redis.up = False
        detour.begin("gone")
        assert await detour.keep([record(1), record(2)])
        await detour.stop()
        assert redis.given == []

    async def next_process() -> None:
        detour, redis, journal = opened(tmp_path)
        detour.resume()
        assert away(detour)
        await until(lambda: not detour.taken)
        assert (redis.given, journal.empty) == ([("event", 1), ("event", 2)], True)
        detour.resume()
        assert not away(detour)
        await detour.stop()

    asyncio.run(dead_process())
    asyncio.run(next_process())


def test_what_comes_while_the_last_is_passed_on_goes_to_redis_itself(tmp_path: Path) -> None:
    """Not into a journal that nobody looks into any more, and not before what is in it."""

    async def work() -> None:
        detour, redis, journal = opened(tmp_path)
        redis.up = False
        detour.begin("gone")
        assert await detour.keep([record(1)])
        waiting: list[asyncio.Task[bool]] = []

        async def something_comes() -> None:
            redis.before = None
            waiting.append(asyncio.ensure_future(detour.keep([record(2)])))
            await asyncio.sleep(0.01)
            assert not waiting[0].done()

        redis.before, redis.up = something_comes, True
        await until(lambda: not detour.taken)
        assert await waiting[0] is False
        assert (redis.given, journal.empty) == ([("event", 1)], True)
        await detour.stop()

    asyncio.run(work())


def test_who_comes_while_the_last_hangs_does_not_wait_long(tmp_path: Path) -> None:
    async def work() -> None:
        detour, redis, journal = opened(tmp_path)
        redis.up = False
        detour.begin("gone")
        assert await detour.keep([record(1)])
        hanging = asyncio.Event()

        async def hang() -> None:
            hanging.set()
            await asyncio.Event().wait()

        redis.before, redis.up = hang, True
        await hanging.wait()
        async with asyncio.timeout(10):
            assert await detour.keep([record(2)]) is True
        redis.before = None
        await until(lambda: not detour.taken)
        assert (redis.given, journal.empty) == ([("event", 1), ("event", 2)], True)
        await detour.stop()

    asyncio.run(work())


def test_whoever_says_no_is_passed_on_first_and_all_kinds_arrive(tmp_path: Path) -> None:
    async def work() -> None:
        detour, redis, _ = opened(tmp_path)
        redis.up = False
        detour.begin("gone")
        await detour.keep([record(1), record(2, Kind.QUARANTINE), record(3, Kind.MARK), record(4, kind=99)])
        await detour.keep([record(5)], [record(5, Kind.AHEAD)])
        redis.up = True
        await until(lambda: not detour.taken)
        assert redis.given[0] == ("ahead", 5)
        assert sorted(redis.given) == [("ahead", 5), ("aside", 2), ("event", 1), ("event", 5), ("mark", 3)]
        await detour.stop()

    asyncio.run(work())


@pytest.mark.parametrize(
    "trouble", [Unavailable("gone again"), StreamFull(), OSError("the disk does not read"), ValueError("a bug")]
)
def test_whatever_goes_wrong_it_is_tried_again_and_nothing_is_left_out(tmp_path: Path, trouble: Exception) -> None:
    async def work() -> None:
        detour, redis, journal = opened(tmp_path)
        redis.up = False
        detour.begin("gone")
        for start in range(0, 10_000, 1_000):
            await detour.keep([record(number) for number in range(start, start + 1_000)])
        times = count()

        async def stumble() -> None:
            if next(times) % 3:
                raise trouble

        redis.before, redis.up = stumble, True
        await until(lambda: not detour.taken)
        assert [number for _, number in redis.given] == list(range(10_000))
        assert journal.empty
        await detour.stop()

    asyncio.run(work())
