"""Double opt-in: a link that a scanner cannot click through."""

from datetime import timedelta

import pytest

from nurture.adapters.tokens import Confirmation, MailLink, Tokens
from nurture.domain.consent import Consents, address_mark
from tests.web.conftest import Web

ANA = address_mark("ana@acme.test")
DAY = timedelta(days=1)


@pytest.fixture
def asked(web: Web) -> Confirmation:
    return Confirmation(11, 7, ANA, web.clock.now() + 7 * DAY, "marketing-email")


def address(web: Web, asked: Confirmation) -> str:
    return f"/confirm/{web.tokens.confirmation(asked)}"


def test_a_token_says_what_it_was_made_for(web: Web, asked: Confirmation) -> None:
    assert web.tokens.read_confirmation(web.tokens.confirmation(asked)) == asked


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"])
def test_nothing_but_post_confirms(web: Web, asked: Confirmation, method: str) -> None:
    web.client.request(method, address(web, asked), headers={"User-Agent": "Mozilla/5.0 (Barracuda)"})
    assert web.events() == []


@pytest.mark.parametrize(("language", "button"), [("fr-FR", "Oui, je confirme"), ("de", "Yes, I confirm")])
def test_the_page_shows_a_button_and_the_words(web: Web, asked: Confirmation, language: str, button: str) -> None:
    wording = {"fr": "Écrivez-moi <vite>.", "en": "Write to me."}
    consents = Consents.model_validate({"purposes": {"marketing-email": {"version": "1", "wording": wording}}})
    web.in_force[0] = (before := web.in_force[0]).model_copy(update={"consents": consents})
    try:
        page = web.client.get(address(web, asked), headers={"Accept-Language": language})
    finally:
        web.in_force[0] = before
    assert page.status_code == 200
    assert f'<form method="post"><button>{button}</button></form>' in page.text
    assert ("Écrivez-moi &lt;vite&gt;." if language == "fr-FR" else "Write to me.") in page.text


def test_post_confirms_once_however_often_it_comes(web: Web, asked: Confirmation) -> None:
    answers = [web.client.post(address(web, asked), headers={"Accept-Language": "fr"}) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert all("set-cookie" not in answer.headers for answer in answers)
    assert len({event.key for event in web.events()}) == 1
    event = web.events()[0]
    assert (event.name, event.person, event.message) == ("consent_confirmed", 7, 11)
    assert event.properties == {"purpose": "marketing-email", "address": ANA}
    assert event.context == {"locale": "fr"}


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_link_that_is_too_old_confirms_nothing(web: Web, asked: Confirmation, method: str) -> None:
    old = address(web, asked)
    web.clock.advance(7 * DAY)
    answer = web.client.request(method, old)
    assert (answer.status_code, "This link has expired" in answer.text) == (410, True)
    assert web.events() == []


def test_a_token_that_was_not_made_for_this_confirms_nothing(web: Web, asked: Confirmation) -> None:
    forged = Tokens("another secret").confirmation(asked)
    for token in (forged, web.tokens.unsubscribe(MailLink(11, 7)), web.tokens.preferences(MailLink(11, 7)), "nonsense"):
        assert web.client.get(f"/confirm/{token}").status_code == 404
        assert web.client.post(f"/confirm/{token}").status_code == 404
    assert web.client.post(f"/u/{web.tokens.confirmation(asked)}").status_code == 404
    assert web.events() == []
