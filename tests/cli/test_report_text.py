"""Reports in a terminal of any width: no figure is cut, and no row loses what it is about."""

from datetime import UTC, datetime
from io import StringIO

import pytest
from rich.console import Console

from nurture.cli.report_text import lines
from nurture.reports.sheet import Column, Period, Plot, Report, Sheet
from nurture.reports.told import told
from nurture.reports.words import ReportWords

PAGES = ("/blog/the-95-5-rule", "/guide", "/")


def wide(columns: int) -> Report:
    """A sheet with a bar and many figures, none of which is like another."""
    rows = tuple((page, *(1_000 * (place + 1) + number for place in range(columns))) for number, page in enumerate(PAGES))
    sheet = Sheet(
        name="wide",
        columns=(Column(name="page", kind="text"), *(Column(name=f"figure_{n}", bar=n == 0) for n in range(columns))),
        rows=rows,
        plot=Plot(form="bar", along="page", columns=("figure_0",)),
    )
    at = datetime(2026, 3, 2, tzinfo=UTC)
    return Report(name="wide", period=Period(first=1, last=2), at=at, currency="EUR", sheets=(sheet,))


def printed(report: Report, width: int) -> str:
    names = {column.name: f"a long title of {column.name}" for column in report.sheets[0].columns}
    words = ReportWords(title="Wide", columns=names)
    console = Console(width=width, file=StringIO(), color_system=None)
    for each in lines(told(report, "en", words), "en", width):
        console.print(each)
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize("width", [40, 60, 80, 100, 140, 240])
@pytest.mark.parametrize("columns", [1, 4, 9, 14])
def test_every_figure_is_told_whole_and_every_row_by_its_name(width: int, columns: int) -> None:
    report = wide(columns)
    found = printed(report, width)
    words = found.split()
    for row in report.sheets[0].rows:
        assert all(f"{figure:,}" in words for figure in row[1:])
        assert row[0] in words
    assert all(f"figure_{n}" in words for n in range(columns))
    assert max(len(line) for line in found.splitlines()) <= width


def test_a_bar_is_drawn_only_where_there_is_room_for_it() -> None:
    assert "█" in printed(wide(4), 140)
    assert "█" not in printed(wide(9), 80)
