"""Each rule of the body finds its fault, and nothing else finds any."""

from typing import Any

import pytest

from nurture.adapters.tokens import Click, MailLink, StepOpened
from tests.adapters.mail.letters import PUBLIC_URL, TOKENS
from tests.adapters.mail.linting.drafts import Fault, found_in, good

ME = MailLink(77_000_000_001, 42)
SIGNOFF = "Best wishes,"
LOOSE = '<p style="margin: 0 0 16px;">Best wishes,<br>'
UNSUBSCRIBE = f"{PUBLIC_URL}/u/{TOKENS.unsubscribe(ME)}"
STORY = f"{PUBLIC_URL}/c/{TOKENS.click(Click(*ME, 'https://www.example.com/case-studies/half-the-leads'))}"
PRIVACY = "https://www.example.com/privacy"
PICTURE = '<img src="https://www.example.com/a.png" alt="A chart" width="120" height="80">'
_PIXEL = '<img src="https://nurture.example.com/o/{}.gif" alt="" width="1" height="1">'
HIDDEN = 'style="display: none;max-height: 0;max-width: 0;overflow: hidden;opacity: 0;font-size: 1px;line-height: 1px;"'
PIXEL = _PIXEL.format(TOKENS.open(ME))
OF_STEP = _PIXEL.format(TOKENS.open_of_step(StepOpened("guide-nurture", "case")))
OF_ANOTHER = _PIXEL.format(TOKENS.open_of_step(StepOpened("guide-nurture", "another")))
OPENS = {"opens": "individual", "consent": True, "preferences": PRIVACY}


def html(more: str, **context: Any) -> Fault:
    return Fault(html=((LOOSE, more + LOOSE),), context=context)


def text(more: str) -> Fault:
    return Fault(text=((SIGNOFF, f"{more}\n\n{SIGNOFF}"),))


def link(href: str, words: str = "more", **context: Any) -> Fault:
    return Fault(
        html=((LOOSE, f'<a href="{href}">{words}</a>{LOOSE}'),), text=((SIGNOFF, f"{href}\n{SIGNOFF}"),), context=context
    )


def counted(target: str, **context: Any) -> Fault:
    return link(f"{PUBLIC_URL}/c/{TOKENS.click(Click(*ME, target))}", **context)


def unsubscribe_looks(style: str) -> Fault:
    return Fault(html=(('style="color: #3f4448;text-decoration: underline;">Unsub', f'style="{style}">Unsub'),))


