"""The body survives every text and every transport."""

import base64
import quopri

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nurture.adapters.mail.mime import Part, assemble, encode

TEXTS = st.text(st.one_of(st.sampled_from("\n\r .=-_\té€👩a"), st.characters(exclude_categories=["Cs"])), max_size=400)


@given(TEXTS)
@example("trailing space \nand tab\t\n")
@example(".\n..\nFrom me\n")
@example("é" * 500)
@example("x" * 500)
@example("\r\r\n\n\r")
def test_a_text_comes_back_in_short_ascii_lines(text: str) -> None:
    encoding, body = encode((text,))
    decoded = base64.b64decode(body) if encoding == "base64" else quopri.decodestring(body)
    assert decoded.decode() == text.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\r\n")
    assert body.isascii()
    assert b"=_" not in body
    assert b"\n" not in body.replace(b"\r\n", b"")
    for line in body.split(b"\r\n"):
        assert len(line) <= 76
        assert line != b"."
        assert not line.endswith((b" ", b"\t"))


@given(st.lists(TEXTS.map(lambda text: text.replace("\r", "")), min_size=1, max_size=5))
@example(["x" * 75 + " ", "", "x" * 75 + "\t"])
@example(["é" * 90, "日本語" * 40])
def test_where_a_text_is_cut_makes_no_difference(blocks: list[str]) -> None:
    assert encode(tuple(blocks)) == encode(("\n".join(blocks),))


@pytest.mark.parametrize(
    ("text", "encoding"),
    [("plain words", "quoted-printable"), ("un déjà vu, comme on dit", "quoted-printable"), ("日本語" * 40, "base64")],
)
def test_the_shorter_encoding_is_taken(text: str, encoding: str) -> None:
    assert encode((text,))[0] == encoding


def test_a_mail_is_its_header_then_its_parts_and_equal_every_time() -> None:
    parts = (Part("plain", ("a\n",)), Part("html", ("<p>a</p>",)))
    mail = assemble(["Subject: x"], parts, "mark")
    assert mail == assemble(["Subject: x"], parts, "mark")
    assert mail.startswith(
        b'Subject: x\r\nMIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary="=_mark"\r\n\r\n--=_mark\r\n'
    )
    assert mail.endswith(b"\r\n--=_mark--\r\n")
