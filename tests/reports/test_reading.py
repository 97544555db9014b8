"""Reports read one state of the database and change nothing."""

import pytest
from sqlalchemy import func, insert, select, update
from sqlalchemy.exc import DBAPIError

from nurture.adapters.database.engine import make_engine
from nurture.adapters.database.tables import people
from nurture.errors import SettingsError, Unavailable
from nurture.reports.reading import snapshot
from tests.support.events import form, page
from tests.support.installation import Installation
from tests.support.servers import PostgresServer


def test_what_is_written_meanwhile_is_not_seen(installation: Installation) -> None:
    installation.happen(page("/a", "first"))
    count = select(func.count()).select_from(people)
    with snapshot(installation.engine) as connection:
        assert connection.scalar(count) == 1
        installation.happen(page("/b", "second"))
        assert connection.scalar(count) == 1
    with snapshot(installation.engine) as connection:
        assert connection.scalar(count) == 2


def test_a_report_holds_nobody_up(installation: Installation) -> None:
    installation.happen(form("ana@acme.test"))
    with snapshot(installation.engine) as connection:
        connection.execute(select(people)).all()
        installation.happen(form("ana@acme.test", job_title="Head"))
    assert installation.person("ana@acme.test").fit == 45


def test_a_connection_writes_again_after_a_report_has_used_it(installation: Installation) -> None:
    for _ in range(5):
        with snapshot(installation.engine) as connection:
            connection.execute(select(people)).all()
        with installation.engine.begin() as connection:
            connection.execute(update(people).values(fit=1))


def test_a_report_cannot_write_by_mistake__postgresql(postgresql_url: str) -> None:
    engine = make_engine(postgresql_url)
    with pytest.raises(DBAPIError, match="read-only transaction"), snapshot(engine) as connection:
        connection.execute(insert(people).values(id=1))
    engine.dispose()


def test_a_database_without_tables_is_said_to_be_one(empty_database_url: str) -> None:
    engine = make_engine(empty_database_url)
    with pytest.raises(SettingsError, match="nurture db upgrade"), snapshot(engine) as connection:
        connection.execute(select(people)).all()
    engine.dispose()


def test_a_database_that_is_away_is_unavailable(own_postgres: PostgresServer) -> None:
    engine = make_engine(own_postgres.create_database())
    own_postgres.stop()
    with pytest.raises(Unavailable), snapshot(engine) as connection:
        connection.execute(select(people)).all()
    engine.dispose()
