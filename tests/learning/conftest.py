"""What is learned once and looked at by several tests: a fit takes seconds."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from nurture.adapters.database.engine import make_engine
from nurture.learning.cases import Cases
from nurture.learning.fitting import Fitted, fit
from nurture.learning.history import History, history
from nurture.learning.spreadsheet import read_cases
from tests.learning.crowd import crowd, rows, store, write_csv
from tests.support.databases import SqliteFiles
from tests.support.definitions import definitions

SEED = 5


@pytest.fixture(scope="session")
def csv_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_csv(tmp_path_factory.mktemp("csv") / "people.csv", list(rows(1_500)))


@pytest.fixture(scope="session")
def csv_cases(csv_file: Path) -> Cases:
    return read_cases(csv_file, "converted", None, 10.0)


@pytest.fixture(scope="session")
def fitted_csv(csv_cases: Cases) -> Fitted:
    return fit(csv_cases, "column converted", capacity=20, seed=SEED, repeats=1)


@pytest.fixture(scope="session")
def log_engine(_sqlite_files: SqliteFiles, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    engine = make_engine(_sqlite_files.copy_to(tmp_path_factory.mktemp("log") / "nurture.db"))
    store(engine, crowd(1_200))
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def log_history(log_engine: Engine) -> History:
    return history(log_engine, definitions(), "deal_won", SEED)


@pytest.fixture(scope="session")
def fitted_log(log_history: History) -> Fitted:
    return fit(log_history.cases, "event deal_won", seed=SEED, repeats=1, in_force=(log_history, definitions()))
