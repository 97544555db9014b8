"""How a new sender becomes known: a little mail on the first day, more on each day that went well.

Receivers trust an address they have not seen before with a few hundred mails, and one that suddenly sends thousands with none.
A day on which too many mails bounced or were put off, or on which too little went out to prove anything, is followed by one with
the same quota, and it is said why.
"""

from datetime import datetime, timedelta
from math import ceil
from typing import Annotated, Final, NamedTuple

from pydantic import Field

from nurture.domain.mail.breakers import Share
from nurture.domain.model import Definition

_DAY: Final = timedelta(days=1)

#: Fewer bounces or deferrals are chance.
_LEAST: Final = 3

#: What share of a quota proves that it is borne.
_ENOUGH: Final = 0.5


class WarmUp(Definition):
    """How much a transport may carry on each UTC day until it is known."""

    start: Annotated[int, Field(ge=1, le=1_000_000)] = 200
    """How many mails on the first day."""
    growth: Annotated[float, Field(gt=1, le=3)] = 1.5
    """How many times as many on the day after a good one."""
    until: Annotated[int, Field(ge=1, le=100_000_000)] = 50_000
    """At so many a day it is warm, and the quota ends."""
    bounces: Share = 0.05
    """The share of a day's mails that bounced at which the quota does not grow."""
    deferrals: Share = 0.1
    """The share of a day's mails that were put off at which the quota does not grow."""


class Quota(NamedTuple):
    """How many mails a transport may carry on a day (UTC, counted from 1970-01-01), and why not more than the day before."""

    day: int
    mails: int
    reason: str | None = None


class DaysMail(NamedTuple):
    """What came of a transport's mails of one day; `deferred` are those that a server put off at least once."""

    sent: int = 0
    bounced: int = 0
    deferred: int = 0


def day_of(at: datetime) -> int:
    """The UTC day of an instant, counted from 1970-01-01."""
    return int(at.timestamp() // _DAY.total_seconds())


def quota_after(warm_up: WarmUp, last: Quota | None, mail: DaysMail, day: int) -> Quota:
    """The quota of a day, after the last day that had one and what came of its mails."""
    if last is None:
        return Quota(day, min(warm_up.start, warm_up.until))
    if last.mails >= warm_up.until:
        return Quota(day, warm_up.until)
    doubt = _doubt(warm_up, last, mail)
    if doubt is not None:
        return Quota(day, last.mails, f"no more than the day before: {doubt}")
    return Quota(day, min(warm_up.until, ceil(round(last.mails * warm_up.growth, 6))))


def _doubt(warm_up: WarmUp, last: Quota, mail: DaysMail) -> str | None:
    if mail.bounced >= max(_LEAST, warm_up.bounces * mail.sent):
        return f"{mail.bounced} of {mail.sent} mails bounced"
    if mail.deferred >= max(_LEAST, warm_up.deferrals * mail.sent):
        return f"{mail.deferred} of {mail.sent} mails were put off"
    if mail.sent < _ENOUGH * last.mails:
        return f"only {mail.sent} of {last.mails} were used"
    return None
