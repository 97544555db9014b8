"""The database: whether its tables are those of this engine, whether it keeps what it is given, and what slows it down."""

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, inspect, text
from sqlalchemy.engine.reflection import Inspector

from nurture.adapters.database.tables import metadata
from nurture.reports.doctor.examining import Check
from nurture.reports.doctor.finding import Book, Code, Finding
from nurture.reports.doctor.patient import Patient
from nurture.reports.doctor.redis_area import is_older
from nurture.reports.reading_store import read_migrations
from nurture.reports.wording import counted, length, size

_LEAST_POSTGRESQL: Final = (14,)
_LEAST_SQLITE: Final = (3, 38)

#: A transaction that is open for so long keeps the dead rows of everybody. Seconds.
_LONG: Final = 300.0

#: A table is bloated whose dead rows are so many, and such a share of all.
_DEAD: Final = (100_000, 0.3)

#: Of the connections that a server takes, so many in use are nearly all.
_NEARLY: Final = 0.85

#: After two thousand million transactions PostgreSQL stops; autovacuum begins to fight it at a tenth of that.
_OLD: Final = 1_000_000_000

#: quick_check reads the whole file: beyond this it takes longer than anybody waits.
_LARGE: Final = 500_000_000

#: A log that is never folded back into the file means that somebody reads on and on.
_LARGE_LOG: Final = 500_000_000

BOOK: Final = Book(
    "database",
    {
        "database-old": Code("error", "The database server is too old for what the engine asks of it.", "update it"),
        "tables-differ": Code(
            "error",
            "A table or a column is missing although the revision says that it is there.",
            "somebody changed the schema by hand; put back what is missing, or restore a copy",
        ),
        "index-missing": Code(
            "warning",
            "An index is missing: what it serves reads whole tables, the more slowly the more people there are.",
            "make it anew as the migrations name it",
        ),
        "index-invalid": Code(
            "warning",
            "An index is invalid (its making was broken off): it costs time at each write and serves nobody.",
            "make it anew",
            'psql "$NURTURE_DATABASE_URL" -c "REINDEX INDEX CONCURRENTLY {about}"',
        ),
        "database-read-only": Code(
            "error",
            "The database takes no writes: it is a standby, or set to read only.",
            "let NURTURE_DATABASE_URL name the primary",
        ),
        "database-forgets": Code(
            "warning",
            "The database answers before its data is on the disk: a power cut loses what was told to be stored.",
            "set fsync and synchronous_commit to on",
        ),
        "isolation-changed": Code(
            "warning",
            "Transactions begin with another isolation level than the engine was written for.",
            "set default_transaction_isolation to 'read committed' for the engine's user",
        ),
        "autovacuum-off": Code(
            "warning",
            "Nobody removes dead rows, so tables and indexes only grow.",
            "set autovacuum and track_counts to on",
        ),
        "table-bloated": Code(
            "warning",
            "A table holds more dead rows than autovacuum keeps up with.",
            "see whether a long transaction keeps them; let autovacuum come more often, or vacuum by hand",
            'psql "$NURTURE_DATABASE_URL" -c "VACUUM (ANALYZE) {about}"',
        ),
        "transaction-open": Code(
            "warning",
            "A transaction is open for minutes. What it has seen cannot be cleaned up, and what it holds nobody else gets.",
            "find who began it; set idle_in_transaction_session_timeout, or end it",
            'psql "$NURTURE_DATABASE_URL" -c "SELECT pg_terminate_backend({about})"',
        ),
        "connections-short": Code(
            "warning",
            "Nearly all connections of the server are taken; the next process gets none.",
            "raise max_connections, or put a pooler before it",
        ),
        "wraparound-near": Code(
            "error",
            "The database has not been frozen for very many transactions; before long it takes none at all.",
            "let somebody who knows PostgreSQL vacuum it now",
            'psql "$NURTURE_DATABASE_URL" -c "VACUUM (FREEZE)"',
        ),
        "encoding-narrow": Code(
            "error", "The database does not hold every letter.", "make a database with ENCODING 'UTF8' and move the data there"
        ),
        "database-damaged": Code(
            "error",
            "The SQLite file is damaged.",
            "stop the engine and restore a copy; `sqlite3 FILE .recover` saves what can be read",
        ),
        "journal-mode": Code(
            "error",
            "The SQLite file is not in WAL mode, so that readers and writers stop each other.",
            "let the file lie on a disk of this machine; network file systems cannot do it",
        ),
        "log-large": Code(
            "warning",
            "The log of SQLite is not folded back into the file, because somebody never ends reading.",
            "end the program that keeps the file open",
        ),
    },
)  # fmt: skip


