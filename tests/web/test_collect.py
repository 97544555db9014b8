"""Segment's wire format over HTTP."""

import base64
import gzip
import json
from datetime import UTC, datetime, timedelta

import pytest

from nurture.domain.event import EVENT
from nurture.web.collect import BATCH_EVENTS, EVENT_BYTES
from tests.web.conftest import KEY, Web

CALLS = {
    "track": {"event": "plan_chosen", "properties": {"plan": "pro"}},
    "identify": {"userId": "u1", "traits": {"email": "Ada@Example.COM", "firstName": "Ada"}},
    "page": {"properties": {"url": "https://www.example.com/pricing?utm_source=news&utm_campaign=spring"}},
    "screen": {"name": "Home"},
    "group": {"groupId": "acme", "traits": {"name": "Acme"}},
    "alias": {"userId": "u1", "previousId": "visitor-1"},
}


@pytest.mark.parametrize(("kind", "fields"), CALLS.items())
@pytest.mark.parametrize("short", [False, True])
def test_every_kind_of_call_becomes_an_event(web: Web, kind: str, fields: dict[str, object], short: bool) -> None:
    """Long and short paths do the same, and the answer is Segment's."""
    path = kind[0] if short else kind
    answer = web.client.post(f"/v1/{path}", json={"writeKey": KEY, "anonymousId": "visitor-1", "messageId": "m1", **fields})
    assert (answer.status_code, answer.json()) == (200, {"success": True})
    event = web.event()
    assert (event.kind, event.source, event.message_id, event.received_at) == (kind, "website", "m1", web.clock.now())


def test_the_event_carries_what_the_call_said(web: Web) -> None:
    web.client.post(
        "/v1/track",
        json={
            "writeKey": KEY, "anonymousId": "visitor-1", "event": "plan_chosen", "properties": {"plan": "pro"},
            "context": {
                "page": {"url": "https://www.example.com/a?utm_medium=email"}, "locale": "fr-FR", "timezone": "Europe/Paris",
                "ip": "203.0.113.7", "library": {"name": "n.js", "version": "1", "extra": 1},
            },
        },
        headers={"User-Agent": "Mozilla/5.0 X"},
    )  # fmt: skip
    assert json.loads(EVENT.dump_json(web.event(), exclude_defaults=True)) == {
        "message_id": web.event().message_id, "source": "website", "name": "plan_chosen", "anonymous_id": "visitor-1",
        "occurred_at": "2026-03-02T09:00:00Z", "received_at": "2026-03-02T09:00:00Z", "properties": {"plan": "pro"},
        "context": {
            "page": {"url": "https://www.example.com/a?utm_medium=email", "path": "/a"}, "campaign": {"medium": "email"},
            "locale": "fr-FR", "timezone": "Europe/Paris", "userAgent": "Mozilla/5.0 X",
            "library": {"name": "n.js", "version": "1"},
        },
    }  # fmt: skip


def basic(key: str) -> str:
    return f"Basic {base64.b64encode(f'{key}:'.encode()).decode()}"


@pytest.mark.parametrize(
    ("headers", "path", "body_key"),
    [
        ({}, "/v1/track", KEY),
        ({"Authorization": basic(KEY)}, "/v1/track", None),
        ({"Authorization": f"Bearer {KEY}"}, "/v1/track", None),
        ({}, f"/v1/track?writeKey={KEY}", None),
    ],
    ids=["body", "basic", "bearer", "query"],
)
def test_a_key_is_taken_wherever_sdks_put_it(web: Web, headers: dict[str, str], path: str, body_key: str | None) -> None:
    body = {"event": "x", "userId": "u1", **({"writeKey": body_key} if body_key else {})}
    assert web.client.post(path, json=body, headers=headers).status_code == 200
    assert web.event().source == "website"


@pytest.mark.parametrize(
    "headers",
    [
        {}, {"Authorization": basic("wk_wrong")}, {"Authorization": "Bearer wk_wrong"}, {"Authorization": "Basic !!!"},
        {"Authorization": "Basic"}, {"Authorization": "Digest x"}, {"Authorization": basic(KEY + "é")},
    ],
)  # fmt: skip
def test_without_a_known_key_nothing_is_taken(web: Web, headers: dict[str, str]) -> None:
    answer = web.client.post("/v1/track", json={"event": "x", "userId": "u1"}, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "unknown_key")
    assert web.events() == []


def test_text_plain_is_read_as_json(web: Web) -> None:
    """Browsers send it so, because it needs no preflight."""
    body = json.dumps({"writeKey": KEY, "userId": "u1", "event": "x"})
    assert web.client.post("/v1/t", content=body, headers={"Content-Type": "text/plain;charset=UTF-8"}).status_code == 200


