"""`nurture preview` writes a mail as a reader would get it."""

import json
import shutil
from email import policy
from email.parser import BytesParser
from pathlib import Path

import pytest

from nurture.adapters.mail.templates import Templates
from tests.cli.conftest import ROOT, Command


def test_a_mail_is_written_in_each_of_its_languages(alone: Command, tmp_path: Path) -> None:
    told = alone("preview", "guide-thanks", "--out", str(tmp_path / "out"))
    assert told.exit_code == 0, told.output
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        f"guide-thanks.{language}.{kind}" for language in ("en", "fr") for kind in ("html", "txt", "eml")
    }
    mail = BytesParser(policy=policy.default).parsebytes((tmp_path / "out" / "guide-thanks.fr.eml").read_bytes())
    assert mail["Content-Language"] == "fr"
    assert str(mail["Subject"]) in told.stdout
    assert "List-Unsubscribe" in mail
    assert "Camille" in (tmp_path / "out" / "guide-thanks.fr.html").read_text()


def test_one_language_is_enough(alone: Command, tmp_path: Path) -> None:
    told = alone("preview", "case-study", "--language", "fr-CA", "--out", str(tmp_path), "--json")
    assert told.exit_code == 0, told.output
    [found] = json.loads(told.stdout)
    assert (found["language"], len(found["files"])) == ("fr", 3)
    assert all(Path(file).stat().st_size for file in found["files"])


def test_every_mail_of_the_example_can_be_previewed(alone: Command, tmp_path: Path) -> None:
    names = Templates(ROOT / "templates" / "emails").names()
    assert "guide-thanks" in names
    for name in names:
        told = alone("preview", name, "--out", str(tmp_path))
        assert told.exit_code == 0, told.output


def test_a_mail_that_nobody_wrote_is_refused_with_the_near_miss(alone: Command, tmp_path: Path) -> None:
    told = alone("preview", "guide-thank", "--out", str(tmp_path / "out"))
    assert told.exit_code == 1
    assert "did you mean 'guide-thanks'?" in told.stderr
    assert not (tmp_path / "out").exists()


def test_a_broken_template_is_told_with_file_and_line(alone: Command, environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    templates = tmp_path / "emails"
    shutil.copytree(ROOT / "templates" / "emails", templates)
    (templates / "guide-thanks" / "en.md").write_text("---\nsubject: Hello\n---\n\nHello {{ person.shoe_size }}\n")
    environment.setenv("NURTURE_TEMPLATES_DIR", str(templates))
    told = alone("preview", "guide-thanks", "--language", "en", "--out", str(tmp_path / "out"))
    assert told.exit_code == 1
    assert "guide-thanks/en.md:5" in told.stderr
    assert "shoe_size" in told.stderr


def test_mistakes_in_the_definitions_are_told(alone: Command, environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    environment.setenv("NURTURE_CONFIG_DIR", str(tmp_path / "nowhere"))
    told = alone("preview", "guide-thanks", "--out", str(tmp_path / "out"))
    assert told.exit_code == 1
    assert "there is no such folder" in told.stderr
