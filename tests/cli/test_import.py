"""`nurture import` brings people and events from files into the stream: once, resumably, with every mistake in its place."""

import gzip
import json
import os
import pty
import random
import re
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from redis import Redis
from sqlalchemy import func, select

from nurture.adapters.agents import kind_of_agent
from nurture.adapters.clock import set_shift
from nurture.adapters.database.tables import events as events_table
from nurture.adapters.database.tables import identifiers, people
from nurture.adapters.redis_keys import FIELD, events
from nurture.adapters.stream import held_partition
from nurture.domain.event import EVENT, Event
from nurture.errors import DefinitionError, UnreadableFile
from nurture.flow.absorb import absorb
from tests.cli.conftest import ROOT, Command
from tests.support.installation import Installation
from tests.support.waiting import wait_until

ACCESS_LOG = ROOT / "config" / "imports" / "access-log.yaml"
CRM = ROOT / "config" / "imports" / "crm-export.yaml"
PARTITIONS = 4

#: Lines and rows as servers and CRMs write them.
SAMPLES = Path(__file__).parent / "samples"

BROWSERS = (
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1",
)


def log_lines(count: int) -> list[str]:
    """A day of a small site: visitors who read a few pages each, with what a browser fetches beside."""
    dice = random.Random(7)
    lines: list[str] = []
    at = datetime(2026, 2, 27, tzinfo=UTC)
    while len(lines) < count:
        address, agent = f"198.18.{dice.randrange(8)}.{dice.randrange(250)}", dice.choice(BROWSERS)
        for path in dice.sample(["/", "/pricing", "/blog/a", "/blog/b?page=2", "/style.css", "/missing"], dice.randint(1, 4)):
            at += timedelta(seconds=dice.randint(1, 60))
            status = 404 if path == "/missing" else 200
            request = f'"GET {path} HTTP/1.1" {status} {dice.randrange(90_000)} "-" "{agent}"'
            lines.append(f"{address} - - [{at:%d/%b/%Y:%H:%M:%S %z}] {request}")
    return lines[:count]


def written(redis: Redis) -> list[Event]:
    """Everything in the stream."""
    entries: list[Any] = []
    for partition in range(PARTITIONS):
        found: Any = redis.xrange(events(partition))
        entries += found
    return [EVENT.validate_json(fields[FIELD]) for _, fields in entries]


def absorb_all(installation: Installation) -> None:
    for number in range(PARTITIONS):
        with held_partition(installation.redis, number) as partition:
            assert partition is not None
            while absorb(partition, installation.database, installation.clock, kind_of_agent).read:
                pass


def _calls(redis: Redis, command: str) -> int:
    statistics: Any = redis.info("commandstats")
    return int(statistics.get(f"cmdstat_{command}", {}).get("calls", 0))


def counts(told: str) -> dict[str, int]:
    account = json.loads(told)
    return {name: account[name] for name in ("rows", "accepted", "refused", "skipped")}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "rows.csv"


def test_an_access_log_becomes_page_views_without_an_address(nurture: Command, installation: Installation) -> None:
    told = nurture("import", "events", str(SAMPLES / "access-log.txt"), "--map", str(ACCESS_LOG), "--json")
    assert told.exit_code == 0, told.output
    assert counts(told.stdout) == {"rows": 12, "accepted": 5, "refused": 0, "skipped": 7}
    found = written(installation.redis)
    assert "192.0.2.10" not in "".join(each.model_dump_json() for each in found)
    assert "2001:db8" not in "".join(each.model_dump_json() for each in found)
    blog = next(each for each in found if each.context["page"]["path"] == "/blog/the-95-5-rule")
    assert (blog.kind, blog.name, blog.source) == ("page", "page_viewed", "access-log")
    assert blog.occurred_at == datetime(2026, 3, 1, 7, 15, 2, tzinfo=UTC)
    assert blog.context["page"]["referrer"] == "https://www.google.com/"
    assert blog.context["campaign"] == {"source": "news", "name": "march"}
    assert blog.context["userAgent"].startswith("Mozilla/5.0 (X11")
    visitors = {(each.anonymous_id, each.occurred_at.date()) for each in found}
    assert len({visitor for visitor, _ in visitors}) == len(visitors) == 4  # one of them on two days
    absorb_all(installation)
    with installation.engine.connect() as connection:
        counted = connection.execute(select(events_table.c.verdict, func.count()).group_by(events_table.c.verdict))
        verdicts = {verdict: count for verdict, count in counted}  # noqa: C416 - rows are no tuples to mypy
    assert verdicts == {"human": 4, "machine": 1}


