"""`nurture suppressions`, and their lists."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Row, select

from nurture.adapters.database.tables import suppressions
from nurture.errors import Refused
from tests.cli.conftest import Command
from tests.support.installation import Installation

ANA = "ana@example.com"


def rows(installation: Installation) -> Sequence[Row[Any]]:
    with installation.engine.connect() as connection:
        return connection.execute(select(suppressions)).all()


def test_a_list_is_taken_and_given_back(nurture: Command, installation: Installation, tmp_path: Path) -> None:
    listed = tmp_path / "list.csv"
    listed.write_text("Email,Reason\nAna@Example.com,complained\nnobody\nben@example.com,\n", encoding="utf-8")
    told = nurture("import", "suppressions", str(listed))
    assert told.exit_code == 1
    assert f"{listed}:3:" in told.stderr
    assert "3 rows: 2 suppressed, 1 refused" in told.stdout
    found = {row.email: (row.scope, row.reason, row.source) for row in rows(installation)}
    assert found == {ANA: ("all", "complained", "import"), "ben@example.com": ("all", "imported", "import")}
    given = tmp_path / "given.csv"
    assert nurture("export", "suppressions", "--output", str(given)).exit_code == 0
    again = nurture("import", "suppressions", str(given), "--json")
    assert json.loads(again.stdout) == {"dry_run": False, "rows": 2, "suppressed": 2, "refused": 0}
    assert {row.email: (row.scope, row.reason, row.source) for row in rows(installation)} == found


def test_a_dry_run_suppresses_nobody(nurture: Command, installation: Installation, tmp_path: Path) -> None:
    listed = tmp_path / "list.csv"
    listed.write_text(f"email\n{ANA}\n", encoding="utf-8")
    assert "1 would be suppressed" in nurture("import", "suppressions", str(listed), "--dry-run").stdout
    assert rows(installation) == []


def test_a_scope_stands_beside_another_and_is_lifted_alone(nurture: Command, installation: Installation) -> None:
    nurture("suppressions", "add", ANA)
    nurture("suppressions", "add", ANA, "--scope", "topic:news")
    assert [each["scope"] for each in json.loads(nurture("suppressions", "show", ANA, "--json").stdout)] == ["all", "topic:news"]
    assert nurture("suppressions", "lift", ANA, "--scope", "topic:news").exit_code == 0
    assert [row.scope for row in rows(installation)] == ["all"]


def test_what_its_owner_said_is_lifted_only_by_their_word(nurture: Command, installation: Installation) -> None:
    nurture("suppressions", "add", ANA, "--reason", "complained")
    refused = nurture("suppressions", "lift", ANA)
    assert isinstance(refused.exception, Refused)
    assert "--anyway" in str(refused.exception)
    assert nurture("suppressions", "lift", ANA, "--anyway").exit_code == 0
    assert rows(installation) == []
    assert nurture("suppressions", "show", ANA).exit_code == 1


@pytest.mark.usefixtures("installation")
def test_what_is_no_address_is_refused(nurture: Command) -> None:
    assert nurture("suppressions", "add", "nobody").exit_code == 2
