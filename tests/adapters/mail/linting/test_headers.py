"""Each rule of the envelope and the header finds its fault, and nothing else finds any."""

import re
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurture.adapters.mail.linting.headers import _lines
from nurture.adapters.mail.linting.mail import Mail
from nurture.adapters.tokens import MailLink
from tests.adapters.mail.letters import AT, PUBLIC_URL, TOKENS
from tests.adapters.mail.linting.drafts import Fault, found_in, good

FROM = "From: Camille Durand <camille@example.com>"
TO = "To: Ada Lovelace <ada@example.org>"
SUBJECT = "Subject: Half the leads, twice the demos"
DATE = "Date: Mon, 02 Mar 2026 09:30:00 +0000"
NAME = TOKENS.mail_name(MailLink(77_000_000_001, 42))
MESSAGE_ID = f"Message-ID: <{NAME}@example.com>"
UNSUBSCRIBE = f"List-Unsubscribe: <{PUBLIC_URL}/u/"
WORD = "=?utf-8?q?" + "a" * 70 + "?="

FAULTS: list[tuple[str, str, Fault]] = [
    ("V1", "E", Fault(envelope={"mail_from": "bounces@elsewhere.example"})),
    ("V1", "E", Fault(context={"signed_return": True})),
    ("V1", "E", Fault(envelope={"mail_from": ""})),
    ("V2", "E", Fault(envelope={"recipients": ("ada@example.org", "bob@example.org")})),
    ("V3", "W", Fault(envelope={"offers": frozenset(["DSN"]), "parameters": ("RET=HDRS", "NOTIFY=FAILURE,DELAY")})),
    ("V3", "W", Fault(envelope={"offers": frozenset(["DSN"]), "parameters": ("RET=FULL", "ENVID=x", "NOTIFY=FAILURE,DELAY")})),
    ("V3", "W", Fault(envelope={"offers": frozenset(["DSN"]), "parameters": ("RET=HDRS", "ENVID=x", "NOTIFY=NEVER")})),
    ("V4", "W", Fault(envelope={"parameters": ("SMTPUTF8",)})),
    ("V4", "W", Fault(envelope={"recipients": ("zoé@example.org",)})),
    ("V5", "E", Fault(more=("Return-Path: <camille@example.com>",))),
    ("V5", "E", Fault(more=("Bcc: eve@example.org",))),
    ("H1", "E", Fault(more=(SUBJECT,))),
    ("H1", "E", Fault(more=("MIME-Version: 1.0",))),
    ("H1", "E", Fault(more=("Reply-To: a@example.com", "Reply-To: b@example.com"))),
    ("H1", "E", Fault(head=((DATE, "X-Other: 1"),))),
    ("H2", "E", Fault(head=((f"{NAME}@", NAME),))),
    ("H2", "E", Fault(head=((MESSAGE_ID, "Message-ID: =?utf-8?q?=3Cx=40example=2Ecom=3E?="),))),
    ("H2", "E", Fault(head=((MESSAGE_ID, "Message-ID: <x@elsewhere.example>"),))),
    ("H2", "E", Fault(head=((MESSAGE_ID, "Message-ID: <another@example.com>"),))),
    ("H3", "E", Fault(head=((DATE, "Date: Mon, 02 Mar 2026 09:30:00 GMT"),))),
    ("H3", "E", Fault(head=((DATE, "Date: Mon, 02 Mar 2026 09:30:00 -0000"),))),
    ("H3", "E", Fault(head=((DATE, "Date: yesterday +0000"),))),
    ("H3", "E", Fault(context={"at": AT + timedelta(hours=1)})),
    ("H4", "E", Fault(head=((FROM, FROM + ", Bob <bob@example.com>"),))),
    ("H4", "E", Fault(context={"sender_domains": frozenset(["news.example.com"])})),
    ("H4", "E", Fault(head=((FROM, f"From: {WORD}\r\n <camille@example.com>"),))),
    ("H4", "E", Fault(head=((SUBJECT, f"Subject: {WORD}"),))),
    ("H5", "E", Fault(head=((TO, "To: Bob <bob@example.org>"),))),
    ("H5", "E", Fault(head=((TO, f"{TO}, bob@example.org"),))),
    ("H5", "E", Fault(more=("Cc: bob@example.org",))),
    ("H5", "W", Fault(head=((TO, "To: ada@example.org"),))),
    ("H6", "E", Fault(head=((UNSUBSCRIBE, "List-Unsubscribe: <mailto:bye@example.com>,\r\n <https://nurture.example.com/u/"),))),
    ("H6", "E", Fault(head=((UNSUBSCRIBE, "X-Unsubscribe: <https://nurture.example.com/u/"),))),
    ("H6", "E", Fault(head=((UNSUBSCRIBE, "List-Unsubscribe: =?utf-8?q?=3Chttps?=\r\n <https://nurture.example.com/u/"),))),
    ("H6", "E", Fault(head=((UNSUBSCRIBE, "List-Unsubscribe: <https://nurture.example.com\r\n /u/"),))),
    ("H6", "W", Fault(context={"unsubscribe_mailbox": True})),
    ("H7", "E", Fault(head=(("List-Unsubscribe=One-Click", "One-Click"),))),
    ("H7", "E", Fault(head=(("List-Unsubscribe-Post:", "X-Post:"),))),
    ("H9", "W", Fault(head=(("List-Id: <guide-nurture.example.com>", "X-List: 1"),))),
    ("H9", "W", Fault(head=(("List-Id: <guide-nurture.", "List-Id: <another."),))),
    ("H10", "W", Fault(head=((":examplecom", ":ex"),))),
    ("H10", "W", Fault(head=(("Feedback-ID: case:", "Feedback-ID: "),))),
    ("H10", "W", Fault(head=(("Feedback-ID", "X-Feedback"),))),
    ("H10", "W", Fault(more=("Feedback-ID: a:b:c:examplecom",))),
    ("H11", "W", Fault(head=(("Auto-Submitted: auto-generated", "Auto-Submitted: no"),))),
    ("H11", "W", Fault(head=(("X-Auto-Response-Suppress", "X-Other"),))),
    ("H11", "W", Fault(context={"automatic": False})),
    ("H12", "E", Fault(raw=((b"Auto-Submitted: auto-generated\r\n", b"Auto-Submitted: auto-generated\n"),))),
    ("H12", "E", Fault(raw=((b"Content-Language: en", b"Content-Language: en\r\nX-Name: Zo\xe9"),))),
    ("H12", "E", Fault(raw=((b"Content-Language: en\r\n", b"Content-Language: en\r\nX-Long: " + b"x" * 1000 + b"\r\n"),))),
    ("H12", "E", Fault(more=("X-Empty: ",))),
    ("H12", "E", Fault(more=("no field at all",))),
    ("H12", "W", Fault(more=("X-Words: " + "word " * 16,))),
    ("H13", "E", Fault(more=("X-Reader: ada@example.org",))),
    ("H13", "E", Fault(more=("X-Company: Analytical Engines",))),
    ("H13", "E", Fault(more=("X-Engagement: 41",))),
    ("H13", "E", Fault(more=("X-Worker: mailer-3.office.local",))),
    ("H13", "E", Fault(more=("X-Worker: 10.1.2.3",))),
    ("H13", "E", Fault(more=("X-Worker: db.example.com",), context={"internal_hosts": frozenset(["db.example.com"])})),
    ("H14", "E", Fault(head=((SUBJECT, "Subject: =?utf-8?q?=20?="),))),
    ("H14", "E", Fault(head=((SUBJECT, "Subject: =?utf-8?q?a=0Ab?="),))),
    ("H14", "E", Fault(head=((SUBJECT, "Subject: Hello {{ person.first_name }}"),))),
    ("H14", "E", Fault(head=((SUBJECT, "Subject: Hello None, a word"),))),
    ("H14", "W", Fault(head=((SUBJECT, "Subject: " + "word " * 13 + "\r\n word end"),))),
    ("H14", "W", Fault(head=((SUBJECT, "Subject: RE: our talk"),))),
    ("H14", "W", Fault(head=((SUBJECT, "Subject: Tr : notre rendez-vous"),))),
    ("H14", "W", Fault(head=((SUBJECT, "Subject: HALF THE LEADS"),))),
    ("H14", "W", Fault(head=((SUBJECT, "Subject: Half! Twice!"),))),
    ("H15", "W", Fault(more=("In-Reply-To: <nobody@example.com>",))),
    ("H15", "W", Fault(more=("References: <nobody@example.com>",), context={"threads": frozenset(["<other@example.com>"])})),
]  # fmt: skip


