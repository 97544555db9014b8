"""What the measuring programs stand on, for their tests."""

from pathlib import Path

import pytest

from benchmarks.laboratory import Laboratory
from tests.support.servers import PostgresServer, RedisServer


@pytest.fixture
def laboratory(redis_server: RedisServer, postgres_server: PostgresServer, tmp_path: Path) -> Laboratory:
    """A laboratory on the servers of the session, which need not be durable here."""
    laboratory = Laboratory()
    laboratory.folder, laboratory.redis, laboratory.postgres = tmp_path, redis_server, postgres_server
    return laboratory
