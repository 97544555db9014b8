"""What commands that look at people need: the database, the definitions in force, and the present instant."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from nurture.cli.common import load_settings

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Engine

    from nurture.adapters.database.store import Database
    from nurture.domain.definitions import Definitions
    from nurture.ports import Clock


class Installation(NamedTuple):
    """An installation at one instant."""

    engine: "Engine"
    definitions: "Definitions"
    at: "datetime"
    database: "Database"
    clock: "Clock"


@contextmanager
def in_force() -> Iterator[Installation]:
    """The installation that the environment names; raises NurtureError when nothing is in force or the database is away."""
    from nurture import bootstrap
    from nurture.reports.reading import snapshot

    settings = load_settings()
    database = bootstrap.database(settings)
    try:
        with snapshot(database.engine) as connection:
            definitions = database.releases.current(connection)
        clock = bootstrap.clock(settings)
        yield Installation(database.engine, definitions, clock.now(), database, clock)
    finally:
        database.engine.dispose()
