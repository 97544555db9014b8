"""House rules that no linter knows, over every file of the repository."""

import ast
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

#: Budgets for readers, with a little air: a function under about 60 lines, a module under about 400.
FUNCTION_LINES = 66
MODULE_LINES = 440


@cache
def files() -> list[Path]:
    """What is in the repository or about to be; without git, everything but what the tools leave."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listing.returncode == 0 and listing.stdout:
        found = [ROOT / name for name in listing.stdout.split("\0") if name]
    else:
        left_by_tools = re.compile(r"/(\.[a-z_]+|__pycache__|data|build|dist|[^/]+\.egg-info)/")
        found = [
            path for path in ROOT.rglob("*") if not left_by_tools.search(f"/{path.relative_to(ROOT)}/") or "/.ci/" in str(path)
        ]
    return sorted(path for path in found if path.is_file())


@cache
def texts() -> dict[str, str]:
    """Every text file by its path in the repository."""
    found = {}
    for path in files():
        try:
            found[str(path.relative_to(ROOT))] = path.read_text()
        except UnicodeDecodeError:
            continue
    return found


def modules(*folders: str) -> Iterator[tuple[str, ast.Module]]:
    for name, text in texts().items():
        if name.endswith(".py") and name.startswith(folders):
            yield name, ast.parse(text)


def lines_matching(pattern: str) -> list[str]:
    seek = re.compile(pattern)
    own = str(Path(__file__).relative_to(ROOT))
    return [
        f"{name}:{number}: {line.strip()[:100]}"
        for name, text in texts().items()
        if name != own
        for number, line in enumerate(text.splitlines(), 1)
        if seek.search(line)
    ]


def test_the_files_are_found() -> None:
    assert {"README.md", "Makefile", "nurture/settings.py", ".ci/run"} <= texts().keys()


@pytest.mark.parametrize(
    ("what", "pattern"),
    [
        ("the host of a package registry", r"pypi\.org|pythonhosted\.org|npmjs\.(org|com)|deb\.debian\.org"),
        ("a path of somebody's machine", r"(^|[^\w.])/(work|farm|home/\w+|Users/\w+)/"),
        ("a mark of unfinished work", r"\b(TODO|FIXME|XXX)\b"),
        ("a test that is skipped or expected to fail", r"pytest\.(mark\.)?(skip|xfail)|unittest\.skip"),
        ("a check switched off without a reason", r"(type: ignore(\[[\w, -]+\])?|noqa(: [A-Z0-9, ]+)?)\s*$"),
        ("a merge that was not finished", r"^(<{7}|>{7}) "),
    ],
)
def test_the_tree_holds_nothing_that_must_not_be_there(what: str, pattern: str) -> None:
    assert lines_matching(pattern) == [], what


def test_nothing_is_pickled() -> None:
    """Unpickling runs whatever somebody wrote into a store."""
    forbidden = {"pickle", "marshal", "shelve", "dill", "cloudpickle"}
    found = []
    for name, tree in modules("nurture/", "workers/"):
        for node in ast.walk(tree):
            imported = (
                [alias.name for alias in node.names] if isinstance(node, ast.Import)
                else [node.module or ""] if isinstance(node, ast.ImportFrom)
                else []
            )  # fmt: skip
            found += [f"{name}:{node.lineno}" for each in imported if each.partition(".")[0] in forbidden]  # type: ignore[attr-defined]  # imports have lines
    assert found == []


def test_nothing_below_the_edge_reads_a_clock() -> None:
    """Time is a parameter of every decision (DESIGN: rules of the flow)."""
    readers = {"now", "utcnow", "today", "time", "monotonic", "perf_counter", "time_ns"}
    found = []
    for name, tree in modules("nurture/domain/", "nurture/flow/"):
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in readers
                and not node.args
            ):
                asked = ast.unparse(node.func.value)
                if not asked.endswith("clock"):  # the flow asks the clock it was given
                    found.append(f"{name}:{node.lineno}: {ast.unparse(node)}")
    assert found == []


def test_functions_and_modules_stay_short_enough_to_read() -> None:
    long = [
        f"{name}: {len(texts()[name].splitlines())} lines"
        for name, _ in modules("nurture/", "workers/", "tests/", "benchmarks/")
        if len(texts()[name].splitlines()) > MODULE_LINES
    ]
    for name, tree in modules("nurture/", "workers/"):
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > FUNCTION_LINES and "/versions/" not in name:  # a migration is a list of columns
                    long.append(f"{name}:{node.lineno}: {node.name} has {lines} lines")
    assert long == []


def test_both_locks_pin_every_package_by_hash_and_the_larger_holds_the_smaller() -> None:
    pins = {}
    for name in ("requirements.lock", "requirements-dev.lock"):
        blocks = re.split(r"\n(?=\S)", (ROOT / name).read_text().strip())
        assert all("--hash=sha256:" in block for block in blocks), name
        pins[name] = {block.split(" \\")[0].strip() for block in blocks}
    assert pins["requirements.lock"] <= pins["requirements-dev.lock"]
