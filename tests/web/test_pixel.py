"""The pixel over HTTP."""

import json
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable
from urllib.parse import quote

import pytest

from nurture.web.gif import PIXEL
from nurture.web.pixel import call_in
from tests.web.conftest import KEY, Web


def test_a_view_in_a_page_without_script(web: Web) -> None:
    """The page that holds the image is the page seen, and the browser is given an id to be known by."""
    answer = web.client.get(f"/v1/pixel.gif?writeKey={KEY}", headers={"Referer": "https://www.example.com/blog/a?utm_source=x"})
    assert (answer.status_code, answer.content) == (200, PIXEL)
    assert (answer.headers["content-type"], answer.headers["cache-control"]) == ("image/gif", "no-store")
    event = web.event()
    assert (event.name, event.context["page"]["path"], event.context["campaign"]) == ("page_viewed", "/blog/a", {"source": "x"})
    assert event.anonymous_id == web.client.cookies["nurture_id"]
    web.client.get(f"/v1/pixel.gif?writeKey={KEY}")
    assert {each.anonymous_id for each in web.events()} == {event.anonymous_id}


def test_flat_parameters(web: Web) -> None:
    query = f"writeKey={KEY}&event=plan_chosen&anonymousId=a1&plan=pro&properties.seats=3&context.page.title=Pricing&context.locale=fr"
    assert web.client.get(f"/v1/pixel.gif?{query}").status_code == 200
    event = web.event()
    assert (event.name, event.properties) == ("plan_chosen", {"plan": "pro", "seats": "3"})
    assert (event.context["page"], event.context["locale"]) == ({"title": "Pricing"}, "fr")
    assert "set-cookie" not in web.client.get(f"/v1/pixel.gif?{query}").headers


@pytest.mark.parametrize("encode", [b64encode, urlsafe_b64encode])
def test_packed_in_base64(web: Web, encode: Callable[[bytes], bytes]) -> None:
    call = {"writeKey": KEY, "type": "track", "event": "é?>~ÿ", "anonymousId": "a1"}
    packed = encode(json.dumps(call, ensure_ascii=False).encode()).decode().rstrip("=")
    assert web.client.get(f"/v1/pixel.gif?d={quote(packed, safe='')}").status_code == 200
    assert web.event().name == "é?>~ÿ"


@pytest.mark.parametrize("junk", ["null", "undefined", "", "0000-0000", "%22null%22"])
def test_an_id_that_names_nobody_is_left_out_for_the_browsers_own(web: Web, junk: str) -> None:
    """The event is kept, and who sees it is known by the cookie as ever."""
    web.client.get(f"/v1/pixel.gif?writeKey={KEY}&anonymousId={junk}&userId={junk}")
    event = web.event()
    assert event.anonymous_id == web.client.cookies["nurture_id"]
    assert event.user_id is None
    assert [warning.partition(":")[0] for warning in event.warnings] == ["anonymousId", "userId"]


def test_an_address_goes_with_the_browser_that_shows_it(web: Web) -> None:
    web.client.get(f"/v1/pixel.gif?writeKey={KEY}&type=identify&traits.email=ada@example.com")
    assert (web.event().email, web.event().anonymous_id) == ("ada@example.com", web.client.cookies["nurture_id"])


def test_a_cookie_that_names_nobody_is_replaced(web: Web) -> None:
    web.client.cookies.set("nurture_id", "undefined")
    answer = web.client.get(f"/v1/pixel.gif?writeKey={KEY}")
    assert "nurture_id=" in answer.headers["set-cookie"]
    assert web.event().anonymous_id not in (None, "undefined")


def test_views_of_two_browsers_in_one_minute_are_two(web: Web) -> None:
    for visitor in ("visitor-12", "visitor-34"):
        web.client.cookies.clear()
        web.client.cookies.set("nurture_id", visitor)
        for _ in range(2):
            web.client.get(f"/v1/pixel.gif?writeKey={KEY}")
    assert len({event.key for event in web.events()}) == 2


@pytest.mark.parametrize("header", ["DNT", "Sec-GPC"])
def test_who_asks_not_to_be_followed_gets_the_image_only(web: Web, header: str) -> None:
    answer = web.client.get(f"/v1/pixel.gif?writeKey={KEY}", headers={header: "1"})
    assert (answer.content, "set-cookie" in answer.headers) == (PIXEL, False)
    assert web.events() == []


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("", 401, "unknown_key"),
        ("writeKey=wrong", 401, "unknown_key"),
        (f"writeKey={KEY}&event=form_submitted", 422, "reserved_name"),
        (f"writeKey={KEY}&type=dance", 422, "unknown_type"),
        (f"writeKey={KEY}&event=a%00", 422, "nul_character"),
        (f"writeKey={KEY}&properties.a=1&properties.a.b=2", 422, "type"),
        (f"writeKey={KEY}&properties.a.b=1&properties.a=2", 422, "type"),
        (f"writeKey={KEY}&{'.'.join(['context'] + ['a'] * 200)}=1", 422, "too_deep"),
        (f"writeKey={KEY}&context.page=x", 422, "type"),
        ("d=%00", 400, "malformed"), ("d=e", 400, "malformed"), ("d=W10", 422, "type"), ("d=%C3%A9", 400, "malformed"),
        ("d=" + b64encode(b" " * 40_000).decode(), 413, "too_large"), ("d=" + "A" * 62_000, 413, "too_large"),
    ],
)  # fmt: skip
def test_what_is_no_event_is_refused(web: Web, query: str, status: int, code: str) -> None:
    answer = web.client.get(f"/v1/pixel.gif?{query}")
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert web.events() == []


def test_a_property_may_have_a_dot_in_its_name() -> None:
    assert call_in({"a.b": "1", "event": "x"}) == {"type": "track", "event": "x", "properties": {"a.b": "1"}}
