"""`python -m benchmarks [--short] [--only accept|absorb] [--json FILE]`: measure everything, print a table, exit 1 if a run was wrong."""

import argparse
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks import absorb, accept
from benchmarks.figure import Figure
from benchmarks.laboratory import Laboratory, WrongResultError
from benchmarks.machine import describe


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _measure(laboratory: Laboratory, *, short: bool, only: str | None) -> Iterable[Figure]:
    times = 1 if short else 3
    if only in {None, "accept"}:
        yield from accept.figures(laboratory, short=short, times=times, say=_say)
    if only in {None, "absorb"}:
        yield from absorb.figures(laboratory, short=short, times=times, say=_say)


def _table(figures: Iterable[Figure]) -> Table:
    table = Table(title="medians")
    for column in ("figure", "ours", "twin", "limit", "ours ÷ twin", "ours ÷ limit", "the limit is"):
        table.add_column(column, justify="left" if column in {"figure", "the limit is"} else "right")
    for figure in figures:
        rates = [f"{median(values):,.0f}" if values else "—" for values in (figure.ours, figure.twin, figure.limit)]
        times = "—" if figure.times_twin is None else f"{figure.times_twin:.1f}"
        share = "—" if figure.share_of_limit is None else f"{figure.share_of_limit:.2f}"
        table.add_row(f"{figure.name}, {figure.unit}", *rates, times, share, figure.limit_is)
    return table


def _print(facts: dict[str, Any], figures: list[Figure]) -> None:
    console = Console(width=None if sys.stdout.isatty() else 150)
    console.print(_table(figures))
    machine = facts["machine"]
    console.print(f"{facts['measured']}, commit {facts['commit']}")
    console.print(
        f"{machine['cores']} × {machine['processor']}, {machine['memory_gb']} GB, {machine['system']}, load before {machine['load_before']}"
    )
    versions = {**facts["servers"], "Python": facts["python"], **facts["packages"]}
    console.print(", ".join(f"{name} {number}" for name, number in versions.items()))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--short", action="store_true", help="one short turn of everything, to see that it works")
    parser.add_argument("--only", choices=("accept", "absorb"), help="only this group of figures")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write facts and figures to FILE")
    options = parser.parse_args()
    try:
        with Laboratory() as laboratory:
            facts = describe(laboratory)
            figures = list(_measure(laboratory, short=options.short, only=options.only))
    except WrongResultError as error:
        print(f"a run was wrong, so there is no figure: {error}", file=sys.stderr)
        return 1
    _print(facts, figures)
    if options.json:
        options.json.write_text(
            json.dumps(facts | {"figures": [figure.as_json() for figure in figures]}, indent=2) + "\n", encoding="utf-8"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
