"""Each recorded shape of each provider says the same thing in our words."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from nurture.adapters.hooks.base import Post
from nurture.adapters.hooks.taking import Told, read_post
from nurture.adapters.tokens import Tokens
from nurture.domain.mail.faults import Fault
from nurture.domain.mail.feedback import Feedback
from tests.web.hooks.conftest import HOOKS, MAIL
from tests.web.hooks.signing import FIXTURES, post_of, shape

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
TOKENS = Tokens("a secret for tests")

ADDRESS, MAILBOX, MESSAGE, POLICY, UNKNOWN = Fault
Row = tuple[str, Fault | None, str | None]

DELIVERED: Row = ("delivered", None, None)
COMPLAINED: Row = ("complained", None, None)
UNSUBSCRIBED: Row = ("unsubscribed", None, None)
AUTO: Row = ("auto_replied", None, None)
GONE: Row = ("bounced", ADDRESS, "5.1.1")

#: What each shape comes to: kind, fault and code of everything heard.
SHAPES: dict[str, list[Row]] = {
    "ses-bounce": [GONE],
    "ses-bounce-of-two": [("bounced", MAILBOX, None), ("bounced", MAILBOX, None)],
    "ses-complaint": [COMPLAINED],
    "ses-not-spam": [],
    "ses-delivery": [DELIVERED],
    "ses-delay": [("deferred", MAILBOX, "4.2.2")],
    "ses-reject": [("bounced", MESSAGE, None)],
    "ses-open": [],
    "sendgrid-batch": [
        DELIVERED, ("deferred", MAILBOX, "4.2.2"), GONE, ("bounced", POLICY, "5.7.1"), ("bounced", ADDRESS, "5.0.0"), COMPLAINED,
        COMPLAINED, UNSUBSCRIBED, UNSUBSCRIBED,
    ],
    "postmark-delivery": [DELIVERED],
    "postmark-hard": [GONE],
    "postmark-soft": [("bounced", MAILBOX, None)],
    "postmark-policy": [("bounced", POLICY, "5.7.26")],
    "postmark-transient": [("deferred", MAILBOX, None)],
    "postmark-auto": [AUTO],
    "postmark-complaint": [COMPLAINED],
    "postmark-unsubscribe": [UNSUBSCRIBED],
    "postmark-resubscribe": [],
    "postmark-open": [],
    "mailgun-delivered": [DELIVERED],
    "mailgun-permanent": [GONE],
    "mailgun-temporary": [("deferred", MAILBOX, "4.2.2")],
    "mailgun-suppressed": [("bounced", ADDRESS, None)],
    "mailgun-suppressed-complaint": [COMPLAINED],
    "mailgun-complained": [COMPLAINED],
    "mailgun-unsubscribed": [UNSUBSCRIBED],
    "mailgun-opened": [],
    "mailjet-batch": [
        DELIVERED, GONE, ("bounced", MAILBOX, None), ("deferred", MAILBOX, None), ("bounced", ADDRESS, None),
        ("bounced", POLICY, None), COMPLAINED, UNSUBSCRIBED,
    ],
    "mailjet-single": [DELIVERED],
    "brevo-delivered": [DELIVERED],
    "brevo-hard-bounce": [GONE],
    "brevo-soft-bounce": [("bounced", MAILBOX, "4.2.2")],
    "brevo-invalid-email": [("bounced", ADDRESS, None)],
    "brevo-blocked": [("bounced", POLICY, None)],
    "brevo-deferred": [("deferred", POLICY, "4.7.1")],
    "brevo-spam": [COMPLAINED],
    "brevo-unsubscribed": [UNSUBSCRIBED],
    "brevo-unique-opened": [],
    "resend-delivered": [DELIVERED],
    "resend-bounced": [GONE],
    "resend-bounced-full": [("bounced", MAILBOX, None)],
    "resend-suppressed": [("bounced", ADDRESS, None)],
    "resend-failed": [("bounced", MESSAGE, None)],
    "resend-delayed": [("deferred", MAILBOX, None)],
    "resend-complained": [COMPLAINED],
    "resend-opened": [],
    "sparkpost-batch": [
        DELIVERED, ("deferred", MAILBOX, "4.2.2"), GONE, ("bounced", POLICY, None), ("bounced", MAILBOX, None), AUTO, UNSUBSCRIBED,
        COMPLAINED, UNSUBSCRIBED, ("bounced", POLICY, "5.7.1"),
    ],
}  # fmt: skip

#: Shapes in which no name of ours stands, by what they then name.
ADDRESSES = {
    "ses-bounce-of-two": ["ana@example.com", "ben@example.com"],
    "mailjet-single": ["ana@example.com"],
}


def told(name: str, at: datetime = NOW, mail: str | None = None) -> Told:
    """What a recorded shape tells."""
    provider = name.partition("-")[0]
    signed = post_of(provider, shape(name, mail or TOKENS.mail_name(MAIL)), at)
    return read_post(provider, HOOKS.sources[provider], _as_post(signed, at), TOKENS)


def _as_post(signed: Any, at: datetime) -> Post:
    import json

    return Post(signed.headers, signed.body, json.loads(signed.body), at)


def rows(heard: list[Feedback]) -> list[Row]:
    return [(each.kind, each.fault, each.code) for each in heard]


def test_every_shape_is_in_the_table() -> None:
    assert {path.stem for path in FIXTURES.glob("*.json")} == SHAPES.keys()


@pytest.mark.parametrize("name", SHAPES)
def test_a_shape_comes_to_our_words(name: str) -> None:
    found = told(name)
    assert rows(found.heard) == SHAPES[name]
    assert found.rejected == []
    assert {each.word for each in found.passed_over if not each.known} <= {"levitated"}


@pytest.mark.parametrize("name", [name for name, heard in SHAPES.items() if heard])
def test_a_shape_names_its_mail_or_its_address(name: str) -> None:
    found = told(name).heard
    if name in ADDRESSES:
        assert [each.recipient for each in found] == ADDRESSES[name]
        assert {(each.message, each.person) for each in found} == {(None, None)}
    else:
        named = [each for each in found if each.recipient is None]
        assert {(each.message, each.person) for each in named} == {MAIL}
        assert len(named) >= len(found) - 1


@pytest.mark.parametrize("name", SHAPES)
def test_a_repetition_has_the_same_id_and_each_event_its_own(name: str) -> None:
    first, again = told(name), told(name, NOW + timedelta(minutes=3))
    ids = [each.id for each in first.heard]
    assert ids == [each.id for each in again.heard]
    assert len(set(ids)) == len(ids)
    assert not [each for each in ids if "@" in each or len(each) > 200]


@pytest.mark.parametrize("name", [name for name, heard in SHAPES.items() if heard])
def test_it_happened_within_the_last_minutes(name: str) -> None:
    assert {NOW - timedelta(minutes=2) < each.at <= NOW for each in told(name).heard} == {True}


@pytest.mark.parametrize("name", SHAPES)
def test_no_address_stands_in_what_servers_said(name: str) -> None:
    assert not [each.detail for each in told(name).heard if "@" in (each.detail or "")]


@pytest.mark.parametrize("name", [name for name, heard in SHAPES.items() if heard])
def test_a_name_that_was_not_made_here_counts_for_nothing(name: str) -> None:
    forged = Tokens("another secret of somebody").mail_name(MAIL)
    found = told(name, mail=forged)
    assert {(each.message, each.person) for each in found.heard} == {(None, None)}
    assert {each.recipient for each in found.heard} <= {"ana@example.com", "ben@example.com"}