def test_a_log_that_has_grown_brings_only_what_is_new(nurture: Command, installation: Installation, file: Path) -> None:
    lines = log_lines(200)
    pages = {line for line in lines if "style.css" not in line and " 404 " not in line}
    file.write_text("\n".join(lines[:120]) + "\n")
    assert nurture("import", "events", str(file), "--map", str(ACCESS_LOG)).exit_code == 0
    absorb_all(installation)
    file.write_bytes(gzip.compress("\n".join(lines).encode()))
    told = nurture("import", "events", str(file), "--map", str(ACCESS_LOG), "--json")
    assert counts(told.stdout) == {"rows": 200, "accepted": len(pages), "refused": 0, "skipped": 200 - len(pages)}
    absorb_all(installation)
    with installation.engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(events_table)) == len(pages)
        assert connection.scalar(select(func.min(events_table.c.occurred_at))).date().isoformat() == "2026-02-27"


def test_a_crm_export_becomes_people(nurture: Command, installation: Installation, file: Path) -> None:
    file.write_bytes(b"\xef\xbb\xbf" + (SAMPLES / "contacts.csv").read_bytes())
    told = nurture("import", "people", str(file), "--map", str(CRM))
    assert told.exit_code == 1
    assert "6 rows: 3 accepted, 2 refused, 1 skipped" in told.stdout
    assert re.search(r"Company Name +→  attributes.company", told.stdout)
    assert f"{file}:7: column Email: " in told.stderr
    assert f"{file}:8: column Number of Employees: 'many' is no number; write one such as 12 or 3.5" in told.stderr
    absorb_all(installation)
    camille = installation.person("camille@durand-et-fils.fr")
    known = {name: value for name, (value, *_) in camille.attributes.items()}
    assert known == {
        "crm_id": "101", "first_name": "Camille", "last_name": "Durand", "job_title": "Directrice marketing",
        "company": "Durand & Fils, SAS", "country": "France", "phone": "+33 1 23 45 67 89", "employees": 120,
        "crm_stage": "mql", "language": "fr",
    }  # fmt: skip
    assert camille.seen_at == datetime(2026, 2, 10, 8, 30, tzinfo=UTC)
    assert installation.person("joerg@mueller-werke.de").attributes["employees"][0] == 1200
    assert installation.person("mary-ann@oneill.ie").attributes["crm_stage"][0] == "other"


def test_two_hundred_contacts_are_imported(nurture: Command, installation: Installation, file: Path) -> None:
    header = (SAMPLES / "contacts.csv").read_text().splitlines()[0]
    dice = random.Random(3)
    contacts = [
        f'{number},"First, {number}",Last,person-{number}@firm-{number % 17}.com,Head of {dice.choice(["Sales", "IT"])},'
        f"Firm {number % 17},France,,{dice.randrange(5000)},Lead,French,2026-02-{dice.randint(1, 28):02} 10:00,"
        for number in range(200)
    ]
    file.write_text("\n".join([header, *contacts]))
    told = nurture("import", "people", str(file), "--map", str(CRM), "--json")
    assert counts(told.stdout) == {"rows": 200, "accepted": 200, "refused": 0, "skipped": 0}
    absorb_all(installation)
    with installation.engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(people)) == 200
        kinds = select(identifiers.c.kind).distinct()
        assert list(connection.scalars(kinds)) == ["email"]


def test_without_a_mapping_obvious_names_are_taken(nurture: Command, installation: Installation, file: Path) -> None:
    file.write_text("E-Mail;First name;Favourite colour\nana@acme.com;Ana;green\n")
    told = nurture("import", "people", str(file))
    assert told.exit_code == 0, told.output
    assert re.findall(r"^  (.+?) +→  (.+)$", told.stdout, re.MULTILINE) == [
        ("E-Mail", "email"), ("First name", "attributes.first_name"), ("Favourite colour", "attributes.favourite_colour"),
    ]  # fmt: skip
    [event] = written(installation.redis)
    assert (event.email, event.assurance) == ("ana@acme.com", "claimed")
    assert event.traits == {"first_name": "Ana", "favourite_colour": "green"}


def test_json_lines_come_from_standard_input(nurture: Command, installation: Installation) -> None:
    lines = [{"event": "signed_up", "userId": f"u{n}", "timestamp": "2026-02-01T00:00:00Z", "plan": {"id": n}} for n in range(3)]
    told = nurture("import", "events", "-", stdin="\n".join(map(json.dumps, lines)))
    assert told.exit_code == 0, told.output
    assert sorted(each.properties["plan"]["id"] for each in written(installation.redis)) == [0, 1, 2]


