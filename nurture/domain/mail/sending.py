"""The policy of sending, config/sending.yaml, and what follows when the mail server would not take a message.

Whether a message may go at all is decided in `dispatch`.
"""

from datetime import datetime, timedelta
from functools import cached_property
from typing import Annotated, Final, NamedTuple

from pydantic import AfterValidator, EmailStr, Field

from nurture.domain.content import LanguageTag
from nurture.domain.duration import Duration
from nurture.domain.lateness import Late, LateField
from nurture.domain.mail.breakers import Breakers
from nurture.domain.mail.hearing import SoftBounces
from nurture.domain.mail.marks import Dkim, HostName, Provider
from nurture.domain.mail.message import MessageStatus as MessageStatus  # noqa: PLC0414 - everybody looks for both here
from nurture.domain.mail.message import Reason as Reason  # noqa: PLC0414 - as above
from nurture.domain.mail.routing import DEFAULT, Recipients, TransportPolicy, Transports
from nurture.domain.mail.tracking import Tracking
from nurture.domain.mail.utm import Utm
from nurture.domain.model import Definition
from nurture.domain.window import Hours, HoursField, Window, Zone


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

    @cached_property
    def window(self) -> Window:
        """The hours in which mail may go."""
        return Window(hours=Hours(self.hours.closes, self.hours.opens), timezone=self.timezone)


class SendingPolicy(Definition):
    """config/sending.yaml: in whose name mail goes out, and when it does not."""

    sender: Sender
    """Who the mail comes from."""
    organisation: Organisation
    """Who answers for it."""
    bounce_domain: HostName | None = None
    """The domain whose mail server takes bounces: each mail gets a sender's address of its own there (VERP), so that a bounce tells which mail it is of. It must belong to the sender's domain, such as bounces.example.com; without it bounces go to the sender."""
    unsubscribe_mailto: EmailStr | None = None
    """An address whose mail is fetched, offered to mail programs that unsubscribe by mail, beside the one click."""
    providers: tuple[Provider, ...] = ()
    """Who carries the mail: each is told the mail's name in the header field that its reports repeat."""
    dkim: Dkim | None = None
    """How mail is signed here, where the relay does not sign; it needs the packages of nurture[dkim]."""
    timezone: BusinessZone = "UTC"
    """The business's own time zone; it stands in for a person's where that is unknown."""
    default_language: LanguageTag = "en"
    """The language of mail to people whose own is unknown or has no template."""
    frequency_cap: FrequencyCap | None = FrequencyCap()
    """How much mail one person gets from all sequences together; null for no limit."""
    quiet_hours: QuietHours | None = None
    """When nothing goes out to anybody, whatever the sequences say."""
    too_late: Duration = timedelta(days=3)
    """A mail delayed longer than this is late."""
    late: LateField = Late()
    """What becomes of mail that is late: send, skip or next_window."""
    retry: Retry = Retry()
    """What follows a temporary refusal."""
    tracking: Tracking = Tracking()
    """What mails tell about their readers."""
    utm: Utm | None = None
    """What the links to our own pages bear; without it they bear no marks."""
    breakers: Breakers = Breakers()
    """When mail stops by itself, and an alarm says so."""
    soft_bounces: SoftBounces = SoftBounces()
    """When mail that a mailbox does not take for now is not sent any more."""
    transports: Transports = {DEFAULT: TransportPolicy()}
    """The mail servers that mail goes out by, each with its share of it and its rate."""
    recipients: Recipients = {}
    """How fast mail goes to those who receive it, by family (gmail, microsoft, yahoo, orange …) or domain."""


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
