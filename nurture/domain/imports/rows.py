"""From one row of a file to one event: pure, and every refusal names its column."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import isfinite
from typing import Any, Final, NamedTuple, NoReturn, cast, get_args
from zoneinfo import ZoneInfo

from nurture.domain.answering import ANSWERS, NOTHING, OBVIOUS, Answered, amount_of, as_event
from nurture.domain.event import IDENTIFIED, NAME_OF_KIND, PAGE_VIEWED, Assurance, Event, Kind
from nurture.domain.ids import event_key
from nurture.domain.imports.mapping import Filling, ImportMapping
from nurture.domain.imports.values import READERS, boolean_of, instant_of
from nurture.domain.junk import is_junk
from nurture.domain.surroundings import campaign_of, page_of
from nurture.domain.wording import instead, one_of

LONGEST_ID: Final = 256
LONGEST_NAME: Final = 128
LONGEST_SOURCE: Final = 64
LONGEST_USER_AGENT: Final = 512

#: As much as an event may hold that comes over the web, in bytes of JSON.
LARGEST_ROW: Final = 32 * 1024

#: How far ahead of us a row's clock may be.
AHEAD: Final = timedelta(days=1)

#: Before this year nobody kept events; such a date is a wrong column or a wrong format.
FIRST_YEAR: Final = 1970

_INT64: Final = range(-(2**63), 2**63)
_DEEPEST: Final = 32

#: What of a context may come from outside. An address (`ip`) may not.
_CONTEXT: Final = ("page", "campaign", "locale", "timezone", "userAgent", "library", "clock", "method", "purpose")

Cells = Mapping[str, Any]


class Refused(NamedTuple):
    """Why a row makes no event: the column (empty for the whole row), what is wrong there, and what to do about it."""

    column: str
    what: str
    remedy: str

    def __str__(self) -> str:
        return f"{f'column {self.column}: ' if self.column else ''}{self.what}; {self.remedy}"


class Row(NamedTuple):
    """A row of a file: its number among the rows from 1, the line on which it begins, and its cells by column.

    `raw` is the row as it stands in the file, as a line or as cells; `mistake` is why it could not be read, if it could not.
    """

    number: int
    line: int
    cells: Cells
    raw: str | tuple[str, ...] = ""
    mistake: Refused | None = None


class Skipped(NamedTuple):
    """A row that the mapping leaves out."""


class Surroundings(NamedTuple):
    """What turns rows into events besides the mapping.

    `address` makes an e-mail address fit to compare, or raises ValueError; `keyed` is a keyed hash of a text; `document`
    tells the file from every other; `at` is now.
    """

    address: Callable[[str], str]
    keyed: Callable[[str], str]
    document: str
    at: datetime


class _Unfit(Exception):
    """A finding on its way to where it becomes a value."""

    def __init__(self, column: str, what: str, remedy: str) -> None:
        super().__init__(what)
        self.refused = Refused(column, what, remedy)


def event_of(row: Row, mapping: ImportMapping, surroundings: Surroundings) -> Event | Skipped | Refused:
    """The event that a row tells of, or why there is none."""
    if row.mistake is not None:
        return row.mistake
    try:
        _check_cells(row.cells)
        if mapping.skip_if is not None and mapping.skip_if.holds(_facts(row.cells)):
            return Skipped()
        reader = _Reader(row, mapping, surroundings)
        return reader.answer() if mapping.imports == "answers" else reader.event()
    except _Unfit as unfit:
        return unfit.refused


def _check_cells(cells: Cells) -> None:
    """Refuse what a database cannot store and a reader would drown in."""
    size = 0
    for column, value in cells.items():
        size += _size(column, column, 0) + _size(column, value, _DEEPEST)
    if size > LARGEST_ROW:
        raise _Unfit("", f"the row holds {size:,} characters", f"keep to {LARGEST_ROW:,}; is a quote left open?")


def _size(column: str, value: Any, deeper: int) -> int:
    match value:
        case str():
            if not value.isprintable():
                _check_text(column, value)
            return len(value)
        case bool() | None:
            return 1
        case int() | float():
            if value not in _INT64 if isinstance(value, int) else not isfinite(value):
                raise _Unfit(column, "this number is too large to be kept", "write it as a text")
            return 8
        case dict() | list() if deeper:
            inside = value.items() if isinstance(value, dict) else enumerate(value)
            return sum(_size(column, str(key), 1) + _size(column, each, deeper - 1) for key, each in inside)
    raise _Unfit(column, f"objects and lists lie inside one another more than {_DEEPEST} deep", "bring them further out")


def _check_text(column: str, text: str) -> None:
    if "\0" in text:
        raise _Unfit(column, "a NUL character cannot be stored", "remove it; is the file UTF-16? then say --encoding utf-16")
    if any("\ud800" <= letter <= "\udfff" for letter in text):
        raise _Unfit(column, "these bytes are no text in the file's encoding", "say which it is, such as --encoding cp1252")


def _facts(cells: Cells) -> Cells:
    """What a condition may ask of a row: empty cells count as missing, and `a.b` looks into objects."""
    facts: dict[str, Any] = {}
    for column, value in cells.items():
        if isinstance(value, dict):
            facts.update({f"{column}.{key}": inner for key, inner in _facts(value).items()})
        elif value != "":
            facts[column] = value
    return facts


def looked_up(cells: Cells, column: str) -> Any:
    """The value of a column; `a.b` looks into an object where no column has that very name."""
    if column in cells:
        return cells[column]
    outer, dot, inner = column.partition(".")
    held = cells.get(outer) if dot else None
    return looked_up(held, inner) if isinstance(held, dict) else None


@dataclass(slots=True)
class _Reader:
    """One row on its way to an event."""

    row: Row
    mapping: ImportMapping
    around: Surroundings

    def event(self) -> Event:
        warnings: list[str] = []
        at = self._instant()
        told = self._told(at)
        identity = self._identity(told, warnings)
        people = self.mapping.imports == "people"
        kind, name = ("identify", IDENTIFIED) if people else self._what(told)
        context = self._context(told)
        traits = self._group("attributes", told)
        properties = {} if people else self._group("properties", told)
        source = self._text("source", told, LONGEST_SOURCE) or self.mapping.source
        if kind == "alias" and not (identity["user_id"] and identity["previous_id"]):
            self._refuse("previous_id", "an alias needs an id before and one after", "fill previous_id and user_id")
        said = {"name": name, "traits": traits, "context": context, **identity}
        return Event(
            message_id=self._message_id(told, said),
            source=source,
            kind=cast("Kind", kind),
            name=name,
            occurred_at=at,
            received_at=self.around.at,
            assurance=self._assurance(told),
            consented=self._flag("consented", told) is not False,
            warnings=tuple(warnings),
            properties=properties,
            traits=traits,
            context=context,
            **identity,
        )

    def answer(self) -> Event | Skipped:
        """The event of a row that holds an answer of sales; rows whose answer is `nothing` are left out."""
        at = self._instant()
        told = self._told(at)
        word = (self._text("answer", told, LONGEST_NAME) or "").lower()
        if word == NOTHING:
            return Skipped()
        answer = OBVIOUS.get("".join(word.split()))
        if answer is None:
            what = f"{_shown(word)} is no answer" if word else "nothing says what sales answered"
            self._refuse("answer", what, f"write {one_of(ANSWERS)}, or {NOTHING} for what says nothing; a mapping may translate")
        warnings: list[str] = []
        person, email, user_id = self._person(told), self._email(told, warnings), self._text("user_id", told, LONGEST_ID)
        if not (person or email or user_id):
            self._refuse("email", "the row names nobody", "fill in email, person (our id) or user_id")
        source = self._text("source", told, LONGEST_SOURCE) or self.mapping.source
        # The next export of the same CRM holds the same row again, perhaps at another place: it is the same answer.
        said = [self._text("message_id", told, LONGEST_ID), answer, at.isoformat(), person, email, user_id]
        answered = Answered(
            answer, source, str(event_key("answer", json.dumps(said))), at, person, email, user_id, self._text("reason", told, None),
            self._amount(told), self._text("currency", told, None),
        )  # fmt: skip
        return as_event(answered, self.around.at).model_copy(update={"warnings": tuple(warnings)})

    def _person(self, told: Mapping[str, Any]) -> int | None:
        text = self._text("person", told, LONGEST_ID)
        if text is not None and not (text.isascii() and text.isdecimal() and int(text) in _INT64):
            self._refuse("person", f"{_shown(text)} is no id of ours", "write the number that the hand-off told")
        return int(text) if text is not None else None

    def _amount(self, told: Mapping[str, Any]) -> float | None:
        text = self._text("amount", told, LONGEST_NAME)
        amount = amount_of(text) if text is not None else None
        if text is not None and amount is None:
            self._refuse("amount", f"{_shown(text)} is no amount", "write a number such as 1200.50")
        return amount

    def _told(self, at: datetime) -> dict[str, Any]:
        """Every field that the row fills, except the instant."""
        told = {field: self._filled(field, each, at) for field, each in self.mapping.fields.items() if field != "occurred_at"}
        return {field: value for field, value in told.items() if value is not None}

    def _filled(self, field: str, filling: Filling, at: datetime | None) -> Any:
        value = self._raw(field, filling, at)
        if isinstance(value, str):
            value = value.strip() or None
        if value is None or value in ([], {}):
            return None
        if filling.type is not None:
            value = self._typed(field, filling, value)
        if filling.map is not None:
            key = str(value).lower() if isinstance(value, bool) else str(value)
            value = filling.map.get(key, value if filling.otherwise is None else filling.otherwise)
        return None if value == "" else value

    def _raw(self, field: str, filling: Filling, at: datetime | None) -> Any:
        if filling.column is not None:
            return looked_up(self.row.cells, filling.column)
        if filling.any is not None:
            return next((value for part in filling.any if (value := self._filled(field, part, at)) is not None), None)
        if filling.join is not None:
            parts = [self._filled(field, part, at) for part in filling.join]
            return filling.between.join(str(part) for part in parts if part is not None)
        if filling.hash is not None:
            day = at.astimezone(ZoneInfo(self.mapping.timezone)).date().isoformat() if filling.per and at else ""
            parts = [str(looked_up(self.row.cells, name) or "") for name in filling.hash]
            return self.around.keyed(json.dumps([day, *parts]))
        return filling.value

    def _typed(self, field: str, filling: Filling, value: Any) -> Any:
        kind = str(filling.type)
        try:
            return READERS[kind](value)
        except ValueError:
            examples = {"number": "write one such as 12 or 3.5", "boolean": "write true or false", "json": "write JSON"}
            self._refuse(field, f"{_shown(value)} is no {kind}", examples[kind])

    def _instant(self) -> datetime:
        filling = self.mapping.fields.get("occurred_at")
        value = self._filled("occurred_at", filling, None) if filling else None
        if filling is None or value is None:
            if self.mapping.imports == "people":
                return self.around.at
            self._refuse("occurred_at", "nothing says when it happened", "fill this in")
        try:
            at = instant_of(value, filling.format, ZoneInfo(self.mapping.timezone))
        except (ValueError, OverflowError, OSError):
            asked = f"the format {filling.format}" if filling.format else "ISO 8601, such as 2026-03-02T09:00:00Z"
            self._refuse("occurred_at", f"{_shown(value)} is no instant", f"write it in {asked}, or correct the mapping's format")
        if at.year < FIRST_YEAR:
            self._refuse("occurred_at", f"the year {at.year} cannot be", "look whether column and format are the right ones")
        if at > self.around.at + AHEAD:
            self._refuse("occurred_at", f"{at:%Y-%m-%d %H:%M} lies in the future", "look whether format and timezone are right")
        return at

    def _identity(self, told: Mapping[str, Any], warnings: list[str]) -> dict[str, str | None]:
        found: dict[str, str | None] = {}
        for field in ("user_id", "anonymous_id", "previous_id", "submission"):
            text = self._text(field, told, LONGEST_ID)
            if text is not None and is_junk(text):
                warnings.append(_left_out(field, text))
                text = None
            found[field] = text
        found["email"] = self._email(told, warnings)
        if found["previous_id"] is not None and found["previous_id"] == found["user_id"]:
            self._refuse("previous_id", "previous_id and user_id are the same", "leave one of them out")
        if not any(found.values()):
            named = [field for field in ("email", "user_id", "anonymous_id") if field in self.mapping.fields] or ["email"]
            self._refuse(named[0], "the row names nobody", f"fill in {one_of(named)}")
        return found

    def _email(self, told: Mapping[str, Any], warnings: list[str]) -> str | None:
        text = told.get("email")
        if text is None:
            return None
        if is_junk(str(text)):
            warnings.append(_left_out("email", str(text)))
            return None
        try:
            return self.around.address(str(text))
        except ValueError as error:
            self._refuse("email", str(error).rstrip("."), "correct the address, or leave it empty")

    def _what(self, told: Mapping[str, Any]) -> tuple[str, str]:
        """The kind of an event and its name."""
        kind, name = told.get("kind"), self._text("name", told, LONGEST_NAME)
        kinds = get_args(Kind)
        if kind is not None and kind not in kinds:
            self._refuse("kind", f"{_shown(kind)} is no kind of event", instead(kind, kinds))
        if name is None:
            name = NAME_OF_KIND.get(str(kind))
        if name is None:
            self._refuse("name", "nothing says what happened", "fill this in")
        return str(kind or ("page" if name == PAGE_VIEWED else "track")), name

    def _context(self, told: Mapping[str, Any]) -> dict[str, Any]:
        given = told.get("context")
        context = {part: given[part] for part in _CONTEXT if part in given} if isinstance(given, dict) else {}
        told_page, told_campaign = context.pop("page", None), context.pop("campaign", None)
        page = page_of(told, told_page if isinstance(told_page, dict) else None)
        named = {field.partition(".")[2]: str(told[field]) for field in told if field.startswith("campaign.")}
        campaign = campaign_of(named or (told_campaign if isinstance(told_campaign, dict) else None), page)
        agent = self._text("user_agent", told, None) or context.pop("userAgent", None)
        parts = {
            "page": page,
            "campaign": campaign,
            "userAgent": str(agent or "")[:LONGEST_USER_AGENT],
            "locale": told.get("language"),
            "timezone": told.get("timezone"),
        }
        return {**context, **{part: value for part, value in parts.items() if value}}

    def _group(self, family: str, told: Mapping[str, Any]) -> dict[str, Any]:
        """All attributes or all properties: an object that holds several, and those filled one by one."""
        several = told.get(family)
        if several is not None and not isinstance(several, dict):
            self._refuse(family, f"{_shown(several)} is no object", 'write JSON such as {"plan": "pro"}')
        alone = {field.partition(".")[2]: value for field, value in told.items() if field.startswith(f"{family}.")}
        return {**(several or {}), **alone}

    def _message_id(self, told: Mapping[str, Any], said: Mapping[str, Any]) -> str:
        """The row's own id; else one that is equal whenever the same row of the same file is imported.

        What a row tells of a person is part of it, so that a corrected mapping tells it anew. An event is the same event
        under any mapping.
        """
        given = self._text("message_id", told, LONGEST_ID)
        if given is not None:
            return given
        place = f"{self.around.document}:{self.row.number}"
        if self.mapping.imports == "events":
            return place
        return f"{place}:{event_key(place, json.dumps(said, sort_keys=True, default=str)).hex[:12]}"

    def _assurance(self, told: Mapping[str, Any]) -> Assurance:
        said = told.get("assurance")
        if said is None:
            return self.mapping.assurance
        if said not in get_args(Assurance):
            self._refuse("assurance", f"{_shown(said)} is no assurance", f"write {one_of(get_args(Assurance))}")
        return cast("Assurance", said)

    def _flag(self, field: str, told: Mapping[str, Any]) -> bool | None:
        value = told.get(field)
        try:
            return None if value is None else boolean_of(value)
        except ValueError:
            self._refuse(field, f"{_shown(value)} is neither yes nor no", "write true or false")

    def _text(self, field: str, told: Mapping[str, Any], longest: int | None) -> str | None:
        value = told.get(field)
        if value is None:
            return None
        if isinstance(value, dict | list | bool):
            self._refuse(field, f"{_shown(value)} is no text", "write one text")
        text = str(value).strip()
        if longest is not None and len(text) > longest:
            self._refuse(field, f"this is longer than {longest} characters", "shorten it; is this the right column?")
        return text or None

    def _refuse(self, field: str, what: str, remedy: str) -> NoReturn:
        filling = self.mapping.fields.get(field)
        columns = [name for _, name in filling.columns()] if filling else []
        columns += [name for _, names in filling.alternatives() for name in names] if filling else []
        raise _Unfit(", ".join(columns) or field, what, remedy)


def _left_out(field: str, text: str) -> str:
    return f"{field}: {text[:32]!r} names nobody and was left out"


def _shown(value: Any) -> str:
    """A value as its author wrote it, shortened."""
    text = repr(value) if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= LONGEST_NAME else f"{text[:60]}…"
