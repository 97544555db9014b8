"""Events per second from HTTP to the scored row that are kept up: the offered rate rises until the lag no longer stays flat.

Everything shares two cores: web process, worker, Redis, PostgreSQL and the generator. At each level single events come at their own
instants (`openload.py`), whatever became of those before. A level is kept up if what is accepted and not scored yet is no more in its second
half than in its first, and if the answers were in time. Then the results of all levels are counted.
"""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean, median
from typing import Any, Final

from benchmarks import whole
from benchmarks.crowd import points_by_visitor
from benchmarks.figure import Figure, Goal, measure
from benchmarks.laboratory import WRITE_KEY, Laboratory, WrongResultError
from benchmarks.load import said
from benchmarks.whole import Whole

#: Of 100 answers 99 are there so many seconds after their requests were to leave.
IN_TIME: Final = 0.5

#: A lag that grows by less than this share of the offered rate is flat: batches make it rise and fall.
FLAT: Final = 0.05

#: Seconds at the begin of a level that are not looked at: nothing is under way yet.
_SETTLING: Final = 1.0

#: Who cannot keep up so many events a second is broken.
_LEAST: Final = 5.0

_LOOK_EVERY: Final = 0.1


@dataclass(frozen=True)
class Rise:
    """How the offered rate rises: from the first level of each side, times `step` each, each for so many seconds."""

    ours: float
    twin: float
    step: float
    seconds: float


FULL: Final = Rise(ours=1_500, twin=120, step=1.25, seconds=7)
SHORT: Final = Rise(ours=1_000, twin=100, step=1.5, seconds=3)


@dataclass(frozen=True)
class Level:
    """What one level came to. Rates are events a second."""

    rate: float
    asked: int
    late: float
    """Seconds within which 99 of 100 were answered."""
    growth: float
    """By how much the lag grew, in events a second."""

    @property
    def kept_up(self) -> bool:
        return self.late <= IN_TIME and self.growth <= FLAT * self.rate


