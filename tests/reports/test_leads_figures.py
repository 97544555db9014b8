"""Every figure of the report on leads equals what plain SQL finds in the log and in the stage changes."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from statistics import quantiles
from typing import Any

import pytest
from sqlalchemy import Connection, text

from nurture.adapters.database.tables import spend
from nurture.adapters.database.tables.columns import Instant
from nurture.domain.event import day_number
from nurture.domain.measuring.figures import MODELS
from nurture.domain.proportions import Counted, wilson
from nurture.domain.scoring import band_of, engagement_on
from nurture.reports.leads import build
from nurture.reports.sheet import Period, Report
from tests.reports.filled import by, rows, sheet, total
from tests.reports.history import MOVES, STAGES, Teller, ask, business, period_of, settle
from tests.support.installation import Installation

PERIODS = {"everything": period_of(), "some days": period_of(first=2, last=8)}


class Told:
    """What was told, the report on some of its days, and the tables it must agree with."""

    def __init__(self, connection: Connection, installation: Installation, period: Period) -> None:
        self.connection, self.period = connection, period
        self.definitions, self.at = installation.definitions, installation.clock.now()
        self.report: Report = build(connection, self.definitions, period, self.at)

    def ask(self, question: str, **values: Any) -> list[Any]:
        return list(ask(self.connection, question, self.period, **values))

    def counts(self, question: str, **values: Any) -> dict[str, int]:
        return {str(key): int(n) for key, n in self.ask(question, **values)}


@pytest.fixture(params=PERIODS)
def told(request: pytest.FixtureRequest, past: Installation) -> Iterator[Told]:
    with past.engine.connect() as connection:
        yield Told(connection, past, PERIODS[request.param])


IN_PERIOD = "at >= :begins AND at < :ends"
REACHED = f"SELECT stage, COUNT(*) FROM milestones WHERE {IN_PERIOD} GROUP BY stage"


def test_people_by_stage_reached_and_before(told: Told) -> None:
    now, before = told.counts(REACHED), {str(key): n for key, n in ask(told.connection, REACHED, told.period.before)}
    found = by(told.report, "reached", "stage")
    assert {stage: (row["people"], row["before"]) for stage, row in found.items()} == {
        stage: (now.get(stage, 0), before.get(stage, 0)) for stage in STAGES
    }
    for row in found.values():
        changed = (row["people"] - row["before"]) / row["before"] if row["before"] else None  # type: ignore[operator] # counts
        assert row["change"] == changed


def test_visitors_who_became_leads(told: Told) -> None:
    [[visitors]] = told.ask(
        f"SELECT COUNT(DISTINCT root) FROM acts WHERE {IN_PERIOD} "
        "AND name IN ('page_viewed', 'form_submitted', 'asset_downloaded')"
    )  # fmt: skip
    [row, *_] = rows(told.report, "rates")
    assert (row["of"], row["stage"], row["part"], row["whole"]) == (
        "visitors",
        "lead",
        told.counts(REACHED).get("lead", 0),
        visitors,
    )


LEADS = f"leads AS (SELECT * FROM milestones WHERE stage = 'lead' AND {IN_PERIOD})"
CAME_TO = f", {LEADS} SELECT m.stage, COUNT(*) FROM milestones m JOIN leads ON leads.root = m.root GROUP BY m.stage"


def test_leads_of_these_days_that_came_on(told: Told) -> None:
    became = told.counts(CAME_TO)
    found = {row["stage"]: row for row in rows(told.report, "rates") if row["of"] == "leads"}
    assert {stage: (row["part"], row["whole"]) for stage, row in found.items()} == {
        stage: (became.get(stage, 0), became.get("lead", 0)) for stage in STAGES[1:]
    }
    for row in found.values():
        if row["whole"]:
            counted = Counted(row["part"], row["whole"])  # type: ignore[arg-type] # counts
            assert (row["rate"], row["rate_low"], row["rate_high"]) == (counted.rate, *wilson(counted))


OUTCOMES = f"""
    SELECT CASE WHEN EXISTS (SELECT 1 FROM milestones w WHERE w.root = s.root AND w.stage = 'customer') THEN 'won'
        WHEN p.stage IN ('audience', 'lead', 'mql', 'disqualified') THEN 'lost' ELSE 'open' END AS outcome, COUNT(*)
    FROM milestones s JOIN people p ON p.id = s.root WHERE s.stage = 'sql' AND s.{IN_PERIOD.replace("AND at", "AND s.at")} GROUP BY 1
