"""The crowd's way to the engine."""

import threading
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from nurture.demo.browser import Refused, Wire
from nurture.errors import Unavailable
from tests.support.waiting import MovableClock, free_port


class _Busy(BaseHTTPRequestHandler):
    """Cannot take the first request, then answers 200 with a cookie, and what cookie it was shown."""

    asked = 0

    def do_GET(self) -> None:
        type(self).asked += 1
        self.send_response(503 if type(self).asked == 1 else 200)
        self.send_header("Retry-After", "0")
        self.send_header("Set-Cookie", "nurture_id=somebody")
        body = str(self.headers.get("Cookie")).encode()
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *told: object) -> None:
        pass


@pytest.fixture
def wire() -> Iterator[Wire]:
    _Busy.asked = 0
    with ThreadingHTTPServer(("127.0.0.1", 0), _Busy) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        with closing(Wire(f"http://127.0.0.1:{server.server_port}", "http://localhost:8000", "key", MovableClock())) as wire:
            yield wire
        server.shutdown()
        thread.join()


def test_who_is_told_to_come_again_comes_again(wire: Wire) -> None:
    assert wire.request("GET", "http://localhost:8000/c/token", 200).text == "None"
    assert _Busy.asked == 2


def test_nobodys_cookie_is_shown_for_somebody_else(wire: Wire) -> None:
    for _ in range(2):
        assert wire.request("GET", "/demo/", 200).text == "None"


def test_another_answer_than_expected_ends_the_demo_without_telling_the_token(wire: Wire) -> None:
    with pytest.raises(Refused, match="answered 200 instead of 302") as caught:
        wire.request("GET", "/c/secret-token", 302)
    assert "secret-token" not in str(caught.value)


def test_nothing_is_asked_of_another_machine(wire: Wire) -> None:
    with pytest.raises(Refused, match="another machine"):
        wire.request("GET", "https://www.example.com/", 200)
    assert _Busy.asked == 0


def test_an_engine_that_is_gone_is_told_so() -> None:
    with (
        closing(Wire(f"http://127.0.0.1:{free_port()}", "http://localhost:8000", "key", MovableClock())) as wire,
        pytest.raises(Unavailable, match="does not answer"),
    ):
        wire.request("GET", "/demo/", 200)
