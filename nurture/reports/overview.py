"""The overview: the figures to look at first, and both halves of the funnel side by side."""

from collections.abc import Callable, Mapping
from datetime import datetime
from fractions import Fraction
from operator import attrgetter
from typing import Final, NamedTuple

from sqlalchemy import Connection

from nurture.domain.definitions import Definitions
from nurture.domain.lifecycle import Lifecycle
from nurture.domain.measuring.figures import ASSISTED, CREDIT, REACHED
from nurture.reports.channels import MODEL, Credits
from nurture.reports.comparing import Compared, change, compared, comparison, share
from nurture.reports.content import Kept
from nurture.reports.everybody import Everybody
from nurture.reports.market import IN_MARKET, market_sheet
from nurture.reports.money import cost_of_each, spent_in
from nurture.reports.rates import FEW
from nurture.reports.reach import Days, Reach
from nurture.reports.rollups import by_figure_and_day, by_figure_and_key
from nurture.reports.sequences.mails import Mails, mails_by_step
from nurture.reports.sheet import Column, Kind, Period, Plot, Remark, Report, Sheet
from nurture.reports.spans import cut_off, weeks_of
from nurture.reports.stages import reached

#: As many channels and pieces of content as the overview names.
_STRONGEST: Final = 3


class Milestones(NamedTuple):
    """The stages that the overview is about: the first that somebody can reach, the next, and the last."""

    lead: str
    qualified: str
    customer: str


class Glance(NamedTuple):
    """What some days came to in both halves; `spent` is in hundredths of the currency."""

    reach: Reach
    leads: int
    qualified: int
    customers: int
    mails: Mails
    spent: Fraction

    @property
    def conversion(self) -> float | None:
        """New leads for each visitor."""
        return share(self.leads, self.reach.visitors)

    @property
    def qualification(self) -> float | None:
        """New qualified leads for each new lead."""
        return share(self.qualified, self.leads)

    @property
    def click_rate(self) -> float | None:
        """The share of the mails sent in which a human clicked."""
        return share(self.mails.clicked, self.mails.sent)

    @property
    def money(self) -> int | None:
        """What was spent, as far as anybody says."""
        return round(self.spent) or None

    @property
    def cost_of_lead(self) -> int | None:
        return self._cost_of(self.leads)

    @property
    def cost_of_qualified(self) -> int | None:
        return self._cost_of(self.qualified)

    @property
    def cost_of_customer(self) -> int | None:
        return self._cost_of(self.customers)

    def _cost_of(self, people: int) -> int | None:
        return cost_of_each(self.spent, people) if self.spent else None


_FIGURES: Final[tuple[tuple[str, Kind, Callable[[Glance], float | None]], ...]] = (
    ("visitors", "count", attrgetter("reach.visitors")),
    ("visits", "count", attrgetter("reach.visits")),
    ("aware", "share", attrgetter("reach.aware")),
    ("leads", "count", attrgetter("leads")),
    ("conversion", "share", attrgetter("conversion")),
    ("qualified", "count", attrgetter("qualified")),
    ("qualification", "share", attrgetter("qualification")),
    ("customers", "count", attrgetter("customers")),
    ("spent", "money", attrgetter("money")),
    ("cost_of_lead", "money", attrgetter("cost_of_lead")),
    ("cost_of_qualified", "money", attrgetter("cost_of_qualified")),
    ("cost_of_customer", "money", attrgetter("cost_of_customer")),
    ("mails", "count", attrgetter("mails.sent")),
    ("click_rate", "share", attrgetter("click_rate")),
)


class Halves:
    """Both halves of the funnel in a period, for itself and for its weeks."""

    def __init__(self, connection: Connection, definitions: Definitions, period: Period) -> None:
        lifecycle, self.period = definitions.lifecycle, period
        self._connection, self._currency, self.milestones = connection, definitions.reporting.currency, milestones_of(lifecycle)
        self._days = Days(connection, period)
        figures = [REACHED.format(stage) for stage in reached(lifecycle)]
        self._reached = by_figure_and_day(connection, figures, period)

    def reached(self, stage: str, span: Period) -> int:
        """People who reached a stage for the first time."""
        days = range(span.first, span.last + 1)
        return sum(self._reached.get((REACHED.format(stage), day), 0) for day in days)

    def reach(self, span: Period) -> Reach:
        return self._days.of(span)

    def glance(self) -> Glance:
        """All that the overview tells of the period."""
        span = self.period
        mails = sum(mails_by_step(self._connection, span).values(), Mails())
        leads, qualified, customers = (self.reached(stage, span) for stage in self.milestones)
        spent = spent_in(self._connection, span, self._currency)
        return Glance(self.reach(span), leads, qualified, customers, mails, spent.total)


