"""Channels: the table against its conformance rows, and what an installation may change of it."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from nurture.domain.channel_table import CLICK_IDS, MEDIUM_OF_LIST, RULES, SOURCES
from nurture.domain.channels import LONGEST_CHANNEL, Channels, Visit, brand_of
from nurture.domain.event import PAGE_VIEWED
from nurture.domain.touches import Touch, touch_of
from tests.support.events import event

SITE = "https://www.example.com"
BUILT_IN = Channels()

with (Path(__file__).parent / "channels_conformance.csv").open(encoding="utf-8", newline="") as file:
    ROWS = list(csv.DictReader(file))


def arrival(page: str, referrer: str = "", channels: Channels = BUILT_IN) -> Touch | None:
    """The touch of a page view; a page that begins with `/` is one of the site's."""
    url = SITE + page if page.startswith("/") else page
    return touch_of(event(PAGE_VIEWED, context={"page": {"url": url, "referrer": referrer}}), channels)


def changed(**parts: Any) -> Channels:
    return Channels.model_validate(parts)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["shows"])
def test_the_table_conforms(row: dict[str, str]) -> None:
    """A page of the site, or a whole address, and where the browser came from; an empty channel means no touch."""
    touch = arrival(row["page"], row["referrer"])
    found = (touch.channel, touch.source or "", touch.medium or "") if touch else ("", "", "")
    assert found == (row["channel"], row["source"], row["medium"])


def test_the_conformance_rows_show_every_channel_and_every_ad_network() -> None:
    shown = [row["shows"] for row in ROWS]
    assert len(shown) == len(set(shown)) >= 120
    assert {row["channel"] for row in ROWS} - {""} == {channel for channel, _ in RULES}
    assert {shows.split(":")[0].split(" by ")[0] for shows in shown} == {*(channel for channel, _ in RULES), "internal", "broken"}


def test_the_built_in_table_is_in_order() -> None:
    assert all(len(channel) <= LONGEST_CHANNEL for channel, _ in RULES)
    assert [channel for channel, when in RULES if when is None] == [RULES[-1][0]]
    assert {*MEDIUM_OF_LIST} <= {*SOURCES}
    entries = [entry for listed in SOURCES.values() for entry in listed]
    assert sorted(entries) == sorted(set(entries)), "a source stands in one list, once"
    assert Channels.model_validate({"sources": SOURCES, "click_ids": CLICK_IDS}).lists == {*SOURCES}
    asked = [each for _, when in RULES if when and "click_id" in when for each in when["click_id"]]
    assert {*asked} <= {*CLICK_IDS}


@pytest.mark.parametrize(
    ("host", "brand"),
    [
        ("google.fr", "google"), ("google.co.uk", "google"), ("google.com.au", "google"), ("m.ebay.fr", "ebay"),
        ("docs.google.com", ""), ("google.com.evil.example", ""), ("google.fr.example", ""), ("co.uk", "co"), ("localhost", ""),
        ("com.co", "com"),
    ],
)  # fmt: skip
def test_the_name_under_an_ending(host: str, brand: str) -> None:
    assert brand_of(host) == brand


def test_sources_are_added_to_those_built_in() -> None:
    channels = changed(sources={"social": ["Forum.Example.org", "reseller.*"], "video": ["clips"]})
    assert (found := arrival("/", "https://eu.forum.example.org/t/1", channels))
    assert found.channel == "organic-social"
    assert (found := arrival("/", "https://reseller.co.uk/", channels))
    assert (found.channel, found.source) == ("organic-social", "reseller")
    assert (found := arrival("/?utm_source=Clips", channels=channels))
    assert found.channel == "organic-video"
    assert (found := arrival("/", "https://www.facebook.com/", channels))
    assert found.channel == "organic-social"


def test_a_source_is_moved_by_writing_it_under_another_list() -> None:
    channels = changed(sources={"video": ["tiktok.com"], "search": ["docs.google.com"]})
    assert (found := arrival("/", "https://www.tiktok.com/", channels))
    assert found.channel == "organic-video"
    assert (found := arrival("/", "https://docs.google.com/", channels))
    assert (found.channel, found.source, found.medium) == ("organic-search", "docs.google.com", "organic")


def test_a_name_with_letters_beyond_ascii_is_met_as_browsers_send_it() -> None:
    assert (found := arrival("/", "https://xn--mller-kva.example/", changed(sources={"social": ["Müller.example"]})))
    assert found.channel == "organic-social"


def test_click_ids_are_added_and_changed() -> None:
    channels = changed(click_ids={"Acme_Click": {"source": "Acme", "medium": "CPC"}, "fbclid": {"source": "meta"}})
    assert (found := arrival("/?acme_click=1", channels=channels))
    assert (found.channel, found.source, found.medium, found.click_id) == ("paid-other", "acme", "cpc", "acme_click")
    assert (found := arrival("/?fbclid=1", channels=channels))
    assert (found.channel, found.source) == ("organic-social", "meta")


