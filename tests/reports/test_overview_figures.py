"""Every figure of the overview equals what plain SQL finds in the log, the stage changes and the mails."""

from collections.abc import Callable, Mapping

from sqlalchemy import Connection

from nurture.domain.reporting import Reporting
from nurture.reports.overview import build
from nurture.reports.sheet import Period, Report
from nurture.reports.spans import weeks_of
from tests.reports.filled import by, rows, spent
from tests.reports.history import STAGES, ask
from tests.reports.readers import HERE, IN, PATH, PERIODS, business_with_brand, counts, one, told_by_readers
from tests.support.definitions import definitions
from tests.support.events import MONDAY, download, form
from tests.support.installation import CRAWLER, Installation

REACHED = f"SELECT stage, COUNT(*) FROM milestones WHERE {IN} GROUP BY stage"


def expected(connection: Connection, period: Period) -> dict[str, float | None]:
    """Each figure by a statement of its own."""
    visitors = one(connection, f"SELECT COUNT(DISTINCT root) FROM acts WHERE {IN} AND {HERE}", period)
    visits = one(connection, f"SELECT COUNT(*) FROM acts WHERE {IN} AND channel IS NOT NULL", period)
    direct = one(connection, f"SELECT COUNT(*) FROM acts WHERE {IN} AND channel = 'direct'", period)
    sent = f"status IN ('sent', 'delivered', 'bounced', 'complained') AND sent_{IN.replace('AND at', 'AND sent_at')}"
    mails = one(connection, f"SELECT COUNT(*) FROM messages WHERE {sent}", period)
    clicked = f"""SELECT COUNT(*) FROM messages m WHERE {sent} AND EXISTS (SELECT 1 FROM acts
        WHERE name = 'email_clicked' AND CAST(body ->> 'message' AS TEXT) = CAST(m.id AS TEXT))"""
    clicks = one(connection, clicked, period)
    people = counts(connection, REACHED, period)
    leads, qualified, customers = (people.get(stage, 0) for stage in ("lead", "mql", "customer"))
    return {
        "visitors": visitors, "visits": visits, "aware": _part(direct, visits), "leads": leads, "conversion": _part(leads, visitors),
        "qualified": qualified, "qualification": _part(qualified, leads), "customers": customers, "mails": mails,
        "click_rate": _part(clicks, mails),
    }  # fmt: skip


