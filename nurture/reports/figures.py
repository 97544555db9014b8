"""The base of everything a report tells, and figures that add up as printed."""

from collections.abc import Sequence
from datetime import date
from math import floor
from typing import Final

from pydantic import BaseModel, ConfigDict

#: Days are counted from here.
EPOCH: Final = date(1970, 1, 1)


class Figures(BaseModel):
    """A part of a report: frozen, and printable as JSON."""

    model_config = ConfigDict(frozen=True)


def round_to_sum(values: Sequence[float]) -> list[float]:
    """Each value rounded to one decimal, up or down, so that the rounded ones sum to the rounded sum.

    Plain rounding prints 0.3 + 0.3 + 0.3 = 1.0. Here the values with the largest remainders are rounded up until the sum is
    right: the method of Hare and Niemeyer, by which seats are given to parties.
    """
    tenths = [value * 10 for value in values]
    rounded = [floor(each) for each in tenths]
    missing = round(sum(tenths)) - sum(rounded)
    by_remainder = sorted(range(len(values)), key=lambda index: rounded[index] - tenths[index])
    for index in by_remainder[: max(missing, 0)]:
        rounded[index] += 1
    return [each / 10 for each in rounded]
