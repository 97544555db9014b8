"""Connections: SQLite in WAL mode with writers that lock at BEGIN, or PostgreSQL through psycopg."""

import time
from datetime import UTC, datetime
from typing import Any, Final

from pydantic_core import from_json
from sqlalchemy import URL, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, InvalidatePoolError

from nurture.domain.measuring.days import local_day
from nurture.errors import SettingsError

#: `PRAGMA`s of every SQLite connection. FULL: a commit survives a power cut, at no cost when rows come in batches.
_SQLITE_PRAGMAS = (
    "journal_mode=WAL", "synchronous=FULL", "busy_timeout=10000", "foreign_keys=ON", "temp_store=MEMORY",
    "cache_size=-65536",
)  # fmt: skip

#: Seconds after which engine and PostgreSQL give each other up when the other's machine acknowledges nothing.
SILENCE: Final = 15.0

#: Seconds after which a worker's connection that lay idle is asked whether the server is still there before it is used.
_FRESH: Final = 1.0


def make_engine(url: str, *, pool_size: int = 2, busy: bool = False, silence: float = SILENCE) -> Engine:
    """An engine for `url`; raises SettingsError for a scheme that is neither sqlite nor postgresql.

    A PostgreSQL on a machine that acknowledges nothing for `silence` seconds counts as gone, and so does this process for it.

    Before a connection is used it is asked whether the server is still there. For a `busy` worker, whose tasks come again when a
    transaction fails, that would be a round trip more for each of many short transactions: one used a moment ago is not asked.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise SettingsError("NURTURE_DATABASE_URL is no database URL; write postgresql://user:password@host/name") from None
    if parsed.get_backend_name() == "sqlite":
        return _sqlite(url)
    if parsed.get_backend_name() == "postgresql":
        return _postgresql(parsed, pool_size, silence, busy=busy)
    raise SettingsError(f"NURTURE_DATABASE_URL names {parsed.get_backend_name()!r}; the engine speaks sqlite and postgresql")


def _postgresql(url: URL, pool_size: int, silence: float, *, busy: bool) -> Engine:
    engine = create_engine(
        url.set(drivername="postgresql+psycopg"), pool_size=pool_size, max_overflow=2, pool_pre_ping=not busy, hide_parameters=True,
        json_deserializer=from_json, connect_args={"connect_timeout": 5, "application_name": "nurture", **_heard_by_us(silence)},
    )  # fmt: skip
    # By default PostgreSQL thinks of disks that turn, and reads a whole table rather than the hundred rows that a batch is about.
    prepared = "; ".join(f"SET {name} = {value}" for name, value in {"random_page_cost": 1.1, **_heard_by_them(silence)}.items())

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        connection.execute(prepared)
        connection.commit()

    if busy:
        _ping_what_lay_idle(engine)
    return engine


def _heard_by_us(silence: float) -> dict[str, int]:
    """What notices, on our side, that the server's machine is gone: by default that takes a quarter of an hour, or two hours."""
    every = _probes(silence)
    return {
        "keepalives_idle": every, "keepalives_interval": every, "keepalives_count": 2, "tcp_user_timeout": int(silence * 1_000),
    }  # fmt: skip


def _heard_by_them(silence: float) -> dict[str, int]:
    """The same on the server's side, where the transaction of a host that was cut off holds its rows until somebody notices."""
    every = _probes(silence)
    return {
        "tcp_keepalives_idle": every, "tcp_keepalives_interval": every, "tcp_keepalives_count": 2,
        "tcp_user_timeout": int(silence * 1_000),
    }  # fmt: skip


def _probes(silence: float) -> int:
    """Seconds between two questions whether somebody is there, and before the first."""
    return max(1, round(silence / 3))


def _ping_what_lay_idle(engine: Engine) -> None:
    @event.listens_for(engine, "checkin")
    def _lay_down(_connection: Any, record: Any) -> None:
        record.info["idle_since"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def _look_whether_it_lives(connection: Any, record: Any, _proxy: Any) -> None:
        if time.monotonic() - record.info.get("idle_since", time.monotonic()) < _FRESH:
            return
        try:
            engine.dialect.do_ping(connection)
        except Exception as error:
            raise InvalidatePoolError from error  # the pool makes new ones


def _sqlite(url: str) -> Engine:
    engine = create_engine(url, connect_args={"timeout": 10}, hide_parameters=True, json_deserializer=from_json)

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # pysqlite's own BEGIN is too late and too weak
        for pragma in _SQLITE_PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")
        connection.create_function("local_day", 2, _local_day, deterministic=True)

    @event.listens_for(engine, "begin")
    def _lock_at_begin(connection: Any) -> None:
        # A transaction that reads first and writes later would fail with "database is locked" instead of waiting.
        reading = connection.get_execution_options().get("reading", False)
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")

    return engine


def _local_day(at: str | None, timezone: str) -> int | None:
    """What SQLite does not know of itself; see `dialect.local_day`."""
    return local_day(datetime.fromisoformat(at).replace(tzinfo=UTC), timezone) if at is not None else None
