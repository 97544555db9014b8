"""What people typed is shown in mails and on pages, and becomes part of none."""

from email.message import EmailMessage
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurture.adapters.mail.person import PersonFacts
from nurture.adapters.mail.templates import Templates
from nurture.errors import TemplateError
from nurture.ports import Written
from tests.adapters.mail.letters import AT, PUBLIC_URL, TEMPLATES, TOKENS, definitions, letter, parsed, parts, writer
from tests.adapters.mail.test_writer import folder_with
from tests.web.conftest import Web

ATTACKS = [
    "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "'><svg/onload=alert(1)>", "</a><a href=https://evil.example>click</a>",
    "javascript:alert(1)", "[click](javascript:alert(1))", "[click](https://evil.example)", "![x](https://evil.example/p.png)",
    "https://evil.example/", "<https://evil.example>", "</style><style>*{display:none}", "<!-- ", "]]>", "&lt;b&gt;", "<b>bold</b>",
    "`code`", "# heading", "\n\n# heading", "{{7*7}}", "<iframe srcdoc='x'>", '" onmouseover=alert(1) x="', "</title><script>x</script>",
    "--></noscript><script>x</script>", "<base href=https://evil.example>", "<form action=https://evil.example>", "data:text/html,x",
    "<table><td background=javascript:x>", "\u202e<script>", "＜script＞", "<scr\x00ipt>x</scr\x00ipt>", "<a\u2028href=x>",
]  # fmt: skip

SOURCE = """---
subject: "For {{ person.first_name }} of {{ person.company }}"
preheader: "{{ person.first_name }}"
---
# Dear {{ person.first_name }}

**{{ person.company }}** and *{{ person.first_name }}*, [read {{ person.company }}](https://www.example.com/?n={{ person.first_name }}#{{ person.company }})

**[{{ person.first_name }}](https://www.example.com/)**
"""

#: The elements and attributes of our own mails.
DANGEROUS = {
    "script",
    "iframe",
    "object",
    "embed",
    "form",
    "input",
    "button",
    "base",
    "svg",
    "math",
    "link",
    "frame",
    "applet",
    "video",
}


class _Page(HTMLParser):
    """What a reader's program makes of a page: elements, attributes, addresses."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.events: list[str] = []
        self.addresses: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.events += [name for name, _ in attrs if name.startswith("on")]
        self.addresses += [value or "" for name, value in attrs if name in ("href", "src", "action", "background", "srcdoc")]


def shape_of(written: Written) -> tuple[list[str], int]:
    _, html = parts(written)
    page = _Page(html)
    return page.elements, len(page.addresses)


def check(written: Written) -> None:
    text, html = parts(written)
    page = _Page(html)
    assert not DANGEROUS & {*page.elements}
    assert page.events == []
    for address in page.addresses:
        assert address.startswith((f"{PUBLIC_URL}/", "https://www.example.com/", "https://www.example.com"))
        if address.startswith(f"{PUBLIC_URL}/c/"):
            target = urlsplit(TOKENS.read_click(address.removeprefix(f"{PUBLIC_URL}/c/")).target)
            assert (target.scheme, target.netloc) in (("https", "www.example.com"), ("https", "nurture.example.com"))
    assert not any(each in text for each in "\x00\x1b\u202e")


@pytest.mark.parametrize("attack", ATTACKS)
def test_no_attribute_becomes_part_of_a_mail(tmp_path: Path, attack: str) -> None:
    """Whatever a person is called, the mail has the same elements and links as anybody's."""
    the_writer = writer(folder_with(tmp_path, en_md=SOURCE))
    anybody = the_writer.write(letter("m", first_name="Ada", company="Acme"), definitions(), AT)
    hostile = the_writer.write(letter("m", first_name=attack, company=attack), definitions(), AT)
    check(hostile)
    assert shape_of(hostile) == shape_of(anybody)
    assert "\n" not in hostile.subject


