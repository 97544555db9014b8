"""`nurture alarms`, and what an alarm does to `nurture status`."""

import json

from nurture.adapters.database.guarding import store_alarms
from nurture.domain.mail.breakers import Alarm
from tests.cli.conftest import Command
from tests.support.installation import Installation


def raise_alarms(installation: Installation) -> None:
    at = installation.clock.now()
    raised = [
        Alarm("complaints", "guide-nurture", "4 of 100 mails of guide-nurture were reported as spam", at),
        Alarm("per_person", "17", "a whole series of mails was due to one person within a day", at),
    ]
    with installation.engine.begin() as connection:
        store_alarms(connection, raised)


def test_alarms_are_listed_until_somebody_has_seen_them(nurture: Command, installation: Installation) -> None:
    raise_alarms(installation)
    told = nurture("alarms", "list", "--json")
    assert told.exit_code == 1
    listed = json.loads(told.stdout)
    assert {each["about"] for each in listed} == {"guide-nurture", "17"}
    assert all(each["remedy"] for each in listed)
    assert "1 alarm seen" in nurture("alarms", "seen", str(listed[0]["id"])).stdout
    assert len(json.loads(nurture("alarms", "list", "--json").stdout)) == 1
    assert "1 alarm seen" in nurture("alarms", "seen", "--all").stdout
    assert nurture("alarms", "list").exit_code == 0
    assert "reported as spam" in nurture("alarms", "list", "--all").stdout


def test_an_alarm_that_nobody_has_seen_is_a_problem(nurture: Command, installation: Installation) -> None:
    raise_alarms(installation)
    assert "2 alarms that nobody has seen: " in nurture("status").stdout
    nurture("alarms", "seen", "--all")
    assert "alarm" not in nurture("status").stdout


def test_which_alarms_were_seen_must_be_said(nurture: Command) -> None:
    assert nurture("alarms", "seen").exit_code == 2
    assert nurture("alarms", "seen", "1", "--all").exit_code == 2
