"""Reading the roll-ups: what any days come to, whatever the number of events behind them."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, Select, func, select

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


def by_day(connection: Connection, figure: str, period: Period) -> dict[int, int]:
    """A figure by its days; days without any are left out."""
    asked = _of(select(rollups.c.day, _N), [figure], period).group_by(rollups.c.day)
    return {day: int(n) for day, n in connection.execute(asked) if n}


def by_day_and_key(connection: Connection, figure: str, period: Period) -> dict[tuple[int, str], int]:
    """A figure by day and key."""
    asked = _of(select(rollups.c.day, rollups.c.key, _N), [figure], period).group_by(rollups.c.day, rollups.c.key)
    return {(day, key): int(n) for day, key, n in connection.execute(asked) if n}


def by_figure_and_key(connection: Connection, figures: Collection[str], period: Period) -> dict[tuple[str, str], int]:
    """Several figures by their keys, in one question."""
    asked = _of(select(rollups.c.figure, rollups.c.key, _N), figures, period).group_by(rollups.c.figure, rollups.c.key)
    return {(figure, key): int(n) for figure, key, n in connection.execute(asked) if n}


def people_in(connection: Connection, period: Period) -> tuple[int, int]:
    """Different people who were active in a period, and how many of them had never been before.

    Exact for any span: of all the days of somebody in it, just the first has its day before outside.
    """
    came = by_day_and_key(connection, PEOPLE, period)
    different = sum(n for (_, before), n in came.items() if not before or int(before) < period.first)
    return different, sum(n for (_, before), n in came.items() if not before)


def _of(asked: Select[Any], figures: Collection[str], period: Period) -> Select[Any]:
    return asked.where(rollups.c.figure.in_(figures), rollups.c.day.between(period.first, period.last))
