"""`python -m benchmarks.mail [--short] [--rows N] [--json FILE]`: mails a second, from queued row to recorded acceptance.

The engine's worker as in production, two processes, sends letters of 23 KB out of PostgreSQL to a counting sink in a process of its
own; so does the twin's; the limit are two processes that write and send the same letters and know no database. The sink is near, or
a round trip of 20 ms away, or works for 20 ms on each mail. With `--rows` the queue holds so many more mails than are sent, and what
matters is the workers' memory. Exit code 1 if a mail was lost or doubled.
"""

import argparse
import json
import shutil
import smtplib
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

import psycopg
from pydantic import SecretStr
from rich.table import Table
from sqlalchemy import text

from benchmarks import letter
from benchmarks.figure import Figure, Goal, measure
from benchmarks.laboratory import HERE, ROOT, Laboratory, WrongResultError, await_port, frozen, same
from benchmarks.machine import describe
from benchmarks.program import console, origin, say
from nurture import bootstrap
from nurture.adapters import redis_keys
from nurture.adapters.nudge import CeleryNudge
from nurture.settings import Settings
from tests.support.waiting import free_port, wait_until

#: How many processes each worker has, and connections each of the engine's processes.
PROCESSES: Final = 2
CONNECTIONS: Final = 16

OUT: Final = ROOT / "benchmarks" / "out" / "mail.json"
_PATIENCE: Final = 1_800.0

_LIMIT: Final = "the same letters written and sent in a pipeline, without a database"

#: The database of what needs none.
_NOWHERE: Final = "postgresql+psycopg://nobody@127.0.0.1:1/nothing"

_SEQUENCE: Final = """
sequence: letters
trigger: {event: letter_wanted}
steps:
  - {id: letter, email: letter, window: any}
  - {id: rest, wait: 30d}
"""

_ROWS: Final = """
INSERT INTO people (id, stage, stage_since, email, attributes, grade, first_seen_at, seen_at)
SELECT i, 'lead', :at, 'person' || i || '@example.com',
       jsonb_build_object('first_name', jsonb_build_array('Ana', CAST(:at AS text), 'form:guide'),
                          'company', jsonb_build_array('Company ' || i % 997, CAST(:at AS text), 'form:guide')),
       'C', :at, :at
FROM generate_series(1, :rows) AS i;

INSERT INTO enrollments (id, person_id, sequence, version, entry, status, step, due_at, entered_at)
SELECT i, i, 'letters', :version, 1, 'waiting', 'rest', CAST(:at AS timestamptz) + interval '30 days', :at
FROM generate_series(1, :rows) AS i;

INSERT INTO messages (id, enrollment_id, person_id, step, pass, template, status, any_time, planned_at, due_at)
SELECT i, i, i, 'letter', 1, 'letter', 'queued', true, :at, :at
FROM generate_series(1, :rows) AS i
"""


@dataclass(frozen=True)
class Distance:
    """How the sink takes its time, in milliseconds."""

    key: str
    name: str
    round_trip: int = 0
    work: int = 0
    pipelining: bool = True


NEAR: Final = Distance("near", "a sink beside it")
FAR: Final = Distance("far", "a round trip of 20 ms", round_trip=20)
STIFF: Final = Distance("stiff", "the same without PIPELINING", round_trip=20, pipelining=False)
SLOW: Final = Distance("slow", "20 ms of work on each mail", work=20)


class Trial(NamedTuple):
    """What is measured at a distance: how many mails the engine sends, and the twin, which sends none where it is not measured."""

    distance: Distance
    mails: int
    twins: int = 0
    goals: tuple[Goal, ...] = ()


TRIALS: Final = (
    Trial(NEAR, 12_000, 1_200, (Goal(5, "twin"), Goal(0.5, "limit"))),
    Trial(FAR, 8_000, 200, (Goal(25, "twin"), Goal(0.5, "limit"))),
    Trial(STIFF, 8_000),
    Trial(SLOW, 8_000, 600),
)

