"""What is wrong around a body: its encoding, headers, methods, paths, tokens, signatures, and HTTP itself."""

import gzip
import zlib
from datetime import timedelta
from functools import cache
from pathlib import Path
from random import Random
from typing import Any, Final

from benchmarks.fuzz.calls import call, keyed, single
from benchmarks.fuzz.forms import urlencoded
from benchmarks.fuzz.inputs import JSON, Header, Input, bytes_changed
from benchmarks.fuzz.values import dumped, text
from benchmarks.fuzz.world import PROVIDERS, WRITE_KEY, World
from nurture.adapters.tokens import Click, Confirmation, Download, MailLink
from tests.web.hooks.signing import FIXTURES, post_of, shape

#: Bytes of a bomb that gzip packs a thousandfold.
_BOMB: Final = 40_000_000


@cache
def _bomb() -> bytes:
    return gzip.compress(b" " * _BOMB, 9)


def encoded(rng: Random, number: str) -> Input:
    """A right call in a right or wrong encoding of its body."""
    said, headers, query = keyed(call(rng, number, "track"), rng, right=1)
    body = dumped(said, rng)
    name = rng.choice((b"gzip", b"x-gzip", b"GZIP", b"deflate", b"br", b"identity", b"gzip, gzip", b"", b"\xff"))
    match rng.randrange(9):
        case 0 | 1 | 2:
            body = gzip.compress(body, mtime=0)
        case 3:
            body = bytes_changed(gzip.compress(body, mtime=0), rng)
        case 4:
            body = gzip.compress(body, mtime=0)[: rng.randint(0, 60)]
        case 5:
            body = _bomb() if rng.random() < 0.1 else gzip.compress(body + b" " * rng.choice((32_000, 33_000, 600_000)), mtime=0)
        case 6:
            body = rng.choice(
                (
                    zlib.compress(body),
                    body.decode().encode("utf-16"),
                    b"\xef\xbb\xbf" + body,
                    body.decode().encode("latin-1", "replace"),
                )
            )
        case 7:
            body = body + b" " * rng.choice((32_768 - len(body), 32_769 - len(body), 70_000))
            name = b""
        case _:
            name = b"identity"
    sent = (*headers, (b"Content-Encoding", name)) if name else headers
    return Input(
        "encoding",
        b"POST",
        b"/v1/track" + query,
        sent,
        body,
        chunks=rng.choice((None, None, 1, 7, 4_096)) if len(body) < 5_000 else None,
    )


_HEADERS: Final = (
    b"Content-Type", b"Origin", b"Referer", b"Sec-Fetch-Site", b"Sec-GPC", b"DNT", b"Accept", b"Accept-Language", b"Cookie", b"User-Agent",
    b"X-Forwarded-For", b"X-Forwarded-Proto", b"X-Debug", b"Authorization", b"Content-Encoding", b"Expect", b"Upgrade", b"Connection", b"Range",
    b"If-None-Match", b"X-Requested-With", b"Content-Length ", b"TE", b"Forwarded", b"Via", b"X-A",
)  # fmt: skip
_VALUES: Final = (
    b"", b"null", b"*/*", b"\xff\xfe", b"http://[", b"https://a.example:99999", b"1, 1", b"x" * 9_000, b"application/json; charset=\xe9", b"100-continue",
    b"websocket", b"upgrade", b"keep-alive, Upgrade", b"bytes=0-", b"bytes=5-1", b"Basic \xff", b"Basic", b"Bearer", b"q=,;q=x,en;q=9", b"a=b; a=c; =; ;",
    b"203.0.113.7, \xff", b"::1", b"application/x-www-form-urlencoded", b"multipart/form-data; boundary=x", b"gzip", b"https://www.example.com",
)  # fmt: skip


