"""What really happened to somebody, as it is stored: what a case is written from."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from nurture.domain.event import Event


class RealEvent(NamedTuple):
    """Something they did, and whether it was a human's (`human`, `machine`, `unknown`)."""

    event: Event
    verdict: str


class RealMail(NamedTuple):
    """A mail that went."""

    id: int
    step: str
    sequence: str
    sent_at: datetime


class RealRun(NamedTuple):
    """A run through a sequence; `ended_at` is None while it goes on."""

    sequence: str
    ended_at: datetime | None
    reason: str | None


class Recorded(NamedTuple):
    """Somebody's story until `at`: events by when they happened, mails by when they went."""

    at: datetime
    email: str | None
    stage: str
    attributes: Mapping[str, Any]
    events: Sequence[RealEvent]
    mails: Sequence[RealMail]
    runs: Sequence[RealRun]
    others: int = 0
    """How many other people they were merged from."""
