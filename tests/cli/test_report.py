"""`nurture report` prints the reports: as tables, JSON, CSV, or a page."""

import csv
import io
import json
from datetime import date
from pathlib import Path

import pytest
from rich.console import Console

from nurture.cli.report_text import bar, lines
from nurture.domain.measuring.figures import PEOPLE
from nurture.reports.figures import EPOCH
from nurture.reports.told import told
from tests.cli.conftest import Command
from tests.reports.filled import fill
from tests.support.installation import Installation
from tests.support.sample_report import WORDS, sample_report

#: The day before the clock's.
YESTERDAY = (date(2026, 3, 1) - EPOCH).days


@pytest.fixture
def nurture_after_a_day(nurture: Command, installation: Installation) -> Command:
    """An installation on which three people came yesterday, one of them for the first time."""
    with installation.engine.begin() as connection:
        fill(connection, {(PEOPLE, YESTERDAY, ""): 1, (PEOPLE, YESTERDAY, str(YESTERDAY - 90)): 2})
    return nurture


def test_the_overview_is_printed_unless_another_is_named(nurture_after_a_day: Command) -> None:
    printed = nurture_after_a_day("report")
    assert printed.exit_code == 0, printed.output
    assert printed.stdout.startswith("Overview\nFeb 2, 2026 – Mar 1, 2026 (")
    assert printed.stdout == nurture_after_a_day("report", "overview").stdout
    assert "█" in printed.stdout
    assert nurture_after_a_day("report", "demand").stdout.startswith("Demand\n")


def test_days_and_language_can_be_chosen(nurture_after_a_day: Command) -> None:
    printed = nurture_after_a_day("report", "demand", "--from", "2026-02-01", "--days", "7", "--lang", "fr").stdout
    assert "1 févr. 2026 – 7 févr. 2026" in printed
    printed = nurture_after_a_day("report", "--to", "2026-03-01", "--days", "1", "--json").stdout
    assert (json.loads(printed)["first_day"], json.loads(printed)["last_day"]) == ("2026-03-01", "2026-03-01")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--from", "2026-03-01", "--to", "2026-02-01"], "end before they begin"),
        (["--from", "yesterday"], "--from"),
        (["--days", "0"], "--days"),
        (["--lang", "de"], "--lang"),
        (["--json", "--csv", "-"], "choose one"),
        (["--json", "demand"], "after the name"),
    ],
)
def test_what_makes_no_sense_is_refused(nurture: Command, arguments: list[str], complaint: str) -> None:
    refused = nurture("report", *arguments)
    assert refused.exit_code == 2
    assert complaint in refused.stderr


def test_json_is_for_programs(nurture_after_a_day: Command) -> None:
    found = json.loads(nurture_after_a_day("report", "demand", "--json").stdout)
    reach = {row["values"]["figure"]: row["values"]["period"] for row in found["sheets"][0]["rows"]}
    assert (found["name"], found["currency"], reach["visitors"]) == ("demand", "EUR", 3)


def test_csv_is_written_into_a_folder_or_printed(nurture_after_a_day: Command, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "sheets"
    written = nurture_after_a_day("report", "demand", "--csv", str(folder))
    assert written.exit_code == 0, written.output
    files = sorted(folder.iterdir())
    assert [str(file) for file in files] == sorted(written.stdout.split())
    assert all(file.name.startswith("demand-") and file.read_bytes().startswith(b"\xef\xbb\xbf") for file in files)
    rows = list(csv.reader(io.StringIO((folder / "demand-reach.csv").read_text(encoding="utf-8-sig"))))
    assert rows[1][:2] == ["Visitors", "3"]
    printed = nurture_after_a_day("report", "demand", "--csv", "-").stdout
    assert printed.replace("\r", "").split("\n\n")[0] == "\n".join(",".join(row) for row in rows)


def test_a_page_holds_one_report_or_all(nurture_after_a_day: Command, tmp_path: Path) -> None:
    file = tmp_path / "demand.html"
    written = nurture_after_a_day("report", "demand", "--html", str(file), "--lang", "fr")
    assert written.exit_code == 0, written.output
    html = file.read_text(encoding="utf-8")
    assert '<html lang="fr">' in html
    assert html.count("<article") == 1


def draw(language: str, width: int) -> str:
    printer = Console(file=io.StringIO(), width=width, markup=False, highlight=False, force_terminal=False)
    for each in lines(told(sample_report(), language, WORDS), language, width):
        printer.print(each)
    assert isinstance(printer.file, io.StringIO)
    return printer.file.getvalue()


@pytest.mark.parametrize("width", [40, 80, 140])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    printed = draw("en", width)
    assert max(map(len, printed.splitlines())) <= width
    assert ("█" in printed) == (width > 40)


def test_a_table_has_bars_totals_remarks_and_figures_of_the_language() -> None:
    printed = draw("fr", 140)
    assert "Total" in printed
    assert "1 823,50 €" in printed
    assert "Rien pendant ces jours." in printed
    assert "Late events may still come." in printed
    (first,) = [line for line in printed.splitlines() if line.lstrip().startswith("organic_search")]
    assert "█" * 28 in first


def test_a_bar_is_as_long_as_its_part() -> None:
    assert (bar(1.0, 8), bar(0.5, 8), bar(0.0, 8), bar(2.0, 4)) == ("█" * 8, "█" * 4, "", "█" * 4)
    assert bar(0.3, 8) == "██▍"


@pytest.mark.parametrize("language", ["en", "fr"])
def test_nothing_that_a_terminal_obeys_is_printed(language: str) -> None:
    assert {each for each in draw(language, 140) if not each.isprintable()} <= {"\n"}
