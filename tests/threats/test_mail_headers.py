"""Nothing that anybody typed begins a field, a body or a mail of its own (CRLF injection, SMTP smuggling)."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurture.adapters.mail.connection import stuffed
from nurture.errors import TemplateError
from tests.adapters.mail.letters import AT, definitions, letter, parsed, writer
from tests.adapters.mail.test_writer import folder_with

#: Line ends as one server or another takes them (Longin, "SMTP Smuggling", SEC Consult 2023).
ENDS = [
    "\r\n",
    "\n",
    "\r",
    "\r\r\n",
    "\n\r",
    "\x0b",
    "\x0c",
    "\x85",
    "\u2028",
    "\u2029",
    "\x00",
    "%0d%0a",
    "=0D=0A",
    "\u560d\u560a",
]
SMUGGLED = [
    "\r\n.\r\n",
    "\n.\n",
    "\n.\r\n",
    "\r\n.\n",
    "\r.\r",
    "\r\n.\r",
    "\r.\r\n",
    "\r\n\x00.\r\n",
    "\n.\r",
    "\r\n.\r\r\n",
    "\x85.\x85",
]
FIELDS = ["From", "To", "Subject", "Date", "Message-ID", "List-Id", "List-Unsubscribe", "List-Unsubscribe-Post", "Feedback-ID"]

SOURCE = '---\nsubject: "For {{ person.first_name }}"\n---\n{{ person.first_name }}\n\nof\n\n{{ person.company }}\n'


@pytest.mark.parametrize("end", ENDS)
def test_no_name_begins_a_field(tmp_path: Path, end: str) -> None:
    evil = f"Ada{end}Bcc: eve@evil.example{end}{end}<script>"
    written = writer(folder_with(tmp_path, en_md=SOURCE)).write(
        letter("m", first_name=evil, last_name=evil, company=evil), definitions(), AT
    )
    message = parsed(written)
    assert message["Bcc"] is None
    assert [each.addr_spec for each in message["To"].addresses] == ["ada@example.org"]
    for field in FIELDS:
        assert len(message.get_all(field, [])) == 1, field
    head = written.raw.partition(b"\r\n\r\n")[0]
    assert all(re.match(rb"[A-Za-z-]+: |[ \t]", line) for line in head.split(b"\r\n"))


@pytest.mark.parametrize("end", SMUGGLED)
def test_no_body_ends_a_mail_and_begins_another(tmp_path: Path, end: str) -> None:
    """Neither by CR LF . CR LF nor by any line end that some server takes for it: a mail holds no bare CR and no bare LF."""
    evil = f"Ada{end}MAIL FROM:<eve@evil.example>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\nhello"
    written = writer(folder_with(tmp_path, en_md=SOURCE)).write(letter("m", first_name=evil, company=evil), definitions(), AT)
    wire = stuffed(written.raw)
    assert b"\r\n.\r\n" not in wire
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)", written.raw)
    assert b"\x00" not in written.raw
    assert written.raw.isascii()


@given(st.text(st.sampled_from("a.\r\n\t\x00\x0b=é "), max_size=60))
def test_whatever_stands_in_a_mail(text: str) -> None:
    try:
        written = writer().write(letter("guide-thanks", first_name=text, company=text), definitions(), AT)
    except TemplateError:
        return
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)", written.raw)
    assert b"\r\n.\r\n" not in stuffed(written.raw)


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"])
@pytest.mark.parametrize("place", ["name", "email", "reply_to"])
def test_no_sender_in_definitions_does_either(place: str, end: str) -> None:
    sender = {"name": "Anna", "email": "anna@example.com", "reply_to": "anna@example.com"}
    sender[place] += f"{end}Bcc: eve@evil.example"
    with pytest.raises((TemplateError, ValueError)):
        writer().write(letter(), definitions(sender=sender), AT)


def test_no_unsubscribe_address_is_more_than_one() -> None:
    message = parsed(writer().write(letter(first_name="x>, <https://evil.example"), definitions(), AT))
    assert re.fullmatch(r"<https://nurture\.example\.com/u/[\w.-]+>", str(message["List-Unsubscribe"]))
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
