"""What leads cost, from what was spent."""

from collections.abc import Iterator, Mapping
from fractions import Fraction

from nurture.domain.measuring.figures import CAMPAIGN_CREDIT, CREDIT, MODELS, REACHED, WHOLE
from nurture.reports.leads.kept import Kept
from nurture.reports.money import Spent, cost_of_each, remarks_on
from nurture.reports.sheet import Column, Sheet, Value


def costs(kept: Kept, spent: Spent) -> Iterator[Sheet]:
    """Of everything, of each channel, and of each campaign that something was spent on."""
    yield _of_everything(kept, spent)
    yield _of_each("channel_costs", "channel", spent.by_channel, CREDIT, kept)
    yield _of_each("campaign_costs", "campaign", spent.by_campaign, CAMPAIGN_CREDIT, kept)


def _of_everything(kept: Kept, spent: Spent) -> Sheet:
    reached = {stage: kept.of(REACHED.format(stage)) for stage in kept.stages}
    rows = tuple((stage, n, round(spent.total), cost_of_each(spent.total, n)) for stage, n in reached.items())
    columns = (
        Column(name="stage", kind="text"), Column(name="people"), Column(name="spent", kind="money"),
        Column(name="cost", kind="money", bar=True),
    )  # fmt: skip
    return Sheet(name="costs", columns=columns, rows=rows if spent.total else (), remarks=tuple(remarks_on(spent)))


def _of_each(name: str, along: str, spent: Mapping[str, Fraction], credit: str, kept: Kept) -> Sheet:
    """Each with the people whom every model credits it with, and what each of them has cost."""
    rows: list[tuple[Value, ...]] = []
    for each in sorted(spent, key=lambda each: (-spent[each], each)):
        for model in MODELS:
            people = [kept.of(credit.format(model, stage), each) / WHOLE for stage in kept.milestones]
            told = [value for n in people for value in (n, cost_of_each(spent[each], n))]
            rows.append((each, model, round(spent[each]), *told))
    of_stages = [
        column for stage in kept.milestones
        for column in (Column(name="credited", kind="credit", of=stage), Column(name="cost_of", kind="money", of=stage))
    ]  # fmt: skip
    columns = (
        Column(name=along, kind="text"),
        Column(name="model", kind="label"),
        Column(name="spent", kind="money"),
        *of_stages,
    )
    return Sheet(name=name, columns=columns, rows=tuple(rows))
