"""How fast mail may go: rates that no window of time exceeds, wherever it begins, however many workers there are.

A lane is whatever mail goes through that has a rate: a transport, or a family of recipients. Its time is cut into buckets, and a
permit is good from a bucket on for `life` buckets; nobody can know when exactly within them the mail leaves. So a window of length
`per` may hold the permits of up to `per / width + life` buckets, and that many neighbouring buckets never hold more than `mails`.
The price is `life` buckets of unused rate, 2 % of it. (Counting in buckets and paying for their width is the sliding window
counter made safe; a token bucket lets twice its rate through a window.)

Whoever asks gets the earliest slot there is, up to `HORIZON` ahead. Who finds none gets an appointment instead: when to ask again,
in the order of asking and at the pace of the lane, so that each of a million waiting mails asks about twice.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from math import ceil
from types import MappingProxyType
from typing import Annotated, Final, NamedTuple

from pydantic import AfterValidator, Field

from nurture.domain.duration import Duration
from nurture.domain.model import Definition

#: Into how many buckets a rate's time is cut, and for how many of them a permit is good.
_BUCKETS: Final = 200
_LIFE: Final = 4

_MICROSECOND: Final = timedelta(microseconds=1)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DAY: Final = timedelta(days=1)

#: A rate within this time is a pace, and its mails are spread; one within a longer time is a quota, which may go all at once.
_PACE: Final = timedelta(minutes=1)

#: How many times as fast as its even pace mail may follow mail, to make up for slots that nobody used.
_CATCHING_UP: Final = 1.25

#: How far ahead slots are given away, so that nothing is leased for longer; and how long before its slot a mail asks again.
HORIZON: Final = timedelta(seconds=2)
LEAD: Final = timedelta(seconds=1)

#: For how long a permit is good where there is no rate.
UNHURRIED: Final = timedelta(minutes=1)


def _some_time(per: timedelta) -> timedelta:
    if not timedelta(seconds=1) <= per <= timedelta(days=31):
        raise ValueError("a rate is counted over 1s to 31d; write it so, such as 1s, 1m or 1d")
    return per


class Rate(Definition):
    """At most `mails` within any span of length `per`, wherever it begins."""

    mails: Annotated[int, Field(ge=1, le=10_000_000)]
    """How many mails."""
    per: Annotated[Duration, AfterValidator(_some_time)] = timedelta(seconds=1)
    """In how long a span; it rolls. Within a minute they are spread; a longer span is a quota that may go at once."""


class Lane(NamedTuple):
    """What is counted under `name`: buckets of `width` µs, of which `span` neighbours hold `most` permits, and `gap` of them `burst`.

    A permit is good for `life` buckets; `pace` is the time in µs between two mails at the full rate. One of `gap` and `burst` is 1
    (or every bucket may hold all).
    """

    name: str
    width: int
    span: int
    most: int
    burst: int
    gap: int
    life: int
    pace: int


def lane_of(name: str, rate: Rate) -> Lane:
    """The lane of a rate. One that is counted over another time is another lane."""
    per = rate.per // _MICROSECOND
    width = per // _BUCKETS  # exact, for `per` is in whole seconds
    span = _BUCKETS + _LIFE
    burst, gap = rate.mails, 1
    if rate.per <= _PACE:
        fastest = _CATCHING_UP * rate.mails / _BUCKETS
        burst, gap = ceil(fastest), max(1, int(1 / fastest))
    return Lane(f"{name}:{per // 1_000_000}", width, span, rate.mails, burst, gap, _LIFE, max(1, width * span // rate.mails))


def day_lane(name: str, quota: int) -> Lane:
    """The lane of a quota for each UTC day."""
    width = _DAY // _MICROSECOND
    return Lane(f"{name}:day", width, 1, quota, quota, 1, 1, max(1, width // quota))


class Slot(NamedTuple):
    """A mail may begin from `at` on and before `until`, by the `way`-th of the ways that were asked for."""

    way: int
    at: datetime
    until: datetime


class Later(NamedTuple):
    """No slot is near. Ask again at `at`; the lane named stands in the way of the `way`-th, which is free first."""

    way: int
    at: datetime
    lane: str


class Permit(NamedTuple):
    """A slot that was given, by its lanes and its beginning."""

    lanes: Sequence[Lane]
    at: datetime


#: The ways a mail can go, the one it would rather go first; each way is the lanes it passes through.
Ways = Sequence[Sequence[Lane]]


_NO_LANE: Final = Lane("", 1, 1, 1, 1, 1, 1, 1)


class Limiter:
    """The model of a limiter, in plain words and one process; the one that all workers share must answer just so."""

    def __init__(self) -> None:
        self._granted: dict[str, dict[int, int]] = defaultdict(lambda: defaultdict(int))
        self._appointed: dict[str, int] = defaultdict(int)

    def take(self, mails: Sequence[Ways], at: datetime, used: Mapping[Lane, int] = MappingProxyType({})) -> list[Slot | Later]:
        """A slot or an appointment for each mail, in their order; `used` is what went already through lanes unknown so far."""
        for lane, permits in used.items():
            if lane.name not in self._granted:
                self._granted[lane.name][micros(at) // lane.width] = permits
        return [self._take(ways, micros(at)) for ways in mails]

    def give_back(self, permits: Sequence[Permit]) -> None:
        """Forget permits that were not used."""
        for permit in permits:
            for lane in permit.lanes:
                granted, bucket = self._granted[lane.name], micros(permit.at) // lane.width
                granted[bucket] = max(0, granted[bucket] - 1)

    def _take(self, ways: Ways, now: int) -> Slot | Later:
        found: list[tuple[int, int, Lane]] = []
        for way, lanes in enumerate(ways):
            moment, slowest = self._first_room(lanes, now)
            if moment <= now + HORIZON // _MICROSECOND:
                for lane in lanes:
                    self._granted[lane.name][moment // lane.width] += 1
                return Slot(way, instant(moment), instant(_end(lanes, moment)))
            found.append((moment, way, slowest))
        moment, way, slowest = min(found)
        moment = max(moment, self._appointed[slowest.name])
        self._appointed[slowest.name] = moment + slowest.pace
        return Later(way, instant(moment) - LEAD, slowest.name)

    def _first_room(self, lanes: Sequence[Lane], now: int) -> tuple[int, Lane]:
        """The first moment at which all lanes have room, and the lane that was the last to have it."""
        moment, slowest, before = now, _NO_LANE, -1
        while moment != before:
            before = moment
            for lane in lanes:
                bucket = self._first_bucket(lane, moment // lane.width)
                if bucket * lane.width > moment:
                    moment, slowest = bucket * lane.width, lane
        return moment, slowest

    def _first_bucket(self, lane: Lane, bucket: int) -> int:
        """The first bucket from one on that may take a permit more."""
        granted = self._granted[lane.name]
        while True:
            near = [each for each in range(bucket - lane.gap + 1, bucket + lane.gap) if granted.get(each, 0)]
            if sum(granted[each] for each in near) >= lane.burst:
                bucket = near[-1] + lane.gap
                continue
            around = range(bucket - lane.span + 1, bucket + lane.span)
            totals = [0, *accumulate(granted.get(each, 0) for each in around)]
            full = [end for end in range(lane.span) if totals[end + lane.span] - totals[end] >= lane.most]
            if not full:
                return bucket
            bucket += full[-1] + 1  # behind the last span that holds the bucket and is full


def _end(lanes: Sequence[Lane], moment: int) -> int:
    ends = ((moment // lane.width + lane.life) * lane.width for lane in lanes)
    return min(ends, default=moment + UNHURRIED // _MICROSECOND)


def micros(at: datetime) -> int:
    """Microseconds since 1970."""
    return (at - _EPOCH) // _MICROSECOND


def instant(micros_: int) -> datetime:
    """The instant so many microseconds after 1970."""
    return _EPOCH + micros_ * _MICROSECOND
