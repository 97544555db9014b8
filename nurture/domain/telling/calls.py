"""Calls to endpoints, and what follows their answers, after the Standard Webhooks specification 1.0 (standardwebhooks.com).

One answer decides about two things: the delivery, which is repeated or given up, and the endpoint, which may be left alone for a
while, or called no more.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum
from http import HTTPStatus
from typing import Final, NamedTuple

from nurture.domain.mail.sending import GiveUp, RetryAt
from nurture.domain.telling.shapes import Shape

#: A delivery claimed by a worker that has been silent this long is due again; far above the time one call may take.
LEASE: Final = timedelta(minutes=1)

#: Between one attempt and the next; the first is made at once, and after the last of them nothing is tried again.
RETRY_DELAYS: Final = (
    timedelta(seconds=5), timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=2), timedelta(hours=5),
    timedelta(hours=10), timedelta(hours=14), timedelta(hours=20), timedelta(hours=24),
)  # fmt: skip

#: What is told of somebody waits for what was told of them before, until that has failed so often (some five minutes): order
#: outlives a restart of the receiver, and one call that is refused for ever does not keep from sales that somebody asked for them.
KEEPS_ORDER: Final = 3

#: An endpoint that takes nothing for so long is called no more. Longer than one delivery is repeated, so that no single one decides.
PATIENCE: Final = timedelta(days=5)

#: By how much of itself a delay grows at most, so that what failed together is not tried again together.
_SPREAD: Final = 0.2

#: Nobody is left alone for longer because they ask for it.
_LONGEST_WAIT: Final = RETRY_DELAYS[-1]

#: Statuses by which a server says that it has too much to do.
_BUSY: Final = frozenset(
    {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT}
)


class DeliveryStatus(StrEnum):
    """Where a delivery stands."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    FAILED = "failed"
    DROPPED = "dropped"


class Call(NamedTuple):
    """What is to be told an endpoint. `secret` is the name of a secret, `body` ASCII JSON, and `shape` how it is put, or the name of
    a shape, if it is no Standard Webhook.
    """

    delivery: int
    url: str
    secret: str
    body: str
    shape: str | Shape | None = None


class Answer(NamedTuple):
    """What an endpoint answered: the HTTP status, None when there was no answer, and a few words about it.

    `wait` is for how long it asks to be left alone.
    """

    delivery: int
    status: int | None
    detail: str
    wait: timedelta | None = None

    @property
    def taken(self) -> bool:
        """Whether the endpoint has it (RFC 9110 §15.3); anything else is a failure, redirects included."""
        return self.status is not None and HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES

    @property
    def gone(self) -> bool:
        """Whether the endpoint wants no more of anything."""
        return self.status == HTTPStatus.GONE


class Result(NamedTuple):
    """What an attempt to deliver came to: the new status, or WAITING again with the next `due_at`.

    `attempts` counts this one; `detail` is what is kept of the answer.
    """

    delivery: int
    status: DeliveryStatus
    attempts: int
    detail: str
    due_at: datetime | None = None


class Delivered(NamedTuple):
    """The endpoint has it."""


def after_answer(answer: Answer, attempts: int, at: datetime, jitter: float) -> Delivered | RetryAt | GiveUp:
    """What follows the answer to an attempt, the `attempts`-th; `jitter` is drawn from [0, 1).

    What an endpoint that is gone was not told waits, as all that is due to it, for somebody to let it go on.
    """
    if answer.taken:
        return Delivered()
    if answer.gone:
        return RetryAt(at)
    if attempts > len(RETRY_DELAYS):
        return GiveUp()
    delay = RETRY_DELAYS[attempts - 1] * (1 + _SPREAD * jitter)
    return RetryAt(at + max(delay, _wait(answer)))


def _wait(answer: Answer) -> timedelta:
    if answer.wait is None or answer.status not in _BUSY:
        return timedelta()
    return min(answer.wait, _LONGEST_WAIT)


class Fared(NamedTuple):
    """How an endpoint fared with some calls: since when every call has failed (None if one was taken), until when it is left
    alone, and why it is called no more, if so.
    """

    failing_since: datetime | None
    quiet_until: datetime | None
    disabled: str | None


def fared(answers: Iterable[Answer], failing_since: datetime | None, at: datetime) -> Fared:
    """How an endpoint that has failed every call since `failing_since` fared; `answers` are those to all calls of one batch."""
    heard = list(answers)
    since = None if any(answer.taken for answer in heard) else failing_since or at
    wait = max(map(_wait, heard), default=timedelta())
    disabled = None
    if any(answer.gone for answer in heard):
        disabled = "it answered 410: it wants no more calls"
    elif since is not None and at - since >= PATIENCE:
        disabled = f"it has taken nothing since {since:%Y-%m-%d %H:%M} UTC"
    return Fared(since, at + wait if wait else None, disabled)
