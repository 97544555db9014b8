"""Mails of which nobody knows whether a server took them, and what follows when somebody finds out."""

from datetime import datetime
from typing import Final, Literal, NamedTuple

from nurture.domain.mail.message import MessageStatus
from nurture.domain.mail.sending import LEASE

#: What the operator may have found out: a server took the mail, it did not and the mail is to go again, or it is to be left.
Finding = Literal["sent", "not_sent", "failed"]

_COMES_TO: Final = {
    "sent": MessageStatus.SENT,
    "not_sent": MessageStatus.QUEUED,
    "failed": MessageStatus.FAILED,
}


class Uncertain(NamedTuple):
    """A mail as it stands: since when nobody knows, and why."""

    message: int
    status: MessageStatus
    handed_over_at: datetime | None
    detail: str | None


class Settled(NamedTuple):
    """What a mail comes to. A queued one is due at `due_at`, and not late however long it took to find out."""

    message: int
    status: MessageStatus
    sent_at: datetime | None
    due_at: datetime | None
    detail: str


def handed_over_at(status: MessageStatus, sent_at: datetime | None, lease_until: datetime | None) -> datetime | None:
    """When a worker began to hand a mail over. Of a worker that died only the lease tells, which began at that instant."""
    if sent_at is not None:
        return sent_at
    on_its_way = status in (MessageStatus.SENDING, MessageStatus.UNCERTAIN)
    return lease_until - LEASE if on_its_way and lease_until is not None else None


def is_settled(mail: Uncertain, finding: Finding) -> bool:
    """Whether a mail stands already where a finding would put it."""
    return mail.status == _COMES_TO[finding]


def settled(mail: Uncertain, finding: Finding, at: datetime) -> Settled:
    """What an uncertain mail comes to by what the operator found out at an instant."""
    status = _COMES_TO[finding]
    sent_at = (mail.handed_over_at or at) if status == MessageStatus.SENT else None
    due_at = at if status == MessageStatus.QUEUED else None
    words = [mail.detail] if mail.detail else []
    return Settled(mail.message, status, sent_at, due_at, "; ".join([*words, f"by hand: {finding.replace('_', ' ')}"]))