@dataclass
class Watch:
    """Looks at a lag again and again while something else goes on."""

    lag: Callable[[], int]
    looks: list[tuple[float, int]] = field(default_factory=list)

    @contextmanager
    def while_it_lasts(self) -> Iterator[None]:
        over = threading.Event()
        thread = threading.Thread(target=self._look, args=(over,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def _look(self, over: threading.Event) -> None:
        while not over.wait(_LOOK_EVERY):
            self.looks.append((time.monotonic(), self.lag()))


def growth(looks: list[tuple[float, int]], begin: float, end: float) -> float:
    """By how much a lag grew between two instants, a second: its mean in the second half beside that in the first."""
    middle = (begin + end) / 2
    halves = [lag for at, lag in looks if begin <= at < middle], [lag for at, lag in looks if middle <= at < end]
    if not all(halves):
        raise WrongResultError("the lag was not looked at often enough; the machine is too busy for a figure")
    return (mean(halves[1]) - mean(halves[0])) / (middle - begin)


class Rising:
    """Lets the offered rate rise against one that runs, and keeps in mind what was asked of it."""

    def __init__(self, laboratory: Laboratory, runs: Whole, seconds: float) -> None:
        self._laboratory, self._runs, self._seconds = laboratory, runs, seconds
        self._levels: list[Level] = []

    def level(self, rate: float) -> Level:
        """Hold a rate, then wait until everything is scored."""
        watch = Watch(self._runs.lag)
        with watch.while_it_lasts():
            told = ask(self._laboratory, f"{self._runs.url}/v1/track", _prefix(len(self._levels)), rate, self._seconds)
        begin = told["began"]
        grew = growth(watch.looks, begin + _SETTLING, begin + self._seconds)
        level = Level(rate, told["asked"], told["p99_ms"] / 1e3, grew)
        self._levels.append(level)
        self._runs.drain()
        return level

    def check(self, what: str) -> None:
        """Every accepted event counts once, and for its visitor."""
        ids: set[str] = set()
        points: Counter[str] = Counter()
        for number, level in enumerate(self._levels):
            ids |= {f"{_prefix(number)}-{each:012d}" for each in range(level.asked)}
            points.update(_points(level.asked))
        self._runs.check(what, ids, points)


def _prefix(level: int) -> str:
    return f"level{level}"


def _points(asked: int) -> Counter[str]:
    """What so many events of the generator are worth, which says the same things over and over."""
    events = said("any")
    rounds, rest = divmod(asked, len(events))
    points = Counter({visitor: rounds * worth for visitor, worth in points_by_visitor(events).items()})
    points.update(points_by_visitor(events[:rest]))
    return points


def ask(laboratory: Laboratory, url: str, prefix: str, rate: float, seconds: float, *more: str) -> dict[str, Any]:
    """Let the generator ask at a rate, and see that everything was accepted."""
    words = ("--url", url, "--prefix", prefix, "--rate", str(rate), "--seconds", str(seconds), "--write-key", WRITE_KEY, *more)
    told: dict[str, Any] = laboratory.answer_of("benchmarks.openload", *words)
    if any(int(status) >= 400 for status in told["statuses"]):
        raise WrongResultError(f"not everything was accepted: {told['statuses']}")
    return told


class Sustaining:
    """Finds what each side keeps up."""

    def __init__(self, laboratory: Laboratory, rise: Rise, say: Callable[[str], None]) -> None:
        self._laboratory, self._rise, self._say = laboratory, rise, say

    def ours(self) -> float:
        laboratory = self._laboratory
        with laboratory.database() as database, whole.engine(laboratory, laboratory.settings(database)) as runs:
            return self._highest("the engine", runs, self._rise.ours)

    def twin(self) -> float:
        laboratory = self._laboratory
        with laboratory.database() as database, whole.twin(laboratory, database, {}) as runs:
            return self._highest("the twin", runs, self._rise.twin)

    def _highest(self, what: str, runs: Whole, rate: float) -> float:
        """The highest rate that was kept up. If that is not even the first, the rate falls until one is."""
        rising, step = Rising(self._laboratory, runs, self._rise.seconds), self._rise.step
        rising.level(rate / 2)  # connections are opened, statements prepared, caches filled

        def kept_up_at(rate: float) -> bool:
            level = rising.level(rate)
            self._say(_line(what, level))
            return level.kept_up

        if kept_up_at(rate):
            while kept_up_at(rate * step):
                rate *= step
        else:
            while not kept_up_at(rate := rate / step):
                if rate < _LEAST:
                    raise WrongResultError(f"{what} does not even keep up {rate:,.0f} events/s")
        rising.check(what)
        return rate


def _line(what: str, level: Level) -> str:
    kept = "kept up" if level.kept_up else "not kept up"
    return (
        f"  {what}, {level.rate:,.0f}/s offered: {kept}; 99 % answered in {level.late:.3f} s, lag grows by {level.growth:,.0f}/s"
    )


def figures(laboratory: Laboratory, *, short: bool, times: int, say: Callable[[str], None]) -> Iterator[Figure]:
    sustaining = Sustaining(laboratory, SHORT if short else FULL, say)
    figure = Figure("sustained", "HTTP to scored row, lag flat, all on two cores", goals=(Goal(10, "twin"),))
    figure = measure(figure, times, say, ours=sustaining.ours, twin=sustaining.twin, limit=None)
    _kept(laboratory).write_text(json.dumps([median(figure.ours), median(figure.twin)]))
    yield figure


def kept_up(laboratory: Laboratory, say: Callable[[str], None]) -> tuple[float, float]:
    """Events a second that the engine and the twin keep up: as found before in this laboratory, else by a short rise now."""
    kept = _kept(laboratory)
    if not kept.exists():
        sustaining = Sustaining(laboratory, SHORT, say)
        kept.write_text(json.dumps([sustaining.ours(), sustaining.twin()]))
    ours, twin = json.loads(kept.read_text())
    return ours, twin


def _kept(laboratory: Laboratory) -> Path:
    """Where a laboratory keeps what it has found, for those who load it by half."""
    return laboratory.folder / "sustained.json"
