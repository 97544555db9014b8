"""Whom sales should call first, and why.

Whoever raised their hand comes first; then goes how well somebody fits, how interested they are and how lately they showed it, all
three together: who fails in one of them is no better for the others.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from nurture.domain.event import DEAL_LOST, LEAD_ACCEPTED, LEAD_REJECTED, TOLD_BY_SALES
from nurture.domain.handing_off import Handoff
from nurture.domain.lifecycle import Lifecycle

#: After so long without a sign of life somebody is worth half as much of a call.
FRESH: Final = timedelta(days=7)


class Candidate(NamedTuple):
    """Somebody whom sales may call. `asked` says that they came to their stage by what they did; `fresh_at` is their last sign of life."""

    person: int
    asked: bool
    grade: str
    engagement: float
    fresh_at: datetime


def stages_to_call(lifecycle: Lifecycle, handoff: Handoff) -> tuple[str, ...]:
    """Where people stand who are sales' to call: stages they must answer for; else those between where a rejection leads back to and
    where being accepted leads; else all but the first and the last.
    """
    if handoff.follow_up:
        return tuple(stage for stage in lifecycle.stages if stage in handoff.follow_up)
    back = [lifecycle.rank(no.to) for no in lifecycle.rejections if {LEAD_REJECTED, DEAL_LOST} & {*no.on}]
    on = [lifecycle.rank(rule.to) for rule in lifecycle.promotions if LEAD_ACCEPTED in rule.on]
    least, most = max(back, default=0), min(on, default=len(lifecycle.stages) - 1)
    return lifecycle.stages[least + 1 : most] or lifecycle.stages[1:-1]


def rules_that_ask(lifecycle: Lifecycle) -> tuple[str, ...]:
    """The promotions that somebody causes by what they do, rather than by their score or by what sales say.

    Who comes to the second stage only traded an address for content.
    """
    return tuple(rule.id for rule in lifecycle.promotions if {*rule.on} - TOLD_BY_SALES and lifecycle.rank(rule.to) > 1)


def worth(candidate: Candidate, grades: Mapping[str, int], at: datetime) -> float:
    """How much a call is worth: never more than their engagement."""
    letters = sorted(grades)
    fits = 1 - letters.index(candidate.grade) / len(letters) if candidate.grade in letters else 0.0
    silent = max(at - candidate.fresh_at, timedelta())
    return fits * max(candidate.engagement, 0.0) * float(2 ** -(silent / FRESH))


def in_order(candidates: Iterable[Candidate], grades: Mapping[str, int], at: datetime) -> list[Candidate]:
    """Whom to call first; of equals, who showed themselves last."""
    return sorted(
        candidates,
        key=lambda each: (not each.asked, -worth(each, grades, at), -each.fresh_at.timestamp(), each.person),
    )
