"""Whatever is sent to whatever endpoint: a 4xx that names the place, nothing written, never a 5xx and no escaped exception."""

import json
import socket
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nurture.adapters.tokens import Click, Download, MailLink
from nurture.domain.privacy import ConsentMode
from tests.web.conftest import BOUND_KEY, KEY, SECRET_KEY, Web

POSTS = ["/v1/track", "/v1/i", "/v1/page", "/v1/screen", "/v1/group", "/v1/alias", "/v1/batch", "/b", "/f/guide", "/f/contact"]
GETS = [
    "/v1/pixel.gif",
    "/n.js",
    "/a/{}",
    "/c/{}",
    "/o/{}.gif",
    "/u/{}",
    "/f/{}/thanks",
    "/inbox/{}",
    "/inbox/{}/raw",
    "/demo/{}",
]

BROKEN = {
    "empty": b"",
    "cut off": b'{"event": ',
    "no JSON": b"event=x",
    "two values": b"{} {}",
    "NaN": b'{"a": NaN}',
    "invalid UTF-8": b'{"event": "\xff\xfe"}',
    "a surrogate in UTF-8": b'{"event": "\xed\xa0\x80"}',
    "half a pair": b'{"event": "\\ud800"}',
    "a byte order mark": b"\xef\xbb\xbf{}",
    "endlessly deep": b"[" * 30_000,
    "deep": b'{"a":' * 150 + b"1" + b"}" * 150,
    "a number of 5,000 digits": b'{"a": ' + b"9" * 5_000 + b"}",
    "a control character": b'{"event": "a\x00b"}',
}


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN.keys())
def test_broken_bodies_are_refused_with_a_reason(web: Web, path: str, content: bytes) -> None:
    headers = {"Content-Type": "application/json", "Accept": "application/json", "Authorization": f"Bearer {KEY}"}
    answer = web.client.post(path, content=content, headers=headers)
    told = answer.json()
    assert 400 <= answer.status_code < 500
    assert told.get("message") or told["errors"][0]["message"]
    assert web.events() == []


def test_the_place_of_a_mistake_in_json_is_named(web: Web) -> None:
    answer = web.client.post("/v1/track", content=b'{"event":\n  "x",\n  oops}')
    assert (answer.status_code, answer.json()["field"]) == (400, "line 3 column 3")


WRONG_VALUES: list[Any] = [
    None,
    True,
    0,
    -1,
    1e308,
    2**70,
    "",
    "\0",
    "x" * 20_000,
    [],
    [[[]]],
    {},
    {"\0": 1},
    {"a": {"b": [None]}},
]
FIELDS = ["type", "event", "messageId", "anonymousId", "userId", "timestamp", "sentAt", "properties", "traits", "context", "name"]


@pytest.mark.parametrize("field", FIELDS)
def test_wrong_values_are_refused_or_harmless(web: Web, field: str) -> None:
    """For each field a row of values that SDKs and attackers have sent."""
    for path in ("/v1/track", "/v1/identify", "/v1/page", "/v1/group", "/v1/alias"):
        for value in WRONG_VALUES:
            call = {"writeKey": KEY, "event": "x", "anonymousId": "a1", "userId": "u1", "groupId": "g1", field: value}
            answer = web.client.post(path, content=json.dumps(call))
            assert answer.status_code in (200, 422), (path, value)
            if answer.status_code == 422:
                assert answer.json()["code"]


@pytest.mark.parametrize("path", [*POSTS, *GETS, "/", "/health/live", "/health/ready", "/metrics", "/inbox"])
def test_no_method_is_a_fault(web: Web, path: str) -> None:
    for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "NONSENSE"):
        assert web.client.request(method, path.format("nonsense")).status_code < 500, method
    assert web.events() == []


STRANGE_NAMES = ["%00", "%ff", "..", "%2e%2e%2fsecret.txt", "..%2f..%2fetc%2fpasswd", "a" * 6_000, "%0d%0aSet-Cookie:x=1", "é", "<script>",
                 "{{7*7}}", "a.eml%00"]  # fmt: skip


@pytest.mark.parametrize("path", [*GETS, "/f/{}"])
def test_no_name_is_a_fault(web: Web, path: str) -> None:
    for name in STRANGE_NAMES:
        for method in ("GET", "POST"):
            answer = web.client.request(method, path.format(name))
            assert answer.status_code < 500, name
            assert "<script>" not in answer.text
            assert "secret" not in answer.text
            assert "x=1" not in answer.headers.get("set-cookie", "")
    assert web.events() == []


WRONG_CONTEXTS: list[Any] = [{"consent": value} for value in WRONG_VALUES]
WRONG_CONTEXTS += [{"consent": {"categoryPreferences": value}} for value in WRONG_VALUES]
WRONG_CONTEXTS += [{"consent": {"categoryPreferences": {"a": value, "b": True}}} for value in WRONG_VALUES]


@pytest.mark.parametrize("mode", ["open", "gpc_optout", "opt_in"])
def test_wrong_words_about_consent_are_refused_or_harmless(web: Web, mode: ConsentMode) -> None:
    """Whatever is said: never followed by mistake, and refused only with the place."""
    web.with_consent(mode)
    for context in WRONG_CONTEXTS:
        answer = web.client.post(
            "/v1/track", content=json.dumps({"writeKey": KEY, "event": "x", "anonymousId": "a1", "context": context})
        )
        assert answer.status_code in (200, 422), context
        if answer.status_code == 422:
            assert answer.json()["code"]
            assert answer.json()["field"].startswith("context"), context
    if mode == "opt_in":
        consented = [event.context["consent"] for event in web.events() if event.consented]
        assert consented == [True, {"categoryPreferences": {"a": True, "b": True}}]


