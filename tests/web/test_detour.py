"""A web process with a journal, while Redis is down, silent, full, read-only, emptied: everything is taken, and nothing is lost.

Without a journal the same requests are answered 503: `test_outage`.
"""

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import redis

from nurture.adapters import redis_keys
from nurture.adapters.detour import Detour
from nurture.adapters.journal import Journal, standing
from nurture.adapters.stream_writer import StreamWriter, connect
from nurture.adapters.tokens import Click, Download, ReaderOpened
from nurture.domain.event import EVENT, UNSUBSCRIBED, Event
from nurture.errors import Unavailable
from tests.support.servers import RedisServer
from tests.support.waiting import MovableClock, wait_until
from tests.web.conftest import KEY, PDF, Web, make_definitions, new_client, serving
from tests.web.test_outage import assert_readers_get_on, requests, tell

ROOMY = 1 << 24

#: Who is answered without waiting for Redis is answered within milliseconds; a busy machine may take longer.
AT_ONCE = timedelta(seconds=1.5)


def get(web: Web, path: str) -> Any:
    return web.client.get(path)


def waits(web: Web) -> int:
    """Records in the journal."""
    return standing(web.folder / "journal").events


def passed_on(web: Web) -> None:
    """Wait until the journal is empty and Redis is written to again."""
    wait_until(lambda: web.writer.away is None and not waits(web), 20, what="the journal to be passed on")


def counted(web: Web, name: str) -> int:
    lines = [line for line in get(web, "/metrics").text.splitlines() if line.startswith(f"nurture_{name}_total ")]
    return int(lines[0].split()[1]) if lines else 0


def ids(events: list[Event]) -> list[str]:
    """In their order, each once: what was written twice counts once."""
    return list(dict.fromkeys(event.message_id for event in events))


def ahead(web: Web) -> list[Event]:
    entries: Any = web.redis.xrange(redis_keys.AHEAD)
    return [EVENT.validate_json(fields[redis_keys.FIELD]) for _, fields in entries]


def assert_all_taken(web: Web) -> None:
    """Everything that writes an event, as people and programs see it."""
    for name, send in requests(web).items():
        answer = send()
        assert answer.status_code == (303 if name == "form" else 200), name
        assert name != "asset" or answer.content == PDF


def assert_nothing_lost(web: Web, *, earlier: int = 0) -> None:
    """What `assert_all_taken` did is in Redis, the counts behind it included."""
    names = sorted(event.name for event in web.events())
    assert [each for each in names if each != "x"] == [
        "asset_downloaded", "form_submitted", "form_submitted", "page_viewed", UNSUBSCRIBED,
    ]  # fmt: skip
    assert names.count("x") == 2 + earlier
    assert [event.name for event in ahead(web)] == [UNSUBSCRIBED]
    assert web.redis.scard(redis_keys.withdrawn(7)) == 1
    assert [web.redis.scard(key) for key in web.redis.scan_iter("nurture:downloads:*")] == [1]


def track(web: Web, number: int, visitor: str = "v") -> Any:
    body = {"writeKey": KEY, "event": "x", "anonymousId": visitor, "messageId": f"{visitor}-{number}"}
    return web.client.post("/v1/track", json=body)


@contextmanager
def stopped(server: RedisServer) -> Iterator[None]:
    server.stop()
    try:
        yield
    finally:
        server.start()


def test_redis_is_down_and_everything_is_taken(own_redis: RedisServer, tmp_path: Path) -> None:
    with serving(own_redis.url, tmp_path, journal=ROOMY) as web:
        assert web.client.post("/v1/track", json={"writeKey": KEY, "event": "x", "anonymousId": "a1"}).status_code == 200
        with stopped(own_redis):
            assert_all_taken(web)
            ready = get(web, "/health/ready")
            assert (ready.status_code, ready.json()["ready"]) == (200, True)
            assert "kept in the journal" in ready.json()["reasons"][0]
            assert "127.0.0.1" not in ready.text
            assert standing(web.folder / "journal").oldest == web.clock.now()
            assert counted(web, "web_journalled") == waits(web) >= 8
            assert f"nurture_journal_events {waits(web)}\n" in get(web, "/metrics").text
        passed_on(web)
        assert_nothing_lost(web, earlier=1)
        assert counted(web, "web_replayed") == counted(web, "web_journalled")
        assert get(web, "/health/ready").json() == {"ready": True, "reasons": []}
        before = counted(web, "web_journalled")
        assert track(web, 1).status_code == 200
        assert counted(web, "web_journalled") == before


