"""`nurture export` writes what `nurture import` reads back, and nothing that a spreadsheet would run."""

import csv
import io
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select

from nurture.adapters.database.engine import make_engine
from nurture.adapters.database.tables import events as events_table
from nurture.adapters.database.tables import identifiers, people, score_cells
from nurture.domain.event import IDENTIFIED, UNSUBSCRIBED, Event
from nurture.errors import NurtureError
from tests.cli.conftest import Command
from tests.cli.test_import import absorb_all
from tests.support.databases import SqliteFiles
from tests.support.events import MONDAY, download, event, form, page
from tests.support.installation import BROWSER, Installation
from tests.support.smtp import SmtpSink


def identify(email: str, user_id: str | None = None, **traits: Any) -> Event:
    return event(IDENTIFIED, kind="identify", email=email, user_id=user_id, traits=traits)


HISTORY = (
    page("/pricing", "browser-1", MONDAY - timedelta(days=40)),
    identify("ana@acme.com", "u-1", company='=HYPERLINK("https://evil.example")', phone="+33 1 23", note="-2+3", mark="'@x",
             employees=120, ratio=-0.5, active=True, quote='a "b",\r\nc', plain="'tis"),
    identify("bo@acme.com", company="Bö; Söhne", employees="120"),
    page("/blog/a", "browser-2"),
    form("cy@acme.com", "browser-1", job_title="\u202eHead\t"),
)  # fmt: skip


@pytest.fixture
def other(_sqlite_files: SqliteFiles, tmp_path: Path) -> Iterator[Engine]:
    """A second database, empty."""
    engine = make_engine(_sqlite_files.copy_to(tmp_path / "other.db"))
    yield engine
    engine.dispose()


@pytest.fixture
def elsewhere(
    installation: Installation, other: Engine, smtp_sink: SmtpSink, environment: pytest.MonkeyPatch, nurture: Command
) -> Installation:
    """An installation on the second database; commands still speak to the first until its URL is set."""
    return Installation(other, installation.redis, installation.clock, smtp_sink)


def table(told: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(told.decode("utf-8-sig"), newline="")))


def emails_and_attributes(engine: Engine) -> dict[str | None, dict[str, Any]]:
    with engine.connect() as connection:
        rows = connection.execute(select(people.c.email, people.c.attributes).where(people.c.email.is_not(None))).all()
    return {email: {name: (value, type(value)) for name, (value, *_) in attributes.items()} for email, attributes in rows}


def test_people_are_exported_with_where_they_stand(nurture: Command, installation: Installation) -> None:
    installation.happen(*HISTORY, download("cy@acme.com"))
    told = nurture("export", "people")
    assert told.exit_code == 0, told.output
    rows = table(told.stdout_bytes)
    assert told.stderr == "4 people\n"
    assert [int(row["nurture_person"]) for row in rows] == sorted(int(row["nurture_person"]) for row in rows)
    cy = next(row for row in rows if row["email"] == "cy@acme.com")
    assert (cy["stage"], cy["anonymous_id"]) == ("lead", "browser-1")
    assert float(cy["engagement"]) > 0
    ana = next(row for row in rows if row["email"] == "ana@acme.com")
    assert (ana["user_id"], ana["attributes.employees:json"], ana["attributes.employees"]) == ("u-1", "120", "")
    assert {each["kind"] for each in json.loads(ana["identifiers"])} == {"email", "user_id"}
    lines = [json.loads(line) for line in nurture("export", "people", "--format", "jsonl").stdout.splitlines()]
    assert next(each for each in lines if each["email"] == "ana@acme.com")["attributes"]["employees"] == 120


def test_no_cell_starts_a_formula(nurture: Command, installation: Installation) -> None:
    """OWASP, CSV Injection; the guard is undone when the file is imported."""
    installation.happen(*HISTORY)
    cells = [cell for row in table(nurture("export", "people").stdout_bytes) for cell in row.values()]
    assert '\'=HYPERLINK("https://evil.example")' in cells
    assert "''@x" in cells
    assert not [cell for cell in cells if cell[:1] in {*"=+-@\t\r\n"}]


