"""Every figure of the reports on content and on channels equals what plain SQL finds in the log and in the stage changes."""

from collections import defaultdict
from collections.abc import Iterator

import pytest
from sqlalchemy import Connection

from nurture.domain.measuring.figures import MODELS
from nurture.reports import channels, content
from nurture.reports.sheet import Period, Report
from tests.reports.filled import by, figures, rows, total
from tests.reports.history import STAGES, ask
from tests.reports.readers import IN, PATH, PERIODS, business_with_brand, counts, number, told_by_readers
from tests.support.installation import Installation

ASSET = "body -> 'properties' ->> 'asset'"
SECONDS = "CASE WHEN seconds > 14400 THEN 14400 WHEN seconds > 0 THEN ROUND(seconds) ELSE 0 END"

#: What somebody had read, or taken freely, before each stage that they reached in the period.
READ = f"""
    , reads AS (
        SELECT DISTINCT m.root, m.stage, CASE WHEN a.name = 'page_viewed' THEN a.{PATH} ELSE a.{ASSET} END AS piece
        FROM milestones m JOIN acts a ON a.root = m.root AND a.at < m.at
        WHERE m.at >= :begins AND m.at < :ends AND (a.name = 'page_viewed'
            OR (a.name = 'asset_downloaded' AND CAST(a.body -> 'properties' ->> 'gated' AS TEXT) IN ('false', '0')))
    )
"""

#: What somebody had read before an asset made them a lead.
ON_THE_WAY = f"""
    , ways AS (
        SELECT DISTINCT lead.root, lead.asset, CASE WHEN a.name = 'page_viewed' THEN a.{PATH} ELSE a.{ASSET} END AS piece
        FROM milestones lead JOIN acts a ON a.root = lead.root AND a.at < lead.at
        WHERE lead.stage = 'lead' AND lead.asset IS NOT NULL AND (a.name = 'page_viewed'
            OR (a.name = 'asset_downloaded' AND CAST(a.body -> 'properties' ->> 'gated' AS TEXT) IN ('false', '0')))
    )
    SELECT ways.asset, ways.piece, m.stage, COUNT(*) FROM ways JOIN milestones m ON m.root = ways.root
    WHERE m.at >= :begins AND m.at < :ends GROUP BY 1, 2, 3
"""


@pytest.fixture
def connection(installation: Installation) -> Iterator[Connection]:
    installation.apply(business_with_brand())
    told_by_readers(installation, seed=3)
    with installation.engine.connect() as connection:
        assert all(reached(connection, PERIODS["all"]).get(stage) for stage in ("lead", "mql", "customer"))
        yield connection


def report(connection: Connection, period: Period) -> Report:
    return content.build(connection, business_with_brand(), period, period.ends)


def reached(connection: Connection, period: Period) -> dict[str, int]:
    return counts(connection, f"SELECT stage, COUNT(*) FROM milestones WHERE {IN} GROUP BY stage", period)


def read_before(connection: Connection, period: Period) -> dict[tuple[str, str], int]:
    """People by the stage they reached and the piece they had read before."""
    asked = f"{READ} SELECT stage, piece, COUNT(*) FROM reads GROUP BY 1, 2"
    return {(stage, piece): n for stage, piece, n in ask(connection, asked, period)}


def test_each_figure_of_each_page(connection: Connection) -> None:
    for period in PERIODS.values():
        views = counts(connection, f"SELECT {PATH}, COUNT(*) FROM acts WHERE {IN} AND name = 'page_viewed' GROUP BY 1", period)
        left = f"""SELECT {PATH} AS path, {number(connection, "seconds")} AS seconds, {number(connection, "scroll")} AS scroll
            FROM acts WHERE {IN} AND name = 'page_engaged'"""
        seconds = counts(connection, f"SELECT path, SUM({SECONDS}) FROM ({left}) pages GROUP BY 1", period)
        deep = counts(connection, f"SELECT path, COUNT(*) FROM ({left}) pages WHERE scroll >= 75 GROUP BY 1", period)
        read, leads = read_before(connection, period), reached(connection, period).get("lead", 0)
        found = by(report(connection, period), "pages", "page")
        pages = {page for page, n in {**views, **seconds, **deep}.items() if n} | {piece for _, piece in read if piece[0] == "/"}
        assert {page for page, row in found.items() if any(figure for figure in [*row.values()][1:])} == pages
        for page in pages:
            row, n = found[page], views.get(page, 0)
            assert (row["views"], row["seconds"], row["deep"]) == (n, seconds.get(page, 0), deep.get(page, 0))
            assert row["seconds_per_view"] == (seconds.get(page, 0) / n if n else None)
            assert row["deep_share"] == (deep.get(page, 0) / n if n else None)
            assert [row[f"assisted_{stage}"] for stage in ("lead", "mql", "customer")] == [
                read.get((stage, page), 0) for stage in ("lead", "mql", "customer")
            ]
            assert row["share_of_leads"] == (read.get(("lead", page), 0) / leads if leads else None)
        summed = total(report(connection, period), "pages")
        assert (summed["views"], summed["seconds"], summed["deep"]) == (
            sum(views.values()), sum(seconds.values()), sum(deep.values()),
        )  # fmt: skip


