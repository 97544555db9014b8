"""config/imports/<name>.yaml: how the rows of somebody else's file become people, events or answers of ours.

imports: people
source: crm
fields:
  email: Email                                                  a column
  occurred_at: {column: Last Modified, format: "%d/%m/%Y %H:%M"}
  attributes.company: {any: [Company, Account]}                 the first that is not empty
  attributes.full_name: {join: [First Name, Last Name]}
  attributes.lifecycle_stage: {column: Stage, map: {MQL: mql}, otherwise: unknown}
  attributes.imported: {value: true}
skip_if: {Email Opt Out: "true"}
"""

import codecs
import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from nurture.domain.conditions import EventCondition
from nurture.domain.mail.sending import BusinessZone
from nurture.domain.model import Definition, Place, Problem, refuse
from nurture.domain.wording import instead, one_of

Imported = Literal["people", "events", "answers"]

#: What a row of either kind may tell, whoever it names.
_OF_BOTH: Final = ("email", "user_id", "anonymous_id", "occurred_at", "message_id", "language", "timezone", "attributes")

#: What only a row of events may tell besides.
_OF_EVENTS: Final = (
    "name", "kind", "previous_id", "submission", "source", "consented", "assurance", "properties", "context",
    "url", "path", "title", "referrer", "search", "user_agent",
)  # fmt: skip

#: What a row may tell that holds an answer of sales.
_OF_ANSWERS: Final = (
    "person",
    "email",
    "user_id",
    "answer",
    "reason",
    "amount",
    "currency",
    "occurred_at",
    "message_id",
    "source",
)

#: The whole fields a row may fill, by what is imported.
TARGETS: Final[Mapping[Imported, tuple[str, ...]]] = {
    "people": _OF_BOTH, "events": (*_OF_BOTH, *_OF_EVENTS), "answers": _OF_ANSWERS,
}  # fmt: skip

#: What may stand before a dot, with a name of the customer's behind it.
FAMILIES: Final[Mapping[Imported, tuple[str, ...]]] = {
    "people": ("attributes",),
    "events": ("attributes", "properties", "campaign"),
    "answers": (),
}

#: The ways to come by a value; each field uses exactly one.
WAYS: Final = ("column", "value", "any", "join", "hash")

Single = str | int | float | bool

_Column = Annotated[str, Field(min_length=1)]


def _as_column(written: Any) -> Any:
    return {"column": written} if isinstance(written, str) else written


def _as_tuple(written: Any) -> Any:
    return tuple(written) if isinstance(written, list) else written


class Filling(Definition):
    """Where one field's value comes from: exactly one of column, value, any, join and hash; then what is done to it."""

    column: _Column | None = None
    """The column (or the group of `line`, or the key of a JSON object; a.b looks inside) that holds it."""
    value: Single | None = None
    """The same value for every row."""
    any: Annotated[tuple["AnyFilling", ...], Field(min_length=1), BeforeValidator(_as_tuple)] | None = None
    """The first of these that is not empty."""
    join: Annotated[tuple["AnyFilling", ...], Field(min_length=1), BeforeValidator(_as_tuple)] | None = None
    """Those of these that are not empty, in their order, as one text."""
    hash: Annotated[tuple[_Column, ...], Field(min_length=1), BeforeValidator(_as_tuple)] | None = None
    """A keyed hash of these columns: it tells visitors apart and shows nothing of them."""
    per: Literal["day"] | None = None
    """With hash: another hash on each day of the row's occurred_at, so that nobody is followed from day to day."""
    between: str = " "
    """With join: what stands between the parts."""
    format: Annotated[str, Field(min_length=1)] | None = None
    """For occurred_at: how the instant is written (strftime), or unix (seconds) or unix_ms. Without it: ISO 8601."""
    type: Literal["text", "number", "boolean", "json"] | None = None
    """What the text of a cell stands for; without it, it stays a text."""
    map: Annotated[dict[str, Single], Field(min_length=1)] | None = None
    """What to put in place of a value."""
    otherwise: Single | None = None
    """With map: what stands for every value that the table does not hold; without it they stay as they are."""

    @model_validator(mode="after")
    def _is_consistent(self) -> "Filling":
        refuse("filling", self._problems())
        return self

    def _problems(self) -> Iterator[Problem]:
        used = [way for way in WAYS if getattr(self, way) is not None]
        if not used:
            yield Problem((), f"nothing says where the value comes from; write {one_of(WAYS)}")
        for further in used[1:]:
            yield Problem((further,), f"{used[0]!r} stands here already; keep one of the two", in_key=True)
        for key, way in (("per", "hash"), ("otherwise", "map")):
            if getattr(self, key) is not None and getattr(self, way) is None:
                yield Problem((key,), f"{key!r} says something only beside {way!r}; add that, or delete this", in_key=True)

    def columns(self) -> Iterator[tuple[Place, str]]:
        """Every column that a row must have for this, with its place. Of `any` one is enough: see `alternatives`."""
        if self.column is not None:
            yield ("column",), self.column
        for index, part in enumerate(self.join or ()):
            yield from ((("join", index, *place), name) for place, name in part.columns())
        for index, name in enumerate(self.hash or ()):
            yield ("hash", index), name

    def alternatives(self) -> Iterator[tuple[Place, list[str]]]:
        """For each `any`, its place and the columns of which at least one must be there."""
        parts = [[name for _, name in part.columns()] for part in self.any or ()]
        if parts and all(parts):  # what needs no column is always there
            yield ("any",), [name for part in parts for name in part]
        for index, part in enumerate(self.join or ()):
            yield from ((("join", index, *place), names) for place, names in part.alternatives())


