"""What a piece of work costs: time, and the CPU of this process and of PostgreSQL."""

import re
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import Engine, event, text

from benchmarks.machine import cpu_seconds
from nurture.adapters.database.tables import metadata

_TABLE: Final = re.compile(rf"\b(?:FROM|INTO|UPDATE|JOIN)\s+({'|'.join(metadata.tables)})\b")


@lru_cache(maxsize=1_000)
def kind_of(statement: str) -> str:
    """What a statement does, and to which table first: `SELECT events`."""
    verb, found = statement.split(None, 1)[0].upper(), _TABLE.search(statement)
    return f"{verb} {found[1]}" if found else verb


@dataclass
class Cost:
    """What was spent. Seconds, but for the number of statements and the bytes of PostgreSQL's log of writes."""

    wall: float = 0.0
    engine_cpu: float = 0.0
    postgres_cpu: float = 0.0
    statements: int = 0
    wal: int = 0

    @property
    def cpu(self) -> float:
        """Of the process that absorbs and of all of PostgreSQL's together, those that clean up behind it included."""
        return self.engine_cpu + self.postgres_cpu


class Meter:
    """Reads what this process and PostgreSQL have spent so far. Without a server of its own (SQLite) only this process.

    `waits` are the seconds spent waiting for answers so far, by the kind of statement.
    """

    def __init__(self, engine: Engine, postmaster: int | None = None) -> None:
        self._engine = engine
        self._postmaster = postmaster
        self._statements = 0
        self._asked = 0.0
        self.waits: dict[str, float] = defaultdict(float)
        event.listen(engine, "before_cursor_execute", self._ask)
        event.listen(engine, "after_cursor_execute", self._hear)

    def _ask(self, *_: Any) -> None:
        self._statements += 1
        self._asked = time.perf_counter()

    def _hear(self, _connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        self.waits[kind_of(statement)] += time.perf_counter() - self._asked

    @contextmanager
    def into(self, cost: Cost) -> Iterator[None]:
        """Add to `cost` what is spent in the block."""
        before = self._reading()
        yield
        for name, now in asdict(self._reading()).items():
            setattr(cost, name, getattr(cost, name) + now - getattr(before, name))

    def _reading(self) -> Cost:
        spent = Cost(time.perf_counter(), time.process_time(), statements=self._statements)
        if self._postmaster is not None:
            spent.postgres_cpu = cpu_seconds(self._postmaster)
        return spent

    def wal_position(self) -> int:
        if self._postmaster is None:
            return 0
        with self._engine.connect() as connection:
            return int(connection.scalar(text("SELECT pg_current_wal_lsn() - '0/0'::pg_lsn")) or 0)

    def database_bytes(self) -> int:
        with self._engine.connect() as connection:
            return int(connection.scalar(text("SELECT pg_database_size(current_database())")) or 0)
