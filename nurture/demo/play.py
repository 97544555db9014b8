"""The play: the clock goes from tick to tick, the crowd acts, the engine works, the crowd gets its mail."""

from collections.abc import Callable
from datetime import datetime, time, timedelta
from typing import Final, NamedTuple

from nurture.demo.crowd import Crowd
from nurture.demo.letterbox import Letterbox
from nurture.demo.stage import Stage
from nurture.demo.ticks import Ticks

#: How long the play lasts on the engine's clock: time for everybody's last mail.
DAYS: Final = 21


class Moment(NamedTuple):
    """How far the play is."""

    at: datetime
    day: int
    visitors: int
    leads: int
    mails: int
    clicks: int


def first_day(now: datetime) -> datetime:
    """Midnight UTC of the Monday from which the whole play lies in the past: afterwards the engine goes on from today."""
    day = now.date() - timedelta(days=DAYS + 1)
    return datetime.combine(day - timedelta(days=day.weekday()), time(), now.tzinfo)


def play(crowd: Crowd, stage: Stage, letterbox: Letterbox, ticks: Ticks, watch: Callable[[Moment], None]) -> datetime:
    """Play from the first tick to the end, telling `watch` of each; returns the last instant, at which the engine is quiet."""
    begins = cooled = ticks[0]
    ends = begins + timedelta(days=DAYS)
    while True:
        following = [at for at in (crowd.next_at, stage.next_due()) if at is not None]
        tick = ticks.from_on(max(min(following, default=ends), stage.clock.now()))
        if tick >= ends:
            break
        stage.move_to(tick)
        _act(crowd, stage, letterbox, tick)
        watch(_moment(crowd, stage, letterbox, begins))
        if tick - cooled > timedelta(days=1):
            stage.cool()
            cooled = tick
    stage.move_to(ends)
    _act(crowd, stage, letterbox, begins)  # nothing new is begun; what is under way comes to its end
    stage.settle()
    crowd.ledger.quiet(stage.clock.now())
    watch(_moment(crowd, stage, letterbox, begins))
    return stage.clock.now()


def _act(crowd: Crowd, stage: Stage, letterbox: Letterbox, until: datetime) -> None:
    crowd.play(until)
    stage.settle()
    crowd.ledger.quiet(stage.clock.now())
    for mail in letterbox.new():
        crowd.react(mail)


def _moment(crowd: Crowd, stage: Stage, letterbox: Letterbox, begins: datetime) -> Moment:
    at, ledger = stage.clock.now(), crowd.ledger
    return Moment(at, (at - begins).days, ledger.visitors, stage.leads(), len(letterbox.mails), ledger.clicks)
