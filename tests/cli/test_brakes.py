"""`nurture brakes`, and what `nurture status` tells of them."""

import json
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert

from nurture.adapters.database.tables import brakes, warm_ups
from nurture.domain.mail.warm_up import day_of
from tests.cli.conftest import Command
from tests.support.installation import Installation


@pytest.fixture
def _held(installation: Installation) -> None:
    at = installation.clock.now()
    rows: list[dict[str, Any]] = [
        {"kind": "all", "name": "all mail", "until": None, "reason": "a surge", "at": at},
        {"kind": "family", "name": "default/gmail", "until": at + timedelta(hours=1), "reason": "refused for 1h", "at": at},
        {"kind": "transport", "name": "relay", "until": at, "reason": "it was away", "at": at - timedelta(minutes=1)},
    ]
    with installation.engine.begin() as connection:
        connection.execute(insert(brakes), rows)
        quota = {"transport": "relay", "day": day_of(at), "quota": 200, "reason": "no more than the day before: a storm"}
        connection.execute(insert(warm_ups).values(quota))


@pytest.mark.usefixtures("_held")
def test_what_holds_is_listed_and_lifted(nurture: Command) -> None:
    assert [each["name"] for each in json.loads(nurture("brakes", "--json").stdout)] == ["all mail", "default/gmail"]
    listed = nurture("brakes").stdout
    assert "until lifted" in listed
    assert "a surge" in listed
    assert nurture("brakes", "lift", "all").exit_code == 0
    assert json.loads(nurture("brakes", "lift", "family", "default/gmail", "--json").stdout) == {"lifted": True}
    assert nurture("brakes").stdout == "nothing holds mail back\n"
    again = nurture("brakes", "lift", "all")
    assert (again.exit_code, again.stdout) == (1, "there is no such brake; `nurture brakes` lists them\n")


def test_all_mail_is_stopped_by_hand(nurture: Command, installation: Installation) -> None:
    assert nurture("brakes", "pull", "all", "--reason", "a wrong price").exit_code == 0
    assert "a wrong price" in nurture("brakes").stdout
    again = nurture("brakes", "pull", "all")
    assert (again.exit_code, again.stdout) == (1, "that brake holds already; lift it first\n")
    assert nurture("brakes", "lift", "all").exit_code == 0


def test_a_brake_may_end_by_itself(nurture: Command, installation: Installation) -> None:
    assert json.loads(nurture("brakes", "pull", "family", "default/gmail", "--for", "2h", "--json").stdout) == {"pulled": True}
    installation.clock.advance(timedelta(hours=2, minutes=1))
    assert nurture("brakes").stdout == "nothing holds mail back\n"
    assert nurture("brakes", "pull", "transport", "default", "--for", "soon").exit_code == 2


def test_which_one_must_be_said(nurture: Command) -> None:
    assert nurture("brakes", "lift", "family").exit_code == 2
    assert nurture("brakes", "pull", "family", "gmail").exit_code == 2
    assert nurture("brakes", "lift", "families", "x").exit_code == 2


@pytest.mark.usefixtures("_held")
def test_the_status_tells_what_holds_and_how_to_lift_it(nurture: Command) -> None:
    told = nurture("status")
    assert told.exit_code == 2, "no worker runs here"
    assert "all mail waits until somebody lifts it: a surge\n" in told.stdout
    assert "then `nurture brakes lift all`\n" in told.stdout
    assert "mail to gmail by default waits until 2026-03-02 10:00 UTC: refused for 1h" in told.stdout
    assert "`nurture brakes lift family default/gmail`" in told.stdout
    assert "it was away" not in told.stdout
    assert "warming up: relay, 0 of 200 mails today (no more than the day before: a storm)" in told.stdout
