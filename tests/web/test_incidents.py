"""What went wrong elsewhere with who is who, as far as it is decided before an event is absorbed."""

from typing import Any

import pytest

from tests.web.conftest import BOUND_KEY, KEY, SECRET_KEY, Web


def identify(web: Web, **call: Any) -> None:
    assert web.client.post("/v1/identify", json={"writeKey": KEY, **call}).status_code == 200


@pytest.mark.parametrize("nobody", [None, "null", "undefined", "", "None", "0", "[object Object]", '"null"', "anonymous"])
def test_who_logs_out_is_not_merged_with_all_others__posthog_5527(web: Web, nobody: str | None) -> None:
    """`identify(null)` on log-out: each browser stays itself, and no id is common to them."""
    for visitor in ("visitor-1", "visitor-2"):
        identify(web, anonymousId=visitor, userId=nobody)
    assert [(event.anonymous_id, event.user_id) for event in sorted(web.events(), key=lambda each: each.anonymous_id or "")] == [
        ("visitor-1", None), ("visitor-2", None),
    ]  # fmt: skip
    assert all(bool(event.warnings) is (nobody is not None) for event in web.events())


def test_an_empty_user_id_is_none_and_changes_no_browser__segment_docs_6467(web: Web) -> None:
    identify(web, anonymousId="visitor-1", userId="", traits={"name": "Ada"}, messageId="m1")
    identify(web, anonymousId="visitor-1", traits={"name": "Ada"}, messageId="m2")
    first, second = (event.model_dump(exclude={"message_id", "warnings"}) for event in web.events())
    assert first == second
    assert first["anonymous_id"] == "visitor-1"


def test_an_empty_user_id_leaves_the_pixels_cookie_alone__segment_docs_6467(web: Web) -> None:
    web.client.get(f"/v1/pixel.gif?writeKey={KEY}")
    answer = web.client.get(f"/v1/pixel.gif?writeKey={KEY}&userId=&type=identify")
    assert "set-cookie" not in answer.headers
    assert {event.anonymous_id for event in web.events()} == {web.client.cookies["nurture_id"]}


def test_the_second_user_of_a_computer_carries_nothing_of_the_first__posthog_381(web: Web) -> None:
    """Ada logs in, then Ben, on one browser: each event says what its own call said, whatever came before."""
    identify(web, anonymousId="visitor-1", userId="ada", traits={"email": "ada@example.com", "name": "Ada"})
    identify(web, anonymousId="visitor-1", userId="ben")
    web.track(userId="ben")
    ben = [event for event in web.events() if event.user_id == "ben"]
    assert [(event.email, event.traits, event.previous_id) for event in ben] == [(None, {}, None)] * 2
    assert len({event.anonymous_id for event in web.events()}) == 1
    assert len([events for number in range(4) if (events := web.partition(number))]) == 1, "in the order of the browser"


def test_a_kept_browser_id_links_by_no_word_of_ours__rudder_sdk_js_206(web: Web) -> None:
    """After `reset()` the browser's id stays the same. A batch's own user must not be taken for that of every call in it."""
    calls = [
        {"type": "identify", "anonymousId": "visitor-1", "userId": "ada"},
        {"type": "page", "anonymousId": "visitor-1"},
        {"type": "identify", "anonymousId": "visitor-1", "userId": "ben"},
    ]
    web.client.post("/v1/batch", json={"writeKey": KEY, "userId": "ada", "traits": {"email": "ada@example.com"}, "batch": calls})
    assert [(event.user_id, event.email, event.previous_id) for event in web.events()] == [
        ("ada", None, None), (None, None, None), ("ben", None, None),
    ]  # fmt: skip


def test_an_alias_of_somebody_with_themselves_links_nothing_and_is_kept__posthog_11873(web: Web) -> None:
    """Which of the two ids an SDK gives first differs by language; the same one twice is a mistake that is told."""
    answer = web.client.post("/v1/alias", json={"writeKey": KEY, "userId": "u1", "previousId": "u1"})
    assert answer.json() == {"success": True, "warnings": ["alias: previousId and userId are the same and were not linked"]}
    assert (web.event().user_id, web.event().previous_id) == ("u1", None)


def test_an_alias_is_always_visible__openpanel_173(web: Web) -> None:
    told = web.client.post("/v1/alias", json={"writeKey": KEY, "userId": "u1", "previousId": "undefined"}).json()
    assert told["warnings"] == [
        "previousId: 'undefined' names nobody and was left out",
        "alias: no previousId names somebody, so nothing was linked",
    ]
    assert web.event().name == "aliased"


def test_somebody_elses_page_cannot_write_with_our_key(web: Web) -> None:
    """The key is in our page's source for everybody to copy."""
    body = {"writeKey": BOUND_KEY, "userId": "ada", "traits": {"email": "ada@example.com"}}
    answer = web.client.post("/v1/identify", json=body, headers={"Origin": "https://copycat.example"})
    assert (answer.status_code, answer.json()["code"]) == (403, "wrong_origin")
    assert web.events() == []


def test_a_page_that_holds_a_secret_key_by_mistake_verifies_nobody(web: Web) -> None:
    """Whoever reads the page could speak for everybody."""
    body = {"writeKey": SECRET_KEY, "userId": "ada", "traits": {"email": "ada@example.com"}}
    headers = {"Origin": "https://www.example.com", "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors"}
    answer = web.client.post("/v1/identify", json=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "secret_key_in_browser")
    assert web.events() == []


def test_a_browser_cannot_say_of_itself_that_it_is_verified(web: Web) -> None:
    identify(
        web,
        userId="ada",
        assurance="verified",
        consented=True,
        traits={"assurance": "verified"},
        context={"assurance": "verified"},
    )
    assert web.event().assurance == "observed"
