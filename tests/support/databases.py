"""Databases with the engine's schema, made once and copied for each test."""

import shutil
from pathlib import Path

from sqlalchemy import Engine

from nurture.adapters.database.engine import make_engine
from nurture.adapters.database.migrations import upgrade
from nurture.adapters.database.tables import metadata
from tests.support.servers import PostgresServer


def create_schema(url: str) -> None:
    """Give an empty database the engine's tables."""
    engine = make_engine(url)
    try:
        upgrade(engine)
    finally:
        engine.dispose()


class SqliteFiles:
    """Databases in files: the first is made, the others are copies of it."""

    def __init__(self, folder: Path) -> None:
        self._template = folder / "template.db"
        create_schema(f"sqlite:///{self._template}")

    def copy_to(self, path: Path) -> str:
        """A database at `path`, and its URL."""
        shutil.copyfile(self._template, path)
        return f"sqlite:///{path}"


class PostgresDatabases:
    """Databases of one server: the first is made, the others are copies of it."""

    def __init__(self, server: PostgresServer) -> None:
        self._server = server
        url = server.create_database()
        create_schema(url)
        self._template = url.rpartition("/")[2]

    def copy(self) -> str:
        """A new database, and its URL."""
        return self._server.create_database(self._template)

    def drop(self, url: str) -> None:
        self._server.drop_database(url)


def empty(engine: Engine) -> None:
    """Delete every row of a database with the engine's tables."""
    with engine.begin() as connection:
        for table in reversed(metadata.sorted_tables):
            connection.execute(table.delete())