"""


def test_what_came_of_those_whom_sales_had(told: Told) -> None:
    expected = told.counts(OUTCOMES)
    assert {outcome: row["people"] for outcome, row in by(told.report, "outcomes", "outcome").items()} == {
        outcome: expected.get(outcome, 0) for outcome in ("won", "open", "lost")
    }
    [row] = [row for row in rows(told.report, "rates") if row["of"] == "decided"]
    won, lost = expected.get("won", 0), expected.get("lost", 0)
    assert (row["part"], row["whole"]) == (won, won + lost)


FORM_OF_LEAD = f"""
    , {LEADS}, sources AS (
        SELECT leads.root, leads.at, leads.asset, COALESCE(
            CASE WHEN cause.name = 'form_submitted' THEN cause.body -> 'properties' ->> 'form' END,
            (SELECT f.body -> 'properties' ->> 'form' FROM acts f
             WHERE f.root = leads.root AND f.name = 'form_submitted' AND f.at <= leads.at
                AND f.body ->> 'submission' = cause.body ->> 'submission' AND cause.name = 'asset_downloaded'
             ORDER BY f.at DESC LIMIT 1),
            (SELECT f.body -> 'properties' ->> 'form' FROM acts f
             WHERE f.root = leads.root AND f.name = 'form_submitted' AND f.at <= leads.at
                AND f.body -> 'properties' ->> 'asset' = cause.body -> 'properties' ->> 'asset' AND cause.name = 'asset_downloaded'
             ORDER BY f.at DESC LIMIT 1), '') AS form
        FROM leads LEFT JOIN events cause ON cause.id = leads.event_id
    )
"""
LAST_CHANNEL = """COALESCE((SELECT t.channel FROM acts t WHERE t.root = {m}.root AND t.at <= {m}.at AND t.channel IS NOT NULL
    ORDER BY CASE WHEN t.channel = 'direct' THEN 1 ELSE 0 END, t.at DESC LIMIT 1), 'unassigned')"""

SOURCES = {
    "forms": ("form", "sources.form", "submits", "name = 'form_submitted'", "body -> 'properties' ->> 'form'"),
    "assets": (
        "asset",
        "COALESCE(sources.asset, '')",
        "downloads",
        "name = 'asset_downloaded'",
        "body -> 'properties' ->> 'asset'",
    ),
    "channels": ("channel", LAST_CHANNEL.format(m="sources"), "visits", "channel IS NOT NULL", "channel"),
}


@pytest.mark.parametrize("name", SOURCES)
def test_sources_of_leads_and_how_far_these_came(told: Told, name: str) -> None:
    along, source, trials, which, key = SOURCES[name]
    came = f"{FORM_OF_LEAD} SELECT {source} AS source, m.stage, COUNT(*) FROM sources JOIN milestones m ON m.root = sources.root GROUP BY 1, 2"
    went: dict[tuple[str, str], int] = {(each, stage): n for each, stage, n in told.ask(came)}
    tried = told.counts(f"SELECT {key} AS tried, COUNT(*) FROM acts WHERE {IN_PERIOD} AND {which} GROUP BY 1")
    found = by(told.report, name, along)
    sources = {each for each, _ in went if each}
    assert {each: (row[trials], row["leads"]) for each, row in found.items()} == {
        each: (tried.get(each, 0), went.get((each, "lead"), 0)) for each in {*tried, *sources}
    }
    further = {(row["source"], row["stage"]): row for row in rows(told.report, "further") if row["kind"] == along}
    assert {place: (row["leads"], row["onward"]) for place, row in further.items()} == {
        (each, stage): (went[each, "lead"], went.get((each, stage), 0)) for each in sources for stage in ("mql", "customer")
    }
    of_none = [remark.values["n"] for remark in sheet(told.report, name).remarks if remark.code == "of_none"]
    assert of_none == [n for (each, stage), n in went.items() if not each and stage == "lead"]


def test_content_that_leads_had_read_before(told: Told) -> None:
    pieces = f""", {LEADS} SELECT piece, COUNT(*) FROM (
        SELECT DISTINCT leads.root, CASE WHEN a.name = 'page_viewed' THEN a.body -> 'context' -> 'page' ->> 'path'
            ELSE a.body -> 'properties' ->> 'asset' END AS piece
        FROM leads JOIN acts a ON a.root = leads.root AND a.at < leads.at
        WHERE a.name = 'page_viewed' OR (a.name = 'asset_downloaded' AND CAST(a.body -> 'properties' ->> 'gated' AS varchar) IN ('false', '0'))
    ) read GROUP BY piece"""
    read = told.counts(pieces)
    views = told.counts(
        f"SELECT body -> 'context' -> 'page' ->> 'path', COUNT(*) FROM acts WHERE {IN_PERIOD} AND name = 'page_viewed' GROUP BY 1"
    )
    found = by(told.report, "content", "piece")
    assert {piece: (row["views"], row["leads"]) for piece, row in found.items()} == {
        piece: (views.get(piece), read.get(piece, 0)) for piece in {*read, *views}
    }


TOUCHES = """
    , touched AS (
        SELECT m.root, m.stage, t.channel, COALESCE(t.body -> 'context' -> 'campaign' ->> 'name', '') AS campaign, t.at,
            ROW_NUMBER() OVER (PARTITION BY m.root, m.stage ORDER BY t.at) AS place,
            COUNT(*) OVER (PARTITION BY m.root, m.stage) AS touches,
            ROW_NUMBER() OVER (PARTITION BY m.root, m.stage ORDER BY CASE WHEN t.channel = 'direct' THEN 1 ELSE 0 END, t.at DESC) AS last
        FROM milestones m JOIN acts t ON t.root = m.root AND t.at <= m.at AND t.channel IS NOT NULL
        WHERE m.at >= :begins AND m.at < :ends
    )
