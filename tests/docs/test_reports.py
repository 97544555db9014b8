"""docs/reports.md says what each figure of a report means; WRITE_DOCS=1 writes it anew from the words of the reports."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from nurture.adapters.database.tables import metadata
from nurture.reports.catalogue import builder
from nurture.reports.sheet import Period, Report
from nurture.reports.words import LANGUAGES, ReportWords, words_of
from tests.support.definitions import definitions

PAGE = Path(__file__).parents[2] / "docs" / "reports.md"
BEGIN, END = "<!-- figures: begin -->\n", "<!-- figures: end -->\n"

#: In the order of the page.
REPORTS = ("overview", "demand", "leads", "sequences", "content", "channels", "cohorts")


@pytest.fixture(scope="module")
def reports() -> list[Report]:
    """Each of them as it is told of nothing: its sheets and columns are the same."""
    engine = create_engine("sqlite://")
    metadata.create_all(engine)
    with engine.connect() as connection:
        period, at = Period(first=20_000, last=20_027), datetime(2026, 3, 20, tzinfo=UTC)
        return [builder(name)(connection, definitions(), period, at) for name in REPORTS]


def test_the_page_tells_each_figure_as_it_is(reports: list[Report]) -> None:
    before, _, rest = PAGE.read_text().partition(BEGIN)
    listed, _, after = rest.partition(END)
    wanted = "".join(f"{line}\n" for report in reports for line in _told(report, words_of(report.name, "en")))
    if os.environ.get("WRITE_DOCS"):
        PAGE.write_text(before + BEGIN + wanted + END + after)
        return
    assert listed == wanted, "write it anew: WRITE_DOCS=1 .venv/bin/python -m pytest tests/docs"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_figure_means_something_in_each_language(reports: list[Report], language: str) -> None:
    for report in reports:
        words = words_of(report.name, language)
        for sheet in report.sheets:
            assert sheet.name in words.sheets
            assert {column.name for column in sheet.columns} <= words.columns.keys() & words.meanings.keys()
            if sheet.kinds:
                assert {row[0] for row in sheet.rows} <= words.labels.keys() & words.meanings.keys()


@pytest.mark.parametrize("name", REPORTS)
def test_both_languages_say_the_same_things(name: str) -> None:
    english, french = (words_of(name, language).model_dump() for language in LANGUAGES)
    assert all(english[part].keys() == french[part].keys() for part in ("sheets", "columns", "labels", "meanings", "remarks"))


def _told(report: Report, words: ReportWords) -> Iterator[str]:
    yield from ("", f"### {words.title}: `nurture report {report.name}`", "", words.about)
    told: set[str] = set()
    for sheet in report.sheets:
        said = words.sheets[sheet.name]
        yield from ("", f"**{said.title}.** {said.about}".rstrip(), "")
        labels = [(str(row[0]), words.labels[str(row[0])]) for row in sheet.rows] if sheet.kinds else []
        columns = [(column.name, words.columns[column.name]) for column in sheet.columns]
        for name, title in [*columns, *labels]:
            if name not in told:
                told.add(name)
                yield f"- *{title}*: {words.meanings[name]}".replace("{of}", "…")