def with_headers(rng: Random, number: str) -> Input:
    """A right call or post under strange, repeated or very many headers."""
    made = single(rng, number) if rng.random() < 0.6 else urlencoded(rng, number)
    more: list[Header] = [(rng.choice(_HEADERS).strip(), rng.choice(_VALUES)) for _ in range(rng.randint(1, 5))]
    if rng.random() < 0.05:
        more += [(b"X-%d" % each, b"y") for each in range(rng.choice((90, 150, 300)))]
    return Input("headers", made.method, made.target, (*made.headers, *more), made.body)


_PATHS: Final = (
    "/v1/track", "/v1/batch", "/b", "/v1/pixel.gif", "/f/contact", "/f/contact/thanks", "/a/x", "/c/x", "/o/x.gif", "/u/x", "/confirm/x",
    "/preferences/x", "/hooks/postmark/x", "/n.js", "/openapi.json", "/health/live", "/health/ready", "/metrics", "/", "/inbox", "/demo/", "/report",
)  # fmt: skip
_IN_PATHS: Final = (
    "%2f", "%00", "%2e%2e/", "../", "//", "%ff", "%0d%0aSet-Cookie:x=1", "?", "%", "%zz", ";", "é", "a" * 9_000, "%25", "\\", "{form}", "/thanks", "#",
)  # fmt: skip
_METHODS: Final = (b"GET", b"HEAD", b"POST", b"PUT", b"PATCH", b"DELETE", b"OPTIONS", b"TRACE", b"PROPFIND", b"get", b"NONSENSE")


def paths(rng: Random, number: str) -> Input:
    """Any method on any path, with something in it."""
    path = rng.choice(_PATHS)
    for _ in range(rng.randint(0, 2)):
        place = rng.randint(1, len(path))
        path = path[:place] + rng.choice(_IN_PATHS) + path[place:]
    method = rng.choice(_METHODS)
    target = path.encode().replace(b" ", b"%20")
    if method == b"POST" and rng.random() < 0.5:
        return Input(
            "methods and paths",
            method,
            target,
            (JSON,),
            rng.choice((b"{}", b"", b"[]", dumped({"writeKey": WRITE_KEY, "n": number}, rng))),
        )
    return Input("methods and paths", method, target)


def tokens(world: World, rng: Random, number: str) -> Input:
    """What leads somewhere in a mail, as it was made and with some of it changed."""
    made, later = world.tokens, world.now + timedelta(days=1)
    message, person = rng.randrange(1, 2**62), rng.randrange(1, 2**62)
    link = MailLink(message, person)
    path, token = rng.choice((
        ("/c/", made.click(Click(message, person, f"https://www.example.com/{number}"))), ("/u/", made.unsubscribe(link)),
        ("/confirm/", made.confirmation(Confirmation(message, person, 5, later, "marketing-email"))), ("/preferences/", made.preferences(link)),
        ("/a/", made.download(Download("guide", None, person, 0, later))), ("/a/", made.download(Download("guide", None, person, 0, world.now))),
        ("/o/", made.open(link)),
    ))  # fmt: skip
    how = rng.choice(("right", "changed", "for something else", "cut off"))
    if how == "changed":
        place = rng.randrange(len(token) - 2)
        token = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
    elif how == "for something else":
        path = rng.choice([each for each in ("/c/", "/u/", "/confirm/", "/preferences/", "/a/") if each != path])
    elif how == "cut off":
        token = token[: rng.randrange(1, len(token) - 2)]
    target = f"{path}{token}{'.gif' if path == '/o/' else ''}".encode()
    method = rng.choice((b"GET", b"HEAD", b"POST"))
    headers: tuple[Header, ...] = ((b"User-Agent", rng.choice((b"Mozilla/5.0 x", b"\xff", b""))),)
    if method == b"POST":
        headers = (*headers, (b"Content-Type", b"application/x-www-form-urlencoded"))
    body = (
        rng.choice((b"", b"List-Unsubscribe=One-Click", b"do=save&topic=x&pace=weekly", b"pause=9999999999&pace=%00"))
        if method == b"POST"
        else b""
    )
    return Input("tokens", method, target, headers, body, note="refused" if how != "right" and path != "/o/" else "")


