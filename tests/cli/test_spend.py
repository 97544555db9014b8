"""`nurture import spend` takes in what was spent, everything or nothing, and says at its place what is wrong."""

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from nurture.adapters.database.tables import spend
from tests.cli.conftest import Command
from tests.support.installation import Installation

ROWS = """channel,campaign,month,amount,currency
paid-search,,2026-02,1200.50,EUR
,spring,2026-02,300,
"""
YAML = """spend:
- {channel: paid-search, month: 2026-02, amount: 1200.50, currency: EUR}
- campaign: spring
  from: 2026-02-01
  to: 2026-02-28
  amount: 300
"""


def stored(installation: Installation) -> list[tuple[Any, ...]]:
    with installation.engine.connect() as connection:
        found = connection.execute(select(spend).order_by(spend.c.channel.is_(None), spend.c.first_day))
        return [(row.channel, row.campaign, row.first_day, row.last_day, row.amount, row.currency) for row in found]


EXPECTED = [("paid-search", None, 20_485, 20_512, 120_050, "EUR"), (None, "spring", 20_485, 20_512, 30_000, "EUR")]


@pytest.mark.parametrize(("name", "text"), [("spend.csv", ROWS), ("spend.yaml", YAML), ("spend.csv", ROWS.replace(",", ";"))])
def test_a_file_is_imported_once(nurture: Command, installation: Installation, tmp_path: Path, name: str, text: str) -> None:
    file = tmp_path / name
    file.write_text(text)
    tried = nurture("import", "spend", str(file), "--dry-run")
    assert (tried.exit_code, tried.stdout) == (0, "2 rows: 2 would be imported, 0 known already\n")
    assert stored(installation) == []
    told = nurture("import", "spend", str(file), "--json")
    assert told.exit_code == 0, told.output
    assert json.loads(told.stdout) == {"dry_run": False, "rows": 2, "new": 2, "known": 0, "replaced": 0, "mistakes": []}
    assert stored(installation) == EXPECTED
    again = nurture("import", "spend", str(file))
    assert (again.exit_code, again.stdout) == (0, "2 rows: 0 imported, 2 known already\n")
    assert stored(installation) == EXPECTED


def test_what_is_wrong_is_told_at_its_place_and_nothing_is_imported(
    nurture: Command, installation: Installation, tmp_path: Path
) -> None:
    table = tmp_path / "spend.csv"
    table.write_text("channel,month,amount\npaid-search,2026-02,5\npaid_search,2026-02,1.200\n")
    told = nurture("import", "spend", str(table))
    assert (told.exit_code, told.stdout) == (1, "nothing is imported\n")
    assert told.stderr == (
        f"{table}:3: column channel: unknown channel 'paid_search'; did you mean 'paid-search'?\n"
        f"{table}:3: column amount: '1.200' is no amount; write one like 1200 or 1200.50, without its currency\n"
    )
    document = tmp_path / "spend.yaml"
    document.write_text(
        "spend:\n- {channel: email, month: 2026-02, amount: 5}\n- channel: email\n  month: 2026-13\n  amount: 5\n"
    )
    told = nurture("import", "spend", str(document), "--json")
    assert told.exit_code == 1
    assert json.loads(told.stdout)["mistakes"] == [f"{document}:4:10: '2026-13' is no month; write one like 2026-11"]
    assert stored(installation) == []


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("spend: [", "1:9: "),
        ("- {channel: email}", "1:1: keys are missing here; "),
        ("costs: []", "1:1: this lists nothing that was spent; write `spend:` with a list"),
        ("spend:\n- email", "2:3: this is no row; write `spend:` with a list"),
    ],
)
def test_a_document_of_another_form_is_refused_at_its_place(nurture: Command, tmp_path: Path, text: str, error: str) -> None:
    file = tmp_path / "spend.yaml"
    file.write_text(text)
    told = nurture("import", "spend", str(file))
    assert told.exit_code != 0
    assert f"{file}:{error}" in str(told.exception or told.stderr)


def test_an_overlap_names_both_and_replacing_is_asked_for(nurture: Command, installation: Installation, tmp_path: Path) -> None:
    first, second = tmp_path / "first.csv", tmp_path / "second.csv"
    first.write_text("channel,month,amount\nemail,2026-02,5\nemail,2026-04,7\n")
    second.write_text("channel,from,to,amount\ndirect,2026-02-01,2026-02-03,1\nemail,2026-02-10,2026-03-10,9\n")
    assert nurture("import", "spend", str(first)).exit_code == 0
    refused = nurture("import", "spend", str(second))
    assert (refused.exit_code, refused.stdout) == (1, "nothing is imported\n")
    assert refused.stderr == (
        f"{second}:3: email from 2026-02-10 to 2026-03-10: 9.00 EUR overlaps with what is known: "
        "email from 2026-02-01 to 2026-02-28: 5.00 EUR; correct it, or replace that with --replace\n"
    )
    assert [row[4] for row in stored(installation)] == [500, 700]
    replaced = nurture("import", "spend", str(second), "--replace")
    assert (replaced.exit_code, replaced.stdout) == (0, "2 rows: 2 imported, 0 known already, 1 replaced\n")
    assert sorted(row[4] for row in stored(installation)) == [100, 700, 900]
