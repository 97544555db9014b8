"""A report as somebody reads it: every name and figure in their language, ready to be drawn in a terminal or on a page."""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from nurture.reports.numerals import Numerals
from nurture.reports.sheet import Column, Kind, Plot, Remark, Report, Sheet, Value
from nurture.reports.words import ReportWords, SheetWords, common_words, words_in

#: Columns that are ranged to the left.
_TEXTS: Final = frozenset({"text", "label", "day", "instant"})
_WORDS: Final = frozenset({"text", "label"})


class ToldColumn(NamedTuple):
    """A column's name, what it means if that is said, and how it is drawn. Only words may be broken into lines."""

    title: str
    meaning: str
    is_figure: bool
    is_words: bool
    has_bar: bool


class ToldCell(NamedTuple):
    """A figure as it is written; `bar` is its part of the largest of its column, where there is one."""

    text: str
    bar: float | None = None
    meaning: str = ""


class Series(NamedTuple):
    """A column of a plot: its name, its figures, and how each is written."""

    title: str
    values: tuple[float | None, ...]
    texts: tuple[str, ...]


class ToldPlot(NamedTuple):
    """A plot: what stands along the axis, and what is drawn against it. `kind` is how the other axis counts.

    `first` is the place of the first column drawn, for a terminal, which draws that one alone.
    """

    form: str
    first: int
    along: tuple[str, ...]
    series: tuple[Series, ...]
    kind: Kind


class ToldSheet(NamedTuple):
    """A sheet in words."""

    name: str
    title: str
    about: str
    columns: tuple[ToldColumn, ...]
    rows: tuple[tuple[ToldCell, ...], ...]
    total: tuple[ToldCell, ...] | None
    plot: ToldPlot | None
    remarks: tuple[str, ...]


class ToldReport(NamedTuple):
    """A report in words. `period` is told as `Feb 2 – Mar 1, 2026, Europe/Paris`."""

    name: str
    title: str
    about: str
    period: str
    as_of: str
    sheets: tuple[ToldSheet, ...]
    remarks: tuple[str, ...]
    numerals: Numerals


def told(report: Report, language: str, words: ReportWords | None = None) -> ToldReport:
    """A report in a language; `words` are those of its file unless given."""
    words, period = words or words_in(report, language), report.period
    numerals = Numerals(language, report.currency, period.timezone)
    common = common_words(language)
    first, last = numerals.write("day", period.first), numerals.write("day", period.last)
    return ToldReport(
        report.name, words.title, words.about,
        common["period"].format(first=first, last=last, timezone=period.timezone),
        common["as_of"].format(at=numerals.write("instant", report.at.isoformat())),
        tuple(_Teller(words, numerals, sheet).sheet() for sheet in report.sheets),
        remarks_in(report.remarks, words, numerals), numerals,
    )  # fmt: skip


def remarks_in(remarks: Sequence[Remark], words: ReportWords, numerals: Numerals) -> tuple[str, ...]:
    """Remarks in words. One whose words are missing is told by its code: it is better than nothing."""
    return tuple(
        numerals.fill(words.remarks.get(each.code, each.code), {k: _labelled(v, words) for k, v in each.values.items()})
        for each in remarks
    )


def _labelled(value: Value, words: ReportWords) -> Value:
    return words.labels.get(value, value) if isinstance(value, str) else value


class _Teller:
    """Tells one sheet."""

    def __init__(self, words: ReportWords, numerals: Numerals, sheet: Sheet) -> None:
        self._words, self._numerals, self._sheet = words, numerals, sheet

    def sheet(self) -> ToldSheet:
        said = self._words.sheets.get(self._sheet.name, SheetWords(title=self._sheet.name))
        return ToldSheet(
            self._sheet.name, said.title, said.about,
            tuple(self._column(each) for each in self._sheet.columns), tuple(self._rows()), self._total(), self._plot(),
            remarks_in(self._sheet.remarks, self._words, self._numerals),
        )  # fmt: skip

    def _column(self, column: Column) -> ToldColumn:
        meaning = self._words.meanings.get(column.name, "").replace("{of}", self._of(column))
        return ToldColumn(self._title(column), meaning, column.kind not in _TEXTS, column.kind in _WORDS, column.bar)

    def _title(self, column: Column) -> str:
        return self._words.columns.get(column.name, column.key).replace("{of}", self._of(column))

    def _of(self, column: Column) -> str:
        return self._words.labels.get(column.of, column.of)

    def _rows(self) -> Iterator[tuple[ToldCell, ...]]:
        longest = [
            self._largest(place) if self._may_have_bar(column) else 0.0 for place, column in enumerate(self._sheet.columns)
        ]
        for number, row in enumerate(self._sheet.rows):
            yield tuple(
                self._cell(column, value, number, most)
                for column, value, most in zip(self._sheet.columns, row, longest, strict=True)
            )

    def _cell(self, column: Column, value: Value, row: int, most: float) -> ToldCell:
        part = max(0.0, value / most) if most and isinstance(value, int | float) else None
        meaning = self._words.meanings.get(value, "") if column.kind == "label" and isinstance(value, str) else ""
        return ToldCell(self._text(column, value, row), part, meaning)

    def _text(self, column: Column, value: Value, row: int | None = None) -> str:
        if column.kind == "label" and value is not None:
            return str(_labelled(value, self._words))
        kinds = self._sheet.kinds
        kind = kinds[row] if column.kind == "figure" and row is not None and row < len(kinds) else column.kind
        return self._numerals.write(kind, value)

    def _total(self) -> tuple[ToldCell, ...] | None:
        """The total; what has none, such as the name of a row, stays empty."""
        if self._sheet.total is None:
            return None
        pairs = zip(self._sheet.columns, self._sheet.total, strict=True)
        return tuple(ToldCell("" if value is None else self._text(column, value)) for column, value in pairs)

    @staticmethod
    def _may_have_bar(column: Column) -> bool:
        return column.kind != "figure" and column.kind not in _TEXTS

    def _largest(self, place: int) -> float:
        return max((value for row in self._sheet.rows if isinstance(value := row[place], int | float)), default=0.0)

    def _plot(self) -> ToldPlot | None:
        plot = self._sheet.plot
        if plot is None or not self._sheet.rows:
            return None
        places = {column.key: place for place, column in enumerate(self._sheet.columns)}
        drawn = [self._sheet.columns[places[name]] for name in plot.columns]
        series = tuple(self._series(each, places) for each in drawn)
        return ToldPlot(plot.form, places[plot.columns[0]], self._along(plot, places), series, drawn[0].kind)

    def _along(self, plot: Plot, places: dict[str, int]) -> tuple[str, ...]:
        column = self._sheet.columns[places[plot.along]]
        values = [row[places[plot.along]] for row in self._sheet.rows]
        if column.kind == "day":
            return tuple(self._numerals.short_day(int(value or 0)) for value in values)
        return tuple(self._text(column, value, number) for number, value in enumerate(values))

    def _series(self, column: Column, places: dict[str, int]) -> Series:
        values = [row[places[column.key]] for row in self._sheet.rows]
        texts = tuple(self._text(column, value, number) for number, value in enumerate(values))
        return Series(self._title(column), tuple(each if isinstance(each, int | float) else None for each in values), texts)
