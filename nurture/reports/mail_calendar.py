"""A calendar of simulated mails as one page of HTML that asks nobody for anything: no script, no font, no picture from elsewhere."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from nurture.reports.wording import counted
from nurture.simulation.calendar import Day

_WEEKDAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")

#: How much of the colour a day with a single mail gets at least, so that it is seen.
_LEAST_HEAT: Final = 0.08


def mail_calendar(days: Sequence[Day], title: str, zone: str) -> str:
    """The page: a week a row, each day the warmer the more mails went out on it; days are those of `zone`."""
    pages = Environment(loader=PackageLoader("nurture.reports", "templates"), autoescape=True, undefined=StrictUndefined)
    mails = sum(day.total for day in days)
    span = f", {days[0].day} to {days[-1].day}" if days else ""
    return pages.get_template("mail_calendar.html").render(
        title=title,
        summary=f"{counted(mails, 'mail')}{span}; days of {zone}. Simulated: nothing was mailed.",
        weekdays=_WEEKDAYS,
        weeks=list(_weeks(days)),
        mails=list(_mails(days)),
    )


def _weeks(days: Sequence[Day]) -> Iterator[dict[str, Any]]:
    by_day = {day.day: day for day in days}
    most = max((day.total for day in days), default=0)
    monday = days[0].day - timedelta(days=days[0].day.weekday()) if days else date.max
    while days and monday <= days[-1].day:
        week = [by_day.get(monday + timedelta(days=number)) for number in range(7)]
        yield {"begins": monday, "days": [None if day is None else _cell(day, most) for day in week]}
        monday += timedelta(days=7)


def _cell(day: Day, most: int) -> dict[str, Any]:
    told = ", ".join(f"{name}: {count}" for name, count in sorted(day.mails.items())) or "no mail"
    heat = round(max(day.total / most, _LEAST_HEAT), 2) if day.total else 0.0
    return {"number": day.day.day, "total": day.total, "heat": heat, "told": f"{day.day}: {told}"}


def _mails(days: Sequence[Day]) -> Iterator[dict[str, Any]]:
    names = {name for day in days for name in day.mails}
    totals = {name: [day.mails.get(name, 0) for day in days] for name in names}
    for name, counts in sorted(totals.items(), key=lambda item: (-sum(item[1]), item[0])):
        yield {"name": name, "total": sum(counts), "most": max(counts)}
