"""From somebody's JSON to what sales answers, by the table that `answering.AnswerReading` is."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple, cast

from nurture.domain.answering import Answer, AnswerReading, amount_of
from nurture.domain.mail.hook_reading import Item, PassedOver, UnreadableItem, heard_at, id_of, meaning_of

#: An id of ours is one of these.
_IDS: Final = range(1, 2**63)
_LONGEST_ID: Final = len(str(2**63))


class HeardAnswer(NamedTuple):
    """What an item tells of a lead. `email` is as it was written."""

    answer: Answer
    id: str
    at: datetime | None
    person: int | None
    email: str | None
    user_id: str | None
    reason: str | None
    amount: float | None
    currency: str | None


def read_answer(item: Any, reading: AnswerReading, headers: Mapping[str, str]) -> HeardAnswer | PassedOver:
    """What one item tells. Raises UnreadableItem."""
    if not isinstance(item, dict):
        raise UnreadableItem("", "this is no object")
    part = Item(item, headers)
    word, meaning = meaning_of(part, reading.answer, reading.words)
    if meaning is None or meaning == "nothing":
        return PassedOver(word, known=meaning is not None)
    user_id = part.first(reading.user_id)
    heard = HeardAnswer(
        answer=cast("Answer", meaning),
        # The same deal may be won after it was lost.
        id=f"{meaning}:{id_of(part, reading.id)}",
        at=heard_at(part, reading.at),
        person=_person(part, reading),
        email=part.first(reading.email),
        user_id=f"{reading.prefix}{user_id}" if user_id else None,
        reason=part.first(reading.reason),
        amount=amount_of(part.first(reading.amount) or ""),
        currency=part.first(reading.currency),
    )
    if heard.person is None and not heard.email and not heard.user_id:
        places = " or ".join((*reading.person, *reading.email, *reading.user_id))
        raise UnreadableItem(places, "nothing says whom this is about; send our id of the person, or their address")
    return heard


def _person(part: Item, reading: AnswerReading) -> int | None:
    """Our id of somebody. Text that is no id is left out: another field may name them."""
    text = part.first(reading.person) or ""
    number = int(text) if text.isascii() and text.isdecimal() and len(text) <= _LONGEST_ID else 0
    return number if number in _IDS else None
