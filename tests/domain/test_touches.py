"""Touches: which events are one, and that no order of arrival changes who is credited."""

import json
from datetime import UTC, datetime, timedelta, timezone
from functools import reduce
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurture.domain.channels import Channels
from nurture.domain.event import (
    ASSET_DOWNLOADED,
    EMAIL_CLICKED,
    EMAIL_OPENED,
    FORM_SUBMITTED,
    IDENTIFIED,
    PAGE_VIEWED,
    SCREEN_VIEWED,
)
from nurture.domain.touches import Touch, earlier, later_non_direct, touch_from_json, touch_of, touch_to_json
from tests.support.events import MONDAY, event

CHANNELS = Channels()
TAGGED = "https://www.example.com/fair?utm_source=News&utm_medium=Email&utm_campaign=Spring Fair&utm_content=Button&utm_term=B2B"


def touch(name: str, *, properties: dict[str, Any] | None = None, **context: Any) -> Touch | None:
    return touch_of(event(name, context=context, properties=properties or {}), CHANNELS)


def test_all_that_a_page_tells() -> None:
    page = {"url": TAGGED + "&gclid=secret", "path": "/fair", "referrer": "https://www.partner.example/post?who=anna"}
    assert touch(PAGE_VIEWED, page=page) == Touch(
        MONDAY, "paid-search", "news", "email", "Spring Fair", "Button", "B2B", "gclid", "partner.example", "/fair"
    )


def test_what_is_told_beside_a_page_is_not_remembered_for_the_next_visit_to_it() -> None:
    page, campaign = {"url": "https://www.example.com/fair", "path": "/fair"}, {"source": "News", "medium": "email"}
    without = Touch(MONDAY, "direct", landing="/fair")
    assert touch(PAGE_VIEWED, page=page) == without
    assert touch(PAGE_VIEWED, page=page, campaign=campaign) == Touch(MONDAY, "email", "news", "email", landing="/fair")
    assert touch(PAGE_VIEWED, page=page) == without
    own = Channels(sources={"search": ("mine.example",)})
    found = {**page, "referrer": "https://mine.example/"}
    assert touch(PAGE_VIEWED, page=found) == Touch(
        MONDAY, "referral", "mine.example", "referral", referrer="mine.example", landing="/fair"
    )
    searched = touch_of(event(PAGE_VIEWED, context={"page": found}, properties={}), own)
    assert searched is not None
    assert searched.channel == "organic-search"


def test_the_campaign_may_be_told_beside_the_page() -> None:
    campaign = {"name": "Spring", "source": "News", "medium": "email", "term": 5, "id": "x"}
    assert touch(PAGE_VIEWED, campaign=campaign) == Touch(MONDAY, "email", "news", "email", "Spring")
    assert touch(SCREEN_VIEWED, campaign=campaign) == Touch(MONDAY, "email", "news", "email", "Spring")


def test_tags_in_search_alone() -> None:
    found = touch(PAGE_VIEWED, page={"path": "/a", "search": "?utm_source=crm&utm_medium=sms"})
    assert found == Touch(MONDAY, "sms", "crm", "sms", landing="/a")


def test_a_page_told_by_properties_alone() -> None:
    """As imports write it."""
    found = touch(PAGE_VIEWED, properties={"url": "https://example.com/a", "referrer": "https://www.bing.com/"})
    assert found == Touch(MONDAY, "organic-search", "bing", "organic", referrer="bing.com", landing="/a")


def test_what_is_left_of_an_event_without_consent() -> None:
    page = {"path": "/a", "referrer": "www.google.com"}
    found = touch_of(event(PAGE_VIEWED, context={"page": page}, consented=False), CHANNELS)
    assert found == Touch(MONDAY, "organic-search", "google", "organic", referrer="google.com", landing="/a")


def test_a_click_in_a_mail_of_ours() -> None:
    assert touch(EMAIL_CLICKED, properties={"url": TAGGED, "path": "/fair"}) == Touch(
        MONDAY, "email", "nurture", "email", "Spring Fair", "Button", "B2B", landing="/fair"
    )
    assert touch(EMAIL_CLICKED) == Touch(MONDAY, "email", "nurture", "email")


