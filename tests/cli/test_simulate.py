"""`nurture simulate` foretells, and touches nothing."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from nurture.adapters.database.tables import metadata
from nurture.errors import DefinitionError, SettingsError, UnknownPerson
from tests.cli.conftest import ROOT, Command
from tests.support.definitions import GUIDE_SEQUENCE, definitions
from tests.support.events import download, event, form, page
from tests.support.installation import Installation

#: Ana reads, asks for the guide and gets it, as the example's own site would tell it.
ANA: list[dict[str, Any]] = [
    {"type": "page", "anonymousId": "d1", "timestamp": "2026-03-02T08:00:00Z", "properties": {"path": "/blog/forms"}},
    {
        "event": "form_submitted", "anonymousId": "d1", "timestamp": "2026-03-02T09:00:00Z",
        "traits": {"email": "ana@acme.com", "first_name": "Ana", "language": "en", "timezone": "Europe/Paris"},
        "properties": {"form": "guide-lead-gen"},
    },
    {
        "event": "asset_downloaded", "anonymousId": "d1", "timestamp": "2026-03-02T09:00:01Z",
        "properties": {"asset": "guide-lead-gen", "gated": True},
    },
]  # fmt: skip


@pytest.fixture
def events(tmp_path: Path) -> Path:
    return written(tmp_path, *map(json.dumps, ANA))


def written(folder: Path, *lines: str) -> Path:
    file = folder / "events.jsonl"
    file.write_text("\n".join(lines) + "\n")
    return file


def rows(installation: Installation) -> dict[str, int]:
    with installation.engine.connect() as connection:
        return {table.name: connection.scalar(select(func.count()).select_from(table)) or 0 for table in metadata.sorted_tables}


def test_a_file_of_events_is_played_through_the_example(alone: Command, events: Path) -> None:
    told = alone("simulate", "--events", str(events), "--render", "--calendar")
    assert told.exit_code == 0, told.output
    for words in (
        "simulated: 1 person", "nothing was mailed", "audience → lead by gated-download (asset_downloaded)",
        "promoted_to: lead, asset: guide-lead-gen", "until 2026-03-04 09:00:01", "guide-thanks, 'Your guide", "(en)", "+20 points",
        "completed: end", "1  guide-nurture  last-word", "mails per day (Europe/Paris)", "Mon 2026-03-02       1  ██",
    ):  # fmt: skip
        assert words in told.stdout, words


def test_one_sequence_alone_may_be_shown(alone: Command, events: Path) -> None:
    told = alone("simulate", "welcome-subscriber", "--events", str(events))
    assert told.exit_code == 0
    assert "guide-thanks" not in told.stdout
    refused = alone("simulate", "guide-nurtur", "--events", str(events))
    assert (refused.exit_code, "did you mean 'guide-nurture'?" in refused.stderr) == (2, True)


def test_plain_values_are_printed(alone: Command, events: Path) -> None:
    found = json.loads(alone("simulate", "--events", str(events), "--json", "--until", "3d").stdout)
    assert found["until"] == "2026-03-05 09:00:01+00:00"
    assert [row["template"] for row in found["messages"]] == ["guide-thanks", "case-study"]
    assert {line["person"] for line in found["timeline"]} == {"ana@acme.com"}
    assert found["mails_per_day"][0] == {"day": "2026-03-02", "mails": {"guide-thanks": 1}}
    assert (found["runs"][0]["status"], found["failures"]) == ("waiting", [])


def test_the_calendar_is_a_page(alone: Command, events: Path, tmp_path: Path) -> None:
    told = alone("simulate", "--events", str(events), "--html", str(tmp_path / "calendar.html"))
    assert told.exit_code == 0, told.output
    page = (tmp_path / "calendar.html").read_text()
    assert "Week of" in page
    assert "5 mails" in page


def test_an_edit_is_compared_with_a_folder(alone: Command, events: Path, tmp_path: Path) -> None:
    edited = tmp_path / "config"
    shutil.copytree(ROOT / "config", edited)
    sequence = edited / "sequences" / "guide-nurture.yaml"
    sequence.write_text(sequence.read_text().replace("email: last-word", "email: case-study"))
    told = alone("simulate", "--events", str(events), "--config", str(edited), "--against", str(ROOT / "config"), "--diff")
    assert told.exit_code == 0, told.output
    assert told.stdout.splitlines() == [
        "mails (before → now)",
        "  +1  guide-nurture  case-study  1 → 2",
        "  -1  guide-nurture  last-word   1 → 0",
        "",
        "1 person is concerned",
        "  ana@acme.com  + guide-nurture: case-study  - guide-nurture: last-word",
    ]
    same = alone("simulate", "--events", str(events), "--against", str(ROOT / "config"), "--diff")
    assert same.stdout == "nobody gets anything more or less\n"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('{"type": "page"', "column 16: no JSON"),
        ("[1]", "an event is a JSON object"),
        ('{"timestamp": "2026-03-02T08:00:00Z"}', "type: say what this is"),
        ('{"event": "x", "anonymousId": "d1"}', "timestamp: say when it happened"),
        ('{"event": "x", "anonymousId": "d1", "timestamp": "yesterday"}', "timestamp: 'yesterday' is no instant"),
        ('{"event": "x", "timestamp": "2026-03-02"}', "anonymousId: an event needs an anonymousId or a userId"),
        ('{"event": "form_submitted", "timestamp": "2026-03-02", "traits": {"email": "ana"}}', "traits.email: "),
        ('{"nurture_event": "1", "name": "x", "message_id": "m"}', "source: Field required"),
    ],
)
def test_a_line_that_is_no_event_is_told_with_its_place(alone: Command, tmp_path: Path, line: str, told: str) -> None:
    file = written(tmp_path, json.dumps(ANA[0]), "", line, "{}")
    refused = alone("simulate", "--events", str(file))
    assert refused.exit_code == 1
    assert f"{file}:3: {told}" in refused.stderr
    assert f"{file}:4: " in refused.stderr
    assert "nothing was simulated" in refused.stderr


def test_a_file_that_cannot_be_read_is_told(alone: Command, tmp_path: Path) -> None:
    (tmp_path / "events.jsonl").write_bytes(b"\xff\xfe")
    refused = alone("simulate", "--events", str(tmp_path / "events.jsonl"))
    assert isinstance(refused.exception, SettingsError)
    assert "cannot be read" in str(refused.exception)
    empty = alone("simulate", "--events", str(written(tmp_path, "")))
    assert (empty.exit_code, "holds no events" in empty.stderr) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "say whom to simulate"),
        (["--replay", "90d", "--person", "ana@acme.com"], "say whom to simulate"),
        (["--replay", "soon"], "--replay"),
        (["--person", "ana@acme.com", "--until", "long"], "--until"),
    ],
)
def test_a_wrong_command_line_is_refused(alone: Command, arguments: list[str], told: str) -> None:
    refused = alone("simulate", *arguments)
    assert refused.exit_code == 2
    assert told in refused.stderr


def test_mistakes_in_the_definitions_are_told(alone: Command, events: Path, tmp_path: Path) -> None:
    refused = alone("simulate", "--events", str(events), "--config", str(tmp_path / "nowhere"))
    assert refused.exit_code == 1
    assert "there is no such folder" in refused.stderr


def test_an_exported_log_is_played_again(nurture: Command, installation: Installation, tmp_path: Path) -> None:
    installation.happen(page("/pricing"), form("ana@acme.test"), download("ana@acme.test"))
    installation.work()
    file = tmp_path / "events.jsonl"
    assert nurture("export", "events", "--format", "jsonl", "--output", str(file)).exit_code == 0
    told = nurture("simulate", "--events", str(file), "--config", "in-force", "--until", "3d")
    assert told.exit_code == 0, told.output
    assert "audience → lead by gated-download" in told.stdout
    assert "1  guide-nurture  case-study-reminder" in told.stdout


def test_what_will_happen_to_a_person_begins_where_they_stand(nurture: Command, installation: Installation) -> None:
    installation.happen(page("/pricing"), form("ana@acme.test"), download("ana@acme.test"))
    installation.work()
    installation.later(hours=20)
    before = rows(installation)
    found = json.loads(nurture("simulate", "--person", "ana@acme.test", "--config", "in-force", "--json").stdout)
    assert rows(installation) == before
    assert [(row["template"], row["status"]) for row in found["messages"]] == [
        ("case-study", "sent"), ("case-study-reminder", "sent"),
    ]  # fmt: skip
    assert found["start"].startswith("2026-03-03 05:00:00")
    installation.later(hours=52)
    installation.work()
    with installation.engine.connect() as connection:
        mailed = connection.scalars(select(metadata.tables["messages"].c.template)).all()
    assert set(mailed) == {"guide-thanks", "case-study", "case-study-reminder"}


def test_a_run_goes_on_in_the_version_it_is_pinned_to(nurture: Command, installation: Installation) -> None:
    installation.happen(form("ana@acme.test"), download("ana@acme.test"))
    installation.work()
    shorter = GUIDE_SEQUENCE | {"steps": [{"id": "other", "email": "welcome"}]}
    installation.apply(definitions(sequences={"guide-nurture": shorter}))
    told = nurture("simulate", "--person", "ana@acme.test", "--config", "in-force")
    assert "case-study" in told.stdout
    assert "welcome" not in told.stdout


def test_somebody_unknown_is_told(nurture: Command, installation: Installation) -> None:
    refused = nurture("simulate", "--person", "eve@acme.test")
    assert isinstance(refused.exception, UnknownPerson)


def test_the_log_is_replayed_and_an_edit_compared_with_what_is_in_force(nurture: Command, installation: Installation) -> None:
    installation.happen(page("/pricing"), form("ana@acme.test"), download("ana@acme.test"))
    installation.work()
    installation.later(days=3)
    installation.happen(
        form("bob@acme.test", "d2", at=installation.clock.now()), download("bob@acme.test", installation.clock.now())
    )
    installation.later(days=4)
    installation.work()
    shorter = GUIDE_SEQUENCE | {"steps": [{"id": "other", "email": "welcome"}]}
    installation.apply(definitions(sequences={"guide-nurture": shorter}))
    before = rows(installation)
    told = nurture("simulate", "--replay", "90d", "--config", "in-force", "--against", "1", "--diff")
    assert told.exit_code == 0, told.output
    assert rows(installation) == before
    assert "+2  guide-nurture  welcome" in told.stdout
    assert "-2  guide-nurture  guide-thanks" in told.stdout
    lately = nurture("simulate", "--replay", "5d", "--config", "1")
    assert "bob@acme.test" in lately.stdout
    assert "ana@acme.test" not in lately.stdout


def test_what_is_replayed_counts_what_steps_told_once(nurture: Command, installation: Installation) -> None:
    telling = GUIDE_SEQUENCE | {"steps": [{"score": "pricing"}, {"id": "thanks", "email": "guide-thanks", "window": "any"}]}
    installation.apply(definitions(sequences={"guide-nurture": telling}))
    installation.happen(form("ana@acme.test"), download("ana@acme.test"))
    installation.work()
    installation.happen(event("email_clicked", source="engine", person=person_of(installation), message=message_of(installation)))
    found = json.loads(nurture("simulate", "--replay", "90d", "--config", "in-force", "--json").stdout)
    scored = [line["told"]["rule"] for line in found["timeline"] if line["what"] == "scored"]
    assert sorted(scored) == ["download", "pricing"]
    assert [line["told"]["event"] for line in found["timeline"] if line["what"] == "event"].count("email_clicked") == 1


def person_of(installation: Installation) -> int:
    with installation.engine.connect() as connection:
        return int(connection.scalars(select(metadata.tables["people"].c.id)).one())


def message_of(installation: Installation) -> int:
    with installation.engine.connect() as connection:
        return int(connection.scalars(select(metadata.tables["messages"].c.id)).one())


def test_a_release_that_is_not_there_is_told(nurture: Command, installation: Installation) -> None:
    refused = nurture("simulate", "--replay", "90d", "--config", "7")
    assert isinstance(refused.exception, DefinitionError)
    assert "there is no release 7; the newest is 1" in str(refused.exception)