def test_a_dry_run_writes_nothing_and_tells_everything(alone: Command, file: Path, tmp_path: Path) -> None:
    """It needs neither a database nor a Redis."""
    file.write_text("email,name\n" + "".join(f"p{n}@acme.com,N{n}\n" for n in range(7)) + "bad,x\n" * 30)
    told = alone("import", "people", str(file), "--dry-run")
    assert told.exit_code == 1
    assert told.stderr.count("column email: ") == 30
    assert told.stdout.count('"message_id"') == 5
    assert "37 rows: 7 would be accepted, 30 refused, 0 skipped" in told.stdout
    account = json.loads(alone("import", "people", str(file), "--dry-run", "--json").stdout)
    assert (account["state"], len(account["first"]), len(account["mistakes"])) == ("tried", 5, 30)
    assert account["mistakes"][0]["line"] == 9
    assert not (tmp_path / "data" / "imports").exists()


def test_refused_rows_are_mended_and_imported_alone(
    nurture: Command, installation: Installation, file: Path, tmp_path: Path
) -> None:
    bad = tmp_path / "bad.csv"
    file.write_text("email,name\n" + "ana@acme.com,Ana\nbo@,Bo\n" + "x@,X\n" * 40)
    told = nurture("import", "people", str(file), "--errors", str(bad))
    assert told.exit_code == 1
    assert told.stderr.count("column email") == 20
    assert f"21 further rows were refused; {bad} holds all" in told.stderr
    header, first, *_ = bad.read_text().splitlines()
    assert header == '"import_error","email","name"'
    bad.write_text(f"{header}\n{first.replace('bo@', 'bo@acme.com')}\n")
    told = nurture("import", "people", str(bad))
    assert told.exit_code == 0, told.output
    absorb_all(installation)
    assert installation.person("bo@acme.com").attributes.keys() == {"name"}


def test_strict_imports_nothing_if_one_row_is_bad(nurture: Command, installation: Installation, file: Path) -> None:
    file.write_text("email\nana@acme.com\nbo@\n")
    told = nurture("import", "people", str(file), "--strict")
    assert told.exit_code == 1
    assert "nothing is imported" in told.stdout
    assert written(installation.redis) == []
    file.write_text("email\nana@acme.com\n")
    assert nurture("import", "people", str(file), "--strict").exit_code == 0
    assert len(written(installation.redis)) == 1


def test_the_same_file_twice_counts_once(nurture: Command, installation: Installation, file: Path) -> None:
    file.write_text("name,timestamp,user_id\nbought,2026-02-01,u1\nbought,2026-02-01,u1\n")
    assert nurture("import", "events", str(file)).exit_code == 0
    again = nurture("import", "events", str(file))
    assert (again.exit_code, len(written(installation.redis))) == (0, 2)
    assert "imported already" in again.stdout
    installation.later(days=1)
    assert nurture("import", "events", str(file), "--restart").exit_code == 0
    assert len(written(installation.redis)) == 4
    absorb_all(installation)
    with installation.engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(events_table)) == 2


def test_an_import_that_finds_no_room_waits_and_goes_on(
    nurture: Command, installation: Installation, environment: pytest.MonkeyPatch, file: Path
) -> None:
    """The backlog may be filled by half only: the web process must always find room. Then a worker makes room."""
    environment.setenv("NURTURE_MAX_BACKLOG", "1000")
    file.write_text("email\n" + "".join(f"p{n}@acme.com\n" for n in range(20)))
    for _ in range(500):
        installation.redis.xadd(events(0), {FIELD: b"{}"})
    installation.redis.config_resetstat()

    def make_room() -> None:
        wait_until(lambda: _calls(installation.redis, "evalsha") >= 3)
        installation.redis.delete(events(0))

    worker = Thread(target=make_room)
    worker.start()
    told = nurture("import", "people", str(file))
    worker.join()
    assert told.exit_code == 0, told.output
    assert told.stderr.count("the backlog of events is half full; waiting for the workers") == 1
    assert len(written(installation.redis)) == 20


