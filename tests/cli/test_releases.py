"""`nurture plan`, `apply`, `migrate`, `rollback` and `releases`, over the heads of people in flight."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Row, select

from nurture.adapters.database.tables import enrollments, messages
from nurture.errors import DefinitionError, Refused
from tests.cli.conftest import Command, spoil
from tests.support.definitions import GUIDE_FILE
from tests.support.events import event, form
from tests.support.installation import Installation

GUIDE = "sequences/guide-nurture.yaml"
STRANDED = "wait-after-thanks"
WAIT = "  - {wait: 2d}\n"


@pytest.fixture
def flight(nurture: Command, installation: Installation, config: Path) -> Installation:
    """The example with a small sequence in force, and Ana, who was thanked for the download and waits."""
    (config / GUIDE).write_text(GUIDE_FILE)
    assert nurture("apply", "--finish-old").exit_code == 0
    gated = {"asset": "guide-lead-gen", "gated": True}
    installation.happen(
        form("ana@acme.test"), event("asset_downloaded", submission="s-ana@acme.test", source="engine", properties=gated)
    )
    installation.work()
    assert [(run.step, run.status) for run in runs(installation)] == [(STRANDED, "waiting")]
    return installation


def runs(installation: Installation) -> list[Row[Any]]:
    with installation.engine.connect() as connection:
        return list(connection.execute(select(enrollments)))


def mailed(installation: Installation) -> list[str]:
    with installation.engine.connect() as connection:
        return list(connection.scalars(select(messages.c.template).where(messages.c.status == "sent")))


def in_force(installation: Installation) -> str:
    with installation.engine.connect() as connection:
        return installation.database.releases.current(connection).digest


def test_a_plan_tells_that_nothing_changes(nurture: Command, flight: Installation) -> None:
    told = nurture("plan")
    assert (told.exit_code, told.stdout) == (0, f"nothing would change: {in_force(flight)} is in force already\n")


def test_a_plan_tells_what_changes_and_what_becomes_of_people(nurture: Command, flight: Installation, config: Path) -> None:
    before = in_force(flight)
    spoil(config / GUIDE, "wait: 2d", "wait: 3d")
    spoil(config / GUIDE, "  - {id: case, email: case-study}\n", "  - {id: story, email: case-study}\n")
    spoil(config / GUIDE, "reentry: never", "reentry: {after: 180d}")
    spoil(config / "scoring.yaml", "half_life: 30d", "half_life: 31d")
    told = nurture("plan")
    assert told.exit_code == 2, told.output
    lines = [" ".join(line.split()) for line in told.stdout.splitlines()]
    assert "~ scoring: changed" in lines
    assert "~ sequence guide-nurture: changed" in lines
    assert '~ reentry never → {"after": "180d"}' in lines or '+ reentry {"after": "180d"}' in lines
    assert "~ step wait-after-thanks wait: 2d → 3d" in lines
    assert "+ step story email: case-study" in lines
    assert "- step case email: case-study" in lines
    assert "people in flight: 1" in lines
    (group,) = [line for line in lines if line.startswith("1 on wait-after-thanks")]
    assert group.endswith("go over to the new version and stay on their step")
    assert in_force(flight) == before
    plan = json.loads(nurture("plan", "--json").stdout)
    assert (plan["before"], plan["changed"], plan["refused"]) == (before, True, False)
    (sequence,) = plan["sequences"]
    assert sequence["steps"][0] == {
        "id": STRANDED, "change": "changed", "fields": [{"name": "wait", "before": "2d", "after": "3d"}],
    }  # fmt: skip
    assert [(each["people"], each["fate"]) for each in sequence["in_flight"]] == [(1, "moves")]


def test_a_plan_with_mistakes_has_another_exit_code(nurture: Command, flight: Installation, config: Path) -> None:
    spoil(config / GUIDE, "wait: 2d", "weit: 2d")
    told = nurture("plan")
    assert told.exit_code == 1
    assert f"{config}/{GUIDE}:" in told.stderr


def test_who_would_be_stranded_is_told_with_what_to_write(nurture: Command, flight: Installation, config: Path) -> None:
    before = in_force(flight)
    spoil(config / GUIDE, WAIT, "")
    plan = nurture("plan")
    assert plan.exit_code == 2
    assert "would be stranded: the step is gone" in plan.stdout
    told = nurture("apply")
    assert told.exit_code == 1
    line = " ".join(next(line for line in told.stderr.splitlines() if STRANDED in line).split())
    assert line == "guide-nurture: 1 on wait-after-thanks (the step is gone) write: --map guide-nurture/wait-after-thanks:case"
    assert "`nurture apply --finish-old`" in told.stderr
    refused = json.loads(nurture("apply", "--json").stdout)
    assert (refused["applied"], refused["refused"]) == (False, True)
    assert refused["in_flight"]["guide-nurture"][0]["write"] == "--map guide-nurture/wait-after-thanks:case"
    assert in_force(flight) == before
    assert nurture("apply", "--map", "guide-nurture/wait-after-thanks:case").exit_code == 0
    assert [(run.step, run.status) for run in runs(flight)] == [("case", "active")]
    assert in_force(flight) != before


def test_migrate_maps_and_puts_in_force_at_once(nurture: Command, flight: Installation, config: Path) -> None:
    before = in_force(flight)
    spoil(config / GUIDE, WAIT, "")
    dry = nurture("migrate", "guide-nurture", "--map", "wait-after-thanks:case", "--dry-run")
    assert (dry.exit_code, in_force(flight)) == (0, before)
    assert "go on at case, as if they had just come there" in dry.stdout
    assert nurture("migrate", "guide-nurture", "--dry-run").exit_code == 1
    assert nurture("migrate", "guide-nurture").exit_code == 1
    told = nurture("migrate", "guide-nurture", "--map", "wait-after-thanks:case")
    assert told.exit_code == 0, told.output
    assert "1 person in flight: go on at case" in told.stdout
    assert [run.step for run in runs(flight)] == ["case"]


def test_who_finishes_an_older_version_is_brought_along_by_migrate(nurture: Command, flight: Installation, config: Path) -> None:
    spoil(config / GUIDE, WAIT, "")
    told = nurture("apply", "--finish-old")
    assert "1 person in flight: finish the older version that they are on" in told.stdout
    again = nurture("apply")
    assert (again.exit_code, "is in force already" in again.stdout) == (0, True)
    assert nurture("migrate", "guide-nurture", "--map", "wait-after-thanks:end").exit_code == 0
    (run,) = runs(flight)
    assert (run.status, run.reason) == ("exited", "migrated to the end")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("apply", "--map", "wait-after-thanks:case"), "write SEQUENCE/OLD:NEW"),
        (("apply", "--map", "guide-nurture/case"), "write OLD:NEW"),
        (("apply", "--map", "guide-nurture/a:b", "--map", "guide-nurture/a:c"), "leave one out"),
        (("migrate", "guide-nurture", "--map", "case"), "write OLD:NEW"),
    ],
)
def test_a_map_is_written_in_one_way(nurture: Command, flight: Installation, arguments: tuple[str, ...], told: str) -> None:
    result = nurture(*arguments)
    assert result.exit_code == 2
    assert told in " ".join(result.stderr.replace("│", " ").split())


def test_a_map_that_names_what_there_is_not_is_refused(nurture: Command, flight: Installation, config: Path) -> None:
    spoil(config / GUIDE, WAIT, "")
    told = nurture("apply", "--map", "guide-nurture/wait-after-thanks:casse")
    assert told.exit_code == 1
    assert "refused: guide-nurture has no step 'casse' to go on at; did you mean 'case'?" in told.stderr
    assert nurture("plan", "--map", "guide-nurture/wait-after-thanks:casse").exit_code == 1


def test_a_file_that_is_deleted_leaves_nobody_behind(nurture: Command, flight: Installation, config: Path) -> None:
    (config / GUIDE).unlink()
    told = nurture("apply")
    assert told.exit_code == 1
    assert "(the sequence is gone)" in told.stderr
    assert nurture("apply", "--finish-old").exit_code == 0
    assert [run.status for run in runs(flight)] == ["waiting"]


def test_renaming_a_mail_and_leading_people_back_to_it_mails_it_once(
    nurture: Command, flight: Installation, config: Path
) -> None:
    spoil(config / GUIDE, "id: thanks, email", "id: many-thanks, email")
    told = nurture("migrate", "guide-nurture", "--map", "wait-after-thanks:many-thanks")
    assert told.exit_code == 0, told.output
    flight.work()
    assert mailed(flight) == ["guide-thanks"]


def test_a_rollback_puts_the_release_before_in_force_as_a_new_one(nurture: Command, flight: Installation, config: Path) -> None:
    good = in_force(flight)
    spoil(config / GUIDE, "  - {id: case, email: case-study}\n", "  - {id: case, email: last-word}\n")
    assert nurture("apply").exit_code == 0
    told = nurture("rollback")
    assert told.exit_code == 0, told.output
    assert f"in force: {good}" in told.stdout
    assert "1 person in flight: go over to the new version" in told.stdout
    listed = json.loads(nurture("releases", "--json").stdout)
    assert [(each["restores"], each["in_force"]) for each in listed] == [(2, True), (None, False), (None, False), (None, False)]
    lines = [" ".join(line.split()) for line in nurture("releases").stdout.splitlines()]
    assert re.fullmatch(rf"4 {good} 2026-03-02 09:0\d:\d\d puts 2 back in force", lines[0])


def test_a_rollback_strands_nobody_either(nurture: Command, flight: Installation, config: Path) -> None:
    spoil(config / GUIDE, "id: thanks, email", "id: many-thanks, email")
    assert nurture("apply", "--map", "guide-nurture/wait-after-thanks:wait-after-many-thanks").exit_code == 0
    told = nurture("rollback")
    assert told.exit_code == 1
    assert "write: --map guide-nurture/wait-after-many-thanks:wait-after-thanks" in " ".join(told.stderr.split())
    assert nurture("rollback", "--map", "guide-nurture/wait-after-many-thanks:wait-after-thanks").exit_code == 0
    assert [(run.step, run.status) for run in runs(flight)] == [(STRANDED, "waiting")]
    flight.later(days=2)
    flight.work()
    assert sorted(mailed(flight)) == ["case-study", "guide-thanks"]


def test_a_rollback_to_what_there_is_not_is_refused(
    nurture: Command, flight: Installation, environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    unknown = nurture("rollback", "99")
    assert isinstance(unknown.exception, Refused)
    assert "no release 99" in str(unknown.exception)
    (tmp_path / "emails" / "_layouts").mkdir(parents=True)
    environment.setenv("NURTURE_TEMPLATES_DIR", str(tmp_path / "emails"))
    unwritten = nurture("rollback", "1")
    assert isinstance(unwritten.exception, DefinitionError)
    assert "nobody wrote the e-mail 'book-a-demo'" in str(unwritten.exception)


def test_there_is_nothing_to_go_back_to_at_first(nurture: Command, installation: Installation) -> None:
    told = nurture("rollback")
    assert isinstance(told.exception, Refused)
    assert "no earlier release" in str(told.exception)