@pytest.mark.parametrize("header", ["Origin", "Referer", "Sec-Fetch-Site", "Sec-GPC", "DNT"])
@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"null",
        b"http://[",
        b"\xff\xfe",
        b"x" * 6_000,
        b"https://a.example:99999",
        b"%00",
        b"*",
        b"1, 1",
        "https://é".encode(),
    ],
)
def test_no_header_of_a_browser_is_a_fault(web: Web, header: str, value: bytes) -> None:
    sent = [(header.encode(), value)]
    for key in (KEY, BOUND_KEY, SECRET_KEY):
        body = json.dumps({"writeKey": key, "event": "x", "anonymousId": "a1"}).encode()
        assert web.client.post("/v1/track", content=body, headers=sent).status_code in (200, 403)
        assert web.client.get(f"/v1/pixel.gif?writeKey={key}", headers=sent).status_code in (200, 403)
    assert web.client.post("/f/contact", data={"email": "a@example.com"}, headers=sent).status_code == 303


def raw(web: Web, request: bytes) -> bytes:
    """The first bytes of the answer to a request that no HTTP client would send."""
    url = httpx.URL(web.base)
    with socket.create_connection((url.host, url.port or 80), timeout=10) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        return connection.recv(65536)


@pytest.mark.parametrize(
    "head",
    [
        b"POST /v1/track HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
        b"POST /v1/track HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST /v1/track HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{",
        b"POST /f/guide HTTP/1.1\r\nHost: x\r\nContent-Type: \xff\xfe\r\nContent-Length: 2\r\n\r\n{}",
        b"POST /f/guide HTTP/1.1\r\nHost: x\r\nCookie: nurture_id=\xff\xff; x=\x7f\r\nAccept-Language: \xff;q=\xff\r\n\r\n",
        b"POST /f/guide HTTP/1.1\r\nHost: x\r\nReferer: http://[\r\nContent-Length: 2\r\nContent-Type: text/plain\r\n\r\n{}",
        b"GET /v1/pixel.gif?\xff\xfe=\xff HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /c/\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /v1/track HTTP/1.1\r\nHost: x\r\nAuthorization: Basic \xff\xff\r\nContent-Length: 2\r\n\r\n{}",
        b"POST /v1/track HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
    ],
)
def test_no_bytes_are_a_fault(web: Web, head: bytes) -> None:
    answer = raw(web, head)
    assert not answer.startswith(b"HTTP/1.1 5")


@given(content=st.binary(max_size=400), path=st.sampled_from(POSTS), kind=st.sampled_from([
    "application/json", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "multipart/form-data",
    "", "text/html; charset=\N{LATIN SMALL LETTER E WITH ACUTE}",
]))  # fmt: skip
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_random_bytes_are_no_fault(web: Web, content: bytes, path: str, kind: str) -> None:
    headers = {b"Content-Type": kind.encode("latin-1"), b"Authorization": f"Bearer {KEY}".encode()}
    assert web.client.post(path, content=content, headers=headers).status_code < 500


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4), max_leaves=10,
)  # fmt: skip
calls = st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=8), values, max_size=8)


@given(st.lists(calls | values, min_size=1, max_size=10))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_batch_accounts_for_every_item(web: Web, items: list[Any]) -> None:
    """Accepted and rejected add up, whatever the items are."""
    body = json.dumps({"batch": items}).replace("NaN", "1e5").replace("Infinity", "1e9")
    answer = web.client.post(f"/v1/batch?writeKey={KEY}", content=body)
    told = answer.json()
    assert answer.status_code in (200, 400)
    assert told["accepted"] + len(told["rejected"]) == len(items)
    assert (told["accepted"] > 0) == (answer.status_code == 200)


@given(st.dictionaries(st.text(max_size=20), st.text(max_size=60), max_size=8))
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_fields_of_a_form_are_taken_or_refused(web: Web, fields: dict[str, str]) -> None:
    """Random fields beside a good address: a lead, or a 4xx that says why."""
    answer = web.client.post("/f/contact", json={"email": "a@example.com", **fields}, headers={"Accept": "application/json"})
    assert answer.status_code in (200, 422)
    assert answer.json()["ok"] is (answer.status_code == 200)


@given(st.binary(min_size=1, max_size=120))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_changed_token_does_nothing(web: Web, noise: bytes) -> None:
    """Tokens with bytes flipped anywhere are not found."""
    web.redis.flushdb()
    tokens = [
        ("/c/{}", web.tokens.click(Click(1, 2, "https://www.example.com"))),
        ("/u/{}", web.tokens.unsubscribe(MailLink(1, 2))),
        ("/a/{}", web.tokens.download(Download("guide", None, 1, 0, web.clock.now()))),
    ]
    for path, token in tokens:
        place = noise[0] % (len(token) - 1)  # the last character has spare bits
        changed = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        assert web.client.get(path.format(changed)).status_code == 404
        assert web.client.get(path.format(noise.hex())).status_code == 404
    assert web.events() == []