#: In the short form so many times fewer mails are sent.
_SHORT: Final = 4


@dataclass(frozen=True)
class Sent:
    """What one run came to: mails a second, their mean size, and the most memory that any process of the worker took, in MB."""

    rate: float
    size: float
    memory: float = 0.0


class Sink:
    """The counting mail server, as its parent sees it."""

    def __init__(self, port: int) -> None:
        self.port = port

    def count(self) -> dict[str, int]:
        with smtplib.SMTP("127.0.0.1", self.port, "benchmark") as connection:
            _, told = connection.docmd("XCOUNT")
        counted: dict[str, int] = json.loads(told)
        return counted

    def check(self, what: str, mails: int) -> float:
        """Every mail came once; their mean size in bytes."""
        counted = self.count()
        same(f"mails that reached the sink from {what}", counted["mails"], mails)
        same(f"mails that reached the sink from {what} twice", counted["twice"], 0)
        return counted["bytes"] / mails


@contextmanager
def _sink(laboratory: Laboratory, distance: Distance) -> Iterator[Sink]:
    sink = Sink(free_port())
    words: tuple[str, ...] = (str(sink.port), "--round-trip", str(distance.round_trip), "--work", str(distance.work))
    words += () if distance.pipelining else ("--one-by-one",)
    with laboratory.process("benchmarks.sink", *words, environ={}) as process:
        await_port(process, sink.port)
        yield sink


class Mailing:
    """Lays out a queue, lets two processes send it, and compares what the sink has with what was noted."""

    def __init__(self, laboratory: Laboratory) -> None:
        self._laboratory = laboratory
        self._config, self._ours, self._twins = (laboratory.folder / name for name in ("config", "ours", "twins"))
        shutil.copytree(HERE / "config", self._config)
        (self._config / "sequences" / "letters.yaml").write_text(_SEQUENCE)
        shutil.copytree(HERE / "templates" / "follow-up", self._ours / "follow-up")
        letter.write_ours(self._ours)
        letter.write_twins(self._twins)

    def _settings(self, database: str, sink: Sink) -> Settings:
        url = SecretStr(f"smtp://127.0.0.1:{sink.port}?connections={CONNECTIONS}&mails_per_connection=1000")
        changed = {"smtp_url": url, "config_dir": self._config, "templates_dir": self._ours}
        return self._laboratory.settings(database).model_copy(update=changed)

    def ours(self, distance: Distance, mails: int, rows: int | None = None) -> Sent:
        """Send so many mails out of a queue that holds `rows` of them, else no more than these."""
        laboratory = self._laboratory
        laboratory.redis.flush()
        with laboratory.database() as database, _sink(laboratory, distance) as sink:
            settings = self._settings(database, sink)
            bootstrap.prepare(settings)
            _lay_out(settings, rows or mails)
            worker = ("nurture.cli.main", "worker", "--queues", "mail", "--concurrency", str(PROCESSES))
            with (
                laboratory.process(*worker, environ=settings.as_environ()) as process,
                laboratory.redis.client() as client,
                psycopg.connect(database.replace("+psycopg", ""), autocommit=True) as connection,
            ):
                wait_until(lambda: any(True for _ in client.scan_iter(redis_keys.worker("*"))), 60, what="the engine's worker")
                with frozen(process):
                    _wake(settings)
                sent = "SELECT count(*) FROM messages WHERE sent_at IS NOT NULL"
                queued = "SELECT EXISTS (SELECT FROM messages WHERE status = 'queued')"
                # Who counts all rows ten times a second takes part in what is measured; whether any is queued, an index says.

                def done() -> bool:
                    if client.hget(redis_keys.COUNTERS, "messages_failed"):  # they would never all be sent
                        raise WrongResultError("mails of the engine failed; `messages.detail` says why")
                    return (rows is not None or not _count(connection, queued)) and _count(connection, sent) >= mails

                seconds = _seconds_until(done)
                memory = _peak_memory(process.pid)
                if rows is not None:
                    return Sent(mails / seconds, 0.0, memory)
            return Sent(mails / seconds, sink.check("the engine", mails), memory)

    def twin(self, distance: Distance, mails: int) -> Sent:
        """The same with the twin."""
        laboratory = self._laboratory
        laboratory.redis.flush()
        with laboratory.database() as database, _sink(laboratory, distance) as sink:
            environ = laboratory.twin_environ(database) | {
                "TEMPLATES": str(self._twins), "SMTP_HOST": "127.0.0.1", "SMTP_PORT": str(sink.port),
            }  # fmt: skip
            with laboratory.process("benchmarks.twin.models", environ=environ) as tables:
                same("exit code of the twin's table maker", tables.wait(60), 0)
            worker = (
                "celery", "-A", "benchmarks.twin.tasks", "worker", "--concurrency", str(PROCESSES), "--loglevel", "WARNING",
            )  # fmt: skip
            with (
                laboratory.process(*worker, environ=environ) as process,
                laboratory.redis.client() as client,
                psycopg.connect(database.replace("+psycopg", ""), autocommit=True) as connection,
            ):
                wait_until(lambda: client.exists("_kombu.binding.celery.pidbox"), 60, what="the twin's worker")
                with frozen(process):
                    laboratory.answer_of("benchmarks.twin.letters", str(mails), environ=environ)
                sent = "SELECT count(*) FROM enrollments WHERE step = 1"
                seconds = _seconds_until(lambda: _count(connection, sent) == mails)
                memory = _peak_memory(process.pid)
            return Sent(mails / seconds, sink.check("the twin", mails), memory)

    def limit(self, distance: Distance, mails: int) -> Sent:
        """The same letters written and sent by two processes that know no database."""
        with _sink(self._laboratory, distance) as sink:
            environ = self._settings(_NOWHERE, sink).as_environ()
            answer = self._laboratory.answer_of("benchmarks.limits.smtp", str(mails), environ=environ)
            return Sent(mails / answer["seconds"], sink.check("the limit", mails))


