"""What a person adds to the figures by the stages they reached.

Only the first time at a stage or above it counts, whoever falls back and comes again. Everything here follows from the whole of a
story and from no order in which it became known, so a person who is measured anew adds what they would have added at once.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import Final, NamedTuple

from nurture.domain.attribution import credits_of
from nurture.domain.channel_table import UNASSIGNED
from nurture.domain.lifecycle import DISQUALIFIED, Lifecycle
from nurture.domain.measuring.days import local_day, month_of
from nurture.domain.measuring.figures import (
    ASSISTED,
    BECAME,
    BECAME_BY_ASSET,
    BECAME_BY_CHANNEL,
    BECAME_BY_FORM,
    CAMPAIGN_CREDIT,
    CREDIT,
    OUTCOME,
    PATHS,
    REACHED,
    REACHED_BY_ASSET,
    REACHED_BY_COHORT,
    REACHED_BY_FORM,
    VELOCITY,
)  # fmt: skip
from nurture.domain.measuring.tally import LONGEST_KEY, Place, Tally
from nurture.domain.touches import Touch

#: The stage from which on a lead is with sales.
SQL: Final = "sql"

#: Of what somebody had read before a milestone, the latest so many pages and assets are remembered.
MOST_READ: Final = 50


class Act(NamedTuple):
    """A form that was sent, or an asset that was downloaded: `form` is None of a download; `submission` ties both together."""

    at: datetime
    form: str | None
    asset: str | None
    submission: str | None


class Move(NamedTuple):
    """A stage change: the form and the asset that it came of, where it came of one, and what is on record as having brought them."""

    at: datetime
    to_stage: str
    form: str | None = None
    asset: str | None = None
    touch: Touch | None = None


class Read(NamedTuple):
    """A page that somebody looked at, or an asset that they took freely."""

    at: datetime
    what: str


class Story(NamedTuple):
    """One human's way: first seen at an instant, standing at a stage now. All parts are in the order of time.

    Events from before `horizon` were forgotten; `read_once` is what had been read before each stage was reached, as it was found
    out while they were there.
    """

    first_seen_at: datetime
    stage: str
    moves: Sequence[Move]
    touches: Sequence[Touch] = ()
    reads: Sequence[Read] = ()
    horizon: datetime | None = None
    read_once: Mapping[str, Sequence[str]] = {}


def form_behind(act: Act, sent: Iterable[Act]) -> str | None:
    """The form of an act: of a download the form that it followed, else the last one sent before that offers the asset."""
    if act.form is not None:
        return act.form
    before = [each for each in sent if each.at <= act.at]
    followed = [each.form for each in before if act.submission is not None and each.submission == act.submission]
    offered = [each.form for each in before if act.asset is not None and each.asset == act.asset]
    return (followed or offered or [None])[-1]


def milestones(moves: Iterable[Move], lifecycle: Lifecycle) -> dict[str, Move]:
    """By stage, in their order, the first move to it or to one above it."""
    first: dict[str, Move] = {}
    for move in moves:
        for stage in lifecycle.stages[1 : lifecycle.rank(move.to_stage) + 1]:
            first.setdefault(stage, move)
    return {stage: first[stage] for stage in lifecycle.stages if stage in first}


def added_by(story: Story, lifecycle: Lifecycle, timezone: str) -> Tally:
    """All that one human adds, by days of a time zone."""
    reached = milestones(story.moves, lifecycle)
    days = {stage: local_day(move.at, timezone) for stage, move in reached.items()}
    tally = Tally()
    for figure, day, key, n in _added(story, reached, days, lifecycle, timezone):
        tally[Place(figure, day, key[:LONGEST_KEY])] += n
    return tally


#: A figure, a day, a key, and how much is added there.
_Added = tuple[str, int, str, int]


def _added(
    story: Story, reached: Mapping[str, Move], days: Mapping[str, int], lifecycle: Lifecycle, timezone: str
) -> Iterator[_Added]:
    if reached:
        cohort = str(month_of(days[lifecycle.stages[1]]))
        for stage, move in reached.items():
            yield REACHED_BY_COHORT.format(stage), days[stage], cohort, 1
            yield from _of_milestone(stage, move, story, days[stage])
        yield from _pace(story, reached, days, lifecycle)
        yield from _what_became_of_the_lead(story, reached, days)
        yield from _paths(story, reached, days)
    if SQL in reached:
        yield OUTCOME, days[SQL], _outcome(story.stage, reached, lifecycle), 1
    lost = next((move for move in story.moves if move.to_stage == DISQUALIFIED), None)
    if lost is not None:
        yield REACHED.format(DISQUALIFIED), local_day(lost.at, timezone), "", 1


def _of_milestone(stage: str, move: Move, story: Story, day: int) -> Iterator[_Added]:
    """That a stage was reached, and by what."""
    yield REACHED.format(stage), day, "", 1
    if move.form is not None:
        yield REACHED_BY_FORM.format(stage), day, move.form, 1
    if move.asset is not None:
        yield REACHED_BY_ASSET.format(stage), day, move.asset, 1
    for what in _read_before(stage, move, story):
        yield ASSISTED.format(stage), day, what, 1
    touches = _brought(story, move)
    for model, by_channel in credits_of(touches, move.touch, lambda touch: touch.channel, UNASSIGNED).items():
        yield from ((CREDIT.format(model, stage), day, channel, n) for channel, n in by_channel.items())
    for model, by_campaign in credits_of(touches, move.touch, lambda touch: touch.campaign or "", "").items():
        yield from ((CAMPAIGN_CREDIT.format(model, stage), day, campaign, n) for campaign, n in by_campaign.items())


def _pace(story: Story, reached: Mapping[str, Move], days: Mapping[str, int], lifecycle: Lifecycle) -> Iterator[_Added]:
    """The whole days from one stage to the next at which somebody really arrived: stages that they passed over took no time."""
    came_from, since = lifecycle.first, story.first_seen_at
    for stage, move in reached.items():
        if stage == move.to_stage:
            yield VELOCITY.format(stage), days[stage], f"{came_from}:{max(0, (move.at - since) // timedelta(days=1))}", 1
            came_from, since = stage, move.at


def _what_became_of_the_lead(story: Story, reached: Mapping[str, Move], days: Mapping[str, int]) -> Iterator[_Added]:
    lead, move = next(iter(reached.items()))
    [channel] = credits_of(_brought(story, move), None, lambda touch: touch.channel, UNASSIGNED)["last"]
    for stage in reached:
        yield BECAME.format(stage), days[lead], "", 1
        yield BECAME_BY_FORM.format(stage), days[lead], move.form or "", 1
        yield BECAME_BY_ASSET.format(stage), days[lead], move.asset or "", 1
        yield BECAME_BY_CHANNEL.format(stage), days[lead], channel, 1


def _paths(story: Story, reached: Mapping[str, Move], days: Mapping[str, int]) -> Iterator[_Added]:
    """From what they had read to the asset that made them a lead, and on to each stage."""
    lead, move = next(iter(reached.items()))
    if move.asset is not None:
        ways = [f"{move.asset} {what}" for what in _read_before(lead, move, story)]
        yield from ((PATHS.format(stage), days[stage], way, 1) for stage in reached for way in ways)


def _outcome(stage: str, reached: Mapping[str, Move], lifecycle: Lifecycle) -> str:
    if lifecycle.stages[-1] in reached:
        return "won"
    return "lost" if lifecycle.rank(stage) < lifecycle.rank(SQL) else "open"


def _brought(story: Story, move: Move) -> list[Touch]:
    return [touch for touch in story.touches if touch.at <= move.at]


def _read_before(stage: str, move: Move, story: Story) -> list[str]:
    """What was read before a stage was reached, each once, the latest first."""
    latest = dict.fromkeys(read.what for read in reversed(story.reads) if read.at < move.at)
    if story.horizon is not None and move.at < story.horizon:
        latest |= dict.fromkeys(story.read_once.get(stage, ()))
    return list(islice(latest, MOST_READ))
