"""When mail may go out: days and hours on somebody's clock, as a marketer writes them."""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import time
from functools import cached_property
from typing import Annotated, Any, Final, Literal, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, PlainValidator, WithJsonSchema

from nurture.domain.duration import Duration
from nurture.domain.model import Definition, Problem, refuse
from nurture.domain.wording import completed, nearest

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: Final[tuple[Weekday, ...]] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

#: Where a window looks for a time zone: in the person's own attribute, or in that of their country.
PERSON: Final = "person"
COUNTRY: Final = "country"

_DAY: Final = f"({'|'.join(WEEKDAYS)})"
_DAYS_PATTERN: Final = f"^{_DAY}(-{_DAY})?(, ?{_DAY}(-{_DAY})?)*$"
_HOLIDAYS_PATTERN: Final = f"^([A-Z]{{2}}|{PERSON})$"
_HOURS_PATTERN: Final = r"^([01]\d|2[0-3]):[0-5]\d-(([01]\d|2[0-3]):[0-5]\d|24:00)$"


def parse_days(text: Any) -> Any:
    """`mon-fri`, `mon,wed,fri` or a list of days, as days in their order; raises ValueError with the accepted form."""
    if not isinstance(text, str):
        return tuple(text) if isinstance(text, list) else text
    if not re.fullmatch(_DAYS_PATTERN, text):
        short = re.sub(r"([A-Za-z]{3})[A-Za-z]*", lambda word: word[1].lower(), text).replace(" ", "")
        meant = f"did you mean {short!r}?" if re.fullmatch(_DAYS_PATTERN, short) else "write mon-fri or mon,wed,fri"
        raise ValueError(f"{text!r} names no days; {meant}")
    days: set[str] = set()
    for part in text.replace(" ", "").split(","):
        first, _, last = part.partition("-")
        start, stop = (list[str](WEEKDAYS).index(day) for day in (first, last or first))
        days |= {WEEKDAYS[index % 7] for index in range(start, (stop if stop >= start else stop + 7) + 1)}
    return tuple(day for day in WEEKDAYS if day in days)


class Hours(NamedTuple):
    """From `opens` (included) to `closes` (excluded), local time; closing before opening spans midnight."""

    opens: time
    closes: time

    def __str__(self) -> str:
        return f"{self.opens:%H:%M}-{self.closes:%H:%M}"


ALL_DAY: Final = Hours(time(0), time(0))


def parse_hours(text: Any) -> Any:
    """`09:00-18:00` as Hours; `24:00` closes at midnight; raises ValueError with the accepted form."""
    if isinstance(text, Hours):
        return text
    if not isinstance(text, str) or not re.fullmatch(_HOURS_PATTERN, text, re.ASCII):
        raise ValueError(f"{text!r} names no hours; {_hours_meant(str(text))}")
    opens, closes = text.replace("24:00", "00:00").split("-")
    hours = Hours(time.fromisoformat(opens), time.fromisoformat(closes))
    if hours.opens == hours.closes and hours.opens != time(0):
        raise ValueError(f"{text!r} is empty; write another closing hour, or 00:00-24:00 for the whole day")
    return hours


def _hours_meant(text: str) -> str:
    found = re.fullmatch(r"\s*(\d{1,2})(?:[:hH.](\d\d)?)?\s*[-\u2013]\s*(\d{1,2})(?:[:hH.](\d\d)?)?\s*", text, re.ASCII)
    opens, opens_minute, closes, closes_minute = found.groups() if found else ("", None, "", None)
    meant = f"{opens:0>2}:{opens_minute or '00'}-{closes:0>2}:{closes_minute or '00'}"
    return f"did you mean {meant!r}?" if re.fullmatch(_HOURS_PATTERN, meant) else "write them like 09:00-18:00"


def _known_zone(name: str, others: Iterable[str] = (PERSON,)) -> str:
    """`name` if it is an IANA zone or one of `others`; raises ValueError with the near miss."""
    if name in others:
        return name
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        zones = {*others, *available_timezones()}
        near = nearest(name, zones, alike=0.7) or completed(name, zones)
        raise ValueError(
            f"{name!r} is no IANA time zone; {f'did you mean {near!r}?' if near else 'write one like Europe/Paris'}"
        ) from None
    return name


