"""A report in a terminal: a table for each sheet, with bars where there is room for them."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import takewhile
from textwrap import fill
from typing import Final, Literal

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from nurture.cli.printing import clean
from nurture.reports.told import ToldCell, ToldReport, ToldSheet
from nurture.reports.words import common_words

#: The longest bar, in characters, by how wide the terminal is at least.
_BARS: Final = ((120, 28), (90, 16), (64, 8))

#: What stands between two columns, and what a column of words needs before it is broken into lines.
_GAP: Final = 3
_WORDS: Final = 24

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
    for sheet in report.sheets:
        yield ""
        yield Text(clean(sheet.title), style="bold")
        if sheet.about:
            yield Text(clean(sheet.about), style="dim")
        if sheet.rows:
            yield from _tables(sheet, common["total"], width)
        elif not sheet.remarks:
            yield Text(common["nothing"])
        for remark in sheet.remarks:
            yield Padding(Text(clean(remark)), (0, 0, 0, 1))


def bar(part: float, longest: int) -> str:
    """A bar as long as its part of the longest, to an eighth of a character."""
    full, eighths = divmod(round(min(part, 1.0) * longest * 8), 8)
    return _BLOCK * full + _EIGHTHS[eighths]


def _tables(sheet: ToldSheet, total: str, width: int) -> Iterator[Table]:
    """The sheet as one table if it fits: else titles are broken into lines, then bars are left out, then it is told in several."""
    titles = [clean(column.title) for column in sheet.columns]
    broken = [_broken(title, _widest(sheet, place, total)) for place, title in enumerate(titles)]
    longest = next((bar for least, bar in _BARS if width >= least), 0)
    barred = _barred(sheet) if longest else frozenset[int]()
    everything = range(len(titles))
    for names, bars in ((titles, barred), (broken, barred), (titles, frozenset[int]()), (broken, frozenset[int]())):
        if sum(_widths(sheet, names, total)) + len(bars) * (longest + _GAP) <= width:
            yield _table(sheet, names, everything, bars, longest, total)
            return
    for places in _parts(sheet, _widths(sheet, broken, total), width):
        yield _table(sheet, broken, places, frozenset(), longest, total)


def _parts(sheet: ToldSheet, widths: Sequence[int], width: int) -> Iterator[list[int]]:
    """The columns of each table of several; all begin with what the rows are about."""
    stub = [place for place, _ in takewhile(lambda pair: not pair[1].is_figure, enumerate(sheet.columns))]
    part: list[int] = []
    for place in range(len(stub), len(widths)):
        if part and sum(widths[each] for each in [*stub, *part, place]) > width:
            yield [*stub, *part]
            part = []
        part.append(place)
    yield [*stub, *part]


def _table(
    sheet: ToldSheet, titles: Sequence[str], places: Sequence[int], barred: Collection[int], longest: int, total: str
) -> Table:
    table = Table(box=SIMPLE_HEAD, show_footer=sheet.total is not None, pad_edge=False)
    for place in places:
        column, footer = sheet.columns[place], _footer(sheet.total, place, total)
        justify: Literal["left", "right"] = "right" if column.is_figure else "left"
        table.add_column(titles[place], footer, justify=justify, overflow="fold", no_wrap=not column.is_words)
        if place in barred:
            table.add_column("", no_wrap=True, min_width=longest)
    for row in sheet.rows:
        table.add_row(*_cells(row, places, barred, longest))
    return table


def _widths(sheet: ToldSheet, titles: Sequence[str], total: str) -> list[int]:
    """What each column takes, with what parts it from the next; words are broken into lines where they are many."""
    widths = []
    for place, (title, column) in enumerate(zip(titles, sheet.columns, strict=True)):
        needed = max(_widest(sheet, place, total), *(cell_len(line) for line in title.split("\n")))
        widths.append((min(needed, _WORDS) if column.is_words else needed) + _GAP)
    return widths


def _widest(sheet: ToldSheet, place: int, total: str) -> int:
    """The longest cell of a column."""
    cells = [clean(row[place].text) for row in sheet.rows]
    return max(cell_len(cell) for cell in [*cells, _footer(sheet.total, place, total)])


def _broken(title: str, width: int) -> str:
    """A title in lines no longer than the figures below it, or than its longest word."""
    longest_word = max((cell_len(word) for word in title.split()), default=1)
    return fill(title, max(width, longest_word), break_long_words=False, break_on_hyphens=False)


def _barred(sheet: ToldSheet) -> frozenset[int]:
    """The columns with a bar: those that ask for one, else the first one of the plot."""
    asked = frozenset(place for place, column in enumerate(sheet.columns) if column.has_bar)
    return asked or frozenset(() if sheet.plot is None else (sheet.plot.first,))


def _footer(total: tuple[ToldCell, ...] | None, place: int, word: str) -> str:
    if total is None:
        return ""
    return clean(total[place].text) or (word if place == 0 else "")


def _cells(row: tuple[ToldCell, ...], places: Iterable[int], barred: Collection[int], longest: int) -> Iterator[str]:
    for place in places:
        yield clean(row[place].text)
        if place in barred:
            yield bar(row[place].bar or 0.0, longest)