FAULTS: list[tuple[str, str, Fault]] = [
    ("B1", "E", Fault(raw=((b"multipart/alternative", b"multipart/mixed"),))),
    ("B1", "E", Fault(raw=((b"--=_mark--", b""),))),
    ("B1", "E", Fault(raw=((b"--=_mark--", b"--=_mark\r\nContent-Type: text/calendar\r\n\r\nx\r\n--=_mark--"),))),
    ("B2", "E", Fault(raw=((b"text/plain; charset=utf-8", b"text/plain; charset=latin-1"),))),
    ("B2", "E", Fault(raw=((b"Hello Ada", b"Hello A=E9a"),))),
    ("B2", "E", Fault(raw=((b"</body>", b"<!-- " + b"x" * 80 + b" --></body>"),))),
    ("B3", "E", Fault(text=((STORY, ""),))),
    ("B3", "W", text("word " * 8 + "\n" + ("many more words than that\n" * 120))),
    ("B3", "W", text("word " * 17)),
    ("B4", "E", html(f"<!-- {'x' * 102_400} -->".replace("x" * 76, "x" * 75 + "\n"))),
    ("B4", "W", html("<!-- " + "short\n" * 13_000 + " -->")),
    ("B5", "E", text("The price is {{ price }}.")),
    ("B5", "E", text("You are with None, they say.")),
    ("B5", "E", html("<p>Some nan leads</p>")),
    ("B5", "E", html("<p>[object Object]</p>")),
    ("B5", "E", text("It is undefined.")),
    ("B5", "E", Fault(text=(("Hello Ada,", "Hello ,"),))),
    ("B5", "E", html('<a href=" ">x</a>')),
    ("B6", "E", link("http://www.example.com/")),
    ("B6", "E", link("//www.example.com/")),
    ("B6", "E", link("javascript:alert(1)")),
    ("B6", "E", link("data:text/html,x")),
    ("B6", "E", link("https://203.0.113.7/")),
    ("B6", "E", link("https://3405803783/")),
    ("B6", "E", link("https://bit.ly/x")),
    ("B6", "E", link("https://elsewhere.example/", hosts=frozenset(["www.example.com"]))),
    ("B6", "W", link("https://elsewhere.example/", "www.example.com/pricing")),
    ("B7", "E", html("<script>1</script>")),
    ("B7", "E", html("<iframe></iframe>")),
    ("B7", "E", html('<p onclick="x()">Hi</p>')),
    ("B7", "E", html('<link rel="stylesheet" href="https://www.example.com/a.css">')),
    ("B7", "E", html("<style>@import url(https://www.example.com/a.css);</style>")),
    ("B7", "E", html('<meta http-equiv="refresh" content="0">')),
    ("B7", "W", html(f"<style>{'.a { color: red }' * 600}</style>")),
    ("B7", "W", html('<p style="color: #000000; position: absolute">Hi</p>')),
    ("B7", "W", html('<div style="background-image: url(https://www.example.com/a.png)"></div>')),
    ("B8", "E", html(PICTURE.replace("https", "http"))),
    ("B8", "E", html(PICTURE.replace(' alt="A chart"', ""))),
    ("B8", "E", html(PICTURE.replace(' height="80"', ""))),
    ("B8", "W", html(PICTURE.replace("120", "600").replace("80", "2000"))),
    ("B8", "W", html(PICTURE.replace("120", "10").replace("80", "10") * 21)),
    ("B9", "E", Fault(html=(('lang="en"', 'lang="fr"'),))),
    ("B9", "E", Fault(html=(('lang="en"', ""),))),
    ("B9", "E", Fault(html=(("<title>Half the leads, twice the demos</title>", ""),))),
    ("B9", "E", Fault(html=(('<meta charset="utf-8">', ""),))),
    ("B9", "W", Fault(html=(("What a software company changed when it stopped gating everything.", "Too short"),))),
    ("B9", "W", Fault(html=(("What a software company changed", "What a software company changed " * 6),))),
    ("B9", "W", Fault(html=((HIDDEN, ""),))),
    ("B9", "W", Fault(html=(('class="sheet" role="presentation"', ""),))),
    ("B9", "W", html('<p style="color: #999999; background-color: #ffffff">Hardly there</p>')),
    ("B10", "E", unsubscribe_looks("display: none")),
    ("B10", "E", unsubscribe_looks("color: #3f4448; font-size: 8px")),
    ("B10", "E", Fault(context={"preferences": f"{PUBLIC_URL}/p/token"})),
    ("B11", "E", Fault(text=(("Atelier Exemple SAS", "Somebody"),))),
    ("B11", "E", Fault(html=(("12 rue de la Paix", "somewhere"),))),
    ("B11", "E", Fault(html=((PRIVACY, "https://www.example.com/other"),), text=((PRIVACY, "https://www.example.com/other"),))),
    ("B11", "E", Fault(context={"source_of_data": "the trade register"})),
    ("B12", "E", html(PIXEL)),
    ("B12", "E", html(PIXEL, **{**OPENS, "consent": False})),
    ("B12", "E", html(PIXEL, **{**OPENS, "preferences": None})),
    ("B12", "E", html(PIXEL, **{**OPENS, "opens": "hygiene", "preferences": None})),
    ("B12", "E", html(PIXEL, opens="aggregate")),
    ("B12", "E", html(OF_ANOTHER, opens="aggregate")),
    ("B12", "E", html(OF_STEP)),
    ("B12", "E", html(PICTURE.replace("a.png", "a.png?reader=ada@example.org"))),
    ("B12", "E", html(PICTURE.replace("a.png", TOKENS.mail_name(ME) + ".png"))),
    ("B12", "E", html(PICTURE, images=frozenset(["https://www.example.com/b.png"]))),
    ("B13", "E", link(f"{PUBLIC_URL}/c/AAAA.BBBB")),
    ("B13", "E", link(f"{PUBLIC_URL}/c/{TOKENS.click(Click(1, 2, 'https://www.example.com/'))}")),
    ("B13", "E", counted(PRIVACY)),
    ("B13", "E", counted(UNSUBSCRIBE)),
    ("B13", "E", counted(f"{PUBLIC_URL}/confirm/token")),
    ("B13", "E", counted("mailto:camille@example.com")),
    ("B13", "E", counted("https://elsewhere.example/",
                         targets=frozenset(["https://www.example.com/case-studies/half-the-leads"]))),
    ("B14", "W", text("Act now: 100 % free.")),
    ("B14", "E", Fault(context={"facts": {"health": "maintenance"}})),
]  # fmt: skip


