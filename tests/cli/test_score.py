"""`nurture score fit` as it is typed."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import Engine

from nurture.adapters.database.engine import make_engine
from nurture.adapters.database.releases import apply
from tests.cli.conftest import ROOT, Command
from tests.learning.crowd import crowd, rows, store, write_csv
from tests.support.definitions import definitions
from tests.support.events import MONDAY


@pytest.fixture
def logged(sqlite_url: str, environment: pytest.MonkeyPatch) -> Engine:
    engine = make_engine(sqlite_url)
    with engine.begin() as connection:
        apply(connection, definitions(), MONDAY)
    environment.setenv("NURTURE_DATABASE_URL", sqlite_url)
    return engine


def test_a_scorecard_is_learned_from_the_log_and_put_nowhere(alone: Command, logged: Engine, tmp_path: Path) -> None:
    store(logged, crowd(1_000))
    told = alone("score", "fit", "--won", "deal_won", "--capacity", "5", "--output", str(tmp_path / "learned.yaml"))
    logged.dispose()
    assert told.exit_code == 0, told.output
    assert "today's mql" in told.stdout
    assert "suspicious, so left out: event contract_signed" in told.stdout
    assert "nothing is in force" in told.stdout
    assert "at most 5 leads a week" in (tmp_path / "learned.yaml").read_text(encoding="utf-8")


def test_a_csv_needs_no_database_and_json_holds_everything(alone: Command, tmp_path: Path) -> None:
    file = write_csv(tmp_path / "people.csv", list(rows(900)))
    told = alone("score", "fit", "--csv", str(file), "--outcome", "converted", "--json")
    assert told.exit_code == 0, told.output
    found = json.loads(told.stdout)
    assert {"rules", "calibration", "thresholds", "advised", "comparison", "yaml"} <= set(found)
    assert found["weeks"] is None


def test_too_few_outcomes_are_refused_with_exit_code_1(alone: Command, tmp_path: Path) -> None:
    file = write_csv(tmp_path / "people.csv", list(rows(100)))
    told = alone("score", "fit", "--csv", str(file), "--outcome", "converted")
    assert told.exit_code == 1
    assert "a scorecard needs 200 of each kind" in told.stderr
    assert told.stdout == ""


@pytest.mark.parametrize(
    "arguments",
    [[], ["--csv", "x.csv"], ["--outcome", "x"], ["--won", "x", "--outcome", "y"], ["--won", "x", "--weeks", "3"]],
)
def test_an_outcome_must_be_named(alone: Command, arguments: list[str]) -> None:
    told = alone("score", "fit", *arguments)
    assert told.exit_code == 2
    assert "name the outcome" in told.stderr


def test_without_the_extra_it_says_what_to_install(tmp_path: Path) -> None:
    """A stand-in for scikit-learn that is not there stands before the real one."""
    (tmp_path / "sklearn.py").write_text("raise ModuleNotFoundError('No module named sklearn', name='sklearn')", encoding="utf-8")
    paths = os.pathsep.join([str(tmp_path), str(ROOT)])
    told = subprocess.run(
        [sys.executable, "-m", "nurture.cli.main", "score", "fit", "--csv", "x.csv", "--outcome", "y"],
        env={**os.environ, "PYTHONPATH": paths}, cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert told.returncode == 2
    assert told.stderr.strip().endswith("install them with `pip install 'nurture[learn]'`, then ask again")
    assert "Traceback" not in told.stderr


def test_the_help_loads_neither_numpy_nor_scikit_learn() -> None:
    program = (
        "import sys\nfrom nurture.cli.main import app\n"
        "try: app(['score', 'fit', '--help'])\nexcept SystemExit: pass\n"
        "print(sorted({'numpy', 'sklearn', 'scipy'} & set(sys.modules)), file=sys.stderr)"
    )
    told = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert told.stderr.strip() == "[]"
