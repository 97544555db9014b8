"""The report on leads, sheet by sheet."""

from datetime import datetime

from sqlalchemy import Connection

from nurture.domain.definitions import Definitions
from nurture.domain.measuring.figures import REACHED
from nurture.reports.comparing import change
from nurture.reports.everybody import Everybody
from nurture.reports.leads.attribution import attribution
from nurture.reports.leads.costs import costs
from nurture.reports.leads.kept import Kept, kept_of
from nurture.reports.leads.quality import matrix, outcomes, rates
from nurture.reports.leads.sources import sources
from nurture.reports.leads.velocity import standing, velocity
from nurture.reports.money import spent_in
from nurture.reports.rates import FEW
from nurture.reports.rollups import by_figure_and_key, people_in
from nurture.reports.sheet import Column, Period, Plot, Remark, Report, Sheet


def build(connection: Connection, definitions: Definitions, period: Period, at: datetime) -> Report:
    """The report on leads. All but the matrix and the time in a stage, which are of this moment, is read from the roll-ups."""
    kept = kept_of(connection, definitions.lifecycle, period)
    visitors, _ = people_in(connection, period)
    spent = spent_in(connection, period, definitions.reporting.currency)
    everybody = Everybody(connection, definitions, at)
    sheets = (
        _reached(connection, kept, period),
        rates(kept, visitors),
        outcomes(kept),
        *sources(kept),
        *costs(kept, spent),
        matrix(everybody),
        velocity(kept),
        standing(everybody, kept.stages),
        *attribution(kept),
    )
    few = (Remark(code="few", values={"n": kept.leads}),) if kept.leads < FEW else ()
    return Report(name="leads", period=period, at=at, currency=definitions.reporting.currency, sheets=sheets, remarks=few)


def _reached(connection: Connection, kept: Kept, period: Period) -> Sheet:
    """Who first reached each stage, beside as many days before."""
    former = by_figure_and_key(connection, [REACHED.format(stage) for stage in kept.stages], period.before)
    before = {stage: former.get((REACHED.format(stage), ""), 0) for stage in kept.stages}
    now = {stage: kept.of(REACHED.format(stage)) for stage in kept.stages}
    return Sheet(
        name="reached",
        columns=(
            Column(name="stage", kind="text"), Column(name="people", bar=True), Column(name="before"),
            Column(name="change", kind="share"),
        ),
        rows=tuple((stage, now[stage], before[stage], change(now[stage], before[stage])) for stage in kept.stages),
        plot=Plot(form="funnel", along="stage", columns=("people",)),
    )  # fmt: skip
