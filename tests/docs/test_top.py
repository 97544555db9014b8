"""README shows `nurture top` over a healthy and over a sick system, as it drew what a running engine told (see benchmarks/watching.py)."""

import os
import re

import pytest

from nurture.cli.screen.frame import whole
from nurture.cli.screen.lines import plain
from nurture.cli.screen.view import View
from nurture.reports.watching import Facts
from tests.cli.conftest import ROOT

PAGE = ROOT / "README.md"

#: With it the frames are drawn anew: `WRITE_DOCS=1 .venv/bin/python -m pytest tests/docs`.
WRITING = "WRITE_DOCS" in os.environ


def drawn(name: str) -> str:
    facts = Facts.model_validate_json((ROOT / "tests" / "docs" / "sights" / f"{name}.json").read_text())
    return "\n".join(plain(line) for line in whole(facts, View(80)))


def block(name: str) -> re.Pattern[str]:
    return re.compile(rf"(<!-- top: {name} -->\n```\n)(.*?)(\n```)", re.DOTALL)


@pytest.mark.parametrize("name", ["healthy", "sick"])
def test_readme_shows_what_the_screen_shows(name: str) -> None:
    text = PAGE.read_text()
    if WRITING:
        text = block(name).sub(lambda found: found[1] + drawn(name) + found[3], text)
        PAGE.write_text(text)
    found = block(name).search(text)
    assert found is not None
    assert found[2] == drawn(name), "the page is out of date; see WRITING"
    assert all(len(line) <= 80 for line in found[2].splitlines())


def test_the_sick_system_is_told_from_its_causes() -> None:
    lines = drawn("sick").splitlines()
    assert "DEGRADED" in lines[0] or "DOWN" in lines[0]
    text = "\n".join(lines)
    for told in ("nobody serves the queue mail", "dead letter", "not absorbed yet", "overdue", "the queue handoff"):
        assert told in text, told
    assert "HEALTHY" in drawn("healthy").splitlines()[0]
