"""The header of a mail: it names the mail where machines answer, and nothing that anybody typed adds a field to it."""

import json
import re
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from nurture.adapters.mail.head import feedback_sender
from nurture.adapters.tokens import MailLink
from nurture.domain.definitions import Definitions
from nurture.domain.mail.marks import Provider
from nurture.domain.sequence import Sequence
from tests.adapters.mail.letters import AT, PUBLIC_URL, TOKENS, definitions, letter, parsed, writer

LINK = MailLink(77_000_000_001, 42)
NAME = TOKENS.mail_name(LINK)
ANYTHING = st.text(st.characters(exclude_categories=["Cs"]), max_size=120)
FIELDS = [
    "From", "To", "Subject", "Date", "Message-ID", "List-Id", "List-Unsubscribe", "List-Unsubscribe-Post", "Feedback-ID",
    "Auto-Submitted", "X-Auto-Response-Suppress", "Content-Language", "MIME-Version", "Content-Type",
]  # fmt: skip


def raw_with(**sending: Any) -> bytes:
    return writer().write(letter(), definitions(**sending), AT).raw


def lines_of(raw: bytes) -> list[str]:
    return raw.partition(b"\r\n\r\n")[0].decode("ascii").split("\r\n")


def test_a_bounce_goes_to_an_address_of_the_mails_own() -> None:
    written = writer().write(letter(), definitions(bounce_domain="Bounces.example.com"), AT)
    assert written.mail_from == f"b-{NAME}@bounces.example.com"
    assert list(TOKENS.mails_named(written.mail_from.upper())) == [LINK]
    assert len(written.mail_from.partition("@")[0]) <= 64


def test_without_a_domain_for_bounces_they_go_to_the_sender() -> None:
    assert writer().write(letter(), definitions(), AT).mail_from == "camille@example.com"


@pytest.mark.parametrize(
    "host", ["localhost", "a..b", "-a.example.com", "a_b.example.com", "bounces.example.com\r\nX: y", "é.fr"]
)
def test_what_is_no_host_takes_no_bounces(host: str) -> None:
    with pytest.raises(ValidationError, match="bounce_domain"):
        definitions(bounce_domain=host)


def test_the_message_id_names_the_mail_on_each_try() -> None:
    first, later = (parsed(writer().write(letter(), definitions(), AT.replace(day=day))) for day in (2, 9))
    assert first["Message-ID"] == later["Message-ID"] == f"<{NAME}@example.com>"
    assert list(TOKENS.mails_named(first["Message-ID"].upper())) == [LINK]


def test_who_unsubscribes_by_mail_is_known_by_its_subject() -> None:
    lines = lines_of(raw_with(unsubscribe_mailto="leave+us@example.com"))
    at = lines.index(f"List-Unsubscribe: <{PUBLIC_URL}/u/{TOKENS.unsubscribe(LINK)}>,")
    assert lines[at + 1] == f" <mailto:leave+us@example.com?subject={NAME}>"
    assert lines[at + 2] == "List-Unsubscribe-Post: List-Unsubscribe=One-Click"


def test_the_fields_stand_once_and_name_nobody() -> None:
    lines = lines_of(raw_with())
    assert [line.partition(":")[0] for line in lines if not line.startswith(" ")] == FIELDS
    told = [line for line in lines if "ada" in line.lower()]
    assert told == ["To: ada@example.org"]


def test_a_sequence_may_welcome_what_machines_answer() -> None:
    plan = {"sequence": "guide-nurture", "trigger": {"asset": "guide-lead-gen"}, "steps": [{"id": "case", "email": "case-study"}]}
    quiet, welcoming = (
        Definitions.model_validate({**definitions().model_dump(), "sequences": {"guide-nurture": Sequence.model_validate(each)}})
        for each in (plan, {**plan, "auto_replies": True})
    )
    message = parsed(writer().write(letter(), quiet, AT))
    assert (message["Auto-Submitted"], message["X-Auto-Response-Suppress"]) == ("auto-generated", "OOF, AutoReply")
    message = parsed(writer().write(letter(), welcoming, AT))
    assert (message["Auto-Submitted"], message["X-Auto-Response-Suppress"]) == (None, None)


@pytest.mark.parametrize("provider", get_args(Provider))
def test_each_provider_is_told_the_mails_name_in_one_field(provider: Provider) -> None:
    plain, marked = (message_from_bytes(raw, policy=policy.default) for raw in (raw_with(), raw_with(providers=[provider])))
    (name,) = set(marked.keys()) - set(plain.keys())
    assert list(TOKENS.mails_named(str(marked[name]))) == [LINK]
    if str(marked[name]).startswith("{"):
        json.loads(str(marked[name]))


def test_the_fields_of_providers_are_written_as_they_read_them() -> None:
    message: EmailMessage = message_from_bytes(raw_with(providers=[*get_args(Provider)]), policy=policy.default)
    assert message["X-PM-Metadata-mail"] == message["X-MJ-CustomID"] == NAME
    assert message["X-SES-MESSAGE-TAGS"] == f"mail={NAME}"
    assert json.loads(message["X-Mailgun-Variables"]) == json.loads(message["X-Mailin-custom"]) == {"mail": NAME}
    assert json.loads(message["X-SMTPAPI"]) == {"unique_args": {"mail": NAME}}
    assert json.loads(message["X-MSYS-API"]) == {"metadata": {"mail": NAME}}


@pytest.mark.parametrize("provider", get_args(Provider))
def test_the_fields_of_providers_stay_on_short_lines(provider: Provider) -> None:
    added = set(lines_of(raw_with(providers=[provider]))) - set(lines_of(raw_with()))
    assert added
    assert all(len(line) <= 78 and "=?" not in line for line in added)


@given(first=ANYTHING, last=ANYTHING, sender=ANYTHING)
def test_nothing_that_anybody_typed_adds_a_field(first: str, last: str, sender: str) -> None:
    """What a person's name holds is made one line; a sender's is refused. Whether such a mail may go out is the linter's business."""
    name = re.sub(r"[\x00-\x1f\x7f]", "", sender)[:80].strip() or "x"
    policy_ = definitions(sender={"name": name, "email": "camille@example.com"})
    lines = lines_of(writer().draft(letter(first_name=first, last_name=last), policy_, AT)[0].raw)
    assert [line.partition(":")[0] for line in lines if not line.startswith(" ")] == FIELDS
    assert all(line.strip() and len(line) <= 998 for line in lines)


@pytest.mark.parametrize("domain", ["a.io", "example.com", "a-very-long-name.of-a-company.example.com"])
def test_the_sender_in_feedback_id_has_5_to_15_characters(domain: str) -> None:
    assert re.fullmatch("[a-z0-9]{5,15}", feedback_sender(domain))
