"""`python -m benchmarks.kills [--random N] [--passings N] [--seed N] [--write FILE]`: the table of docs/kills.md."""

import argparse
import sys
from pathlib import Path

from benchmarks.kills.runs import exact, storms
from benchmarks.kills.scene import Stages
from benchmarks.kills.table import page, total
from benchmarks.laboratory import ROOT, Laboratory, WrongResultError
from benchmarks.machine import describe


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kills", description=__doc__)
    parser.add_argument("--random", type=int, default=300, help="how many workers are killed at random moments")
    parser.add_argument("--passings", type=int, default=2, help="how often something happens at each point")
    parser.add_argument("--seed", type=int, default=1, help="draws the random moments")
    parser.add_argument("--write", type=Path, metavar="FILE", default=ROOT / "docs" / "kills.md", help="where the page goes")
    options = parser.parse_args()
    try:
        with Laboratory() as laboratory:
            facts = describe(laboratory)
            stages = Stages(laboratory)
            at_points = exact(stages, options.passings, _say)
            at_random = storms(stages, options.random, options.seed, _say)
    except WrongResultError as error:
        print(f"a run came to no end, so there is no table: {error}", file=sys.stderr)
        return 1
    options.write.write_text(page(facts, at_points, at_random), encoding="utf-8")
    came = total([*at_points.values(), *at_random.values()])
    print(came)
    return 1 if came.broken else 0


if __name__ == "__main__":
    sys.exit(main())
