"""Who is credited with those who reached a stage: five models side by side, with equal totals."""

from collections.abc import Iterator
from typing import Final

from nurture.domain.measuring.figures import CAMPAIGN_CREDIT, CREDIT, MODELS
from nurture.reports.channels import Credits, by_model, models
from nurture.reports.leads.kept import Kept
from nurture.reports.sheet import Column, Remark, Sheet

#: As many campaigns as a reader looks through.
MOST: Final = 50


def attribution(kept: Kept) -> Iterator[Sheet]:
    """By channel, for all stages; and leads by campaign."""
    yield models(Credits(CREDIT, kept.sums), kept.stages)
    yield _campaigns(Credits(CAMPAIGN_CREDIT, kept.sums), kept.lead)


def _campaigns(credits_: Credits, lead: str) -> Sheet:
    shares = [credits_.of(model, lead) for model in MODELS]
    credited = {name: tuple(each.get(name, 0.0) for each in shares) for name in set[str]().union(*shares) - {""}}
    most = sorted(credited, key=lambda name: (-max(credited[name]), name))
    return Sheet(
        name="campaigns",
        columns=(Column(name="campaign", kind="text"), *by_model()),
        rows=tuple((name, *credited[name]) for name in most[:MOST]),
        remarks=(Remark(code="more", values={"n": len(most) - MOST}),) if len(most) > MOST else (),
    )