def _part(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def report(installation: Installation, connection: Connection, period: Period) -> Report:
    return build(connection, installation.definitions, period, installation.clock.now())


def test_first_figures_funnel_weeks_and_the_strongest(installation: Installation) -> None:
    installation.apply(business_with_brand().model_copy(update={"reporting": Reporting()}))
    told_by_readers(installation, seed=4)
    checks: Mapping[str, Callable[[Connection, Report], None]] = {
        "figures": first_figures, "funnel": funnel, "halves": halves, "strongest": strongest,
    }  # fmt: skip
    with installation.engine.connect() as connection:
        assert all(counts(connection, REACHED, PERIODS["all"]).get(stage) for stage in ("lead", "mql", "customer"))
        for period in PERIODS.values():
            for check in checks.values():
                check(connection, report(installation, connection, period))


def first_figures(connection: Connection, told: Report) -> None:
    found = by(told, "figures", "figure")
    for when, period in (("period", told.period), ("before", told.period.before)):
        wanted = expected(connection, period)
        assert {name: found[name][when] for name in wanted} == wanted
    market = by(told, "market", "part")  # `test_market.py` holds its figures against SQL
    assert (found["in_market"]["period"], found["in_market"]["before"]) == (market["in_market"]["of_market"], None)


def funnel(connection: Connection, told: Report) -> None:
    now, before = (counts(connection, REACHED, period) for period in (told.period, told.period.before))
    visitors, former = (expected(connection, period)["visitors"] for period in (told.period, told.period.before))
    assert [(row["stage"], row["people"], row["before"]) for row in rows(told, "funnel")] == [
        ("audience", visitors, former), *((stage, now.get(stage, 0), before.get(stage, 0)) for stage in STAGES),
    ]  # fmt: skip


def halves(connection: Connection, told: Report) -> None:
    for row, week in zip(rows(told, "halves"), weeks_of(told.period), strict=True):
        wanted = expected(connection, week)
        views = one(connection, f"SELECT COUNT(*) FROM acts WHERE {IN} AND name = 'page_viewed'", week)
        assert row == {
            "week": week.first, "views": views,
            **{name: wanted[name] for name in ("visitors", "aware", "leads", "qualified", "customers", "conversion")},
        }  # fmt: skip


def strongest(connection: Connection, told: Report) -> None:
    """Of channels and of content, each with the most before the others."""
    leads = counts(connection, REACHED, told.period).get("lead", 0)
    channel = """SELECT COALESCE((SELECT t.channel FROM acts t WHERE t.root = m.root AND t.at <= m.at AND t.channel IS NOT NULL
            ORDER BY CASE WHEN t.channel = 'direct' THEN 1 ELSE 0 END, t.at DESC LIMIT 1), 'unassigned') AS name, COUNT(*)
        FROM milestones m WHERE m.at >= :begins AND m.at < :ends AND m.stage = 'lead' GROUP BY 1"""
    credited = counts(connection, channel, told.period)
    assert [(row["channel"], row["credited_lead"], row["share_of_leads"]) for row in rows(told, "channels")] == [
        (name, credited[name], credited[name] / leads) for name in _most(credited)
    ]
    piece = f"""SELECT piece, COUNT(*) FROM (
            SELECT DISTINCT m.root, CASE WHEN a.name = 'page_viewed' THEN a.{PATH} ELSE a.body -> 'properties' ->> 'asset' END AS piece
            FROM milestones m JOIN acts a ON a.root = m.root AND a.at < m.at
            WHERE m.at >= :begins AND m.at < :ends AND m.stage = 'lead' AND (a.name = 'page_viewed'
                OR (a.name = 'asset_downloaded' AND CAST(a.body -> 'properties' ->> 'gated' AS TEXT) IN ('false', '0')))
        ) reads GROUP BY 1"""
    read = counts(connection, piece, told.period)
    assert [(row["piece"], row["assisted_lead"], row["share_of_leads"]) for row in rows(told, "content")] == [
        (name, read[name], read[name] / leads) for name in _most(read)
    ]


def _most(found: Mapping[str, int]) -> list[str]:
    return sorted(found, key=lambda name: (-found[name], name))[:3]


def test_mails_clicks_and_costs(installation: Installation) -> None:
    """Three mails, of which one was clicked twice and one by a machine alone; and what was spent in these days and before."""
    installation.apply(definitions())
    for name in ("ana", "ben", "cem"):
        installation.happen(form(f"{name}@acme.test", name), download(f"{name}@acme.test"))
    installation.work()
    installation.later(seconds=60)
    twice = [installation.click("ana@acme.test", "thanks") for _ in range(2)]
    installation.happen(*twice, installation.click("ben@acme.test", "thanks", agent=CRAWLER))
    today = PERIODS["all"].first + 3
    period = Period(first=today, last=today, timezone="Europe/Paris")
    assert period.begins <= MONDAY < period.ends
    with installation.engine.begin() as connection:
        spent(connection, 90_000, today - 1, today + 1, channel="paid-search")
        told = report(installation, connection, period)
        found = by(told, "figures", "figure")
        first_figures(connection, told)
        days = "SELECT SUM(amount / (last_day - first_day + 1)) FROM spend WHERE first_day <= :day AND last_day >= :day"
        [[money]] = ask(connection, days, day=today)
    assert (found["mails"]["period"], found["click_rate"]["period"]) == (3, 1 / 3)
    assert (found["spent"]["period"], found["spent"]["before"], money) == (30_000, 30_000, 30_000)
    assert (found["cost_of_lead"]["period"], found["cost_of_lead"]["before"]) == (10_000, None)
