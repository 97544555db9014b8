"""A letter becomes a mail: equal on every try, readable by any parser, its links its reader's own."""

import re
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from nurture.adapters.tokens import Click, MailLink
from nurture.errors import TemplateError
from nurture.ports import Writer
from tests.adapters.mail.letters import AT, PUBLIC_URL, TEMPLATES, TOKENS, definitions, letter, parsed, parts, writer

FRONT = '---\nsubject: "S"\n---\n'


def folder_with(tmp_path: Path, **files: str) -> Path:
    """The layouts of the repository, and an e-mail `m` of which `files` are the sources: `en_md="…"`."""
    (tmp_path / "_layouts").symlink_to(TEMPLATES / "_layouts")
    (tmp_path / "m").mkdir()
    for name, text in files.items():
        (tmp_path / "m" / name.replace("_", ".")).write_text(text, encoding="utf-8")
    return tmp_path


def test_a_retry_is_the_same_mail_and_another_message_another_one() -> None:
    the_writer: Writer = writer()
    first, again = (the_writer.write(letter(first_name="Zoé"), definitions(), AT) for _ in range(2))
    other = writer().write(letter(message=77_000_000_002), definitions(), AT)
    assert first == again
    assert parsed(first)["Message-ID"] != parsed(other)["Message-ID"]
    assert parsed(first)["Message-ID"].endswith("@example.com>")


def test_a_retry_on_another_day_keeps_its_message_id_and_boundary() -> None:
    first = parsed(writer().write(letter(), definitions(), AT))
    later = parsed(writer().write(letter(), definitions(), AT.replace(day=4)))
    assert first["Message-ID"] == later["Message-ID"]
    assert first.get_boundary() == later.get_boundary()
    assert parsedate_to_datetime(later["Date"]) == AT.replace(day=4)


def test_what_is_kept_of_a_mail() -> None:
    written = writer().write(letter("guide-thanks", language="fr-CA"), definitions(), AT)
    assert (written.mail_from, written.language) == ("camille@example.com", "fr")
    assert written.subject == parsed(written)["Subject"] == "Votre guide, et trois portes d’entrée"


@pytest.mark.parametrize(
    ("language", "default", "chosen"),
    [("fr", "en", "fr"), ("fr-CA", "en", "fr"), ("FR_be", "en", "fr"), ("it", "fr", "fr"), (None, "en", "en"), (7, "de", "en")],
)
def test_the_language_is_the_readers_or_the_default_or_any(language: object, default: str, chosen: str) -> None:
    written = writer().write(letter(language=language), definitions(default_language=default), AT)
    assert written.language == chosen
    assert parsed(written)["Content-Language"] == chosen


def test_the_fields_of_the_header() -> None:
    sender = {"name": "Zoé, de l’Atelier", "email": "Zoe@News.Example.com", "reply_to": "bonjour@example.com"}
    message = parsed(writer().write(letter(first_name="Ada", last_name="Lovelace"), definitions(sender=sender), AT))
    (sent_by,), (to,) = message["From"].addresses, message["To"].addresses
    assert (sent_by.display_name, sent_by.addr_spec) == ("Zoé, de l’Atelier", "Zoe@news.example.com")
    assert (to.display_name, to.addr_spec) == ("Ada Lovelace", "ada@example.org")
    assert message["Reply-To"] == "bonjour@example.com"
    assert message["List-Id"] == "<guide-nurture.news.example.com>"
    assert message["Feedback-ID"] == "case:case-study:guide-nurture:newsexamplecom"
    assert message["Auto-Submitted"] == "auto-generated"


def test_the_unsubscribe_link_is_the_same_in_header_and_parts_and_is_not_counted() -> None:
    written = writer().write(letter(), definitions(), AT)
    text, html = parts(written)
    url = str(parsed(written)["List-Unsubscribe"]).strip("<>")
    assert TOKENS.read_unsubscribe(url.removeprefix(f"{PUBLIC_URL}/u/")) == MailLink(77_000_000_001, 42)
    assert url in text
    assert f'href="{url}"' in html


def test_a_long_public_url_leaves_the_unsubscribe_header_whole() -> None:
    public = f"https://{'a-long-subdomain.' * 12}example.com"
    raw = writer(public_url=public).write(letter(), definitions(), AT).raw
    (line,) = (line for line in raw.split(b"\r\n") if line.startswith(b"List-Unsubscribe:"))
    assert line.startswith(f"List-Unsubscribe: <{public}/u/".encode())
    assert line.endswith(b">")


