"""`nurture report funnel`, `variants`, `pools` and `opens`."""

import json

import pytest

from tests.cli.conftest import Command
from tests.support.definitions import definitions
from tests.support.events import download, form, page
from tests.support.installation import Installation, with_every_outcome


@pytest.fixture
def nurture_after_a_day(nurture: Command, installation: Installation) -> Command:
    installation.happen(page("/a", "reader"), form("ana@acme.test", "ana"), download("ana@acme.test"))
    installation.work()
    return nurture


def test_the_funnel_is_printed(nurture_after_a_day: Command) -> None:
    told = nurture_after_a_day("report", "funnel")
    assert told.exit_code == 0, told.output
    for row in ("visitors", "engaged", "downloads", "lead or further", "enrolled", "clicked in a mail", "mql or further"):
        assert row in told.stdout
    assert "Sequence guide-nurture: 1 enrolled" in told.stdout
    assert "█" in told.stdout


def test_the_funnel_is_json(nurture_after_a_day: Command) -> None:
    found = json.loads(nurture_after_a_day("report", "funnel", "--json").stdout)
    assert (found["visitors"], found["downloads"], found["leads"], found["mails_sent"]) == (2, 1, 1, 1)


def test_an_empty_funnel_is_printed_too(nurture: Command) -> None:
    told = nurture("report", "funnel")
    assert told.exit_code == 0, told.output
    assert "visitors" in told.stdout


def test_variants_are_printed(nurture: Command, installation: Installation) -> None:
    steps = [{"id": "hello", "email": "guide-thanks", "window": "any", "variants": {"plain": {}, "question": {}}}]
    sequence = {"sequence": "welcome", "trigger": {"event": "form_submitted"}, "goal": {"event": "x"}, "steps": steps}
    assert "no step in force has variants" in nurture("report", "variants").stdout
    installation.apply(definitions(sequences={"welcome": sequence}))
    installation.happen(*(form(f"p{number}@acme.test", f"device-{number}") for number in range(8)))
    installation.work()
    told = nurture("report", "variants", "welcome", "hello")
    assert told.exit_code == 0, told.output
    for words in ("Sequence welcome, step hello", "plain", "question", "by clicks: no winner yet", "by goal: no winner yet"):
        assert words in told.stdout
    found = json.loads(nurture("report", "variants", "--json").stdout)
    assert sum(each["sent"] for each in found["steps"][0]["variants"]) == 8
    installation.apply(definitions(sequences={"welcome": sequence | {"steps": [steps[0] | {"email": "other"}]}}))
    assert "left out: 8 mails sent while the step read otherwise" in nurture("report", "variants").stdout


def test_pools_are_printed(nurture: Command, installation: Installation) -> None:
    assert "no pool is in force" in nurture("report", "pools").stdout
    with_every_outcome(installation)
    told = nurture("report", "pools", "evergreen")
    assert told.exit_code == 0, told.output
    for words in (
        "Pool evergreen: 1 person on its sequences so far",
        "ran out at guide-nurture/more: 0 people\n",
        "ran out at guide-nurture/again: 1 person, the last by 2026-03-03 10:00:00 UTC\n",
        "one piece left: 0 people; nothing left: 1\n",
        "1 person has seen everything; add a piece to pools.yaml\n",
    ):
        assert words in told.stdout
    assert ["checklist", "1", "guide", "0"] in [line.split() for line in told.stdout.splitlines()]
    [pool] = json.loads(nurture("report", "pools", "--json").stdout)["pools"]
    assert [(each["email"], each["mailed"], each["downloaded"]) for each in pool["pieces"]] == [("checklist", 1, 0)]
    installation.apply(definitions(pools={"evergreen": [{"email": "essay"}]}))
    assert "no step in force takes from it" in nurture("report", "pools").stdout


def test_opens_are_told_by_step_with_what_they_are_worth(nurture: Command) -> None:
    told = nurture("report", "opens").stdout
    assert "half of all opens are machines'" in told
    assert "opens are not counted now" in told
    assert json.loads(nurture("report", "opens", "--json").stdout)["steps"][0]["opened"] is None
    assert nurture("report", "opens", "nobody").exit_code == 1