"""
SHARES = {
    "first": "CASE WHEN place = 1 THEN 1.0 ELSE 0.0 END",
    "last": "CASE WHEN last = 1 THEN 1.0 ELSE 0.0 END",
    "linear": "1.0 / touches",
    "position": "CASE WHEN touches <= 2 THEN 1.0 / touches WHEN place = 1 OR place = touches THEN 0.4 ELSE 0.2 / (touches - 2) END",
}
UNTOUCHED = f"""SELECT m.stage, COUNT(*) FROM milestones m WHERE m.{IN_PERIOD.replace("AND at", "AND m.at")}
    AND NOT EXISTS (SELECT 1 FROM acts t WHERE t.root = m.root AND t.at <= m.at AND t.channel IS NOT NULL) GROUP BY 1"""
PROMOTING = f"""SELECT stage, COALESCE(touch ->> 'channel', {LAST_CHANNEL.format(m="milestones")}) AS channel, COUNT(*)
    FROM milestones WHERE {IN_PERIOD} GROUP BY 1, 2"""


def credited(told: Told, model: str, key: str, nobody: str) -> Mapping[tuple[str, str], float]:
    """By stage and channel, or campaign."""
    found: dict[tuple[str, str], float] = defaultdict(float)
    for stage, name, n in told.ask(f"{TOUCHES} SELECT stage, {key}, SUM({SHARES[model]}) FROM touched GROUP BY 1, 2"):
        found[stage, name] += float(n)
    for stage, n in told.ask(UNTOUCHED):
        found[stage, nobody] += n
    return {place: n for place, n in found.items() if n}


def same(found: Mapping[Any, float], expected: Mapping[Any, float]) -> None:
    """Sums agree to what rounding to the hundredth leaves."""
    assert {place for place, n in found.items() if n} == {place for place, n in expected.items() if n > 0.004}
    assert found == pytest.approx({place: expected.get(place, 0) for place in found}, abs=0.011)


@pytest.mark.parametrize("model", SHARES)
def test_channels_by_each_model(told: Told, model: str) -> None:
    found = {(str(row["stage"]), str(row["channel"])): float(row[model] or 0) for row in rows(told.report, "models")}
    same(found, credited(told, model, "channel", "unassigned"))


def test_channels_on_record_when_the_stage_was_reached(told: Told) -> None:
    found = {(str(row["stage"]), str(row["channel"])): float(row["promoting"] or 0) for row in rows(told.report, "models")}
    same(found, {(stage, channel): n for stage, channel, n in told.ask(PROMOTING)})


@pytest.mark.parametrize("model", SHARES)
def test_campaigns_by_each_model(told: Told, model: str) -> None:
    found = {str(row["campaign"]): float(row[model] or 0) for row in rows(told.report, "campaigns")}
    expected = credited(told, model, "campaign", "")
    same(found, {name: n for (stage, name), n in expected.items() if stage == "lead" and name})


def test_all_models_come_to_the_people_who_reached_the_stage(told: Told) -> None:
    reached = told.counts(REACHED)
    for stage in STAGES:
        of_stage = [row for row in rows(told.report, "models") if row["stage"] == stage]
        totals = [sum(float(row[model] or 0) for row in of_stage) for model in MODELS]
        assert totals == pytest.approx([reached.get(stage, 0)] * len(MODELS))


ARRIVALS = """
    , before AS (
        SELECT moves.*, COALESCE(MAX(rank) OVER (PARTITION BY root ORDER BY at, id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS highest
        FROM moves
    ),
    arrivals AS (SELECT * FROM before WHERE rank > highest)
    SELECT a.to_stage, a.at, COALESCE(LAG(a.to_stage) OVER w, 'audience') AS came_from,
        COALESCE(LAG(a.at) OVER w, p.first_seen_at) AS since
    FROM arrivals a JOIN people p ON p.id = a.root WINDOW w AS (PARTITION BY a.root ORDER BY a.at, a.id)
"""


def test_days_between_stages(told: Told) -> None:
    statement = text(f"WITH {MOVES} {ARRIVALS}").columns(at=Instant, since=Instant)
    took: dict[tuple[str, str], list[int]] = defaultdict(list)
    for to_stage, at, came_from, since in told.connection.execute(statement):
        if told.period.begins <= at < told.period.ends:
            took[came_from, to_stage].append(max(0, (at - since) // timedelta(days=1)))
    found = {(row["from_stage"], row["stage"]): row for row in rows(told.report, "velocity")}
    assert {place: row["people"] for place, row in found.items()} == {place: len(days) for place, days in took.items()}
    for place, days in took.items():
        assert [found[place][name] for name in ("lower", "median", "upper")] == pytest.approx(cuts(days))


def cuts(values: list[Any]) -> list[float]:
    return quantiles(values, n=4, method="inclusive") if len(values) > 1 else [values[0]] * 3


def test_days_in_the_stage_of_now(told: Told) -> None:
    found = by(told.report, "standing", "stage")
    for stage in STAGES:
        stood = [(told.at - at) / timedelta(days=1) for at in standing_since(told.connection, stage)]
        expected = cuts(stood) if stood else [None] * 3
        assert found[stage]["people"] == len(stood)
        assert [found[stage][name] for name in ("lower", "median", "upper")] == pytest.approx(expected)


def standing_since(connection: Connection, stage: str) -> list[Any]:
    statement = text("SELECT stage_since FROM people WHERE merged_into IS NULL AND stage = :stage").columns(stage_since=Instant)
    return list(connection.execute(statement, {"stage": stage}).scalars())


def test_grades_and_bands_of_those_who_are_leads_now(told: Told) -> None:
    scoring, found = told.definitions.scoring, defaultdict[tuple[str, str], int](int)
    standing = "SELECT grade, heat FROM people WHERE merged_into IS NULL AND stage IN ('lead', 'mql', 'sql', 'opportunity')"
    for grade, heat in told.connection.exec_driver_sql(standing):
        found[grade, band_of(engagement_on(day_number(told.at), heat, scoring.half_life), scoring)] += 1
    matrix = by(told.report, "matrix", "grade")
    assert {(grade, band): row[f"band_{band}"] for grade, row in matrix.items() for band in "1234"} == {
        (grade, band): found[str(grade), band] for grade in matrix for band in "1234"
    }
    assert total(told.report, "matrix")["people"] == sum(found.values()) > 0


def test_what_leads_cost(past: Installation) -> None:
    """For the whole period, a part of it, another currency, a channel and a campaign."""
    period = period_of(first=0, last=9)
    monday = period.first
    amounts = [
        ("paid-search", None, monday, monday + 9, 90_000, "EUR"), ("referral", None, monday - 10, monday + 9, 50_000, "EUR"),
        ("paid-search", "spring", monday + 5, monday + 14, 33_333, "EUR"), (None, "autumn", monday + 2, monday + 2, 7_000, "EUR"),
        ("referral", None, monday, monday, 1, "USD"), ("referral", None, monday + 10, monday + 20, 99_999, "EUR"),
    ]  # fmt: skip
    names = ("channel", "campaign", "first_day", "last_day", "amount", "currency")
    with past.engine.connect() as connection:
        connection.execute(spend.insert(), [
            {"id": n, "imported_at": past.clock.now(), **dict(zip(names, amount, strict=True))} for n, amount in enumerate(amounts)
        ])  # fmt: skip
        told = Told(connection, past, period)
        days = (
            "1.0 * amount * (CASE WHEN last_day < :last THEN last_day ELSE :last END"
            " - CASE WHEN first_day > :first THEN first_day ELSE :first END + 1) / (last_day - first_day + 1)"
        )
        within = "currency = 'EUR' AND last_day >= :first AND first_day <= :last"
        span = {"first": period.first, "last": period.last}
        [[everything]] = told.ask(f"SELECT SUM({days}) FROM spend WHERE {within}", **span)
        channels = dict(
            told.ask(f"SELECT channel, SUM({days}) FROM spend WHERE {within} AND channel IS NOT NULL GROUP BY 1", **span)
        )
        campaigns = dict(
            told.ask(f"SELECT campaign, SUM({days}) FROM spend WHERE {within} AND campaign IS NOT NULL GROUP BY 1", **span)
        )
        reached = told.counts(REACHED)
        costs = by(told.report, "costs", "stage")
        assert {stage: (row["people"], row["spent"], row["cost"]) for stage, row in costs.items()} == {
            stage: (n := reached.get(stage, 0), round(everything), round(float(everything) / n) if n else None)
            for stage in STAGES
        }
        assert [remark.code for remark in sheet(told.report, "costs").remarks] == ["other_currencies"]
        of_each(told, "channel_costs", "channel", channels, lambda model: credited(told, model, "channel", "unassigned"))
        of_each(told, "campaign_costs", "campaign", campaigns, lambda model: credited(told, model, "campaign", ""))


def of_each(
    told: Told, name: str, along: str, spent: Mapping[str, Any], credits_: Callable[[str], Mapping[tuple[str, str], float]]
) -> None:  # fmt: skip
    found = {(row[along], row["model"]): row for row in rows(told.report, name)}
    assert {each for each, _ in found} == set(spent)
    for model in SHARES:
        expected = credits_(model)
        for each, amount in spent.items():
            row = found[each, model]
            assert row["spent"] == round(amount)
            for stage in ("lead", "mql", "customer"):
                people = expected.get((stage, each), 0.0)
                assert row[f"credited_{stage}"] == pytest.approx(people, abs=1e-5)
                assert row[f"cost_of_{stage}"] == (pytest.approx(float(amount) / people, rel=1e-4, abs=1) if people else None)


def test_nothing_is_known_of_nothing(installation: Installation) -> None:
    installation.apply(business())
    with installation.engine.connect() as connection:
        told = Told(connection, installation, PERIODS["everything"])
    assert [each.name for each in told.report.sheets][:3] == ["reached", "rates", "outcomes"]
    assert all(row["people"] == 0 for row in rows(told.report, "reached"))
    assert [remark.code for remark in told.report.remarks] == ["few"]
    assert [remark.code for remark in sheet(told.report, "costs").remarks] == ["nothing_spent"]


def test_what_is_heard_of_late_changes_who_is_credited(installation: Installation) -> None:
    installation.apply(business())
    tell = Teller()
    installation.happen(
        tell.visit(2, "ana", "/pricing", referrer="https://www.google.com/"), tell.post(2, "ana@acme.test", "ana")
    )
    installation.happen(tell.download(2.1, "ana@acme.test"))
    assert first_channels(installation) == {"organic-search"}
    installation.happen(tell.visit(1, "ana", "/blog/a", campaign="spring"))
    settle(installation)
    assert first_channels(installation) == {"paid-search"}


def first_channels(installation: Installation) -> set[Any]:
    with installation.engine.connect() as connection:
        report = Told(connection, installation, PERIODS["everything"]).report
    return {row["channel"] for row in rows(report, "models") if row["stage"] == "lead" and row["first"]}
