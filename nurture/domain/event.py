"""An event: something a person did, as it travels through the stream and rests in the database."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, time
from functools import cached_property
from typing import Any, Final, Literal
from uuid import UUID
from zlib import crc32

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter

from nurture.domain.ids import event_key, stable_id

Kind = Literal["track", "identify", "page", "screen", "group", "alias"]

#: How far the word of whoever sent an event goes when it names somebody, least first: a browser says so, the person typed it
#: into a form, or a server with a secret key or a confirmed address vouches for it.
Assurance = Literal["observed", "claimed", "verified"]

#: The names the engine itself gives to events; everything else is named by who sends it.
PAGE_VIEWED: Final = "page_viewed"
SCREEN_VIEWED: Final = "screen_viewed"
IDENTIFIED: Final = "identified"
GROUPED: Final = "grouped"
ALIASED: Final = "aliased"
FORM_SUBMITTED: Final = "form_submitted"
ASSET_DOWNLOADED: Final = "asset_downloaded"
EMAIL_OPENED: Final = "email_opened"
EMAIL_CLICKED: Final = "email_clicked"
UNSUBSCRIBED: Final = "unsubscribed"

#: What mail servers and mailbox providers tell of a mail, and what its reader answers.
EMAIL_DELIVERED: Final = "email_delivered"
EMAIL_DEFERRED: Final = "email_deferred"
EMAIL_BOUNCED: Final = "email_bounced"
EMAIL_COMPLAINED: Final = "email_complained"
EMAIL_REPLIED: Final = "email_replied"
EMAIL_AUTO_REPLIED: Final = "email_auto_replied"

#: What people say on the pages of their own links: that an address is theirs, and what mail they wish to receive.
CONSENT_CONFIRMED: Final = "consent_confirmed"
PREFERENCES_CHANGED: Final = "preferences_changed"

#: What people do and then look into their mailbox: the mail that answers it should not wait for a batch to fill.
ANSWERED_AT_ONCE: Final = frozenset({FORM_SUBMITTED, ASSET_DOWNLOADED, CONSENT_CONFIRMED})

#: What sales answers about a lead (see `domain.answering`). Only a server with a secret key, a verified webhook, a file of answers
#: and the command line speak for sales; it is no act of the lead's own.
LEAD_ACCEPTED: Final = "lead_accepted"
LEAD_REJECTED: Final = "lead_rejected"
DEAL_WON: Final = "deal_won"
DEAL_LOST: Final = "deal_lost"
TOLD_BY_SALES: Final = frozenset({LEAD_ACCEPTED, LEAD_REJECTED, DEAL_WON, DEAL_LOST})

#: What `nurture person enroll` tells: put somebody on the sequence named in the properties. A server may tell it, too.
ENROLL_REQUESTED: Final = "enroll_requested"

#: What steps of sequences tell: something about the person was set, or a scoring rule was hit.
STEP_SET: Final = "step_set"
STEP_SCORED: Final = "step_scored"

#: The source of events that the engine itself tells of.
ENGINE: Final = "engine"

NAME_OF_KIND: Final[Mapping[str, str]] = {
    "identify": IDENTIFIED,
    "page": PAGE_VIEWED,
    "screen": SCREEN_VIEWED,
    "group": GROUPED,
    "alias": ALIASED,
}

#: Names that only the engine may give, because acting on them needs a signed link or a form of ours.
RESERVED_NAMES: Final = frozenset({
    FORM_SUBMITTED, ASSET_DOWNLOADED, EMAIL_OPENED, EMAIL_CLICKED, UNSUBSCRIBED, STEP_SET, STEP_SCORED,
    EMAIL_DELIVERED, EMAIL_DEFERRED, EMAIL_BOUNCED, EMAIL_COMPLAINED, EMAIL_REPLIED, EMAIL_AUTO_REPLIED,
    CONSENT_CONFIRMED, PREFERENCES_CHANGED,
})  # fmt: skip


#: Under this name the context of an event holds by which request it came (W3C Trace Context), where traces are kept.
TRACEPARENT: Final = "traceparent"

#: What of the context says nothing of what happened.
_OF_TRAVEL: Final = frozenset({"clock", TRACEPARENT})

#: What is stored of an event beside its body.
_BESIDE: Final = frozenset({"name", "occurred_at", "received_at"})

_SORTED: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"))


class Event(BaseModel):
    """One event, normalised by the web process and never changed afterwards.

    `message_id` is unique within `source` (a write key's name, `form:<name>` or `engine`); the pair decides what is a
    duplicate. All instants are aware; `occurred_at` is when the person acted, `received_at` when the engine heard of it.
    `person` and `message` are set only by the engine, from a signed link. `submission` ties the download that follows a
    form to that form's post.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    message_id: str
    source: str
    kind: Kind = "track"
    name: str
    occurred_at: AwareDatetime
    received_at: AwareDatetime
    anonymous_id: str | None = None
    user_id: str | None = None
    email: str | None = None
    submission: str | None = None
    person: int | None = None
    message: int | None = None
    previous_id: str | None = None
    assurance: Assurance = "observed"
    consented: bool = True
    warnings: tuple[str, ...] = ()
    properties: dict[str, Any] = Field(default_factory=dict)
    traits: dict[str, Any] = Field(default_factory=dict)
    context: dict[str, Any] = Field(default_factory=dict)

    @cached_property
    def key(self) -> UUID:
        return event_key(self.source, self.message_id)

    @property
    def day(self) -> int:
        """The UTC day of the act, counted from 1970-01-01; score cells are kept by it."""
        return day_number(self.occurred_at)

    @cached_property
    def fingerprint(self) -> int:
        """A number that differs where two events under one id say different things; never zero.

        The stamps are left out, and warnings, which may name them: of an event that is sent again only the time of travel differs.
        """
        said = {name: value for name, value in self.body.items() if name not in {"context", "warnings"}}
        context = {name: value for name, value in self.body.get("context", {}).items() if name not in _OF_TRAVEL}
        return stable_id("event", self.name, _SORTED.encode([said, context])) or 1

    @cached_property
    def body(self) -> Mapping[str, Any]:
        """What an event says, as JSON, beside its name and its instants; what is left out is as usual."""
        return self.model_dump(mode="json", exclude_defaults=True, exclude=set(_BESIDE))

    @cached_property
    def facts(self) -> Mapping[str, Any]:
        """What conditions may ask about this event: its page, its properties, then the names of its parts."""
        page = self.context.get("page")
        return {
            **(page if isinstance(page, dict) else {}),
            **self.properties,
            "event": self.name,
            "source": self.source,
        }


def day_number(at: datetime) -> int:
    """The UTC day of an aware instant as a number of days since 1970-01-01."""
    return int(at.timestamp() // 86_400)


def midnight(at: datetime) -> datetime:
    """The last midnight (UTC) up to an instant."""
    return datetime.combine(at.astimezone(UTC).date(), time(), UTC)


def route_of(event: Event) -> int:
    """A number from which the partition follows: all events of one device go the same way, so their order is kept."""
    routing = event.anonymous_id or event.user_id or event.email or event.submission or event.message_id
    return crc32(routing.encode("utf-8", "surrogatepass"))


def route_of_person(person: int) -> int:
    """The way of everything that is heard of one person's mails, so that it is absorbed in its order."""
    return crc32(str(person).encode())


EVENT: Final = TypeAdapter(Event)
