"""`nurture preview` writes a mail as a reader would get it, and a sequence on one page."""

import json
import shutil
from email import policy
from email.parser import BytesParser
from pathlib import Path

import pytest

from nurture.adapters.mail.templates import Templates
from tests.cli.conftest import ROOT, Command
from tests.support.events import download, form
from tests.support.installation import Installation


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
        told = alone("preview", "--email", name, "--out", str(tmp_path))
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


def test_a_sequence_is_written_on_one_page(alone: Command, tmp_path: Path) -> None:
    told = alone("preview", "guide-nurture", "--out", str(tmp_path / "out"))
    assert told.exit_code == 0, told.output
    [file] = (tmp_path / "out").iterdir()
    assert (file.name, told.stdout.splitlines()) == (
        "guide-nurture.html",
        [file.as_posix(), "  there is no database, so nobody is counted"],
    )
    assert "<h1>guide-nurture</h1>" in file.read_text()
    assert not (tmp_path / "data" / "nurture.db").exists()


def test_the_file_of_the_page_can_be_named(alone: Command, tmp_path: Path) -> None:
    told = alone("preview", "guide-nurture", "--language", "en", "--out", str(tmp_path / "a" / "b.html"), "--json")
    assert told.exit_code == 0, told.output
    assert json.loads(told.stdout) == {
        "sequence": "guide-nurture",
        "file": (tmp_path / "a" / "b.html").as_posix(),
        "mistakes": [],
        "people": "there is no database, so nobody is counted",
    }
    assert "Camille" in (tmp_path / "a" / "b.html").read_text()


def test_what_is_both_a_sequence_and_an_email_is_asked_about(alone: Command, tmp_path: Path) -> None:
    told = alone("preview", "welcome-subscriber", "--out", str(tmp_path / "out"))
    assert told.exit_code == 2
    assert "add --sequence or --email" in " ".join(told.stderr.split())
    assert alone("preview", "--sequence", "welcome-subscriber", "--out", str(tmp_path / "out")).exit_code == 0
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["welcome-subscriber.html"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["guide-nurtur"], "there is no sequence and no e-mail 'guide-nurtur'; did you mean 'guide-nurture'?"),
        (["--sequence", "guide-thanks"], "there is no sequence 'guide-thanks'"),
        (["--email", "guide-nurture"], "there is no e-mail 'guide-nurture'"),
    ],
)
def test_a_name_that_nothing_has_is_refused(alone: Command, tmp_path: Path, arguments: list[str], said: str) -> None:
    told = alone("preview", *arguments, "--out", str(tmp_path / "out"))
    assert told.exit_code == 1
    assert said in told.stderr
    assert not (tmp_path / "out").exists()


def test_a_page_with_a_broken_mail_is_written_and_the_mistake_told(
    alone: Command, environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    templates = tmp_path / "emails"
    shutil.copytree(ROOT / "templates" / "emails", templates)
    (templates / "guide-thanks" / "en.md").write_text("---\nsubject: Hello\n---\n\nHello {{ person.shoe_size }}\n")
    environment.setenv("NURTURE_TEMPLATES_DIR", str(templates))
    told = alone("preview", "guide-nurture", "--out", str(tmp_path / "out"))
    assert told.exit_code == 1
    assert "guide-thanks/en.md:5" in told.stderr
    assert "shoe_size" in (tmp_path / "out" / "guide-nurture.html").read_text()


def test_people_are_counted_where_there_is_a_database(nurture: Command, installation: Installation, tmp_path: Path) -> None:
    installation.happen(form("ana@acme.test"), download("ana@acme.test"))
    told = nurture("preview", "guide-nurture", "--out", str(tmp_path / "out"))
    assert told.exit_code == 0, told.output
    assert "1 on it" in told.stdout
    assert "1 here" in (tmp_path / "out" / "guide-nurture.html").read_text()


def test_without_its_database_the_page_says_so(alone: Command, environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "empty.db").touch()
    environment.setenv("NURTURE_DATABASE_URL", f"sqlite:///{tmp_path / 'empty.db'}")
    told = alone("preview", "guide-nurture", "--out", str(tmp_path / "out"))
    assert told.exit_code == 0, told.output
    assert "nobody is counted: the database has no tables yet" in told.stdout
