"""More than a process can work on: refused at once, with when to come again; nothing accepted is lost, and memory stays flat."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from nurture.settings import Settings
from nurture.web.admission import Admission, Ticket
from nurture.web.counters import Counters
from nurture.web.refusals import Refusal
from tests.support.servers import RedisServer
from tests.support.waiting import wait_until
from tests.web.conftest import KEY, Web, new_client, serving

#: Its answer says that the body is waited for now, so the order in which bodies are on their way is the order of the test.
_SLOW = b"POST /v1/track HTTP/1.1\r\nHost: x\r\nContent-Length: 20000\r\nExpect: 100-continue\r\n\r\n"

TRACK = {"writeKey": KEY, "event": "x", "anonymousId": "a1"}


def admission(most: int, most_bytes: int = 1_000) -> Admission:
    return Admission(Settings(max_requests=most), Counters(), most_bytes)


def test_events_are_refused_before_people_are() -> None:
    full = admission(2)
    tickets = [full.enter(carries_events=True), full.enter(carries_events=True)]
    assert all(tickets)
    assert full.enter(carries_events=True) is None
    person = full.enter(carries_events=False)
    assert person is not None
    assert full.enter(carries_events=False) is None
    full.leave(person)
    assert full.enter(carries_events=True) is None
    full.leave(tickets[0] or person)
    assert full.enter(carries_events=True) is not None


def test_bodies_are_bounded_together_and_one_always_fits() -> None:
    full = admission(10, most_bytes=100)
    first, second = full.enter(carries_events=True), full.enter(carries_events=True)
    assert first
    assert second
    full.take(first, 5_000)
    with pytest.raises(Refusal) as refused:
        full.take(second, 1)
    assert (refused.value.status, refused.value.headers()["retry-after"]) == (503, "1")
    full.leave(first)
    full.take(second, 1)
    full.leave(second)
    assert full.enter(carries_events=True)


def test_slow_bodies_make_room_for_new_ones() -> None:
    """However many are on their way, the next is let in, and the oldest are told that it took too long."""

    async def slow(door: Admission, ticket: Ticket, came: list[int], number: int) -> None:
        async def never() -> bytes:
            await asyncio.Event().wait()
            return b""

        try:
            await door.wait_for(never(), ticket, 10)
        except Refusal as refusal:
            came.append(number if refusal.code == "too_slow" else -1)

    async def scene() -> list[int]:
        door, cut_off = admission(3), list[int]()
        tasks = []
        for number in range(5):
            ticket = door.enter(carries_events=True)
            assert ticket
            tasks.append(asyncio.create_task(slow(door, ticket, cut_off, number)))
            await asyncio.sleep(0)
        await asyncio.wait(tasks[:2])
        for task in tasks[2:]:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        assert [isinstance(each, asyncio.CancelledError) for each in ended] == [False, False, True, True, True]
        return cut_off

    assert asyncio.run(scene()) == [0, 1]


@pytest.fixture
def small(own_redis: RedisServer, tmp_path: Path) -> Iterator[tuple[Web, RedisServer]]:
    """A process that works on four requests at once."""
    with serving(own_redis.url, tmp_path, max_requests=4) as web:
        yield web, own_redis


def test_what_is_too_much_is_refused_at_once_and_what_was_taken_is_kept(small: tuple[Web, RedisServer]) -> None:
    """Redis stands still while forty ask: four wait for it, the others are told to come again; then the four are there."""
    web, redis_server = small
    assert web.track().status_code == 200
    answers: list[httpx.Response] = []

    def ask(number: int) -> None:
        with new_client(web.base) as client:
            answers.append(client.post("/v1/track", json={**TRACK, "messageId": f"m{number}"}))

    redis_server.pause()
    threads = [threading.Thread(target=ask, args=(number,)) for number in range(40)]
    try:
        for thread in threads:
            thread.start()
        wait_until(lambda: len(answers) >= 36, what="those to be refused for whom there is no room")
        assert {each.status_code for each in answers} == {503}
        assert {each.headers["retry-after"] for each in answers} == {"1"}
        assert {each.json()["code"] for each in answers} == {"overloaded"}
        assert web.client.get("/health/live").status_code == 200, "who watches is always answered"
        assert "nurture_web_shed_total 36" in web.client.get("/metrics").text
    finally:
        redis_server.resume()
    for thread in threads:
        thread.join(20)
    accepted = sum(each.status_code == 200 for each in answers)
    kept = {event.message_id for event in web.events() if event.message_id.startswith("m")}
    assert len(kept) >= accepted
    wait_until(lambda: web.track().status_code == 200, what="the process to serve again")


def test_slow_clients_keep_no_honest_one_out(small: tuple[Web, RedisServer]) -> None:
    """Ten times as many bodies as are worked on at once never come to an end; everybody else is served."""
    web, _ = small
    host, port = web.base.removeprefix("http://").split(":")
    with ExitStack() as stack:
        for number in range(40):
            opened = stack.enter_context(socket.create_connection((host, int(port)), timeout=10))
            opened.sendall(_SLOW)
            assert opened.recv(100).startswith(b"HTTP/1.1 100 "), "its body is waited for"
            opened.sendall(b"{")
            if number % 4 == 0:
                assert web.track(messageId=f"honest-{number}").status_code == 200
                assert web.client.post("/f/contact", data={"email": "a@example.com"}).status_code == 303
    assert sum(event.message_id.startswith("honest-") for event in web.events()) == 10
