"""Clicks and opens over HTTP."""

from datetime import timedelta
from pathlib import Path

import pytest

from nurture.adapters.agents import kind_of_agent
from nurture.adapters.tokens import Click, Download, MailLink, Tokens
from nurture.domain.verdict import judge
from nurture.web.gif import PIXEL
from tests.web.conftest import Web, make_definitions, serving

TARGET = "https://www.example.com/pricing?a=1&b=é#top"


def click(web: Web, target: str = TARGET) -> str:
    return f"/c/{web.tokens.click(Click(11, 7, target))}"


def test_a_click_is_told_and_leads_to_its_target(web: Web) -> None:
    answer = web.client.get(click(web), headers={"User-Agent": "Mozilla/5.0 X"})
    assert (answer.status_code, answer.headers["location"]) == (302, "https://www.example.com/pricing?a=1&b=%C3%A9#top")
    assert answer.headers["cache-control"] == "no-store"
    event = web.event()
    assert (event.name, event.source, event.person, event.message) == ("email_clicked", "engine", 7, 11)
    assert event.properties == {"url": TARGET, "path": "/pricing"}
    assert event.context == {"userAgent": "Mozilla/5.0 X", "method": "GET"}


def test_a_machines_ways_of_asking_are_kept(web: Web) -> None:
    """By them the verdict tells a scanner from a reader."""
    web.client.head(click(web))
    assert web.event().context["method"] == "HEAD"
    web.redis.flushdb()
    web.client.get(click(web), headers={"Sec-Purpose": "prefetch;prerender"})
    assert web.event().context["purpose"] == "prefetch"


@pytest.mark.parametrize(
    "header",
    [
        {"Sec-Purpose": "prefetch"}, {"Sec-Purpose": "prefetch;prerender"}, {"Sec-Purpose": "prefetch;anonymous-client-ip"},
        {"Purpose": "prefetch"}, {"Purpose": "preview"}, {"X-Moz": "prefetch"}, {"X-Purpose": "preview"}, {"X-Purpose": "Preview"},
    ],
)  # fmt: skip
def test_what_is_fetched_ahead_is_told_by_every_header_of_the_field(web: Web, header: dict[str, str]) -> None:
    """Chrome, Safari, Firefox, and Safari's and Facebook's previews each have their own."""
    web.client.get(click(web), headers={"User-Agent": "Mozilla/5.0 X", **header})
    verdict = judge(web.event(), kind_of_agent)
    assert (verdict.kind, verdict.reasons) == ("machine", ("prefetch",))


@pytest.mark.parametrize("header", [{}, {"Purpose": "navigation"}, {"Sec-Fetch-Mode": "navigate"}, {"X-Moz": ""}])
def test_who_asks_in_earnest_is_no_prefetch(web: Web, header: dict[str, str]) -> None:
    web.client.get(click(web), headers={"User-Agent": "Mozilla/5.0 X", **header})
    assert judge(web.event(), kind_of_agent).kind == "human"


def test_a_link_to_an_asset_says_to_which(web: Web) -> None:
    """By it a click and the download that follows are known to be one thing."""
    grant = Download("guide", None, 7, 6, web.clock.now() + timedelta(days=7), 11)
    own = f"http://localhost:8000/a/{web.tokens.download(grant)}"
    for target in (own, "http://localhost:8000/a/nonsense", f"https://www.example.com/a/{web.tokens.download(grant)}"):
        web.client.get(click(web, target))
    assert sorted(event.properties.get("asset", "") for event in web.events()) == ["", "", "guide"]


def test_a_double_click_is_one_click(web: Web) -> None:
    for seconds in (0, 0, 5):
        web.clock.advance(timedelta(seconds=seconds))
        web.client.get(click(web))
    assert len({event.key for event in web.events()}) == 2


def test_everything_a_person_does_in_mails_goes_one_way(web: Web) -> None:
    for number in range(8):
        web.client.get(f"/c/{web.tokens.click(Click(number, 7, TARGET))}")
    assert sorted(len(web.partition(number)) for number in range(4)) == [0, 0, 0, 8]


@pytest.mark.parametrize("token", ["nonsense", "a.b", "%00", "%ff", "x" * 5000, Tokens("another").click(Click(1, 2, TARGET))])
def test_a_forged_click_leads_nowhere(web: Web, token: str) -> None:
    answer = web.client.get(f"/c/{token}", params={"url": "https://evil.example"})
    assert (answer.status_code, "location" in answer.headers) == (404, False)
    assert web.events() == []


def test_a_token_for_one_purpose_serves_no_other(web: Web) -> None:
    link = MailLink(11, 7)
    assert web.client.get(f"/c/{web.tokens.unsubscribe(link)}").status_code == 404
    assert web.client.post(f"/u/{web.tokens.open(link)}").status_code == 404
    assert web.client.get(f"/a/{web.tokens.click(Click(11, 7, TARGET))}").status_code == 404
    assert web.events() == []


@pytest.mark.parametrize("token", [None, "nonsense"])
def test_an_open_is_answered_with_the_image_and_not_told(web: Web, token: str | None) -> None:
    """Opens are off unless config/sending.yaml turns them on."""
    answer = web.client.get(f"/o/{token or web.tokens.open(MailLink(11, 7))}.gif")
    assert (answer.status_code, answer.content, answer.headers["content-type"]) == (200, PIXEL, "image/gif")
    assert answer.headers["cache-control"] == "no-store"
    assert web.events() == []


def test_an_open_is_told_where_opens_are_on(redis_url: str, tmp_path: Path) -> None:
    with serving(redis_url, tmp_path, definitions=make_definitions(opens=True)) as web:
        assert web.client.get(f"/o/{web.tokens.open(MailLink(11, 7))}.gif").content == PIXEL
        assert (web.event().name, web.event().person, web.event().message) == ("email_opened", 7, 11)
        assert web.client.get("/o/nonsense.gif").content == PIXEL
        assert len(web.events()) == 1
