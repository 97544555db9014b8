"""What is kept of people who did not agree: pure, and over HTTP as it lies in Redis."""

from collections.abc import Mapping
from typing import Any

import pytest

from nurture.adapters import redis_keys
from nurture.domain.event import EVENT, route_of
from nurture.domain.privacy import ConsentMode
from nurture.web.consent import anonymous, consent_said, is_consented
from nurture.web.gif import PIXEL
from tests.web.conftest import KEY, SECRET_KEY, Web

YES, NO, SILENT = True, False, None


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        (None, SILENT), (True, YES), (False, NO), ("true", YES), ("false", NO), ({}, SILENT), ({"provider": "x"}, SILENT),
        ({"categoryPreferences": None}, SILENT), ({"categoryPreferences": {}}, SILENT),
        ({"categoryPreferences": {"advertising": False, "analytics": True}}, YES),
        ({"categoryPreferences": {"advertising": False, "analytics": False}}, NO),
        ({"categoryPreferences": {"analytics": "true"}, "provider": "x"}, YES),
    ],
)  # fmt: skip
def test_what_a_call_says_of_consent(said: Any, answer: bool | None) -> None:
    assert consent_said(said) is answer


@pytest.mark.parametrize(
    ("said", "place"),
    [
        (1, "context.consent"), (0, "context.consent"), ("yes", "context.consent"), ("", "context.consent"), ([], "context.consent"),
        ([True], "context.consent"), (1.0, "context.consent"),
        ({"categoryPreferences": True}, "context.consent.categoryPreferences"),
        ({"categoryPreferences": ["analytics"]}, "context.consent.categoryPreferences"),
        ({"categoryPreferences": {"a": True, "analytics": None}}, "context.consent.categoryPreferences.analytics"),
        ({"categoryPreferences": {"analytics": {"granted": True}}}, "context.consent.categoryPreferences.analytics"),
    ],
)  # fmt: skip
def test_a_word_about_consent_is_not_guessed(web: Web, said: Any, place: str) -> None:
    answer = web.track(context={"consent": said})
    assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (422, "type", place)
    assert web.events() == []


@pytest.mark.parametrize(
    ("mode", "said", "objects", "vouched", "consented"),
    [
        ("open", SILENT, False, False, True),
        ("open", SILENT, True, False, True),
        ("open", YES, True, False, True),
        ("open", NO, False, False, False),
        ("open", NO, False, True, False),
        ("gpc_optout", SILENT, False, False, True),
        ("gpc_optout", SILENT, True, False, False),
        ("gpc_optout", YES, True, False, False),
        ("gpc_optout", NO, False, False, False),
        ("gpc_optout", SILENT, True, True, True),
        ("opt_in", SILENT, False, False, False),
        ("opt_in", YES, False, False, True),
        ("opt_in", YES, True, False, False),
        ("opt_in", NO, False, False, False),
        ("opt_in", SILENT, False, True, True),
        ("opt_in", NO, False, True, False),
    ],
)
def test_who_is_followed(mode: ConsentMode, said: bool | None, objects: bool, vouched: bool, consented: bool) -> None:
    assert is_consented(mode, said=said, objects=objects, vouched=vouched) is consented


#: Everything by which an event could be traced to somebody; none of it may be found in Redis.
TELLING = {
    "messageId": "m-4711-telling", "anonymousId": "visitor-telling", "userId": "user-telling", "previousId": "before-telling",
    "name": "category-telling", "properties": {"telling": "prop-telling", "name": "x-telling"},
    "traits": {"email": "telling@example.com", "firstName": "trait-telling"},
    "context": {
        "page": {
            "url": "https://www.example.com/guide?email=query-telling&utm_source=news&utm_medium=email&utm_term=term-telling#telling",
            "path": "/guide?x=telling", "search": "?email=query-telling", "title": "title-telling",
            "referrer": "https://user-telling@search.example:8443/find?q=words-telling",
        },
        "locale": "fr-telling", "timezone": "Europe/telling", "userAgent": "agent-telling", "ip": "203.0.113.7",
        "library": {"name": "telling"},
    },
}  # fmt: skip


