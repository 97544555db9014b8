"""What an uncertain mail comes to when somebody finds out."""

from datetime import UTC, datetime, timedelta

import pytest

from nurture.domain.mail.message import MessageStatus
from nurture.domain.mail.sending import LEASE
from nurture.domain.mail.uncertain import Finding, Settled, Uncertain, handed_over_at, is_settled, settled

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
BEFORE = NOW - timedelta(hours=5)
MAIL = Uncertain(1, MessageStatus.UNCERTAIN, BEFORE, "the worker died while sending")
WHY = "the worker died while sending; by hand: "


@pytest.mark.parametrize(
    ("finding", "expected"),
    [
        ("sent", Settled(1, MessageStatus.SENT, BEFORE, None, WHY + "sent")),
        ("not_sent", Settled(1, MessageStatus.QUEUED, None, NOW, WHY + "not sent")),
        ("failed", Settled(1, MessageStatus.FAILED, None, None, WHY + "failed")),
    ],
)
def test_each_finding(finding: Finding, expected: Settled) -> None:
    assert settled(MAIL, finding, NOW) == expected
    assert not is_settled(MAIL, finding)
    assert is_settled(MAIL._replace(status=expected.status), finding)


def test_when_it_was_handed_over_is_now_if_nothing_tells() -> None:
    assert settled(MAIL._replace(handed_over_at=None, detail=None), "sent", NOW) == Settled(
        1, MessageStatus.SENT, NOW, None, "by hand: sent"
    )


@pytest.mark.parametrize(
    ("status", "sent_at", "lease_until", "expected"),
    [
        (MessageStatus.SENT, BEFORE, None, BEFORE),
        (MessageStatus.UNCERTAIN, BEFORE, NOW, BEFORE),
        (MessageStatus.UNCERTAIN, None, NOW, NOW - LEASE),
        (MessageStatus.SENDING, None, NOW, NOW - LEASE),
        (MessageStatus.QUEUED, None, NOW, None),
        (MessageStatus.UNCERTAIN, None, None, None),
    ],
)
def test_when_a_mail_was_handed_over(
    status: MessageStatus, sent_at: datetime | None, lease_until: datetime | None, expected: datetime | None
) -> None:
    assert handed_over_at(status, sent_at, lease_until) == expected
