"""When something happens in a case: so long after its beginning, or at a date and hour."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo

from pydantic import PlainValidator, TypeAdapter, ValidationError, WithJsonSchema

from nurture.domain.duration import DURATION_PATTERN, parse_duration
from nurture.domain.window import PERSON, Zone

_DAY_AND_HOUR: Final = r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?"
_ZONE: Final = r"(Z|[+-]\d\d:\d\d| [A-Za-z][\w/+-]*)"
_START_PATTERN: Final = f"^{_DAY_AND_HOUR}{_ZONE}$"
_DATE_PATTERN: Final = f"^{_DAY_AND_HOUR}{_ZONE}?$"

_ZONES: Final = TypeAdapter(Zone)

#: So long after the beginning of the case; or an instant, which is on the clock of the case if it is naive.
AnyMoment = timedelta | datetime


def parse_start(text: Any) -> Any:
    """`2026-03-02T09:00 Europe/Paris` as an aware datetime; raises ValueError with the accepted form."""
    if isinstance(text, datetime):
        return text
    if not isinstance(text, str) or not re.match(f"^{_DAY_AND_HOUR}", text, re.ASCII):
        raise ValueError(f"{text!r} is no instant; write it like 2026-03-02T09:00 Europe/Paris")
    read = _read(text)
    if read.tzinfo is None:
        raise ValueError(f"{text!r} does not say on whose clock; write a zone behind it, such as {text} Europe/Paris")
    return read


def parse_moment(text: Any) -> Any:
    """A duration such as `2d3h`, or an instant; raises ValueError with the accepted forms."""
    if isinstance(text, timedelta | datetime):
        return text
    if isinstance(text, str) and re.match(r"^\d{4}-", text, re.ASCII):
        return _read(text)
    try:
        return parse_duration(text)
    except ValueError as error:
        what, _, fix = str(error).partition("; ")
        raise ValueError(f"{what.replace('duration', 'moment')}; {fix}") from None


def _read(text: str) -> datetime:
    """A date with an hour, aware if a zone or an offset stands behind it."""
    local, _, zone = re.sub(r"^(\d{4}-\d\d-\d\d) ", r"\1T", text).partition(" ")
    try:
        read = datetime.fromisoformat(local)
    except ValueError:
        raise ValueError(f"{text!r} is no instant; write it like 2026-03-02T09:00") from None
    if "T" not in local:
        raise ValueError(f"{text!r} names no hour; write it like {local}T09:00")
    if not zone:
        return read
    if zone == PERSON:
        raise ValueError(f"{zone!r} is nobody yet; write a zone like Europe/Paris")
    try:
        return read.replace(tzinfo=ZoneInfo(_ZONES.validate_python(zone)))
    except ValidationError as error:
        raise ValueError(error.errors()[0]["msg"].removeprefix("Value error, ")) from None


def instant(moment: AnyMoment, starts: datetime) -> datetime:
    """When a moment of a case comes (UTC) that begins at `starts` (aware)."""
    if isinstance(moment, timedelta):
        return (starts.astimezone(UTC) + moment).astimezone(UTC)
    return (moment if moment.tzinfo else moment.replace(tzinfo=starts.tzinfo)).astimezone(UTC)


Start = Annotated[
    datetime,
    PlainValidator(parse_start),
    WithJsonSchema({"type": "string", "pattern": _START_PATTERN, "examples": ["2026-03-02T09:00 Europe/Paris"]}),
]
Moment = Annotated[
    AnyMoment,
    PlainValidator(parse_moment),
    WithJsonSchema(
        {
            "anyOf": [{"type": "string", "pattern": DURATION_PATTERN}, {"type": "string", "pattern": _DATE_PATTERN}],
            "examples": ["0m", "2d3h", "2026-03-04T10:00"],
        }
    ),
]
