"""Hostile clients over raw sockets: slow, half-open, endless and deaf ones; and honest clients who are served beside them."""

import socket
import struct
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

import pytest

from nurture.web.connections import MOST_HEAD_BYTES
from tests.support.servers import RedisServer
from tests.support.waiting import wait_until
from tests.web.conftest import KEY, Web, new_client, serving

#: What a client may take here, in seconds.
PATIENCE = 0.4
CONNECTIONS = 20


@pytest.fixture(scope="module")
def guarded(redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    redis_server.flush()
    with serving(
        redis_server.url, tmp_path_factory.mktemp("guarded"), header_seconds=PATIENCE, body_seconds=PATIENCE,
        max_connections=CONNECTIONS,
    ) as served:  # fmt: skip
        yield served


@contextmanager
def connection(web: Web) -> Iterator[socket.socket]:
    host, port = web.base.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as opened:
        yield opened


def rest(opened: socket.socket) -> bytes:
    """What the server still says before it closes."""
    said = b""
    with suppress(ConnectionResetError):
        while piece := opened.recv(65_536):
            said += piece
    return said


def drip(opened: socket.socket, piece: bytes) -> bool:
    """Whether the server has closed a connection into which a piece is sent now and then."""
    try:
        opened.sendall(piece)
        opened.settimeout(PATIENCE / 8)
        return opened.recv(65_536) == b""
    except TimeoutError:
        return False
    except OSError:
        return True


def call(number: int = 0) -> bytes:
    body = b'{"writeKey":"%b","userId":"u","event":"x","messageId":"%d"}' % (KEY.encode(), number)
    return b"POST /v1/track HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


def test_who_says_nothing_is_cut_off(guarded: Web) -> None:
    with connection(guarded) as opened:
        assert rest(opened) == b""


@pytest.mark.parametrize(
    ("start", "piece"),
    [
        (b"POST /v1/track HTTP/1.1\r\nHost: x\r\n", b"X-A: b\r\n"),
        (b"GET /", b"a"),
        (b"GET / HTTP/1.1\r\nX-A: ", b"b"),
        (call() + b"POST /v1/track HTTP/1.1\r\nHost: x\r\n", b"X-A: b\r\n"),
        (b"POST /u/x HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n", b"a"),
    ],
    ids=["headers", "an address", "one header", "the second request of a connection", "a body that nobody reads"],
)
def test_a_head_that_drips_is_cut_off(guarded: Web, start: bytes, piece: bytes) -> None:
    """Each piece comes in time; the whole does not."""
    with connection(guarded) as opened:
        opened.sendall(start)
        wait_until(lambda: drip(opened, piece), what="the server to have enough")


@pytest.mark.parametrize("path", ["/v1/track", "/v1/batch", "/f/contact"])
@pytest.mark.parametrize("length", ["Content-Length: 1000", "Transfer-Encoding: chunked"])
def test_a_body_that_does_not_come_is_answered_and_cut_off(guarded: Web, path: str, length: str) -> None:
    with connection(guarded) as opened:
        start = (
            f"POST {path} HTTP/1.1\r\nHost: x\r\nAccept: application/json\r\nContent-Type: application/json\r\n{length}\r\n\r\n"
        )
        opened.sendall(start.encode())
        answer = rest(opened)
    assert answer.startswith(b"HTTP/1.1 408")
    assert b"too_slow" in answer
    assert b"connection: close" in answer


def test_an_endless_chunked_trailer_is_cut_off(guarded: Web) -> None:
    with connection(guarded) as opened:
        opened.sendall(b"POST /v1/track HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n")
        with suppress(OSError):
            for number in range(5_000):
                opened.sendall(b"X-%d: a\r\n" % number)
        wait_until(lambda: drip(opened, b"X-A: b\r\n"), what="the server to have enough")


def test_a_head_without_end_is_refused_before_its_time(guarded: Web) -> None:
    with connection(guarded) as opened:
        started = time.monotonic()
        opened.sendall(b"GET /?")
        answer = b""
        with suppress(OSError):
            for _ in range(200):
                opened.sendall(b"a" * 16_384)
        answer = rest(opened)
        assert not answer or answer.startswith(b"HTTP/1.1 431"), "a reset connection may take the answer with it"
    assert time.monotonic() - started < 10


def test_the_longest_head_is_taken(guarded: Web) -> None:
    with connection(guarded) as opened:
        opened.sendall(b"GET /health/live HTTP/1.1\r\nConnection: close\r\nX-A: %b\r\n\r\n" % (b"a" * (MOST_HEAD_BYTES // 2)))
        assert rest(opened).startswith(b"HTTP/1.1 200")


def test_who_does_not_read_the_answer_is_cut_off(guarded: Web) -> None:
    """Requests one after the other on one connection, and nobody takes what comes back."""
    with connection(guarded) as opened:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
        opened.setblocking(False)

        def is_cut_off() -> bool:
            try:
                opened.send(b"GET /n.js HTTP/1.1\r\nHost: x\r\n\r\n" * 50)
            except BlockingIOError:
                return False
            except OSError:
                return True
            return False

        wait_until(is_cut_off, 20, what="the server to give up")


def test_honest_clients_are_served_beside_many_half_open_connections(guarded: Web) -> None:
    """Five times as many as are allowed stay open; each honest request is answered, on new connections and on one that is kept."""
    with ExitStack() as stack:
        for number in range(5 * CONNECTIONS):
            opened = stack.enter_context(connection(guarded))
            with suppress(OSError):
                opened.sendall(b"POST /v1/track HTTP/1.1\r\nX-A:")
            if number % 10 == 0:
                with new_client(guarded.base) as client:
                    body = {"writeKey": KEY, "userId": "u", "event": "x", "messageId": f"honest-{number}"}
                    assert client.post("/v1/track", json=body).status_code == 200
    assert len([event for event in guarded.events() if event.message_id.startswith("honest-")]) == 10


def test_a_flood_of_slow_bodies_makes_room(guarded: Web) -> None:
    with ExitStack() as stack:
        for _ in range(3 * CONNECTIONS):
            opened = stack.enter_context(connection(guarded))
            with suppress(OSError):
                opened.sendall(b"POST /v1/track HTTP/1.1\r\nHost: x\r\nContent-Length: 20000\r\n\r\n{")
        with new_client(guarded.base) as client:
            assert client.get("/health/live").status_code == 200


def test_who_leaves_amid_several_requests_is_no_fault(guarded: Web) -> None:
    """uvicorn marks the request that came last as left; the one under way went on with a closed socket, which was an error."""
    for number in range(30):
        with connection(guarded) as opened:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # leave by a reset
            opened.sendall(b"".join(call(1000 + number) for _ in range(20)))


def test_a_pipeline_is_answered_in_order(guarded: Web) -> None:
    """Guarding changes nothing for who asks much at once."""
    with connection(guarded) as opened:
        opened.sendall(b"".join(map(call, range(100, 120))) + b"GET /health/live HTTP/1.1\r\nConnection: close\r\n\r\n")
        answer = rest(opened)
    assert answer.count(b"HTTP/1.1 200") == 21
    assert answer.endswith(b'{"live":true}')


def test_too_many_headers_are_answered(guarded: Web) -> None:
    with connection(guarded) as opened:
        opened.sendall(b"GET /health/live HTTP/1.1\r\n" + b"X-A: b\r\n" * 201 + b"\r\n")
        assert rest(opened).startswith(b"HTTP/1.1 431")