@pytest.mark.parametrize(("id_", "level", "fault"), FAULTS, ids=lambda value: value if isinstance(value, str) else "")
def test_a_fault_is_found_and_nothing_else(id_: str, level: str, fault: Fault) -> None:
    found = found_in(fault)
    assert {(finding.id, finding.level) for finding in found} == {(id_, level)}
    assert all("; " in finding.text for finding in found)
    assert not any("ada@" in finding.text or "Lovelace" in finding.text for finding in found)


def test_an_encoding_that_servers_may_break_is_found() -> None:
    # What was quoted-printable is then not read as such: links and style are broken with it.
    assert "B2" in {finding.id for finding in found_in(Fault(raw=((b"quoted-printable", b"8bit"),)))}


@pytest.mark.parametrize(
    "fault",
    [
        text("None of them is nan.example.com, nor an undefined-term."),
        text("Nothing, that is, none: https://www.example.com/nan/None?undefined"),
        link("mailto:camille@example.com"),
        link("tel:+33123456789"),
        link("https://www.example.com/", "www.example.com"),
        html(PICTURE),
        html(PIXEL, **OPENS),
        html(PIXEL, **{**OPENS, "opens": "hygiene"}),
        html(OF_STEP, opens="aggregate"),
        html('<p style="color: #595959; background: #fff">Well there</p>'),
    ],
)
def test_what_is_good_is_left_in_peace(fault: Fault) -> None:
    assert found_in(fault) == []


def test_what_a_reader_typed_is_no_leftover_but_a_missing_value_is() -> None:
    typed = "{{ 7 * 7 }} & <b>"
    shown = Fault(
        text=(("Hello Ada,", f"Hello {typed},"),),
        html=(("Hello Ada,", "Hello {{ 7 * 7 }} &amp; &lt;b&gt;,"),),
        context={"facts": {"first_name": typed}},
    )
    assert found_in(shown) == []
    missing = Fault(text=(("Hello Ada,", "Hello None,"),), context={"facts": {"first_name": "None"}})
    assert [finding.id for finding in found_in(missing)] == ["B5"]


def test_a_foot_that_gmail_clips_away_is_an_error() -> None:
    size = len(good().html.replace("\r\n", "\n").replace("\n", "\r\n").encode())
    comment = "<!-- " + "a line of it\n" * ((101_500 - size) // 14) + " -->"
    found = [finding for finding in found_in(html(comment)) if finding.id == "B4"]
    assert [finding.level for finding in found] == ["E", "W"]
    assert "the foot with the unsubscribe link comes after byte 100,000" in found[0].text


def test_a_mail_is_as_large_as_its_attachments_allow() -> None:
    filling = "x" * 70 + "\r\n"
    attached = "--=_mark\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment\r\n\r\n" + filling * 3_000
    heavy = Fault(raw=((b"--=_mark--", attached.encode() + b"--=_mark--"),))
    assert "B4" not in {finding.id for finding in found_in(heavy)}, "attachments may be large, if they are announced as such"
    bare = Fault(raw=((b"--=_mark--", attached.encode().replace(b"attachment", b"inline") + b"--=_mark--"),))
    assert "B4" in {finding.id for finding in found_in(bare)}


def test_a_mail_with_an_attachment_may_be_sound() -> None:
    """multipart/mixed around the alternatives, and a picture related to the page."""
    from nurture.adapters.mail.linting.linter import lint

    start = good()
    head, _, body = start.raw.partition(b"\r\n\r\n")
    inner = head[head.index(b"Content-Type:") :] + b"\r\n\r\n" + body
    outer = head[: head.index(b"Content-Type:")] + b'Content-Type: multipart/mixed; boundary="outer"\r\n\r\n--outer\r\n'
    pdf = b"Content-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment\r\n\r\nJVBERg==\r\n"
    raw = outer + inner + b"\r\n--outer\r\n" + pdf + b"--outer--\r\n"
    assert lint(raw, start.envelope, start.context) == []
    related = raw.replace(b"multipart/mixed", b"multipart/related")
    assert [finding.id for finding in lint(related, start.envelope, start.context)] == ["B1"]
