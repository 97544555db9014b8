"""The definitions in force, for a web process that starts, serves and goes on while the database is away."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from nurture.adapters.database.engine import make_engine
from nurture.adapters.database.migrations import upgrade
from nurture.adapters.database.releases import ReleaseWatch, apply
from nurture.domain.definitions import Definitions
from tests.support.servers import PostgresServer, RedisServer
from tests.support.waiting import MovableClock, wait_until
from tests.web.conftest import make_definitions, serving


@pytest.fixture
def engine(own_postgres: PostgresServer) -> Iterator[Engine]:
    """A database with definitions in force, which the test may take away."""
    engine = make_engine(own_postgres.url())
    upgrade(engine)
    release(engine, make_definitions())
    yield engine
    engine.dispose()


def release(engine: Engine, definitions: Definitions) -> None:
    with engine.begin() as connection:
        apply(connection, definitions, MovableClock().now())


def test_a_form_is_taken_while_the_database_is_away(
    own_postgres: PostgresServer, engine: Engine, own_redis: RedisServer, tmp_path: Path
) -> None:
    """At run, then at start, then with Redis away as well; and what is released afterwards is noticed."""
    kept = tmp_path / "release.json"
    watch = ReleaseWatch(engine, every=0.05, kept=kept)
    watch.start()
    with serving(own_redis.url, tmp_path / "first", watch=watch) as web:
        own_postgres.stop()
        assert web.client.post("/f/guide", data={"email": "a@example.com"}).status_code == 303
    watch.stop()
    again = ReleaseWatch(engine, every=0.05, kept=kept)
    assert again().digest == make_definitions().digest
    again.start()
    with serving(own_redis.url, tmp_path / "second", watch=again, journal=1 << 20) as web:
        assert web.client.post("/f/guide", data={"email": "b@example.com"}).status_code == 303
        own_redis.stop()
        assert web.client.post("/f/guide", data={"email": "c@example.com"}).status_code == 303
        own_redis.start()
        wait_until(lambda: len(web.events()) == 3, 20, what="all three forms")
        own_postgres.start()
        newer = make_definitions(opens="individual")
        release(engine, newer)
        wait_until(lambda: again().digest == newer.digest, 20, what="the newer release to be noticed")
        wait_until(lambda: kept.read_text() == newer.to_json(), 20, what="the newer release to be kept")
    again.stop()


@pytest.mark.parametrize("left", [None, "", "{}", "[1]"])
def test_without_a_database_and_without_what_was_kept_nothing_starts(
    own_postgres: PostgresServer, tmp_path: Path, left: str | None
) -> None:
    own_postgres.stop()
    engine = make_engine(own_postgres.url())
    kept = tmp_path / "release.json"
    if left is not None:
        kept.write_text(left)
    with pytest.raises(OperationalError):
        ReleaseWatch(engine, kept=kept)
    engine.dispose()


def test_a_folder_that_may_not_be_written_does_no_harm(engine: Engine, tmp_path: Path) -> None:
    watch = ReleaseWatch(engine, kept=tmp_path / "nowhere/release.json")
    assert watch().digest == make_definitions().digest
