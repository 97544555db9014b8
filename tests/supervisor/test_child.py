"""One child process: its lines, its deaths, its end."""

import io
import json
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from nurture.adapters.embedded_redis import free_port
from nurture.adapters.log_files import LogFiles, kept_lines
from nurture.supervisor.child import Child, stop
from nurture.supervisor.output import Output
from tests.support.waiting import wait_until

NOBODY_HURRIES = threading.Event()


@pytest.fixture
def heard() -> io.StringIO:
    """What the children said."""
    return io.StringIO()


@pytest.fixture
def mailbox(heard: io.StringIO, tmp_path: Path) -> Iterator[Child]:
    """A child that runs until it is told to end."""
    environ = {**os.environ, "NURTURE_DATA_DIR": str(tmp_path), "NURTURE_LOG_LEVEL": "debug"}
    child = Child("mailbox", ("mailbox", "--port", str(free_port())), environ, Output(heard))
    child.start()
    yield child
    child.kill()


def test_a_killed_child_is_started_again_after_a_pause(mailbox: Child, heard: io.StringIO) -> None:
    first = mailbox.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: not mailbox.alive)
    assert mailbox.revive()
    assert not mailbox.alive
    assert "mailbox       | ended with SIGKILL; starts again in 0.2 s\n" in heard.getvalue()
    wait_until(lambda: mailbox.revive() and mailbox.alive)
    assert mailbox.pid != first


def test_a_child_that_cannot_start_is_given_up_and_its_words_were_heard(heard: io.StringIO) -> None:
    child = Child("odd", ("no-such-command",), os.environ, Output(heard))
    child.start()
    wait_until(lambda: not child.revive(), 60, every=0.05, what="the child to be given up")
    assert heard.getvalue().count("No such command") == 5
    assert all(line.startswith("odd           | ") for line in heard.getvalue().splitlines())


def test_stopping_waits_for_the_child_and_takes_no_longer_than_it_needs(mailbox: Child, tmp_path: Path) -> None:
    wait_until((tmp_path / "mail").exists, 20, what="the mailbox to come up")
    stop([mailbox], [(signal.SIGTERM, 20.0)], NOBODY_HURRIES)
    assert not mailbox.alive


def test_a_child_that_does_not_listen_is_killed_when_patience_ends(mailbox: Child) -> None:
    mailbox.send(signal.SIGSTOP)
    stop([mailbox], [(signal.SIGTERM, 0.2), (signal.SIGQUIT, 0.2)], NOBODY_HURRIES)
    assert not mailbox.alive


def test_in_a_hurry_nobody_is_waited_for(mailbox: Child) -> None:
    hurry = threading.Event()
    hurry.set()
    mailbox.send(signal.SIGSTOP)
    stop([mailbox], [(signal.SIGTERM, 1000.0)], hurry)
    assert not mailbox.alive


def test_lines_are_dropped_when_nobody_reads_them_any_more() -> None:
    stream = io.StringIO()
    output = Output(stream)
    output.line("web", "heard")
    stream.close()
    output.line("web", "unheard")


def test_log_lines_are_told_in_columns_and_kept_as_json(tmp_path: Path) -> None:
    stream, files = io.StringIO(), LogFiles(tmp_path)
    output = Output(stream, files, secrets=["a-long-secret"])
    output.line("web", '{"event": "absorbed", "level": "info", "timestamp": "2026-03-02T09:00:01Z", "read": 5}')
    output.line("web", "Traceback of ana@acme.test with a-long-secret \x1b[2J")
    output.note("web", "ended with SIGKILL", "warning")
    files.close()
    columns, raw, note = stream.getvalue().splitlines()
    assert columns == "web           | 2026-03-02 09:00:01 info     absorbed               read=5"
    assert raw == "web           | Traceback of [e-mail] with [secret] \ufffd[2J"
    assert note == "web           | ended with SIGKILL"
    kept = [json.loads(line) for line in kept_lines(tmp_path)]
    assert [(each["event"], each["level"], each["process"]) for each in kept] == [
        ("absorbed", "info", "web"), ("Traceback of [e-mail] with [secret] \ufffd[2J", "info", "web"), ("ended with SIGKILL", "warning", "web"),
    ]  # fmt: skip
    assert kept[1]["raw"] is True
    assert all("timestamp" in each for each in kept)


def test_who_wants_json_gets_it(tmp_path: Path) -> None:
    stream = io.StringIO()
    Output(stream, plain_json=True).line("web", '{"event": "absorbed", "level": "info"}')
    assert stream.getvalue() == 'web           | {"level": "info", "event": "absorbed", "process": "web"}\n'


def test_on_a_terminal_each_name_has_a_colour_of_its_own() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    output = Output(terminal)
    for name in ("web", "beat", "web"):
        output.line(name, "x")
    first, second, third = terminal.getvalue().splitlines()
    assert first == third == "\033[36mweb           | \033[0mx"
    assert second == "\033[32mbeat          | \033[0mx"
