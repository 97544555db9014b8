"""Clicks and opens over HTTP."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from nurture.adapters.agents import kind_of_agent
from nurture.adapters.tokens import Click, Download, MailLink, ReaderOpened, StepOpened, Tokens
from nurture.domain.event import midnight
from nurture.domain.mail.tracking import Opens
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


PIXELS: list[Callable[[Tokens], str]] = [
    lambda tokens: tokens.open(MailLink(11, 7)),
    lambda tokens: tokens.open_by(ReaderOpened(7)),
    lambda tokens: tokens.open_of_step(StepOpened("guide", "case")),
    lambda tokens: "nonsense",
]


def look_at(web: Web, token: str) -> None:
    """Fetch a picture: whatever is told, it is the same."""
    answer = web.client.get(f"/o/{token}.gif", headers={"User-Agent": "Mozilla/5.0 X"})
    assert (answer.status_code, answer.content, answer.headers["content-type"]) == (200, PIXEL, "image/gif")
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("pixel", PIXELS)
def test_an_open_is_answered_with_the_image_and_not_told(web: Web, pixel: Callable[[Tokens], str]) -> None:
    """Opens are off unless config/sending.yaml turns them on; a mail that left before they were has its picture still."""
    look_at(web, pixel(web.tokens))
    assert web.events() == []


@pytest.mark.parametrize(("opens", "told"), [("individual", 0), ("hygiene", 1), ("aggregate", 2)])
def test_each_mode_tells_of_its_own_pictures_only(redis_url: str, tmp_path: Path, opens: Opens, told: int) -> None:
    definitions = make_definitions(opens=opens)
    with serving(redis_url, tmp_path, definitions=definitions, lets_opens_be_told=lambda _: True) as web:
        for pixel in [*PIXELS[:told], *PIXELS[told + 1 :]]:
            look_at(web, pixel(web.tokens))
        assert web.events() == []
        look_at(web, PIXELS[told](web.tokens))
        assert web.event().name == "email_opened"


def test_an_open_is_told_of_whoever_lets_it_be_told(redis_url: str, tmp_path: Path) -> None:
    """The consent is asked for when the picture is: after a withdrawal nothing is written, and the picture stays the same."""
    willing = {7}
    with serving(
        redis_url, tmp_path, definitions=make_definitions(opens="individual"), lets_opens_be_told=willing.__contains__
    ) as web:
        look_at(web, web.tokens.open(MailLink(11, 7)))
        assert (web.event().name, web.event().person, web.event().message) == ("email_opened", 7, 11)
        willing.clear()
        web.clock.advance(timedelta(hours=1))
        look_at(web, web.tokens.open(MailLink(11, 7)))
        look_at(web, web.tokens.open(MailLink(12, 8)))
        assert len(web.events()) == 1


def test_an_open_for_hygiene_tells_the_day_and_no_mail(redis_url: str, tmp_path: Path) -> None:
    with serving(redis_url, tmp_path, definitions=make_definitions(opens="hygiene")) as web:
        look_at(web, web.tokens.open_by(ReaderOpened(7)))
        event = web.event()
        assert (event.person, event.message, event.consented) == (7, None, True)
        assert event.occurred_at == midnight(web.clock.now())


def test_an_open_in_the_aggregate_tells_of_nobody(redis_url: str, tmp_path: Path) -> None:
    with serving(redis_url, tmp_path, definitions=make_definitions(opens="aggregate")) as web:
        for _ in range(2):
            look_at(web, web.tokens.open_of_step(StepOpened("guide", "case")))
        first, second = web.events()
        assert first.key != second.key
        assert (first.person, first.message, first.consented, first.context) == (None, None, False, {})
        assert first.properties == {"sequence": "guide", "step": "case"}
        assert first.occurred_at == midnight(web.clock.now())
