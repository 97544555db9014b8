"""From somebody's JSON to what was heard of a mail, by the table that `hooks.Reading` is."""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple, cast

from nurture.domain.answering import AnswerReading
from nurture.domain.ids import event_key
from nurture.domain.mail.faults import Fault, fault_of, read_refusal
from nurture.domain.mail.feedback import FeedbackKind
from nurture.domain.mail.hooks import Reading

#: What mail servers would not take, and so said why.
_REFUSED: Final = frozenset({"bounced", "deferred"})

#: An id that may be kept as it is: it names nobody.
_PLAIN_ID: Final = re.compile(r"[\w.:=+-]{1,200}")

#: An IPv4 address must not be taken for an enhanced code.
_HOST: Final = re.compile(r"\b\d{1,3}(\.\d{1,3}){3}\b")

#: Above it an instant is in milliseconds: as seconds it would be the year 5138.
_MILLISECONDS: Final = 1e11
_YEARS: Final = range(1990, 2100)

_HEADER: Final = "header:"


class UnreadableItem(ValueError):
    """Something told that cannot be read: `place` is where in the item."""

    def __init__(self, place: str, what: str) -> None:
        super().__init__(what)
        self.place = place


class Heard(NamedTuple):
    """What an item tells of a mail. `mail` is all text in which our name for the mail may stand."""

    kind: FeedbackKind
    id: str
    at: datetime | None
    mail: str
    recipient: str | None
    fault: Fault | None
    code: str | None
    detail: str | None


class PassedOver(NamedTuple):
    """An item that tells nothing of a mail that we keep; if not `known`, its word is new to us."""

    word: str
    known: bool


def items_of(document: Any, reading: Reading | AnswerReading) -> list[Any]:
    """The things that a body tells. Raises UnreadableItem when there is no list where one should be."""
    if reading.items is None:
        return document if isinstance(document, list) else [document]
    found = next(_at(document, reading.items.split(".")), None)
    if not isinstance(found, list):
        raise UnreadableItem(reading.items, "there is no list here")
    return found


def read_item(item: Any, reading: Reading, headers: Mapping[str, str]) -> Heard | PassedOver:
    """What one item tells. Raises UnreadableItem."""
    if not isinstance(item, dict):
        raise UnreadableItem("", "this is no object")
    part = Item(item, headers)
    word, meaning = meaning_of(part, reading.kind, reading.words)
    if meaning is None or meaning == "nothing":
        return PassedOver(word, known=meaning is not None)
    kind = cast("FeedbackKind", meaning)
    code = _code(part, reading) if kind in _REFUSED else None
    return Heard(
        kind=kind,
        id=id_of(part, reading.id),
        at=heard_at(part, reading.at),
        mail="\n".join(text for path in reading.mail for found in part.find(path) for text in _texts(found)),
        recipient=part.first(reading.recipient),
        fault=_fault(part, reading, code) if kind in _REFUSED else None,
        code=code,
        detail=part.first(reading.detail),
    )


class Item(NamedTuple):
    """One thing told, with the headers that it came under."""

    item: dict[str, Any]
    headers: Mapping[str, str]

    def find(self, path: str) -> Iterator[Any]:
        """Everything at a path."""
        if path.startswith(_HEADER):
            value = self.headers.get(path.removeprefix(_HEADER).lower())
            yield from () if value is None else (value,)
        else:
            yield from _at(self.item, path.split("."))

    def texts(self, path: str) -> Iterator[str]:
        """The plain values at a path, as texts without what cannot be stored."""
        for found in self.find(path):
            if isinstance(found, str | int | float):
                text = _clean(str(found).lower() if isinstance(found, bool) else str(found))
                if text:
                    yield text

    def first(self, paths: tuple[str, ...]) -> str | None:
        """The first text at any of these paths."""
        return next((text for path in paths for text in self.texts(path)), None)


def _at(value: Any, steps: list[str]) -> Iterator[Any]:
    """Everything at a path; nothing where it does not lead anywhere."""
    if not steps:
        if value is not None:
            yield value
        return
    step, rest = steps[0], steps[1:]
    if step == "*":
        for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            yield from _at(each, rest)
    elif isinstance(value, dict) and step in value:
        yield from _at(value[step], rest)
    elif isinstance(value, list) and step.isdecimal() and int(step) < len(value):
        yield from _at(value[int(step)], rest)


def _texts(value: Any) -> Iterator[str]:
    """All texts in a value, however deep."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _texts(each)


def _clean(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text).strip()


def _words(part: Item, joined: str) -> list[str]:
    """The words at joined paths, those that are there."""
    found = (next(part.texts(path), None) for path in joined.split("/"))
    return [word.lower() for word in found if word is not None]


def meaning_of(part: Item, paths: tuple[str, ...], table: Mapping[str, Any]) -> tuple[str, Any]:
    """The word that the table knows and is joined of most words, with what it means; of equals the first. Else None."""
    best: list[str] = []
    unknown = ""
    for joined in paths:
        words = _words(part, joined)
        unknown = unknown or (words[0] if words else "")
        known = (words[:length] for length in range(len(words), len(best), -1) if "/".join(words[:length]) in table)
        best = next(known, best)
    word = "/".join(best)
    return (word, table[word]) if best else (unknown[:100], None)


def _code(part: Item, reading: Reading) -> str | None:
    """The first enhanced code that stands anywhere a reply may stand."""
    replies = (text for path in reading.code for text in part.texts(path))
    codes = (read_refusal(0, _HOST.sub("", reply)).enhanced for reply in replies)
    return next((code for code in codes if code and not code.startswith("2")), None)


def _fault(part: Item, reading: Reading, code: str | None) -> Fault:
    """Whose fault it is by the server's own code; where that does not say, by the provider's word."""
    by_code = fault_of(code or "")
    if by_code != Fault.UNKNOWN:
        return by_code
    return meaning_of(part, reading.fault, reading.faults)[1] or Fault.UNKNOWN


def id_of(part: Item, paths: tuple[str, ...]) -> str:
    """What the item is called by whoever tells it. Addresses may stand in it, so what is not plainly an id is hashed."""
    named = ":".join(word for path in paths for word in part.texts(path))
    if _PLAIN_ID.fullmatch(named):
        return named
    return str(event_key("item", named or json.dumps(part.item, sort_keys=True)))


def heard_at(part: Item, paths: tuple[str, ...]) -> datetime | None:
    """The first instant that can be read; that a bounce is told of counts for more than when it happened."""
    instants = (instant_of(text) for path in paths for text in part.texts(path))
    return next((at for at in instants if at is not None), None)


def instant_of(text: str) -> datetime | None:
    """An instant as providers write it: ISO 8601 (UTC if no zone is named), or seconds or milliseconds since 1970; else None."""
    try:
        number = float(text)
    except ValueError:
        try:
            at = datetime.fromisoformat(text)
        except ValueError:
            return None
        at = at if at.tzinfo else at.replace(tzinfo=UTC)
    else:
        try:
            at = datetime.fromtimestamp(number / 1000 if number > _MILLISECONDS else number, UTC)
        except (ValueError, OverflowError, OSError):
            return None
    return at if at.year in _YEARS else None
