"""What one event adds: whatever somebody sends, no more than it says, and never an error."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurture.domain.event import Event
from nurture.domain.measuring.adding import MOST_SECONDS, Measure, added_by, path_in, was_here
from nurture.domain.measuring.tally import LONGEST_KEY
from tests.support.events import MONDAY, download, event, form, page

MEASURE = Measure("UTC", ("acme",))


def added(
    happened: Event, channel: str | None = None, verdict: str = "human", measure: Measure = MEASURE
) -> dict[tuple[str, str], int]:
    return {(figure, key): n for (figure, _, key), n in added_by(happened, verdict, channel, measure).items()}


def arrival(channel: str, **page: str) -> dict[tuple[str, str], int]:
    return added(event("page_viewed", anonymous_id="d", context={"page": {"path": "/", **page}}), channel)


def test_a_view_adds_itself_and_no_more() -> None:
    assert added(page("/pricing")) == {("events", "human"): 1, ("did", "page_viewed"): 1, ("views", "/pricing"): 1}


def test_a_machine_adds_nothing_that_a_human_would() -> None:
    assert added(page("/pricing"), verdict="machine") == {("events", "machine"): 1, ("machines", "page_viewed"): 1}


@pytest.mark.parametrize(
    ("seconds", "counted"),
    [(30, 30), (0.4, None), (12.6, 13), (-5, None), (10**30, MOST_SECONDS), (float("inf"), MOST_SECONDS), (float("nan"), None),
     (True, None), ("30", None), (None, None), ([30], None)],
)  # fmt: skip
def test_seconds_are_bounded_and_nonsense_adds_none(seconds: Any, counted: int | None) -> None:
    engaged = event("page_engaged", anonymous_id="d", properties={"path": "/a", "seconds": seconds})
    assert added(engaged).get(("seconds", "/a")) == counted


@pytest.mark.parametrize(("scroll", "deep"), [(75, 1), (100, 1), (74.9, None), ("90", None), (None, None), (-90, None)])
def test_whoever_has_seen_three_quarters_has_read(scroll: Any, deep: int | None) -> None:
    engaged = event("page_engaged", anonymous_id="d", properties={"path": "/a", "seconds": 3, "scroll": scroll})
    assert added(engaged).get(("deep", "/a")) == deep


@pytest.mark.parametrize(
    ("properties", "title"),
    [
        ({"title": "Tour", "episode": 3}, "Tour"),
        ({"episode": 12}, "12"),
        ({"name": "x"}, "x"),
        ({"path": "/podcast"}, "/podcast"),
        ({}, None),
    ],
)
def test_a_play_is_known_by_its_title_or_what_comes_nearest(properties: dict[str, Any], title: str | None) -> None:
    plays = {key: n for (figure, key), n in added(event("podcast_played", properties=properties)).items() if figure == "plays"}
    assert plays == ({} if title is None else {title: 1})


def test_a_form_is_counted_by_the_page_it_was_sent_from() -> None:
    sent = form("ana@acme.test").model_copy(update={"context": {"page": {"path": "/guide?utm_source=x"}}})
    assert added(sent)["landed", "guide /guide"] == 1
    assert [key for figure, key in added(form("ana@acme.test")) if figure == "landed"] == []


def test_forms_and_downloads_are_counted_by_name() -> None:
    assert added(form("ana@acme.test"))["submits", "guide"] == 1
    assert added(download("ana@acme.test"))["downloads", "guide"] == 1


@pytest.mark.parametrize(
    ("channel", "url", "aware"),
    [
        ("direct", "https://example.com/", "direct"),
        ("paid-search", "https://example.com/?utm_term=ACME+software", "branded"),
        ("paid-search", "https://example.com/?utm_term=software", None),
        ("organic-social", "https://example.com/?utm_campaign=Acme-spring", "branded"),
        ("email", "https://example.com/?utm_campaign=acme-news", None),
    ],
)
def test_direct_and_branded_visits_are_the_trace_of_awareness(channel: str, url: str, aware: str | None) -> None:
    told = arrival(channel, url=url)
    assert told["visits", channel] == 1
    assert {key for figure, key in told if figure == "aware"} == ({aware} if aware else set())


@pytest.mark.parametrize(
    ("timezone", "day"), [("UTC", 20_514), ("Europe/Paris", 20_515), ("America/New_York", 20_514), ("Pacific/Kiritimati", 20_515)]
)
def test_the_day_is_that_of_the_business(timezone: str, day: int) -> None:
    late = page("/", at=datetime(2026, 3, 2, 23, 30, tzinfo=UTC))
    assert {place.day for place in added_by(late, "human", None, Measure(timezone))} == {day}


@pytest.mark.parametrize(
    ("parts", "path"),
    [
        ({"context": {"page": {"path": "/a?b=1#c"}}}, "/a"),
        ({"context": {"page": {"url": "https://example.com/a/b?c"}}}, "/a/b"),
        ({"context": {"page": "no page"}, "properties": {"path": "/p"}}, "/p"),
        ({"properties": {"path": ["/p"], "url": "https://example.com/x"}}, "/x"),
        ({"context": {"page": {"path": "\x00\x1f"}}}, None),
        ({}, None),
    ],
)
def test_a_path_is_found_wherever_senders_write_it(parts: dict[str, Any], path: str | None) -> None:
    assert path_in(event("page_viewed", **parts)) == path


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=400),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
KEYS = st.sampled_from(
    ["path", "url", "seconds", "scroll", "title", "episode", "name", "asset", "form", "page", "campaign", "search"]
)


@given(
    name=st.sampled_from(
        ["page_viewed", "page_engaged", "video_played", "form_submitted", "asset_downloaded", "x" * 300, "\x00"]
    ),
    properties=st.dictionaries(KEYS, ANYTHING),
    context=st.dictionaries(KEYS, ANYTHING),
    channel=st.none() | st.sampled_from(["direct", "email", "paid-search"]),
)
def test_whatever_is_sent_adds_little_and_breaks_nothing(
    name: str, properties: dict[str, Any], context: dict[str, Any], channel: str | None
) -> None:
    happened = event(name, MONDAY, properties=properties, context=context)
    tally = added_by(happened, "human", channel, MEASURE)
    was_here(happened)
    assert len(tally) <= 8
    assert all(0 < n <= MOST_SECONDS for n in tally.values())
    assert all(0 < len(place.key) <= LONGEST_KEY and place.key.isprintable() for place in tally)
