"""The migrations lead to the schema that the code speaks of."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from nurture.adapters.database.engine import make_engine
from nurture.adapters.database.migrations import revisions, upgrade
from nurture.adapters.database.tables import metadata


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
