"""What follows from what is heard of a mail after it left: where its message stands, and whether its reader is mailed again.

Both commute: whichever report comes first, a message ends at the one that says most, and a suppression stays. A soft bounce
suppresses only when it is one of several on different days with no delivery between them (as Mailman counts them: the GNU
Mailman manual, "Bounce processing").
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Annotated, Final, NamedTuple

from pydantic import Field

from nurture.domain.duration import Duration
from nurture.domain.event import (
    EMAIL_AUTO_REPLIED,
    EMAIL_BOUNCED,
    EMAIL_COMPLAINED,
    EMAIL_DEFERRED,
    EMAIL_DELIVERED,
    EMAIL_REPLIED,
    UNSUBSCRIBED,
    Event,
)  # fmt: skip
from nurture.domain.mail.faults import Fault
from nurture.domain.mail.hooks import SOURCE
from nurture.domain.mail.message import MessageStatus
from nurture.domain.mail.suppression import Suppressed
from nurture.domain.model import Definition

#: What mail servers say by themselves; it is nobody's act.
TOLD_BY_SERVERS: Final = frozenset({EMAIL_DELIVERED, EMAIL_DEFERRED, EMAIL_BOUNCED, EMAIL_AUTO_REPLIED})

#: Everything that may be heard of a mail without a signed link in it, of which only an address is known then.
HEARD: Final = TOLD_BY_SERVERS | {EMAIL_COMPLAINED, EMAIL_REPLIED}

#: What a message may be found to have come to, least first. Whoever answers has received it. One that somebody took for not
#: sent, and gave up or queued again, is not mailed a second time when a report says that it arrived.
_STANDING: Final = (
    MessageStatus.FAILED, MessageStatus.QUEUED, MessageStatus.SENDING, MessageStatus.UNCERTAIN, MessageStatus.SENT,
    MessageStatus.DELIVERED, MessageStatus.BOUNCED, MessageStatus.COMPLAINED,
)  # fmt: skip
_FOUND: Final = {
    EMAIL_DELIVERED: MessageStatus.DELIVERED,
    EMAIL_BOUNCED: MessageStatus.BOUNCED,
    EMAIL_COMPLAINED: MessageStatus.COMPLAINED,
    EMAIL_REPLIED: MessageStatus.DELIVERED,
    EMAIL_AUTO_REPLIED: MessageStatus.DELIVERED,
}


class SoftBounces(Definition):
    """When mail that a mailbox does not take for now is not sent any more."""

    days: Annotated[int, Field(ge=2, le=100)] = 3
    """After bounces on so many days, with nothing delivered in between."""
    within: Duration = timedelta(days=30)
    """Bounces that lie further back are forgotten."""


class Report(NamedTuple):
    """A message is found to have come to `status`, as told at instant `at`; `detail` says why."""

    message: int
    status: MessageStatus
    at: datetime
    detail: str | None

    @property
    def replaces(self) -> tuple[MessageStatus, ...]:
        """Where the message may stand so far for this to be news."""
        return _STANDING[: _STANDING.index(self.status)]


class Bounce(NamedTuple):
    """A mail to somebody that their mailbox did not take, or, if `delivered`, one that it did."""

    at: datetime
    delivered: bool = False


def is_of_an_address(event: Event) -> bool:
    """Whether nobody knows which mail an event is about, but only an address: no person is made of what servers tell."""
    told = event.name in HEARD or (event.name == UNSUBSCRIBED and event.source.startswith(SOURCE))
    return told and event.person is None


def report_of(event: Event) -> Report | None:
    """Where an event that tells of a mail says that its message stands."""
    status = _FOUND.get(event.name)
    if status is None or event.message is None:
        return None
    return Report(event.message, status, event.occurred_at, _why(event) if status == MessageStatus.BOUNCED else None)


def bounce_in(event: Event) -> Bounce | None:
    """What an event tells of the mailbox: it took a mail, or did not for now."""
    if event.name == EMAIL_DELIVERED:
        return Bounce(event.occurred_at, delivered=True)
    if event.name == EMAIL_BOUNCED and event.properties.get("fault") == Fault.MAILBOX:
        return Bounce(event.occurred_at, delivered=False)
    return None


def suppression_in(event: Event, address: str, before: Iterable[Bounce], policy: SoftBounces) -> Suppressed | None:
    """Whether an event that tells of a mail to `address` forbids all further mail to it.

    `before` is what was heard of the mailbox until then. Only what concerns the address counts: what a server holds against us,
    or against one mail, suppresses nobody.
    """
    if event.name in (EMAIL_COMPLAINED, UNSUBSCRIBED):
        reason = "complained" if event.name == EMAIL_COMPLAINED else UNSUBSCRIBED
        return Suppressed(address, reason, event.source, event.occurred_at)
    if event.name != EMAIL_BOUNCED:
        return None
    if event.properties.get("fault") == Fault.ADDRESS:
        return Suppressed(address, "bounced", event.source, event.occurred_at, detail=_why(event))
    here = bounce_in(event)
    if here is None or len(_days_in_a_row([*before, here], policy.within)) < policy.days:
        return None
    return Suppressed(address, "bounced_often", event.source, event.occurred_at, detail=_why(event))


def _days_in_a_row(heard: Iterable[Bounce], within: timedelta) -> set[int]:
    """The UTC days of the latest bounces between which nothing was delivered."""
    days: set[int] = set()
    latest: datetime | None = None
    for each in sorted(heard, reverse=True):
        latest = latest or each.at
        if each.delivered or latest - each.at > within:
            break
        days.add(each.at.toordinal())
    return days


def _why(event: Event) -> str:
    told = [str(event.properties[name]) for name in ("fault", "code", "detail") if event.properties.get(name)]
    return ": ".join([" ".join(told[:2]), *told[2:]]) if told else "no reason was given"
