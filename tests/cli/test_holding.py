"""`nurture pause` and `nurture resume`."""

import json

from sqlalchemy import select

from nurture.adapters.database.tables import enrollments, pauses
from nurture.errors import Refused
from tests.cli.conftest import Command
from tests.support.events import download, form
from tests.support.installation import Installation


def statuses(installation: Installation) -> list[str]:
    with installation.engine.connect() as connection:
        return list(connection.scalars(select(enrollments.c.status)))


def test_a_sequence_is_held_and_goes_on(nurture: Command, installation: Installation) -> None:
    installation.happen(form("ana@acme.test"), download("ana@acme.test"))
    installation.work()
    told = nurture("pause", "guide-nurture", "--reason", "the price list is wrong")
    assert told.exit_code == 0, told.output
    assert told.stdout == "guide-nurture is paused; 1 person in flight stay where they are\n"
    assert statuses(installation) == ["paused"]
    with installation.engine.connect() as connection:
        assert connection.execute(select(pauses)).one().reason == "the price list is wrong"
    gone_on = json.loads(nurture("resume", "guide-nurture", "--over", "2h", "--json").stdout)
    assert gone_on == {"sequence": "guide-nurture", "people": 1, "mails": 0}
    assert statuses(installation) == ["waiting"]


def test_what_cannot_be_done_says_why(nurture: Command, installation: Installation) -> None:
    for arguments, why in (
        (("pause", "guide"), "did you mean 'guide-nurture'?"),
        (("resume", "guide-nurture"), "guide-nurture is not paused"),
    ):
        told = nurture(*arguments)
        assert isinstance(told.exception, Refused)
        assert why in str(told.exception)
    spread = nurture("resume", "guide-nurture", "--over", "soon")
    assert spread.exit_code == 2
    assert "'soon' is no duration" in spread.stderr
    wordy = nurture("pause", "guide-nurture", "--reason", "x" * 201)
    assert wordy.exit_code == 2