def test_text_in_another_encoding_is_told_and_read_when_it_is_named(alone: Command, file: Path) -> None:
    file.write_bytes("email;name\nana@acme.com;Zoé\nbo@acme.com;Bo\n".encode("cp1252"))
    told = alone("import", "people", str(file), "--dry-run", "--json")
    assert counts(told.stdout) == {"rows": 2, "accepted": 1, "refused": 1, "skipped": 0}
    assert f"{file}:2: column name: these bytes are no text in the file's encoding; say which it is" in told.stderr
    told = alone("import", "people", str(file), "--dry-run", "--encoding", "cp1252", "--json")
    assert json.loads(told.stdout)["first"][0]["traits"] == {"name": "Zoé"}
    file.write_bytes("email;prénom\nana@acme.com;Zoé\n".encode("cp1252"))
    assert isinstance(alone("import", "people", str(file), "--dry-run").exception, UnreadableFile)


def test_keys_that_are_half_a_character_cost_their_row_only(alone: Command, file: Path) -> None:
    file.write_text('{"email": "ana@acme.com", "\\ud800": "x"}\n{"email": "bo@acme.com"}\n')
    for options in ([], ["--json"]):
        told = alone("import", "people", str(file), "--dry-run", *options)
        assert told.exit_code == 1
        assert "these bytes are no text" in told.stderr
        assert "bo@acme.com" in told.stdout


def test_the_file_itself_is_no_place_for_its_refused_rows(alone: Command, file: Path) -> None:
    file.write_text("email\nbad\n")
    assert isinstance(alone("import", "people", str(file), "--dry-run", "--errors", str(file)).exception, UnreadableFile)
    assert file.read_text() == "email\nbad\n"


def test_a_terminal_shows_how_far_it_is(file: Path, tmp_path: Path) -> None:
    """A line that moves is drawn on a terminal, and nowhere else."""
    file.write_text("email\n" + "".join(f"p{n}@acme.com\n" for n in range(3_000)))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("NURTURE_")}
    environment |= {"NURTURE_DATA_DIR": str(tmp_path / "d"), "PYTHONPATH": str(ROOT), "TERM": "xterm"}
    command = [sys.executable, "-m", "nurture.cli.main", "import", "people", str(file), "--dry-run"]
    near, far = pty.openpty()
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=far) as running:
        os.close(far)
        shown = b""
        while block := _read(near):
            shown += block
    os.close(near)
    assert running.returncode == 0
    assert b"rows: " in shown
    assert subprocess.run(command, env=environment, capture_output=True, check=True).stderr == b""


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65_536)
    except OSError:  # the other side is closed
        return b""


def test_what_is_wrong_as_a_whole_is_refused(nurture: Command, file: Path, tmp_path: Path) -> None:
    assert isinstance(nurture("import", "people", str(tmp_path / "nothing.csv")).exception, UnreadableFile)
    file.write_text("Mail\nx\n")
    wrong = nurture("import", "people", str(file), "--map", str(CRM)).exception
    assert isinstance(wrong, DefinitionError)
    assert f"{CRM}:18:10: 'Email' is no column of the file; did you mean 'Mail'?" in str(wrong)


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_an_import_that_is_killed_goes_on_after_the_last_batch(
    installation: Installation, redis_url: str, tmp_path: Path
) -> None:
    file, bad, data = tmp_path / "many.csv", tmp_path / "bad.csv", tmp_path / "data"
    rows = 30_000
    file.write_text("email,n\n" + "".join(f"{'bad' if n % 1000 == 7 else f'p{n}@acme.com'},{n}\n" for n in range(rows)))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("NURTURE_")}
    environment |= {"NURTURE_DATA_DIR": str(data), "NURTURE_REDIS_URL": redis_url, "PYTHONPATH": str(ROOT)}
    set_shift(tmp_path / "clock", 0)
    command = [sys.executable, "-m", "nurture.cli.main", "import", "people", str(file), "--errors", str(bad), "--json"]

    def progress() -> int:
        kept = list((data / "imports").glob("*.json"))
        return int(json.loads(kept[0].read_text())["rows"]) if kept else 0

    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as first:
        wait_until(lambda: progress() >= 2_000)
        first.send_signal(signal.SIGKILL)
    assert first.returncode == -signal.SIGKILL
    done = progress()
    assert done < rows
    second = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert second.returncode == 1, second.stderr
    account = json.loads(second.stdout)
    assert account["resumed_at"] == done
    assert (account["rows"], account["accepted"], account["refused"]) == (rows, rows - 30, 30)
    found = written(installation.redis)
    assert len({each.key for each in found}) == rows - 30
    assert len(found) <= rows - 30 + 500  # at most the last batch came twice
    refused = bad.read_text().splitlines()
    assert len(refused) == len(set(refused)) == 31
