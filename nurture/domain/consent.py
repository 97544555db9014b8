"""Consent: what people are asked, what they said, and what follows; config/consents.yaml and the ledger.

The ledger is a list of `Statement`s that only grows: who said what to which wording, when, and how that is known. Where an address
stands with a purpose (`Agreement`) is a fold over its statements in the order in which they were said, so that the order of their
arrival changes nothing. GDPR art. 7(1) puts the proof on whoever mails.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, Final, Literal, NamedTuple
from uuid import UUID

from pydantic import Field, model_validator

from nurture.domain.content import LanguageTag
from nurture.domain.duration import Duration
from nurture.domain.event import (
    CONSENT_CONFIRMED,
    EMAIL_COMPLAINED,
    FORM_SUBMITTED,
    PREFERENCES_CHANGED,
    UNSUBSCRIBED,
    Event,
)  # fmt: skip
from nurture.domain.ids import stable_id
from nurture.domain.mail.suppression import topic_scope
from nurture.domain.model import Definition, Problem, Slug, refuse
from nurture.domain.preferences import purposes_decided, topics_wanted
from nurture.domain.wording import instead

#: What people may say: we asked them to confirm, they agreed, they confirmed by a link in their own mailbox, they took it back.
Action = Literal["asked", "given", "confirmed", "withdrawn"]

#: Of what is said in the same moment, what weighs more comes last.
_WEIGHT: Final[Mapping[Action, int]] = {"asked": 0, "given": 1, "confirmed": 2, "withdrawn": 3}

#: After these words of a reader's nothing holds that they ever agreed to.
_TAKES_BACK: Final = frozenset({UNSUBSCRIBED, EMAIL_COMPLAINED})

Text = Annotated[str, Field(min_length=1, max_length=2_000)]
Texts = Annotated[dict[LanguageTag, Text], Field(min_length=1)]


class Purpose(Definition):
    """Something that people agree to, or not."""

    version: Annotated[str, Field(min_length=1, max_length=32)]
    """Which wording this is; a new wording is a new version."""
    wording: Texts
    """What stands beside the box that people tick, by language, word for word; the ledger keeps it with what they said."""
    topics: tuple[Slug, ...] = ()
    """The topics that are mailed only to those who agreed; mail of other topics, and of none, needs no consent."""
    double_opt_in: bool = False
    """Whether only those count who confirmed by a link in a mail to the address they gave."""
    confirm: Slug | None = None
    """The sequence whose mail asks to confirm; whoever ticks the box is put on it. Needed for double_opt_in."""
    within: Duration = timedelta(days=7)
    """How long the link to confirm works, and mail that needs it waits."""

    @model_validator(mode="after")
    def _asks_to_confirm(self) -> "Purpose":
        if self.double_opt_in and self.confirm is None:
            text = "nobody would be asked to confirm; name the sequence whose mail asks: confirm: confirm-address"
            refuse("purpose", [Problem(("double_opt_in",), text)])
        if self.confirm is not None and not self.double_opt_in:
            refuse(
                "purpose", [Problem(("confirm",), "this takes effect with 'double_opt_in: true' only; add that, or delete it")]
            )
        return self


class Consents(Definition):
    """config/consents.yaml: what people may agree to, and what they may choose to read."""

    purposes: dict[Slug, Purpose] = {}
    """What people agree to by its name; forms ask for it as `consent`."""
    topics: dict[Slug, Texts] = {}
    """What readers may choose on their preferences page, in their words, by language; sequences name it as `topic`."""

    @model_validator(mode="after")
    def _topics_exist(self) -> "Consents":
        unknown = [
            Problem(("purposes", name, "topics", index), f"unknown topic {topic!r}; {instead(topic, self.topics)}")
            for name, purpose in self.purposes.items()
            for index, topic in enumerate(purpose.topics)
            if topic not in self.topics
        ]
        refuse("consents", unknown)
        return self

    def needed_for(self, topic: str | None) -> str | None:
        """The purpose that mail of a topic needs; None if it needs none."""
        return next((name for name, purpose in self.purposes.items() if topic in purpose.topics), None)


def scopes_of(purpose: Purpose) -> tuple[str, ...]:
    """The scopes of suppressions that a purpose is about."""
    return tuple(topic_scope(topic) for topic in purpose.topics)


class Agreement(NamedTuple):
    """Where an address stands with a purpose, since when."""

    state: Action
    at: datetime

    @property
    def allows(self) -> bool:
        """Whether what needs the purpose may be done. Who agreed before confirmation was asked for has agreed."""
        return self.state in ("given", "confirmed")


class Statement(NamedTuple):
    """One line of the ledger. `event` is what told of it; `proof` is how it is known, with no more of the surroundings than needed."""

    event: UUID
    person: int
    email: str
    purpose: str
    action: Action
    at: datetime
    source: str
    wording: str | None = None
    version: str | None = None
    proof: Mapping[str, Any] = {}

    @property
    def id(self) -> int:
        return stable_id("consent", self.event, self.email, self.purpose, self.action)


#: Where each address stands with each purpose.
Agreements = Mapping[tuple[str, str], Agreement]


def after(before: Agreement | None, action: Action, at: datetime) -> Agreement:
    """Where an address stands after what was said. To agree once more adds nothing to having agreed, and takes nothing away."""
    said = Agreement(action, at)
    if before is None or action == "withdrawn" or before.state == "withdrawn":
        return said
    return said if _WEIGHT[action] > _WEIGHT[before.state] else before


def standing(said: Iterable[tuple[Action, datetime]]) -> Agreement | None:
    """Where an address stands after all that was said of a purpose, in whatever order it was heard."""
    agreement: Agreement | None = None
    for action, at in sorted(said, key=lambda each: (each[1], _WEIGHT[each[0]])):
        agreement = after(agreement, action, at)
    return agreement


def address_mark(email: str) -> int:
    """A number for an address, by which a link says which address it went to without naming it."""
    return stable_id("address", email.lower())


def concerns_consent(event: Event) -> bool:
    """Whether an event tells of consent, so that what is known of its people's must be at hand."""
    return event.name in _TAKES_BACK or event.name in (CONSENT_CONFIRMED, PREFERENCES_CHANGED) or _agreed_to(event) is not None


