"""Fixtures for the whole suite: real servers, a fresh database for each test, and a deterministic Hypothesis."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import HealthCheck, settings
from sqlalchemy import Engine

from nurture import metrics
from nurture.adapters.database.engine import make_engine
from tests.support.databases import PostgresDatabases, SqliteFiles
from tests.support.servers import PostgresServer, RedisServer
from tests.support.smtp import SmtpSink
from tests.support.waiting import MovableClock

# Deadlines measure the machine, not the code. With CI set, every run draws the same examples and keeps no database of them.
settings.register_profile("local", deadline=None)
settings.register_profile(
    "deterministic", deadline=None, derandomize=True, database=None, print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)  # fmt: skip
settings.load_profile("deterministic" if os.environ.get("CI") else "local")

# To count what is no metric is an error here; where the engine runs it is merely not told.
metrics.strict = True

#: Only root makes hosts of its own (network namespaces). CI must, so there it is tried whoever runs it.
collect_ignore = [] if os.geteuid() == 0 or "CI" in os.environ else ["acceptance/test_two_hosts.py"]


def pytest_report_header() -> list[str]:
    return [f"left out, for only root makes network namespaces: {', '.join(collect_ignore)}"] if collect_ignore else []


Backend = Literal["sqlite", "postgresql"]


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """A Redis for the session; tests that stop, freeze or kill one take `own_redis`."""
    with RedisServer() as server:
        yield server


@pytest.fixture
def redis_url(redis_server: RedisServer) -> str:
    """The URL of an empty Redis."""
    redis_server.flush()
    return redis_server.url


@pytest.fixture
def own_redis() -> Iterator[RedisServer]:
    """A Redis of this test alone, which keeps its data on disk (AOF)."""
    with RedisServer(appendonly=True) as server:
        yield server


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A PostgreSQL for the session; tests that stop or crash one take `own_postgres`."""
    with PostgresServer() as server:
        yield server


@pytest.fixture
def own_postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL of this test alone."""
    with PostgresServer() as server:
        yield server


@pytest.fixture(scope="session")
def _sqlite_files(tmp_path_factory: pytest.TempPathFactory) -> SqliteFiles:
    return SqliteFiles(tmp_path_factory.mktemp("sqlite"))


@pytest.fixture(scope="session")
def _postgres_databases(postgres_server: PostgresServer) -> PostgresDatabases:
    return PostgresDatabases(postgres_server)


@pytest.fixture
def sqlite_url(_sqlite_files: SqliteFiles, tmp_path: Path) -> str:
    """The URL of an SQLite file with the engine's tables and no rows."""
    return _sqlite_files.copy_to(tmp_path / "nurture.db")


@pytest.fixture
def postgresql_url(_postgres_databases: PostgresDatabases) -> Iterator[str]:
    """The URL of a PostgreSQL database with the engine's tables and no rows."""
    url = _postgres_databases.copy()
    yield url
    _postgres_databases.drop(url)


@pytest.fixture(params=["sqlite", "postgresql"])
def backend(request: pytest.FixtureRequest) -> Backend:
    """Runs a test once on each kind of database."""
    kind: Backend = request.param
    return kind


@pytest.fixture
def database_url(backend: Backend, request: pytest.FixtureRequest) -> str:
    """The URL of a database with the engine's tables and no rows; the test runs on SQLite and on PostgreSQL."""
    return str(request.getfixturevalue(f"{backend}_url"))


@pytest.fixture
def empty_database_url(backend: Backend, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database without any table; the test runs on SQLite and on PostgreSQL."""
    if backend == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.db'}"
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    url = server.create_database()
    yield url
    server.drop_database(url)


@pytest.fixture
def migrated_engine(database_url: str) -> Iterator[Engine]:
    """An SQLAlchemy engine on `database_url`."""
    engine = make_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def smtp_sink() -> Iterator[SmtpSink]:
    """A mail server that keeps what it is given."""
    with SmtpSink() as sink:
        yield sink


@pytest.fixture
def clock() -> MovableClock:
    """A clock that stands still until the test moves it: Monday 2026-03-02, 09:00 UTC."""
    return MovableClock()