@pytest.mark.parametrize(("id_", "level", "fault"), FAULTS, ids=lambda value: value if isinstance(value, str) else "")
def test_a_fault_is_found_and_nothing_else(id_: str, level: str, fault: Fault) -> None:
    found = found_in(fault)
    assert {(finding.id, finding.level) for finding in found} == {(id_, level)}
    assert all("; " in finding.text for finding in found)
    assert not any("ada@" in finding.text or "Lovelace" in finding.text for finding in found)


def test_a_good_mail_is_clean() -> None:
    assert found_in(Fault()) == []


@pytest.mark.parametrize("domain", ["gmail.com", "orange.fr"])
def test_a_free_mailbox_is_no_sender(domain: str) -> None:
    swaps = ((FROM, f"From: Camille <camille@{domain}>"), (MESSAGE_ID, f"Message-ID: <{NAME}@{domain}>"))
    fault = Fault(head=swaps, envelope={"mail_from": f"camille@{domain}"}, context={"sender_domains": frozenset([domain])})
    # Links that count clicks are in another domain, too.
    assert {finding.id for finding in found_in(fault)} == {"H4", "B13"}


@pytest.mark.parametrize("with_delivery_reports", [True, False])
def test_a_signed_return_address_in_the_senders_organisation_is_good(with_delivery_reports: bool) -> None:
    fault = Fault(
        context={"signed_return": True},
        envelope={
            "mail_from": f"b-{NAME}@bounce.example.com",
            "offers": frozenset(["DSN"] if with_delivery_reports else []),
            "parameters": ("ENVID=" + NAME, "RET=HDRS", "NOTIFY=FAILURE,DELAY"),
        },
    )
    assert found_in(fault) == []


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("AAAAEe2OwgEAAAAAAAAAKg.Y9-JyrlOSvZjrqdHrdwxrw", "does not end this reader's mail"),
        ("ada@example.org", "shows the reader's address"),
        ("ada%40example.org", "shows the reader's address"),
        ("x?name=Lovelace", "shows the reader's last_name"),
    ],
)
def test_an_unsubscribe_link_is_a_token_and_nothing_more(wrong: str, said: str) -> None:
    token = "AAAAEe2OwgEAAAAAAAAAKg.Y9-JyrlOSvZjrqdHrdwirw"
    swap = ((token, wrong),)
    findings = found_in(Fault(head=swap, text=swap, html=swap))
    assert [finding.id for finding in findings] == ["H6"]
    assert said in findings[0].text


