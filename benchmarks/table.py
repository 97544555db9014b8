"""What is printed of figures: a table of medians and ratios beside their goals, and under it what is known of each goal that is missed."""

from collections.abc import Iterable, Sequence
from statistics import median
from typing import Any, Final, NamedTuple

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from benchmarks.breakdown import Breakdown
from benchmarks.figure import Column, Figure, Goal
from benchmarks.profile import Profile

_NOTHING: Final = "—"


class Result(NamedTuple):
    """A figure; where it misses a goal, where the time goes and what the next step would cost; where it fell behind, how."""

    figure: Figure
    profile: Profile | None = None
    next_step: str = ""
    fallen: Sequence[str] = ()

    def as_json(self) -> dict[str, Any]:
        """As the figure, with what is known beside it."""
        missed = [_wanted(self.figure, goal) for goal in self.figure.missed]
        profile = None if self.profile is None else self.profile.as_json()
        beside = {"missed": missed, "profile": profile, "next_step": self.next_step, "fallen": list(self.fallen)}
        return self.figure.as_json() | beside


def quantity(value: float) -> str:
    """A number with three digits at least, and none behind the point that nobody needs."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def table_of(figures: Iterable[Figure]) -> Table:
    """Medians, their ratios, and whether each goal is met."""
    table = Table(title="medians")
    for heading in ("figure", "ours", "twin", "limit", "ours ÷ twin", "ours ÷ limit", "the limit is"):
        table.add_column(heading, justify="left" if heading in {"figure", "the limit is"} else "right")
    for figure in figures:
        table.add_row(
            f"{figure.name}, {figure.unit}", _judged(figure, None), _median(figure.twin), _median(figure.limit),
            _judged(figure, "twin"), _judged(figure, "limit"), figure.limit_is or _NOTHING,
        )  # fmt: skip
    return table


def _median(values: Sequence[float]) -> str:
    return quantity(median(values)) if values else _NOTHING


def _judged(figure: Figure, column: Column | None) -> str:
    """Ours beside a column, or ours itself, and what each goal says of it."""
    reached = figure.beside(column)
    goals = [goal for goal in figure.goals if goal.beside == column]
    told = [_NOTHING if reached is None else quantity(reached)]
    return "\n".join(told + [f"{_wanted(figure, goal)} {'met' if figure.meets(goal) else 'missed'}" for goal in goals])


def _wanted(figure: Figure, goal: Goal) -> str:
    return f"{'≥' if figure.better == 'more' else '≤'} {quantity(goal.bound)}"


def show(facts: dict[str, Any], results: Sequence[Result], console: Console) -> None:
    """Print everything."""
    console.print(table_of(result.figure for result in results))
    for line in _origin(facts):
        console.print(line)
    for result in results:
        if result.figure.missed:
            console.print(beside_missed(result))


def _origin(facts: dict[str, Any]) -> Iterable[str]:
    machine = facts["machine"]
    yield f"{facts['measured']}, commit {facts['commit']}"
    yield (
        f"{machine['cores']} × {machine['processor']}, {machine['memory_gb']} GB, {machine['system']}, "
        f"load before {machine['load_before']}"
    )
    versions = {**facts["servers"], "Python": facts["python"], **facts["packages"]}
    yield ", ".join(f"{name} {number}" for name, number in versions.items())


def beside_missed(result: Result) -> Group:
    """What is known of a figure that misses a goal."""
    figure = result.figure
    missed = ", ".join(_missed(figure, goal) for goal in figure.missed)
    step = Text(f"next step: {result.next_step or 'nobody has said what it would cost'}")
    parts = [] if figure.made_of is None else [parts_of(figure.made_of)]
    below: list[RenderableType] = [*parts, *map(Text, _time(result.profile)), *_rooms(result.profile), step]
    return Group(Text(f"\n{figure.name} misses {missed}", style="bold"), *(Padding(each, (0, 0, 0, 2)) for each in below))


def _missed(figure: Figure, goal: Goal) -> str:
    reached = figure.beside(goal.beside)
    what = f"ours ÷ {goal.beside}" if goal.beside else figure.unit
    return f"{_wanted(figure, goal)} {what} ({_NOTHING if reached is None else quantity(reached)})"


def _time(profile: Profile | None) -> Iterable[str]:
    if profile is None:
        return
    total = sum(profile.seconds.values())
    if total:
        parts = ", ".join(f"{name} {seconds:.1f} s ({seconds / total:.0%})" for name, seconds in profile.seconds.items())
        yield f"processor time of a turn and its start: {parts}"
    yield profile.remark or f"where the engine's goes, of {profile.samples:,} samples:"


def parts_of(breakdown: Breakdown) -> Table:
    """A breakdown as it is printed."""
    table = Table(box=None, padding=(0, 2), header_style="")
    table.add_column("what it is made of")
    for column in breakdown.columns:
        table.add_column(column, justify="right")
    for part, values in breakdown.parts.items():
        table.add_row(part, *map(quantity, values))
    return table


def _rooms(profile: Profile | None) -> list[Table]:
    if profile is None or not profile.shares:
        return []
    table = Table(box=None, show_header=False, padding=(0, 2))
    table.add_column(justify="right")
    table.add_column()
    for room, share in profile.shares.items():
        table.add_row(f"{share:.1%}", room)
    return [table]
