"""What commands that look at people need: the database, the definitions in force, and the present instant."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from nurture.cli.common import load_settings

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Engine

    from nurture.domain.definitions import Definitions


class Installation(NamedTuple):
    """An installation at one instant."""

    engine: "Engine"
    definitions: "Definitions"
    at: "datetime"


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
        yield Installation(database.engine, definitions, bootstrap.clock(settings).now())
    finally:
        database.engine.dispose()