@given(st.text(max_size=60))
def test_nor_does_any_other_text(text: str) -> None:
    try:
        written = writer().write(letter("guide-thanks", first_name=text, company=text), definitions(), AT)
    except TemplateError:
        return
    check(written)
    if PersonFacts({"name": text}).get("name"):
        anybody = writer().write(letter("guide-thanks", first_name="Ada", company="Acme"), definitions(), AT)
        assert shape_of(written) == shape_of(anybody)


@pytest.mark.parametrize("name", Templates(TEMPLATES).names())
def test_the_mails_of_the_repository_hold_against_everybody(name: str) -> None:
    for attack in ATTACKS[:8]:
        check(
            writer().write(letter(name, first_name=attack, last_name=attack, company=attack, job_title=attack), definitions(), AT)
        )


@pytest.mark.parametrize(
    "address", ["{{ person.website }}", "https://{{ person.website }}/", "//{{ person.website }}", "javascript:alert(1)"]
)
def test_no_link_of_a_mail_leads_where_a_person_says(tmp_path: Path, address: str) -> None:
    the_writer = writer(folder_with(tmp_path, en_md=f'---\nsubject: "S"\n---\n[x]({address})\n'))
    with pytest.raises(TemplateError):
        the_writer.write(letter("m", website="https://evil.example"), definitions(), AT)


@pytest.mark.parametrize(
    "escape", ["{{ person.first_name | safe }}", "{{ person.first_name | urlize }}", "{{ {'x': person.first_name} | xmlattr }}"]
)
def test_no_filter_makes_markup_of_what_was_typed(tmp_path: Path, escape: str) -> None:
    the_writer = writer(folder_with(tmp_path, en_md=f'---\nsubject: "S"\n---\n{escape}\n'))
    with pytest.raises(TemplateError, match="No filter named"):
        the_writer.write(letter("m", first_name="<b>x</b>"), definitions(), AT)


def test_the_inbox_shows_a_hostile_mail_as_text(web: Web) -> None:
    attack = '"><script>alert(1)</script>'
    mail = EmailMessage()
    mail["Subject"], mail["From"], mail["To"], mail["X-Evil"] = attack, "a@example.com", "b@example.com", attack
    mail.set_content(attack)
    mail.add_alternative(f"<html><head></head><body>{attack}</body></html>", subtype="html")
    (web.folder / "mail" / "evil.eml").write_bytes(mail.as_bytes())
    for path in ("/inbox", "/inbox/evil.eml"):
        page = web.client.get(path)
        assert "script" not in _Page(page.text).elements
        assert _Page(page.text).events == []
        assert "script-src" not in page.headers["content-security-policy"]
        assert "default-src 'none'" in page.headers["content-security-policy"]
    frame = web.client.get("/inbox/evil.eml/html").headers["content-security-policy"]
    assert "sandbox" in frame
    assert "allow-scripts" not in frame
    assert "allow-same-origin" not in frame
    (web.folder / "mail" / "evil.eml").unlink()


@pytest.mark.parametrize("attack", ATTACKS)
def test_the_pages_of_a_form_show_no_field_as_markup(web: Web, attack: str) -> None:
    """The mistakes of a form name its fields, and the way back is where the browser says it came from."""
    fields = {"email": f"no address {attack}", attack or "x": f"{attack}\nsecond line"}
    referrer = ("https://www.example.com/" + attack).encode("utf-8", "replace").replace(b"\n", b"").replace(b"\x00", b"").strip()
    for back in (referrer, b"javascript:alert(1)//https://x", b"data:text/html,x"):
        page = web.client.post("/f/contact", data=fields, headers={b"Referer": back, b"Accept": b"text/html"})
        assert page.status_code == 422
        shown = _Page(page.text)
        assert not {"script", "img", "svg", "iframe", "form", "base", "b", "table"} & {*shown.elements}
        assert shown.events == []
        assert all(urlsplit(each).scheme in ("https", "") for each in shown.addresses)


def test_a_mail_is_parsed_as_it_was_meant() -> None:
    written = writer().write(letter(first_name='Ada" <evil@evil.example>, "x'), definitions(), AT)
    assert [each.addr_spec for each in parsed(written)["To"].addresses] == ["ada@example.org"]