def build(connection: Connection, definitions: Definitions, period: Period, at: datetime) -> Report:
    """The overview."""
    halves, earlier = (Halves(connection, definitions, each) for each in (period, period.before))
    now, before = halves.glance(), earlier.glance()
    market = market_sheet(Everybody(connection, definitions, at))
    sheets = (
        comparison("figures", [*compared(_FIGURES, now, before), _in_market(market)]),
        _funnel(*(_by_stage(each, definitions.lifecycle) for each in (halves, earlier))),
        _halves(halves, period),
        market,
        _channels(connection, halves.milestones, period),
        _content(connection, halves.milestones, period),
    )
    few = (Remark(code="few", values={"n": now.leads}),) if now.leads < FEW else ()
    return Report(
        name="overview", period=period, at=at, currency=definitions.reporting.currency, sheets=sheets, remarks=few
    )  # fmt: skip


def milestones_of(lifecycle: Lifecycle) -> Milestones:
    """Where there are fewer stages, one stands for two."""
    above = reached(lifecycle)
    return Milestones(above[0], above[:2][-1], above[-1])


def _in_market(market: Sheet) -> Compared:
    """The share of the market that would buy now. Nobody kept what it was before."""
    share_in = [column.name for column in market.columns].index("of_market")
    [now] = [row[share_in] for row in market.rows if row[0] == IN_MARKET]
    return Compared(IN_MARKET, "share", now if isinstance(now, float) else None, None)


def _funnel(now: Mapping[str, int], before: Mapping[str, int]) -> Sheet:
    """Who came, and who reached which stage in the period; each beside the one above."""
    above: Mapping[str, int] = dict(zip([*now][1:], now.values(), strict=False))
    return Sheet(
        name="funnel",
        columns=(
            Column(name="stage", kind="text"), Column(name="people", bar=True), Column(name="of_above", kind="share"),
            Column(name="before"), Column(name="change", kind="share"),
        ),
        rows=tuple(
            (stage, n, share(n, above.get(stage, 0)), before[stage], change(n, before[stage])) for stage, n in now.items()
        ),
        plot=Plot(form="funnel", along="stage", columns=("people",)),
    )  # fmt: skip


def _by_stage(halves: Halves, lifecycle: Lifecycle) -> Mapping[str, int]:
    """The visitors, as the stage in which everybody begins, and who reached the others."""
    visitors = halves.reach(halves.period).visitors
    return {lifecycle.first: visitors} | {stage: halves.reached(stage, halves.period) for stage in reached(lifecycle)}


def _halves(halves: Halves, period: Period) -> Sheet:
    """Demand beside leads, week by week: only together they tell what is missing."""
    rows = []
    for week in weeks_of(period):
        reach, people = halves.reach(week), [halves.reached(stage, week) for stage in halves.milestones]
        rows.append((week.first, reach.visitors, reach.aware, reach.views, *people, share(people[0], reach.visitors)))
    return Sheet(
        name="halves",
        columns=(
            Column(name="week", kind="day"), Column(name="visitors"), Column(name="aware", kind="share"), Column(name="views"),
            Column(name="leads"), Column(name="qualified"), Column(name="customers"), Column(name="conversion", kind="share"),
        ),
        rows=tuple(rows),
        plot=Plot(form="line", along="week", columns=("visitors", "leads", "qualified")),
        remarks=cut_off(weeks_of, period),
    )  # fmt: skip


def _channels(connection: Connection, milestones: Milestones, period: Period) -> Sheet:
    """The channels that brought most leads."""
    stages = tuple(dict.fromkeys(milestones))
    figures = [CREDIT.format(MODEL, stage) for stage in stages]
    credits_ = Credits(CREDIT, by_figure_and_key(connection, figures, period))
    leads, *others = (credits_.of(MODEL, stage) for stage in stages)
    strongest = sorted(leads, key=lambda channel: (-leads[channel], channel))[:_STRONGEST]
    whole = credits_.total(MODEL, milestones.lead)
    return Sheet(
        name="channels",
        columns=(
            Column(name="channel", kind="text"), *(Column(name="credited", of=stage, kind="credit") for stage in stages),
            Column(name="share_of_leads", kind="share", bar=True),
        ),
        rows=tuple(
            (channel, leads[channel], *(each.get(channel, 0.0) for each in others), share(leads[channel], whole))
            for channel in strongest
        ),
    )  # fmt: skip


def _content(connection: Connection, milestones: Milestones, period: Period) -> Sheet:
    """The content that most leads had read before they became one."""
    stages = tuple(dict.fromkeys(milestones))
    figures = [ASSISTED.format(stage) for stage in stages]
    kept = Kept(by_figure_and_key(connection, [*figures, REACHED.format(milestones.lead)], period), stages)
    assisted = ASSISTED.format(milestones.lead)
    strongest = sorted(kept.keys(assisted), key=lambda piece: (-kept.of(assisted, piece), piece))[:_STRONGEST]
    return Sheet(
        name="content",
        columns=(
            Column(name="piece", kind="text"), *(Column(name="assisted", of=stage) for stage in stages),
            Column(name="share_of_leads", kind="share", bar=True),
        ),
        rows=tuple((piece, *kept.by_stage(ASSISTED, piece), kept.share_of_leads(piece)) for piece in strongest),
    )  # fmt: skip
