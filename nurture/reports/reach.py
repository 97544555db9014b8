"""What any days came to in reach: who came, how, and what they did there. Read once, and summed for each span."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Final, NamedTuple

from sqlalchemy import Connection

from nurture.domain.measuring.figures import AWARE, DEEP, DOWNLOADS, PLAYS, SECONDS, VIEWS, VISITS
from nurture.reports.comparing import share
from nurture.reports.rollups import Presence, by_day_and_key, by_figure_and_day
from nurture.reports.sheet import Period

#: Channels of visits that nobody paid for and no link of ours brought: search, social networks, video, shopping.
ORGANIC: Final = "organic-"

_SUMS: Final = (VIEWS, DEEP, PLAYS, DOWNLOADS, SECONDS)


class Reach(NamedTuple):
    """What some days came to. `seconds` are those of attention; `deep` are reads of 75 % of a page or more."""

    visitors: int
    new: int
    visits: int
    organic: int
    direct: int
    branded: int
    views: int
    deep: int
    plays: int
    downloads: int
    seconds: int

    @property
    def returning(self) -> int:
        """Visitors who had been here before these days."""
        return self.visitors - self.new

    @property
    def aware(self) -> float | None:
        """The share of visits by people who knew where to go: they came directly, or asked for the brand."""
        return share(self.direct + self.branded, self.visits)

    @property
    def seconds_per_visit(self) -> float | None:
        return share(self.seconds, self.visits)

    @property
    def seconds_per_visitor(self) -> float | None:
        return share(self.seconds, self.visitors)


class Days:
    """The days of a period, ready to be summed for any span within it."""

    def __init__(self, connection: Connection, period: Period) -> None:
        self._came = Presence(connection, period)
        self._visits = _by_day(by_day_and_key(connection, VISITS, period))
        self._aware = _by_day(by_day_and_key(connection, AWARE, period))
        self._sums = by_figure_and_day(connection, _SUMS, period)

    def of(self, span: Period) -> Reach:
        """What a span comes to."""
        visitors, new = self._came.different(span)
        visits, aware = self.visits(span), _by_key(_within(self._aware, span))
        days = range(span.first, span.last + 1)
        sums = {figure: sum(self._sums.get((figure, day), 0) for day in days) for figure in _SUMS}
        return Reach(
            visitors=visitors, new=new,
            visits=sum(visits.values()), organic=sum(n for channel, n in visits.items() if channel.startswith(ORGANIC)),
            direct=aware.get("direct", 0), branded=aware.get("branded", 0),
            views=sums[VIEWS], deep=sums[DEEP], plays=sums[PLAYS], downloads=sums[DOWNLOADS], seconds=sums[SECONDS],
        )  # fmt: skip

    def visits(self, span: Period) -> Mapping[str, int]:
        """The visits of a span by channel."""
        return _by_key(_within(self._visits, span))


_Keyed = Mapping[tuple[int, str], int]


def _by_day(keyed: _Keyed) -> Mapping[int, _Keyed]:
    days: dict[int, dict[tuple[int, str], int]] = defaultdict(dict)
    for (day, key), n in keyed.items():
        days[day][day, key] = n
    return days


def _within(days: Mapping[int, _Keyed], span: Period) -> _Keyed:
    return {at: n for day in range(span.first, span.last + 1) for at, n in days.get(day, {}).items()}


def _by_key(keyed: _Keyed) -> Mapping[str, int]:
    sums: dict[str, int] = defaultdict(int)
    for (_, key), n in keyed.items():
        sums[key] += n
    return sums
