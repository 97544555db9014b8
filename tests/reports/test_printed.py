"""Reports for programs: JSON of a stable shape, and CSV without formulas."""

import csv
import json
from io import StringIO

from nurture.reports.printed import as_csv, printed
from nurture.reports.told import told
from tests.support.sample_report import FORMULA, WORDS, sample_report


def rows_of(number: int, language: str = "en") -> list[list[str]]:
    report = sample_report()
    return list(csv.reader(StringIO(as_csv(report.sheets[number], told(report, language, WORDS).sheets[number]), newline="")))


def test_json_holds_figures_as_they_are_and_days_as_dates() -> None:
    found = json.loads(printed(sample_report(), "en", WORDS).model_dump_json())
    assert (found["name"], found["first_day"], found["last_day"], found["at"]) == (
        "sample", "2026-02-02", "2026-03-01", "2026-03-02T09:00:00Z",
    )  # fmt: skip
    glance, reach, channels, *_ = found["sheets"]
    assert glance["rows"][2] == {"kind": "money", "values": {"figure": "cost", "now": 182_350, "before": None, "change": None}}
    assert reach["rows"][0]["values"] == {"day": "2026-02-02", "visitors": 31, "leads": 1}
    assert reach["total"]["values"] == {"day": None, "visitors": 1_135, "leads": 60}
    assert channels["columns"][3] == {"key": "spent", "kind": "money", "title": "Spent"}
    assert glance["remarks"][0]["values"] == {"n": 12, "rate": 0.0412}
    assert glance["remarks"][0]["text"].startswith("Only 12 leads")


def test_json_says_the_same_in_every_language_but_for_words() -> None:
    english, french = (printed(sample_report(), language, WORDS).model_dump() for language in ("en", "fr"))
    for each in (english, french):
        for sheet in each["sheets"]:
            sheet["remarks"] = None
    assert english["sheets"] == french["sheets"]


def test_csv_has_headings_for_people_and_figures_for_programs() -> None:
    assert rows_of(1)[:2] == [["Day", "Visitors", "Leads"], ["2026-02-02", "31", "1"]]
    assert rows_of(0, "fr")[1:] == [
        ["Visitors", "1191", "1004", str(1_191 / 1_004)],
        ["Visitors who became leads", "0.0412", "0.0389", str(0.0412 / 0.0389)],
        ["Cost per lead", "1823.50", "", ""],
    ]


def test_csv_runs_nothing_in_a_spreadsheet_and_leaves_numbers_alone() -> None:
    rows = rows_of(2)
    assert rows[5][0] == f"'{FORMULA}"
    assert rows[4][3] == "-12.50"


def test_csv_is_that_of_the_rfc() -> None:
    report = sample_report()
    text = as_csv(report.sheets[2], told(report, "en", WORDS).sheets[2])
    assert text.count("\r\n") == text.count("\n") == 7
    assert '"\'=HYPERLINK(""https://evil.test"")"' in text
