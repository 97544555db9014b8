"""May this message go now? And if the mail server would not take it, what then?

The answer is a value: go, go later (`Deferred`), or not at all (`Skipped`), each with its reason. The reasons are stored
where they were decided and are what `why-not` prints.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Final, NamedTuple

from pydantic import AfterValidator, EmailStr, Field

from nurture.domain.content import LanguageTag
from nurture.domain.duration import Duration
from nurture.domain.message import MessageStatus as MessageStatus  # noqa: PLC0414 - everybody looks for it here
from nurture.domain.model import Definition
from nurture.domain.window import Hours, HoursField, Window, Zone


class Reason(StrEnum):
    """Why a message does not go now, or not at all."""

    SUPPRESSED = "suppressed"
    NO_ADDRESS = "no_address"
    ENROLLMENT_ENDED = "enrollment_ended"
    CAPPED = "capped"
    QUIET_HOURS = "quiet_hours"
    TOO_LATE = "too_late"
    TEMPLATE_ERROR = "template_error"
    TEMPORARY_FAILURE = "temporary_failure"
    UNREACHABLE = "unreachable"


def _is_a_place(zone: str) -> str:
    if zone == "person":
        raise ValueError("'person' is nobody's business; write the business's own zone, like Europe/Paris")
    return zone


class Sender(Definition):
    """Who the mail comes from."""

    name: Annotated[str, Field(min_length=1, max_length=80)]
    """The name that readers see."""
    email: EmailStr
    """The address that the mail comes from."""
    reply_to: EmailStr | None = None
    """The address that answers go to, if it is another."""


URL_PATTERN: Final = r"^https?://[^\s/]+(/\S*)?$"

#: The business has a zone of its own: nobody's `person` can stand in for it.
BusinessZone = Annotated[Zone, AfterValidator(_is_a_place)]


class Organisation(Definition):
    """What the law wants at the foot of each mail: who is writing, from where, and what they do with data."""

    name: Annotated[str, Field(min_length=1)]
    """The company as registered."""
    address: Annotated[str, Field(min_length=1)]
    """The postal address, on one line."""
    privacy_url: Annotated[str, Field(pattern=URL_PATTERN)]
    """The page that says what is done with personal data."""


class FrequencyCap(Definition):
    """At most `messages` to one person within any span of length `per`."""

    messages: Annotated[int, Field(ge=1)] = 3
    """How many mails."""
    per: Duration = timedelta(days=7)
    """In how long a span; it rolls."""


class Retry(Definition):
    """How often a temporary refusal is tried again, and after how long at first (it doubles, up to `longest`)."""

    attempts: Annotated[int, Field(ge=1, le=100)] = 8
    """How many attempts in all."""
    first: Duration = timedelta(minutes=5)
    """The delay after the first refusal."""
    longest: Duration = timedelta(hours=12)
    """No delay is longer."""


class Tracking(Definition):
    """What the mails tell about their readers. Opens are off: they need a consent of their own (CNIL 2026-042)."""

    clicks: bool = True
    """Whether links go through a redirect that counts clicks."""
    opens: bool = False
    """Whether mails carry a picture that counts opens."""


def _leave_time(hours: Hours) -> Hours:
    if hours.opens == hours.closes:
        raise ValueError(f"quiet hours of {hours} leave no time for mail; write them like 20:00-08:00")
    return hours


class QuietHours(Definition):
    """No mail from the first hour to the second, such as 21:00-07:00, in the person's zone unless another is named."""

    hours: Annotated[HoursField, AfterValidator(_leave_time)]
    """From (included) to (excluded), local time; 20:00-08:00 spans midnight."""
    timezone: Zone = "person"
    """Whose clock: an IANA zone such as Europe/Paris, or person."""

    @property
    def window(self) -> Window:
        """The hours in which mail may go."""
        return Window(hours=Hours(self.hours.closes, self.hours.opens), timezone=self.timezone)


class SendingPolicy(Definition):
    """config/sending.yaml: in whose name mail goes out, and when it does not."""

    sender: Sender
    """Who the mail comes from."""
    organisation: Organisation
    """Who answers for it."""
    timezone: BusinessZone = "UTC"
    """The business's own time zone; it stands in for a person's where that is unknown."""
    default_language: LanguageTag = "en"
    """The language of mail to people whose own is unknown or has no template."""
    frequency_cap: FrequencyCap | None = FrequencyCap()
    """How much mail one person gets from all sequences together; null for no limit."""
    quiet_hours: QuietHours | None = None
    """When nothing goes out to anybody, whatever the sequences say."""
    too_late: Duration = timedelta(days=3)
    """A mail delayed longer than this is not sent any more."""
    retry: Retry = Retry()
    """What follows a temporary refusal."""
    tracking: Tracking = Tracking()
    """What mails tell about their readers."""


class Allowed(NamedTuple):
    """Go."""


class Deferred(NamedTuple):
    """Not now; look again at `until`."""

    until: datetime
    reason: Reason


class Skipped(NamedTuple):
    """Never."""

    reason: Reason


Permission = Allowed | Deferred | Skipped


class Situation(NamedTuple):
    """What is known, in the moment of sending, about a message and its reader.

    `recent` are the instants of earlier mails to the person within the cap's span, oldest first.
    `opens_at` is when quiet hours end, None outside them.
    """

    planned_at: datetime
    address: str | None
    suppressed: bool
    enrollment_ended: bool
    recent: Sequence[datetime]
    opens_at: datetime | None


def may_send(situation: Situation, policy: SendingPolicy, at: datetime) -> Permission:
    """Whether a message may go at instant `at`; what forbids it for ever is asked before what only delays it."""
    if situation.suppressed:
        return Skipped(Reason.SUPPRESSED)
    if situation.enrollment_ended:
        return Skipped(Reason.ENROLLMENT_ENDED)
    if not situation.address:
        return Skipped(Reason.NO_ADDRESS)
    if at - situation.planned_at > policy.too_late:
        return Skipped(Reason.TOO_LATE)
    if situation.opens_at is not None and situation.opens_at > at:
        return Deferred(situation.opens_at, Reason.QUIET_HOURS)
    cap = policy.frequency_cap
    if cap is not None and len(situation.recent) >= cap.messages:
        return Deferred(situation.recent[-cap.messages] + cap.per, Reason.CAPPED)
    return Allowed()


class RetryAt(NamedTuple):
    """Try again at `at`."""

    at: datetime


class GiveUp(NamedTuple):
    """No further try."""


def after_failure(attempts: int, retry: Retry, at: datetime, *, permanent: bool) -> RetryAt | GiveUp:
    """What follows a refused attempt, the `attempts`-th: the delay doubles each time up to its longest."""
    if permanent or attempts >= retry.attempts:
        return GiveUp()
    doublings = min(attempts - 1, 32)  # more would leave the calendar before `longest` is looked at
    return RetryAt(at + min(retry.first * 2**doublings, retry.longest))


#: A claimed message whose worker has been silent this long is taken from it.
LEASE: Final = timedelta(minutes=2)
