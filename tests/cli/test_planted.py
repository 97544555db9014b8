"""`nurture demo --plant` plays a business in which one thing is wrong, and leaves it to be looked at."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Command


def test_a_planted_cause_is_shown_and_stays_to_be_looked_at(
    alone: Command, environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = tmp_path / "planted"
    printed = alone("demo", "--plant", "no-calls-to-action", "--data-dir", str(folder))
    assert printed.exit_code == 0, printed.output
    assert "Readers do not find an offer" in printed.stdout
    assert "put a call to action on the pages read most" in " ".join(printed.stdout.split())
    environment.setenv("NURTURE_DATA_DIR", str(folder))
    again = alone("report", "diagnose", "--from", "2026-03-30", "--to", "2026-04-26", "--json")
    assert again.exit_code == 0, again.output
    findings = json.loads(again.stdout)["sheets"][0]
    assert findings["rows"][0]["values"]["finding"] == "no-calls-to-action"


def test_an_unknown_cause_lists_those_there_are(alone: Command, tmp_path: Path) -> None:
    refused = alone("demo", "--plant", "form-to-long", "--data-dir", str(tmp_path / "planted"))
    assert refused.exit_code != 0
    assert "did you mean 'form-too-long'?" in str(refused.output) + str(refused.exception)