class Activity(NamedTuple):
    """A transaction of PostgreSQL, open for so many seconds."""

    pid: int
    program: str
    state: str
    seconds: float


class Bloat(NamedTuple):
    """The rows of a table, the dead and the living."""

    table: str
    dead: int
    live: int


class Server(NamedTuple):
    """What PostgreSQL tells of itself."""

    version: str
    settings: dict[str, str]
    encoding: str
    standby: bool
    invalid: Collection[str]
    bloat: Collection[Bloat]
    activities: Collection[Activity]
    connections: int
    age: int


class File(NamedTuple):
    """What SQLite tells of its file. `damage` is empty where there is none, None where it was not looked for."""

    version: str
    mode: str
    bytes: int
    log_bytes: int
    damage: str | None


def look_at_tables(patient: Patient) -> Iterator[Finding]:
    """Whether there are the tables, columns and indexes that this engine knows."""
    with patient.reading() as connection:
        migrations = read_migrations(connection)
        if migrations.revision is None or migrations.revision < migrations.newest:
            yield BOOK.unknown("the tables", "they are older than this engine")
            return
        found = [*_missing(inspect(connection))]
    yield from found or [BOOK.fine(f"tables of revision {migrations.revision}, with all their indexes")]


def _missing(inspector: Inspector) -> Iterator[Finding]:
    there = set(inspector.get_table_names())
    for name, table in sorted(metadata.tables.items()):
        if name not in there:
            yield BOOK("tables-differ", f"there is no table {name}")
            continue
        columns = {column["name"] for column in inspector.get_columns(name)}
        for column in table.columns:
            if column.name not in columns:
                yield BOOK("tables-differ", f"{name} has no column {column.name}")
        indexes = {index["name"] for index in inspector.get_indexes(name)}
        for index in sorted(str(index.name) for index in table.indexes):
            if index not in indexes:
                yield BOOK("index-missing", f"{name} has no index {index}")


def look_at_server(patient: Patient) -> Iterator[Finding]:
    """Whether the server keeps what it is given, and what slows it down."""
    with patient.reading() as connection:
        if connection.dialect.name == "postgresql":
            found = [*judge_server(_server(connection), production=patient.settings.production)]
        else:
            found = [*judge_file(_file(connection))]
    yield from found


_ASKED: Final = (
    "fsync", "synchronous_commit", "default_transaction_isolation", "autovacuum", "track_counts", "max_connections",
    "default_transaction_read_only",
)  # fmt: skip


def _server(connection: Connection) -> Server:
    def rows(statement: str, **given: Any) -> list[Any]:
        return list(connection.execute(text(statement), given))

    # reset_val is what a session begins with; the transaction that asks has an isolation level of its own.
    told = rows("SELECT name, reset_val FROM pg_settings WHERE name = ANY(:names)", names=list(_ASKED))
    activities = rows(
        "SELECT pid, coalesce(application_name, ''), coalesce(state, ''), extract(epoch FROM clock_timestamp() - xact_start)"
        " FROM pg_stat_activity WHERE xact_start IS NOT NULL AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        " AND datname = current_database()"
    )
    bloat = rows("SELECT relname, n_dead_tup, n_live_tup FROM pg_stat_user_tables")
    invalid = rows("SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid ORDER BY 1")
    [(version, encoding, standby, connections, age)] = rows(
        "SELECT current_setting('server_version'), pg_encoding_to_char(encoding), pg_is_in_recovery(),"
        " (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'), age(datfrozenxid)"
        " FROM pg_database WHERE datname = current_database()"
    )
    return Server(
        version, dict(told), encoding, standby, [name for (name,) in invalid],
        [Bloat(*row) for row in bloat], [Activity(pid, program, state, float(open_for)) for pid, program, state, open_for in activities], connections, age,
    )  # fmt: skip