def test_of_several_click_ids_one_that_proves_a_medium_counts() -> None:
    """An advertisement's link that was shared on Facebook, in whichever order."""
    for query in ("gclid=1&fbclid=2", "fbclid=2&gclid=1"):
        assert (found := arrival(f"/?{query}"))
        assert (found.channel, found.click_id) == ("paid-search", "gclid")


def test_the_order_in_which_click_ids_are_written_changes_nothing() -> None:
    """PostgreSQL keeps the keys of an object in an order of its own."""
    proofs = {"b_click": {"source": "b", "medium": "cpc"}, "a_click": {"source": "a", "medium": "cpc"}}
    for names in (["a_click", "b_click"], ["b_click", "a_click"]):
        channels = changed(click_ids={name: proofs[name] for name in names})
        assert (found := arrival("/?b_click=1&a_click=1", channels=channels))
        assert found.click_id == "a_click"


def test_who_comes_from_a_page_for_paying_was_here_before() -> None:
    channels = changed(internal=["www.Pay.example", "localhost"])
    for referrer in ("https://checkout.pay.example/", "https://www.pay.example/", "http://localhost:3000/"):
        assert arrival("/thanks", referrer, channels) is None
    assert (found := arrival("/thanks?utm_source=a&utm_medium=email", "https://pay.example/", channels))
    assert (found.channel, found.referrer) == ("email", None)


def test_rules_replace_the_table_and_ask_in_any_case() -> None:
    channels = changed(
        sources={"partners": ["partner.example"]},
        rules=[
            {"channel": "events", "when": {"campaign": {"starts_with": "Fair-"}}},
            {"channel": "press", "when": {"source": {"matches": r"(?s)^\S+\.PRESS$"}}},
            {"channel": "partners", "when": {"source_category": ["PARTNERS"], "landing": {"contains": "/Offer"}}},
            {"channel": "click", "when": {"click_id": {"exists": True}, "not": {"referrer": "Elsewhere.example"}}},
            {"channel": "rest"},
        ],
    )
    expected = {
        ("/?utm_campaign=FAIR-2026", ""): "events",
        ("/", "https://daily.press/"): "press",
        ("/OFFER/1", "https://www.partner.example/"): "partners",
        ("/about", "https://www.partner.example/"): "rest",
        ("/?gclid=1", ""): "click",
        ("/?gclid=1", "https://elsewhere.example/"): "rest",
        ("/", "https://www.google.com/"): "rest",
    }
    assert {visit: touch.channel for visit in expected if (touch := arrival(*visit, channels))} == expected


def test_a_table_may_ask_about_nothing_or_about_one_thing() -> None:
    assert changed(rules=[{"channel": "all"}]).compiled.channel_of(Visit("google")) == "all"
    only = changed(rules=[{"channel": "mail", "when": {"medium": "email"}}, {"channel": "rest"}]).compiled
    assert [only.channel_of(Visit(medium=medium)) for medium in ("email", "cpc", None)] == ["mail", "rest", "rest"]


def test_what_no_rule_takes_is_unassigned() -> None:
    assert changed(rules=[{"channel": "a", "when": {"medium": "b"}}]).compiled.channel_of(Visit()) == "unassigned"


def test_a_table_can_be_stored_and_read_back() -> None:
    channels = changed(sources={"social": ["a.example"]}, rules=[{"channel": "a", "when": {"medium": "b"}}, {"channel": "c"}])
    assert channels.compiled is channels.compiled
    assert Channels.model_validate_json(channels.model_dump_json(exclude_defaults=True)) == channels
    assert BUILT_IN.model_dump(exclude_defaults=True) == {}


@pytest.mark.parametrize(
    "parts",
    [
        {"sources": {"social": ["https://a.example/"]}},
        {"sources": {"social": ["*.example"]}},
        {"sources": {"social": ["a b"]}},
        {"sources": {"social": ["a.b.*"]}},
        {"internal": ["a.*"]},
        {"sources": {"social": ["a.example"], "video": ["A.example"]}},
        {"click_ids": {"a=b": {"source": "a"}}},
        {"click_ids": {"a": {"medium": "cpc"}}},
        {"rules": []},
        {"rules": [{"channel": "x" * 33}]},
        {"rules": [{"channel": "Paid Search"}]},
    ],
)
def test_what_is_no_table(parts: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Channels.model_validate(parts)


texts = st.text(max_size=60) | st.from_regex(r"https?://[a-z.]{1,12}/\?utm_source=[a-z%&=#?]{0,12}&gclid=.", fullmatch=True)


@given(texts, texts)
def test_no_address_is_too_broken(page: str, referrer: str) -> None:
    touch = arrival(page, referrer)
    assert touch is None or all(part is None or (part.isprintable() and 0 < len(part) <= 256) for part in touch[1:])


@given(st.sampled_from([row for row in ROWS if "%" not in row["page"]]), st.sampled_from([str.upper, str.swapcase, str.title]))
def test_capitals_never_matter(row: dict[str, str], shouted: Callable[[str], str]) -> None:
    one, other = arrival(row["page"], row["referrer"]), arrival(shouted(row["page"]), shouted(row["referrer"]))
    assert (one and one[1:4]) == (other and other[1:4])
