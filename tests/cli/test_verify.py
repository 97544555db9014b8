"""`nurture verify` finds nothing, or says what."""

import json

from sqlalchemy import update

from nurture.adapters.database.tables import people
from tests.cli.conftest import Command
from tests.support.events import form, page
from tests.support.installation import Installation


def test_nothing_differs(nurture: Command, installation: Installation) -> None:
    installation.happen(page("/pricing"), form("ana@acme.test"))
    told = nurture("verify")
    assert told.exit_code == 0, told.output
    assert told.stdout == "nothing differs: 1 person and 2 human events computed afresh\n"
    assert json.loads(nurture("verify", "--json").stdout) == {
        "people": 1,
        "events": 2,
        "differing": 0,
        "waiting": 0,
        "differences": [],
    }


def test_what_differs_is_told_without_telling_who_it_is(nurture: Command, installation: Installation) -> None:
    installation.happen(page("/pricing"), form("ana@acme.test"))
    with installation.engine.begin() as connection:
        connection.execute(update(people).values(heat=1.0, fit=3))
    told = nurture("verify")
    assert told.exit_code == 1
    assert told.stdout.startswith("2 differences: 1 person")
    assert "fit" in told.stdout
    assert "ana@acme.test" not in told.output
    found = json.loads(nurture("verify", "--json").stdout)
    assert {each["what"] for each in found["differences"]} == {"heat", "fit"}
