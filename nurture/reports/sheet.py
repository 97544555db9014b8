"""What every report is made of: sheets of typed figures, which the terminal, CSV, JSON and the page each draw in their own way.

A report says nothing in words: names of sheets, columns, labels and remarks are looked up in
`reports/words/<language>/<report>.yaml`, and so is what each column and label means (`meanings`).
"""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from nurture.reports.figures import EPOCH, Figures

#: What a figure is. `share` is a part of 1, `money` hundredths of the currency, `days` and `seconds` spans (floats), `ratio` a
#: factor, `points` a score, `credit` a number of people of whom parts may belong elsewhere. Everything but text, label, day and instant may be None: not known, or nothing to divide by. A `label`
#: is a text that stands for words of the report (`labels`); a `figure` is of another kind in each row (`Sheet.kinds`).
Kind = Literal[
    "text", "label", "day", "instant", "count", "credit", "share", "money", "days", "seconds", "points", "ratio", "figure"
]

Value = str | int | float | None


class Column(Figures):
    """A column of a sheet. `bar` asks for a bar beside the figure where there is room for one. A column there is one of for each
    stage, say, has one name, and `of` is the stage: its words hold it as `{of}`.
    """

    name: str
    kind: Kind = "count"
    bar: bool = False
    of: str = ""

    @property
    def key(self) -> str:
        """What the column is called among those of its sheet, by plots and by programs."""
        return f"{self.name}_{self.of}" if self.of else self.name


class Plot(Figures):
    """How a sheet looks as a picture: the column along the axis, and those that are drawn against it, by their keys.

    `line` for days, `bar` for one row a thing, `stacked` for parts of a whole, `funnel` for rows that each hold the next.
    """

    form: Literal["line", "bar", "stacked", "funnel"]
    along: str
    columns: tuple[str, ...]


class Remark(Figures):
    """Something to know about a sheet: its words are found by `code`, and hold `values` in braces."""

    code: str
    values: Mapping[str, Value] = {}


class Sheet(Figures):
    """A table: each row has a value for each column. Rows are in the order in which they are to be read. `kinds` says of each
    row what its columns of kind `figure` hold.
    """

    name: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Value, ...], ...]
    kinds: tuple[Kind, ...] = ()
    total: tuple[Value, ...] | None = None
    plot: Plot | None = None
    remarks: tuple[Remark, ...] = ()


class Period(Figures):
    """Days of the business's time zone, both included. Days count from 1970-01-01."""

    first: int
    last: int
    timezone: str = "UTC"

    @property
    def days(self) -> int:
        return self.last - self.first + 1

    @property
    def before(self) -> "Period":
        """As many days just before these."""
        return Period(first=self.first - self.days, last=self.first - 1, timezone=self.timezone)

    @property
    def begins(self) -> datetime:
        """The first instant of it."""
        return _midnight(self.first, self.timezone)

    @property
    def ends(self) -> datetime:
        """The first instant after it."""
        return _midnight(self.last + 1, self.timezone)


class Report(Figures):
    """One report: of which days, as of when, in which currency. `words` are those that no file of ours holds, because the customer
    wrote them: by language, then by what they are (`labels`, `remarks`), then by code.
    """

    name: str
    period: Period
    at: datetime
    currency: str
    sheets: tuple[Sheet, ...]
    remarks: tuple[Remark, ...] = ()
    words: Mapping[str, Mapping[str, Mapping[str, str]]] = {}


def local_day(at: datetime, timezone: str) -> int:
    """The day of an instant on the clocks of a time zone, counted from 1970-01-01."""
    return (at.astimezone(ZoneInfo(timezone)).date() - EPOCH).days


def date_of(day: int) -> date:
    """The date of a counted day."""
    return EPOCH + timedelta(days=day)


def _midnight(day: int, timezone: str) -> datetime:
    on = date_of(day)
    return datetime(on.year, on.month, on.day, tzinfo=ZoneInfo(timezone))