@pytest.mark.parametrize("name", [FORM_SUBMITTED, ASSET_DOWNLOADED, EMAIL_OPENED, IDENTIFIED, "podcast_played"])
def test_nothing_else_brings_anybody(name: str) -> None:
    page = {"url": TAGGED, "referrer": "https://www.google.com/"}
    assert touch(name, page=page, campaign={"source": "news", "medium": "email"}) is None


@pytest.mark.parametrize(
    "context",
    [
        {"page": "https://example.com/"},
        {"page": None, "campaign": "spring"},
        {"page": {"url": 5, "referrer": ["x"], "search": {}, "path": 7}, "campaign": [1]},
        {"campaign": {"source": {"a": 1}, "medium": None}},
    ],
)
def test_parts_of_another_type_say_nothing(context: dict[str, Any]) -> None:
    assert touch(PAGE_VIEWED, **context) == Touch(MONDAY, "direct")


def test_long_texts_are_cut() -> None:
    found = touch(PAGE_VIEWED, page={"url": f"https://example.com/{'p' * 999}?utm_campaign={'c' * 999}"})
    assert found
    assert (found.campaign, found.landing) == ("c" * 256, "/" + "p" * 255)


def test_the_instant_is_told_in_utc() -> None:
    paris = MONDAY.astimezone(timezone(timedelta(hours=1)))
    found = touch_of(event(PAGE_VIEWED, occurred_at=paris), CHANNELS)
    assert found
    assert (found.at, found.at.tzinfo) == (MONDAY, UTC)


# ---- Which touch counts ----

FIRST = Touch(MONDAY, "organic-search", "google")
DIRECT = Touch(MONDAY + timedelta(days=1), "direct")
LAST = Touch(MONDAY + timedelta(days=2), "email", "nurture", "email")
DIRECT_AGAIN = Touch(MONDAY + timedelta(days=3), "direct")


@pytest.mark.parametrize("touches", list(permutations([FIRST, DIRECT, LAST, DIRECT_AGAIN])))
def test_first_and_last_touch_in_any_order(touches: tuple[Touch, ...]) -> None:
    assert reduce(earlier, touches, None) == FIRST
    assert reduce(later_non_direct, touches, None) == LAST


def test_a_direct_visit_may_be_the_first_but_never_the_last() -> None:
    assert earlier(None, DIRECT) == DIRECT
    assert later_non_direct(None, DIRECT) is None
    assert later_non_direct(DIRECT, DIRECT_AGAIN) is None
    assert earlier(None, None) is None


instants = st.datetimes(datetime(2026, 1, 1), datetime(2026, 1, 2), timezones=st.just(UTC)).map(  # noqa: DTZ001 - zones are given
    lambda at: at.replace(minute=0, second=0, microsecond=0)
)
words = st.none() | st.sampled_from(["", "a", "b"])
touches = st.builds(
    Touch, instants, st.sampled_from(["direct", "email", "referral"]), words, words, words, words, words, words, words, words
)
maybe = st.none() | touches


@given(st.lists(touches, min_size=1, max_size=6), st.randoms())
def test_no_order_of_arrival_matters(arrived: list[Touch], random: Any) -> None:
    shuffled = random.sample(arrived, len(arrived))
    assert (
        reduce(earlier, shuffled, None)
        == reduce(earlier, arrived, None)
        == min(arrived, key=lambda each: (each.at, repr_of(each)))
    )
    assert reduce(later_non_direct, shuffled, None) == reduce(later_non_direct, arrived, None)


def repr_of(each: Touch) -> tuple[Any, ...]:
    return tuple((part is not None, part or "") for part in each[1:])


@given(maybe, maybe, maybe)
def test_choices_are_associative_and_commutative(a: Touch | None, b: Touch | None, c: Touch | None) -> None:
    for choose in (earlier, later_non_direct):
        assert choose(choose(a, b), c) == choose(a, choose(b, c))
        assert choose(a, b) == choose(b, a)
        assert choose(choose(a, b), b) == choose(a, b)


@given(touches)
def test_a_touch_comes_back_as_it_was_stored(one: Touch) -> None:
    assert touch_from_json(json.loads(json.dumps(touch_to_json(one)))) == one


def test_what_is_stored_is_short() -> None:
    assert touch_to_json(FIRST) == {"at": "2026-03-02T09:00:00+00:00", "channel": "organic-search", "source": "google"}
