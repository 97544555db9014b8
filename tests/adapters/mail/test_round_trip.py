"""A mail as it really leaves, and what comes back of it: each place alone that keeps its name is enough."""

import re
from collections.abc import Callable

import pytest

from nurture.adapters.mail.incoming.reader import MailReader
from nurture.adapters.tokens import MailLink
from nurture.domain.mail.incoming import Unread
from tests.adapters.mail.letters import AT, TOKENS, definitions, letter, parsed, writer
from tests.support.returned import bounce, out_of_office, reply

LINK = MailLink(77_000_000_001, 42)
WRITTEN = writer().write(letter(), definitions(bounce_domain="bounces.example.com", unsubscribe_mailto="off@example.com"), AT)
BY_US = parsed(WRITTEN)
FORGED = "a" * 52


def as_address_of(name: str) -> str:
    return f"b-{name}@bounces.example.com"


def read(raw: bytes) -> tuple[str, int | None, int | None]:
    found = MailReader(TOKENS).read(raw, AT)
    assert not isinstance(found, Unread), found.reason
    return found[0].kind, found[0].message, found[0].person


def test_a_bounce_comes_to_the_envelopes_sender() -> None:
    raw = bounce(FORGED).replace(as_address_of(FORGED).encode(), WRITTEN.mail_from.encode())
    assert read(raw) == ("bounced", *LINK)
    assert read(raw.replace(WRITTEN.mail_from.encode(), WRITTEN.mail_from.upper().encode())) == ("bounced", *LINK)


def test_a_bounce_returns_the_header() -> None:
    head = WRITTEN.raw.partition(b"\r\n\r\n")[0]
    returned = b"--=_b\r\nContent-Type: text/rfc822-headers\r\n\r\n" + head + b"\r\n\r\n--=_b--\r\n"
    raw = bounce(FORGED).replace(b"--=_b--\r\n", returned)
    assert read(raw) == ("bounced", *LINK)


@pytest.mark.parametrize("answer", [reply, out_of_office])
def test_an_answer_names_the_message_id(answer: Callable[[str], bytes]) -> None:
    ours = str(BY_US["Message-ID"])
    raw = (
        answer("NAME")
        .replace(b"<NAME@example.com>", ours.encode())
        .replace(b"To: b-NAME@bounces.example.com", f"In-Reply-To: {ours}".encode())
    )
    assert read(raw)[1:] == LINK


def test_a_mail_program_unsubscribes_by_mail() -> None:
    offered = re.search(r"<mailto:([^?>]*)\?subject=([^>]*)>", str(BY_US["List-Unsubscribe"]))
    assert offered is not None
    raw = f"From: ada@example.org\r\nTo: {offered[1]}\r\nSubject: {offered[2]}\r\n\r\n".encode()
    assert read(raw) == ("unsubscribed", *LINK)


def test_our_own_mail_that_comes_to_the_mailbox_is_no_answer() -> None:
    found = MailReader(TOKENS).read(f"Return-Path: <{WRITTEN.mail_from}>\r\n".encode() + WRITTEN.raw, AT)
    assert isinstance(found, Unread)