def test_a_mailto_for_those_who_cannot_post_is_welcome() -> None:
    swap = (("dHrdwirw>", "dHrdwirw>,\r\n <mailto:bye@example.com?subject=x>"),)
    assert found_in(Fault(head=swap, context={"unsubscribe_mailbox": True})) == []


def test_an_answer_to_a_mail_really_sent_is_one() -> None:
    threads = {"threads": frozenset(["<first@example.com>"])}
    more = ("In-Reply-To: <first@example.com>", "References: <first@example.com>")
    assert found_in(Fault(head=((SUBJECT, "Subject: Re: half the leads"),), more=more, context=threads)) == []


def test_a_mail_without_anything_has_everything_wrong() -> None:
    from nurture.adapters.mail.linting.linter import lint

    start = good()
    assert {"H1", "H6", "H7", "B1"} <= {finding.id for finding in lint(b"", start.envelope, start.context)}


@given(st.lists(st.sampled_from([b"x", b"x" * 997, b"x" * 998, b"\r\n", b"\n", b"\r"])).map(b"".join))
def test_lines_are_ended_by_crlf_and_not_too_long(raw: bytes) -> None:
    raw = b"Subject: x\r\n\r\n" + raw + b"\r\n"
    told = [*_lines(Mail(raw), good().envelope, good().context)]
    bare = re.sub(rb"\r\n", b"", raw)
    assert any("bare" in each for each in told) == (b"\r" in bare or b"\n" in bare)
    assert any("998" in each for each in told) == any(len(line) > 998 for line in re.split(rb"\r\n|\r|\n", raw))