@pytest.mark.parametrize("kind", ["track", "identify", "page", "screen", "group", "alias"])
def test_without_consent_nothing_that_tells_who_it_was_reaches_redis(web: Web, kind: str) -> None:
    web.with_consent("opt_in")
    call = {"writeKey": KEY, "event": "plan_chosen", "groupId": "group-telling", **TELLING}
    headers = {"User-Agent": "Mozilla/5.0 telling", "Cookie": "nurture_id=cookie-telling"}
    answer = web.client.post(f"/v1/{kind}", json=call, headers=headers)
    assert answer.status_code == 200
    assert "set-cookie" not in answer.headers
    stored = b"".join(fields[redis_keys.FIELD] for number in range(4) for _, fields in entries(web, number))
    assert b"telling" not in stored
    assert b"203.0.113" not in stored
    event = web.event()
    assert event.consented is False
    assert event.context == {
        "page": {"path": "/guide", "url": "https://www.example.com/guide", "referrer": "https://search.example"},
        "campaign": {"source": "news", "medium": "email"},
    }
    assert (event.properties, event.traits, event.warnings) == ({}, {}, ())
    assert {event.anonymous_id, event.user_id, event.email, event.previous_id, event.submission} == {None}
    assert route_of(event) == route_of(event.model_copy(update={"source": "x"})), "the way follows from the id of the event alone"


def entries(web: Web, number: int) -> Any:
    return web.redis.xrange(redis_keys.events(number))


def test_an_event_without_consent_that_is_sent_again_counts_once(web: Web) -> None:
    web.with_consent("opt_in")
    for _ in range(2):
        web.track(messageId="m1")
        web.track(timestamp="2026-03-02T08:59:59Z")
    web.track(messageId="m2")
    assert len({event.key for event in web.events()}) == 3
    assert "m1" not in {event.message_id for event in web.events()}


def test_what_is_left_survives_the_stream(web: Web) -> None:
    web.with_consent("opt_in")
    web.track()
    event = web.event()
    assert EVENT.validate_json(EVENT.dump_json(event, exclude_defaults=True)) == event
    assert anonymous(event).context == event.context


@pytest.mark.parametrize(
    ("mode", "headers", "consented"),
    [
        ("open", {"Sec-GPC": "1"}, True), ("gpc_optout", {}, True), ("gpc_optout", {"Sec-GPC": "1"}, False),
        ("gpc_optout", {"DNT": "1"}, False), ("gpc_optout", {"DNT": "0", "Sec-GPC": "?1"}, True), ("opt_in", {}, False),
    ],
)  # fmt: skip
def test_the_mode_decides(web: Web, mode: ConsentMode, headers: Mapping[str, str], consented: bool) -> None:
    web.with_consent(mode)
    body = {"writeKey": KEY, "anonymousId": "visitor-1", "event": "x"}
    told = web.client.post("/v1/track", json=body, headers={**headers, "X-Debug": "1"}).json()
    assert web.event().consented is consented
    assert web.event().anonymous_id == ("visitor-1" if consented else None)
    assert told["event"]["consented"] is consented
    assert any("consent" in warning for warning in told["warnings"]) is not consented


def test_yes_is_heard_with_each_call_and_kept_as_proof(web: Web) -> None:
    web.with_consent("opt_in")
    said = {"categoryPreferences": {"analytics": True, "advertising": False}}
    web.track(context={"consent": said})
    assert (web.event().consented, web.event().context["consent"]) == (True, said)


def test_a_batch_says_yes_for_all_its_events(web: Web) -> None:
    web.with_consent("opt_in")
    calls = [
        {"type": "track", "event": "a", "userId": "u1"},
        {"type": "track", "event": "b", "userId": "u1", "context": {"consent": False}},
    ]
    told = web.client.post("/v1/batch", json={"writeKey": KEY, "context": {"consent": True}, "batch": calls}).json()
    assert {event.name: event.consented for event in web.events()} == {"a": True, "b": False}
    assert [each["index"] for each in told["warnings"]] == [1]


@pytest.mark.parametrize("mode", ["open", "gpc_optout", "opt_in"])
@pytest.mark.parametrize("said", [False, {"categoryPreferences": {"analytics": False}}])
def test_a_no_is_heard_in_every_mode(web: Web, mode: ConsentMode, said: Any) -> None:
    web.with_consent(mode)
    web.track(context={"consent": said})
    web.client.post(
        "/v1/track",
        json={"userId": "u1", "event": "x", "context": {"consent": said}},
        headers={"Authorization": f"Bearer {SECRET_KEY}"},
    )
    assert [event.consented for event in web.events()] == [False, False]


def test_a_server_answers_for_having_asked(web: Web) -> None:
    web.with_consent("opt_in")
    body = {"userId": "u1", "event": "x"}
    web.client.post("/v1/track", json=body, headers={"Authorization": f"Bearer {SECRET_KEY}"})
    assert (web.event().consented, web.event().user_id) == (True, "u1")