def _lay_out(settings: Settings, rows: int) -> None:
    database = bootstrap.database(settings)
    loaded = bootstrap.load_definitions(settings).definitions
    if loaded is None:
        raise WrongResultError("the definitions of the benchmark are not in order")
    told = {"at": datetime.now(UTC), "rows": rows, "version": loaded.versions["letters"]}
    with database.engine.begin() as connection:
        for statement in _ROWS.split(";"):
            connection.execute(text(statement), told)
    with database.engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").execute(text("VACUUM ANALYZE"))
    database.engine.dispose()


def _wake(settings: Settings) -> None:
    nudge = CeleryNudge(settings.redis)
    for _ in range(PROCESSES):
        nudge("send")
    nudge.close()


def _count(connection: psycopg.Connection[Any], query: str) -> int:
    row = connection.execute(query.encode()).fetchone()
    return int(row[0]) if row else 0


def _seconds_until(done: Callable[[], bool]) -> float:
    started = time.perf_counter()
    wait_until(done, _PATIENCE, every=0.1, what="the queue to be sent")
    return time.perf_counter() - started


def _peak_memory(worker: int) -> float:
    """The most that any child of a worker ever had in memory, in MB (`VmHWM` of proc(5))."""
    children = Path(f"/proc/{worker}/task/{worker}/children").read_text().split()
    peaks = [0]
    for child in children:
        lines = Path(f"/proc/{child}/status").read_text().splitlines()
        peaks += [int(line.split()[1]) for line in lines if line.startswith("VmHWM")]
    return max(peaks) / 1e3


