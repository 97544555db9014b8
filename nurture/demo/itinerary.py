"""When who comes and what they look at; pure. Everything follows from a person, their dice and the first day."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, time, timedelta
from random import Random
from typing import Final, Literal, NamedTuple
from zoneinfo import ZoneInfo

from nurture.demo.cast import Persona, Someone
from nurture.demo.site import SITES, Page, Site

FormName = Literal["guide", "webinar", "newsletter", "demo-request"]


class Read(NamedTuple):
    """A page, and the seconds of attention it gets."""

    page: Page
    seconds: int


class Fill(NamedTuple):
    """A form on the page before. It is always a visit's last stop: the engine stamps it with its own clock, when the visit ends."""

    form: FormName


Stop = Read | Fill
Tour = Sequence[Stop]


class Visit(NamedTuple):
    """One visit on one of somebody's devices; it is over at `ends`."""

    ends: datetime
    device: int
    stops: tuple[Stop, ...]


#: Filling in a form takes this long.
FILLING: Final = timedelta(seconds=40)

#: The days on which people come, counted from the first, a Monday.
_DAYS: Final = (0, 0, 1, 1, 2, 2, 3, 4, 7, 8)

_HOURS: Final = (8.5, 18.5)

#: Hours after its arrival in which a mail is read, if it is read at all, and the hours on the clock in which people read.
_READ_AFTER: Final = (0.4, 20.0)
_AWAKE: Final = (7, 21)

#: Of those who come more than once so many come on two devices.
_SECOND_DEVICE: Final = 0.3


def lasts(stop: Stop) -> timedelta:
    """How long a stop takes, the moment of turning to the next page included."""
    return FILLING if isinstance(stop, Fill) else timedelta(seconds=stop.seconds + 4)


def times_of(visit: Visit) -> list[datetime]:
    """When each stop of a visit begins."""
    begins, at = [], visit.ends
    for stop in reversed(visit.stops):
        at -= lasts(stop)
        begins.append(at)
    return begins[::-1]


def plan(someone: Someone, random: Random, first_day: datetime) -> list[Visit]:
    """All visits that somebody pays of their own accord, before any mail; `first_day` is midnight UTC of a Monday."""
    taste = _Taste(SITES[someone.language], random)
    tours = list(_TOURS[someone.persona](taste))
    days = sorted(random.choice(_DAYS) for _ in tours)
    devices = 2 if len(tours) > 1 and taste.likes(_SECOND_DEVICE) else 1
    return [
        Visit(_moment(random, first_day + timedelta(days=day), someone.timezone), random.randrange(devices), tuple(tour))
        for day, tour in zip(days, tours, strict=True)
    ]


def _moment(random: Random, day: datetime, timezone: str) -> datetime:
    """Some minute of the working day where somebody lives."""
    local = datetime.combine(day.date(), time(), ZoneInfo(timezone)) + timedelta(hours=random.uniform(*_HOURS))
    return local.astimezone(UTC).replace(microsecond=0)


def reading_time(arrived: datetime, random: Random, timezone: str) -> datetime:
    """When somebody reads a mail: within a day of its arrival, and while they are awake."""
    local = (arrived + timedelta(hours=random.uniform(*_READ_AFTER))).astimezone(ZoneInfo(timezone))
    wakes, sleeps = (local.replace(hour=hour, minute=random.randrange(60)) for hour in _AWAKE)
    if local < wakes:
        return wakes.astimezone(UTC)
    return local.astimezone(UTC) if local < sleeps else (wakes + timedelta(days=1)).astimezone(UTC)


class _Taste:
    """One person's dice and the pages they may like."""

    def __init__(self, site: Site, random: Random) -> None:
        self.site = site
        self._random = random

    def likes(self, probability: float) -> bool:
        return self._random.random() < probability

    def one(self, *pages: Page) -> Page:
        return self._random.choice(pages)

    def articles(self, least: int, most: int) -> list[Stop]:
        number = self._random.randint(least, most)
        return [Read(page, self._random.randint(25, 150)) for page in self._random.sample(self.site.articles, number)]

    def look(self, page: Page) -> Read:
        return Read(page, self._random.randint(12, 90))

    def perhaps(self, page: Page) -> Tour:
        return [self.look(page)] if self.likes(0.6) else []


def _bounce(my: _Taste) -> Iterator[Tour]:
    yield [Read(my.one(my.site.home, *my.site.articles), 0)]


def _reader(my: _Taste) -> Iterator[Tour]:
    yield my.articles(1, 3)
    while my.likes(0.6):
        yield my.articles(1, 2)


def _researcher(my: _Taste) -> Iterator[Tour]:
    yield [*my.articles(1, 2), my.look(my.site.pricing)]
    yield [my.look(my.site.case_study), my.look(my.site.pricing), *my.articles(0, 1)]
    if my.likes(0.4):
        yield [my.look(my.site.pricing), my.look(my.site.demo)]


def _decider(my: _Taste) -> Iterator[Tour]:
    if my.likes(0.7):
        yield my.articles(1, 2)
    yield [*my.articles(1, 2), *my.perhaps(my.site.pricing), my.look(my.site.case_study), my.look(my.site.guide), Fill("guide")]
    if my.likes(0.6):
        yield [my.look(my.site.pricing), *my.articles(0, 1), *my.perhaps(my.site.demo)]


def _practitioner(my: _Taste) -> Iterator[Tour]:
    if my.likes(0.5):
        yield my.articles(1, 2)
    yield [*my.articles(0, 2), my.look(my.site.guide), Fill("guide")]
    if my.likes(0.5):
        yield my.articles(1, 2)


def _student(my: _Taste) -> Iterator[Tour]:
    yield [*my.perhaps(my.site.careers), my.look(my.site.guide), Fill("guide")]


def _subscriber(my: _Taste) -> Iterator[Tour]:
    yield [*my.articles(1, 2), Fill("newsletter")]


def _applicant(my: _Taste) -> Iterator[Tour]:
    yield [my.look(my.site.home), my.look(my.site.careers)]


_TOURS: Final[dict[Persona, Callable[[_Taste], Iterator[Tour]]]] = {
    "bounce": _bounce, "reader": _reader, "researcher": _researcher, "decider": _decider, "practitioner": _practitioner,
    "student": _student, "subscriber": _subscriber, "applicant": _applicant,
}  # fmt: skip
