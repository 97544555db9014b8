"""Every e-mail of the repository, in every language, for all sorts of people, passes the checklist."""

import re
from typing import Any

import pytest

from nurture.adapters.mail.templates import Templates
from nurture.adapters.tokens import MailLink
from tests.adapters.mail.checklist import findings, page
from tests.adapters.mail.letters import AT, PUBLIC_URL, TEMPLATES, TOKENS, definitions, letter, parsed, parts, writer

DEFINITIONS = definitions()
UNSUBSCRIBE = f"{PUBLIC_URL}/u/{TOKENS.unsubscribe(MailLink(77_000_000_001, 42))}"
LEGAL = ("Atelier Exemple SAS", "12 rue de la Paix", "75002 Paris", "https://www.example.com/privacy")
MAILS = [(name, source.language) for name in Templates(TEMPLATES).names() for source in Templates(TEMPLATES).sources(name)]

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

#: These people's attributes look like what a mail must not contain, although they are only shown as text.
TEXT_THAT_LOOKS_UNFINISHED = {"jinja", "markdown", "endless"}


def test_there_are_mails_in_both_languages() -> None:
    names = {"guide-thanks", "case-study", "case-study-reminder", "measure-both-halves", "book-a-demo", "webinar-invite",
             "checklist", "welcome-subscriber", "last-word"}  # fmt: skip
    assert {(name, language) for name in names for language in ("en", "fr")} <= set(MAILS)


@pytest.mark.parametrize("who", PEOPLE)
@pytest.mark.parametrize(("name", "language"), MAILS)
def test_every_mail_passes(name: str, language: str, who: str) -> None:
    written = writer().write(letter(name, language=language, **PEOPLE[who]), DEFINITIONS, AT)
    found = findings(written.raw, unsubscribe=UNSUBSCRIBE, legal=LEGAL, recipient="ada@example.org")
    if who in TEXT_THAT_LOOKS_UNFINISHED:
        found = [finding for finding in found if not finding.startswith(("B5", "B3: a line of text"))]
    assert found == []
    assert (written.language, page(parts(written)[1]).all("html")[0]["lang"]) == (language, language)


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


@pytest.mark.parametrize(("name", "language"), MAILS)
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


def test_no_image_tells_who_opened_unless_the_policy_says_so() -> None:
    quiet = parts(writer().write(letter(), DEFINITIONS, AT))[1]
    telling = parts(writer().write(letter(), definitions(tracking={"opens": True}), AT))[1]
    assert page(quiet).all("img") == []
    (pixel,) = page(telling).all("img")
    token = pixel["src"].removeprefix(f"{PUBLIC_URL}/o/").removesuffix(".gif")
    assert TOKENS.read_open(token) == MailLink(77_000_000_001, 42)
    assert (pixel["alt"], pixel["width"], pixel["height"]) == ("", "1", "1")


def test_the_length_of_the_mails_is_humane() -> None:
    for name, language in MAILS:
        text = parts(writer().write(letter(name, language=language), DEFINITIONS, AT))[0]
        words = len(re.sub(r"https?://\S+", "", text.partition("-----")[0]).split())
        assert 120 <= words <= 260, (name, language, words)


def test_the_checklist_finds_what_is_wrong() -> None:
    """A check that cannot fail checks nothing: each fault put into a good mail is found."""
    good = writer().write(letter(), DEFINITIONS, AT).raw
    faults = {
        b"MIME-Version: 1.0": b"X-Other: 1",
        b"List-Unsubscribe=One-Click": b"One-Click",
        b"List-Unsubscribe: <https": b"List-Unsubscribe: <http",
        b"Auto-Submitted": b"Bcc",
        b"Subject: Half": b"Subject: Re: half",
        b"utf-8": b"latin-1",
        b"Date: Mon, 02 Mar 2026 09:30:00 +0000": b"Date: Mon, 02 Mar 2026 09:30:00 -0000",
        b"To: ada@": b"To: bob@example.org, ada@",
        b"Atelier Exemple SAS": b"Someone",
        b"role=3D": b"part=3D",
    }
    assert findings(good, unsubscribe=UNSUBSCRIBE, legal=LEGAL, recipient="ada@example.org") == []
    for right, wrong in faults.items():
        bad = good.replace(right, wrong)
        assert bad != good, right
        assert findings(bad, unsubscribe=UNSUBSCRIBE, legal=LEGAL, recipient="ada@example.org"), wrong


def test_a_header_injection_leaves_one_recipient_and_no_new_field() -> None:
    message = parsed(writer().write(letter(**PEOPLE["header injection"]), DEFINITIONS, AT))
    assert message["Bcc"] is None
    assert [address.addr_spec for address in message["To"].addresses] == ["ada@example.org"]
