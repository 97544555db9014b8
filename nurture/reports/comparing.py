"""Figures of a period beside those of as many days before."""

from collections.abc import Callable, Iterable
from typing import Final, NamedTuple, TypeVar

from nurture.reports.sheet import Column, Kind, Sheet

_Told = TypeVar("_Told")


class Compared(NamedTuple):
    """A figure by its label, what it is, and what it came to in the period and before it."""

    label: str
    kind: Kind
    now: float | None
    before: float | None


_COLUMNS: Final = (
    Column(name="figure", kind="label"), Column(name="period", kind="figure"),
    Column(name="before", kind="figure"), Column(name="change", kind="share"),
)  # fmt: skip


def compared(figures: Iterable[tuple[str, Kind, Callable[[_Told], float | None]]], now: _Told, before: _Told) -> list[Compared]:
    """Each figure, read from what the two periods came to."""
    return [Compared(label, kind, read(now), read(before)) for label, kind, read in figures]


def comparison(name: str, figures: Iterable[Compared]) -> Sheet:
    """A sheet with a row for each figure."""
    listed = list(figures)
    rows = tuple((each.label, each.now, each.before, change(each.now, each.before)) for each in listed)
    return Sheet(name=name, columns=_COLUMNS, rows=rows, kinds=tuple(each.kind for each in listed))


def change(now: float | None, before: float | None) -> float | None:
    """By how much of what it was before something has grown; None where there was nothing before."""
    return None if now is None or not before else (now - before) / before


def share(part: float, whole: float) -> float | None:
    """A part of a whole, or one thing for each of another; None of nothing."""
    return part / whole if whole else None
