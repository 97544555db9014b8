"""`nurture test`: cases tried without an installation, and one written from what really happened in one."""

import json
import shutil
from pathlib import Path
from xml.etree.ElementTree import fromstring

import pytest

from nurture.definitions.case_files import load_case_file
from nurture.definitions.loader import load
from nurture.errors import Refused
from tests.cli.conftest import ROOT, Command
from tests.support.events import download, event, form, page
from tests.support.installation import Installation

CASE = """\
cases:
  - case: the guide is thanked for
    starts: 2026-03-02T09:00 Europe/Paris
    person: {email: ana@acme.example, timezone: Europe/Paris}
    given: [{at: 0m, form: guide}]
    until: 1d
    expect:
      mails: [thanks]
      stage: mql
"""


@pytest.fixture
def config(environment: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A copy of the example configuration with one more file of cases, whose only one fails."""
    folder = tmp_path / "config"
    shutil.copytree(ROOT / "config", folder)
    (folder / "tests" / "mine.yaml").write_text(CASE)
    environment.setenv("NURTURE_CONFIG_DIR", str(folder))
    return folder


def test_the_example_passes(alone: Command) -> None:
    told = alone("test")
    assert told.exit_code == 0, told.output
    lines = told.stdout.splitlines()
    assert all(line.startswith("ok ") for line in lines[:-2])
    assert lines[-1].startswith(f"{len(lines) - 2} cases, 0 failed (")


def test_a_case_that_fails_is_told_with_its_place_and_a_diff(alone: Command, config: Path) -> None:
    told = alone("test", "mine")
    assert told.exit_code == 1
    assert told.stdout.splitlines()[:6] == [
        f"FAILED  {config}/tests/mine.yaml: the guide is thanked for",
        "",
        "FAILED  the guide is thanked for",
        f"  {config}/tests/mine.yaml:9:14: stage",
        "    - stage mql",
        "    + stage lead",
    ]
    assert "1 case, 1 failed" in told.stdout
    assert "mail thanks: Votre guide" in told.stdout, "mails are rendered"
    bare = alone("test", "mine", "--no-render")
    assert "mail thanks" in bare.stdout
    assert "Votre guide" not in bare.stdout


def test_cases_are_chosen_by_file_name_and_text(alone: Command, config: Path) -> None:
    def chosen(*arguments: str) -> set[str]:
        told = json.loads(alone("test", "--json", "--no-render", *arguments).stdout)
        return {case["case"] for case in told["cases"]}

    assert chosen(str(config / "tests" / "mine.yaml")) == chosen("mine.yaml") == chosen("mine") == {"the guide is thanked for"}
    assert chosen("the guide is thanked for", "welcome-subscriber") == chosen("mine") | chosen("welcome-subscriber")
    assert chosen("-k", "UNSUBSCRIBES") == {"who unsubscribes gets nothing any more"}
    assert chosen("guide-nurture", "-k", "student") == {"students get the guide and no mail about it"}
    elsewhere = config.parent / "elsewhere.yaml"
    elsewhere.write_text(CASE.replace("the guide", "a file from elsewhere"))
    assert chosen(str(elsewhere)) == {"a file from elsewhere is thanked for"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["mime"], "did you mean 'mine'?"),
        (["-k", "nothing of the kind"], "there is no case with 'nothing of the kind' in its name"),
        (["--out", "x.yaml"], "goes with --record"),
        (["mine", "--record", "ana@acme.test"], "goes neither with cases nor with -k or --junit"),
    ],
)
def test_a_wrong_command_line_is_refused(alone: Command, config: Path, arguments: list[str], message: str) -> None:
    told = alone("test", *arguments)
    assert told.exit_code == 2
    assert message in " ".join(told.stderr.replace("│", " ").split())


def test_mistakes_are_told_and_nothing_is_tried(alone: Command, config: Path) -> None:
    (config / "tests" / "mine.yaml").write_text(CASE.replace("[thanks]", "[thnks]"))
    told = alone("test")
    assert told.exit_code == 2
    assert told.stdout == f"{config}/tests/mine.yaml:8:15: no step 'thnks' sends a mail; did you mean 'thanks'?\n"
    assert json.loads(alone("test", "--json").stdout)["mistakes"][0]["line"] == 8
    checked = alone("check")
    assert (checked.exit_code, told.stdout in checked.stdout) == (1, True)
    lifecycle = config / "lifecycle.yaml"
    lifecycle.write_text(lifecycle.read_text().replace("to: lead", "to: leed", 1))
    assert alone("test").exit_code == 2
    assert "did you mean 'lead'?" in alone("test", "welcome-subscriber").stdout


def test_the_results_as_json(alone: Command, config: Path) -> None:
    told = json.loads(alone("test", "--json", "mine", "-k", "thanked").stdout)
    (case,) = told["cases"]
    assert (told["failed"], told["mistakes"], case["passed"], case["line"]) == (1, [], False, 2)
    (failure,) = case["failures"]
    assert (failure["line"], failure["key"], failure["diff"]) == (9, "stage", ["- stage mql", "+ stage lead"])
    assert failure["who"] == "ana@acme.example"


def test_the_results_as_junit(alone: Command, config: Path, tmp_path: Path) -> None:
    file = tmp_path / "out" / "junit.xml"
    assert alone("test", "mine", "guide-nurture", "--junit", str(file)).exit_code == 1
    root = fromstring(file.read_bytes())
    assert root.tag == "testsuites"
    suites = {suite.attrib["name"]: suite for suite in root}
    assert {suite.tag for suite in root} == {"testsuite"}
    assert [Path(name).name for name in suites] == ["guide-nurture.yaml", "mine.yaml"]
    for each in (root, *root):
        cases = each.findall(".//testcase")
        failed = each.findall(".//failure")
        assert (int(each.attrib["tests"]), int(each.attrib["failures"])) == (len(cases), len(failed))
        assert (each.attrib["errors"], each.attrib["skipped"]) == ("0", "0")
        assert float(each.attrib["time"]) >= 0
    for case in root.iter("testcase"):
        assert case.attrib.keys() == {"name", "classname", "file", "line", "time"}
        assert Path(case.attrib["file"]).is_file()
    (case,) = suites[f"{config}/tests/mine.yaml"]
    assert (case.attrib["name"], case.attrib["classname"], case.attrib["line"]) == ("the guide is thanked for", "mine", "2")
    (failure,) = case
    assert (failure.attrib["message"], failure.attrib["type"]) == ("line 9, stage: - stage mql + stage lead", "expectation")
    assert (failure.text or "").splitlines()[:3] == [f"{config}/tests/mine.yaml:9:14: stage", "- stage mql", "+ stage lead"]


def test_a_folder_without_cases_says_so(alone: Command, config: Path) -> None:
    shutil.rmtree(config / "tests")
    told = alone("test")
    assert told.exit_code == 2
    assert "there is no case in" in " ".join(told.stderr.split())
    assert alone("check").exit_code == 0


ASSET = "guide-lead-gen"


def live(installation: Installation) -> None:
    """Ana reads, downloads, gets her mails, clicks, and asks for a demo; a scanner and an opened mail are part of it."""
    at = installation.clock.now
    example = load(ROOT / "config").definitions
    assert example is not None
    installation.apply(example)
    installation.happen(page("/blog/a", at=at()))
    installation.later(minutes=3)
    secrets = {"job_title": "Head of Sales", "first_name": "Anabel", "message": "Please call 0612345678, I am in a hurry!"}
    posted = form("anabel.real@acme.test", at=at(), **secrets)
    zone = {"timezone": "America/New_York"}
    installation.happen(posted.model_copy(update={"context": zone, "properties": {"form": "guide", "asset": ASSET}}))
    installation.later(seconds=4)
    opened = download("anabel.real@acme.test", at())
    installation.happen(opened.model_copy(update={"properties": {"asset": ASSET, "gated": True}}))
    installation.work()
    installation.later(days=1)
    installation.happen(
        page("/pricing", at=at()), event("watched", at(), anonymous_id="device-1", properties={"title": "Anabel's"})
    )
    for _ in range(40):
        installation.later(hours=2)
        installation.work()
    installation.happen(installation.click("anabel.real@acme.test", "case"))
    installation.work()
    installation.later(hours=2)
    installation.happen(event("demo_requested", at(), anonymous_id="device-1"))
    installation.work()
    installation.later(days=3)


def test_a_real_story_becomes_a_case_that_passes(nurture: Command, installation: Installation, tmp_path: Path) -> None:
    live(installation)
    file = tmp_path / "recorded.yaml"
    told = nurture("test", "--record", "anabel.real@acme.test", "--out", str(file))
    assert told.exit_code == 0, (told.output, told.exception)
    text = file.read_text()
    for secret in ("nabel", "0612345678", "hurry", "real@", "device-1", "s-an"):
        assert secret not in text
    assert "person-1@example.com" in text
    assert "Head of Sales" in text, "a rule asks for it"
    written, mistakes = load_case_file(file, installation.definitions)
    assert mistakes == []
    assert written is not None
    (case,) = written.content.cases
    assert case.expect is not None
    assert [mail.step for mail in case.expect.mails or ()] == [f"guide-nurture/{step}" for step in sent_steps(installation)]
    assert case.expect.stage is not None
    assert case.expect.ended is not None
    tried = nurture("test", str(file))
    assert tried.exit_code == 0, tried.stdout
    printed = nurture("test", "--record", "anabel.real@acme.test")
    assert printed.stdout.splitlines()[-3:] == text.splitlines()[-3:]


def sent_steps(installation: Installation) -> list[str]:
    from sqlalchemy import select

    from nurture.adapters.database.tables import messages

    sent = select(messages.c.step).where(messages.c.sent_at.is_not(None)).order_by(messages.c.sent_at)
    with installation.engine.connect() as connection:
        return list(connection.scalars(sent))


def test_nobody_is_recorded_whom_nobody_knows(nurture: Command, installation: Installation) -> None:
    told = nurture("test", "--record", "nobody@acme.test")
    assert (told.exit_code, "nurture: " in told.stderr) == (1, True)


def test_what_a_case_cannot_hold_is_told(nurture: Command, installation: Installation) -> None:
    at = installation.clock.now()
    installation.happen(
        event("grouped", at, kind="group", anonymous_id="device-1", email="bob@acme.test"), page("/pricing", at=at)
    )
    installation.later(days=1)
    told = nurture("test", "--record", "bob@acme.test", "--json")
    assert told.exit_code == 0, (told.output, told.exception)
    recording = json.loads(told.stdout)
    assert recording["unlike"] == ["0s: a call of the kind 'group'"]
    assert "#   0s: a call of the kind 'group'" in recording["text"]


def test_a_story_of_nothing_that_can_be_told_is_refused(nurture: Command, installation: Installation) -> None:
    at = installation.clock.now()
    installation.happen(event("grouped", at, kind="group", anonymous_id="device-1", email="bob@acme.test"))
    told = nurture("test", "--record", "bob@acme.test")
    assert isinstance(told.exception, Refused)