def test_redis_was_emptied_and_gets_everything_that_came_meanwhile(own_redis: RedisServer, tmp_path: Path) -> None:
    """What it had acknowledged itself before is lost with it; what the journal took is not."""
    with serving(own_redis.url, tmp_path, journal=ROOMY) as web:
        track(web, 1)
        own_redis.stop()
        assert_all_taken(web)
        own_redis.restart(empty=True)
        passed_on(web)
        assert_nothing_lost(web)


def test_redis_hangs_and_only_the_first_waits_for_it(own_redis: RedisServer, tmp_path: Path) -> None:
    """What it was sent while it hung it does when it goes on, and gets again from the journal: each counts once, by its id."""
    with serving(own_redis.url, tmp_path, journal=ROOMY) as web:
        track(web, 0)
        own_redis.pause()
        try:
            first = web.client.post("/f/contact", data={"email": "a@example.com"})
            assert (first.status_code, first.elapsed < timedelta(seconds=5)) == (303, True)
            for number in range(1, 20):
                answer = track(web, number)
                assert (answer.status_code, answer.elapsed < AT_ONCE) == (200, True)
            form = web.client.post("/f/contact", data={"email": "b@example.com"})
            assert (form.status_code, form.elapsed < AT_ONCE) == (303, True)
            ready = get(web, "/health/ready")
            assert (ready.status_code, ready.elapsed < AT_ONCE) == (200, True)
        finally:
            own_redis.resume()
        passed_on(web)
        of_visitor = [event for event in web.events() if event.anonymous_id == "v"]
        assert ids(of_visitor) == [f"v-{number}" for number in range(20)]
        forms = {event.message_id: event.email for event in web.events() if event.name == "form_submitted"}
        assert sorted(map(str, forms.values())) == ["a@example.com", "b@example.com"]


@pytest.mark.parametrize(
    ("disturb", "calm"),
    [
        (("CONFIG", "SET", "maxmemory", "1mb"), ("CONFIG", "SET", "maxmemory", "0")),
        (("REPLICAOF", "127.0.0.1", "1"), ("REPLICAOF", "NO", "ONE")),
    ],
    ids=["out of memory", "read-only"],
)
def test_redis_refuses(own_redis: RedisServer, tmp_path: Path, disturb: tuple[str, ...], calm: tuple[str, ...]) -> None:
    with serving(own_redis.url, tmp_path, journal=ROOMY) as web:
        tell(web, *disturb)
        assert_all_taken(web)
        assert web.events() == []
        tell(web, *calm)
        passed_on(web)
        assert_nothing_lost(web)


def test_what_looks_like_spam_is_set_aside_later(own_redis: RedisServer, tmp_path: Path) -> None:
    with serving(own_redis.url, tmp_path, journal=ROOMY) as web:
        with stopped(own_redis):
            answer = web.client.post("/f/contact", data={"email": "x@0-mail.com", "_gotcha": "x"})
            assert answer.status_code == 303
        passed_on(web)
        (entry,) = web.quarantined()
        assert EVENT.validate_json(entry[redis_keys.FIELD]).email == "x@0-mail.com"
        assert b"honeypot" in entry[b"reasons"]
        assert entry[b"at"].decode() == web.clock.now().isoformat()
        assert web.events() == []


def test_nobody_is_bombed_with_mail_through_forms_meanwhile(own_redis: RedisServer, tmp_path: Path) -> None:
    """The process counts by itself how often a mailbox was named, and sets the rest aside."""
    with serving(own_redis.url, tmp_path, journal=ROOMY) as web:
        with stopped(own_redis):
            for number in range(40):
                fields = {"email": f"victim+{number}@gmail.com", "_id": str(number)}
                assert web.client.post("/f/contact", data=fields).status_code == 303
        passed_on(web)
        assert len(web.events()) + len(web.quarantined()) == 40
        assert len(web.events()) <= 10


def test_the_guide_after_a_form(own_redis: RedisServer, tmp_path: Path) -> None:
    """The whole way of a lead while Redis is away: the post, the redirect, the guide, a later part of it, and the cookie."""
    with serving(own_redis.url, tmp_path, journal=ROOMY) as web:
        with stopped(own_redis):
            posted = web.client.post("/f/guide", data={"email": "a@example.com"})
            assert posted.status_code == 303
            assert "set-cookie" in posted.headers
            guide = get(web, posted.headers["location"])
            assert (guide.status_code, guide.content) == (200, PDF)
            part = web.client.get(posted.headers["location"], headers={"Range": "bytes=100-199"})
            assert (part.status_code, part.content) == (206, PDF[100:200])
        passed_on(web)
        submitted, downloaded = sorted(web.events(), key=lambda event: event.name, reverse=True)
        assert (submitted.name, downloaded.name) == ("form_submitted", "asset_downloaded")
        assert submitted.submission == downloaded.submission


