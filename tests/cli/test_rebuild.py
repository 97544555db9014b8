"""`nurture report rebuild`, and who says that it is due."""

import json
from pathlib import Path

from sqlalchemy import delete

from nurture.adapters.database.tables import rollups
from tests.cli.conftest import Command, spoil
from tests.support.events import form, page
from tests.support.installation import Installation


def test_lost_figures_are_found_and_counted_anew(nurture: Command, installation: Installation) -> None:
    installation.happen(page("/pricing"), form("ana@acme.test"))
    with installation.engine.begin() as connection:
        connection.execute(delete(rollups))
    found = nurture("verify")
    assert found.exit_code == 1
    assert "figure views /pricing on 2026-03-02 stored 0 computed 1" in " ".join(found.stdout.split())
    assert "nurture report rebuild" in found.stderr
    assert nurture("report", "rebuild").exit_code == 0
    assert nurture("verify").exit_code == 0
    told = json.loads(nurture("report", "rebuild", "--json").stdout)
    assert told == {"last_day": "2026-03-02", "restarted": 0}


def test_apply_says_that_another_zone_makes_other_days(nurture: Command, installation: Installation, config: Path) -> None:
    assert nurture("apply").exit_code == 0
    installation.happen(page("/pricing"))
    spoil(config / "reporting.yaml", "# timezone: Europe/Paris", "timezone: Asia/Tokyo")
    told = nurture("apply")
    assert told.exit_code == 0, told.output
    assert "nurture report rebuild" in told.stderr
    spoil(config / "reporting.yaml", "currency: EUR", "currency: CHF")
    assert "rebuild" not in nurture("apply").stderr
