"""The report on content, from roll-ups written by hand; `test_content_figures.py` holds it against the log."""

from datetime import UTC, datetime

from sqlalchemy import Engine

from nurture.reports.content import MOST, build
from nurture.reports.sheet import Period, Report
from tests.reports.filled import Figures, by, fill, rows, sheet, total
from tests.support.definitions import DEFINITIONS, definitions

AT = datetime(2026, 3, 20, 8, 0, tzinfo=UTC)
DAY = 20_514

ASSETS = {**DEFINITIONS["assets"], "checklist": {"title": {"en": "The checklist"}, "file": "assets/checklist.pdf"}}

FIGURES: Figures = {
    ("views", DAY, "/blog/a"): 40, ("seconds", DAY, "/blog/a"): 400, ("deep", DAY, "/blog/a"): 10, ("views", DAY, "/blog/b"): 60,
    ("views", DAY + 9, "/blog/a"): 5, ("views", DAY, "/jobs"): 1, ("views", DAY, "(other)"): 3,
    ("plays", DAY, "Episode 1"): 3, ("downloads", DAY, "guide"): 12, ("downloads", DAY, "former"): 2,
    ("reached:lead", DAY, ""): 10, ("reached:customer", DAY, ""): 2, ("reached-by-asset:lead", DAY, "guide"): 8,
    ("assisted:lead", DAY, "/blog/a"): 6, ("assisted:lead", DAY, "checklist"): 1, ("assisted:customer", DAY, "/blog/a"): 2,
    ("assisted:customer", DAY, "/blog/z"): 1, ("path:lead", DAY, "guide /blog/a"): 4, ("path:customer", DAY, "guide /blog/a"): 1,
    ("path:lead", DAY, "guide /blog/b"): 1,
}  # fmt: skip


def report(engine: Engine, figures: Figures = FIGURES) -> Report:
    with engine.begin() as connection:
        fill(connection, figures)
        return build(connection, definitions(assets=ASSETS), Period(first=DAY, last=DAY + 6), AT)


def test_pages_are_told_by_views_with_those_that_were_read_before(migrated_engine: Engine) -> None:
    told = report(migrated_engine)
    pages = by(told, "pages", "page")
    assert [*pages] == ["/blog/b", "/blog/a", "(other)", "/jobs", "/blog/z"]
    assert pages["/blog/a"] == {
        "page": "/blog/a", "views": 40, "seconds": 400, "seconds_per_view": 10, "deep": 10, "deep_share": 0.25,
        "assisted_lead": 6, "assisted_mql": 0, "assisted_customer": 2, "share_of_leads": 0.6,
    }  # fmt: skip
    assert (pages["/blog/z"]["views"], pages["/blog/z"]["deep_share"], pages["/blog/z"]["assisted_customer"]) == (0, None, 1)
    assert (total(told, "pages")["views"], total(told, "pages")["seconds"]) == (104, 400)


def test_every_asset_on_offer_is_told_taken_or_not(migrated_engine: Engine) -> None:
    assets = by(report(migrated_engine), "assets", "asset")
    assert {asset: (row["gated"], row["downloads"]) for asset, row in assets.items()} == {
        "guide": ("gated", 12), "former": ("unknown", 2), "checklist": ("free", 0),
    }  # fmt: skip
    assert (assets["guide"]["made_lead"], assets["checklist"]["assisted_lead"]) == (8, 1)


def test_ways_lead_from_a_page_to_an_asset_and_on(migrated_engine: Engine) -> None:
    assert rows(report(migrated_engine), "paths") == [
        {"page": "/blog/a", "asset": "guide", "on_path_lead": 4, "on_path_mql": 0, "on_path_customer": 1, "share_of_asset": 0.5},
        {
            "page": "/blog/b",
            "asset": "guide",
            "on_path_lead": 1,
            "on_path_mql": 0,
            "on_path_customer": 0,
            "share_of_asset": 0.125,
        },
    ]


def test_what_is_played_is_told_by_title(migrated_engine: Engine) -> None:
    assert rows(report(migrated_engine), "plays") == [{"title": "Episode 1", "plays": 3}]


def test_coverage_tells_how_much_those_had_read_who_reached_a_stage(migrated_engine: Engine) -> None:
    told = report(migrated_engine)
    stages = by(told, "coverage", "stage")
    assert stages["lead"] == {"stage": "lead", "people": 10, "pieces": 2, "strongest": "/blog/a", "strongest_share": 0.6}
    assert stages["mql"] == {"stage": "mql", "people": 0, "pieces": 0, "strongest": None, "strongest_share": None}
    assert [*stages] == ["lead", "mql", "sql", "opportunity", "customer"]
    [idle] = sheet(told, "coverage").remarks
    assert (idle.code, dict(idle.values)) == ("idle", {"n": 3, "of": 4})


def test_of_very_many_pages_the_first_are_shown_and_all_are_summed(migrated_engine: Engine) -> None:
    told = report(migrated_engine, {("views", DAY, f"/{n:03}"): n for n in range(1, MOST + 8)})
    pages = sheet(told, "pages")
    assert (len(pages.rows), pages.rows[0][0]) == (MOST, f"/{MOST + 7}")
    assert [(remark.code, dict(remark.values)) for remark in pages.remarks] == [("more", {"n": 7})]
    assert total(told, "pages")["views"] == sum(range(1, MOST + 8))
