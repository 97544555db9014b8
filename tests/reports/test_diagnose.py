"""The report on what to change: findings with advice in both languages, their evidence, and what cannot be told yet."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nurture.adapters.database.engine import make_engine
from nurture.demo.plants.business import Business
from nurture.demo.plants.causes import PLANTS
from nurture.demo.plants.growing import grow
from nurture.domain.definitions import Definitions
from nurture.reports.diagnose import build
from nurture.reports.printed import printed
from nurture.reports.reading import snapshot
from nurture.reports.sheet import Period, Report
from nurture.reports.told import told
from tests.reports.filled import rows, sheet
from tests.support.databases import SqliteFiles

OWN: dict[str, Any] = {
    "confidence": 0.9,
    "rules": {
        "form-too-long": {"weight": 20},
        "many-views": {
            "of": "form", "when": {"form_views": {"at_least": 20}}, "least": {"form_views": 5}, "weight": 90, "shows": ["form_pages"],
            "says": {
                "en": {"title": "Seen {often}", "text": "{about} was seen {form_views} times {{really}}; {form_taken} sent it."},
                "fr": {"title": "Vu", "text": "{about} : {form_views} vues, {form_taken} d’envois."},
            },
        },
    },
}  # fmt: skip


class Town:
    """A business in which one thing is wrong, asked under several rules."""

    def __init__(self, url: str, business: Business) -> None:
        self.engine = make_engine(url)
        self.definitions, self.period = grow(self.engine, business, 1)

    def report(self, diagnose: dict[str, Any] | None = None, period: Period | None = None) -> Report:
        written = json.loads(self.definitions.to_json()) | {"diagnose": diagnose or {}}
        with snapshot(self.engine) as connection:
            definitions = Definitions.model_validate(written)
            return build(connection, definitions, period or self.period, self.period.ends)


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory, _sqlite_files: SqliteFiles) -> Iterator[Town]:
    business = PLANTS["form-too-long"].business
    made = Town(_sqlite_files.copy_to(Path(tmp_path_factory.mktemp("town")) / "nurture.db"), business)
    yield made
    made.engine.dispose()


def test_a_finding_has_its_evidence_and_advice(town: Town) -> None:
    report = town.report()
    first, second = rows(report, "findings")
    assert (first["finding"], first["about"], first["because"]) == ("form-too-long", "guide", None)
    assert (second["finding"], second["because"]) == ("form-not-convincing", "form-too-long")
    assert 0.8 <= float(first["confidence"] or 0) <= 1
    evidence = {row["fact"]: row["value"] for row in rows(report, "evidence") if row["finding"] == "form-too-long"}
    assert evidence["form_required"] == 8
    kinds = dict(zip([row[2] for row in sheet(report, "evidence").rows], sheet(report, "evidence").kinds, strict=True))
    assert (kinds["form_taken"], kinds["form_views"], kinds["form_pages"]) == ("share", "count", "text")


@pytest.mark.parametrize(("language", "says"), [("en", "It demands 8 fields"), ("fr", "Il exige 8 champs")])
def test_advice_is_said_in_each_language(town: Town, language: str, says: str) -> None:
    in_words = told(town.report(), language)
    assert says in in_words.sheets[0].remarks[0]
    assert "{" not in "".join(in_words.sheets[0].remarks)


def test_rules_of_ones_own_are_asked_and_said(town: Town) -> None:
    report = town.report(OWN)
    found = [(row["finding"], row["about"]) for row in rows(report, "findings")]
    assert found[:2] == [("many-views", "checklist"), ("many-views", "guide")]
    assert ("form-too-long", "guide") in found
    english, french = (told(report, language).sheets[0] for language in ("en", "fr"))
    assert english.rows[0][0].text == "Seen {often}"
    assert "guide was seen 1" in english.remarks[1]
    assert "times {really}; 2.4% sent it." in english.remarks[1]
    assert french.remarks[1].startswith("guide : 1")
    assert printed(report, "fr").sheets[0].rows[0].values["finding"] == "many-views"


def test_rules_can_be_switched_off(town: Town) -> None:
    report = town.report({"off": ["form-too-long", "form-not-convincing"]})
    assert rows(report, "findings") == []
    assert [each.code for each in sheet(report, "findings").remarks] == ["none"]


def test_a_day_is_too_little_to_tell_from(town: Town) -> None:
    one_day = town.period.model_copy(update={"last": town.period.first})
    report = town.report(period=one_day)
    assert rows(report, "findings") == []
    needed = {row["finding"]: (row["fact"], row["needed"]) for row in rows(report, "too_few")}
    assert needed["form-too-long"] == ("form_views", 80)
    assert needed["leads-do-not-qualify"] == ("leads", 50)
