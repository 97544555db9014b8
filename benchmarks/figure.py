"""A figure: the same quantity for the engine, the twin and the limit, each measured several times in one session."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from statistics import median
from typing import Any, Literal, NamedTuple

from benchmarks.breakdown import Breakdown

Column = Literal["twin", "limit"]


@dataclass(frozen=True)
class Goal:
    """What ours ÷ `beside` must come to: at least `bound` where more is better, at most where less is; without `beside`, ours itself."""

    bound: float
    beside: Column | None = None


class Runs(NamedTuple):
    """How each column is measured once; None for one that cannot exist."""

    ours: Callable[[], float]
    twin: Callable[[], float] | None = None
    limit: Callable[[], float] | None = None


@dataclass(frozen=True)
class Figure:
    """Quantities in `unit` of each column; a column that cannot exist is empty. `key` names the figure on the command line and in files."""

    key: str
    name: str
    unit: str = "events/s"
    better: Literal["more", "less"] = "more"
    ours: list[float] = field(default_factory=list)
    twin: list[float] = field(default_factory=list)
    limit: list[float] = field(default_factory=list)
    limit_is: str = ""
    goals: tuple[Goal, ...] = ()
    #: What ours consists of; None where a profile says where it goes.
    made_of: Breakdown | None = None
    #: How it can be measured again, as long as what measures it stands; None if it cannot.
    runs: Runs | None = field(default=None, repr=False, compare=False)

    @property
    def times_twin(self) -> float | None:
        """Ours ÷ twin."""
        return self.beside("twin")

    @property
    def share_of_limit(self) -> float | None:
        """Ours ÷ limit, 1 for all of it."""
        return self.beside("limit")

    def beside(self, column: Column | None) -> float | None:
        """The median of ours ÷ that of another column, or the median itself; None if there is nothing to divide."""
        if not self.ours:
            return None
        if column is None:
            return median(self.ours)
        values: list[float] = getattr(self, column)
        return median(self.ours) / median(values) if values else None

    def meets(self, goal: Goal) -> bool:
        """Whether a goal is reached; one whose columns were not measured is not."""
        reached = self.beside(goal.beside)
        if reached is None:
            return False
        return reached >= goal.bound if self.better == "more" else reached <= goal.bound

    @property
    def missed(self) -> list[Goal]:
        """The goals that are not reached."""
        return [goal for goal in self.goals if not self.meets(goal)]

    def again(self, times: int, say: Callable[[str], None]) -> "Figure":
        """The same figure measured anew, by so many turns; as it is if it cannot be."""
        if self.runs is None:
            return self
        return measure(replace(self, ours=[], twin=[], limit=[]), times, say, **self.runs._asdict())

    def as_json(self) -> dict[str, Any]:
        told = asdict(replace(self, runs=None))
        del told["runs"]
        medians = {name: median(values) for name in ("ours", "twin", "limit") if (values := getattr(self, name))}
        return told | {"medians": medians, "times_twin": self.times_twin, "share_of_limit": self.share_of_limit}


def measure(
    figure: Figure, times: int, say: Callable[[str], None], *, ours: Callable[[], float], twin: Callable[[], float] | None,
    limit: Callable[[], float] | None,
) -> Figure:  # fmt: skip
    """Fill in a figure; the columns take turns, so that a busy moment of the machine hits all of them alike."""
    for turn in range(1, times + 1):
        for column, run, values in (("ours", ours, figure.ours), ("twin", twin, figure.twin), ("limit", limit, figure.limit)):
            if run is not None:
                values.append(run())
                say(f"{figure.name}, {column}, {turn} of {times}: {values[-1]:,.3g} {figure.unit}")
    return replace(figure, runs=Runs(ours, twin, limit))
