"""Every figure of the report on cohorts equals what plain SQL finds in the log and in the stage changes."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import Connection, text

from nurture.adapters.database.tables.columns import Instant
from nurture.domain.measuring.days import monday_of, month_of
from nurture.reports.cohorts import WEEKS, build
from nurture.reports.sheet import Report, date_of, local_day
from tests.reports.filled import by, rows
from tests.reports.history import MOVES, STAGES, ZONE, period_of
from tests.support.installation import Installation

PERIOD = period_of()
TODAY = PERIOD.last + 1

HERE = "SELECT root, at FROM acts WHERE name IN ('page_viewed', 'form_submitted', 'asset_downloaded')"
MILESTONES = "SELECT root, stage, at FROM milestones"


class Told:
    """The report on cohorts, as of the day after the period, and the tables it must agree with."""

    def __init__(self, connection: Connection, installation: Installation) -> None:
        self._connection = connection
        self.report: Report = build(connection, installation.definitions, PERIOD, PERIOD.ends)

    def ask(self, question: str) -> list[Any]:
        return list(self._connection.execute(text(f"WITH {MOVES} {question}").columns(at=Instant)))


@pytest.fixture
def told(past: Installation) -> Iterator[Told]:
    with past.engine.connect() as connection:
        yield Told(connection, past)


def test_who_came_back(told: Told) -> None:
    days: Mapping[int, set[int]] = defaultdict(set)
    for root, at in told.ask(HERE):
        days[root].add(local_day(at, ZONE))
    here: dict[tuple[int, int], set[int]] = defaultdict(set)
    for root, theirs in days.items():
        cohort = monday_of(min(theirs))
        for day in theirs:
            here[cohort, (monday_of(day) - cohort) // 7].add(root)
    found = by(told.report, "weeks", "week")
    assert {week: row["people"] for week, row in found.items()} == {
        cohort: len(people) for (cohort, after), people in here.items() if not after
    }
    for cohort, size in [(cohort, len(people)) for (cohort, after), people in here.items() if not after]:
        row = found[cohort]
        for after in range(1, WEEKS):
            is_over = cohort + 7 * (after + 1) <= TODAY
            assert row[f"back_{after}"] == (len(here[cohort, after]) / size if is_over else None)


def test_what_became_of_leads(told: Told) -> None:
    became: Mapping[int, Counter[str]] = defaultdict(Counter)
    reached = milestones(told)
    for of_one in reached.values():
        for stage in of_one:
            became[month(of_one["lead"])][stage] += 1
    found = by(told.report, "months", "month")
    assert {month_: row["leads"] for month_, row in found.items()} == {each: n["lead"] for each, n in became.items()}
    for month_, row in found.items():
        counts = became[month_]  # type: ignore[index] # a day
        for stage in STAGES[1:]:
            assert row[f"came_to_{stage}"] == counts[stage]
        for stage in ("mql", "customer"):
            assert row[f"came_share_{stage}"] == counts[stage] / counts["lead"]


def test_how_soon(told: Told) -> None:
    reached = milestones(told)
    found = {(row["month"], row["stage"]): row for row in rows(told.report, "pace")}
    took = defaultdict[tuple[Any, Any], list[int]](list)
    for of_one in reached.values():
        for stage, at in of_one.items():
            if stage != "lead":
                took[month(of_one["lead"]), stage].append(between(month(of_one["lead"]), month(at)))
    assert set(found) == set(took)
    for place, months in took.items():
        for within in (0, 1, 2, 3, 6, 12):
            is_over = between(place[0], month_of(TODAY)) > within
            share = sum(each <= within for each in months) / found[place]["leads"]  # type: ignore[operator] # a count
            assert found[place][f"within_{within}"] == (share if is_over else None)


def milestones(told: Told) -> Mapping[int, Mapping[str, datetime]]:
    reached: dict[int, dict[str, datetime]] = defaultdict(dict)
    for root, stage, at in told.ask(MILESTONES):
        reached[root][stage] = at
    return reached


def month(at: datetime) -> int:
    return month_of(local_day(at, ZONE))


def between(earlier: int, later: int) -> int:
    one, other = date_of(earlier), date_of(later)
    return 12 * (other.year - one.year) + other.month - one.month


def test_a_short_period_looks_back_for_whole_cohorts(past: Installation) -> None:
    short = period_of(first=30, last=33)
    with past.engine.connect() as connection:
        report = build(connection, past.definitions, short, short.ends)
        whole = build(connection, past.definitions, period_of(first=-3, last=33), short.ends)
    assert by(report, "weeks", "week") == by(whole, "weeks", "week") != {}
    assert by(report, "months", "month") == by(whole, "months", "month") != {}
