"""Figures as a language writes them: `1,234.5 %` is `1 234,5 %` in French, and money carries its currency.

Separators, spaces and the order of things are those of Unicode's CLDR, by Babel.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from string import Formatter
from typing import Any, Final, get_args
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_skeleton, format_time
from babel.numbers import format_currency, format_decimal, format_percent
from babel.units import format_unit

from nurture.reports.sheet import Kind, Value, date_of

#: Stands for a figure that is not known, or for a quotient of nothing.
UNKNOWN: Final = "–"

_HUNDREDTHS: Final = Decimal(100)

#: A span is told in the largest unit of which there is one: seconds in it, and Babel's name.
_SPANS: Final = ((86_400, "duration-day"), (3600, "duration-hour"), (60, "duration-minute"), (1, "duration-second"))


class Numerals:
    """Writes figures for one reader."""

    def __init__(self, language: str, currency: str, timezone: str = "UTC") -> None:
        self._locale = Locale.parse(language)
        self._currency = currency
        self._zone = ZoneInfo(timezone)
        self._percent = self._locale.percent_formats[None].pattern.replace("##0", "##0.0")
        self._writes: Mapping[str, Callable[[Any], str]] = {
            "count": lambda n: self._decimal(n, "#,##0"),
            "credit": lambda n: self._decimal(n, "#,##0.##"),
            "share": lambda part: str(format_percent(part, self._percent, self._locale)),
            "money": self._money,
            "days": lambda days: self._span(timedelta(days=days)),
            "seconds": lambda seconds: self._span(timedelta(seconds=seconds)),
            "points": lambda points: self._decimal(points, "#,##0.#"),
            "ratio": lambda factor: f"×\u202f{self._decimal(factor, '#,##0.0#')}",
            "day": lambda day: format_date(date_of(day), "medium", self._locale),
            "instant": self._instant,
        }

    def write(self, kind: Kind, value: Value) -> str:
        """A value of a kind; a text as it is."""
        if value is None:
            return UNKNOWN
        return self._writes[kind](value) if kind in self._writes else str(value)

    def short_day(self, day: int) -> str:
        """A day without its year, for an axis: `Mar 2`, `2 mars`."""
        return format_skeleton("MMMd", datetime.combine(date_of(day), datetime.min.time()), locale=self._locale)

    def fill(self, words: str, values: Mapping[str, Value]) -> str:
        """Words whose braces are filled with values."""
        return _Filling(self).vformat(words, (), values)

    def _decimal(self, value: float, pattern: str) -> str:
        return str(format_decimal(value, pattern, self._locale))

    def _money(self, hundredths: float) -> str:
        return str(format_currency(Decimal(hundredths) / _HUNDREDTHS, self._currency, locale=self._locale))

    def _span(self, span: timedelta) -> str:
        seconds = span.total_seconds()
        size, unit = next(((size, unit) for size, unit in _SPANS if abs(seconds) >= size), _SPANS[-1])
        return str(format_unit(seconds / size, unit, "short", "#,##0.#", self._locale))

    def _instant(self, at: str) -> str:
        local = datetime.fromisoformat(at).astimezone(self._zone)
        return f"{format_date(local, 'medium', self._locale)}, {format_time(local, 'short', self._zone, self._locale)}"


class _Filling(Formatter):
    def __init__(self, numerals: Numerals) -> None:
        self._numerals = numerals

    def format_field(self, value: Any, format_spec: str) -> str:
        if format_spec and format_spec not in get_args(Kind):
            raise ValueError(f"{format_spec!r} is no kind of figure")
        kind: Any = format_spec or {int: "count", float: "points"}.get(type(value), "text")
        return self._numerals.write(kind, value)