def test_a_public_url_too_long_for_a_header_is_refused() -> None:
    with pytest.raises(TemplateError, match="List-Unsubscribe is 1"):
        writer(public_url=f"https://example.com/{'x' * 1000}").write(letter(), definitions(), AT)


def test_counted_links_come_back_from_their_tokens(tmp_path: Path) -> None:
    target = "https://www.example.com/p?a=1&b=é#x"
    body = (
        FRONT + f"[x]({target}) [mail](mailto:a@example.com) [call](tel:+33123456789) [privacy](https://www.example.com/privacy)"
    )
    text, html = parts(writer(folder_with(tmp_path, en_md=body)).write(letter("m"), definitions(), AT))
    (token,) = set(re.findall(rf"{PUBLIC_URL}/c/([\w.-]+)", text + html))
    assert TOKENS.read_click(token) == Click(77_000_000_001, 42, "https://www.example.com/p?a=1&b=%C3%A9#x")
    for untouched in ("mailto:a@example.com", "tel:+33123456789", "https://www.example.com/privacy"):
        assert f'href="{untouched}"' in html
        assert untouched in text


def test_links_are_plain_when_clicks_are_not_counted() -> None:
    text, html = parts(writer().write(letter(), definitions(tracking={"clicks": False}), AT))
    assert "/c/" not in text + html
    assert "https://www.example.com/case-studies/half-the-leads" in text


def test_an_asset_has_its_title_in_the_language_and_a_link_of_the_readers_own() -> None:
    without_clicks = definitions(tracking={"clicks": False})
    text, html = parts(writer().write(letter("guide-thanks", language="fr"), without_clicks, AT))
    assert "Guide de la lead gen" in text
    (token,) = set(re.findall(rf"{PUBLIC_URL}/a/([\w.-]+)", text + html))
    grant = TOKENS.read_download(token)
    assert (grant.asset, grant.person, grant.submission) == ("guide-lead-gen", 42, None)
    assert grant.expires == AT + without_clicks.assets["guide-lead-gen"].link.expires


def test_an_attribute_inside_an_address_cannot_break_it(tmp_path: Path) -> None:
    body = FRONT + "[x](https://www.example.com/?company={{ person.company }})"
    written = writer(folder_with(tmp_path, en_md=body)).write(letter("m", company='a b"><i> é'), definitions(), AT)
    (token,) = re.findall(rf'href="{PUBLIC_URL}/c/([\w.-]+)"', parts(written)[1])
    target = urlsplit(TOKENS.read_click(token).target)
    assert target.netloc == "www.example.com"
    assert target.query == "company=a%20b%22%3E%3Ci%3E%20%C3%A9"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("Hello {{ person.first_name }}", "m/en.md:4: person.first_name is not known of this person"),
        ("{{ asset('nothing').url }}", "m/en.md:4: there is no asset 'nothing'; assets.yaml has guide-lead-gen"),
        ("[x]({{ links.archive }})", "m/en.md:4: "),
        ("[x]({{ organisation.name }})", "m/en.md:4: a link leads nowhere from a mail"),
    ],
)
def test_what_cannot_be_written_is_a_template_error_with_its_place(tmp_path: Path, source: str, said: str) -> None:
    with pytest.raises(TemplateError) as caught:
        writer(folder_with(tmp_path, en_md=FRONT + source)).write(letter("m"), definitions(), AT)
    assert str(caught.value).startswith(said)


@pytest.mark.parametrize("front", ["", "---\nsubject:\n---\n", "---\nsubject: \"{{ person.job_title | default('') }}\"\n---\n"])
def test_an_empty_subject_is_a_template_error(tmp_path: Path, front: str) -> None:
    with pytest.raises(TemplateError, match=r"m/en\.md: the subject is empty"):
        writer(folder_with(tmp_path, en_md=front + "Hello")).write(letter("m"), definitions(), AT)


def test_a_person_in_the_subject_is_text_on_one_line(tmp_path: Path) -> None:
    source = '---\nsubject: "{{ person.first_name }}, a word"\n---\nHello'
    written = writer(folder_with(tmp_path, en_md=source)).write(
        letter("m", first_name="<Zoé>\r\nBcc: x@example.com"), definitions(), AT
    )
    assert written.subject == parsed(written)["Subject"] == "<Zoé> Bcc: x@example.com, a word"
    assert parsed(written)["Bcc"] is None


