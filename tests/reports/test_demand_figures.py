"""Every figure of the report on demand equals what plain SQL finds in the log."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection

from nurture.reports.demand import build
from nurture.reports.rollups import people_in
from nurture.reports.sheet import Period, Report
from nurture.reports.spans import days_of, months_of, weeks_of
from tests.reports.filled import by, rows
from tests.reports.readers import BRAND, HERE, IN, PERIODS, business_with_brand, counts, number, one, told_by_readers
from tests.support.installation import Installation


@pytest.fixture(params=[1, 2])
def connection(request: pytest.FixtureRequest, installation: Installation) -> Iterator[Connection]:
    installation.apply(business_with_brand())
    told_by_readers(installation, seed=request.param)
    with installation.engine.connect() as connection:
        yield connection


def report(connection: Connection, period: Period) -> Report:
    return build(connection, business_with_brand(), period, period.ends)


def expected(connection: Connection, period: Period) -> dict[str, float | None]:
    """Each figure by a statement of its own."""
    ask_for = {
        "visitors": f"SELECT COUNT(DISTINCT root) FROM acts WHERE {IN} AND {HERE}",
        "new": f"SELECT COUNT(*) FROM (SELECT MIN(at) AS at FROM acts WHERE {HERE} GROUP BY root) firsts WHERE {IN}",
        "returning": f"""SELECT COUNT(DISTINCT root) FROM acts a WHERE {IN} AND {HERE}
            AND EXISTS (SELECT 1 FROM acts b WHERE b.root = a.root AND b.at < :begins AND {HERE.replace("name", "b.name")})""",
        "visits": f"SELECT COUNT(*) FROM acts WHERE {IN} AND channel IS NOT NULL",
        "organic": f"SELECT COUNT(*) FROM acts WHERE {IN} AND channel LIKE 'organic-%'",
        "direct": f"SELECT COUNT(*) FROM acts WHERE {IN} AND channel = 'direct'",
        "branded": f"""SELECT COUNT(*) FROM acts WHERE {IN} AND channel NOT IN ('direct', 'email')
            AND (LOWER(body -> 'context' -> 'campaign' ->> 'name') LIKE '%{BRAND}%'
                OR LOWER(body -> 'context' -> 'campaign' ->> 'term') LIKE '%{BRAND}%')""",
        "views": f"SELECT COUNT(*) FROM acts WHERE {IN} AND name = 'page_viewed'",
        "deep": f"SELECT COUNT(*) FROM acts WHERE {IN} AND name = 'page_engaged' AND {number(connection, 'scroll')} >= 75",
        "plays": f"SELECT COUNT(*) FROM acts WHERE {IN} AND name IN ('video_played', 'podcast_played')",
        "downloads": f"SELECT COUNT(*) FROM acts WHERE {IN} AND name = 'asset_downloaded'",
        "seconds": f"""SELECT SUM(CASE WHEN seconds > 14400 THEN 14400 WHEN seconds > 0 THEN ROUND(seconds) ELSE 0 END)
            FROM (SELECT {number(connection, "seconds")} AS seconds FROM acts WHERE {IN} AND name = 'page_engaged') left_pages""",
    }  # fmt: skip
    found = {name: one(connection, question, period) for name, question in ask_for.items()}
    direct, branded = found.pop("direct"), found.pop("branded")
    return {
        **found,
        "aware": (direct + branded) / found["visits"] if found["visits"] else None,
        "seconds_per_visit": found["seconds"] / found["visits"] if found["visits"] else None,
        "seconds_per_visitor": found["seconds"] / found["visitors"] if found["visitors"] else None,
    }


def test_each_figure_of_a_period_and_of_the_days_before(connection: Connection) -> None:
    for period in PERIODS.values():
        found = by(report(connection, period), "reach", "figure")
        assert {name: row["period"] for name, row in found.items()} == expected(connection, period)
        assert {name: row["before"] for name, row in found.items()} == expected(connection, period.before)


def test_each_figure_of_each_day_week_and_month(connection: Connection) -> None:
    period = PERIODS["some"]
    told = report(connection, period)
    for name, cut in (("by_day", days_of), ("by_week", weeks_of), ("by_month", months_of)):
        for row, span in zip(rows(told, name), cut(period), strict=True):
            wanted = expected(connection, span)
            assert {figure: n for figure, n in row.items() if figure in wanted} == {
                figure: wanted[figure] for figure in row if figure in wanted
            }
            assert row[name.removeprefix("by_")] == span.first


def test_visits_of_each_channel(connection: Connection) -> None:
    visits = f"SELECT channel, COUNT(*) FROM acts WHERE {IN} AND channel IS NOT NULL GROUP BY channel"
    for period in PERIODS.values():
        now, before = counts(connection, visits, period), counts(connection, visits, period.before)
        found = by(report(connection, period), "channels", "channel")
        assert {channel: (row["visits"], row["visits_before"]) for channel, row in found.items()} == {
            channel: (now.get(channel, 0), before.get(channel, 0)) for channel in {*now, *before}
        }
        assert {channel: row["share"] for channel, row in found.items()} == {
            channel: now.get(str(channel), 0) / sum(now.values()) for channel in found
        }


def test_direct_and_branded_visits_of_each_week(connection: Connection) -> None:
    period = PERIODS["all"]
    for row, week in zip(rows(report(connection, period), "awareness"), weeks_of(period), strict=True):
        wanted = expected(connection, week)
        assert (row["week"], row["visits"], row["aware"]) == (week.first, wanted["visits"], wanted["aware"])
        direct = one(connection, f"SELECT COUNT(*) FROM acts WHERE {IN} AND channel = 'direct'", week)
        assert row["direct"] == direct


def test_different_people_of_any_span(connection: Connection) -> None:
    """Every span of the first three weeks: nobody is counted twice, however often they came."""
    whole = PERIODS["all"]
    for first in range(0, 21, 2):
        for last in range(first, 21, 3):
            span = whole.model_copy(update={"first": whole.first + 3 + first, "last": whole.first + 3 + last})
            wanted = expected_people(connection, span)
            assert people_in(connection, span) == wanted


def expected_people(connection: Connection, span: Period) -> tuple[int, int]:
    visitors = one(connection, f"SELECT COUNT(DISTINCT root) FROM acts WHERE {IN} AND {HERE}", span)
    new = f"SELECT COUNT(*) FROM (SELECT MIN(at) AS at FROM acts WHERE {HERE} GROUP BY root) firsts WHERE {IN}"
    return visitors, one(connection, new, span)
