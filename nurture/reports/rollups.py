"""Reading the roll-ups: what any days come to, whatever the number of events behind them."""

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import Connection, Integer, Select, case, cast, func, select

from nurture.adapters.database.tables import rollups
from nurture.domain.measuring.figures import PEOPLE
from nurture.reports.sheet import Period

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


def different(came: Mapping[tuple[int, str], int], period: Period) -> tuple[int, int]:
    """As `people_in`, of those who came by day and by the day on which they had come before; other days may be among them.

    Exact for any span: of all the days of somebody in it, just the first has its day before outside.
    """
    within = [(before, n) for (day, before), n in came.items() if period.first <= day <= period.last]
    people = sum(n for before, n in within if not before or int(before) < period.first)
    return people, sum(n for before, n in within if not before)


def _of(asked: Select[Any], figures: Collection[str], period: Period) -> Select[Any]:
    return asked.where(rollups.c.figure.in_(figures), rollups.c.day.between(period.first, period.last))
