"""The words for where a message stands; a module of their own, for the tables need them and nothing else of sending."""

from enum import StrEnum


class MessageStatus(StrEnum):
    """Where a message stands; `uncertain` means that nobody can know whether the server took it."""

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    SKIPPED = "skipped"
    UNCERTAIN = "uncertain"
    DELIVERED = "delivered"
    BOUNCED = "bounced"
    COMPLAINED = "complained"
