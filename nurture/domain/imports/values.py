"""What the text of a cell stands for: an instant, a number, yes or no, JSON."""

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from math import isfinite
from typing import Any, Final, NoReturn
from zoneinfo import ZoneInfo

#: A greater number of seconds since 1970 lies beyond the year 5000, so it is one of milliseconds.
_SECONDS_AT_MOST: Final = 100_000_000_000

#: As texts, seconds and milliseconds are told from other digits, such as 20260302, by their length.
_DIGITS_OF_UNIX: Final = {10: 1, 13: 1000}

_YES: Final = frozenset({"true", "yes", "y", "1", "on", "oui"})
_NO: Final = frozenset({"false", "no", "n", "0", "off", "non"})


def instant_of(value: Any, written: str | None, zone: ZoneInfo) -> datetime:
    """The instant, aware, UTC. `written` is a format of strptime, `unix` or `unix_ms`; without one ISO 8601 is read, and
    numbers as seconds or milliseconds since 1970 by their size. Raises ValueError, OverflowError or OSError.
    """
    if written in ("unix", "unix_ms"):
        return datetime.fromtimestamp(float(value) / (1000 if written == "unix_ms" else 1), UTC)
    if isinstance(value, int | float) and not isinstance(value, bool) and written is None:
        return datetime.fromtimestamp(value / (1000 if value >= _SECONDS_AT_MOST else 1), UTC)
    text = str(value)
    if written is not None:
        read = datetime.strptime(text, written)  # noqa: DTZ007 - the zone follows
    elif text.isascii() and text.isdigit() and len(text) in _DIGITS_OF_UNIX:
        return datetime.fromtimestamp(int(text) / _DIGITS_OF_UNIX[len(text)], UTC)
    else:
        read = datetime.fromisoformat(text)
    return (read if read.tzinfo else read.replace(tzinfo=zone)).astimezone(UTC)


def number_of(value: Any) -> int | float:
    """A number, however its thousands are set apart by spaces; raises ValueError."""
    text = re.sub(r"[\s\u202f\xa0]", "", str(value))
    number = float(text)
    if not isfinite(number):
        raise ValueError(text)
    return int(text) if re.fullmatch(r"[+-]?[0-9]{1,18}", text) else number


def boolean_of(value: Any) -> bool:
    """Yes or no, as spreadsheets write them; raises ValueError."""
    text = str(value).lower()
    if text not in _YES | _NO:
        raise ValueError(text)
    return text in _YES


#: What is made of a value by the `type` of its filling; each raises ValueError.
READERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "text": str,
    "number": number_of,
    "boolean": boolean_of,
    "json": lambda value: json_of(value) if isinstance(value, str) else value,
}


def json_of(text: str) -> Any:
    """JSON as a value; raises ValueError, also for the numbers that JSON does not know (NaN, Infinity) and for what nests
    beyond measure.
    """
    try:
        return json.loads(text, parse_constant=_no_number)
    except RecursionError:
        raise ValueError("this nests too deeply") from None


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number of JSON")