AnyFilling = Annotated[Filling, BeforeValidator(_as_column, json_schema_input_type=_Column | Filling)]
Filling.model_rebuild()


def _known_encoding(name: str) -> str:
    try:
        codecs.lookup(name)
    except LookupError:
        raise ValueError(f"{name!r} is no encoding; write one such as utf-8, utf-16 or cp1252") from None
    return name


Encoding = Annotated[str, AfterValidator(_known_encoding)]


class ImportMapping(Definition):
    """config/imports/<name>.yaml: which of somebody else's columns becomes which of our fields."""

    imports: Imported
    """What a row tells of: people, events, or answers of sales about leads."""
    source: Annotated[str, Field(min_length=1, max_length=64)] = "import"
    """The name under which the origin is kept; a message id is unique within it."""
    assurance: Literal["claimed", "verified"] = "claimed"
    """How far the file's word goes: verified only where each address was confirmed by its owner."""
    timezone: BusinessZone = "UTC"
    """The zone of instants that name none."""
    encoding: Encoding | None = None
    """The file's encoding; without it UTF-8, with or without a byte order mark."""
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] | None = None
    """What separates the cells; without it, it is found out."""
    line: Annotated[str, Field(min_length=1)] | None = None
    """For files that are no CSV: a regular expression that fits a whole line, with a named group for each column."""
    fields: Annotated[dict[str, AnyFilling], Field(min_length=1)]
    """Our fields, each with what fills it: email, user_id, name, occurred_at, attributes.<name>, properties.<name> …"""
    skip_if: EventCondition | None = None
    """Rows of which this is true are left out; the condition asks about columns by their names."""

    @model_validator(mode="after")
    def _is_consistent(self) -> "ImportMapping":
        refuse("mapping", [*self._unknown_fields(), *self._misplaced_formats(), *self._line_problems(), *self._missing_fields()])
        return self

    def _unknown_fields(self) -> Iterator[Problem]:
        whole, families = TARGETS[self.imports], FAMILIES[self.imports]
        for field in self.fields:
            family, dot, name = field.partition(".")
            if field in whole or (dot and name and family in families):
                continue
            if self.imports == "answers":
                yield Problem(("fields", field), f"an answer has no {field!r}; {instead(field, whole)}", in_key=True)
                continue
            if dot and name and family in FAMILIES["events"]:
                text = f"people have no {family}; write attributes.{name}"
            elif self.imports == "people" and field in TARGETS["events"]:
                text = f"only events have {field!r}; write attributes.{field} to keep it of the person"
            else:
                text = f"unknown field {field!r}; {instead(field, whole, verb='write attributes.<name>, or')}"
            yield Problem(("fields", field), text, in_key=True)

    def _misplaced_formats(self) -> Iterator[Problem]:
        for field, filling in self.fields.items():
            if filling.format is not None and field != "occurred_at":
                yield Problem(("fields", field, "format"), "only occurred_at is an instant; delete this", in_key=True)
        if self.imports == "events" and (when := self.fields.get("occurred_at")) and when.hash:
            yield Problem(("fields", "occurred_at", "hash"), "a hash is no instant; write column: and its name", in_key=True)

    def _missing_fields(self) -> Iterator[Problem]:
        if self.imports == "answers":
            yield from self._missing_of_answers()
        elif not any(name in self.fields for name in ("email", "user_id", "anonymous_id", "submission")):
            yield Problem(("fields",), "no field says whom a row names; fill email, user_id or anonymous_id")
        if self.imports == "events":
            if "name" not in self.fields and "kind" not in self.fields:
                yield Problem(("fields",), "no field says what happened; fill name, if need be with {value: page_viewed}")
            if "occurred_at" not in self.fields:
                yield Problem(("fields",), "no field says when it happened; fill occurred_at")

    def _missing_of_answers(self) -> Iterator[Problem]:
        if not any(name in self.fields for name in ("person", "email", "user_id")):
            yield Problem(("fields",), "no field says whom a row names; fill email, person (our id) or user_id")
        for name, what in (("answer", "what sales answered"), ("occurred_at", "when sales said so")):
            if name not in self.fields:
                yield Problem(("fields",), f"no field says {what}; fill {name}")
        if "assurance" in self.model_fields_set:
            yield Problem(("assurance",), "a file of answers always speaks for sales; delete this", in_key=True)

    def _line_problems(self) -> Iterator[Problem]:
        if self.line is None:
            return
        try:
            groups = list(re.compile(self.line).groupindex)
        except (re.error, OverflowError, RecursionError) as error:
            fix = "put a \\ before a character meant literally"
            yield Problem(("line",), f"this is no regular expression ({error}); {fix}")
            return
        if groups:
            yield from self.unknown_columns(groups, what="group of 'line'")
        else:
            yield Problem(("line",), "this has no named group; write (?P<name>…) around each column")

    def unknown_columns(self, columns: list[str], what: str = "column of the file") -> Iterator[Problem]:
        """A problem for each column asked for that is not among `columns`."""
        for field, filling in self.fields.items():
            for place, name in filling.columns():
                if name not in columns:
                    yield Problem(("fields", field, *place), f"{name!r} is no {what}; {instead(name, columns)}")
            for place, names in filling.alternatives():
                if names and not {*names} & {*columns}:
                    yield Problem(("fields", field, *place), f"none of these is a {what}; {instead(names[0], columns)}")
        for place, _ in self.skip_if.questions() if self.skip_if else ():
            if place[-1] not in columns:
                text = f"{place[-1]!r} is no {what}; {instead(place[-1], columns)}"
                yield Problem(("skip_if", *place), text, in_key=True)
