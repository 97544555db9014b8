"""The base of everything a marketer writes: unknown keys are mistakes, values never change."""

from collections.abc import Iterable, Iterator
from typing import Annotated, Any, Final, NamedTuple

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

SLUG_PATTERN: Final = r"^[a-z0-9]([a-z0-9_-]*[a-z0-9])?$"

#: As long as the columns that keep names.
LONGEST_SLUG: Final = 64
LONGEST_EVENT_NAME: Final = 128

#: The way from a value to a part of it: keys and list indices.
Place = tuple[str | int, ...]


class Definition(BaseModel):
    """A part of the configuration: frozen, and strict about its keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, use_attribute_docstrings=True)


class Problem(NamedTuple):
    """Something wrong inside a value: where, and `what; what to do`. `in_key` blames the key there, not what it holds."""

    place: Place
    text: str
    in_key: bool = False


def refuse(what: str, problems: Iterable[Problem]) -> None:
    """Raise one ValidationError that holds every problem at its own place; do nothing if there is none."""
    details = [
        InitErrorDetails(
            type=PydanticCustomError("mistake_in_key" if problem.in_key else "mistake", "{text}", {"text": problem.text}),
            loc=problem.place,
            input=None,
        )
        for problem in problems
    ]
    if details:
        raise ValidationError.from_exception_data(what, details)


def repeated(kind: str, names: Iterable[tuple[Place, str]]) -> Iterator[Problem]:
    """A problem for each name that stood before; `kind` says what is named."""
    seen: set[str] = set()
    for place, name in names:
        if name in seen:
            yield Problem(place, f"{kind} {name!r} is used twice; give each its own")
        seen.add(name)


def _as_tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list | tuple) else (value,)


Slug = Annotated[str, Field(pattern=SLUG_PATTERN, max_length=LONGEST_SLUG)]
EventName = Annotated[str, Field(min_length=1, max_length=LONGEST_EVENT_NAME)]
_Several = Annotated[tuple[EventName, ...], Field(min_length=1)]
OneOrMore = BeforeValidator(_as_tuple, json_schema_input_type=EventName | _Several)

#: One event name or a list of them; `on: a` and `on: [a]` mean the same.
EventNames = Annotated[tuple[EventName, ...], Field(min_length=1), OneOrMore]
