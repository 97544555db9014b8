"""The base of everything a report tells, and figures that add up as printed."""

from collections.abc import Sequence
from datetime import date
from math import floor, fsum
from typing import Final

from pydantic import BaseModel, ConfigDict

#: Days are counted from here.
EPOCH: Final = date(1970, 1, 1)


class Figures(BaseModel):
    """A part of a report: frozen, and printable as JSON."""

    model_config = ConfigDict(frozen=True)


def round_to_sum(values: Sequence[float]) -> list[float]:
    """Each value rounded to the cent (two decimals), up or down, so that the rounded ones sum to the rounded sum.

    Plain rounding prints 0.333 + 0.333 + 0.334 = 1.00 as 0.99. Here the values with the largest remainders are rounded up until
    the sum is right: the method of Hare and Niemeyer, by which seats are given to parties.
    """
    cents = [value * 100 for value in values]
    rounded = [floor(each) for each in cents]
    missing = round(fsum(cents)) - sum(rounded)
    by_remainder = sorted(range(len(values)), key=lambda index: rounded[index] - cents[index])
    for index in by_remainder[: max(missing, 0)]:
        rounded[index] += 1
    return [each / 100 for each in rounded]
