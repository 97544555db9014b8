"""docs/threats.md: every line names tests that are there, and no test against a threat stands for nothing."""

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "threats.md"
NAMED = re.compile(r"`(tests/[\w/]+\.py)::([\w:]+)`")


def lines() -> list[tuple[str, list[tuple[str, str]]]]:
    """Each line of the tables, and the tests it names."""
    cells = [line for line in PAGE.read_text().splitlines() if line.startswith("| ") and not line.startswith("| who |")]
    return [(line, NAMED.findall(line)) for line in cells]


@cache
def those_in(path: str) -> frozenset[str]:
    """The tests of a file: `test_x`, and `TestY::test_x` inside a class."""
    found = set()
    for node in ast.parse((ROOT / path).read_text()).body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test"):
            found.add(node.name)
        elif isinstance(node, ast.ClassDef):
            found |= {
                f"{node.name}::{each.name}"
                for each in node.body
                if isinstance(each, ast.FunctionDef) and each.name.startswith("test")
            }
    return frozenset(found)


def test_every_line_says_who_what_and_what_stands_against_it() -> None:
    assert len(lines()) > 30
    for line, named in lines():
        who, what, against, tests = (cell.strip() for cell in line.strip("|").split(" | "))
        assert all((who, what, against, tests)), line
        assert named, f"no test: {line}"


def test_every_test_that_is_named_is_there() -> None:
    for line, named in lines():
        for path, name in named:
            assert (ROOT / path).is_file(), f"{path} is no file: {line}"
            assert name in those_in(path), f"{path} has no {name}: {line}"


def test_every_test_against_a_threat_is_named() -> None:
    named = {each for _, tests in lines() for each in tests}
    there = {
        (str(file.relative_to(ROOT)), name)
        for file in (ROOT / "tests" / "threats").glob("test_*.py")
        for name in those_in(str(file.relative_to(ROOT)))
    }
    assert there - named == set()
