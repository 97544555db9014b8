"""`nurture report` prints the funnel."""

import json

import pytest

from tests.cli.conftest import Command
from tests.support.events import download, form, page
from tests.support.installation import Installation


@pytest.fixture
def nurture_after_a_day(nurture: Command, installation: Installation) -> Command:
    installation.happen(page("/a", "reader"), form("ana@acme.test", "ana"), download("ana@acme.test"))
    installation.work()
    return nurture


@pytest.mark.parametrize("arguments", [("report",), ("report", "funnel")])
def test_the_funnel_is_printed(nurture_after_a_day: Command, arguments: tuple[str, ...]) -> None:
    told = nurture_after_a_day(*arguments)
    assert told.exit_code == 0, told.output
    for row in ("visitors", "engaged", "downloads", "lead or further", "enrolled", "clicked in a mail", "mql or further"):
        assert row in told.stdout
    assert "Sequence guide-nurture: 1 enrolled" in told.stdout
    assert "█" in told.stdout


@pytest.mark.parametrize("arguments", [("report", "--json"), ("report", "funnel", "--json")])
def test_the_funnel_is_json(nurture_after_a_day: Command, arguments: tuple[str, ...]) -> None:
    found = json.loads(nurture_after_a_day(*arguments).stdout)
    assert (found["visitors"], found["downloads"], found["leads"], found["mails_sent"]) == (2, 1, 1, 1)


def test_an_empty_funnel_is_printed_too(nurture: Command) -> None:
    told = nurture("report")
    assert told.exit_code == 0, told.output
    assert "visitors" in told.stdout
