"""How fast the engine goes: samples of counts that only grow become rates, and a list of rates becomes a line of bars."""

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from math import floor
from typing import Final, NamedTuple

from nurture.adapters.pulse import Sample

#: The bars of a sparkline, and others for a terminal that knows only ASCII.
BARS: Final = "▁▂▃▄▅▆▇█"
ASCII_BARS: Final = "_.:-=+*#"

#: The counters of events that have left the stream.
_ABSORBED: Final = ("events_stored", "events_parked", "events_dropped")


def _sum_of(names: Sequence[str]) -> Callable[[Sample], int]:
    return lambda sample: sum(sample.counters.get(name, 0) for name in names)


#: What flows through the engine, in its order, and how much of it there ever was at a sample; what came in is told apart.
FLOW: Final[Mapping[str, Callable[[Sample], int]]] = {
    "in": lambda sample: sample.entries or 0,
    "absorbed": _sum_of(_ABSORBED),
    "advanced": _sum_of(("runs_advanced",)),
    "sent": _sum_of(("messages_sent",)),
}


class Step(NamedTuple):
    """How much came between two instants (seconds)."""

    begin: float
    end: float
    many: float


def steps(samples: Sequence[Sample], what: str) -> list[Step]:
    """What of a flow came from each sample (the oldest first) to the next.

    A count that is smaller than before began anew, as when Redis was emptied: then all of it is new. Where Redis does not count what
    came in, it is what has left the stream and what lies in it more than before.
    """
    found = []
    for before, after in pairwise(samples):
        if after.at <= before.at:
            continue
        if what == "in" and (before.entries is None or after.entries is None):
            left = _grown(FLOW["absorbed"](before), FLOW["absorbed"](after))
            many = max(0, left + after.backlog - before.backlog)
        else:
            many = _grown(FLOW[what](before), FLOW[what](after))
        found.append(Step(before.at, after.at, many))
    return found


def _grown(before: int, after: int) -> int:
    return after - before if after >= before else after


def rate(steps: Sequence[Step], begin: float, end: float) -> float | None:
    """How much came in a second, from one instant to another; None if nothing is known of that time.

    What came between two samples counts as spread evenly between them.
    """
    many = known = 0.0
    for step in steps[max(0, bisect_right(steps, begin, key=lambda step: step.end)) :]:
        if step.begin >= end:
            break
        overlap = min(end, step.end) - max(begin, step.begin)
        many += step.many * overlap / (step.end - step.begin)
        known += overlap
    return many / known if known > 0 else None


def series(steps: Sequence[Step], at: float, width: float, number: int) -> list[float | None]:
    """The rates of the last `number` spans of `width` seconds that are over at an instant, the oldest first.

    Spans begin at whole multiples of their width, so that from one look to the next bars move and do not change.
    """
    end = floor(at / width) * width
    return [rate(steps, end - (number - index) * width, end - (number - index - 1) * width) for index in range(number)]


def sparkline(rates: Sequence[float | None], bars: str = BARS) -> str:
    """Rates as bars, the highest for the greatest of them; nothing where nothing is known."""
    peak = max((each for each in rates if each is not None), default=0.0)
    return "".join(" " if each is None else bars[_height(each, peak, len(bars))] for each in rates)


def _height(value: float, peak: float, bars: int) -> int:
    """Only what is nothing at all has the lowest bar."""
    if peak <= 0 or value <= 0:
        return 0
    return max(1, min(bars - 1, round(value / peak * (bars - 1))))
