"""`nurture rescore` plans before it changes, and says what it did not do."""

import json
from pathlib import Path
from shutil import copytree

import pytest

from nurture.errors import DefinitionError
from tests.cli.conftest import ROOT, Command
from tests.support.events import form, page
from tests.support.installation import Installation


@pytest.fixture
def config(environment: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A configuration folder that may be changed, with the templates it names."""
    folder = copytree(ROOT / "config", tmp_path / "config")
    environment.setenv("NURTURE_CONFIG_DIR", str(folder))
    return folder


def test_a_plan_tells_of_the_folder_and_changes_nothing(nurture: Command, installation: Installation, config: Path) -> None:
    assert nurture("apply").exit_code == 0
    installation.happen(form("ana@acme.test", job_title="Head of Marketing"), page("/pricing"))
    scoring = config / "scoring.yaml"
    scoring.write_text(scoring.read_text().replace("points: 10\n    cap: {hits: 2", "points: 70\n    cap: {hits: 2"))
    told = nurture("rescore")
    assert told.exit_code == 0, told.output
    for words in (
        "1 person and 2 human events computed afresh: 1 would have",
        "hot → mql",
        "10.00 → 70.00",
        "nothing was changed",
    ):
        assert words in told.stdout
    found = json.loads(nurture("rescore", "--plan", "--json").stdout)
    assert (found["fires"], found["changed"]) == (1, 1)
    assert json.loads(nurture("rescore", "--plan", "--in-force", "--json").stdout)["changed"] == 0
    assert nurture("verify").exit_code == 0


def test_it_is_applied_without_firing_and_verify_agrees(nurture: Command, installation: Installation, config: Path) -> None:
    assert nurture("apply").exit_code == 0
    installation.happen(form("ana@acme.test", job_title="Head of Marketing"), page("/pricing"))
    scoring = config / "scoring.yaml"
    scoring.write_text(scoring.read_text().replace("points: 10\n    cap: {hits: 2", "points: 70\n    cap: {hits: 2"))
    assert nurture("apply").exit_code == 0
    assert nurture("verify").exit_code == 1
    told = nurture("rescore", "--apply")
    assert told.exit_code == 0, told.output
    assert told.stdout == "1 person counted afresh\nno stage was changed and nothing was sent or handed off\n"
    assert nurture("verify").exit_code == 0
    assert installation.person("ana@acme.test").stage == "audience"
    fired = nurture("rescore", "--apply", "--fire")
    assert fired.stdout == "1 person counted afresh\n1 stage change and 0 runs through a sequence came of it\n"
    assert installation.person("ana@acme.test").stage == "mql"
    assert json.loads(nurture("rescore", "--apply", "--json").stdout)["people"] == 1


def test_mistakes_in_the_folder_are_told(nurture: Command, config: Path) -> None:
    (config / "scoring.yaml").write_text("half_life: 3x\n")
    refused = nurture("rescore", "--plan").exception
    assert isinstance(refused, DefinitionError)
    assert "scoring.yaml:1" in str(refused)


@pytest.mark.parametrize("options", [["--plan", "--apply"], ["--fire"], ["--plan", "--after", "3"], ["--apply", "--in-force"]])
def test_what_does_not_go_together_is_refused(alone: Command, options: list[str]) -> None:
    assert alone("rescore", *options).exit_code == 2
