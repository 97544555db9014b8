"""`nurture leads` says whom to call and takes the answer."""

import csv
import json
import os
import pty
import signal
import subprocess
import sys
from contextlib import suppress

import pytest
from sqlalchemy import select

from nurture.adapters.database.tables import people
from tests.cli.conftest import ROOT, Command
from tests.flow.test_answers import LIFECYCLE
from tests.support.definitions import definitions
from tests.support.events import MONDAY, download, event, form
from tests.support.installation import Installation


@pytest.fixture
def sales(installation: Installation) -> Installation:
    """Ana has raised her hand; somebody tries to run a formula on whoever exports her."""
    installation.apply(definitions(lifecycle=LIFECYCLE))
    ana = form("ana@acme.test", first_name="=cmd()", company="Acme\x1b[2J")
    installation.happen(ana, download("ana@acme.test"), event("demo_requested", MONDAY, anonymous_id="device-1"))
    installation.later(hours=3)
    return installation


def test_a_lead_is_told_in_one_line(nurture: Command, sales: Installation) -> None:
    told = nurture("leads")
    assert told.exit_code == 0, told.output
    for words in ("1 to call", "ana@acme.test", "sql", "asked:", "demo_requested", "download", "guide", "3h"):
        assert words in told.stdout
    assert "\x1b" not in told.stdout


def test_leads_are_json_and_csv(nurture: Command, sales: Installation) -> None:
    [lead] = json.loads(nurture("leads", "--json").stdout)
    assert (lead["email"], lead["asked"], lead["action"]) == ("ana@acme.test", True, "call_now")
    [row] = csv.DictReader(nurture("leads", "--csv").stdout.splitlines())
    assert (row["email"], row["name"]) == ("ana@acme.test", "'=cmd()")


def test_watching_without_a_terminal_prints_once(nurture: Command, sales: Installation) -> None:
    assert "ana@acme.test" in nurture("leads", "--watch").stdout


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_a_terminal_is_refreshed_in_place_until_ctrl_c(
    nurture: Command, sales: Installation, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("PYTHONPATH", str(ROOT))
    environment.setenv("TERM", "xterm")
    environment.setenv("COLUMNS", "150")
    near, far = pty.openpty()
    command = [sys.executable, "-m", "nurture.cli.main", "leads", "--watch", "--interval", "0.5"]
    with subprocess.Popen(command, stdin=far, stdout=far, stderr=far, start_new_session=True) as running:
        os.close(far)
        shown = b""
        while shown.count(b"to call") < 2:
            shown += os.read(near, 65_536)
        running.send_signal(signal.SIGINT)
        with suppress(OSError):  # the other side is closed
            while os.read(near, 65_536):
                pass
    os.close(near)
    assert (running.returncode, b"ana@acme.test" in shown, b"Traceback" in shown) == (0, True, False)


def test_nobody_to_call_is_said(nurture: Command, sales: Installation) -> None:
    assert "nobody is to be called now" in nurture("leads", "--stage", "mql").stdout
    refused = nurture("leads", "--stage", "sqll")
    assert (refused.exit_code, "did you mean 'sql'?" in refused.output) == (2, True)


def test_one_lead_is_shown(nurture: Command, sales: Installation) -> None:
    told = nurture("leads", "show", "ana@acme.test").stdout
    for words in ("ana@acme.test", "Call within the hour", "demo_requested", "best time"):
        assert words in told
    assert json.loads(nurture("leads", "show", "ana@acme.test", "--json").stdout)["stage"] == "sql"
    assert nurture("leads", "show", "nobody@acme.test").exit_code == 1


def test_an_answer_takes_effect(nurture: Command, sales: Installation, environment: pytest.MonkeyPatch) -> None:
    environment.setenv("NURTURE_PARTITIONS", "1")
    told = nurture("leads", "answer", "ana@acme.test", "rejected", "--reason", "no budget")
    assert told.exit_code == 0, told.output
    sales.happen()
    with sales.engine.connect() as connection:
        assert connection.execute(select(people.c.stage)).scalar_one() == "lead"
    shown = json.loads(nurture("leads", "show", "ana@acme.test", "--json").stdout)
    assert (shown["last_answer"], shown["last_answer_reason"]) == ("rejected", "no budget")
    assert nurture("leads", "answer", "ana@acme.test", "maybe").exit_code == 2
    assert nurture("leads", "answer", "ana@acme.test", "won", "--reason", " ").exit_code == 2


def test_a_lead_is_as_old_as_their_stage(nurture: Command, sales: Installation) -> None:
    sales.later(days=3)
    assert json.loads(nurture("leads", "--json").stdout)[0]["since"] == MONDAY.isoformat().replace("+00:00", "Z")
