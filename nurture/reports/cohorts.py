"""Cohorts: who came back of those who first came together, and how far leads of one month have got.

A cohort needs time to show what becomes of it, so these sheets look back further than the period where that is short.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from nurture.domain.definitions import Definitions
from nurture.domain.measuring.days import monday_of, month_of
from nurture.domain.measuring.figures import COHORT, REACHED_BY_COHORT
from nurture.reports.comparing import share
from nurture.reports.rollups import by_day_and_key, by_figure_day_and_key
from nurture.reports.sheet import Column, Period, Remark, Report, Sheet, Value, date_of, local_day
from nurture.reports.spans import months_of, weeks_of
from nurture.reports.stages import milestones, reached

#: As many weeks and months are told of at least, up to the end of the period.
WEEKS: Final = 8
MONTHS: Final = 6

#: How many months after that of the lead are told apart.
_WITHIN: Final = (0, 1, 2, 3, 6, 12)


def build(connection: Connection, definitions: Definitions, period: Period, at: datetime) -> Report:
    """The report on cohorts, from two questions to the roll-ups."""
    today = local_day(at, period.timezone)
    sheets = (_weeks(connection, period, today), *_months(connection, definitions, period, today))
    return Report(name="cohorts", period=period, at=at, currency=definitions.reporting.currency, sheets=sheets)


def _weeks(connection: Connection, period: Period, today: int) -> Sheet:
    """By the week of somebody's first day: how many were here, and which part of them came back in each week after it."""
    begins = min(monday_of(period.first), monday_of(period.last) - 7 * (WEEKS - 1))
    ends = min(today, monday_of(period.last) + 7 * WEEKS - 1)
    looked_at = period.model_copy(update={"first": begins, "last": ends})
    here: Counter[tuple[int, int]] = Counter()
    for (day, cohort), n in by_day_and_key(connection, COHORT, looked_at).items():
        here[int(cohort), (monday_of(day) - int(cohort)) // 7] += n
    mondays = [week.first for week in weeks_of(period.model_copy(update={"first": begins}))]
    rows = [(monday, *_came_back(monday, here, today)) for monday in mondays if here[monday, 0]]
    return Sheet(
        name="weeks",
        columns=(
            Column(name="week", kind="day"), Column(name="people", bar=True),
            *(Column(name="back", kind="share", of=str(after)) for after in range(1, WEEKS)),
        ),
        rows=tuple(rows),
        remarks=(Remark(code="unfinished"),) if rows else (),
    )  # fmt: skip


def _came_back(monday: int, here: Mapping[tuple[int, int], int], today: int) -> Iterator[Value]:
    size = here[monday, 0]
    yield size
    for after in range(1, WEEKS):
        is_over = monday + 7 * (after + 1) <= today
        yield share(here[monday, after], size) if is_over else None


def _months(connection: Connection, definitions: Definitions, period: Period, today: int) -> Iterator[Sheet]:
    """By the month in which people became a lead: how many have reached each further stage by now, and how soon."""
    lead, *further = stages = reached(definitions.lifecycle)
    begins = min(month_of(period.first), _months_before(month_of(period.last), MONTHS - 1))
    looked_at = period.model_copy(update={"first": begins, "last": today})
    came: Counter[tuple[str, int, int]] = Counter()
    figures = {REACHED_BY_COHORT.format(stage): stage for stage in stages}
    for (figure, day, cohort), n in by_figure_day_and_key(connection, [*figures], looked_at).items():
        came[figures[figure], int(cohort), _months_between(int(cohort), day)] += n
    months = [month.first for month in months_of(period.model_copy(update={"first": begins}))]
    sizes = {month: came[lead, month, 0] for month in months if came[lead, month, 0]}
    yield _by_now(sizes, further, came, milestones(definitions.lifecycle)[1:])
    yield _within(sizes, further, came, today)


def _by_now(
    sizes: Mapping[int, int], stages: list[str], came: Mapping[tuple[str, int, int], int], shared: Sequence[str]
) -> Sheet:
    """How many have come to each stage; to those of `shared`, also which part of them."""
    rows = []
    for month, leads in sizes.items():
        by_stage = {stage: _so_far(stage, month, came) for stage in stages}
        rows.append((month, leads, *by_stage.values(), *(share(by_stage[stage], leads) for stage in shared)))
    of_stages = (
        *(Column(name="came_to", of=stage) for stage in stages),
        *(Column(name="came_share", kind="share", of=stage) for stage in shared),
    )
    columns = (Column(name="month", kind="day"), Column(name="leads", bar=True), *of_stages)
    return Sheet(name="months", columns=columns, rows=tuple(rows))


def _within(sizes: Mapping[int, int], stages: list[str], came: Mapping[tuple[str, int, int], int], today: int) -> Sheet:
    """Which part of a month's leads had reached a stage by the end of so many months after it."""
    rows = [
        (month, stage, leads, *(
            share(_so_far(stage, month, came, months), leads) if _months_between(month, today) > months else None
            for months in _WITHIN
        ))
        for month, leads in sizes.items() for stage in stages if _so_far(stage, month, came)
    ]  # fmt: skip
    columns = (
        Column(name="month", kind="day"), Column(name="stage", kind="text"), Column(name="leads"),
        *(Column(name="within", kind="share", of=str(months)) for months in _WITHIN),
    )  # fmt: skip
    return Sheet(name="pace", columns=columns, rows=tuple(rows), remarks=(Remark(code="unfinished"),) if rows else ())


def _so_far(stage: str, month: int, came: Mapping[tuple[str, int, int], int], months: int | None = None) -> int:
    """Who of a month's leads reached a stage up to so many months after it; without a number, up to now."""
    return sum(
        n for (each, cohort, after), n in came.items() if each == stage and cohort == month and (months is None or after <= months)
    )  # fmt: skip


def _months_between(earlier: int, later: int) -> int:
    one, other = date_of(earlier), date_of(later)
    return (other.year - one.year) * 12 + other.month - one.month


def _months_before(month: int, many: int) -> int:
    for _ in range(many):
        month = month_of(month - 1)
    return month
