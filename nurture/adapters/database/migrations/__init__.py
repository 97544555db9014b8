"""Alembic's migrations, run by `nurture up` and `nurture db upgrade`; no ini file, the engine is handed in."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text

from nurture.adapters.database import revisions as revisions_known

#: Two processes that start at once must not migrate at once (PostgreSQL; SQLite's BEGIN IMMEDIATE does the same).
_ADVISORY_LOCK = 7_224_001


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.set_main_option("path_separator", "os")
    config.set_main_option("version_locations", str(revisions_known.VERSIONS))
    config.attributes["connection"] = connection
    return config


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Bring a database to a revision, the newest if none is named; nothing happens if it is there already."""
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
        command.upgrade(_config(connection), revision)


def revisions(engine: Engine) -> tuple[str | None, str | None]:
    """The revision a database stands at (None: empty) and the newest there is."""
    with engine.connect().execution_options(reading=True) as connection:
        current = MigrationContext.configure(connection).get_current_revision()
    return current, ScriptDirectory.from_config(_config()).get_current_head()
