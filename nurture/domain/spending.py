"""What was spent on a channel or a campaign: read from rows as people write them, and held against what is known already."""

import re
from calendar import monthrange
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final, NamedTuple

from nurture.domain.ids import stable_id
from nurture.domain.reporting import CURRENCY_PATTERN
from nurture.domain.wording import instead

#: What a row may say.
COLUMNS: Final = ("channel", "campaign", "from", "to", "month", "amount", "currency")

_EPOCH: Final = date(1970, 1, 1)
_MONTH: Final = re.compile(r"(\d{4})-(\d{2})", re.ASCII)
_LONGEST_CAMPAIGN: Final = 256
_MOST_DAYS: Final = 3_660
_MOST: Final = 10**12

#: An amount with or without cents, and one whose thousands are set apart by commas. `1.200` may be either, so it is neither.
_PLAIN: Final = re.compile(r"\d+(?:[.,]\d{1,2})?", re.ASCII)
_GROUPED: Final = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d{1,2})?", re.ASCII)


class Spending(NamedTuple):
    """Hundredths of a currency, spent from `first_day` to `last_day`; days count from 1970-01-01, and both are included."""

    channel: str | None
    campaign: str | None
    first_day: int
    last_day: int
    amount: int
    currency: str

    @property
    def id(self) -> int:
        return stable_id("spending", self.channel or "", self.campaign or "", self.first_day, self.last_day)

    def __str__(self) -> str:
        what = " of ".join(filter(None, (self.campaign and f"campaign {self.campaign}", self.channel)))
        first, last = (_EPOCH + timedelta(days=day) for day in (self.first_day, self.last_day))
        return f"{what} from {first} to {last}: {Decimal(self.amount) / 100:.2f} {self.currency}"

    def overlaps(self, other: "Spending") -> bool:
        """Whether both may tell of the same money: they share days and a channel or a campaign, and nothing tells them apart."""
        shared = self.first_day <= other.last_day and other.first_day <= self.last_day
        pairs = ((self.channel, other.channel), (self.campaign, other.campaign))
        alike = any(one is not None and one == another for one, another in pairs)
        apart = any(None not in pair and pair[0] != pair[1] for pair in pairs)
        return shared and alike and not apart


class Wrong(NamedTuple):
    """What is wrong with a row: the column, and `what; what to do`."""

    column: str
    text: str


class Entry(NamedTuple):
    """A row of a file: its cells, and where it and each of them stands."""

    where: str
    cells: Mapping[str, Any]
    spots: Mapping[str, str] = {}

    def at(self, column: str) -> str:
        return self.spots.get(column, self.where)


def read_row(cells: Mapping[str, Any], channels: Collection[str], currency: str) -> Spending | list[Wrong]:
    """What a row says, or all that is wrong with it. Without a currency that of the business is meant."""
    row = _Row({name: value for name, value in cells.items() if value not in (None, "")}, channels)
    found = row.what(), row.days(), row.amount(), row.currency(currency)
    (channel, campaign), days, amount, said = found
    if row.wrong or days is None or amount is None:
        return row.wrong
    return Spending(channel, campaign, *days, amount, said)


