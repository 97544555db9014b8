"""`nurture person erase`, `nurture person export`, `nurture forget`: what a person may ask, and what time takes."""

import json
import stat
from pathlib import Path

import pytest
from redis import Redis
from sqlalchemy import select

from nurture.adapters.database.tables import erased_addresses, people
from nurture.adapters.redis_keys import DEAD, FIELD
from nurture.domain.event import EVENT
from tests.cli.conftest import Command
from tests.support.definitions import definitions
from tests.support.events import MONDAY, download, event, form, page
from tests.support.installation import SECRET, Installation

ANA = "ana@acme.test"


@pytest.fixture(autouse=True)
def _one_secret(environment: pytest.MonkeyPatch) -> None:
    """The command line has the secret key of the installation."""
    environment.setenv("NURTURE_SECRET_KEY", SECRET)


@pytest.fixture
def ana(installation: Installation) -> Installation:
    installation.happen(page("/blog/a", "office"), page("/pricing", "phone"))
    installation.happen(form(ANA, "office", city="Lyon"), form(ANA, "phone"), download(ANA))
    installation.happen(page("/a", "office", message_id="same"), page("/b", "office", message_id="same"))
    installation.happen(form("ben@acme.test", "office", at=MONDAY.replace(hour=12)))
    installation.work()
    return installation


def test_a_person_is_erased_and_the_account_names_no_address(nurture: Command, ana: Installation, redis_url: str) -> None:
    letter = {FIELD: EVENT.dump_json(form(ANA, "x")), "reason": "", "at": "", "partition": 0, "entry": "1-1"}
    Redis.from_url(redis_url).xadd(DEAD, letter)  # type: ignore[arg-type]  # redis-py declares less than it takes
    tried = nurture("person", "erase", ANA, "--dry-run", "--json")
    assert tried.exit_code == 0, tried.output
    assert ana.person(ANA)
    told = nurture("person", "erase", ANA, "--yes", "--json")
    assert told.exit_code == 0, told.output
    account = json.loads(told.stdout)
    assert account["removed"] == json.loads(tried.stdout)["removed"]
    assert (account["dry_run"], account["erased_before"]) == (False, False)
    assert (account["removed"]["people"], account["removed"]["dead_letters"]) == (2, 1)
    with ana.engine.connect() as connection:
        assert list(connection.scalars(select(people.c.email))) == ["ben@acme.test"]
        assert len(connection.execute(select(erased_addresses)).all()) == 1
    assert ANA not in told.output + tried.output
    again = nurture("person", "erase", ANA)
    assert (again.exit_code, again.stdout) == (0, "this address was erased before, and nothing has come since\n")


def test_whoever_answers_no_erases_nobody(nurture: Command, ana: Installation) -> None:
    asked = nurture("person", "erase", ANA, stdin="n\n")
    assert asked.exit_code == 1
    assert "for good?" in asked.stderr
    assert ana.person(ANA)
    told = nurture("person", "erase", "phone", stdin="y\n")
    assert told.exit_code == 0, told.output
    assert "removed for good" in told.stdout
    assert ANA not in told.output


def test_nobody_can_be_erased_who_is_unknown(nurture: Command, ana: Installation) -> None:
    told = nurture("person", "erase", "nobody@acme.test", "--yes")
    assert (told.exit_code, told.stdout) == (1, "")
    assert "nobody is known by this" in told.stderr


def test_everything_known_is_handed_over_and_nothing_of_others(nurture: Command, ana: Installation, tmp_path: Path) -> None:
    ana.happen(event("identified", MONDAY.replace(hour=13), email=ANA, user_id="u-1", anonymous_id="phone"))
    ana.happen(event("identified", MONDAY.replace(hour=14), email="ben@acme.test", user_id="u-2", anonymous_id="office"))
    ana.happen(event("identified", MONDAY.replace(hour=15), user_id="u-2", email=ANA, anonymous_id="office"))
    file = tmp_path / "ana.json"
    told = nurture("person", "export", ANA, "--output", str(file))
    assert told.exit_code == 0, told.output
    found = json.loads(file.read_text())
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert found["person"]["email"] == ANA
    [city] = found["person"]["attributes"]
    assert (city["name"], city["value"], city["source"]) == ("city", "Lyon", "form:guide")
    assert {(each["kind"], each["value"]) for each in found["identifiers"]} >= {("email", ANA), ("user_id", "u-1")}
    assert len(found["merged"]) == 1
    for part in ("events", "score_cells", "stage_changes", "enrollments", "messages", "journal", "conflicts"):
        assert found[part], part
    assert found["messages"][0]["subject"] == "guide-thanks"
    assert "ben@acme.test" not in file.read_text()
    assert json.loads(nurture("person", "export", ANA).stdout)["events"] == found["events"]
    nobody = nurture("person", "export", "nobody@acme.test", "--output", str(tmp_path / "nobody.json"))
    assert (nobody.exit_code, (tmp_path / "nobody.json").exists()) == (1, False)


def test_what_is_too_old_is_told_and_goes(nurture: Command, ana: Installation) -> None:
    ana.happen(page("/a", "somebody"))
    ana.apply(definitions(privacy={"retention": {"anonymous": "30d", "events": "200d"}}))
    ana.later(days=40)
    tried = nurture("forget", "--dry-run", "--json")
    assert tried.exit_code == 0, tried.output
    assert json.loads(tried.stdout) == {"dry_run": True, "classes": {"anonymous": 1, "events": 0, "conflicts": 0, "counted": 0}}
    told = nurture("forget", "--now")
    assert told.exit_code == 0, told.output
    assert "1  anonymous" in told.stdout
    assert json.loads(nurture("forget", "--now", "--json").stdout)["classes"] == {
        "anonymous": 0, "events": 0, "conflicts": 0, "counted": 0,
    }  # fmt: skip
