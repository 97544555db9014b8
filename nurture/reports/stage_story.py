"""Where somebody stood, and for how long."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from nurture.domain.lifecycle import Lifecycle
from nurture.domain.person import Person
from nurture.reports.figures import Figures


class StageSpan(Figures):
    """A time in one stage; `until` is None in the present one."""

    stage: str
    since: datetime
    until: datetime | None
    seconds: int


class Move(NamedTuple):
    """A stage change, as far as it says who stood where; `own` is false of somebody who was merged into the person."""

    at: datetime
    to_stage: str
    own: bool


def stage_spans(person: Person, moves: Sequence[Move], lifecycle: Lifecycle, at: datetime) -> tuple[StageSpan, ...]:
    """Every stage a person was in until instant `at`, the first one first. `moves` are in the order of time.

    Of those who turned out to be the same human only what leads further up counts: nobody fell back because a part of
    them stood lower.
    """
    starts = [(lifecycle.first, person.first_seen_at)]
    for move in moves:
        stage = starts[-1][0]
        if move.to_stage != stage and (move.own or lifecycle.rank(move.to_stage) > lifecycle.rank(stage)):
            starts.append((move.to_stage, move.at))
    if starts[-1][0] != person.stage:
        starts.append((person.stage, max(person.stage_since, starts[-1][1])))
    return tuple(_spans(starts, at))


def _spans(starts: Sequence[tuple[str, datetime]], at: datetime) -> Iterator[StageSpan]:
    ends = [since for _, since in starts[1:]]
    for (stage, since), until in zip(starts, [*ends, None], strict=True):
        length = max(timedelta(0), (until or at) - since)
        yield StageSpan(stage=stage, since=since, until=until, seconds=int(length / timedelta(seconds=1)))
