"""What a trace is made of: moments, each with its instant as far as it is known."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from nurture.reports.figures import Figures

#: Of what there may be many of (mails of a run, reports on a mail), at most so many are told.
MOST: Final = 50


class Moment(Figures):
    """Something that happened, or stands. `what` is a word for machines, `text` for people; `at` is None where no instant is kept."""

    at: datetime | None
    what: str
    text: str


def in_order(moments: Iterable[Moment]) -> tuple[Moment, ...]:
    """Moments by their instants; what has none stands behind what it was told after."""
    ordered: list[tuple[datetime, int, Moment]] = []
    last: datetime | None = None
    untimed: list[Moment] = []
    for number, moment in enumerate(moments):
        last = moment.at or last
        if last is None:
            untimed.append(moment)
        else:
            ordered.append((last, number, moment))
    return (*untimed, *(moment for _, _, moment in sorted(ordered, key=lambda each: each[:2])))


def instant(at: datetime) -> str:
    """An instant inside a text."""
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"