#: Those whose signature covers the body. Mailgun's stands in it, and covers a stamp alone.
_SIGNING: Final = ("sendgrid", "resend", "custom")


@cache
def _shapes(provider: str) -> list[str]:
    return sorted(file.stem for file in Path(FIXTURES).glob(f"{provider}*.json"))


def hooks(world: World, rng: Random) -> Input:
    """A provider's webhook: signed as it should be, or changed afterwards, or signed and then told something else."""
    provider = rng.choice([each for each in PROVIDERS if _shapes(each)])
    mail = world.tokens.mail_name(MailLink(rng.randrange(1, 2**62), rng.randrange(1, 2**62)))
    told = shape(rng.choice(_shapes(provider)), mail)
    how = rng.choice(("right", "changed after it was signed", "changed before it was signed", "another key", "no signature"))
    if how == "changed before it was signed":
        told = _elsewhere(told, rng)
    signed = post_of(provider, told, world.now)
    body, headers = signed.body, tuple((name.encode(), each.encode()) for name, each in signed.headers.items())
    path = world.hook_path(provider)
    wrong = False
    if how == "changed after it was signed":
        body = bytes_changed(body, rng)
        wrong = body != signed.body and provider in _SIGNING
    elif how == "another key":
        before, _, key = path.rpartition("/")
        path, wrong = f"{before}/{'A' if key[0] != 'A' else 'B'}{key[1:]}", True
    elif how == "no signature":
        headers = tuple((name, rng.choice((b"", b"x", b"Basic AAAA", b"\xff"))) for name, _ in headers)
        wrong = provider != "mailgun"
    return Input(f"hook: {how}", b"POST", path.encode(), (JSON, *headers), body, note="refused" if wrong else "")


def _elsewhere(told: Any, rng: Random) -> Any:
    """A document with some of its values changed for others."""
    if isinstance(told, dict):
        return {
            name: text(rng)
            if rng.random() < 0.08
            else rng.choice((None, [], {}, 1e308, 2**70))
            if rng.random() < 0.04
            else _elsewhere(each, rng)
            for name, each in told.items()
        }
    if isinstance(told, list):
        return [_elsewhere(each, rng) for each in told] * rng.choice((1, 1, 1, 0, 3))
    return told


_HEADS: Final = (
    b"POST /v1/track HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n", b"POST /v1/track HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
    b"POST /v1/track HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n{}", b"POST /v1/track HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
    b"POST /v1/track HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n", b"POST /v1/track HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n{}\r\n0\r\n\r\n",
    b"GET  / HTTP/1.1\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"GET\r\n\r\n", b"\r\n\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", b"CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n", b"GET http://x/health/live HTTP/1.1\r\n\r\n", b"GET / HTTP/1.0\r\n\r\n",
    b"GET / HTTP/1.1\nHost: x\n\n", b"GET / HTTP/1.1\r\n Host: x\r\n\r\n", b"GET / HTTP/1.1\r\nHost x\r\n\r\n", b"GET / HTTP/1.1\r\nX: a\x00b\r\n\r\n",
    b"GET /\x00 HTTP/1.1\r\n\r\n", b"GET /\xff\xfe HTTP/1.1\r\n\r\n", b"GET ?a HTTP/1.1\r\n\r\n", b"GET * HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
    b"POST /v1/track HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n", b"POST /f/contact HTTP/1.1\r\nContent-Length: 9\r\n\r\nemail",
    b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 400 + b"\r\n", b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n",
)  # fmt: skip


def raw(rng: Random, number: str) -> Input:
    """Bytes that no HTTP client sends: known tricks, and right requests with some bytes changed anywhere."""
    if rng.random() < 0.4:
        return Input("raw HTTP", raw=rng.choice(_HEADS))
    made = single(rng, number) if rng.random() < 0.7 else urlencoded(rng, number)
    return Input("raw HTTP", raw=bytes_changed(made.wire(), rng))
