"""What a figure is made of, for one of which no turn can be watched: the answer to *where does it go* where that is no processor time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Breakdown:
    """Quantities by part, in the order in which they are told, a value for each of `columns`."""

    columns: Sequence[str]
    parts: Mapping[str, Sequence[float]]
