"""The reports there are, and the days that they are about."""

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from importlib import import_module
from typing import Final

from sqlalchemy import Connection, Engine, select

from nurture.adapters.database.tables import rollups
from nurture.domain.definitions import Definitions
from nurture.reports.figures import EPOCH
from nurture.reports.reading import snapshot
from nurture.reports.sheet import Period, Report, local_day

#: In the order in which they are read: how things are, then why, then what to do.
REPORTS: Final = ("overview", "demand", "leads", "sequences", "content", "channels", "cohorts", "diagnose")

#: Four whole weeks: each weekday as often as the others.
DAYS: Final = 28

#: As many days are shown at once.
MOST_DAYS: Final = 3660


class NoSuchDays(ValueError):
    """Days that cannot be shown, and why."""


Build = Callable[[Connection, Definitions, Period, datetime], Report]


def builder(name: str) -> Build:
    """What builds a report. It is imported only now: most processes build none."""
    build: Build = import_module(f"nurture.reports.{name}").build
    return build


def built(
    engine: Engine, definitions: Definitions, names: Sequence[str], at: datetime, *,
    first: date | None = None, last: date | None = None, days: int | None = None,
) -> list[Report]:  # fmt: skip
    """Reports on the same days, from one state of the database. Raises NoSuchDays, and Unavailable."""
    with snapshot(engine) as connection:
        on = period(connection, definitions.business_timezone, at, first=first, last=last, days=days)
        return [builder(name)(connection, definitions, on, at) for name in names]


def period(
    connection: Connection, timezone: str, at: datetime, *, first: date | None = None, last: date | None = None, days: int | None = None
) -> Period:  # fmt: skip
    """The days that somebody asks for: 28 that end yesterday, for today is not over and would look like a decline.

    Where nothing was counted before today they end today: whoever has just begun wants to see something. Raises
    NoSuchDays for days that cannot be.
    """
    if None not in (first, last, days):
        raise NoSuchDays("give the first and the last day, or how many days, not all three")
    if first is not None and days is not None:
        last = first + timedelta(days=days - 1)
    today = local_day(at, timezone)
    ends = (last - EPOCH).days if last is not None else _latest(connection, today)
    begins = (first - EPOCH).days if first is not None else ends + 1 - (days or DAYS)
    if begins > ends:
        raise NoSuchDays("these days end before they begin")
    if begins < 0 or ends > today + MOST_DAYS or ends - begins >= MOST_DAYS:
        raise NoSuchDays("these days are too many, or too far away; ten years can be shown at once")
    return Period(first=begins, last=ends, timezone=timezone)


def _latest(connection: Connection, today: int) -> int:
    before = connection.scalar(select(rollups.c.day).where(rollups.c.day < today).limit(1))
    return today if before is None else today - 1