def test_uses_of_a_link_are_counted_afterwards(own_redis: RedisServer, tmp_path: Path) -> None:
    """Its bound of two does not hold while nobody can count, and holds again from then on."""
    with serving(own_redis.url, tmp_path, journal=ROOMY) as web:
        link = f"/a/{web.tokens.download(Download('guide', None, 7, 0, web.clock.now() + timedelta(days=1)))}"
        with stopped(own_redis):
            for _ in range(3):
                assert get(web, link).status_code == 200
                web.clock.advance(timedelta(minutes=2))
        passed_on(web)
        assert len(ids(web.events())) == 3
        assert get(web, link).status_code == 410


def test_readers_get_on_and_nothing_is_told_of_opens(own_redis: RedisServer, tmp_path: Path) -> None:
    """A click is kept; whether somebody has withdrawn nobody knows now, so an open is not."""
    definitions = make_definitions(opens="hygiene")
    with serving(own_redis.url, tmp_path, definitions=definitions, journal=ROOMY) as web:
        with stopped(own_redis):
            assert get(web, f"/c/{web.tokens.click(Click(1, 7, 'https://www.example.com/x'))}").status_code == 302
            assert get(web, f"/o/{web.tokens.open_by(ReaderOpened(7))}.gif").status_code == 200
        passed_on(web)
        assert [event.name for event in web.events()] == ["email_clicked"]


def test_without_redis_and_journal_readers_get_on(own_redis: RedisServer, tmp_path: Path) -> None:
    with serving(own_redis.url, tmp_path, journal=1) as web:
        own_redis.stop()
        assert_readers_get_on(web)


def test_a_full_journal_answers_503_but_takes_who_leaves(own_redis: RedisServer, tmp_path: Path) -> None:
    with serving(own_redis.url, tmp_path, journal=32 * 1024) as web:
        with stopped(own_redis):
            taken = 0
            while (answer := track(web, taken)).status_code == 200:
                taken += 1
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "10")
            page = web.client.post("/f/contact", data={"email": "a@example.com"})
            assert (page.status_code, page.headers["retry-after"]) == (503, "10")
            assert requests(web)["unsubscribe"]().status_code == 200
            ready = get(web, "/health/ready")
            assert (ready.status_code, ready.json()["ready"]) == (503, False)
            assert get(web, "/health/live").status_code == 200
        passed_on(web)
        assert taken > 50
        assert len([event for event in web.events() if event.name == "x"]) == taken
        assert [event.name for event in ahead(web)] == [UNSUBSCRIBED]
        assert track(web, 10_000).status_code == 200
        assert get(web, "/health/ready").status_code == 200


def test_a_full_backlog_is_no_reason_for_the_journal(redis_url: str, tmp_path: Path) -> None:
    """Redis is there and the workers are behind: senders keep what they have, rather than a disk that hides it."""
    with serving(redis_url, tmp_path, max_backlog=2, journal=ROOMY) as web:
        answers = [track(web, number).status_code for number in range(4)]
        assert answers == [200, 200, 503, 503]
        assert waits(web) == 0
        assert web.writer.away is None


def test_what_waits_behind_a_full_backlog_is_passed_on_as_there_is_room(own_redis: RedisServer, tmp_path: Path) -> None:
    with serving(own_redis.url, tmp_path, max_backlog=2, journal=ROOMY) as web:
        with stopped(own_redis):
            for number in range(5):
                assert track(web, number).status_code == 200
        wait_until(
            lambda: len(web.events()) >= 5, 20, what="the first group: it is written while the backlog lies under its bound"
        )
        passed_on(web)
        own_redis.stop()
        assert track(web, 5).status_code == 200
        own_redis.start()
        wait_until(lambda: "bound" in (web.writer.away or ""), 20, what="the backlog to be found full")
        assert track(web, 6).status_code == 200
        for partition in range(4):
            web.redis.delete(redis_keys.events(partition))
        passed_on(web)
        assert ids(web.events()) == ["v-5", "v-6"]