def judge_server(server: Server, *, production: bool) -> Iterator[Finding]:
    """What is wrong with a PostgreSQL."""
    found = [*_in_settings(server, production=production), *_in_activity(server)]
    if is_older(server.version, _LEAST_POSTGRESQL):
        found.append(BOOK("database-old", f"PostgreSQL is {server.version}; the engine wants {_LEAST_POSTGRESQL[0]} or later"))
    if server.encoding != "UTF8":
        found.append(BOOK("encoding-narrow", f"the database's encoding is {server.encoding}"))
    found += [BOOK("index-invalid", f"the index {name} is invalid", name) for name in server.invalid]
    least, share = _DEAD
    for table, dead, live in server.bloat:
        if dead >= least and dead > share * (dead + live):
            found.append(BOOK("table-bloated", f"{table} holds {dead} dead rows beside {live} living", table))
    if server.age > _OLD:
        found.append(BOOK("wraparound-near", f"the oldest row that is not frozen is {server.age} transactions old"))
    yield from found or [BOOK.fine(f"PostgreSQL {server.version}, {counted(server.connections, 'connection')}")]


def _in_settings(server: Server, *, production: bool) -> Iterator[Finding]:
    said = server.settings
    if server.standby or said.get("default_transaction_read_only") == "on":
        yield BOOK("database-read-only", "the database is a standby" if server.standby else "transactions begin read only")
    unsafe = [name for name in ("fsync", "synchronous_commit") if said.get(name) == "off"]
    if unsafe:
        yield BOOK("database-forgets", f"{' and '.join(unsafe)} off", level=None if production else "note")
    isolation = said.get("default_transaction_isolation", "read committed")
    if isolation != "read committed":
        yield BOOK("isolation-changed", f"transactions begin as {isolation}")
    off = [name for name in ("autovacuum", "track_counts") if said.get(name) == "off"]
    if off:
        yield BOOK("autovacuum-off", f"{' and '.join(off)} off")


def _in_activity(server: Server) -> Iterator[Finding]:
    for pid, program, state, seconds in server.activities:
        if seconds > _LONG:
            what = f"a transaction of {program or 'somebody'} (pid {pid}, {state}) is open for {length(seconds)}"
            yield BOOK("transaction-open", what, str(pid))
    most = int(server.settings.get("max_connections", 0))
    if most and server.connections > _NEARLY * most:
        yield BOOK("connections-short", f"{server.connections} of {most} connections are taken")


def _file(connection: Connection) -> File:
    def one(statement: str) -> Any:
        return connection.exec_driver_sql(statement).scalar()

    length_of_file = int(one("PRAGMA page_count")) * int(one("PRAGMA page_size"))
    damage = None
    if length_of_file <= _LARGE:
        told = str(one("PRAGMA quick_check(1)"))
        damage = "" if told == "ok" else told
    path = connection.engine.url.database
    return File(str(one("SELECT sqlite_version()")), str(one("PRAGMA journal_mode")), length_of_file, _log_bytes(path), damage)


def _log_bytes(path: str | None) -> int:
    log = Path(f"{path}-wal")
    return log.stat().st_size if path and log.exists() else 0


def judge_file(file: File) -> Iterator[Finding]:
    """What is wrong with an SQLite file."""
    found = []
    if is_older(file.version, _LEAST_SQLITE):
        least = ".".join(str(each) for each in _LEAST_SQLITE)
        found.append(BOOK("database-old", f"SQLite is {file.version}; the engine wants {least} or later"))
    if file.damage:
        found.append(BOOK("database-damaged", f"SQLite finds: {file.damage[:200]}"))
    if file.mode.lower() != "wal":
        found.append(BOOK("journal-mode", f"the journal mode is {file.mode}"))
    if file.log_bytes > _LARGE_LOG:
        found.append(BOOK("log-large", f"the log holds {size(file.log_bytes)}"))
    whole = "whole" if file.damage == "" else "too large to be looked through"
    yield from found or [BOOK.fine(f"SQLite {file.version}, {size(file.bytes)}, {whole}")]


CHECKS: Final = (
    Check("database", "the tables", look_at_tables, patience=3),
    Check("database", "the database server", look_at_server, patience=3),
)
