"""What roll-ups say of leads in some days, from one question."""

from collections.abc import Mapping
from typing import NamedTuple

from sqlalchemy import Connection

from nurture.domain.lifecycle import Lifecycle
from nurture.domain.measuring.figures import (
    ASSISTED,
    BECAME,
    BECAME_BY_ASSET,
    BECAME_BY_CHANNEL,
    BECAME_BY_FORM,
    CAMPAIGN_CREDIT,
    CREDIT,
    DOWNLOADS,
    MODELS,
    OUTCOME,
    REACHED,
    SUBMITS,
    VELOCITY,
    VIEWS,
    VISITS,
)
from nurture.reports.rollups import by_figure_and_key
from nurture.reports.sheet import Period
from nurture.reports.stages import milestones, reached

#: Figures that there is one of for each stage.
_BY_STAGE = (REACHED, BECAME, BECAME_BY_FORM, BECAME_BY_ASSET, BECAME_BY_CHANNEL, VELOCITY)


class Kept(NamedTuple):
    """Figures by their keys. `stages` are those that somebody can reach: the first of them makes a lead, the last a customer;
    `milestones` are those told of where there is no room for all.
    """

    sums: Mapping[tuple[str, str], int]
    stages: tuple[str, ...]
    milestones: tuple[str, ...]

    def of(self, figure: str, key: str = "") -> int:
        return self.sums.get((figure, key), 0)

    def by_key(self, figure: str) -> dict[str, int]:
        """One figure by its keys."""
        return {key: n for (each, key), n in self.sums.items() if each == figure}

    @property
    def lead(self) -> str:
        return self.stages[0]

    @property
    def leads(self) -> int:
        """People who became a lead in these days."""
        return self.of(REACHED.format(self.lead))


def kept_of(connection: Connection, lifecycle: Lifecycle, period: Period) -> Kept:
    """All that is kept of leads in a period."""
    stages = reached(lifecycle)
    by_stage = [figure.format(stage) for figure in _BY_STAGE for stage in stages]
    credited = [figure.format(model, stage) for figure in (CREDIT, CAMPAIGN_CREDIT) for model in MODELS for stage in stages]
    once = [OUTCOME, VISITS, VIEWS, SUBMITS, DOWNLOADS, ASSISTED.format(stages[0])]
    return Kept(by_figure_and_key(connection, [*once, *by_stage, *credited], period), stages, milestones(lifecycle))
