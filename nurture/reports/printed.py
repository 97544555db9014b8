"""A report as programs read it: JSON of a stable shape (docs/schemas/report.json), and CSV that a spreadsheet opens."""

import csv
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from io import StringIO
from typing import Any

from nurture.domain.imports.spreadsheet import guarded
from nurture.reports.figures import Figures
from nurture.reports.sheet import Column, Kind, Remark, Report, Sheet, Value, date_of
from nurture.reports.told import ToldSheet, told
from nurture.reports.words import ReportWords, words_in


class PrintedColumn(Figures):
    """A column. `kind` says what its figures are: `credit` a number of people of whom parts may belong elsewhere, `share` a part of 1, `money` hundredths of the report's currency, `days` and
    `seconds` spans, `ratio` a factor; days are dates. A `figure` is of the kind that the row names.
    """

    key: str
    kind: Kind
    title: str


class PrintedRemark(Figures):
    """Something to know: `code` for programs, `text` for people."""

    code: str
    values: Mapping[str, Value]
    text: str


class PrintedRow(Figures):
    """A row: its figures by the keys of their columns; null where a figure is not known. `kind` is that of columns of kind `figure`."""

    kind: Kind | None = None
    values: Mapping[str, Value]


class PrintedSheet(Figures):
    """A sheet of a report."""

    name: str
    title: str
    columns: tuple[PrintedColumn, ...]
    rows: tuple[PrintedRow, ...]
    total: PrintedRow | None
    remarks: tuple[PrintedRemark, ...]


class PrintedReport(Figures):
    """A report: of the days from `first_day` to `last_day`, both included, on the clocks of `timezone`, as of `at`."""

    name: str
    title: str
    first_day: date
    last_day: date
    timezone: str
    at: datetime
    currency: str
    sheets: tuple[PrintedSheet, ...]
    remarks: tuple[PrintedRemark, ...]


def printed(report: Report, language: str, words: ReportWords | None = None) -> PrintedReport:
    """A report for programs; names and remarks are said in a language besides."""
    words = words or words_in(report, language)
    in_words = told(report, language, words)
    return PrintedReport(
        name=report.name, title=in_words.title, first_day=date_of(report.period.first), last_day=date_of(report.period.last),
        timezone=report.period.timezone, at=report.at, currency=report.currency,
        sheets=tuple(_sheet(*each) for each in zip(report.sheets, in_words.sheets, strict=True)),
        remarks=_remarks(report.remarks, in_words.remarks),
    )  # fmt: skip


def _sheet(sheet: Sheet, in_words: ToldSheet) -> PrintedSheet:
    pairs = zip(sheet.columns, in_words.columns, strict=True)
    kinds = [*sheet.kinds, *[None] * (len(sheet.rows) - len(sheet.kinds))]
    return PrintedSheet(
        name=sheet.name, title=in_words.title,
        columns=tuple(PrintedColumn(key=column.key, kind=column.kind, title=said.title) for column, said in pairs),
        rows=tuple(_row(sheet.columns, *each) for each in zip(sheet.rows, kinds, strict=True)),
        total=None if sheet.total is None else _row(sheet.columns, sheet.total, None),
        remarks=_remarks(sheet.remarks, in_words.remarks),
    )  # fmt: skip


def _row(columns: Iterable[Column], row: Iterable[Value], kind: Kind | None) -> PrintedRow:
    return PrintedRow(kind=kind, values={column.key: _plain(column, value) for column, value in zip(columns, row, strict=True)})


def _remarks(remarks: Iterable[Remark], texts: Iterable[str]) -> tuple[PrintedRemark, ...]:
    pairs = zip(remarks, texts, strict=True)
    return tuple(PrintedRemark(code=remark.code, values=remark.values, text=text) for remark, text in pairs)


def _plain(column: Column, value: Value) -> Value:
    return date_of(value).isoformat() if column.kind == "day" and isinstance(value, int) else value


def as_csv(sheet: Sheet, in_words: ToldSheet) -> str:
    """A sheet as CSV (RFC 4180): headings and labels as people say them, figures as programs write them, money in its unit.

    Texts are guarded against being taken for formulas; numbers need no guard.
    """
    file = StringIO()
    writer = csv.writer(file, lineterminator="\r\n")
    writer.writerow([guarded(column.title) for column in in_words.columns])
    for number, (row, said) in enumerate(zip(sheet.rows, in_words.rows, strict=True)):
        kind = sheet.kinds[number] if number < len(sheet.kinds) else None
        cells = zip(sheet.columns, row, said, strict=True)
        writer.writerow([_cell(column, kind or column.kind, value, cell.text) for column, value, cell in cells])
    return file.getvalue()


def _cell(column: Column, kind: Kind, value: Value, said: str) -> Any:
    if column.kind == "label":
        return guarded(said)
    if isinstance(value, str):
        return guarded(value)
    if (kind if column.kind == "figure" else column.kind) == "money" and value is not None:
        return f"{value / 100:.2f}"
    return _plain(column, value)
