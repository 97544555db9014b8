"""The preferences page: without script, by a signed link, and nothing but POST changes anything."""

from collections.abc import Iterator
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest

from nurture.adapters.tokens import MailLink, Tokens
from nurture.domain.consent import Consents
from nurture.domain.preferences import Pace, Rhythm, Wishes
from nurture.errors import Unavailable
from tests.web.conftest import Web, make_definitions, serving

CONSENTS = Consents.model_validate({
    "purposes": {
        "marketing-email": {"version": "1", "wording": {"en": "Write to me.", "fr": "Écrivez-moi."}, "topics": ["news"]},
        "open-tracking": {"version": "1", "wording": {"en": "Measure what I open."}},
    },
    "topics": {"news": {"en": "News", "fr": "Nouvelles"}, "guides": {"en": "Guides", "fr": "Guides"}},
})  # fmt: skip


class Inputs(HTMLParser):
    """The inputs of a page that are chosen."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.chosen: list[tuple[str, str]] = []
        self.labelled = True
        self._label = 0
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self._label += tag == "label"
        if tag == "input":
            self.labelled &= self._label > 0
            if "checked" in given:
                self.chosen.append((given["name"] or "", given["value"] or ""))

    def handle_endtag(self, tag: str) -> None:
        self._label -= tag == "label"


class Known:
    """What the database would know."""

    def __init__(self) -> None:
        self.wishes: Wishes | None = Wishes()

    def __call__(self, person: int) -> Wishes:
        assert person == 7
        if self.wishes is None:
            raise Unavailable
        return self.wishes


@pytest.fixture
def known() -> Known:
    return Known()


@pytest.fixture
def web(redis_url: str, tmp_path: Path, known: Known) -> Iterator[Web]:
    definitions = make_definitions().model_copy(update={"consents": CONSENTS})
    with serving(redis_url, tmp_path, definitions=definitions, wishes=known) as served:
        yield served


@pytest.fixture
def address(web: Web) -> str:
    return f"/preferences/{web.tokens.preferences(MailLink(11, 7))}"


def chosen(web: Web, address: str) -> list[tuple[str, str]]:
    page = web.client.get(address)
    assert page.status_code == 200
    assert "script" not in page.text
    assert Inputs(page.text).labelled
    return Inputs(page.text).chosen


def test_the_page_shows_how_things_stand(web: Web, address: str, known: Known) -> None:
    assert chosen(web, address) == [("topic", "guides"), ("pace", "all"), ("pause", "")]
    until = web.clock.now() + timedelta(days=12)
    known.wishes = Wishes(
        off=frozenset({"guides"}), rhythm=Rhythm(Pace.WEEKLY, until), agreed=frozenset({"marketing-email", "open-tracking"})
    )  # fmt: skip
    assert chosen(web, address) == [
        ("topic", "news"), ("pace", "weekly"), ("pause", until.isoformat()), ("purpose", "open-tracking"),
    ]  # fmt: skip
    known.wishes = Wishes(unsubscribed=True)
    assert chosen(web, address) == [("pace", "all"), ("pause", "")]
    assert "You are unsubscribed" in web.client.get(address).text


def test_the_page_speaks_its_readers_language(web: Web, address: str) -> None:
    page = web.client.get(address, headers={"Accept-Language": "fr"}).text
    for words in (
        'lang="fr"',
        "Nouvelles",
        "Écrivez-moi.",
        "Une fois par mois au plus",
        "Pendant 90 jours",
        "Measure what I open.",
    ):
        assert words in page


def test_what_is_posted_is_told_whole(web: Web, address: str) -> None:
    fields = {"topic": ["news"], "pace": "monthly", "pause": "30", "purpose": "open-tracking", "do": "save"}
    answer = web.client.post(address, data=fields, headers={"Accept-Language": "fr"})
    assert (answer.status_code, "set-cookie" in answer.headers) == (200, False)
    event = web.event()
    assert (event.name, event.person, event.message) == ("preferences_changed", 7, 11)
    assert event.properties == {
        "topics": {"news": True, "guides": False}, "pace": "monthly", "purposes": {"open-tracking": True},
        "paused_until": (web.clock.now() + timedelta(days=30)).isoformat(),
    }  # fmt: skip
    assert web.redis.xlen("nurture:ahead") == 1


@pytest.mark.parametrize(
    ("fields", "paused"),
    [({"pause": "2026-03-20T09:00:00+00:00"}, True), ({"pause": "2027-03-20T09:00:00+00:00"}, False), ({"pause": "12"}, False), ({}, False)],
)  # fmt: skip
def test_nothing_is_told_but_what_the_page_offers(web: Web, address: str, fields: dict[str, str], paused: bool) -> None:
    posted = fields | {"topic": "secrets", "pace": "hourly", "purpose": "marketing-email", "email": "eve@acme.test"}
    assert web.client.post(address, data=posted).status_code == 200
    told = dict(web.event().properties)
    assert told.pop("paused_until", None) == (fields["pause"] if paused else None)
    assert told == {"topics": {"news": False, "guides": False}, "pace": "all", "purposes": {"open-tracking": False}}


def test_whoever_leaves_by_this_page_is_unsubscribed(web: Web, address: str) -> None:
    assert web.client.post(address, data={"do": "unsubscribe", "topic": "news"}).status_code == 200
    assert (web.event().name, web.event().person) == ("unsubscribed", 7)


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"])
def test_nothing_but_post_changes_anything(web: Web, address: str, method: str) -> None:
    web.client.request(method, address, params={"do": "unsubscribe"})
    assert web.events() == []


def test_the_page_needs_the_database_and_the_post_does_not(web: Web, address: str, known: Known) -> None:
    known.wishes = None
    page = web.client.get(address)
    assert (page.status_code, "retry-after" in page.headers) == (503, True)
    assert web.client.post(address, data={"pace": "weekly"}).status_code == 200


def test_a_token_that_was_not_made_for_this_opens_nothing(web: Web) -> None:
    for token in (Tokens("another").preferences(MailLink(11, 7)), web.tokens.unsubscribe(MailLink(11, 7)), "nonsense"):
        assert web.client.get(f"/preferences/{token}").status_code == 404
        assert web.client.post(f"/preferences/{token}", data={"do": "save"}).status_code == 404
    assert web.events() == []
