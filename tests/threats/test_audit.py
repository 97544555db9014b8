"""A dependency with a known hole does not land; a machine that cannot ask says so."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
HOLE = {"id": "PYSEC-2026-1", "aliases": ["CVE-2026-1"], "fix_versions": ["2.0"], "description": "…"}
SOUND = {"name": "jinja2", "version": "3.1.6", "vulns": []}
BAD = {"name": "redis", "version": "1.0", "vulns": [HOLE]}
SKIPPED = {"name": "httpx", "skip_reason": "Dependency not found on PyPI and could not be audited: httpx (0.28.1)"}


def audit(tmp_path: Path, *packages: Any, ignored: str = "", stderr: str = "", code: int = 0) -> subprocess.CompletedProcess[str]:
    """The audit, with a stand-in for pip-audit that reports these packages; without any it writes to stderr only."""
    report = json.dumps({"dependencies": packages, "fixes": []}) if packages else ""
    tool = tmp_path / "pip-audit"
    tool.write_text(f"#!{sys.executable}\nimport sys\nprint({report!r})\nprint({stderr!r}, file=sys.stderr)\nsys.exit({code})\n")
    tool.chmod(0o700)
    (tmp_path / "advisories.toml").write_text(ignored)
    command = [
        sys.executable,
        ".ci/audit.py",
        "--tool",
        str(tool),
        "--ignored",
        str(tmp_path / "advisories.toml"),
        "requirements.lock",
    ]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)


def ignoring(until: str, name: str = "CVE-2026-1", reason: str = "we never call it") -> str:
    return f'[[ignored]]\nid = "{name}"\nreason = "{reason}"\nuntil = {until}\n'


def test_nothing_known_passes(tmp_path: Path) -> None:
    told = audit(tmp_path, SOUND)
    assert (told.returncode, told.stdout) == (0, "audit: no hole is known in what the lock files name\n")


def test_a_known_hole_fails_and_says_what_to_do(tmp_path: Path) -> None:
    told = audit(tmp_path, SOUND, BAD, SKIPPED, code=1)
    assert told.returncode == 1
    assert "redis 1.0: CVE-2026-1, PYSEC-2026-1 (fixed in 2.0); `make lock` takes newer versions" in told.stderr


@pytest.mark.parametrize(
    "stderr", ["ERROR:pip_audit._cli:Could not connect to PyPI's vulnerability feed", "Connection timed out"]
)
def test_where_nobody_answers_it_says_so_loudly_and_passes(tmp_path: Path, stderr: str) -> None:
    told = audit(tmp_path, stderr=stderr, code=1)
    assert told.returncode == 0
    assert "NOT AUDITED" in told.stderr
    assert "no hole is known" not in told.stdout


def test_packages_that_nobody_could_say_anything_of_are_counted(tmp_path: Path) -> None:
    told = audit(tmp_path, SOUND, SKIPPED)
    assert told.returncode == 0
    assert "1 of its 2 packages could not be asked about" in told.stderr
    assert "NOT AUDITED" in told.stderr


def test_a_tool_that_fails_otherwise_is_no_pass(tmp_path: Path) -> None:
    assert audit(tmp_path, stderr="Traceback: KeyError", code=1).returncode != 0


@pytest.mark.parametrize(("until", "code"), [("2099-01-01", 0), ("2020-01-01", 1)])
def test_a_hole_is_lived_with_for_a_reason_and_until_a_day(tmp_path: Path, until: str, code: int) -> None:
    told = audit(tmp_path, BAD, ignored=ignoring(until), code=1)
    assert told.returncode == code
    assert "we never call it" in told.stdout


@pytest.mark.parametrize("ignored", [ignoring('"soon"'), ignoring("2099-01-01", reason=" "), '[[ignored]]\nid = "CVE-2026-1"\n'])
def test_without_a_reason_or_a_day_nothing_is_lived_with(tmp_path: Path, ignored: str) -> None:
    told = audit(tmp_path, BAD, ignored=ignored, code=1)
    assert told.returncode != 0
    assert "write id, reason, and until as a day" in told.stderr


def test_ci_runs_it() -> None:
    assert "make audit" in (ROOT / ".ci" / "run").read_text().splitlines()