def test_each_visitor_keeps_their_order_through_an_outage(own_redis: RedisServer, tmp_path: Path) -> None:
    """Forty visitors click on while Redis goes, comes back, and goes again."""
    halt = threading.Event()
    sent: dict[str, int] = {}

    def visit(base: str, visitor: str) -> None:
        with new_client(base) as client:
            for number in count():
                if halt.is_set():
                    return
                body = {"writeKey": KEY, "event": "x", "anonymousId": visitor, "messageId": f"{visitor}-{number}"}
                assert client.post("/v1/track", json=body).status_code == 200
                sent[visitor] = number + 1

    with serving(own_redis.url, tmp_path, journal=ROOMY) as web:
        threads = [threading.Thread(target=visit, args=(web.base, f"w{each}")) for each in range(20)]
        for thread in threads:
            thread.start()

        def more() -> None:
            goal = sum(sent.values()) + 400
            wait_until(lambda: sum(sent.values()) >= goal, 60, what="more events")

        for _ in range(3):
            more()
            own_redis.stop()
            more()
            own_redis.start()
        more()
        halt.set()
        for thread in threads:
            thread.join(60)
        passed_on(web)
        stored = web.events()
        for visitor, sent_by in sent.items():
            assert ids([event for event in stored if event.anonymous_id == visitor]) == [
                f"{visitor}-{number}" for number in range(sent_by)
            ]


def test_a_process_that_ends_leaves_the_rest_to_the_next(own_redis: RedisServer, tmp_path: Path) -> None:
    """What is new goes behind what was left."""
    with serving(own_redis.url, tmp_path, journal=ROOMY) as web:
        own_redis.stop()
        assert [track(web, number).status_code for number in range(3)] == [200] * 3
    assert standing(tmp_path / "journal").events == 3
    with serving(own_redis.url, tmp_path, journal=ROOMY) as web:
        assert track(web, 3).status_code == 200
        assert waits(web) == 4
        own_redis.start()
        passed_on(web)
        assert ids(web.events()) == [f"v-{number}" for number in range(4)]


def test_a_process_that_ends_passes_on_what_it_can(own_redis: RedisServer, tmp_path: Path) -> None:
    with serving(own_redis.url, tmp_path, journal=ROOMY) as web:
        own_redis.stop()
        assert [track(web, number).status_code for number in range(3)] == [200] * 3
        own_redis.start()
    assert standing(tmp_path / "journal").events == 0
    with redis.Redis.from_url(own_redis.url) as looking:
        assert sum(looking.xlen(redis_keys.events(partition)) for partition in range(4)) == 3


def test_who_waits_for_the_disk_shares_it(own_redis: RedisServer, tmp_path: Path) -> None:
    """Requests of the same moment make one write and one fsync, and the loop waits for neither."""
    with serving(own_redis.url, tmp_path, journal=ROOMY) as web:
        own_redis.stop()
        track(web, 0)
        blocked, release = threading.Event(), threading.Event()
        detour = web.writer._detour
        assert detour is not None
        appended: list[int] = []
        append = detour._journal.append

        def slowly(records: Any, ahead: Any = ()) -> None:
            blocked.set()
            assert release.wait(30)
            append(records, ahead)
            appended.append(len(records))

        detour._journal.append = slowly  # type: ignore[method-assign]  # a disk that takes its time
        answers: list[int] = []
        threads = [
            threading.Thread(target=lambda each=each: answers.append(track(web, each).status_code)) for each in range(1, 31)
        ]  # fmt: skip
        threads[0].start()
        assert blocked.wait(10)
        for thread in threads[1:]:
            thread.start()
        wait_until(lambda: len(web.writer._waiting) == 29, what="the others to gather")
        began = time.monotonic()
        assert get(web, "/health/live").status_code == 200
        assert time.monotonic() - began < AT_ONCE.total_seconds()
        release.set()
        for thread in threads:
            thread.join(30)
        assert answers == [200] * 30
        assert appended == [1, 29]


def test_what_nobody_can_count_is_refused_at_once(own_redis: RedisServer, tmp_path: Path) -> None:
    """Whoever asks decides what holds then: a form is taken, a signature that covers nothing is to come again."""

    async def work() -> None:
        detour = Detour(Journal(tmp_path / "journal", ROOMY, MovableClock().now))
        writer = StreamWriter(connect(own_redis.url), 4, 100, lambda *_: None, detour)
        own_redis.pause()
        try:
            for patience in (3.5, 0.5, 0.5):
                async with asyncio.timeout(patience):
                    with pytest.raises(Unavailable):
                        await writer.tally("key", "member", timedelta(hours=1))
        finally:
            own_redis.resume()
        await writer.stop()

    asyncio.run(work())
