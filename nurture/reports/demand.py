"""Demand: who comes, how, how long they stay, and whether more of them know whom they come to."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from operator import attrgetter
from typing import Final

from sqlalchemy import Connection

from nurture.domain.definitions import Definitions
from nurture.reports.comparing import change, compared, comparison, share
from nurture.reports.reach import Days, Reach
from nurture.reports.sheet import Column, Kind, Period, Plot, Remark, Report, Sheet, Value
from nurture.reports.spans import Cut, cut_off, days_of, months_of, weeks_of

_FIGURES: Final[tuple[tuple[str, Kind, Callable[[Reach], float | None]], ...]] = (
    ("visitors", "count", attrgetter("visitors")),
    ("new", "count", attrgetter("new")),
    ("returning", "count", attrgetter("returning")),
    ("visits", "count", attrgetter("visits")),
    ("organic", "count", attrgetter("organic")),
    ("aware", "share", attrgetter("aware")),
    ("views", "count", attrgetter("views")),
    ("deep", "count", attrgetter("deep")),
    ("plays", "count", attrgetter("plays")),
    ("downloads", "count", attrgetter("downloads")),
    ("seconds", "seconds", attrgetter("seconds")),
    ("seconds_per_visit", "seconds", attrgetter("seconds_per_visit")),
    ("seconds_per_visitor", "seconds", attrgetter("seconds_per_visitor")),
)

#: What each day, week and month is told of.
_OVER_TIME: Final[tuple[tuple[str, Kind], ...]] = (
    ("visitors", "count"), ("new", "count"), ("returning", "count"), ("visits", "count"), ("organic", "count"),
    ("views", "count"), ("deep", "count"), ("plays", "count"), ("downloads", "count"), ("seconds", "seconds"),
)  # fmt: skip


def build(connection: Connection, definitions: Definitions, period: Period, at: datetime) -> Report:
    """The report on demand; it asks the roll-ups eight questions, however long the period is."""
    days, earlier = Days(connection, period), Days(connection, period.before)
    now, before = days.of(period), earlier.of(period.before)
    sheets = (
        comparison("reach", compared(_FIGURES, now, before)),
        _over_time("by_day", "day", days_of, period, days),
        _over_time("by_week", "week", weeks_of, period, days),
        _over_time("by_month", "month", months_of, period, days),
        _channels(days.visits(period), earlier.visits(period.before)),
        _awareness(days, period),
    )
    nothing = () if now.visitors or now.visits else (Remark(code="nothing"),)
    return Report(
        name="demand", period=period, at=at, currency=definitions.reporting.currency, sheets=sheets, remarks=nothing
    )  # fmt: skip


def _over_time(name: str, along: str, cut: Cut, period: Period, days: Days) -> Sheet:
    return Sheet(
        name=name,
        columns=(Column(name=along, kind="day"), *(Column(name=figure, kind=kind) for figure, kind in _OVER_TIME)),
        rows=tuple((span.first, *_told(days.of(span))) for span in cut(period)),
        plot=Plot(form="line", along=along, columns=("visitors", "new", "returning")),
        remarks=cut_off(cut, period),
    )


def _told(reach: Reach) -> Iterable[Value]:
    return (getattr(reach, figure) for figure, _ in _OVER_TIME)


def _channels(now: Mapping[str, int], before: Mapping[str, int]) -> Sheet:
    visits = sum(now.values())
    rows = tuple(
        (channel, now.get(channel, 0), share(now.get(channel, 0), visits), before.get(channel, 0),
         change(now.get(channel, 0), before.get(channel, 0)))
        for channel in sorted({*now, *before}, key=lambda channel: (-now.get(channel, 0), channel))
    )  # fmt: skip
    former = sum(before.values())
    return Sheet(
        name="channels",
        columns=(
            Column(name="channel", kind="text"), Column(name="visits", bar=True), Column(name="share", kind="share"),
            Column(name="visits_before"), Column(name="change", kind="share"),
        ),
        rows=rows,
        total=(None, visits, share(visits, visits), former, change(visits, former)),
        plot=Plot(form="bar", along="channel", columns=("visits",)),
    )  # fmt: skip


def _awareness(days: Days, period: Period) -> Sheet:
    weeks = [(week.first, days.of(week)) for week in weeks_of(period)]
    return Sheet(
        name="awareness",
        columns=(
            Column(name="week", kind="day"), Column(name="visits"), Column(name="direct"), Column(name="branded"),
            Column(name="aware", kind="share", bar=True),
        ),
        rows=tuple((first, reach.visits, reach.direct, reach.branded, reach.aware) for first, reach in weeks),
        plot=Plot(form="line", along="week", columns=("aware",)),
        remarks=cut_off(weeks_of, period),
    )  # fmt: skip
