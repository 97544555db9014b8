"""When mail may go out: days and hours on somebody's clock, as a marketer writes them."""

import re
from datetime import time
from typing import Annotated, Any, Final, Literal, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, PlainValidator, WithJsonSchema

from nurture.domain.model import Definition
from nurture.domain.wording import completed, nearest

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: Final[tuple[Weekday, ...]] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
COUNTRY_PATTERN: Final = "^[A-Z]{2}$"

_DAY: Final = f"({'|'.join(WEEKDAYS)})"
_DAYS_PATTERN: Final = f"^{_DAY}(-{_DAY})?(, ?{_DAY}(-{_DAY})?)*$"
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


def _known_zone(name: str) -> str:
    if name == "person":
        return name
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        zones = {"person", *available_timezones()}
        near = nearest(name, zones, alike=0.7) or completed(name, zones)
        raise ValueError(
            f"{name!r} is no IANA time zone; {f'did you mean {near!r}?' if near else 'write one like Europe/Paris'}"
        ) from None
    return name


HoursField = Annotated[
    Hours,
    PlainValidator(parse_hours),
    PlainSerializer(str),
    WithJsonSchema({"type": "string", "pattern": _HOURS_PATTERN, "examples": ["09:00-18:00"]}),
]
Zone = Annotated[str, AfterValidator(_known_zone), WithJsonSchema({"type": "string", "examples": ["Europe/Paris", "UTC"]})]
DaysField = Annotated[
    tuple[Weekday, ...],
    Field(min_length=1),
    BeforeValidator(parse_days, json_schema_input_type=Annotated[str, Field(pattern=_DAYS_PATTERN)] | tuple[Weekday, ...]),
]
Country = Annotated[str, Field(pattern=COUNTRY_PATTERN)]


class Window(Definition):
    """When mail may go out: days, hours and no public holiday of `holidays` (ISO 3166 country), in a time zone.

    `timezone: person` means the person's own zone, else the business's.
    """

    days: DaysField = WEEKDAYS
    """mon-fri, or mon,wed,fri, or a list."""
    hours: HoursField = Hours(time(0), time(0))
    """From (included) and to (excluded), local time; 20:00-08:00 spans midnight."""
    timezone: Zone = "person"
    """Whose clock: an IANA zone such as Europe/Paris, or person."""
    holidays: Country | None = None
    """The country (two letters, ISO 3166) whose public holidays are left out."""
