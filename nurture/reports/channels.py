"""Channels and campaigns: what each brings, and how five ways to give credit for it differ while adding up to the same."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from fractions import Fraction
from typing import Final

from sqlalchemy import Connection

from nurture.domain.definitions import Definitions
from nurture.domain.measuring.figures import CAMPAIGN_CREDIT, CREDIT, MODELS, REACHED, VISITS, WHOLE
from nurture.reports.comparing import share
from nurture.reports.content import MOST
from nurture.reports.figures import round_to_sum
from nurture.reports.money import Spent, cost_of_each, remarks_on, spent_in
from nurture.reports.rollups import by_figure_and_key
from nurture.reports.sheet import Column, Period, Plot, Remark, Report, Sheet, Value
from nurture.reports.stages import milestones, reached

#: The model by which channels are compared with each other: the last touch that says where from, as analytics tools count.
MODEL: Final = "last"


class Credits:
    """People credited to channels, or to campaigns, by model and stage, to the hundredth; what is shown of them adds up."""

    def __init__(self, figure: str, sums: Mapping[tuple[str, str], int]) -> None:
        self._figure, self._sums = figure, sums

    def of(self, model: str, stage: str) -> Mapping[str, float]:
        """Who is credited with how many."""
        figure = self._figure.format(model, stage)
        named = sorted((key, n) for (each, key), n in self._sums.items() if each == figure)
        return dict(zip((key for key, _ in named), round_to_sum([n / WHOLE for _, n in named]), strict=True))

    def total(self, model: str, stage: str) -> float:
        """All that a model credits."""
        figure = self._figure.format(model, stage)
        return sum(n for (each, _), n in self._sums.items() if each == figure) / WHOLE


def build(connection: Connection, definitions: Definitions, period: Period, at: datetime) -> Report:
    """The report on channels, from one question to the roll-ups, and one about what was spent."""
    stages = reached(definitions.lifecycle)
    wanted = [figure.format(model, stage) for figure in (CREDIT, CAMPAIGN_CREDIT) for model in MODELS for stage in stages]
    sums = by_figure_and_key(connection, [VISITS, *(REACHED.format(stage) for stage in stages), *wanted], period)
    channels, campaigns = Credits(CREDIT, sums), Credits(CAMPAIGN_CREDIT, sums)
    visits = {channel: n for (figure, channel), n in sums.items() if figure == VISITS}
    people = {stage: sums.get((REACHED.format(stage), ""), 0) for stage in stages}
    told = milestones(definitions.lifecycle)
    spent = spent_in(connection, period, definitions.reporting.currency)
    sheets = (
        _channels(visits, channels, told),
        _costs(channels, spent, told),
        _campaigns(campaigns, spent, told),
        models(channels, stages),
        _totals(channels, people),
    )
    return Report(name="channels", period=period, at=at, currency=definitions.reporting.currency, sheets=sheets)


def _channels(visits: Mapping[str, int], credits_: Credits, stages: tuple[str, ...]) -> Sheet:
    by_stage = [credits_.of(MODEL, stage) for stage in stages]
    all_visits = sum(visits.values())
    named = {*visits, *(channel for credited in by_stage for channel in credited)}
    rows = []
    for channel in sorted(named, key=lambda channel: (-visits.get(channel, 0), channel)):
        came, won = visits.get(channel, 0), [credited.get(channel, 0.0) for credited in by_stage]
        rows.append((channel, came, share(came, all_visits), *won, share(won[0], came)))
    won = [credits_.total(MODEL, stage) for stage in stages]
    return Sheet(
        name="channels",
        columns=(
            Column(name="channel", kind="text"), Column(name="visits", bar=True), Column(name="share", kind="share"),
            *_credited(stages), Column(name="conversion", kind="share"),
        ),
        rows=tuple(rows),
        total=(None, all_visits, share(all_visits, all_visits), *won, share(won[0], all_visits)),
        plot=Plot(form="bar", along="channel", columns=("visits",)),
    )  # fmt: skip


def _costs(credits_: Credits, spent: Spent, stages: tuple[str, ...]) -> Sheet:
    """What was spent on each channel, and what each of those it brought has cost."""
    by_stage = [credits_.of(MODEL, stage) for stage in stages]
    costly = sorted(spent.by_channel, key=lambda channel: (-spent.by_channel[channel], channel))
    return Sheet(
        name="costs",
        columns=(Column(name="channel", kind="text"), Column(name="spent", kind="money", bar=True), *_cost_of(stages)),
        rows=tuple(
            (channel, *_cost(spent.by_channel[channel], [credited.get(channel, 0.0) for credited in by_stage]))
            for channel in costly
        ),
        remarks=tuple(remarks_on(spent)),
    )  # fmt: skip


def _campaigns(credits_: Credits, spent: Spent, stages: tuple[str, ...]) -> Sheet:
    """Each campaign that brought somebody, or cost something; visits without a campaign are left out."""
    by_stage = [credits_.of(MODEL, stage) for stage in stages]
    named = set(spent.by_campaign).union(*by_stage) - {""}
    won = {campaign: [credited.get(campaign, 0.0) for credited in by_stage] for campaign in named}
    most = sorted(won, key=lambda campaign: (*(-n for n in won[campaign]), campaign))
    rows = tuple((campaign, *won[campaign], *_cost(spent.by_campaign.get(campaign), won[campaign])) for campaign in most)
    return Sheet(
        name="campaigns",
        columns=(Column(name="campaign", kind="text"), *_credited(stages), Column(name="spent", kind="money"), *_cost_of(stages)),
        rows=rows[:MOST],
        remarks=(Remark(code="more", values={"n": len(rows) - MOST}),) if len(rows) > MOST else (),
    )


def _cost(spent: Fraction | None, people: Iterable[float]) -> tuple[Value, ...]:
    """What was spent, and what each of so many people has cost; nothing where nobody says what was spent."""
    if spent is None:
        return (None, *(None for _ in people))
    return (round(spent), *(cost_of_each(spent, n) for n in people))


def _cost_of(stages: Iterable[str]) -> tuple[Column, ...]:
    return tuple(Column(name="cost_of", of=stage, kind="money") for stage in stages)


def _credited(stages: Iterable[str]) -> tuple[Column, ...]:
    return tuple(Column(name="credited", of=stage, kind="credit") for stage in stages)


def models(credits_: Credits, stages: Iterable[str]) -> Sheet:
    """Channels by each model side by side."""
    rows: list[tuple[Value, ...]] = []
    for stage in stages:
        credited = [credits_.of(model, stage) for model in MODELS]
        won = {channel: [each.get(channel, 0.0) for each in credited] for channel in set[str]().union(*credited)}
        rows += [(stage, channel, *won[channel]) for channel in sorted(won, key=lambda channel: (-max(won[channel]), channel))]
    columns = (Column(name="stage", kind="text"), Column(name="channel", kind="text"), *by_model())
    return Sheet(name="models", columns=columns, rows=tuple(rows))


def _totals(credits_: Credits, people: Mapping[str, int]) -> Sheet:
    """What the models add up to, beside the people there are to share out."""
    rows = tuple((stage, n, *(credits_.total(model, stage) for model in MODELS)) for stage, n in people.items())
    return Sheet(name="totals", columns=(Column(name="stage", kind="text"), Column(name="people"), *by_model()), rows=rows)


def by_model() -> tuple[Column, ...]:
    """A column for each model."""
    return tuple(Column(name=model, kind="credit") for model in MODELS)
