"""What the facts of `report diagnose` are told from: roll-ups of a period and the one before, and a few grouped questions."""

from datetime import datetime
from functools import cached_property
from typing import NamedTuple

from sqlalchemy import Connection

from nurture.domain.definitions import Definitions
from nurture.domain.diagnosing.facts import Share
from nurture.domain.lifecycle import Lifecycle, Promotion
from nurture.domain.measuring.figures import BECAME, REACHED
from nurture.reports.everybody import Everybody
from nurture.reports.rollups import people_in, total
from nurture.reports.sheet import Period


class Stages(NamedTuple):
    """The stages by what they stand for, whatever they are called: who left details, who is worth a call, who is called, who bought."""

    first: str
    lead: str
    qualified: str
    sales: str
    won: str


def stages_of(lifecycle: Lifecycle) -> Stages:
    """Qualified is the stage to which a score leads; sales begins with the next one."""
    names = lifecycle.stages
    by_score = [rule.to for rule in scored_promotions(lifecycle) if rule.to in names]
    qualified = min(max(map(names.index, by_score), default=min(2, len(names) - 1)), len(names) - 1)
    return Stages(names[0], names[1], names[qualified], names[min(qualified + 1, len(names) - 1)], names[-1])


def scored_promotions(lifecycle: Lifecycle) -> list[Promotion]:
    """The promotions that rest on what somebody's points come to, and on no event."""
    return [rule for rule in lifecycle.promotions if not rule.on]


class Look:
    """One look at a business: at a period, as of an instant."""

    def __init__(self, connection: Connection, definitions: Definitions, period: Period, at: datetime) -> None:
        self.connection, self.definitions, self.period = connection, definitions, period
        self.everybody = Everybody(connection, definitions, at)

    @cached_property
    def stages(self) -> Stages:
        return stages_of(self.definitions.lifecycle)

    @cached_property
    def visitors(self) -> tuple[int, int]:
        """Different people who were here in the period, and how many of them had never been before."""
        return people_in(self.connection, self.period)

    def reached(self, stage: str) -> int:
        """People who reached a stage for the first time in the period."""
        return total(self.connection, REACHED.format(stage), self.period)

    def became(self, stage: str) -> int:
        """Of those who became leads in the period, how many reached a stage or one above it by now."""
        return total(self.connection, BECAME.format(stage), self.period)


def share_of_people(part: int, whole: int, people: int) -> Share:
    """A share of what many people did several times: it is as sure as if each had done it once, since one's own acts are alike."""
    scale = min(1.0, people / whole) if whole else 1.0
    return Share(part * scale, whole * scale)
