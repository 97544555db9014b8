"""On what a figure was measured: without it no figure means anything."""

import os
import platform
import subprocess
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol

from benchmarks.laboratory import ROOT
from tests.support.servers import PostgresServer, RedisServer

_PACKAGES = ("celery", "fastapi", "psycopg", "pydantic", "redis", "sqlalchemy", "starlette", "uvicorn", "uvloop")


class Servers(Protocol):
    """Whoever runs both."""

    redis: RedisServer
    postgres: PostgresServer


def describe(laboratory: Servers) -> dict[str, Any]:
    """Date, commit, machine, servers and packages."""
    with laboratory.redis.client() as client, laboratory.postgres.connect() as connection:
        servers: Any = client.info("server")
        redis_name = "Valkey" if "valkey_version" in servers else "Redis"
        return {
            "measured": datetime.now(UTC).isoformat(timespec="minutes"),
            "commit": _commit(),
            "machine": {
                "cores": os.cpu_count(),
                "processor": _processor(),
                "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9),
                "system": f"{platform.system()} {platform.release()}",
                "load_before": round(os.getloadavg()[0], 2),
            },
            "servers": {
                redis_name: servers.get("valkey_version") or servers["redis_version"],
                "PostgreSQL": connection.info.parameter_status("server_version"),
            },
            "python": platform.python_version(),
            "packages": {name: version(name) for name in _PACKAGES},
        }


def _commit() -> str:
    try:
        commit = _git("rev-parse", "--short=12", "HEAD")
        return f"{commit} with changes" if _git("status", "--porcelain") else commit
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _git(*words: str) -> str:
    return subprocess.run(["git", *words], cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def cpu_seconds(pid: int) -> float:
    """What a process, its children and those that ended have had of the processor so far; zero where the system does not say."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
        own, ended = _ticks(pid)
    except OSError:
        return 0.0
    living = 0
    for child in children:
        with suppress(OSError):  # it has just ended, and will be found among those
            living += sum(_ticks(int(child)))
    return (own + ended + living) / os.sysconf("SC_CLK_TCK")


def _ticks(pid: int) -> tuple[int, int]:
    """The ticks a process had, and those of its children that ended (proc(5), fields 14 to 17 of `stat`)."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    user, system, ended_user, ended_system = map(int, fields[11:15])
    return user + system, ended_user + ended_system
