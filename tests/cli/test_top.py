"""`nurture top` on a real installation: one frame as text, its facts as JSON, and the exit code of status."""

import fcntl
import json
import logging
import os
import pty
import struct
import subprocess
import sys
import termios
import time
from contextlib import suppress
from pathlib import Path

import pytest

from nurture.adapters import redis_keys
from nurture.adapters.broker import QUEUES
from nurture.adapters.warnings import KeepWarnings
from nurture.cli.screen import commands
from tests.cli.conftest import ROOT, Command
from tests.reports.test_status import sign
from tests.support.events import download, form
from tests.support.installation import Installation
from tests.support.waiting import wait_until


@pytest.fixture
def running(installation: Installation) -> Installation:
    sign(installation.redis, "all@h", ",".join(QUEUES))
    installation.redis.set(redis_keys.BEAT, f"{time.time():.3f}")
    installation.happen(form("ana@acme.test"), download("ana@acme.test"))
    return installation


def test_once_prints_one_frame_of_plain_text(nurture: Command, running: Installation) -> None:
    told = nurture("top", "--once")
    assert told.exit_code == 0, told.output
    lines = told.stdout.splitlines()
    assert lines[0].startswith(" nurture  HEALTHY")
    assert all(len(line) <= 80 and line.isprintable() for line in lines)
    for word in (" FLOW", " STREAM", " WORKERS 1", " MAIL", " MESSAGES", " BESIDES", " WARNINGS"):
        assert any(line.startswith(word) for line in lines), word
    assert "ana@acme.test" not in told.output


def test_without_a_terminal_it_is_one_frame_too(nurture: Command, running: Installation) -> None:
    told = nurture("top")
    assert told.exit_code == 0, told.output
    assert told.stdout.startswith(" nurture  HEALTHY")


def test_the_exit_code_is_that_of_status_and_what_is_wrong_stands_first(nurture: Command, running: Installation) -> None:
    running.redis.delete(redis_keys.BEAT)
    told = nurture("top", "--once")
    assert told.exit_code == 1 == nurture("status").exit_code
    lines = told.stdout.splitlines()
    assert "DEGRADED" in lines[0]
    assert lines[2].startswith(" ! beat has never ticked")
    assert "nurture beat" in lines[3]


def test_where_nothing_was_ever_started_it_says_how_to_start(alone: Command) -> None:
    told = alone("top", "--once")
    assert told.exit_code == 2, told.output
    assert "DOWN" in told.stdout.splitlines()[0]
    assert "Redis does not answer, and only it knows them" in told.stdout


def test_on_a_terminal_it_is_a_live_screen_that_q_ends(nurture: Command, running: Installation) -> None:
    """On a pseudo-terminal of 80×24, as over ssh."""
    screen, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    command = [sys.executable, "-m", "nurture.cli.main", "top", "--interval", "0.2"]
    process = subprocess.Popen(command, cwd=ROOT, stdin=terminal, stdout=terminal, stderr=terminal, close_fds=True)
    os.close(terminal)
    os.set_blocking(screen, False)
    seen = b""

    def reads(word: bytes) -> bool:
        nonlocal seen
        with suppress(BlockingIOError, OSError):
            seen += os.read(screen, 65_536)
        return word in seen

    try:
        wait_until(lambda: reads(b"STREAM"), 60)
        os.write(screen, b"q")
        wait_until(lambda: reads(b"\x00") or process.poll() is not None, 60)
        assert process.returncode == 0
    finally:
        process.kill()
        process.wait()
        os.close(screen)


def test_json_prints_the_facts_of_one_frame(nurture: Command, running: Installation) -> None:
    told = nurture("top", "--json")
    found = json.loads(told.stdout)
    assert told.exit_code == 0
    assert found["status"]["verdict"] == "healthy"
    assert found["status"]["store"]["people"] == {"lead": 1}
    assert [each["pid"] for each in found["stream"]["workers"]] == [7]
    assert len(found["flow"]["in"]["line"]) == 60


def test_it_loads_little_for_it_is_asked_often(tmp_path: Path) -> None:
    """What takes long to import is measured in what is imported: a clock would measure the machine."""
    program = (
        "import json, sys\n"
        "from nurture.cli.main import app\n"
        "assert 'textual' not in sys.modules\n"
        "try: app(['top', '--once'])\n"
        "except SystemExit: pass\n"
        "print(json.dumps(sorted(sys.modules)), file=sys.stderr)"
    )
    environ = {**os.environ, "NURTURE_DATA_DIR": str(tmp_path)}
    told = subprocess.run([sys.executable, "-c", program], cwd=ROOT, env=environ, capture_output=True, text=True, check=True)
    loaded = set(json.loads(told.stderr.splitlines()[-1]))
    assert "sqlalchemy" in loaded
    assert not loaded & {
        "textual",
        "alembic",
        "celery",
        "kombu",
        "jinja2",
        "ruamel.yaml",
        "nurture.bootstrap",
        "nurture.domain.definitions",
    }


def test_a_terminal_that_knows_only_ascii_gets_nothing_else(tmp_path: Path) -> None:
    environ = {**os.environ, "NURTURE_DATA_DIR": str(tmp_path), "PYTHONIOENCODING": "ascii"}
    told = subprocess.run(
        [sys.executable, "-m", "nurture.cli.main", "top", "--once"], cwd=ROOT, env=environ, capture_output=True, check=False
    )
    assert told.returncode == 2, told.stderr
    assert told.stdout.isascii()


def test_what_a_process_of_the_engine_warns_of_is_shown(nurture: Command, running: Installation) -> None:
    from nurture.cli.serve import _load

    _load("worker mail,handoff")
    logging.getLogger("nurture.tasks").warning("send stopped by ana@acme.test \x1b[2J")
    (handler,) = (each for each in logging.getLogger().handlers if isinstance(each, KeepWarnings))
    wait_until(lambda: running.redis.llen(redis_keys.WARNINGS))
    handler.close()
    lines = nurture("top", "--once").stdout.splitlines()
    assert " mail    send stopped by [e-mail]" in lines[-1]
    assert lines[-1].isprintable()


def test_the_screens_commands_are_run_as_they_would_be_typed(nurture: Command, running: Installation) -> None:
    running.garble()
    listed = commands.run(commands.letters())
    (letter,) = json.loads(listed.output)["letters"]
    assert commands.line_of(letter).split()[2:]
    shown = commands.run(commands.letter(letter["id"]))
    assert json.loads(shown.output)["event"] == {"source": "website"}
    story = commands.run(commands.person("ana@acme.test"))
    assert story.exit_code == 0
    assert story.output.splitlines()[0].startswith("ana@acme.test")
    nobody = commands.run(commands.person("--help"))
    assert nobody.exit_code == 1
    assert nobody.typed == "nurture person show -- --help"
    held = commands.run(commands.holding("pause", "mail"))
    assert (held.exit_code, held.typed) == (0, "nurture pause queue mail"), held.output
    assert "the queue mail" in nurture("holds").stdout
    assert commands.run(commands.holding("resume", "mail")).exit_code == 0
