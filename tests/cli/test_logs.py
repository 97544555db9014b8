"""`nurture logs` reads the files of `nurture up`, or whatever is piped in."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from nurture.adapters.log_files import LogFiles, log_folder
from nurture.errors import NurtureError
from tests.cli.conftest import Command

ROOT = Path(__file__).parents[2]


def written(event: str, process: str = "web", level: str = "info", ago: float = 0.0) -> str:
    at = datetime.now(UTC) - timedelta(minutes=ago)
    return json.dumps({"event": event, "process": process, "level": level, "timestamp": at.isoformat(), "n": 1})


@pytest.fixture
def files(tmp_path: Path) -> Iterator[LogFiles]:
    found = LogFiles(log_folder(tmp_path / "data"))
    yield found
    found.close()


def test_the_latest_lines_are_told(alone: Command, files: LogFiles) -> None:
    for number in range(300):
        files.keep(written(f"number {number}"))
    told = alone("logs")
    assert told.exit_code == 0, told.output
    assert len(told.stdout.splitlines()) == 200
    assert told.stdout.splitlines()[-1].endswith("web           info     number 299             n=1")
    assert "\x1b" not in told.stdout
    assert len(alone("logs", "-n", "3").stdout.splitlines()) == 3
    assert len(alone("logs", "--since", "10m").stdout.splitlines()) == 300


def test_lines_are_chosen(alone: Command, files: LogFiles) -> None:
    for each in (written("old", ago=60), written("absorbed", "worker-events"), written("stopped", "worker-mail", "error")):
        files.keep(each)
    assert "old" not in alone("logs", "--since", "10m").stdout
    assert [json.loads(each)["event"] for each in alone("logs", "--level", "warning", "--json").stdout.splitlines()] == [
        "stopped"
    ]
    assert "absorbed" in alone("logs", "--process", "worker", "--event", "absorbed").stdout
    assert alone("logs", "--process", "beat").stdout == ""
    assert alone("logs", "--since", "soon").exit_code == 2


def test_what_is_piped_in_is_told_too(alone: Command) -> None:
    told = alone("logs", "-", stdin=f"garbage \x1b[2J\n\nweb-1 | {written('absorbed', '')}\n")
    assert told.exit_code == 0, told.output
    garbage, absorbed = told.stdout.splitlines()
    assert garbage == "garbage \ufffd[2J"
    assert "web-1         info     absorbed" in absorbed
    assert alone("logs", "-", "--lines", "1", stdin="a\nb\n").stdout == "b\n"


def test_without_files_it_says_what_to_do(alone: Command) -> None:
    told = alone("logs")
    assert isinstance(told.exception, NurtureError)
    assert "nurture logs -" in str(told.exception)
    assert alone("logs", "web").exit_code == 2


def test_what_comes_is_told_as_it_comes(files: LogFiles, tmp_path: Path) -> None:
    files.keep(written("before"))
    command = [sys.executable, "-m", "nurture.cli.main", "logs", "-f", "--process", "web"]
    environ = {**os.environ, "NURTURE_DATA_DIR": str(tmp_path / "data"), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, env=environ, cwd=ROOT, stdout=subprocess.PIPE, text=True) as running:
        try:
            assert running.stdout is not None
            assert "before" in running.stdout.readline()
            files.keep(written("sent", "worker-mail"))
            files.keep(written("after"))
            assert "after" in running.stdout.readline()
        finally:
            running.send_signal(signal.SIGINT)
            assert running.wait(20) == 0
