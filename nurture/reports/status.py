"""How the engine is doing: what `nurture status` prints, and what its exit code means.

`down`: the database or Redis is away, or no worker runs, so nothing moves. `degraded`: it moves, but something needs a human.
Facts are read by `reading_redis` and `reading_store`, held in `facts`, judged by `diagnosis`, and put in order by `problems`.

Two clocks are read. What concerns steps and mails is measured by the engine's clock (`at`), which tests and the demo move;
what concerns processes by the clock of Redis, on which signs of life rest.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Final, Literal

from pydantic import Field
from redis import Redis
from redis.exceptions import BusyLoadingError, RedisError
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError, OperationalError

from nurture.adapters.journal import standing
from nurture.errors import NurtureError, SettingsError
from nurture.reports import diagnosis
from nurture.reports.facts import Disk, Journal, Migrations, Store, Stream
from nurture.reports.figures import Figures
from nurture.reports.problems import Problem, ordered, problem
from nurture.reports.reading import snapshot
from nurture.reports.reading_redis import read_stream
from nurture.reports.reading_store import read_migrations, read_store

Verdict = Literal["healthy", "degraded", "down"]
EXIT_CODES: Final[Mapping[Verdict, int]] = {"healthy": 0, "degraded": 1, "down": 2}


#: Where web processes keep their journals, in the data folder.
JOURNAL_FOLDER: Final = "journal"


class Status(Figures):
    """Everything at once; `stream` or `store` is null while Redis or the database does not answer."""

    verdict: Verdict
    problems: tuple[Problem, ...] = Field(description="What is wrong; causes before what follows from them.")
    at: datetime = Field(description="When it was asked, by the engine's clock.")
    stream: Stream | None
    store: Store | None
    disk: Disk | None = Field(None, description="The disk of the data folder of this machine; null where there is none.")
    journal: Journal | None = Field(None, description="What this machine's web processes keep on disk; null where there is none.")

    @property
    def exit_code(self) -> int:
        return EXIT_CODES[self.verdict]


def status(
    engine: Engine, redis: Redis | None, partitions: int, at: datetime, *, folder: Path | None = None, production: bool = False
) -> Status:
    """How the engine is doing at instant `at`; never raises because a part is away.

    `redis` is None where there is none; `folder` is the data folder of this machine.
    """
    problems: list[Problem] = []
    disk = read_disk(folder) if folder is not None else None
    journal = read_journal(folder) if folder is not None else None
    stream = _ask_redis(redis, partitions, problems)
    store = _ask_database(engine, at, problems)
    if disk is not None:
        problems += diagnosis.in_disk(disk)
    if journal is not None:
        problems += diagnosis.in_journal(journal, at)
    if stream is not None:
        problems += diagnosis.in_stream(stream, production=production)
    if store is not None:
        problems += diagnosis.in_store(store)
    verdict: Verdict = "down" if any(each.down for each in problems) else "degraded" if problems else "healthy"
    return Status(verdict=verdict, problems=ordered(problems), at=at, stream=stream, store=store, disk=disk, journal=journal)


def _ask_redis(redis: Redis | None, partitions: int, problems: list[Problem]) -> Stream | None:
    try:
        if redis is not None:
            return read_stream(redis, partitions)
        why = "there is none"
    except BusyLoadingError:
        problems.append(problem("redis-loading", "Redis reads its data back from the disk"))
        return None
    except (RedisError, OSError) as error:
        why = type(error).__name__
    problems.append(problem("redis-away", f"Redis does not answer ({why})"))
    return None


def _ask_database(engine: Engine, at: datetime, problems: list[Problem]) -> Store | None:
    migrations = None
    try:
        with snapshot(engine) as connection:
            migrations = read_migrations(connection)
            return read_store(connection, migrations, at)
    except (NurtureError, DBAPIError) as error:
        problems += _in_database(error, migrations)
    return None


def _in_database(error: Exception, migrations: Migrations | None) -> Iterator[Problem]:
    """Why the database could not be read. SQLite calls a missing column an operational error, as it does a missing file."""
    if migrations is not None and migrations.revision is not None and migrations.revision != migrations.newest:
        yield from diagnosis.in_migrations(migrations, down=True)
    elif isinstance(error, SettingsError):
        yield problem("schema-missing", "the database has no tables yet")
    elif isinstance(error, NurtureError | OperationalError):
        yield problem("database-away", "the database does not answer")
    else:
        why = type(error.orig).__name__ if isinstance(error, DBAPIError) else type(error).__name__
        yield problem("database-odd", f"the database answers oddly ({why})")


def read_disk(folder: Path) -> Disk | None:
    """The disk that a folder lies on, or will lie on once it is made; None where that cannot be told."""
    there = next((each for each in (folder.absolute(), *folder.absolute().parents) if each.exists()), None)
    if there is not None:
        with suppress(OSError, AttributeError):
            told = os.statvfs(there)
            files = told.f_favail if told.f_files else None  # some file systems make as many as they need
            return Disk(free=told.f_bavail * told.f_frsize, total=told.f_blocks * told.f_frsize, free_files=files)
    return None


def read_journal(folder: Path) -> Journal | None:
    """What waits in the journals of a data folder; None where no web process ever kept one."""
    there = folder / JOURNAL_FOLDER
    if not there.is_dir():
        return None
    found = standing(there)
    return Journal(events=found.events, bytes=found.bytes, oldest=found.oldest, bound=found.bound)
