"""What sales answers about a lead it was told of: accepted, rejected with a reason, won, lost.

Whoever hears an answer (a webhook of the CRM, a file, the command line) makes an `Answered` of it and writes it to the stream as an
event. *Absorb* decides what follows by the rules of lifecycle.yaml, and ends the follow-up.
"""

from collections.abc import Mapping
from datetime import datetime
from math import isfinite
from typing import Annotated, Final, Literal, NamedTuple, get_args

from pydantic import AfterValidator, Field

from nurture.domain.event import DEAL_LOST, DEAL_WON, ENGINE, LEAD_ACCEPTED, LEAD_REJECTED, Event
from nurture.domain.mail.hook_paths import Path, Paths, in_small_letters
from nurture.domain.model import Definition

Answer = Literal["accepted", "rejected", "won", "lost"]
ANSWERS: Final[tuple[Answer, ...]] = get_args(Answer)

EVENT_OF: Final[Mapping[Answer, str]] = {
    "accepted": LEAD_ACCEPTED, "rejected": LEAD_REJECTED, "won": DEAL_WON, "lost": DEAL_LOST,
}  # fmt: skip
ANSWER_OF: Final[Mapping[str, Answer]] = {event: answer for answer, event in EVENT_OF.items()}

#: What a word of theirs means; of `nothing` nothing follows.
AnswerMeaning = Literal["accepted", "rejected", "won", "lost", "nothing"]
NOTHING: Final = "nothing"

#: The words of files, in small letters without spaces, that need no mapping: our own, and what most CRMs call a deal's end.
OBVIOUS: Final[Mapping[str, Answer]] = {**{each: each for each in ANSWERS}, "closedwon": "won", "closedlost": "lost"}

#: Longer words of sales are cut.
LONGEST_REASON: Final = 500
_LONGEST_CURRENCY: Final = 3


class AnswerReading(Definition):
    """Where in somebody's JSON an answer of sales stands; paths are written as in `reading`."""

    items: Path | None = None
    """Where the list of things told lies; without it the body is one, or a list of them."""
    answer: Paths
    """Where the word lies that says what sales did; several may be joined: `propertyName/propertyValue`."""
    words: Annotated[dict[str, AnswerMeaning], Field(min_length=1), AfterValidator(in_small_letters)]
    """What each of their words means: accepted, rejected, won, lost, or nothing."""
    person: Paths = ()
    """Where our own id of the person lies, as the hand-off told it."""
    email: Paths = ()
    """Where the address of the person lies."""
    user_id: Paths = ()
    """Where a user id of the person lies, under which they are known here."""
    prefix: str = ""
    """What stands before that user id here, such as crm:"""
    id: Paths = ()
    """What tells one answer from all others, joined; without it, its whole content does."""
    at: Paths = ()
    """When it happened: ISO 8601, or seconds or milliseconds since 1970. Without it: when we hear of it."""
    reason: Paths = ()
    """Where it lies why a lead was rejected or lost."""
    amount: Paths = ()
    """Where the worth of the deal lies."""
    currency: Paths = ()
    """Where its currency lies, such as EUR."""


class Answered(NamedTuple):
    """One answer about one person, named by our id, else by address or user id.

    `source` is who tells (`hook:crm`, `import`, `engine`), `id` what that source calls it: the pair makes a repetition harmless.
    """

    answer: Answer
    source: str
    id: str
    at: datetime
    person: int | None = None
    email: str | None = None
    user_id: str | None = None
    reason: str | None = None
    amount: float | None = None
    currency: str | None = None


def as_event(told: Answered, received_at: datetime) -> Event:
    """The event that tells of it, heard of at instant `received_at`."""
    said = {
        "reason": told.reason[:LONGEST_REASON] if told.reason else None,
        "amount": told.amount,
        "currency": told.currency[:_LONGEST_CURRENCY].upper() if told.currency else None,
    }
    named = told.person is None
    return Event(
        message_id=told.id, source=told.source, name=EVENT_OF[told.answer], occurred_at=min(told.at, received_at),
        received_at=received_at, person=told.person, email=told.email if named else None, user_id=told.user_id if named else None,
        assurance="verified", properties={name: value for name, value in said.items() if value is not None},
    )  # fmt: skip


def by_hand(person: int, answer: Answer, reason: str | None, amount: float | None, at: datetime) -> Event:
    """The event by which somebody answers at the command line."""
    return as_event(Answered(answer, ENGINE, f"{answer}-{person}-{at.isoformat()}", at, person, reason=reason, amount=amount), at)


def amount_of(text: str) -> float | None:
    """The worth of a deal as CRMs write it, `1200.50` or `1 200,50`; None for what is no number."""
    plain = "".join(text.split()).replace("\u202f", "")
    if "," in plain and "." not in plain:
        whole, _, cents = plain.rpartition(",")
        # One comma with three digits behind it sets thousands apart.
        plain = f"{whole}{cents}".replace(",", "") if len(cents) == len("000") else f"{whole.replace(',', '')}.{cents}"
    try:
        amount = float(plain.replace(",", ""))
    except ValueError:
        return None
    return amount if isfinite(amount) else None
