"""A tethered child ends with its parent."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from nurture.adapters.tether import tethered
from tests.support.processes import running
from tests.support.waiting import wait_until

ROOT = Path(__file__).parents[2]

_PARENT = """
import subprocess, sys, time
from nurture.adapters.tether import tethered
child = subprocess.Popen(tethered(["sleep", "300"], int(sys.argv[1])), start_new_session=True)
print(child.pid, flush=True)
time.sleep(300)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_child_ends_when_its_parent_is_killed(number: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _PARENT, str(int(number))], stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        wait_until(lambda: Path(f"/proc/{child}/cmdline").read_bytes().startswith(b"sleep"))
        parent.kill()
    wait_until(lambda: not running(child), what="the child to end")


def test_a_child_whose_parent_is_gone_already_ends_at_once() -> None:
    nobody = 2**22 - 1  # no process has this number here
    command = tethered(["sleep", "300"], signal.SIGTERM)
    command[command.index(str(os.getpid()))] = str(nobody)
    assert subprocess.run(command, timeout=30, check=False).returncode == -signal.SIGTERM


def test_the_command_keeps_its_words_its_environment_and_its_exit_code() -> None:
    command = tethered(["sh", "-c", 'test "$1" = "two words" && test "$KEPT" = yes && exit 7', "sh", "two words"])
    assert subprocess.run(command, env={**os.environ, "KEPT": "yes"}, timeout=30, check=False).returncode == 7
