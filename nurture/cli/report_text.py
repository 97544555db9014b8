"""A report in a terminal: a table for each sheet, with bars where there is room for them."""

from collections.abc import Iterator
from typing import Final

from rich.box import SIMPLE_HEAD
from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from nurture.cli.printing import clean
from nurture.reports.told import ToldCell, ToldReport, ToldSheet
from nurture.reports.words import common_words

#: The longest bar, in characters, by how wide the terminal is at least.
_BARS: Final = ((120, 28), (90, 16), (64, 8))

#: A full block, and what is left of one in eighths.
_BLOCK: Final = "█"
_EIGHTHS: Final = ("", "▏", "▎", "▍", "▌", "▋", "▊", "▉")


def lines(report: ToldReport, language: str, width: int) -> Iterator[RenderableType]:
    """What is to be printed, one after another, on a terminal of so many characters."""
    common = common_words(language)
    yield Text(clean(report.title), style="bold")
    yield Text(clean(f"{report.period}, {report.as_of}"), style="dim")
    for remark in report.remarks:
        yield Text(clean(remark))
    longest = next((bar for least, bar in _BARS if width >= least), 0)
    for sheet in report.sheets:
        yield ""
        yield Text(clean(sheet.title), style="bold")
        if sheet.about:
            yield Text(clean(sheet.about), style="dim")
        if sheet.rows:
            yield _table(sheet, common["total"], longest)
        elif not sheet.remarks:
            yield Text(common["nothing"])
        for remark in sheet.remarks:
            yield Padding(Text(clean(remark)), (0, 0, 0, 1))


def bar(part: float, longest: int) -> str:
    """A bar as long as its part of the longest, to an eighth of a character."""
    full, eighths = divmod(round(min(part, 1.0) * longest * 8), 8)
    return _BLOCK * full + _EIGHTHS[eighths]


def _table(sheet: ToldSheet, total: str, longest: int) -> Table:
    barred = _barred(sheet) if longest else frozenset()
    table = Table(box=SIMPLE_HEAD, show_footer=sheet.total is not None, pad_edge=False)
    for place, column in enumerate(sheet.columns):
        footer = _footer(sheet.total, place, total)
        table.add_column(
            clean(column.title), footer, justify="right" if column.is_figure else "left", overflow="fold", no_wrap=not column.is_words
        )  # fmt: skip
        if place in barred:
            table.add_column("", no_wrap=True, min_width=longest)
    for row in sheet.rows:
        table.add_row(*_cells(row, barred, longest))
    return table


def _barred(sheet: ToldSheet) -> frozenset[int]:
    """The columns with a bar: those that ask for one, else the first one of the plot."""
    asked = frozenset(place for place, column in enumerate(sheet.columns) if column.has_bar)
    return asked or frozenset(() if sheet.plot is None else (sheet.plot.first,))


def _footer(total: tuple[ToldCell, ...] | None, place: int, word: str) -> str:
    if total is None:
        return ""
    return clean(total[place].text) or (word if place == 0 else "")


def _cells(row: tuple[ToldCell, ...], barred: frozenset[int], longest: int) -> Iterator[str]:
    for place, cell in enumerate(row):
        yield clean(cell.text)
        if place in barred:
            yield bar(cell.bar or 0.0, longest)
