"""What servers say of mail that they did not deliver."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurture.domain.mail.bounces import RecipientReport, speaks_of_a_bounce, told_by_report, told_in_words
from nurture.domain.mail.faults import Fault
from nurture.domain.mail.incoming import Told, Unread, without_addresses

NOBODY = RecipientReport("failed", "5.1.1", "smtp; 550 5.1.1 user unknown")
FULL = RecipientReport("failed", "5.2.2", "smtp; 552 5.2.2 mailbox full")
WAITS = RecipientReport("delayed", "4.4.1", "connect: timed out")
THERE = RecipientReport("delivered", "2.0.0", "")
PASSED_ON = RecipientReport("relayed", "2.0.0", "")
WORDLESS = RecipientReport("", "", "")


@pytest.mark.parametrize(
    ("reports", "kind", "fault"),
    [
        ([NOBODY], "bounced", Fault.ADDRESS),
        ([NOBODY, NOBODY], "bounced", Fault.ADDRESS),
        ([NOBODY, FULL], "bounced", Fault.MAILBOX),
        ([NOBODY, WAITS], "deferred", Fault.MAILBOX),
        ([NOBODY, FULL, WAITS, THERE], "delivered", None),
        ([WAITS], "deferred", Fault.MAILBOX),
        ([RecipientReport("failure", "553 too big", "")], "bounced", Fault.MESSAGE),
        ([RecipientReport("failed", "4.1.1", "")], "bounced", Fault.MAILBOX),
        ([RecipientReport("failed", "5.3.0", "553 5.3.0 addressee unknown")], "bounced", Fault.ADDRESS),
        ([NOBODY, WORDLESS], "bounced", Fault.ADDRESS),
        ([NOBODY, PASSED_ON], None, None),
        ([WORDLESS], None, None),
        ([], None, None),
    ],
)
def test_a_mail_has_bounced_only_if_it_reached_nobody(
    reports: list[RecipientReport], kind: str | None, fault: Fault | None
) -> None:
    for order in permutations(reports):
        told = told_by_report(order)
        assert (told.kind if isinstance(told, Told) else None) == kind
        assert (told.fault if isinstance(told, Told) else None) == fault


@pytest.mark.parametrize(
    ("status", "diagnostic", "code", "fault"),
    [
        ("5.1.1", "", "5.1.1", Fault.ADDRESS),
        ("5.0.0", "smtp; 550 5.1.1 unknown", "5.1.1", Fault.ADDRESS),
        ("5.0.0", "smtp; 550 no such user here", "5.0.0", Fault.ADDRESS),
        ("5.0.0", "smtp; 550 no such user, and you are a spammer: spam", "5.0.0", Fault.POLICY),
        ("5.0.0", "smtp; 550 no", "5.0.0", Fault.UNKNOWN),
        ("5.1.1", "smtp; 550 blocked by our policy", "5.1.1", Fault.POLICY),
        ("5.1.1", "smtp; 550 user unknown, see our policy", "5.1.1", Fault.ADDRESS),
        ("5.7.1", "smtp; 550 user unknown", "5.7.1", Fault.POLICY),
        ("", "smtp; 550 mail from 5.1.1.9 is listed", None, Fault.UNKNOWN),
        ("5.5.1", "smtp; 500 5.5.1 command not recognized", "5.5.1", Fault.UNKNOWN),
        ("", "smtp; 550 Helo command rejected: Host not found", None, Fault.POLICY),
        ("", "smtp; 553 Domain of sender address does not exist", None, Fault.POLICY),
        ("", "smtp; 450 no such user, as far as is known now", None, Fault.MAILBOX),
        ("", "smtp; 552 5.2.2 full", "5.2.2", Fault.MAILBOX),
        ("", "smtp; 550 4.4.7 expired", "4.4.7", Fault.MAILBOX),
    ],
)
def test_a_code_goes_before_words_unless_words_clear_the_address(
    status: str, diagnostic: str, code: str | None, fault: Fault
) -> None:
    told = told_by_report([RecipientReport("failed", status, diagnostic)])
    assert isinstance(told, Told)
    assert (told.code, told.fault) == (code, fault)


@pytest.mark.parametrize(
    ("subject", "text", "kind", "fault"),
    [
        ("Undelivered", "550 no such user", "bounced", Fault.ADDRESS),
        ("Undelivered", "it was not delivered", "bounced", Fault.UNKNOWN),
        ("Warning: still trying", "451 try again", "deferred", Fault.MAILBOX),
        ("Mail", "The mail is delayed, and will be retried: 451 4.2.2 full", "deferred", Fault.MAILBOX),
        ("Undelivered", "a warning was sent before: user unknown", "bounced", Fault.ADDRESS),
        ("Non remis", "boîte pleine", "bounced", Fault.MAILBOX),
        ("Unzustellbar", "Empfänger unbekannt", "bounced", Fault.ADDRESS),
        ("Undelivered", "refused\n--- Below this line is a copy of the message.\n\nuser unknown 5.1.1", "bounced", Fault.UNKNOWN),
        ("Hello", "How are you?", None, None),
    ],
)
def test_words_are_understood_where_there_is_no_report(subject: str, text: str, kind: str | None, fault: Fault | None) -> None:
    told = told_in_words(subject, text)
    assert (told.kind if isinstance(told, Told) else None) == kind
    assert (told.fault if isinstance(told, Told) else None) == fault


def test_what_stands_beside_a_report_speaks_where_it_does_not() -> None:
    silent = RecipientReport("failed", "5.0.0", "")
    told = [told_by_report([silent], text) for text in ("", "the user\nis unknown", "Subject: user unknown\n\n-- hello")]
    assert [each.fault for each in told if isinstance(each, Told)] == [Fault.UNKNOWN, Fault.ADDRESS, Fault.UNKNOWN]
    spoken = told_by_report([RecipientReport("failed", "5.2.2", "")], "user unknown")
    assert isinstance(spoken, Told)
    assert spoken.fault == Fault.MAILBOX


@pytest.mark.parametrize(
    ("subject", "text", "speaks"),
    [
        ("Undeliverable: hello", "", True),
        ("Undeliverable: hello", "it did not reach Ana", True),
        ("Undeliverable: hello", "How are you?", False),
        ("Delivery problem", "550 no", True),
        ("Hello", "it could not be delivered", False),
    ],
)
def test_a_bounce_is_told_by_its_subject_and_its_text(subject: str, text: str, *, speaks: bool) -> None:
    assert speaks_of_a_bounce(subject, text) == speaks


@given(
    st.lists(
        st.builds(RecipientReport, st.sampled_from(["failed", "delayed", "", "x"]), st.text(max_size=9), st.text(max_size=60))
    )
)
def test_any_report_is_read(reports: list[RecipientReport]) -> None:
    assert isinstance(told_by_report(reports), Told | Unread)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("550 <ana@acme.test>: unknown", "550 …: unknown"),
        ("user ana.martin unknown", "user … unknown"),
        ("see https://x.test/?e=ana.martin%40acme.test&x=1", "see https://x.test/?e=…"),
        ("To=ana.martin@acme.test\r\n\x00next", "To=… next"),
        ("banana.martini", "banana.martini"),
        ("a" * 1_000, "a" * 600),
    ],
)
def test_words_are_kept_without_addresses(text: str, kept: str) -> None:
    assert without_addresses(text, ["ana.martin@acme.test", "a@b.test", ""]) == kept


@given(before=st.text(max_size=30), name=st.from_regex(r"[a-z.]{1,20}", fullmatch=True), after=st.text(max_size=30))
def test_no_address_is_ever_kept(before: str, name: str, after: str) -> None:
    assert f"{name}@acme.test" not in without_addresses(f"{before}{name}@acme.test{after}")
