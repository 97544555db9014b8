"""`docs/sequences/edits.md` tells one story of edits and commands; it is played here on a real installation."""

import os
import re
import shlex
from pathlib import Path
from typing import Final

import pytest

from tests.cli.conftest import ROOT, Command, _logging_as_before, alone, config, environment, installation, nurture, spoil
from tests.support.events import event, form
from tests.support.installation import Installation

__all__ = ["_logging_as_before", "alone", "config", "environment", "installation", "nurture"]

#: With it the page is written anew: `WRITE_DOCS=1 .venv/bin/python -m pytest tests/docs`.
WRITING: Final = "WRITE_DOCS" in os.environ

PAGE: Final = ROOT / "docs" / "sequences" / "edits.md"
SEQUENCE: Final = "sequences/guide-nurture.yaml"

_BLOCK: Final = re.compile(r"^```(diff)?\n(?:\$ nurture ([^\n]*)\n)?(.*?)^```$", re.MULTILINE | re.DOTALL)

#: Versions and releases change with every word of the example configuration.
_VERSION: Final = re.compile(r"\b[0-9a-f]{12,16}\b")


@pytest.fixture
def flight(nurture: Command, installation: Installation, config: Path) -> Command:
    """The example in force, and Ana, who was thanked for the guide and waits."""
    assert nurture("apply", "--finish-old").exit_code == 0
    gated = {"asset": "guide-lead-gen", "gated": True}
    download = event("asset_downloaded", submission="s-ana@acme.test", source="engine", properties=gated)
    installation.happen(form("ana@acme.test"), download)
    installation.work()
    return nurture


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_the_page_tells_what_the_commands_print(flight: Command, config: Path) -> None:
    text = PAGE.read_text()
    for block in _BLOCK.finditer(text):
        diff, command, printed = block.groups()
        if diff:
            spoil(config / SEQUENCE, _side(printed, "-"), _side(printed, "+"))
            continue
        ran = flight(*shlex.split(command))
        fresh = f"{ran.output.rstrip()}\n".replace(f"{config.parent.as_posix()}/", "")
        if WRITING:
            now = PAGE.read_text()
            PAGE.write_text(now.replace(f"$ nurture {command}\n{printed}```", f"$ nurture {command}\n{fresh}```", 1))
        else:
            assert _VERSION.sub("…", printed) == _VERSION.sub("…", fresh), "the page is out of date; see WRITING"


def _side(diff: str, mark: str) -> str:
    return "".join(f"{line[1:]}\n" for line in diff.splitlines() if line.startswith(mark))