def test_gzip_is_unpacked(web: Web) -> None:
    body = gzip.compress(json.dumps({"writeKey": KEY, "userId": "u1", "event": "x"}).encode())
    assert web.client.post("/v1/t", content=body, headers={"Content-Encoding": "gzip"}).status_code == 200
    assert web.event().name == "x"


@pytest.mark.parametrize(
    ("content", "encoding", "status", "code"),
    [
        (gzip.compress(b" " * 10_000_000), "gzip", 413, "too_large"),
        (gzip.compress(b'{"event": "x"}')[:-4], "gzip", 400, "gzip"),
        (b"no gzip", "gzip", 400, "gzip"),
        (b"{}", "br", 415, "encoding"),
        (b" " * (EVENT_BYTES + 1), None, 413, "too_large"),
    ],
    ids=["bomb", "cut off", "not gzip", "brotli", "large"],
)
def test_a_body_that_is_too_large_or_broken_is_refused(
    web: Web, content: bytes, encoding: str | None, status: int, code: str
) -> None:
    headers = {"Content-Encoding": encoding} if encoding else {}
    answer = web.client.post("/v1/track", content=content, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert web.events() == []


def test_a_large_body_without_a_declared_length_is_refused(web: Web) -> None:
    chunks = (b" " * 10_000 for _ in range(100))
    assert web.client.post("/v1/track", content=chunks).status_code == 413


def batch(*calls: object, **common: object) -> dict[str, object]:
    return {"writeKey": KEY, "batch": list(calls), **common}


def test_a_batch_is_taken_event_by_event(web: Web) -> None:
    """What is wrong with one costs only that one, and is named by its index."""
    answer = web.client.post(
        "/v1/batch",
        json=batch(
            {"type": "track", "event": "a", "userId": "u1"},
            {"type": "track", "userId": "u1"},
            "nonsense",
            {"type": "dance", "userId": "u1"},
            {"type": "track", "event": "b", "userId": "u1", "timestamp": "9999-12-31T23:59:59Z"},
            {"type": "page", "userId": "u1"},
        ),
    )
    told = answer.json()
    assert (answer.status_code, told["success"], told["accepted"]) == (200, True, 2)
    assert [(each["index"], each["code"], each.get("field")) for each in told["rejected"]] == [
        (1, "required", "event"), (2, "type", None), (3, "unknown_type", "type"), (4, "impossible_date", "timestamp"),
    ]  # fmt: skip
    assert [event.name for event in web.events()] == ["a", "page_viewed"]


@pytest.mark.parametrize("path", ["/v1/batch", "/v1/b", "/b"])
def test_what_a_batch_says_holds_for_all_its_events(web: Web, path: str) -> None:
    calls = [{"type": "track", "event": "a", "userId": "u1", "context": {"locale": "fr"}}]
    common = {"context": {"locale": "en", "timezone": "Europe/Paris"}, "sentAt": "2026-03-02T10:00:00Z"}
    web.client.post(path, json=batch(*[{**calls[0], "timestamp": "2026-03-02T09:59:00Z"}], **common))
    event = web.event()
    assert event.context["locale"] == "fr"
    assert event.context["timezone"] == "Europe/Paris"
    assert event.occurred_at == web.clock.now() - timedelta(minutes=1), "the sender's clock is an hour ahead"


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (json.dumps(batch({"type": "track"})), 400, "nothing_acceptable"),
        (json.dumps(batch()), 400, "malformed"),
        (json.dumps({"writeKey": KEY}), 400, "malformed"),
        (json.dumps({"writeKey": KEY, "batch": {"type": "track"}}), 400, "malformed"),
        (json.dumps(batch(*[{}] * 10_000)), 413, "too_many_events"),
        (json.dumps(batch(*[1] * (BATCH_EVENTS + 1))), 413, "too_many_events"),
        (json.dumps(batch("x" * 600_000)), 413, "too_large"),
    ],
)
def test_a_batch_that_is_none_is_refused(web: Web, content: str, status: int, code: str) -> None:
    answer = web.client.post("/v1/batch", content=content)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert web.events() == []


def test_a_large_event_in_a_batch_costs_only_itself(web: Web) -> None:
    large = {"type": "track", "event": "a", "userId": "u1", "properties": {"x": "y" * EVENT_BYTES}}
    told = web.client.post("/v1/batch", json=batch(large, {"type": "track", "event": "b", "userId": "u1"})).json()
    assert (told["accepted"], told["rejected"][0]["code"]) == (1, "too_large")