class TestForms:
    """Who sends a form agrees to what it says."""

    @pytest.mark.parametrize("mode", ["open", "gpc_optout", "opt_in"])
    @pytest.mark.parametrize("headers", [{}, {"Sec-GPC": "1"}])
    def test_a_form_counts_in_every_mode(self, web: Web, mode: ConsentMode, headers: dict[str, str]) -> None:
        web.with_consent(mode)
        answer = web.client.post("/f/guide", data={"email": "ada@example.com", "first_name": "Ada"}, headers=headers)
        event = web.event()
        assert (event.consented, event.email, event.traits, event.assurance) == (
            True,
            "ada@example.com",
            {"first_name": "Ada"},
            "claimed",
        )
        assert ("set-cookie" in answer.headers) is (mode != "opt_in" and not headers)
        web.client.get(answer.headers["location"])
        assert web.events()[-1].submission == event.submission, "the download finds its form without a cookie"

    def test_a_browser_is_followed_only_if_the_snippet_may(self, web: Web) -> None:
        web.with_consent("opt_in")
        web.client.cookies.set("nurture_id", "visitor-12")
        web.client.post("/f/guide", data={"email": "ada@example.com"})
        assert web.event().anonymous_id is None, "a cookie says nothing about consent"
        web.redis.flushdb()
        web.client.post("/f/guide", data={"email": "ada@example.com", "_anonymous_id": "visitor-12"})
        assert web.event().anonymous_id == "visitor-12"

    def test_nobody_is_followed_who_objects(self, web: Web) -> None:
        web.with_consent("gpc_optout")
        web.client.cookies.set("nurture_id", "visitor-12")
        fields = {"email": "ada@example.com", "_anonymous_id": "visitor-12"}
        answer = web.client.post("/f/guide", data=fields, headers={"Sec-GPC": "1"})
        assert web.event().anonymous_id is None
        assert "set-cookie" not in answer.headers


class TestPixel:
    """Pages without script."""

    @pytest.mark.parametrize(
        ("mode", "headers", "query", "kept"),
        [
            ("open", {}, "", "followed"),
            ("open", {"Sec-GPC": "1"}, "", None),
            ("open", {"DNT": "1"}, "&context.consent=true", None),
            ("open", {}, "&context.consent=false", "counted"),
            ("gpc_optout", {}, "", "followed"),
            ("gpc_optout", {"DNT": "1"}, "", "counted"),
            ("opt_in", {}, "", "counted"),
            ("opt_in", {"Sec-GPC": "1"}, "&context.consent=true", "counted"),
            ("opt_in", {}, "&context.consent=true", "followed"),
            ("opt_in", {}, "&context.consent.categoryPreferences.analytics=true", "followed"),
        ],
    )
    def test_the_mode_decides(
        self, web: Web, mode: ConsentMode, headers: dict[str, str], query: str, kept: str | None
    ) -> None:  # fmt: skip
        web.with_consent(mode)
        answer = web.client.get(f"/v1/pixel.gif?writeKey={KEY}&plan=pro{query}", headers=headers)
        assert (answer.status_code, answer.content) == (200, PIXEL)
        assert ("set-cookie" in answer.headers) is (kept == "followed")
        assert [event.consented for event in web.events()] == ([] if kept is None else [kept == "followed"])

    def test_two_views_without_consent_are_two_and_not_tied_to_a_cookie(self, web: Web) -> None:
        web.with_consent("opt_in")
        web.client.cookies.set("nurture_id", "visitor-12")
        for _ in range(2):
            web.client.get(f"/v1/pixel.gif?writeKey={KEY}")
        assert len({event.key for event in web.events()}) == 2
        assert {event.anonymous_id for event in web.events()} == {None}

    def test_a_wrong_word_is_refused(self, web: Web) -> None:
        answer = web.client.get(f"/v1/pixel.gif?writeKey={KEY}&context.consent=maybe")
        assert (answer.status_code, answer.json()["field"]) == (422, "context.consent")
        packed_nonsense = web.client.get(f"/v1/pixel.gif?writeKey={KEY}&context.page.title=x&context.consent.x=1")
        assert packed_nonsense.status_code == 200


def test_the_way_of_a_refusal_is_the_same_as_before(web: Web) -> None:
    """A call without any id is refused, whether or not it would have been followed."""
    web.with_consent("opt_in")
    assert web.track(anonymousId=None).json()["code"] == "no_identity"


def test_a_referrer_of_the_same_site_stays_one(web: Web) -> None:
    """A step within the site must not count as a visit from elsewhere."""
    web.with_consent("opt_in")
    web.track(context={"page": {"url": "https://www.example.com/b?x", "referrer": "https://www.example.com/a?y"}})
    assert web.event().context["page"] == {
        "path": "/b", "url": "https://www.example.com/b", "referrer": "https://www.example.com",
    }  # fmt: skip


@pytest.mark.parametrize("url", ["http://[", "no url", "//", "", "mailto:a@b.example", "https://"])
def test_no_address_is_too_strange_to_be_stripped(web: Web, url: str) -> None:
    web.with_consent("opt_in")
    assert web.track(context={"page": {"url": url, "referrer": url}}).status_code == 200
    assert b"@" not in EVENT.dump_json(web.event())