def test_each_figure_of_each_asset(connection: Connection) -> None:
    for period in PERIODS.values():
        taken = counts(
            connection, f"SELECT {ASSET}, COUNT(*) FROM acts WHERE {IN} AND name = 'asset_downloaded' GROUP BY 1", period
        )
        made = f"SELECT stage, asset, COUNT(*) FROM milestones WHERE {IN} AND asset IS NOT NULL GROUP BY 1, 2"
        made_by = {(stage, asset): n for stage, asset, n in ask(connection, made, period)}
        read = read_before(connection, period)
        found = by(report(connection, period), "assets", "asset")
        assert {asset: row["gated"] for asset, row in found.items()} == {
            "guide": "gated", "webinar": "gated", "checklist": "free",
        }  # fmt: skip
        for asset, row in found.items():
            assert row["downloads"] == taken.get(str(asset), 0)
            for stage in ("lead", "mql", "customer"):
                assert row[f"made_{stage}"] == made_by.get((stage, str(asset)), 0)
                assert row[f"assisted_{stage}"] == read.get((stage, str(asset)), 0)


def test_plays_of_each_title(connection: Connection) -> None:
    plays = f"""SELECT body -> 'properties' ->> 'title', COUNT(*) FROM acts
        WHERE {IN} AND name IN ('video_played', 'podcast_played') GROUP BY 1"""
    for period in PERIODS.values():
        assert {row["title"]: row["plays"] for row in rows(report(connection, period), "plays")} == counts(
            connection, plays, period
        )


def test_each_way_from_a_page_to_an_asset_and_on(connection: Connection) -> None:
    for period in PERIODS.values():
        went: dict[tuple[str, str], dict[str, int]] = defaultdict(dict)
        for asset, piece, stage, n in ask(connection, ON_THE_WAY, period):
            went[asset, piece][stage] = n
        made = counts(
            connection, f"SELECT asset, COUNT(*) FROM milestones WHERE {IN} AND stage = 'lead' AND asset IS NOT NULL GROUP BY 1", period
        )  # fmt: skip
        found = {(row["asset"], row["page"]): row for row in rows(report(connection, period), "paths")}
        told = {way: stages for way, stages in went.items() if stages.keys() & {"lead", "mql", "customer"}}
        assert found.keys() == told.keys()
        for (asset, page), stages in told.items():
            row = found[asset, page]
            assert [row[f"on_path_{stage}"] for stage in ("lead", "mql", "customer")] == [
                stages.get(stage, 0) for stage in ("lead", "mql", "customer")
            ]
            assert row["share_of_asset"] == (stages.get("lead", 0) / made[asset] if asset in made else None)


def test_content_behind_each_stage(connection: Connection) -> None:
    for period in PERIODS.values():
        read, people = read_before(connection, period), reached(connection, period)
        for stage, row in by(report(connection, period), "coverage", "stage").items():
            pieces = {piece: n for (of, piece), n in read.items() if of == stage}
            strongest = min(pieces, key=lambda piece: (-pieces[piece], piece), default=None)
            assert (row["people"], row["pieces"], row["strongest"]) == (people.get(str(stage), 0), len(pieces), strongest)
            assert row["strongest_share"] == (pieces[strongest] / people[str(stage)] if strongest else None)


LAST = """SELECT m.stage, COALESCE((SELECT {key} FROM acts t WHERE t.root = m.root AND t.at <= m.at AND t.channel IS NOT NULL
        ORDER BY CASE WHEN t.channel = 'direct' THEN 1 ELSE 0 END, t.at DESC LIMIT 1), '{nobody}') AS name, COUNT(*)
    FROM milestones m WHERE m.at >= :begins AND m.at < :ends GROUP BY 1, 2"""


def test_each_figure_of_each_channel_and_campaign(connection: Connection) -> None:
    for period in PERIODS.values():
        told = channels.build(connection, business_with_brand(), period, period.ends)
        visits = counts(connection, f"SELECT channel, COUNT(*) FROM acts WHERE {IN} AND channel IS NOT NULL GROUP BY 1", period)
        asked = ask(connection, LAST.format(key="t.channel", nobody="unassigned"), period)
        credited = {(stage, channel): n for stage, channel, n in asked}
        found = by(told, "channels", "channel")
        assert found.keys() == {*visits, *(channel for stage, channel in credited if stage in ("lead", "mql", "customer"))}
        for channel, row in found.items():
            n = visits.get(str(channel), 0)
            assert (row["visits"], row["share"]) == (n, n / sum(visits.values()))
            for stage in ("lead", "mql", "customer"):
                assert row[f"credited_{stage}"] == credited.get((stage, str(channel)), 0)
            assert row["conversion"] == (credited.get(("lead", str(channel)), 0) / n if n else None)
        campaign = "COALESCE(t.body -> 'context' -> 'campaign' ->> 'name', '')"
        asked = ask(connection, LAST.format(key=campaign, nobody=""), period)
        by_campaign = {(stage, name): n for stage, name, n in asked if name and stage in ("lead", "mql", "customer")}
        assert {
            (stage, row["campaign"]): row[f"credited_{stage}"]
            for row in rows(told, "campaigns") for stage in ("lead", "mql", "customer") if row[f"credited_{stage}"]
        } == by_campaign  # fmt: skip


def test_every_model_shares_out_the_people_there_are(connection: Connection) -> None:
    for period in PERIODS.values():
        told, people = channels.build(connection, business_with_brand(), period, period.ends), reached(connection, period)
        for stage, row in by(told, "totals", "stage").items():
            assert [row[name] for name in ("people", *MODELS)] == [people.get(str(stage), 0)] * 6
        assert {str(row["stage"]) for row in rows(told, "models")} == {stage for stage in STAGES if people.get(stage)}
        for model in MODELS:
            assert sum(figures(told, "models", model)) == pytest.approx(sum(people.values()))
