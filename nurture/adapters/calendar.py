"""Public holidays, from the library that keeps them."""

from datetime import date
from functools import lru_cache

import holidays


@lru_cache(maxsize=1024)
def _holidays_of(country: str, year: int) -> frozenset[date]:
    try:
        return frozenset(holidays.country_holidays(country, years=year))
    except NotImplementedError:
        return frozenset()


def is_holiday(day: date, country: str) -> bool:
    """Whether a date is a public holiday in a country (ISO 3166); a country the library does not know has none."""
    return day in _holidays_of(country, day.year)


def is_known_country(country: str) -> bool:
    """Whether the library keeps the holidays of a country."""
    return country in holidays.list_supported_countries()
