"""The migrations lead to the schema that the code speaks of."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import select, text

from nurture.adapters.database.engine import make_engine
from nurture.adapters.database.migrations import revisions, upgrade
from nurture.adapters.database.tables import identifiers, metadata, people


def test_an_empty_database_is_brought_to_the_schema_of_the_tables(empty_database_url: str) -> None:
    engine = make_engine(empty_database_url)
    upgrade(engine)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": False})
        assert compare_metadata(context, metadata) == []
    current, newest = revisions(engine)
    assert current == newest
    engine.dispose()


def test_upgrading_twice_changes_nothing(empty_database_url: str) -> None:
    engine = make_engine(empty_database_url)
    assert revisions(engine)[0] is None
    upgrade(engine)
    upgrade(engine)
    assert revisions(engine)[0] is not None
    engine.dispose()


def test_rows_of_the_first_schema_come_along(empty_database_url: str) -> None:
    engine = make_engine(empty_database_url)
    upgrade(engine, "0001")
    at = "2026-03-02 09:00:00"
    person = f"1, 'lead', '{at}', 'ana@acme.test', '{{}}', 0, 0, 'D', '{at}', '{at}'"
    with engine.begin() as connection:
        connection.execute(
            text(
                f"INSERT INTO people (id, stage, stage_since, email, attributes, heat, fit, grade, first_seen_at, seen_at) VALUES ({person})"
            )
        )
        connection.execute(
            text(
                f"INSERT INTO identifiers (kind, value, person_id, source, first_seen_at) VALUES ('email', 'ana@acme.test', 1, 'form:guide', '{at}')"
            )
        )
    upgrade(engine)
    with engine.connect() as connection:
        [row] = connection.execute(select(people))
        assert (row.acted, row.by_hand, row.heats, row.recount_at) == (True, False, None, None)
        [held] = connection.execute(select(identifiers))
        assert (held.assurance, held.linked_at, held.last_seen_at) == ("claimed", row.first_seen_at, row.first_seen_at)
    engine.dispose()