class _Row:
    """Reads one row, and gathers what is wrong with it."""

    def __init__(self, cells: Mapping[str, Any], channels: Collection[str]) -> None:
        self._cells, self._channels = cells, channels
        self.wrong = [Wrong(name, f"unknown column {name!r}; {instead(name, COLUMNS)}") for name in cells if name not in COLUMNS]

    def what(self) -> tuple[str | None, str | None]:
        channel, campaign = (self._text(name) for name in ("channel", "campaign"))
        if channel is None and campaign is None:
            self._refuse("channel", "this row names neither a channel nor a campaign; name what the money was spent on")
        if channel is not None and channel not in self._channels:
            self._refuse("channel", f"unknown channel {channel!r}; {instead(channel, sorted(self._channels))}")
        if campaign is not None and len(campaign) > _LONGEST_CAMPAIGN:
            self._refuse("campaign", f"the name is longer than {_LONGEST_CAMPAIGN} characters; shorten it")
        return channel, campaign

    def days(self) -> tuple[int, int] | None:
        said = {name for name in ("from", "to", "month") if name in self._cells}
        if said == {"month"}:
            return self._month(self._text("month") or "")
        if said != {"from", "to"}:
            text = "the days are said twice; keep either month, or from and to" if "month" in said else (
                "the days are not said; write month: 2026-11, or from: 2026-11-01 and to: 2026-11-15"
            )  # fmt: skip
            self._refuse("month" if "month" in said else "from", text)
            return None
        first, last = (self._day(name) for name in ("from", "to"))
        if first is None or last is None:
            return None
        if not 0 <= last - first < _MOST_DAYS:
            self._refuse("to", "these days end before they begin, or are more than ten years; correct one of the two dates")
        return first, last

    def amount(self) -> int | None:
        said = self._cells.get("amount")
        text = "".join(str(said).split()).replace("\u202f", "") if said is not None and not isinstance(said, bool) else ""
        if _PLAIN.fullmatch(text):
            amount = Decimal(text.replace(",", "."))
        elif _GROUPED.fullmatch(text):
            amount = Decimal(text.replace(",", ""))
        else:
            shown = "nothing" if said is None else repr(said)
            self._refuse("amount", f"{shown} is no amount; write one like 1200 or 1200.50, without its currency")
            return None
        if amount > _MOST:
            self._refuse("amount", f"{text} is more than anybody spends; see whether the right column is meant")
        return int(amount * 100)

    def currency(self, usual: str) -> str:
        said = self._text("currency") or usual
        if not re.fullmatch(CURRENCY_PATTERN, said):
            self._refuse("currency", f"{said!r} is no currency; write its three letters, such as EUR")
        return said

    def _month(self, text: str) -> tuple[int, int] | None:
        found = _MONTH.fullmatch(text)
        if found is None or not 1 <= int(found[2]) <= 12 or int(found[1]) < _EPOCH.year:  # noqa: PLR2004 - months of a year
            self._refuse("month", f"{text!r} is no month; write one like 2026-11")
            return None
        year, month = int(found[1]), int(found[2])
        first = (date(year, month, 1) - _EPOCH).days
        return first, first + monthrange(year, month)[1] - 1

    def _day(self, column: str) -> int | None:
        text = self._text(column) or ""
        try:
            day = (date.fromisoformat(text) - _EPOCH).days
        except ValueError:
            day = -1
        if day < 0:
            self._refuse(column, f"{text!r} is no date; write one like 2026-11-01")
            return None
        return day

    def _text(self, column: str) -> str | None:
        said = self._cells.get(column)
        return None if said is None else str(said).strip() or None

    def _refuse(self, column: str, text: str) -> None:
        self.wrong.append(Wrong(column, text))


class Read(NamedTuple):
    """A row that was understood, and where it stands."""

    where: str
    spending: Spending


class Compared(NamedTuple):
    """Rows held against each other and against what is known. `clashes` say which two tell of the same money, and where."""

    new: list[Spending]
    known: int
    replaced: list[Spending]
    clashes: list[str]


def compared(rows: Sequence[Read], stored: Sequence[Spending], *, replace: bool = False) -> Compared:
    """What rows add to what is stored. With `replace` they take the place of what overlaps with them there."""
    there = set(stored)
    fresh = [row for row in rows if row.spending not in there]
    overlapped = [(row, other) for row in fresh for other in stored if row.spending.overlaps(other)]
    clashes = [*_within(rows)]
    if not replace:
        clashes += [
            f"{row.where}: {row.spending} overlaps with what is known: {other}; correct it, or replace that with --replace"
            for row, other in overlapped
        ]
    replaced = list(dict.fromkeys(other for _, other in overlapped)) if replace else []
    return Compared([row.spending for row in fresh], len(rows) - len(fresh), replaced, clashes)


def _within(rows: Sequence[Read]) -> Iterator[str]:
    """Overlaps inside the file. Rows in the order of their days meet only those that begin before they end."""
    in_order = sorted(rows, key=lambda row: row.spending.first_day)
    for index, row in enumerate(in_order):
        for later in in_order[index + 1 :]:
            if later.spending.first_day > row.spending.last_day:
                break
            if row.spending.overlaps(later.spending):
                yield f"{later.where}: {later.spending} overlaps with {row.where}: {row.spending}; keep one of the two"
