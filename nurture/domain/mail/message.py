"""The words for where a message stands; a module of their own, for the tables need them and nothing else of sending."""

from enum import StrEnum
from typing import Final


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


#: What has these was not mailed to anybody, and never will be.
NEVER_LEFT: Final = (MessageStatus.SKIPPED, MessageStatus.FAILED)


class Reason(StrEnum):
    """Why a message does not go now, or not at all."""

    SUPPRESSED = "suppressed"
    NO_ADDRESS = "no_address"
    ENROLLMENT_ENDED = "enrollment_ended"
    CAPPED = "capped"
    QUIET_HOURS = "quiet_hours"
    OUTSIDE_WINDOW = "outside_window"
    LATE = "late"
    TOO_LATE = "too_late"
    ALREADY_SENT = "already_sent"
    PAUSED = "paused"
    TEMPLATE_ERROR = "template_error"
    TEMPORARY_FAILURE = "temporary_failure"
    UNREACHABLE = "unreachable"
    BREAKER = "breaker"
    ADDRESS_REFUSED = "address_refused"
    NO_CONSENT = "no_consent"
    UNCONFIRMED = "unconfirmed"
    TOPIC_OFF = "topic_off"
    PACE = "pace"
    ASKED_TO_PAUSE = "asked_to_pause"
    POLICY = "policy"
    RATE = "rate"
    WARM_UP = "warm_up"
    BRAKE = "brake"


#: What the engine itself decides to put off, so that it is not late when it goes.
PUT_OFF = frozenset({
    Reason.CAPPED, Reason.QUIET_HOURS, Reason.OUTSIDE_WINDOW, Reason.LATE, Reason.PAUSED, Reason.BREAKER, Reason.RATE,
    Reason.WARM_UP, Reason.BRAKE, Reason.UNCONFIRMED, Reason.PACE, Reason.ASKED_TO_PAUSE,
})  # fmt: skip

#: What a reader's own word puts off, and ends when they say something else.
AS_THEY_WISH = frozenset({Reason.UNCONFIRMED, Reason.PACE, Reason.ASKED_TO_PAUSE})

#: What other mail to the same person puts off, and ends when that mail does not go after all.
LOST_TO_OTHERS = frozenset({Reason.CAPPED, Reason.PACE})