@pytest.mark.parametrize("written", ["csv", "jsonl"])
def test_people_come_back_as_they_were(
    nurture: Command,
    installation: Installation,
    elsewhere: Installation,
    environment: pytest.MonkeyPatch,
    tmp_path: Path,
    written: str,
) -> None:
    installation.happen(*HISTORY)
    file = tmp_path / "people"
    assert nurture("export", "people", "--format", written, "--output", str(file)).exit_code == 0
    told = nurture("import", "people", str(file), "--json")
    assert told.exit_code == 0, told.output
    absorb_all(elsewhere)
    before = emails_and_attributes(installation.engine)
    assert emails_and_attributes(elsewhere.engine) == before
    assert before["ana@acme.com"]["company"][0].startswith("=HYPERLINK")
    assert elsewhere.person("ana@acme.com").seen_at == MONDAY


@pytest.mark.parametrize("written", ["csv", "jsonl"])
def test_events_come_back_as_they_were(
    nurture: Command, installation: Installation, elsewhere: Installation, tmp_path: Path, written: str
) -> None:
    installation.happen(*HISTORY, download("cy@acme.com"))
    cy = installation.person("cy@acme.com").id
    installation.happen(event(UNSUBSCRIBED, source="engine", person=cy, message_id="u-1", context={"userAgent": BROWSER}))
    file = tmp_path / "events"
    assert nurture("export", "events", "--format", written, "--output", str(file)).exit_code == 0
    told = nurture("import", "events", str(file), "--json")
    assert told.exit_code == 0, told.output
    absorb_all(elsewhere)

    def log(engine: Engine) -> Any:
        with engine.connect() as connection:
            rows = connection.execute(select(events_table).order_by(events_table.c.id)).all()
            known = connection.execute(select(identifiers.c.kind, identifiers.c.value).order_by(identifiers.c.value)).all()
            points = connection.execute(select(score_cells.c.rule, score_cells.c.day, score_cells.c.hits).order_by(score_cells.c.rule, score_cells.c.day)).all()  # fmt: skip
        bodies = [{**row.body, "person": None, "email": None, "received_at": None} for row in rows]
        return [(row.id, row.name, row.occurred_at, row.verdict) for row in rows], bodies, known, points

    assert log(elsewhere.engine) == log(installation.engine)


def test_events_are_exported_in_the_order_of_time_since_an_instant(nurture: Command, installation: Installation) -> None:
    installation.happen(*HISTORY)
    rows = table(nurture("export", "events").stdout_bytes)
    assert [row["occurred_at"] for row in rows] == sorted(row["occurred_at"] for row in rows)
    assert rows[0]["name"] == "page_viewed"
    assert json.loads(rows[0]["context"])["page"]["path"] == "/pricing"
    assert len(rows) == len(HISTORY)
    for since in ("30d", "2026-03-01", "2026-03-02T09:00:00+00:00"):
        assert len(table(nurture("export", "events", "--since", since).stdout_bytes)) == len(HISTORY) - 1
    refused = nurture("export", "events", "--since", "last week")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "--since" in refused.stderr


def test_many_are_exported_in_chunks(nurture: Command, installation: Installation, tmp_path: Path) -> None:
    installation.happen(*(page(f"/blog/{n % 7}", f"browser-{n}", MONDAY - timedelta(seconds=n)) for n in range(500)))
    installation.happen(*(page(f"/blog/{n % 7}", f"browser-{n}", MONDAY - timedelta(seconds=n)) for n in range(500, 1000)))
    installation.happen(*(page(f"/blog/{n % 7}", f"browser-{n}", MONDAY - timedelta(seconds=n)) for n in range(1000, 1234)))
    out = tmp_path / "out.jsonl"
    account = json.loads(nurture("export", "events", "--format", "jsonl", "--output", str(out), "--json").stdout)
    assert account["rows"] == 1234
    times = [json.loads(line)["occurred_at"] for line in out.read_text().splitlines()]
    assert (len(times), times) == (1234, sorted(times))
    assert nurture("export", "people").stderr == "1234 people\n"


def test_a_file_that_cannot_be_written_is_told(nurture: Command, installation: Installation, tmp_path: Path) -> None:
    assert isinstance(nurture("export", "people", "--output", str(tmp_path / "no" / "people.csv")).exception, NurtureError)
