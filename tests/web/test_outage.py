"""When nothing can take an event: 503 with Retry-After, never a 2xx for a lost one, and good service as soon as it is over."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
import redis

from nurture.adapters.tokens import Click, Download, MailLink
from tests.support.servers import RedisServer
from tests.support.waiting import wait_until
from tests.web.conftest import KEY, Web, serving

TRACK = {"writeKey": KEY, "event": "x", "anonymousId": "a1"}


def requests(web: Web) -> dict[str, Callable[[], httpx.Response]]:
    """Everything that writes an event."""
    client, tokens = web.client, web.tokens
    grant = Download("guide", None, 7, 0, web.clock.now() + timedelta(days=1))
    return {
        "track": lambda: client.post("/v1/track", json=TRACK),
        "batch": lambda: client.post("/v1/batch", json={"writeKey": KEY, "batch": [{**TRACK, "type": "track"}]}),
        "pixel": lambda: client.get(f"/v1/pixel.gif?writeKey={KEY}"),
        "form by script": lambda: client.post("/f/contact", json={"email": "a@example.com"}),
        "form": lambda: client.post("/f/contact", data={"email": "a@example.com"}),
        "asset": lambda: client.get(f"/a/{tokens.download(grant)}"),
        "unsubscribe": lambda: client.post(f"/u/{tokens.unsubscribe(MailLink(1, 7))}"),
    }


def tell(web: Web, *command: str) -> None:
    web.redis.execute_command(*command)  # type: ignore[no-untyped-call]  # redis-py leaves this one method untyped


def assert_all_unavailable(web: Web, *, least: int = 1, but: str = "") -> None:
    for name, send in requests(web).items():
        answer = send()
        if name == but:
            assert answer.status_code == 200
            continue
        assert answer.status_code == 503, name
        assert int(answer.headers["retry-after"]) >= least, name


def assert_readers_get_on(web: Web) -> None:
    """A click is not worth more than the reader's way, and an unsubscribe page needs nothing."""
    assert web.client.get(f"/c/{web.tokens.click(Click(1, 7, 'https://www.example.com/x'))}").status_code == 302
    assert web.client.get(f"/u/{web.tokens.unsubscribe(MailLink(1, 7))}").status_code == 200
    assert web.client.get("/health/live").status_code == 200
    assert 'nurture_web_unrecorded_total{event="email_clicked"} 1' in web.client.get("/metrics").text


def test_redis_is_down_and_comes_back(own_redis: RedisServer, tmp_path: Path) -> None:
    with serving(own_redis.url, tmp_path) as web:
        assert web.client.post("/v1/track", json=TRACK).status_code == 200
        own_redis.stop()
        assert_all_unavailable(web)
        assert_readers_get_on(web)
        own_redis.start()
        wait_until(lambda: web.client.post("/v1/track", json=TRACK).status_code == 200, what="the web process to recover")
        assert [event.name for event in web.events()] == ["x", "x"]


def test_redis_was_emptied_and_has_forgotten_the_script(own_redis: RedisServer, tmp_path: Path) -> None:
    with serving(own_redis.url, tmp_path) as web:
        web.client.post("/v1/track", json=TRACK)
        own_redis.restart(empty=True)
        wait_until(lambda: web.client.post("/v1/track", json=TRACK).status_code == 200, what="the web process to recover")


def test_redis_hangs(own_redis: RedisServer, tmp_path: Path) -> None:
    """Who asks is not left waiting: two seconds, then the answer."""
    with serving(own_redis.url, tmp_path) as web:
        web.client.post("/v1/track", json=TRACK)
        own_redis.pause()
        try:
            answer = web.client.post("/v1/track", json=TRACK, timeout=6)
        finally:
            own_redis.resume()
        assert answer.status_code == 503
        assert answer.elapsed < timedelta(seconds=4)
        assert web.client.post("/v1/track", json=TRACK).status_code == 200


@pytest.mark.parametrize(
    ("disturb", "calm"),
    [
        (("CONFIG", "SET", "maxmemory", "1mb"), ("CONFIG", "SET", "maxmemory", "0")),
        (("REPLICAOF", "127.0.0.1", "1"), ("REPLICAOF", "NO", "ONE")),
    ],
    ids=["out of memory", "read-only"],
)
def test_redis_refuses(own_redis: RedisServer, tmp_path: Path, disturb: tuple[str, ...], calm: tuple[str, ...]) -> None:
    with serving(own_redis.url, tmp_path) as web:
        tell(web, *disturb)
        assert_all_unavailable(web)
        assert_readers_get_on(web)
        assert web.events() == []
        tell(web, *calm)
        assert web.client.post("/v1/track", json=TRACK).status_code == 200


def test_the_backlog_is_at_its_bound(redis_url: str, tmp_path: Path) -> None:
    """Nothing more is taken until the workers have caught up, and senders are told to wait longer."""
    with serving(redis_url, tmp_path, max_backlog=3) as web:
        for _ in range(3):
            assert web.client.post("/v1/track", json=TRACK).status_code == 200
        assert_all_unavailable(web, least=10, but="unsubscribe")
        assert len(web.events()) == 3
        with redis.Redis.from_url(redis_url) as worker:
            for partition in range(4):
                worker.delete(f"nurture:events:{partition}")
        assert web.client.post("/v1/track", json=TRACK).status_code == 200


def test_spam_is_not_lost_either(own_redis: RedisServer, tmp_path: Path) -> None:
    with serving(own_redis.url, tmp_path) as web:
        own_redis.stop()
        fields = {"email": "x@0-mail.com", "_gotcha": "x"}
        assert web.client.post("/f/contact", data=fields).status_code == 503
        page = web.client.post(
            "/f/contact", data=fields, headers={"Accept-Language": "fr", "Referer": "https://www.example.com/a"}
        )
        assert "Merci de réessayer" in page.text
        assert 'href="https://www.example.com/a"' in page.text


def test_nobody_is_bombed_while_redis_is_away(own_redis: RedisServer, tmp_path: Path) -> None:
    """A form is never lost, and a mailbox is named no more often than is usual: what comes above is set aside."""
    with serving(own_redis.url, tmp_path, journal=1 << 20) as web:
        assert web.track().status_code == 200
        own_redis.stop()
        for number in range(15):
            assert web.client.post("/f/contact", data={"email": f"ana+{number}@example.com"}).status_code == 303
        assert web.client.post("/f/contact", data={"email": "ben@example.com"}).status_code == 303
        own_redis.start()
        wait_until(lambda: len(web.quarantined()) == 5, 20, what="the journal to be passed on")
        wait_until(lambda: len(web.events()) == 12, 20, what="the journal to be passed on")
