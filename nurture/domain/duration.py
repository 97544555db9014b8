"""Lengths of time as a marketer writes them: `30m`, `36h`, `2d`, `1w`, or joined as in `1d12h`."""

import re
from datetime import timedelta
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

_UNITS: Final = {"w": "weeks", "d": "days", "h": "hours", "m": "minutes", "s": "seconds"}
DURATION_PATTERN: Final = r"^(?=.)(\d+w)?(\d+d)?(\d+h)?(\d+m)?(\d+s)?$"

#: No wait, cap or expiry is longer; with it, no sum of an instant and a duration leaves the calendar.
LONGEST: Final = timedelta(days=3650)

_WORDS: Final = re.compile(r"(\d+)\s*(weeks?|days?|hours?|hrs?|minutes?|mins?|seconds?|secs?|[wdhms])", re.IGNORECASE)


def parse_duration(text: Any) -> timedelta:
    """The length that `text` names; raises ValueError with the accepted form.

    A month is refused on purpose: it has no fixed length.
    """
    if isinstance(text, timedelta):
        return text
    if not isinstance(text, str) or not re.fullmatch(DURATION_PATTERN, text, re.ASCII):
        raise ValueError(f"{text!r} is no duration; {_meant(text)}")
    if len(max(re.findall(r"\d+", text), key=len)) > 9:  # noqa: PLR2004 - nine digits of seconds are 31 years
        raise _too_long(text)
    length = timedelta(**{_UNITS[unit]: int(number) for number, unit in re.findall(r"(\d+)([wdhms])", text)})
    if length > LONGEST:
        raise _too_long(text)
    return length


def _too_long(text: str) -> ValueError:
    return ValueError(f"{text!r} is too long; write at most {format_duration(LONGEST)} (ten years)")


def _meant(text: Any) -> str:
    """What to write instead: the same length in our letters where the text can be understood, else an example."""
    if re.fullmatch(r"\d{1,9}", str(text), re.ASCII):
        return f"write the unit, too, such as {text}d for days or {text}h for hours"
    parts = _WORDS.findall(str(text))
    understood = parts and not re.search(r"\w", _WORDS.sub("", str(text)))
    written = "".join(f"{number}{unit[0].lower()}" for number, unit in parts) if understood else ""
    if re.fullmatch(DURATION_PATTERN, written, re.ASCII):
        return f"did you mean {written!r}?"
    if re.search(r"month|year|\dy", str(text), re.IGNORECASE):
        return "months and years differ in length, so count in days, such as 30d or 365d"
    return "write a number with w, d, h, m or s, such as 2d or 1d12h"


def format_duration(length: timedelta) -> str:
    """The shortest way to write `length`, in whole seconds: `timedelta(hours=36)` gives `1d12h`."""
    seconds = int(length.total_seconds())
    written = ""
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)):
        count, seconds = divmod(seconds, size)
        written += f"{count}{unit}" if count else ""
    return written or "0s"


Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    PlainSerializer(format_duration),
    WithJsonSchema({"type": "string", "pattern": DURATION_PATTERN, "examples": ["30m", "2d", "1d12h"]}),
]
