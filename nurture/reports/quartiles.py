"""Quartiles of what was counted."""

from collections.abc import Mapping
from itertools import accumulate
from typing import NamedTuple


class Quartiles(NamedTuple):
    """A quarter lies below `lower`, a half below `median`, a quarter above `upper`; between two values the middle is taken
    in proportion, as `statistics.quantiles` does with the method `inclusive`.
    """

    lower: float
    median: float
    upper: float


def quartiles(counts: Mapping[int, int]) -> Quartiles | None:
    """The quartiles of values with how often each was counted; None of nothing. What was counted less than once counts for nothing."""
    values = sorted(value for value, n in counts.items() if n > 0)
    ends = list(accumulate(counts[value] for value in values))
    if not values:
        return None

    def at(place: int) -> int:
        return next(value for value, end in zip(values, ends, strict=True) if place < end)

    def cut(quarter: int) -> float:
        whole, rest = divmod((ends[-1] - 1) * quarter, 4)
        return at(whole) if not rest else at(whole) + (at(whole + 1) - at(whole)) * rest / 4

    return Quartiles(cut(1), cut(2), cut(3))
