"""Roll-ups written by hand, and sheets read by the names of their columns."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, func, select

from nurture.adapters.database.tables import rollups, spend
from nurture.reports.sheet import Report, Sheet, Value

Figures = Mapping[tuple[str, int, str], int]


def fill(connection: Connection, figures: Figures) -> None:
    """Roll-ups by figure, day and key; each in two shards, as two writers leave them."""
    rows: list[dict[str, Any]] = [
        {"figure": figure, "day": day, "key": key, "shard": shard, "n": part}
        for (figure, day, key), n in figures.items()
        for shard, part in enumerate((n - n // 2, n // 2))
    ]
    connection.execute(rollups.insert(), rows)


def spent(connection: Connection, amount: int, first: int, last: int, **on: str) -> None:
    """So many cents spent on a channel or a campaign, from the first day to the last."""
    row = {"id": connection.scalar(select(func.count()).select_from(spend)), "currency": "EUR", "imported_at": datetime.now(UTC)}
    connection.execute(spend.insert().values({**row, "amount": amount, "first_day": first, "last_day": last, **on}))


def sheet(report: Report, name: str) -> Sheet:
    [found] = [each for each in report.sheets if each.name == name]
    return found


def rows(report: Report, name: str) -> list[dict[str, Value]]:
    """The rows of a sheet, each by the keys of its columns."""
    found = sheet(report, name)
    return [dict(zip([column.key for column in found.columns], row, strict=True)) for row in found.rows]


def by(report: Report, name: str, along: str) -> dict[Value, dict[str, Value]]:
    """The rows of a sheet by one of their columns."""
    return {row[along]: row for row in rows(report, name)}


def total(report: Report, name: str) -> dict[str, Value]:
    """The total of a sheet by the keys of its columns."""
    found = sheet(report, name)
    assert found.total is not None
    return dict(zip([column.key for column in found.columns], found.total, strict=True))


def figures(report: Report, name: str, column: str) -> list[float]:
    """The figures of a column; what is not known is nothing."""
    return [value for row in rows(report, name) if isinstance(value := row[column], int | float)]
