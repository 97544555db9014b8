"""How full the fullest sliding window is."""

from collections.abc import Iterable
from datetime import datetime, timedelta


def fullest(instants: Iterable[datetime], per: timedelta) -> int:
    """The most instants that any window of length `per` holds, wherever it begins (its end excluded)."""
    ordered = sorted(instants)
    first, most = 0, 0
    for last, instant in enumerate(ordered):
        while instant - ordered[first] >= per:
            first += 1
        most = max(most, last - first + 1)
    return most