def parse_timezone(written: Any) -> Any:
    """A zone, `person`, or the list of fallbacks as a tuple; raises ValueError, or ValidationError at the entry at fault."""
    if written == COUNTRY:
        raise ValueError(f"{COUNTRY!r} is one of several fallbacks; write [{COUNTRY}], or {PERSON}, which asks it, too")
    if isinstance(written, str):
        return _known_zone(written)
    if not isinstance(written, list | tuple) or not written:
        raise ValueError(f"this names nobody's clock; write {PERSON}, a zone like Europe/Paris, or [{PERSON}, {COUNTRY}]")
    refuse("timezone", _wrong_fallbacks(written))
    return tuple(written)


def _wrong_fallbacks(written: Sequence[Any]) -> Iterator[Problem]:
    for index, fallback in enumerate(written):
        try:
            _known_zone(str(fallback), (PERSON, COUNTRY))
        except ValueError as error:
            yield Problem((index,), str(error))
            continue
        if fallback in written[:index]:
            yield Problem((index,), f"{fallback!r} stands here twice; delete one")
        elif fallback not in {PERSON, COUNTRY} and index + 1 < len(written):
            yield Problem((index,), f"{fallback!r} is always known, so what follows never counts; move it to the end")


def _known_country(text: Any) -> Any:
    """`text` if it is `person` or two capital letters; raises ValueError with the near miss."""
    if isinstance(text, str) and re.fullmatch(_HOLIDAYS_PATTERN, text):
        return text
    meant = str(text).strip().upper()
    near = PERSON if nearest(text, [PERSON], alike=0.7) else meant if re.fullmatch(_HOLIDAYS_PATTERN, meant) else None
    instead = f"did you mean {near!r}?" if near else f"write two capital letters (ISO 3166), such as FR, or {PERSON}"
    raise ValueError(f"{text!r} is no country; {instead}")


HoursField = Annotated[
    Hours,
    PlainValidator(parse_hours),
    PlainSerializer(str),
    WithJsonSchema({"type": "string", "pattern": _HOURS_PATTERN, "examples": ["09:00-18:00"]}),
]
_Fallback = Annotated[str, Field(examples=[PERSON, COUNTRY, "Europe/Paris"])]
Zone = Annotated[str, AfterValidator(_known_zone), WithJsonSchema({"type": "string", "examples": ["Europe/Paris", "UTC"]})]
DaysField = Annotated[
    tuple[Weekday, ...],
    Field(min_length=1),
    BeforeValidator(parse_days, json_schema_input_type=Annotated[str, Field(pattern=_DAYS_PATTERN)] | tuple[Weekday, ...]),
]
Timezone = Annotated[
    str | tuple[str, ...],
    BeforeValidator(parse_timezone, json_schema_input_type=Zone | Annotated[tuple[_Fallback, ...], Field(min_length=1)]),
]
Holidays = Annotated[
    str,
    BeforeValidator(
        _known_country, json_schema_input_type=Annotated[str, Field(pattern=_HOLIDAYS_PATTERN, examples=["FR", PERSON])]
    ),
]


class Window(Definition):
    """When mail may go out: days and hours on somebody's clock, public holidays left out."""

    days: DaysField = WEEKDAYS
    """mon-fri, or mon,wed,fri, or a list."""
    hours: HoursField = ALL_DAY
    """From (included) and to (excluded), local time; 20:00-08:00 spans midnight."""
    timezone: Timezone = PERSON
    """Whose clock: an IANA zone such as Europe/Paris, or person (their zone, else their country's), or a list of fallbacks: person, country, a zone. In the end, the business's."""
    holidays: Holidays | None = None
    """Whose public holidays are left out: a country's (two letters, ISO 3166), or those of the person's country."""
    spread: Duration | None = None
    """Over how long those are spread who had to wait for the opening; never past the closing hour."""

    @cached_property
    def fallbacks(self) -> tuple[str, ...]:
        """Where to look for the zone, in this order, before the business's."""
        if self.timezone == PERSON:
            return (PERSON, COUNTRY)
        return (self.timezone,) if isinstance(self.timezone, str) else self.timezone

    @cached_property
    def is_always_open(self) -> bool:
        """Whether it never shuts, whoever it is read for."""
        return {*WEEKDAYS} == {*self.days} and self.hours == ALL_DAY and self.holidays is None
