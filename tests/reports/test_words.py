"""What reports say, they say in every language."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from itertools import chain
from pathlib import Path
from string import Formatter
from typing import Any

import pytest

from nurture.reports.catalogue import REPORTS, builder, period
from nurture.reports.reading import snapshot
from nurture.reports.sheet import Report
from nurture.reports.told import told
from nurture.reports.words import COMMON, LANGUAGES, ReportWords, common_words, language_like, words_of, written
from tests.support.events import download, form, page
from tests.support.installation import Installation, crawl

FOLDER = Path(__file__).parents[2] / "nurture/reports/words"


def files() -> list[str]:
    return sorted({file.stem for file in FOLDER.rglob("*.yaml")})


def said(words: Mapping[str, Any], at: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], frozenset[str]]]:
    """Every place with words, and what is to be filled in there."""
    for name, value in words.items():
        if isinstance(value, Mapping):
            yield from said(value, (*at, name))
        else:
            yield (*at, name), frozenset(field for _, field, _, _ in Formatter().parse(value) if field is not None)


@pytest.mark.parametrize("name", files())
def test_each_language_says_the_same_things_with_the_same_figures(name: str) -> None:
    english, *others = (dict(said(written(name, language))) for language in LANGUAGES)
    assert english
    assert all(other == english for other in others)


@pytest.mark.parametrize("name", [name for name in files() if name != COMMON])
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_words_are_those_of_a_report(name: str, language: str) -> None:
    assert name in REPORTS
    assert ReportWords.model_validate(written(name, language)).about


def test_a_page_in_french_says_nothing_in_english() -> None:
    same = {code for code in common_words("en") if common_words("en")[code] == common_words("fr")[code]}
    assert same == {"period", "total"}


def unsaid(report: Report) -> set[str]:
    """The codes in a report for which there are no words."""
    words = words_of(report.name, "en")
    columns = list(chain.from_iterable(sheet.columns for sheet in report.sheets))
    labels = {
        value for sheet in report.sheets for row in sheet.rows for column, value in zip(sheet.columns, row, strict=True)
        if column.kind == "label" and value is not None
    }  # fmt: skip
    remarks = {each.code for each in (*report.remarks, *chain.from_iterable(sheet.remarks for sheet in report.sheets))}
    return (
        {sheet.name for sheet in report.sheets} - words.sheets.keys()
        | {column.name for column in columns} - words.columns.keys()
        | {str(label) for label in labels} - words.labels.keys()
        | remarks - words.remarks.keys()
    )


def build(installation: Installation, name: str) -> Report:
    with snapshot(installation.engine) as connection:
        definitions, at = installation.definitions, installation.clock.now()
        days = period(connection, definitions.business_timezone, at, last=at.date())
        return builder(name)(connection, definitions, days, at)


@pytest.mark.parametrize("name", REPORTS)
def test_every_report_has_words_for_all_it_tells(installation: Installation, name: str) -> None:
    empty = build(installation, name)
    assert unsaid(empty) == set()
    at = installation.clock.now() - timedelta(days=2)
    installation.happen(
        page("/blog/a", "ana", at=at), page("/pricing", "ana", at=at), form("ana@acme.test", "ana", at=at),
        download("ana@acme.test"), page("/blog/a", "ben", at=at), crawl("/blog/a"),
    )  # fmt: skip
    installation.work()
    installation.happen(installation.click("ana@acme.test", "thanks"))
    filled = build(installation, name)
    assert unsaid(filled) == set()
    for language in LANGUAGES:
        assert told(filled, language).title == words_of(name, language).title  # every brace is filled


@pytest.mark.parametrize(
    ("tag", "language"), [("fr", "fr"), ("fr-CA", "fr"), ("fr_FR.UTF-8", "fr"), ("EN-us", "en"), ("de", "en"), ("", "en")]
)
def test_a_tag_leads_to_a_language_of_ours(tag: str, language: str) -> None:
    assert language_like(tag) == language


def test_a_report_without_words_says_so() -> None:
    with pytest.raises(LookupError, match="dance"):
        words_of("dance", "fr")
