"""`nurture check`, `apply` and `schema` on a folder of definitions."""

import json
import shutil
from pathlib import Path

import pytest

from nurture.errors import SettingsError
from tests.cli.conftest import ROOT, Command, spoil
from tests.support.installation import Installation


def test_the_example_is_in_order(alone: Command) -> None:
    told = alone("check")
    assert told.exit_code == 0, told.output
    assert "in order" in told.stdout


def test_every_mistake_is_told_at_its_place(alone: Command, config: Path) -> None:
    spoil(config / "lifecycle.yaml", "to: lead", "to: leed")
    spoil(config / "scoring.yaml", "half_life:", "half_lief:")
    told = alone("check")
    assert told.exit_code == 1
    lines = told.stdout.splitlines()
    assert any(line.startswith(f"{config}/lifecycle.yaml:") and "did you mean 'lead'?" in line for line in lines)
    assert any(line.startswith(f"{config}/scoring.yaml:") for line in lines)
    found = json.loads(alone("check", "--json").stdout)
    assert found["errors"] == len([each for each in found["mistakes"] if each["severity"] == "error"]) >= 2
    assert all(each["line"] > 0 and each["column"] > 0 for each in found["mistakes"])


def test_a_mistake_in_a_template_is_told(alone: Command, environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    templates = tmp_path / "emails"
    shutil.copytree(ROOT / "templates" / "emails", templates)
    (templates / "guide-thanks" / "en.md").write_text("---\nsubject: Hello\n---\n\nHello {{ persn.first_name }}\n")
    environment.setenv("NURTURE_TEMPLATES_DIR", str(templates))
    told = alone("check")
    assert told.exit_code == 1
    assert "guide-thanks/en.md:5:" in told.stdout
    assert "did you mean 'person'?" in told.stdout


def test_what_shows_only_in_a_mail_is_told_with_its_file(alone: Command, environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    templates = tmp_path / "emails"
    shutil.copytree(ROOT / "templates" / "emails", templates)
    environment.setenv("NURTURE_TEMPLATES_DIR", str(templates))
    spoil(templates / "guide-thanks" / "en.md", "Hello", "Your price: undefined. Hello")
    spoil(templates / "last-word" / "fr.md", 'Bonjour {{ person.first_name | default("à vous") }}', "{{ person.first_name }}")
    told = alone("check")
    assert told.exit_code == 1
    lines = told.stdout.splitlines()
    [undefined] = [line for line in lines if line.startswith(f"{templates}/guide-thanks/en.md:1:1: B5: ")]
    assert undefined.endswith("the mail shows 'undefined'; give the value a default in the template")
    [unknown] = [line for line in lines if line.startswith(f"{templates}/last-word/fr.md:")]
    assert "warning: the mail cannot be written for somebody of whom nothing is known: person.first_name" in unknown


def test_what_is_wrong_with_every_mail_is_told_once(alone: Command, config: Path) -> None:
    spoil(config / "sending.yaml", "email: camille@example.com", "email: camille@gmail.com")
    told = alone("check")
    assert told.exit_code == 1
    assert [line.partition(": ")[0] for line in told.stdout.splitlines()] == [f"{config}/sending.yaml:1:1"]
    assert "H4: From is a mailbox at gmail.com" in told.stdout


def test_apply_puts_in_force_and_tells_what_changed(nurture: Command, installation: Installation, config: Path) -> None:
    first = nurture("apply")
    assert first.exit_code == 0, first.output
    assert "sequence welcome-subscriber: added" in first.stdout
    assert "sequence guide-nurture: changed" in first.stdout
    again = nurture("apply")
    assert (again.exit_code, "is in force already" in again.stdout) == (0, True)
    spoil(config / "sequences" / "guide-nurture.yaml", "wait: 2d", "wait: 3d")
    changed = json.loads(nurture("apply", "--json").stdout)
    assert changed["applied"] is True
    assert changed["changes"] == [{"what": "sequence", "name": "guide-nurture", "change": "changed"}]
    with installation.engine.connect() as connection:
        assert installation.database.releases.current(connection).digest == changed["digest"]


def test_nothing_wrong_is_put_in_force(nurture: Command, installation: Installation, config: Path) -> None:
    spoil(config / "lifecycle.yaml", "to: lead", "to: leed")
    told = nurture("apply")
    assert told.exit_code == 1
    assert "did you mean 'lead'?" in told.stdout
    assert json.loads(nurture("apply", "--json").stdout)["applied"] is False
    with installation.engine.connect() as connection:
        assert installation.database.releases.current(connection).digest == installation.definitions.digest


def test_apply_without_tables_says_what_to_do(alone: Command, environment: pytest.MonkeyPatch, empty_database_url: str) -> None:
    environment.setenv("NURTURE_DATABASE_URL", empty_database_url)
    told = alone("apply")
    assert isinstance(told.exception, SettingsError)
    assert "nurture db upgrade" in str(told.exception)


def test_schemas_are_written_where_the_files_look_for_them(alone: Command, config: Path) -> None:
    shutil.rmtree(config / "schemas")
    told = alone("schema", "--json")
    assert told.exit_code == 0, told.output
    written = [Path(name) for name in json.loads(told.stdout)]
    assert {path.name for path in written} >= {"scoring.json", "sequence.json"}
    assert all(json.loads(path.read_text())["$schema"] for path in written)
    for file in config.rglob("*.yaml"):
        named = file.read_text().partition("$schema=")[2].split()[0]
        assert (file.parent / named).is_file()
