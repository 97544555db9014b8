"""docs/promise.md names a test for each of its lines: they exist."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "promise.md").read_text(encoding="utf-8")


def test_the_tests_that_the_page_names_exist() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)
    assert len(named) >= 15
    for file, test in named:
        assert f"def {test}(" in (ROOT / file).read_text(encoding="utf-8"), f"{file}::{test}"


def test_every_line_of_the_table_names_a_test_or_says_that_there_is_none() -> None:
    table = PAGE.partition("| what happens |")[2].partition("\n\n")[0].splitlines()[2:]
    assert len(table) > 10
    for line in table:
        shown = line.rstrip("|").rpartition("|")[2].strip()
        assert shown.startswith(("`tests/", "–")), line
