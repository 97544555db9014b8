"""`python -m benchmarks [--short] [--only GROUP]… [--times N] [--json FILE] [--hold FILE] [--record FILE]`: measure, and print a table.

Each figure is measured in turns, ours, twin and limit. Beside a goal that is missed stand where the time goes and what the next step
would cost. Exit code 1 if a run was wrong, 2 if a ratio fell by a third below the one on record.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

from benchmarks import absorb, accept, growth, hold, latency, mail, memory, next_steps, starting, steps, storage, sustained
from benchmarks.figure import Figure
from benchmarks.laboratory import HERE, Laboratory, WrongResultError
from benchmarks.machine import describe
from benchmarks.profile import Profile, profile
from benchmarks.program import console, say
from benchmarks.table import Result, show

OUT: Final = HERE / "out" / "bench.json"


class Measuring(Protocol):
    """Measures figures one by one, each by so many turns; what they stand on stays until the next one is asked for."""

    def __call__(self, laboratory: Laboratory, *, short: bool, times: int, say: Callable[[str], None]) -> Iterator[Figure]: ...


class Group(NamedTuple):
    """Figures that are measured by one module: how it is called, the keys of its figures, and whether the short form has it."""

    key: str
    figures: Measuring
    keys: tuple[str, ...]
    in_short: bool = True


GROUPS: Final = (
    Group("accept", accept.figures, ("accept", "accept-batch")),
    Group("absorb", absorb.figures, ("absorb",)),
    Group("sustained", sustained.figures, ("sustained",), in_short=False),
    Group(
        "latency",
        latency.figures,
        tuple(f"latency-{load}-p{share}" for load in ("idle", "half") for share in (50, 99)),
        in_short=False,
    ),
    Group("mail", mail.figures, tuple(f"mail-{trial.distance.key}" for trial in mail.TRIALS)),
    Group("steps", steps.figures, ("steps", "steps-growth")),
    Group("memory", memory.figures, ("memory-rest", "memory-full"), in_short=False),
    Group("storage", storage.figures, ("bytes-event", "bytes-person")),
    Group("growth", growth.figures, ("growth",), in_short=False),
    Group("starting", starting.figures, ("start-help", "start-status")),
)

KEYS: Final = tuple(key for group in GROUPS for key in group.keys)


@dataclass(frozen=True)
class Bench:
    """Measures groups of figures in a laboratory, and looks twice where something is amiss."""

    laboratory: Laboratory
    short: bool
    times: int
    profiled: bool
    next_steps: Mapping[str, str]
    held: Mapping[str, hold.Ratios] | None

    def results(self, groups: Sequence[Group]) -> Iterator[Result]:
        """Each figure with what is known beside it. Raises LookupError for one that its group does not name."""
        for group in groups:
            for figure in group.figures(self.laboratory, short=self.short, times=self.times, say=say):
                if figure.key not in group.keys:
                    raise LookupError(f"the group {group.key} does not name its figure {figure.key}")
                yield self._looked_at(figure)

    def _looked_at(self, figure: Figure) -> Result:
        figure, fallen = self._held(figure)
        if not figure.missed:
            return Result(figure, fallen=fallen)
        return Result(figure, self._profile(figure), self.next_steps.get(figure.key, ""), fallen)

    def _held(self, figure: Figure) -> tuple[Figure, Sequence[str]]:
        """The figure, measured again by more turns if a ratio fell, for one busy moment must not fail a build; and what did fall."""
        if self.held is None:
            return figure, ()
        if figure.key not in self.held:
            say(f"{figure.name}: no ratio is on record")
            return figure, ()
        recorded = self.held[figure.key]
        if hold.fallen(figure, recorded):
            say(f"{figure.name}: a ratio fell, so it is measured again")
            figure = figure.again(2 * self.times + 1, say)
        return figure, hold.fallen(figure, recorded)

    def _profile(self, figure: Figure) -> Profile | None:
        if not self.profiled or figure.runs is None:
            return None
        say(f"{figure.name}: one more turn, to see where the time goes")
        return profile(self.laboratory, figure.runs.ours)


def _chosen(only: Sequence[str] | None, *, short: bool) -> list[Group]:
    return [group for group in GROUPS if (group.key in only if only else group.in_short or not short)]


def _keep(facts: Mapping[str, Any], results: Sequence[Result], file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    told = {**facts, "figures": [result.as_json() for result in results]}
    file.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--short", action="store_true", help="short turns of what can be measured in a few minutes")
    parser.add_argument("--only", choices=[group.key for group in GROUPS], action="append", help="only this group of figures")
    parser.add_argument("--times", type=int, default=3, metavar="N", help="how many turns each figure is measured by")
    parser.add_argument("--json", type=Path, default=OUT, metavar="FILE", help="where facts and figures are written")
    parser.add_argument("--profile", action=argparse.BooleanOptionalAction, help="say where the time goes where a goal is missed")
    parser.add_argument("--hold", type=Path, metavar="FILE", help="fail if a ratio is worse by a third than in FILE")
    parser.add_argument("--record", type=Path, metavar="FILE", help="write the ratios to FILE")
    options = parser.parse_args()
    if options.profile is None:
        options.profile = not options.short
    return options


def main() -> int:
    options = _options()
    costs, held = next_steps.read(KEYS), hold.read(options.hold) if options.hold else None
    results = list[Result]()
    try:
        with Laboratory() as laboratory:
            facts = describe(laboratory)
            bench = Bench(laboratory, options.short, options.times, options.profile, costs, held)
            for result in bench.results(_chosen(options.only, short=options.short)):
                results.append(result)
                _keep(facts, results, options.json)  # now, for whoever is cut off before the end
    except WrongResultError as error:
        print(f"a run was wrong, so there is no figure: {error}", file=sys.stderr)
        return 1
    show(facts, results, console())
    if options.record:
        hold.record((result.figure for result in results), options.record)
    fallen = [line for result in results for line in result.fallen]
    for line in fallen:
        print(f"fell by more than a third: {line}", file=sys.stderr)
    return 2 if fallen else 0


if __name__ == "__main__":
    sys.exit(main())
