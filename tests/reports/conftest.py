"""Reports look at a real installation, on both databases."""

from collections.abc import Iterator

import pytest
from redis import Redis
from sqlalchemy import Engine

from tests.conftest import Backend
from tests.reports.pasts import PASTS, Pasts
from tests.support.databases import PostgresDatabases, SqliteFiles
from tests.support.installation import Installation
from tests.support.servers import RedisServer
from tests.support.smtp import SmtpSink
from tests.support.waiting import MovableClock


@pytest.fixture
def installation(migrated_engine: Engine, redis_url: str, clock: MovableClock, smtp_sink: SmtpSink) -> Installation:
    return Installation(migrated_engine, Redis.from_url(redis_url), clock, smtp_sink)


@pytest.fixture(scope="session")
def pasts(
    _sqlite_files: SqliteFiles, _postgres_databases: PostgresDatabases, redis_server: RedisServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Pasts]:  # fmt: skip
    """Pasts that tests look at and leave as they are."""
    made = Pasts(_sqlite_files, _postgres_databases, redis_server, tmp_path_factory.mktemp("pasts"))
    yield made
    made.close()


@pytest.fixture(params=PASTS)
def past(request: pytest.FixtureRequest, backend: Backend, pasts: Pasts) -> Installation:
    """Each of the pasts, on each kind of database; what a test writes it takes back."""
    return pasts.of(backend, request.param)
