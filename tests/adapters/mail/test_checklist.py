"""Every e-mail of the repository, in every language, for all sorts of people, passes the checklist."""

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from nurture.adapters.mail.linting.context import Envelope
from nurture.adapters.mail.linting.expected import context_of
from nurture.adapters.mail.linting.linter import lint
from nurture.adapters.mail.templates import Templates
from nurture.domain.consent import address_mark
from tests.adapters.mail.checklist import page
from tests.adapters.mail.letters import AT, PUBLIC_URL, TEMPLATES, TOKENS, definitions, letter, parsed, parts, writer

DEFINITIONS = definitions()
MAILS = [(name, source.language) for name in Templates(TEMPLATES).names() for source in Templates(TEMPLATES).sources(name)]

#: Those that have something to tell. A mail that asks to confirm an address is short, and its one link is never counted.
LETTERS = [(name, language) for name, language in MAILS if name != "confirm"]

PEOPLE: dict[str, dict[str, Any]] = {
    "unknown": {},
    "empty": {"first_name": "  ", "company": None},
    "accents": {"first_name": "Zoé-Édith", "last_name": "Œrsted-Łukasiewicz", "company": "Société Générale d’Été & Fils"},
    "family of emoji": {"first_name": "👩‍👩‍👧", "company": "🍋"},
    "markup": {"first_name": "<b onmouseover=alert(1)>Ada</b><script>x</script>", "company": '"><img src=x onerror=alert(1)>'},
    "markdown": {"first_name": "*Ada* [x](http://evil.example) <http://evil.example>", "company": "# big\n\n- list"},
    "jinja": {"first_name": "{{ 7 * 7 }}{% for x in y %}{# #}", "company": "{{ links }}"},
    "header injection": {"first_name": "Ada\r\nBcc: eve@evil.example\r\n\r\nbody", "last_name": "\x00\u202eda\ud800"},
    "encoded word": {"first_name": "=?utf-8?q?=0D=0ABcc:_eve=40evil.example?=", "company": "=?utf-8?b?DQo=?="},
    "endless": {"first_name": "Ada " * 400, "company": "x" * 1000},
    "numbers": {"first_name": 7, "company": 3.5},
}


def test_there_are_mails_in_both_languages() -> None:
    names = {"guide-thanks", "case-study", "case-study-reminder", "measure-both-halves", "book-a-demo", "webinar-invite",
             "checklist", "welcome-subscriber", "last-word"}  # fmt: skip
    assert {(name, language) for name in names for language in ("en", "fr")} <= set(MAILS)


@pytest.mark.parametrize("who", PEOPLE)
@pytest.mark.parametrize(("name", "language"), MAILS)
def test_every_mail_passes(name: str, language: str, who: str) -> None:
    to = letter(name, language=language, **PEOPLE[who])
    written = writer().write(to, DEFINITIONS, AT)
    context = replace(
        context_of(to, language, DEFINITIONS, PUBLIC_URL, TOKENS, AT), targets=targets(name, language), images=frozenset()
    )
    assert lint(written.raw, Envelope(written.mail_from, (to.address,)), context) == []
    assert written.language == language


def targets(name: str, language: str) -> frozenset[str]:
    """Where the links of a template lead."""
    plain = definitions(tracking={"clicks": False})
    return frozenset(page(parts(writer().write(letter(name, language=language), plain, AT))[1]).links)


@pytest.mark.parametrize("who", PEOPLE)
def test_what_people_typed_adds_neither_markup_nor_links(who: str) -> None:
    plain = page(parts(writer().write(letter("book-a-demo"), DEFINITIONS, AT))[1])
    typed = page(parts(writer().write(letter("book-a-demo", **PEOPLE[who]), DEFINITIONS, AT))[1])
    assert [name for name, _ in typed.tags] == [name for name, _ in plain.tags]
    assert typed.links == plain.links


def test_markup_in_a_name_is_shown_as_it_was_typed() -> None:
    typed = "[x](http://evil.example) <b>*{{ 7 * 7 }}*</b>"
    text, html = parts(writer().write(letter("case-study", first_name=typed), DEFINITIONS, AT))
    assert text.startswith(f"Hello {typed},")
    assert f"Hello {typed}," in page(html).visible


@pytest.mark.parametrize(("name", "language"), LETTERS)
def test_clicks_lead_only_where_the_template_says(name: str, language: str) -> None:
    source = (TEMPLATES / name / f"{language}.md").read_text(encoding="utf-8")
    allowed = set(re.findall(r"\]\((https://[^)]+)\)", source))
    text, html = parts(writer().write(letter(name, language=language, **PEOPLE["markdown"]), DEFINITIONS, AT))
    tokens = re.findall(rf"{PUBLIC_URL}/c/([\w.-]+)", html)
    assert tokens
    assert set(tokens) == set(re.findall(rf"{PUBLIC_URL}/c/([\w.-]+)", text))
    for token in tokens:
        click = TOKENS.read_click(token)
        assert (click.message, click.person) == (77_000_000_001, 42)
        assert click.target in allowed or TOKENS.read_download(click.target.removeprefix(f"{PUBLIC_URL}/a/")).person == 42


@pytest.mark.parametrize("language", ["en", "fr"])
def test_the_mail_that_asks_to_confirm_leads_to_the_button_alone(language: str) -> None:
    """And says the words that were agreed to; nobody who only opens or clicks has said anything."""
    text, html = parts(writer().write(letter("confirm", language=language), DEFINITIONS, AT))
    [url] = set(re.findall(rf"{PUBLIC_URL}/confirm/[\w.-]+", text))
    assert url in page(html).links
    assert "/c/" not in html
    assert {"en": "Write to me.", "fr": "Écrivez-moi."}[language] in text
    asked = TOKENS.read_confirmation(url.rpartition("/")[2])
    assert (asked.message, asked.person, asked.purpose) == (77_000_000_001, 42, "marketing-email")
    assert (asked.address, asked.expires) == (address_mark("ada@example.org"), AT + timedelta(days=7))


def test_no_french_mark_begins_a_line() -> None:
    """French puts a space before its marks, and it must be one that no line breaks at."""
    for name in {name for name, language in MAILS if language == "fr"}:
        text = parts(writer().write(letter(name, language="fr"), DEFINITIONS, AT))[0]
        assert not re.search(r"[\w’] [:;?!»]|« ", text), name


def test_the_length_of_the_mails_is_humane() -> None:
    for name, language in LETTERS:
        text = parts(writer().write(letter(name, language=language), DEFINITIONS, AT))[0]
        words = len(re.sub(r"https?://\S+", "", text.partition("-----")[0]).split())
        assert 120 <= words <= 260, (name, language, words)


def test_a_header_injection_leaves_one_recipient_and_no_new_field() -> None:
    message = parsed(writer().write(letter(**PEOPLE["header injection"]), DEFINITIONS, AT))
    assert message["Bcc"] is None
    assert [address.addr_spec for address in message["To"].addresses] == ["ada@example.org"]
