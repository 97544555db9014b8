"""Local time: when a window opens for somebody. Instants are UTC outside; a zone appears only inside a computation."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from nurture.domain.window import WEEKDAYS, Window

#: Tells whether a date is a public holiday in a country (ISO 3166).
IsHoliday = Callable[[date, str], bool]

#: The main zone of countries where one zone covers nearly everybody; used when a person's own zone is unknown.
ZONE_OF_COUNTRY: Final[Mapping[str, str]] = {
    "AT": "Europe/Vienna", "BE": "Europe/Brussels", "CH": "Europe/Zurich", "CZ": "Europe/Prague", "DE": "Europe/Berlin",
    "DK": "Europe/Copenhagen", "ES": "Europe/Madrid", "FI": "Europe/Helsinki", "FR": "Europe/Paris", "GB": "Europe/London",
    "IE": "Europe/Dublin", "IN": "Asia/Kolkata", "IT": "Europe/Rome", "JP": "Asia/Tokyo", "KR": "Asia/Seoul",
    "LU": "Europe/Luxembourg", "MA": "Africa/Casablanca", "NL": "Europe/Amsterdam", "NO": "Europe/Oslo",
    "PL": "Europe/Warsaw", "PT": "Europe/Lisbon", "SE": "Europe/Stockholm", "SG": "Asia/Singapore", "TN": "Africa/Tunis",
}  # fmt: skip

#: A window that finds no open day within this span never opens (every day a holiday, say).
_HORIZON: Final = 400


def _zone(name: Any) -> ZoneInfo | None:
    if not isinstance(name, str) or not name:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def zone_for(window: Window, attributes: Mapping[str, Any], business_zone: str) -> ZoneInfo:
    """The zone a window is read in: its own, or the person's, or their country's, or the business's."""
    if window.timezone != "person":
        return ZoneInfo(window.timezone)
    country = attributes.get("country")
    return (
        _zone(attributes.get("timezone"))
        or _zone(ZONE_OF_COUNTRY.get(country.upper()) if isinstance(country, str) else None)
        or _zone(business_zone)
        or ZoneInfo("UTC")
    )


def next_opening(window: Window, zone: ZoneInfo, at: datetime, is_holiday: IsHoliday) -> datetime:
    """The first instant from `at` on (aware; UTC returned) at which the window is open in `zone`.

    An opening hour that the clock skips in spring moves forward with it; one that comes twice in autumn counts once.
    """
    for opens, closes in _spans(window, zone, at, is_holiday):
        if at < closes:
            return max(at, opens).astimezone(UTC)
    raise ValueError("this window never opens; give it more days or hours")


def _spans(window: Window, zone: ZoneInfo, at: datetime, is_holiday: IsHoliday) -> Iterator[tuple[datetime, datetime]]:
    """When the window opens and closes (UTC), from the day before `at` on; days on which it stays shut are left out."""
    yesterday = at.astimezone(zone).date() - timedelta(days=1)
    for day in (yesterday + timedelta(days=offset) for offset in range(_HORIZON)):
        if WEEKDAYS[day.weekday()] not in window.days or (window.holidays is not None and is_holiday(day, window.holidays)):
            continue
        opens, closes = _span(window, zone, day)
        # A day that a zone skipped at the date line never came; hours that the spring change swallows whole do not either.
        if opens.astimezone(zone).date() == day and opens < closes:
            yield opens, closes


def _span(window: Window, zone: ZoneInfo, day: date) -> tuple[datetime, datetime]:
    last = day if window.hours.closes > window.hours.opens else day + timedelta(days=1)
    opens, closes = datetime.combine(day, window.hours.opens, zone), datetime.combine(last, window.hours.closes, zone)
    return opens.astimezone(UTC), closes.astimezone(UTC)
