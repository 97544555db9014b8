"""`python -m benchmarks.memory [--minutes N] [--json FILE]`: does the engine grow while it works for an hour? And what it weighs.

All processes that the Procfile and `nurture up` start (web, two workers of two processes each, beat) stand beside all of the twin (its
web process and one worker of two processes). What is told is the sum of their PSS: a page that several share counts once. Redis,
PostgreSQL and whoever makes the load are in neither. At full load 64 connections send events as fast as they are answered, and the
workers absorb; on top of it people download a guide from the engine and get a mail, which the twin is spared. A run that lost
or doubled an accepted event, or a mail, has no figure.
"""

import argparse
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from statistics import linear_regression
from subprocess import Popen
from typing import Any, Final

import psycopg
from pydantic import SecretStr
from rich.table import Table

from benchmarks.breakdown import Breakdown
from benchmarks.crowd import accepted
from benchmarks.figure import Figure, Goal
from benchmarks.laboratory import HERE, ROOT, WRITE_KEY, Laboratory, WrongResultError, await_port, same
from benchmarks.mail import Sink
from benchmarks.program import console, run, say
from nurture import bootstrap
from nurture.adapters import redis_keys
from nurture.domain.event import ASSET_DOWNLOADED, EVENT, route_of
from nurture.settings import Settings
from nurture.supervisor.engine import PARTS
from tests.support.waiting import free_port, wait_until

OUT: Final = ROOT / "benchmarks" / "out" / "memory.json"

#: Between two looks at all processes, in seconds: the kernel walks through every page of theirs.
LOOK_EVERY: Final = 1.0

#: At rest is what has changed by less than this share over so many looks.
_STILL, _LOOKS = 0.01, 5

#: People who download the guide, a second.
_LEADS: Final = 20

#: Until a backlog is drained, in seconds.
_PATIENCE: Final = 3_600.0

_SEQUENCE: Final = """\
sequence: asset-follow-up
trigger: {promoted_to: lead, asset: guide}
steps:
  - {id: follow-up, email: follow-up, window: any}
"""


def family(pid: int) -> list[int]:
    """A process and all that descend from it, as far as they live just now."""
    children: list[int] = []
    for told in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children += map(int, told.read_text(encoding="ascii").split())
        except OSError:  # the thread, or the process, has just ended
            continue
    return [pid, *(each for child in children for each in family(child))]


@dataclass(frozen=True)
class Held:
    """What so many processes hold, in MB (PSS, in millions of bytes): what they made themselves, and what they map of files."""

    processes: int
    own: float
    mapped: float

    @property
    def all(self) -> float:
        return self.own + self.mapped


def held_by(pid: int) -> Held:
    """What a process and its descendants hold."""
    told = [rollup for each in family(pid) if (rollup := _rollup(each))]
    own = sum(rollup["Pss_Anon"] for rollup in told) * 1_024 / 1e6
    return Held(len(told), own, sum(rollup["Pss"] for rollup in told) * 1_024 / 1e6 - own)