@pytest.mark.parametrize("address", ["zoé@example.org", "ada@example.org\r\nBcc: eve@example.com", "ada"])
def test_an_address_that_no_header_can_hold_is_an_error_that_does_not_show_it(address: str) -> None:
    with pytest.raises(TemplateError, match="address") as caught:
        writer().write(letter()._replace(address=address), definitions(), AT)
    assert address not in str(caught.value)


def test_an_own_design_needs_an_unsubscribe_link_in_both_parts(tmp_path: Path) -> None:
    html = FRONT + '<html><body><p>Hi</p><a href="{{ links.unsubscribe }}">no more</a></body></html>'
    folder = folder_with(tmp_path, en_html=html, en_txt="Hi")
    with pytest.raises(TemplateError, match="no unsubscribe link"):
        writer(folder).write(letter("m"), definitions(), AT)
    (folder / "m" / "en.txt").write_text("Hi, {{ links.unsubscribe }} ends it")
    text, shown = parts(writer(folder).write(letter("m"), definitions(tracking={"opens": "aggregate"}), AT))
    assert f"{PUBLIC_URL}/u/" in text
    assert shown.count("<img") == 1
    assert shown.index("<img") < shown.index("</body>")


def test_an_own_design_may_extend_the_layout_and_its_style_is_inlined(tmp_path: Path) -> None:
    html = (
        FRONT
        + '{% extends "_layouts/base.html" %}{% block body %}<style>.x { color: #123456 } @media print { .x { color: red } }</style><p class="x">Hi</p>{% endblock %}'
    )
    text = '{% extends "_layouts/base.txt" %}{% block body %}Hi{% endblock %}'
    _, shown = parts(writer(folder_with(tmp_path, en_html=html, en_txt=text)).write(letter("m"), definitions(), AT))
    assert re.search(r'<p class="x" style="[^"]*color: #123456', shown)
    assert "@media print" in shown
    assert "@media (prefers-color-scheme: dark)" in shown
    assert shown.index("charset") < shown.index("<style")


def test_a_variant_takes_the_place_of_subject_and_preheader() -> None:
    variant = letter(first_name="Zoé")._replace(subject="{{ person.first_name }} <asks>", preheader="On {{ subject }}")
    written = writer().write(variant, definitions(), AT)
    assert (written.subject, parsed(written)["Subject"]) == ("Zoé <asks>", "Zoé <asks>")
    assert "On Zoé &lt;asks&gt;" in parts(written)[1]
    only_the_subject = writer().write(letter()._replace(subject="Another"), definitions(), AT)
    assert "stopped gating everything" in parts(only_the_subject)[1]


@pytest.mark.parametrize(
    "subject", ["{{ persn }}", "{{ person.first_name }}", "{{ ''.__class__ }}", "{% if %}", "{{ '' }}", "a\nb"]
)
def test_a_variant_that_cannot_be_rendered_costs_its_message(subject: str) -> None:
    with pytest.raises(TemplateError):
        writer().write(letter()._replace(subject=subject), definitions(), AT)


def test_a_mail_that_must_not_go_out_is_a_template_error_that_says_why(tmp_path: Path) -> None:
    source = "---\nsubject: S\n---\nHello {{ person.first_name }},\n\nAll of it."
    folder = folder_with(tmp_path, en_md=source)
    with pytest.raises(TemplateError, match=r"^m/en\.md: B5: the mail shows 'None'; give the value a default"):
        writer(folder).write(letter("m", first_name="None"), definitions(), AT)
    assert writer(folder).write(letter("m", first_name="Nonette"), definitions(), AT).subject == "S"


def test_links_to_our_own_pages_bear_marks_inside_what_is_signed(tmp_path: Path) -> None:
    own, others = "https://www.example.com/p?a=1#x", "https://elsewhere.example/p"
    body = (
        FRONT
        + f"[own]({own}) [other]({others}) [guide]({{{{ asset('guide-lead-gen').url }}}}) [privacy](https://www.example.com/privacy)"
    )
    _, html = parts(writer(folder_with(tmp_path, en_md=body)).write(letter("m"), definitions(utm={"content": "{email}"}), AT))
    targets = [TOKENS.read_click(token).target for token in re.findall(rf"{PUBLIC_URL}/c/([\w.-]+)", html)]
    marks = "utm_source=nurture&utm_medium=email&utm_campaign=guide-nurture&utm_content=m"
    assert targets[:2] == [f"https://www.example.com/p?a=1&{marks}#x", others]
    assert TOKENS.read_download(targets[2].removeprefix(f"{PUBLIC_URL}/a/")).asset == "guide-lead-gen"
    assert 'href="https://www.example.com/privacy"' in html