def _figure(mailing: Mailing, trial: Trial, times: int, say: Callable[[str], None]) -> Figure:
    """All columns, in turns; the mails of all are of one size. The limit is one that has its commands taken in a pipeline."""
    distance, mails, twins, goals = trial
    sizes: list[float] = []

    def rate_of(sent: Sent) -> float:
        sizes.append(sent.size)
        return sent.rate

    figure = measure(
        Figure(f"mail-{distance.key}", f"mail, {distance.name}", "mails/s", limit_is=_LIMIT if distance.pipelining else "", goals=goals),
        times, say,
        ours=lambda: rate_of(mailing.ours(distance, mails)),
        twin=(lambda: rate_of(mailing.twin(distance, twins))) if twins else None,
        limit=(lambda: rate_of(mailing.limit(distance, mails))) if distance.pipelining else None,
    )  # fmt: skip
    if max(sizes) > 1.05 * min(sizes):
        raise WrongResultError(f"the mails are of different sizes: {min(sizes):,.0f} to {max(sizes):,.0f} bytes")
    say(f"{figure.name}: mails of {min(sizes):,.0f} to {max(sizes):,.0f} bytes")
    return figure


def figures(laboratory: Laboratory, *, short: bool, times: int, say: Callable[[str], None]) -> Iterator[Figure]:
    """Mails a second at each distance; in the short form only beside the sink, and few."""
    return speed(Mailing(laboratory), TRIALS[:1] if short else TRIALS, times, say, share=_SHORT if short else 1)


def speed(
    mailing: Mailing, trials: Sequence[Trial], times: int, say: Callable[[str], None], *, share: int = 1
) -> Iterator[Figure]:
    """The engine, the twin and the limit in each trial, with one mail of so many."""
    for trial in trials:
        fewer = trial._replace(mails=trial.mails // share, twins=trial.twins // share)
        yield _figure(mailing, fewer, times, say)


def memory(mailing: Mailing, rows: int, say: Callable[[str], None]) -> dict[str, Any]:
    """What a process takes while it sends the same number of mails out of a short queue and out of a long one."""
    mails = min(20_000, rows)
    told: dict[str, Any] = {"mails": mails}
    for queued in (mails, rows):
        sent = mailing.ours(NEAR, mails, queued)
        told[f"{queued:,} queued"] = {"mails_per_second": sent.rate, "peak_mb": sent.memory}
        say(f"{queued:,} queued: {sent.memory:,.0f} MB at most in a process, {sent.rate:,.0f} mails/s")
    return told


def _print(facts: dict[str, Any], figures: list[Figure]) -> None:
    table = Table(title="medians, mails a second")
    for column in ("figure", "ours", "twin", "limit", "ours ÷ twin", "ours ÷ limit"):
        table.add_column(column, justify="left" if column == "figure" else "right")
    for figure in figures:
        medians = figure.as_json()["medians"]
        rates = [f"{medians[column]:,.1f}" if column in medians else "—" for column in ("ours", "twin", "limit")]
        ratios = [f"{ratio:.2f}" if ratio else "—" for ratio in (figure.times_twin, figure.share_of_limit)]
        table.add_row(figure.name, *rates, *ratios)
    screen = console()
    screen.print(table)
    screen.print(origin(facts))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mail", description=__doc__)
    parser.add_argument("--short", action="store_true", help="one short turn of everything, to see that it works")
    parser.add_argument("--rows", type=int, metavar="N", help="measure memory instead, with so many mails queued")
    parser.add_argument("--json", type=Path, metavar="FILE", default=OUT, help="where the figures are written")
    options = parser.parse_args()

    try:
        with Laboratory() as laboratory:
            facts, mailing = describe(laboratory), Mailing(laboratory)
            told: dict[str, Any] = {}
            if options.rows:
                told["memory"] = memory(mailing, options.rows, say)
            else:
                measured = list(speed(mailing, TRIALS, 1 if options.short else 3, say, share=_SHORT if options.short else 1))
                told["figures"] = [figure.as_json() for figure in measured]
                _print(facts, measured)
    except WrongResultError as error:
        print(f"a run was wrong, so there is no figure: {error}", file=sys.stderr)
        return 1
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(facts | told, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
