"""`python -m benchmarks.faults [--faults N] [--seed N] [--short] [--write FILE]`: the account, and the page docs/faults.md."""

import argparse
import signal
import sys
from math import inf
from pathlib import Path

from benchmarks.faults.account import lines
from benchmarks.faults.page import beside, page
from benchmarks.faults.run import Plan, run
from benchmarks.faults.table import FAULTS
from benchmarks.laboratory import ROOT


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.faults", description=__doc__)
    parser.add_argument("--faults", type=int, default=500, help="how many faults")
    parser.add_argument("--minutes", type=float, default=inf, help="begin no further fault after so many minutes")
    parser.add_argument("--short", action="store_true", help="each fault once, and no page")
    parser.add_argument("--only", default="", metavar="WORDS", help="only faults whose name holds these words, and no page")
    parser.add_argument("--seed", type=int, default=1, help="draws the faults and their moments")
    parser.add_argument("--rate", type=float, default=8.0, help="requests a second of the crowd")
    parser.add_argument("--appendfsync", choices=("everysec", "always"), default="everysec", help="how Redis writes its log")
    parser.add_argument("--write", type=Path, metavar="FILE", default=ROOT / "docs" / "faults.md", help="where the page goes")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="leave what the processes said in this folder")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # servers and disks are put away, whoever ends us
    number = len(FAULTS) if options.short else options.faults
    plan = Plan(number, options.seed, options.only, options.minutes, options.rate, options.appendfsync)
    came = run(plan, _say, options.keep)
    print("\n".join([*lines(came.account, len(came.happened)), *beside(came.side)]))
    for mistake in came.mistakes:
        print(f"WRONG: {mistake}")
    if not options.short and not options.only:
        text = page(came.facts, came.account, came.happened, came.side, came.setting, came.mistakes)
        options.write.write_text(text, encoding="utf-8")
    return 1 if came.mistakes else 0


if __name__ == "__main__":
    sys.exit(main())
