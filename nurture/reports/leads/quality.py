"""How good leads are: what becomes of them, what sales makes of them, and who stands where now."""

from collections import Counter
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, Connection, case, func, literal, select

from nurture.adapters.database.census import Answer
from nurture.adapters.database.tables import people
from nurture.domain.definitions import Definitions
from nurture.domain.event import day_number
from nurture.domain.measuring.figures import BECAME, OUTCOME
from nurture.domain.scoring import Scoring, heat_for
from nurture.reports.comparing import share
from nurture.reports.everybody import Everybody, Question
from nurture.reports.leads.kept import Kept
from nurture.reports.rates import rate_columns, rated
from nurture.reports.sheet import Column, Plot, Remark, Sheet, Value

#: What may come of whom sales had, in the order of hope.
OUTCOMES: Final = ("won", "open", "lost")


def rates(kept: Kept, visitors: int) -> Sheet:
    """How many visitors became leads, how many leads of these days came on to each stage, and how many decisions were for us."""
    rows: list[tuple[Value, ...]] = [("visitors", kept.lead, *_rate(kept.leads, visitors))]
    became = {stage: kept.of(BECAME.format(stage)) for stage in kept.stages}
    rows += [("leads", stage, *_rate(became[stage], became[kept.lead])) for stage in kept.stages[1:]]
    won, lost = kept.of(OUTCOME, "won"), kept.of(OUTCOME, "lost")
    rows.append(("decided", kept.stages[-1], *_rate(won, won + lost)))
    return Sheet(
        name="rates",
        columns=(
            Column(name="of", kind="label"), Column(name="stage", kind="text"), Column(name="part"), Column(name="whole"),
            *rate_columns("rate"),
        ),
        rows=tuple(rows),
    )  # fmt: skip


def _rate(part: int, whole: int) -> tuple[Value, ...]:
    return part, whole, *rated(part, whole)


def outcomes(kept: Kept) -> Sheet:
    """What has come of those whom sales first had in these days."""
    found = {outcome: kept.of(OUTCOME, outcome) for outcome in OUTCOMES}
    everybody = sum(found.values())
    return Sheet(
        name="outcomes",
        columns=(Column(name="outcome", kind="label"), Column(name="people", bar=True), Column(name="share", kind="share")),
        rows=tuple((outcome, n, share(n, everybody)) for outcome, n in found.items()),
        total=(None, everybody, share(everybody, everybody)),
    )


def _ask(connection: Connection, definitions: Definitions, at: datetime) -> Answer:
    inner = definitions.lifecycle.stages[1:-1]
    band = _band(definitions.scoring, at).label("band")
    asked = select(people.c.grade, band, func.count()).where(people.c.stage.in_(inner), people.c.merged_into.is_(None))
    return [tuple(row) for row in connection.execute(asked.group_by(people.c.grade, band))]


#: How many people have a grade and stand in a band.
MATRIX: Final = Question("matrix", _ask)


def matrix(everybody: Everybody) -> Sheet:
    """People who are leads now and no customers yet, by grade and band of engagement."""
    scoring = everybody.definitions.scoring
    bands = [band for band, _ in scoring.warmest_first]
    found = Counter({(grade, band): n for grade, band, n in everybody.answer(MATRIX)})
    grades = sorted({*scoring.grades, *(grade for grade, _ in found)})
    rows = tuple((grade, *(found[grade, each] for each in bands), sum(found[grade, each] for each in bands)) for grade in grades)
    return Sheet(
        name="matrix",
        columns=(
            Column(name="grade", kind="text"),
            *(Column(name="band", of=each) for each in bands),
            Column(name="people", bar=True),
        ),
        rows=rows,
        total=(None, *(sum(found[grade, each] for grade in grades) for each in bands), found.total()),
        plot=Plot(form="stacked", along="grade", columns=tuple(f"band_{each}" for each in bands)),
        remarks=everybody.remarks or (Remark(code="now"),),
    )


def _band(scoring: Scoring, at: datetime) -> ColumnElement[str]:
    """The warmest band that somebody's heat reaches on the day of an instant, else the coolest there is."""
    heats = [(band, heat_for(least, day_number(at), scoring.half_life)) for band, least in scoring.warmest_first]
    return case(*((people.c.heat >= heat, literal(band)) for band, heat in heats), else_=literal(heats[-1][0]))
