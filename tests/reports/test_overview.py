"""The overview, from roll-ups written by hand; `test_overview_figures.py` holds it against the log."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine

from nurture.domain.lifecycle import Lifecycle
from nurture.domain.measuring.figures import WHOLE
from nurture.reports.catalogue import builder
from nurture.reports.overview import build, milestones_of
from nurture.reports.sheet import Period, Report
from nurture.reports.told import told
from nurture.reports.words import LANGUAGES
from tests.reports.filled import Figures, by, fill, rows, spent
from tests.support.definitions import definitions

AT = datetime(2026, 3, 20, 8, 0, tzinfo=UTC)
MONDAY = 20_514
WEEK = Period(first=MONDAY, last=MONDAY + 6)

FIGURES: Figures = {
    ("people", MONDAY, ""): 200, ("people", MONDAY - 1, ""): 100, ("visits", MONDAY, "direct"): 250, ("aware", MONDAY, "direct"): 250,
    ("views", MONDAY, "/a"): 300,
    ("reached:lead", MONDAY, ""): 40, ("reached:lead", MONDAY - 1, ""): 10, ("reached:mql", MONDAY + 6, ""): 10,
    ("reached:sql", MONDAY, ""): 5, ("reached:customer", MONDAY, ""): 1,
    **{("credit:last:lead", MONDAY, channel): n * WHOLE for channel, n in {"direct": 20, "email": 3, "referral": 7, "ads": 10}.items()},
    **{("assisted:lead", MONDAY, piece): n for piece, n in {"/a": 30, "/b": 2, "/c": 5, "checklist": 4}.items()},
}  # fmt: skip


def report(engine: Engine, figures: Figures = FIGURES, period: Period = WEEK) -> Report:
    with engine.begin() as connection:
        fill(connection, figures)
        return build(connection, definitions(), period, AT)


def test_the_first_figures_stand_beside_those_of_before(migrated_engine: Engine) -> None:
    told = report(migrated_engine)
    found = by(told, "figures", "figure")
    assert {name: row["period"] for name, row in found.items()} == {
        "visitors": 200, "visits": 250, "aware": 1, "leads": 40, "conversion": 0.2, "qualified": 10, "qualification": 0.25,
        "customers": 1, "spent": None, "cost_of_lead": None, "cost_of_qualified": None, "cost_of_customer": None,
        "mails": 0, "click_rate": None, "in_market": 0,
    }  # fmt: skip
    assert (found["leads"]["before"], found["leads"]["change"]) == (10, 3)
    assert found["conversion"]["change"] == pytest.approx(1)
    assert told.remarks == ()


def test_the_funnel_begins_with_visitors(migrated_engine: Engine) -> None:
    funnel = rows(report(migrated_engine), "funnel")
    assert [(row["stage"], row["people"], row["of_above"], row["before"]) for row in funnel] == [
        ("audience", 200, None, 100), ("lead", 40, 0.2, 10), ("mql", 10, 0.25, 0), ("sql", 5, 0.5, 0), ("opportunity", 0, 0, 0),
        ("customer", 1, None, 0),
    ]  # fmt: skip


def test_both_halves_are_told_week_by_week(migrated_engine: Engine) -> None:
    weeks = rows(report(migrated_engine, period=Period(first=MONDAY - 7, last=MONDAY + 6)), "halves")
    assert [(row["visitors"], row["leads"], row["qualified"], row["customers"], row["conversion"]) for row in weeks] == [
        (100, 10, 0, 0, 0.1), (200, 40, 10, 1, 0.2),
    ]  # fmt: skip


def test_the_three_strongest_are_named(migrated_engine: Engine) -> None:
    told = report(migrated_engine)
    assert [(row["channel"], row["credited_lead"], row["share_of_leads"]) for row in rows(told, "channels")] == [
        ("direct", 20, 0.5), ("ads", 10, 0.25), ("referral", 7, 0.175),
    ]  # fmt: skip
    assert [(row["piece"], row["assisted_lead"], row["share_of_leads"]) for row in rows(told, "content")] == [
        ("/a", 30, 0.75), ("/c", 5, 0.125), ("checklist", 4, 0.1),
    ]  # fmt: skip


def test_what_was_spent_is_divided_by_those_it_brought(migrated_engine: Engine) -> None:
    with migrated_engine.begin() as connection:
        spent(connection, 140_000, MONDAY - 7, MONDAY + 6, channel="ads")
    found = by(report(migrated_engine), "figures", "figure")
    assert {name: (found[name]["period"], found[name]["before"]) for name in found if "cost" in str(name) or name == "spent"} == {
        "spent": (70_000, 70_000), "cost_of_lead": (1_750, 7_000), "cost_of_qualified": (7_000, None),
        "cost_of_customer": (70_000, None),
    }  # fmt: skip


def test_few_leads_are_said_to_be_few(migrated_engine: Engine) -> None:
    told = report(migrated_engine, {("reached:lead", MONDAY, ""): 3})
    assert [(remark.code, dict(remark.values)) for remark in told.remarks] == [("few", {"n": 3})]


@pytest.mark.parametrize(
    ("stages", "wanted"),
    [
        (("audience", "customer"), ("customer", "customer", "customer")),
        (("audience", "lead", "customer"), ("lead", "customer", "customer")),
        (("a", "b", "c", "d", "e"), ("b", "c", "e")),
    ],
)
def test_the_stages_that_the_overview_is_about(stages: tuple[str, ...], wanted: tuple[str, ...]) -> None:
    assert milestones_of(Lifecycle(stages=stages)) == wanted


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", ["overview", "demand", "content", "channels"])
def test_stages_of_ones_own_are_told_by_their_names(migrated_engine: Engine, name: str, language: str) -> None:
    own = definitions(lifecycle={"stages": ["reader", "contact", "client"]}, sequences={})
    with migrated_engine.begin() as connection:
        fill(connection, {("reached:contact", MONDAY, ""): 4, ("credit:last:contact", MONDAY, "direct"): 4 * WHOLE})
        report = told(builder(name)(connection, own, WEEK, AT), language)
    titles = " ".join(column.title for sheet in report.sheets for column in sheet.columns)
    assert "{" not in titles
    assert name == "demand" or "contact" in titles or "contact" in {row[0].text for sheet in report.sheets for row in sheet.rows}
