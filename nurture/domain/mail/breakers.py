"""What stops mail by itself: too many complaints or bounces, mail far above what is usual, the same mail to one person again.

Gmail and Yahoo refuse mitigation above 0.3 % complaints (Google, "Email sender guidelines"); 5 % bounces are where large relays
review a sender (Amazon SES, "Reputation metrics"). A stop is told once and lifted by a human.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Annotated, Final, Literal, NamedTuple

from pydantic import Field

from nurture.domain.duration import Duration
from nurture.domain.ids import stable_id
from nurture.domain.mail.mailboxes import FORM_POSTS
from nurture.domain.model import Definition

Share = Annotated[float, Field(gt=0, le=1)]


class Surge(Definition):
    """Mail far above what is usual: more within an hour than `times` the busiest hour of the week before."""

    times: Annotated[float, Field(ge=2)] = 10
    """How many times as much."""
    least: Annotated[int, Field(ge=1)] = 10_000
    """Fewer mails within an hour are never too many."""


class Breakers(Definition):
    """When mail stops by itself, and an alarm says so."""

    complaints: Share = 0.003
    """The share of a sequence's mails that its readers report as spam at which it is paused."""
    hard_bounces: Share = 0.05
    """The share of a sequence's mails to addresses that do not exist at which it is paused."""
    within: Duration = timedelta(days=7)
    """Over how long both are counted."""
    least: Annotated[int, Field(ge=1)] = 3
    """Fewer complaints or bounces are chance."""
    per_person: Annotated[int, Field(ge=1)] | None = 5
    """No more mails to one person within a day, whatever the frequency cap says; null for no limit."""
    same_mail: Duration | None = timedelta(days=1)
    """The same mail goes to one person once within this time; null for no limit."""
    form_posts: Annotated[int, Field(ge=1)] | None = FORM_POSTS
    """No more form posts that name one mailbox within a day (UTC), over all forms, lead to mail: more go into quarantine; null for no limit."""
    surge: Surge | None = Surge()
    """When a sequence, or all mail together, is far above what is usual; null to let it."""


AlarmKind = Literal["complaints", "hard_bounces", "surge", "per_person", "same_mail", "policy_block", "endpoint"]

#: What an alarm is about that concerns all mail.
ALL_MAIL: Final = "all mail"


class Alarm(NamedTuple):
    """What the operator must know. `about` is a sequence, a person's id, a family of recipients or an endpoint; or all mail."""

    kind: AlarmKind
    about: str
    text: str
    at: datetime

    @property
    def id(self) -> int:
        """Equal for what is raised again and again of one person on one UTC day."""
        when = f"{self.at:%Y-%m-%d}" if self.kind in ("per_person", "same_mail") else self.at.isoformat()
        return stable_id("alarm", self.kind, self.about, when)


class Stream(NamedTuple):
    """The mails of one sequence that left within the breakers' time, and what came of them."""

    sequence: str
    sent: int
    bounced: int
    complained: int


class Pulse(NamedTuple):
    """How many mails left within the last hour, and in the busiest hour of the week before; of a sequence, or of all (None)."""

    sequence: str | None
    last_hour: int
    busiest: int


class Trip(NamedTuple):
    """A breaker that opens: the sequence is to be paused, or all mail is if there is none."""

    sequence: str | None
    alarm: Alarm


def tripped(streams: Iterable[Stream], pulses: Iterable[Pulse], breakers: Breakers, at: datetime) -> list[Trip]:
    """Which breakers open at instant `at`; of one sequence, the first."""
    found: dict[str | None, Trip] = {}
    for trip in (*_by_feedback(streams, breakers, at), *_by_pulse(pulses, breakers.surge, at)):
        found.setdefault(trip.sequence, trip)
    return list(found.values())


def _by_feedback(streams: Iterable[Stream], breakers: Breakers, at: datetime) -> Iterator[Trip]:
    for each in streams:
        if _too_many(each.complained, each.sent, breakers.complaints, breakers.least):
            text = f"{each.complained} of {each.sent} mails of {each.sequence} were reported as spam"
            yield Trip(each.sequence, Alarm("complaints", each.sequence, text, at))
        if _too_many(each.bounced, each.sent, breakers.hard_bounces, breakers.least):
            text = f"{each.bounced} of {each.sent} mails of {each.sequence} went to addresses that do not exist"
            yield Trip(each.sequence, Alarm("hard_bounces", each.sequence, text, at))


def _too_many(found: int, sent: int, share: float, least: int) -> bool:
    return found >= least and found >= share * sent


def _by_pulse(pulses: Iterable[Pulse], surge: Surge | None, at: datetime) -> Iterator[Trip]:
    for each in pulses:
        if surge is not None and each.last_hour >= surge.least and each.last_hour > surge.times * each.busiest:
            about = each.sequence or ALL_MAIL
            text = f"{each.last_hour} mails of {about} within an hour; the busiest hour of the week before had {each.busiest}"
            yield Trip(each.sequence, Alarm("surge", about, text, at))
