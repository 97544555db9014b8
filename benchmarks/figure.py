"""A figure: the same quantity for the engine, the twin and the limit, each measured several times in one session."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any


@dataclass(frozen=True)
class Figure:
    """Rates (`unit` per second) of each column; a column that cannot exist is empty."""

    name: str
    unit: str
    ours: list[float] = field(default_factory=list)
    twin: list[float] = field(default_factory=list)
    limit: list[float] = field(default_factory=list)
    limit_is: str = ""

    @property
    def times_twin(self) -> float | None:
        """How many times faster than the twin the engine is."""
        return median(self.ours) / median(self.twin) if self.twin else None

    @property
    def share_of_limit(self) -> float | None:
        """How much of the limit the engine reaches, 1 for all of it."""
        return median(self.ours) / median(self.limit) if self.limit else None

    def as_json(self) -> dict[str, Any]:
        medians = {name: median(values) for name in ("ours", "twin", "limit") if (values := getattr(self, name))}
        return asdict(self) | {"medians": medians, "times_twin": self.times_twin, "share_of_limit": self.share_of_limit}


def measure(
    figure: Figure, times: int, say: Callable[[str], None], *, ours: Callable[[], float], twin: Callable[[], float] | None,
    limit: Callable[[], float] | None,
) -> Figure:  # fmt: skip
    """Fill in a figure; the columns take turns, so that a busy moment of the machine hits all of them alike."""
    for turn in range(1, times + 1):
        for column, run, values in (("ours", ours, figure.ours), ("twin", twin, figure.twin), ("limit", limit, figure.limit)):
            if run is not None:
                values.append(run())
                say(f"{figure.name}, {column}, {turn} of {times}: {values[-1]:,.0f} {figure.unit}/s")
    return figure
