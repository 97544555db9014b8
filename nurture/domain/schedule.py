"""Local time: when a window opens for somebody. Instants are UTC outside; a zone appears only inside a computation.

Three rules hold everywhere. An hour that the clock skips in spring moves forward with it; one that comes twice in autumn
counts once, the first time; a day that a zone skipped at the date line never came.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any, Final, Literal, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from nurture.domain.countries import MAIN_ZONE
from nurture.domain.window import PERSON, WEEKDAYS, Hours, Window

#: Tells whether a date is a public holiday in a country (ISO 3166).
IsHoliday = Callable[[date, str], bool]

#: What gave the zone: the window itself, the person's own zone, their country, or the business.
ZoneSource = Literal["window", "person", "country", "business"]

#: A window that finds no open day within this span never opens (every day a holiday, say).
_HORIZON: Final = 400

_ONE_DAY: Final = timedelta(days=1)
_ONE_SECOND: Final = timedelta(seconds=1)


class Calendar(NamedTuple):
    """What a computation of local time rests on: the business's zone, and which days are public holidays."""

    zone: str
    is_holiday: IsHoliday


class Local(NamedTuple):
    """The zone in which a window is read for somebody, what gave it, and the country whose public holidays count."""

    zone: ZoneInfo
    source: ZoneSource
    holidays: str | None


def local_for(window: Window, facts: Mapping[str, Any], calendar: Calendar) -> Local:
    """Whose clock and whose holidays a window goes by for the person with these facts."""
    zone, source = _zone_of(window, facts, calendar.zone)
    return Local(zone, source, _country_in(facts) if window.holidays == PERSON else window.holidays)


def _zone_of(window: Window, facts: Mapping[str, Any], business: str) -> tuple[ZoneInfo, ZoneSource]:
    for fallback in window.fallbacks:
        match fallback:
            case "person":
                zone = _zone_named(facts.get("timezone"))
            case "country":
                zone = _zone_named(MAIN_ZONE.get(_country_in(facts) or ""))
            case named:
                return ZoneInfo(named), "window"
        if zone is not None:
            return zone, fallback
    return _zone_named(business) or ZoneInfo("UTC"), "business"


def _country_in(facts: Mapping[str, Any]) -> str | None:
    country = facts.get("country")
    return country.upper() if isinstance(country, str) and len(country) == 2 else None  # noqa: PLR2004 - ISO 3166


def _zone_named(name: Any) -> ZoneInfo | None:
    return _zone(name) if isinstance(name, str) and name else None


@lru_cache(maxsize=4096)
def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def opening(window: Window, facts: Mapping[str, Any], calendar: Calendar, at: datetime, key: int = 0) -> datetime:
    """The first instant from `at` on (aware; UTC returned) at which the window is open for the person with these facts.

    Whoever has to wait for it comes a share of the window's `spread` later, which `key` decides (63 bits, evenly
    distributed, such as a stable id). Raises ValueError if the window never opens.
    """
    if window.is_always_open:
        return at.astimezone(UTC)
    for span in _spans(window, local_for(window, facts, calendar), calendar.is_holiday, at):
        if at < span.closes:
            return at.astimezone(UTC) if span.opens <= at else _spread(span, window.spread, key)
    raise _never_opens()


def next_window(window: Window, facts: Mapping[str, Any], calendar: Calendar, at: datetime, key: int = 0) -> datetime:
    """When the window opens the next time after `at` (UTC), even if it is open then; spread as in `opening`.

    A window that never shuts has no next opening: `at` itself. Raises ValueError if the window never opens.
    """
    if window.is_always_open:
        return at.astimezone(UTC)
    for span in _spans(window, local_for(window, facts, calendar), calendar.is_holiday, at):
        if at < span.opens:
            return _spread(span, window.spread, key)
    raise _never_opens()


def open_time_after(window: Window, facts: Mapping[str, Any], calendar: Calendar, at: datetime, length: timedelta) -> datetime:
    """When a window has been open for `length` since `at` (UTC). Raises ValueError if it is not open for so long in more than a year."""
    if window.is_always_open:
        return at.astimezone(UTC) + length
    left = length
    for span in _spans(window, local_for(window, facts, calendar), calendar.is_holiday, at):
        opens = max(span.opens, at.astimezone(UTC))
        if left <= span.closes - opens:
            return opens + left
        left -= max(span.closes - opens, timedelta())
    raise _never_opens()


def instant_of(day: date, clock: time, zone: ZoneInfo) -> datetime:
    """When a clock in `zone` first shows `clock` on `day` (UTC); where it skips that, as much later as the clock jumps."""
    # Fold 0 is the first of two equal hours; inside a gap it means the offset from before, which lands behind the gap.
    return datetime.combine(day, clock.replace(fold=0), zone).astimezone(UTC)


@lru_cache(maxsize=16_384)
def came(day: date, zone: ZoneInfo) -> bool:
    """Whether `zone` ever had that date: at the date line, some skipped one."""
    return instant_of(day, time(0), zone) < instant_of(day + _ONE_DAY, time(0), zone)


class _Span(NamedTuple):
    """From when (included) to when (excluded) a window is open; UTC."""

    opens: datetime
    closes: datetime


def _spans(window: Window, local: Local, is_holiday: IsHoliday, at: datetime) -> Iterator[_Span]:
    """When the window is open, from the day before `at` on; days on which it stays shut are left out."""
    zone, _, country = local
    days, hours = window.days, window.hours
    day = at.astimezone(zone).date() - _ONE_DAY
    for _ in range(_HORIZON):
        if WEEKDAYS[day.weekday()] in days and not (country is not None and is_holiday(day, country)):
            span = _span(hours, zone, day)
            if span is not None:
                yield span
        day += _ONE_DAY


@lru_cache(maxsize=16_384)
def _span(hours: Hours, zone: ZoneInfo, day: date) -> _Span | None:
    """The hours of that day; None if the day never came, or if the spring change swallows them whole."""
    if not came(day, zone):
        return None
    last = day if hours.closes > hours.opens else day + _ONE_DAY
    span = _Span(instant_of(day, hours.opens, zone), instant_of(last, hours.closes, zone))
    return span if span.opens < span.closes else None


def _spread(span: _Span, length: timedelta | None, key: int) -> datetime:
    """The opening, or the share of `length` after it that `key` decides, in whole seconds; never past the end of the span."""
    if length is None:
        return span.opens
    seconds = min(length, span.closes - span.opens) // _ONE_SECOND
    return span.opens + timedelta(seconds=seconds * key >> 63)


def _never_opens() -> ValueError:
    return ValueError("this window never opens; give it more days or hours")
