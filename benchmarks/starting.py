"""How long somebody waits who types a command: the whole process, from the interpreter's start to its end.

`nurture status` asks a Redis and a PostgreSQL with the engine's schema; no worker runs, so it says *down*, after as many questions as
ever. The limit is a Python that does nothing. The twin has no command of its own: beside ours stands `celery report`, which
loads the twin's application and asks nobody, and `celery --help`.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from statistics import median
from typing import Final

from benchmarks.figure import Figure, Goal, measure
from benchmarks.laboratory import ROOT, Laboratory, WrongResultError, environ_of
from nurture import bootstrap

#: How often a command is run for one value, behind a run that fills the caches.
RUNS: Final = 7

#: What the installed script `nurture` does.
_NURTURE: Final = ("-c", "from nurture.cli.main import run; run()")
_CELERY: Final = ("-m", "celery", "-A", "benchmarks.twin.tasks")

#: `nurture status` where no worker runs.
_DOWN: Final = 2


def seconds(arguments: tuple[str, ...], environ: Mapping[str, str], check: Callable[[int, str], None], runs: int = RUNS) -> float:
    """The median wall clock of a Python process, in seconds; `check` gets the exit code and the output of each run."""
    taken = []
    for _ in range(runs + 1):
        begun = time.perf_counter()
        ran = subprocess.run(
            [sys.executable, *arguments], cwd=ROOT, env=environ_of(environ), stdin=subprocess.DEVNULL, capture_output=True,
            text=True, check=False,
        )  # fmt: skip
        taken.append(time.perf_counter() - begun)
        check(ran.returncode, ran.stdout)
    return median(taken[1:])


def says(word: str, code: int, output: str) -> None:
    """Raise WrongResultError unless a command ended well and said a word."""
    if code != 0 or word not in output:
        raise WrongResultError(f"a command ended with {code} and did not say {word!r}")


def tells_of_an_idle_engine(code: int, output: str) -> None:
    """Raise WrongResultError unless `nurture status --json` reached both servers and missed nothing but workers and beat."""
    told = json.loads(output) if code == _DOWN else {}
    if not told.get("store") or not told.get("stream"):
        raise WrongResultError(f"`nurture status` ended with {code} and has not asked both servers")


def _does_nothing(runs: int) -> float:
    return seconds(("-c", "pass"), {}, partial(says, ""), runs)


def figures(laboratory: Laboratory, *, short: bool, times: int, say: Callable[[str], None]) -> Iterator[Figure]:
    runs = 3 if short else RUNS
    nothing = "a Python that does nothing"
    with laboratory.database() as database:
        settings = laboratory.settings(database)
        bootstrap.prepare(settings)
        ours, twins = settings.as_environ(), laboratory.twin_environ(database)
        yield measure(
            Figure("start-help", "nurture --help", "s", "less", limit_is=nothing, goals=(Goal(0.3),)),
            times, say,
            ours=lambda: seconds((*_NURTURE, "--help"), ours, partial(says, "lead nurturing"), runs),
            twin=lambda: seconds((*_CELERY, "--help"), twins, partial(says, "celery"), runs),
            limit=lambda: _does_nothing(runs),
        )  # fmt: skip
        yield measure(
            Figure("start-status", "nurture status", "s", "less", limit_is=nothing, goals=(Goal(0.8),)),
            times, say,
            ours=lambda: seconds((*_NURTURE, "status", "--json"), ours, tells_of_an_idle_engine, runs),
            twin=lambda: seconds((*_CELERY, "report"), twins, partial(says, "software"), runs),
            limit=lambda: _does_nothing(runs),
        )  # fmt: skip