class Speaker(NamedTuple):
    """Who speaks of consent: a person with their addresses, the one that is mailed first, and where these stand so far."""

    person: int
    addresses: tuple[str, ...]
    agreements: Agreements

    def agreed(self, email: str, purpose: str) -> bool:
        """Whether an address has agreed to a purpose already."""
        held = self.agreements.get((email, purpose))
        return held is not None and held.allows


def statements_in(event: Event, speaker: Speaker, consents: Consents, language: str) -> Iterator[Statement]:
    """What an event of a human says of consent; `language` is the one to assume where none is known."""
    for email, purpose, action in _words(event, speaker, consents):
        yield _said(event, speaker.person, email, purpose, action, consents, language)


def _words(event: Event, speaker: Speaker, consents: Consents) -> Iterator[tuple[str, str, Action]]:
    """Of which address and which purpose an event says what."""
    agreed = _agreed_to(event)
    if agreed is not None and event.email is not None:
        known = consents.purposes.get(agreed)
        yield event.email, agreed, "asked" if known is not None and known.double_opt_in else "given"
    elif event.name == CONSENT_CONFIRMED:
        confirmed, mark = str(event.properties.get("purpose")), event.properties.get("address")
        yield from ((each, confirmed, "confirmed") for each in speaker.addresses if address_mark(each) == mark)
    elif event.name == PREFERENCES_CHANGED:
        # By a signed link out of their own mailbox: whoever ticks a topic there has confirmed what it needs.
        needed = {needs for topic in topics_wanted(event) if (needs := consents.needed_for(topic)) is not None}
        yield from _decided(speaker, dict.fromkeys(sorted(needed), True) | dict(purposes_decided(event)))
    elif event.name in _TAKES_BACK:
        mailed = speaker.addresses[:1]
        theirs = [where for where, held in speaker.agreements.items() if held.state != "withdrawn" and where[0] in mailed]
        yield from ((email, name, "withdrawn") for email, name in theirs)


def _decided(speaker: Speaker, decided: Mapping[str, bool]) -> Iterator[tuple[str, str, Action]]:
    """What a preferences page says that is news."""
    for email in speaker.addresses[:1]:
        for name, agrees in decided.items():
            if agrees != speaker.agreed(email, name):
                yield email, name, "confirmed" if agrees else "withdrawn"


def _agreed_to(event: Event) -> str | None:
    """The purpose whose box was ticked in a form."""
    agreed = event.properties.get("consent") if event.name == FORM_SUBMITTED else None
    return agreed if isinstance(agreed, str) else None


def _said(
    event: Event, person: int, email: str, name: str, action: Action, consents: Consents, default: str
) -> Statement:  # fmt: skip
    """A line of the ledger; of who agrees, with the wording as it stands now, in the language that was read."""
    purpose, spoken = consents.purposes.get(name) if action != "withdrawn" else None, None
    if purpose is not None:
        wanted = str(event.context.get("locale") or default)
        liked = (wanted, wanted.partition("-")[0].lower(), default)
        spoken = next((each for each in liked if each in purpose.wording), next(iter(purpose.wording)))
    told = {
        "event": str(event.key), "submission": event.submission, "message": event.message, "language": spoken,
        "page": event.properties.get("page"),
    }  # fmt: skip
    proof = {part: value for part, value in told.items() if value is not None}
    wording, version = (purpose.wording[spoken], purpose.version) if purpose is not None and spoken is not None else (None, None)
    return Statement(event.key, person, email, name, action, event.occurred_at, event.source, wording, version, proof)