def _rollup(pid: int) -> dict[str, int]:
    """What Linux sums up of all that a process maps, in kB; nothing of one that has just ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()[1:]
    except OSError:
        return {}
    return {name: int(told.split()[0]) for name, _, told in (line.partition(":") for line in lines)}


def total(held: Mapping[str, Held]) -> float:
    """MB of all processes together."""
    return sum(each.all for each in held.values())


def made_of(held: Mapping[str, Held]) -> Breakdown:
    """The same process by process."""
    columns = ("processes", "their own, MB", "mapped files, MB", "together, MB")
    return Breakdown(columns, {name: (each.processes, each.own, each.mapped, each.all) for name, each in held.items()})


@dataclass
class Weights:
    """What each process held at rest, and at full load when all of them together held most; and at each look under load the seconds
    since it began, and the sum in MB.
    """

    at_rest: dict[str, Held]
    looks: list[tuple[float, float]] = field(default_factory=list)
    at_most: dict[str, Held] = field(default_factory=dict)

    @property
    def rest(self) -> float:
        """The sum at rest."""
        return total(self.at_rest)

    @property
    def full(self) -> float:
        """The most at any look."""
        return max(held for _, held in self.looks)

    @property
    def slope(self) -> float:
        """MB an hour by which it grew, by the straight line through all looks but the first quarter, in which buffers fill."""
        later = self.looks[len(self.looks) // 4 :]
        return linear_regression(*zip(*later, strict=True)).slope * 3_600


class Scales:
    """Weighs named processes with their descendants."""

    def __init__(self, processes: dict[str, Popen[bytes]]) -> None:
        self._processes = processes

    def now(self) -> dict[str, Held]:
        """By process. Raises WrongResultError if one has ended."""
        for name, process in self._processes.items():
            if process.poll() is not None:
                raise WrongResultError(f"{name} ended with exit code {process.returncode}")
        return {name: held_by(process.pid) for name, process in self._processes.items()}

    def at_rest(self) -> dict[str, Held]:
        """Once the sum no longer changes: everybody has imported what they need to wait."""
        found: list[dict[str, Held]] = []

        def is_still() -> bool:
            found.append(self.now())
            last = [total(each) for each in found[-_LOOKS:]]
            return len(last) == _LOOKS and max(last) - min(last) < _STILL * max(last)

        wait_until(is_still, 120, every=LOOK_EVERY, what="the processes to come to rest")
        return found[-1]

    def while_(self, *work: Callable[[], None]) -> tuple[list[tuple[float, float]], dict[str, Held]]:
        """Look every second until all work is done; the sums, and what each process held when the sum was largest."""
        looks, heaviest = list[tuple[float, float]](), dict[str, Held]()
        with ThreadPoolExecutor() as pool:
            begun = time.monotonic()
            working = [pool.submit(each) for each in work]
            while wait(working, timeout=LOOK_EVERY).not_done:
                held = self.now()
                looks.append((time.monotonic() - begun, total(held)))
                heaviest = max(heaviest, held, key=total)
            for each in working:
                each.result()
        return looks, heaviest


class Load:
    """Sends events to a web process for some seconds, and knows how many were accepted."""

    def __init__(self, laboratory: Laboratory, port: int, seconds: float) -> None:
        self._laboratory, self._url, self._seconds = laboratory, f"http://127.0.0.1:{port}/v1/track", seconds
        self.accepted = 0

    def events(self) -> None:
        """As many as are answered; a minute at a time, so that the generator keeps no latencies of an hour."""
        rest = self._seconds
        for minute in count():
            if rest <= 0:
                return
            words = ("--url", self._url, "--prefix", f"m{minute}", "--seconds", str(min(rest, 60.0)), "--write-key", WRITE_KEY)
            self.accepted += int(self._laboratory.answer_of("benchmarks.load", *words)["accepted"])
            rest -= 60.0


class Downloads:
    """People who take the guide, each once, as the web process tells of them; their mails reach a sink."""

    def __init__(self, laboratory: Laboratory, settings: Settings, seconds: float) -> None:
        self._laboratory, self._partitions, self._seconds = laboratory, settings.partitions, seconds
        self.number = 0

    def come(self) -> None:
        until = time.monotonic() + self._seconds
        with self._laboratory.redis.client() as client:
            while time.monotonic() < until:
                event = accepted(self._next(), datetime.now(UTC))
                fields: Any = {redis_keys.FIELD: EVENT.dump_json(event, exclude_defaults=True)}
                client.xadd(redis_keys.events(route_of(event) % self._partitions), fields)
                time.sleep(1 / _LEADS)

    def _next(self) -> dict[str, Any]:
        self.number += 1
        return {
            "messageId": f"download-{self.number}", "event": ASSET_DOWNLOADED, "anonymousId": f"lead-{self.number}",
            "timestamp": datetime.now(UTC).isoformat(), "properties": {"asset": "guide", "gated": True}, "context": {},
        }  # fmt: skip


class Weighing:
    """Starts the engine or the twin, weighs it at rest, then under load, and counts what came of the load."""

    def __init__(self, laboratory: Laboratory, seconds: float) -> None:
        self._laboratory, self._seconds = laboratory, seconds
        self._config = laboratory.folder / "config-with-mail"
        shutil.copytree(HERE / "config", self._config, dirs_exist_ok=True)
        (self._config / "sequences" / "asset-follow-up.yaml").write_text(_SEQUENCE, encoding="utf-8")

    def ours(self) -> Weights:
        laboratory = self._laboratory
        laboratory.redis.flush()
        with laboratory.database() as database, ExitStack() as stack:
            sink = Sink(free_port())
            await_port(stack.enter_context(laboratory.process("benchmarks.sink", str(sink.port), environ={})), sink.port)
            changed = {"smtp_url": SecretStr(f"smtp://127.0.0.1:{sink.port}"), "config_dir": self._config}
            settings = laboratory.settings(database).model_copy(update=changed)
            bootstrap.prepare(settings)
            scales = Scales(dict(self._started(stack, settings)))
            weights = Weights(scales.at_rest())
            load, downloads = Load(laboratory, settings.port, self._seconds), Downloads(laboratory, settings, self._seconds)
            weights.looks, weights.at_most = scales.while_(load.events, downloads.come)
            _await_rows(database, "events", load.accepted + downloads.number)
            wait_until(
                lambda: sink.count()["mails"] >= downloads.number, 120, every=0.5, what="the mails of those who downloaded"
            )
            sink.check("the engine", downloads.number)
        return weights

    def _started(self, stack: ExitStack, settings: Settings) -> Iterator[tuple[str, Popen[bytes]]]:
        for part in PARTS:
            words = ("nurture.cli.main", *part.arguments)
            process = stack.enter_context(self._laboratory.process(*words, environ=settings.as_environ()))
            yield part.name, process
            if part.name == "web":
                await_port(process, settings.port)

    def twin(self) -> Weights:
        laboratory, port = self._laboratory, free_port()
        laboratory.redis.flush()
        with laboratory.database() as database, ExitStack() as stack:
            environ = laboratory.twin_environ(database)
            with laboratory.process("benchmarks.twin.models", environ=environ) as tables:
                same("exit code of the twin's table maker", tables.wait(60), 0)
            web = stack.enter_context(laboratory.process(*_twins_web(port), environ=environ))
            await_port(web, port)
            scales = Scales({"web": web, "worker": stack.enter_context(laboratory.process(*_TWINS_WORKER, environ=environ))})
            weights = Weights(scales.at_rest())
            load = Load(laboratory, port, self._seconds)
            weights.looks, weights.at_most = scales.while_(load.events)
            _await_rows(database, "events", load.accepted)
        return weights


_TWINS_WORKER: Final = ("celery", "-A", "benchmarks.twin.tasks", "worker", "--concurrency", "2", "--loglevel", "WARNING")


def _twins_web(port: int) -> tuple[str, ...]:
    return ("uvicorn", "benchmarks.twin.app:app", "--port", str(port), "--no-access-log", "--log-level", "warning")


def _await_rows(database: str, table: str, expected: int) -> None:
    """Return when a table has so many rows; raises WrongResultError if it comes to have more."""
    with psycopg.connect(database.replace("+psycopg", ""), autocommit=True) as connection:

        def rows() -> int:
            found = connection.execute(f"SELECT count(*) FROM {table}".encode()).fetchone()
            return int(found[0]) if found else 0

        wait_until(lambda: rows() >= expected, _PATIENCE, every=1.0, what=f"{expected:,} rows in {table}")
        same(f"rows in {table}", rows(), expected)


def figures(laboratory: Laboratory, *, short: bool, times: int, say: Callable[[str], None]) -> Iterator[Figure]:
    weighing = Weighing(laboratory, 8 if short else 30)
    rest = Figure("memory-rest", "memory, all processes at rest", "MB", "less", goals=(Goal(1, "twin"),))
    full = Figure("memory-full", "memory, all processes at full load", "MB", "less", goals=(Goal(1, "twin"),))
    for turn in range(1, times + 1):  # both figures are of the same run
        for column, weigh in (("ours", weighing.ours), ("twin", weighing.twin)):
            weights = weigh()
            getattr(rest, column).append(weights.rest)
            getattr(full, column).append(weights.full)
            say(f"memory, {column}, {turn} of {times}: {weights.rest:.0f} MB at rest, {weights.full:.0f} MB at full load")
            if column == "ours":
                parts = made_of(weights.at_rest), made_of(weights.at_most)
    yield replace(rest, made_of=parts[0])
    yield replace(full, made_of=parts[1])


def measure(laboratory: Laboratory, minutes: float, say: Callable[[str], None]) -> dict[str, Any]:
    """Weigh the engine while it works for so many minutes; everything that is told of it."""
    say(f"{minutes:g} minutes of load, then what it left is absorbed and counted")
    weights = Weighing(laboratory, minutes * 60).ours()
    return {"minutes": minutes, "rest": weights.rest, "full": weights.full, "mb_an_hour": weights.slope} | asdict(weights)


def _print(told: dict[str, Any]) -> None:
    table = Table(title=f"{told['minutes']:g} minutes at full load: MB")
    for column in ("", "MB"):
        table.add_column(column, justify="right" if column else "left")
    for name, held in told["at_most"].items():
        table.add_row(name, f"{Held(**held).all:.0f}")
    table.add_row("all, at most", f"{told['full']:.0f}")
    table.add_row("at rest before", f"{told['rest']:.0f}")
    table.add_row("grows by, an hour", f"{told['mb_an_hour']:+.1f}")
    console().print(table)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0, help="for how long it works")
    parser.add_argument("--json", type=Path, metavar="FILE", default=OUT, help="where the figures are written")
    options = parser.parse_args()
    return run(lambda laboratory: measure(laboratory, options.minutes, say), _print, options.json)


if __name__ == "__main__":
    sys.exit(main())
