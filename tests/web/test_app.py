"""What holds for the application as a whole."""

import ast
import socket
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis

import nurture.web
from nurture.adapters import redis_keys
from nurture.domain.event import EVENT
from nurture.errors import SettingsError
from nurture.keys import WriteKey
from nurture.web.keys import Keys
from tests.support.servers import RedisServer
from tests.support.waiting import wait_until
from tests.web.conftest import KEY, Web, new_client, serving


def test_production_shows_nothing_of_development(redis_url: str, tmp_path: Path) -> None:
    with serving(redis_url, tmp_path, mode="production", public_url="https://track.example.com") as web:
        for path in ("/inbox", "/inbox/a.eml", "/demo/", "/demo/index.html"):
            assert web.client.get(path).status_code == 404
        cookie = web.client.post("/f/guide", data={"email": "a@example.com"}).headers["set-cookie"]
        assert "Secure" in cookie
        told = web.client.post("/f/guide", data={"email": "a@example.com"}, headers={"Accept": "application/json"}).json()
        assert told["redirect"].startswith("https://track.example.com/a/")


def test_development_shows_the_demo(web: Web) -> None:
    assert web.client.get("/demo/").text == "<h1>Demo</h1>"
    assert web.client.get("/demo", follow_redirects=True).status_code == 200


@pytest.mark.parametrize("name", ["engine", "form:guide", "form:"])
def test_no_key_may_pass_for_the_engine(name: str) -> None:
    with pytest.raises(SettingsError, match=name):
        Keys({"website": WriteKey(key="wk_12345678"), name: WriteKey(key="wk_abcdefgh")}, {})


def test_health(web: Web) -> None:
    assert web.client.get("/health/live").json() == {"live": True}
    assert web.client.get("/health/ready").json() == {"ready": True, "reasons": []}


def test_what_is_not_ready_says_why(redis_url: str, tmp_path: Path) -> None:
    with serving(redis_url, tmp_path, ready=lambda: ["Redis does not answer"]) as web:
        answer = web.client.get("/health/ready")
        assert (answer.status_code, answer.json()["reasons"]) == (503, ["Redis does not answer"])
        assert web.client.get("/health/live").status_code == 200


def test_metrics_count_what_came(redis_url: str, tmp_path: Path) -> None:
    with serving(redis_url, tmp_path) as web:
        web.track()
        web.track(event="form_submitted")
        web.client.post("/v1/batch", json={"writeKey": KEY, "batch": [{"type": "page", "userId": "u"}, {}]})
        answer = web.client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    lines = answer.text.splitlines()
    assert lines[:2] == ["# TYPE nurture_up gauge", "nurture_up 1"]
    assert "nurture_web_events_total 2" in lines
    assert 'nurture_web_refused_total{code="reserved_name"} 1' in lines
    assert 'nurture_web_refused_total{code="unknown_type"} 1' in lines
    assert all(line.startswith(("# HELP ", "# TYPE ", "nurture_")) for line in lines)


def test_concurrent_requests_over_http_share_writes(own_redis: RedisServer, tmp_path: Path) -> None:
    """While one write is under way (Redis is held up for a moment), two hundred requests gather for the next."""
    body = b'{"writeKey": "%b", "anonymousId": "a", "event": "x"}' % KEY.encode()
    request = b"POST /v1/track HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    with serving(own_redis.url, tmp_path) as web, ExitStack() as open_connections:
        url = httpx.URL(web.base)
        crowd = [open_connections.enter_context(socket.create_connection((url.host, url.port or 80), 20)) for _ in range(201)]
        web.track()
        web.redis.config_resetstat()
        own_redis.pause()
        try:
            crowd[0].sendall(request)
            wait_until(
                lambda: web.writer._writing is not None and not web.writer._waiting, what="the first write to be under way"
            )
            for connection in crowd[1:]:
                connection.sendall(request)
            wait_until(lambda: len(web.writer._waiting) == 200, what="the others to gather")
        finally:
            own_redis.resume()
        assert {connection.recv(15) for connection in crowd} == {b"HTTP/1.1 200 OK"}
        statistics: Any = web.redis.info("commandstats")
        assert len(web.events()) == 202
        assert statistics["cmdstat_evalsha"]["calls"] == 2


def test_stopping_finishes_what_was_accepted(redis_url: str, tmp_path: Path) -> None:
    """Requests under way while the process is told to stop are answered truly."""
    accepted: list[str] = []

    def send(base: str, name: str) -> None:
        with new_client(base) as client:
            for number in range(1_000):
                try:
                    answer = client.post(
                        "/v1/track", json={"writeKey": KEY, "userId": "u", "event": "x", "messageId": f"{name}{number}"}
                    )
                except httpx.TransportError:
                    return
                if answer.status_code == 200:
                    accepted.append(f"{name}{number}")

    with serving(redis_url, tmp_path) as web:
        threads = [threading.Thread(target=send, args=(web.base, name)) for name in "abcd"]
        for thread in threads:
            thread.start()
        wait_until(lambda: len(accepted) >= 50, what="requests to be under way")
    for thread in threads:
        thread.join(30)
    with redis.Redis.from_url(redis_url) as client:
        entries: list[Any] = [entry for number in range(4) for entry in client.xrange(redis_keys.events(number))]
    assert {EVENT.validate_json(fields[redis_keys.FIELD]).message_id for _, fields in entries} >= set(accepted)


def test_nothing_reads_a_clock_of_its_own() -> None:
    """Time comes from the parts; how long a socket has been silent is not the engine's time."""
    forbidden = {"now", "utcnow", "today", "time"}
    folder = Path(nurture.web.__file__).parent
    for file in folder.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in forbidden:
                assert ast.unparse(node.func).endswith(("clock.now", "self._now", "loop.time")), (
                    f"{file.name}: {ast.unparse(node)}"
                )


def test_no_redirect_goes_where_the_host_header_says(redis_url: str, tmp_path: Path) -> None:
    with serving(redis_url, tmp_path, mode="production", public_url="https://track.example.com") as web:
        for path in ("/f/contact/", "/u/x/", "/n.js/", "//evil.example/", "/v1/pixel.gif/"):
            answer = web.client.get(path, headers={"Host": "evil.example"})
            assert answer.status_code in (404, 405)
            assert "location" not in answer.headers
