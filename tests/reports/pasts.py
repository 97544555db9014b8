"""Pasts that many tests only look at: each is absorbed once, on each kind of database, and kept for the session."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from redis import Redis

from nurture.adapters.database.engine import make_engine
from tests.reports.history import business, told_at_random, told_by_hand
from tests.support.databases import PostgresDatabases, SqliteFiles
from tests.support.installation import Installation
from tests.support.servers import RedisServer
from tests.support.smtp import SmtpSink
from tests.support.waiting import MovableClock

PASTS: Final[Mapping[str, Callable[[Installation], None]]] = {
    "by hand": told_by_hand,
    "at random 1": lambda installation: told_at_random(installation, seed=1),
    "at random 2": lambda installation: told_at_random(installation, seed=2),
}


class Pasts:
    """Makes each past when it is first asked for."""

    def __init__(self, sqlite: SqliteFiles, postgres: PostgresDatabases, redis: RedisServer, folder: Path) -> None:
        self._sqlite, self._postgres, self._redis, self._folder = sqlite, postgres, redis, folder
        self._made: dict[tuple[str, str], Installation] = {}

    def of(self, backend: str, name: str) -> Installation:
        if (backend, name) not in self._made:
            self._made[backend, name] = self._make(backend, name)
        return self._made[backend, name]

    def close(self) -> None:
        for installation in self._made.values():
            installation.engine.dispose()

    def _make(self, backend: str, name: str) -> Installation:
        file = self._folder / f"{name}.db"
        url = self._sqlite.copy_to(file) if backend == "sqlite" else self._postgres.copy()
        self._redis.flush()
        with SmtpSink() as sink:
            installation = Installation(make_engine(url), Redis.from_url(self._redis.url), MovableClock(), sink)
            installation.apply(business())
            PASTS[name](installation)
        return installation
