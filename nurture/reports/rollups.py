"""Reading the roll-ups: what any days come to, whatever the number of events behind them."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Mapping
from itertools import accumulate
from typing import Any, Final

from sqlalchemy import Connection, Integer, Select, case, cast, func, select

from nurture.adapters.database.tables import rollups
from nurture.domain.measuring.figures import PEOPLE
from nurture.reports.sheet import Period
from nurture.reports.spans import months_of, weeks_of

#: The day before it of somebody who had never been here: earlier than any.
_NEVER: Final = -1

_N = func.sum(rollups.c.n)


def total(connection: Connection, figure: str, period: Period) -> int:
    """All of a figure in a period."""
    return sum(by_key(connection, figure, period).values())


def by_key(connection: Connection, figure: str, period: Period) -> dict[str, int]:
    """A figure by its keys; what comes to nothing is left out."""
    asked = _of(select(rollups.c.key, _N), [figure], period).group_by(rollups.c.key)
    return {key: int(n) for key, n in connection.execute(asked) if n}


def by_day_and_key(connection: Connection, figure: str, period: Period) -> dict[tuple[int, str], int]:
    """A figure by day and key."""
    asked = _of(select(rollups.c.day, rollups.c.key, _N), [figure], period).group_by(rollups.c.day, rollups.c.key)
    return {(day, key): int(n) for day, key, n in connection.execute(asked) if n}


def by_figure_and_day(connection: Connection, figures: Collection[str], period: Period) -> dict[tuple[str, int], int]:
    """Several figures by their days, in one question."""
    asked = _of(select(rollups.c.figure, rollups.c.day, _N), figures, period).group_by(rollups.c.figure, rollups.c.day)
    return {(figure, day): int(n) for figure, day, n in connection.execute(asked) if n}


def by_figure_and_key(connection: Connection, figures: Collection[str], period: Period) -> dict[tuple[str, str], int]:
    """Several figures by their keys, in one question."""
    asked = _of(select(rollups.c.figure, rollups.c.key, _N), figures, period).group_by(rollups.c.figure, rollups.c.key)
    return {(figure, key): int(n) for figure, key, n in connection.execute(asked) if n}


def by_figure_day_and_key(connection: Connection, figures: Collection[str], period: Period) -> dict[tuple[str, int, str], int]:
    """Several figures by day and key, in one question."""
    by = rollups.c.figure, rollups.c.day, rollups.c.key
    asked = _of(select(*by, _N), figures, period).group_by(*by)
    return {(figure, day, key): int(n) for figure, day, key, n in connection.execute(asked) if n}


def people_in(connection: Connection, period: Period) -> tuple[int, int]:
    """Different people who were active in a period, and how many of them had never been before: summed as in `different`."""
    before = cast(func.nullif(rollups.c.key, ""), Integer)
    new, back = (func.sum(case((which, rollups.c.n), else_=0)) for which in (before.is_(None), before < period.first))
    counted, returned = connection.execute(_of(select(new, back), [PEOPLE], period)).one()
    return int(counted or 0) + int(returned or 0), int(counted or 0)


class Presence:
    """Who was here in a period, ready to be asked for spans within it: itself, its weeks, its months and its days."""

    def __init__(self, connection: Connection, period: Period) -> None:
        day, before = rollups.c.day, cast(func.nullif(rollups.c.key, ""), Integer)
        monday = day - (day + 3) % 7
        months = [month.first for month in months_of(period)]
        month = case(*((day >= first, first) for first in reversed(months)), else_=period.first)
        # Of the days before a day only this matters to a span that ends with it or later: whether they lie before its month, its week or
        # the period. So each is put beside others that lie alike, and a handful of rows is read for a day instead of hundreds.
        when = case(
            (before.is_(None), _NEVER),
            (before < period.first, period.first - 1),
            ((before >= monday) & (before >= month), day - 1),
            (before >= monday, month - 1),
            (before >= month, monday - 1),
            else_=period.first,
        )
        asked = _of(select(rollups.c.day, when, _N), [PEOPLE], period).group_by(rollups.c.day, when).order_by(rollups.c.day, when)
        self._beginnings = {period.first, *months, *(week.first for week in weeks_of(period))}
        self._before: dict[int, list[int]] = defaultdict(list)
        self._people: dict[int, list[int]] = defaultdict(list)
        for on, earlier, n in connection.execute(asked).all():
            self._before[on].append(earlier)
            self._people[on].append(int(n))
        self._people = {day: list(accumulate(people)) for day, people in self._people.items()}

    def different(self, span: Period) -> tuple[int, int]:
        """Different people who were here in a span, and how many of them had never been before.

        Raises ValueError for a span that begins elsewhere than it was read for: what it came to would be wrong.
        """
        if span.days > 1 and span.first not in self._beginnings:
            raise ValueError("these days begin neither with the period nor with a week or month of it; read them by themselves")
        days = [day for day in range(span.first, span.last + 1) if day in self._people]
        return sum(self._up_to(span.first, day) for day in days), sum(self._up_to(_NEVER + 1, day) for day in days)

    def _up_to(self, before: int, day: int) -> int:
        """How many people came on a day who had come last before another one, or never."""
        index = bisect_left(self._before[day], before)
        return self._people[day][index - 1] if index else 0


def different(came: Mapping[tuple[int, str], int], period: Period) -> tuple[int, int]:
    """As `people_in`, of those who came by day and by the day on which they had come before; other days may be among them.

    Exact for any span: of all the days of somebody in it, just the first has its day before outside.
    """
    within = [(before, n) for (day, before), n in came.items() if period.first <= day <= period.last]
    people = sum(n for before, n in within if not before or int(before) < period.first)
    return people, sum(n for before, n in within if not before)


def _of(asked: Select[Any], figures: Collection[str], period: Period) -> Select[Any]:
    return asked.where(rollups.c.figure.in_(figures), rollups.c.day.between(period.first, period.last))