def test_a_full_batch_is_taken_whole_and_in_order(web: Web) -> None:
    calls = [{"type": "track", "event": f"e{number}", "userId": "u1", "messageId": str(number)} for number in range(BATCH_EVENTS)]
    answer = web.client.post("/v1/batch", json=batch(*calls))
    assert answer.json() == {"success": True, "accepted": BATCH_EVENTS, "rejected": []}
    assert [event.message_id for event in web.events()] == [str(number) for number in range(BATCH_EVENTS)]


def test_debug_shows_the_event_as_it_was_taken(web: Web) -> None:
    body = {"writeKey": KEY, "event": "x", "anonymousId": "visitor-1", "userId": "undefined"}
    told = web.client.post("/v1/track", json=body, headers={"X-Debug": "1"}).json()
    assert told["event"]["name"] == "x"
    assert told["warnings"] == told["event"]["warnings"] == ["userId: 'undefined' names nobody and was left out"]
    assert (told["event"]["assurance"], told["event"]["consented"]) == ("observed", True)
    told = web.client.post("/v1/batch", json=batch({"type": "track", **body}), headers={"X-Debug": "1"}).json()
    (event,) = told["events"]
    assert (event["name"], event["assurance"], event["consented"]) == ("x", "observed", True)
    assert event["warnings"] == ["userId: 'undefined' names nobody and was left out"]


def test_warnings_are_stored_with_their_event(web: Web) -> None:
    web.client.post("/v1/alias", json={"writeKey": KEY, "userId": "u1", "previousId": "u1"})
    assert web.event().warnings == ("alias: previousId and userId are the same and were not linked",)


def test_a_warning_is_shown_without_being_asked_for(web: Web) -> None:
    assert web.track(userId="null").json()["warnings"] == ["userId: 'null' names nobody and was left out"]
    told = web.client.post("/v1/batch", json=batch({"type": "track", "event": "x", "userId": "", "anonymousId": "a"})).json()
    assert told["warnings"] == [{"index": 0, "message": "userId: '' names nobody and was left out"}]


def test_the_same_call_twice_has_the_same_id(web: Web) -> None:
    """A sender without message ids that tries again makes no second event."""
    for _ in range(2):
        web.track(timestamp="2026-03-02T08:59:59Z")
    first, second = web.events()
    assert first.key == second.key
    web.track(timestamp="2026-03-02T08:59:58Z")
    assert len({event.key for event in web.events()}) == 2


def test_calls_that_name_no_instant_are_told_apart_by_the_minute(web: Web) -> None:
    web.track()
    web.clock.advance(timedelta(minutes=1))
    web.track()
    assert len({event.key for event in web.events()}) == 2


def test_events_of_one_visitor_stay_in_one_partition(web: Web) -> None:
    for number in range(20):
        web.track(messageId=str(number))
    partitions = [web.partition(number) for number in range(4)]
    assert sorted(len(events) for events in partitions) == [0, 0, 0, 20]


def test_a_preflight_is_answered_without_a_key(web: Web) -> None:
    answer = web.client.options(
        "/v1/track",
        headers={"Origin": "https://a.example", "Access-Control-Request-Method": "POST",
                 "Access-Control-Request-Headers": "content-type,x-custom"},
    )  # fmt: skip
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["access-control-allow-headers"] == "content-type,x-custom"
    assert answer.headers["access-control-max-age"] == "86400"
    assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize("path", ["/v1/batch", "/v1/pixel.gif", "/f/guide", "/b"])
def test_every_endpoint_for_scripts_may_be_called_from_any_origin(web: Web, path: str) -> None:
    assert web.client.options(path).status_code == 204
    refused = web.client.post(path, content=b"{", headers={"Content-Type": "text/plain"})
    assert refused.status_code >= 400
    assert refused.headers["access-control-allow-origin"] == "*"


def test_a_get_is_told_to_post(web: Web) -> None:
    answer = web.client.get("/v1/track")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


def test_the_user_agent_of_a_server_says_nothing_about_who_acted(web: Web) -> None:
    web.client.post(
        "/v1/track", json={"writeKey": KEY, "event": "x", "userId": "u"}, headers={"User-Agent": "analytics-python/2"}
    )
    assert "userAgent" not in web.event().context


def test_instants_are_stored_as_utc(web: Web) -> None:
    web.track(timestamp="2026-03-02T09:59:59+01:00")
    assert web.event().occurred_at == datetime(2026, 3, 2, 8, 59, 59, tzinfo=UTC)
    assert web.event().occurred_at.utcoffset() == timedelta(0)
