"""One run: a queue of mails, a mail server, workers that are killed; and what came of it, held to account."""

import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from itertools import count
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pydantic import SecretStr
from sqlalchemy import update

from benchmarks.kills.driver import work
from benchmarks.kills.points import Trap
from benchmarks.kills.queue import lay_out, queue_again, standing, unfinished
from benchmarks.kills.sink import serve, taken
from benchmarks.laboratory import Laboratory, WrongResultError
from nurture import bootstrap
from nurture.adapters.clock import set_shift
from nurture.adapters.database.tables import messages
from nurture.domain.mail.message import MessageStatus
from nurture.domain.mail.sending import LEASE
from nurture.settings import Settings

Backend = Literal["PostgreSQL", "SQLite"]

#: Workers are forked from a process that has loaded everything, as Celery's are.
_PROCESSES = get_context("forkserver")
_PROCESSES.set_forkserver_preload(["benchmarks.kills.driver", "benchmarks.kills.sink"])

#: Longer than anything here takes on a slow machine. Seconds.
_PATIENCE = 60.0

#: What is wrong after so many leases will not mend itself.
_LEASES = 20


class Came(NamedTuple):
    """What came of runs. `arrived` of the `uncertain` mails were with the server; `bound` is how many there may be at most.

    `broken` are runs in which a mail went twice or was lost, or more were uncertain than may be.
    """

    runs: int = 0
    kills: int = 0
    mails: int = 0
    duplicates: int = 0
    lost: int = 0
    uncertain: int = 0
    arrived: int = 0
    bound: int = 0
    broken: int = 0

    def plus(self, other: "Came") -> "Came":
        return Came(*(mine + theirs for mine, theirs in zip(self, other, strict=True)))

    def judged(self) -> "Came":
        """What came of one run, with whether it keeps what is promised."""
        kept = self.duplicates == 0 and self.lost == 0 and self.uncertain <= self.bound
        return self._replace(broken=0 if kept else 1)


class Stages:
    """Makes scenes, one after the other; a queue is laid out once for each size and kind of database."""

    def __init__(self, laboratory: Laboratory) -> None:
        self.laboratory = laboratory
        self._queues: dict[tuple[Backend, int], str] = {}
        self._names = count(1)

    @contextmanager
    def scene(self, backend: Backend, mails: int, batch: int, connections: int) -> Iterator["Scene"]:
        """A run with so many mails, of which workers claim `batch` at a time and send them over so many connections."""
        url = self._queues[backend, mails] = self._queue(backend, mails)
        self.laboratory.redis.flush()
        folder = self.laboratory.folder / f"scene-{next(self._names)}"
        folder.mkdir()
        scene = Scene(self, url, folder, batch, connections)
        try:
            yield scene
        finally:
            scene.close()
            shutil.rmtree(folder)

    def settings(self, url: str, folder: Path, port: int = 1, connections: int = 1) -> Settings:
        smtp = SecretStr(f"smtp://127.0.0.1:{port}?connections={connections}")
        told = {"data_dir": folder / "data", "clock_file": folder / "clock", "smtp_url": smtp}
        told |= {"mode": "development"}  # nobody is asked whose servers take mail for example.com
        return self.laboratory.settings(url).model_copy(update=told)

    def _queue(self, backend: Backend, mails: int) -> str:
        """The URL of a database in which so many mails wait."""
        if (backend, mails) in self._queues:
            return self._queues[backend, mails]
        folder = self.laboratory.folder
        url = self.laboratory.postgres.create_database() if backend == "PostgreSQL" else f"sqlite:///{folder / f'{mails}.db'}"
        lay_out(self.settings(url, folder), mails, datetime.now(UTC))
        return url


class Worker:
    """A process that sends, and the line to it."""

    def __init__(self, process: ForkServerProcess, line: Connection) -> None:
        self._process, self._line = process, line

    def await_word(self, word: str) -> None:
        """Return when the worker says `word`; raises WrongResultError if it ends, or is silent for too long."""
        said: list[str] = []
        with suppress(EOFError):
            while self._line.poll(_PATIENCE):
                said.append(self._line.recv())
                if said[-1] == word:
                    return
        raise WrongResultError(f"a worker did not come to {word!r}; it said {said[-3:]}")

    def tell(self, word: str) -> None:
        self._line.send(word)

    def await_failure(self, patience: float) -> None:
        """Return when the worker says that it failed, or after so many seconds, for not everything needs what is gone."""
        while self._line.poll(patience):
            if self._line.recv().startswith("failed"):
                return

    def await_death(self) -> None:
        self._process.join(_PATIENCE)
        if self._process.exitcode is None:
            raise WrongResultError("a worker did not come to its trap")
        self._line.close()

    def kill(self) -> None:
        """SIGKILL, as the kernel does when memory runs out."""
        self._process.kill()
        self.await_death()

    def end(self) -> None:
        self.tell("end")
        self.await_death()


class Scene:
    """A database, a mail server and workers."""

    def __init__(self, stages: Stages, url: str, folder: Path, batch: int, connections: int) -> None:
        self._file, self._folder, self._batch, self._connections = folder / "taken", folder, batch, connections
        self._file.touch()
        self._serving, self._sink = _fork(serve, self._file)
        self.settings = stages.settings(url, folder, self._sink.recv(), connections)
        self._engine = bootstrap.database(self.settings).engine
        queue_again(self._engine, datetime.now(UTC))
        self._crew: list[Worker] = []
        self._shift = timedelta(0)
        self.kills = 0
        self.bound = 0

    def close(self) -> None:
        for worker in self._crew:
            worker.kill()
        self._engine.dispose()
        self._sink.close()
        self._serving.join(_PATIENCE)

    def start(self, trap: Trap | None = None) -> Worker:
        """A worker that begins at once."""
        worker = Worker(*_fork(work, self.settings, trap, batch=self._batch))
        self._crew.append(worker)
        return worker

    def gone(self, worker: Worker) -> None:
        """A worker was killed: it may leave as many mails unknown as it has connections."""
        self._crew.remove(worker)
        self.kills += 1
        self.bound += self._connections

    def was_without_database(self) -> None:
        """Each worker may leave as many mails unknown as it has connections: what it knows of them it could not note."""
        self.kills += 1
        self.bound += self._connections * len(self._crew)

    def was_without_redis(self) -> None:
        """Nothing that is known of mails lies there, so nothing may be unknown."""
        self.kills += 1

    def hold(self, stage: str, passing: int) -> None:
        """Let the server hold its `passing`-th reply at a stage."""
        self._sink.send((stage, passing))

    def await_hold(self) -> None:
        if not self._sink.poll(_PATIENCE):
            raise WrongResultError("no mail came to the stage at which the server was to wait")
        self._sink.recv()

    def let_go(self) -> None:
        self._sink.send("go")

    @property
    def arrived(self) -> int:
        """How many mails the server took so far."""
        return len(taken(self._file))

    def send_uncertain_again(self) -> None:
        """Do what no engine should: whatever was being handed over is queued again."""
        begun = update(messages).where(messages.c.status == MessageStatus.SENDING)
        with self._engine.begin() as connection:
            connection.execute(begun.values(status=MessageStatus.QUEUED))

    def finish(self) -> Came:
        """Let the crew work until every mail has come to something, however many leases that takes; then count."""
        for _ in range(_LEASES):
            for worker in self._crew:
                worker.tell("settle")
            for worker in self._crew:
                worker.await_word("idle")
            if unfinished(self._engine) == 0:
                break
            self._shift += LEASE + timedelta(minutes=1)
            set_shift(self.settings.clock_file or self._folder / "clock", self._shift.total_seconds())
        while self._crew:
            self._crew.pop().end()
        return self._count()

    def _count(self) -> Came:
        at_server = Counter(mail.recipient for mail in taken(self._file))
        names = Counter(mail.message_id for mail in taken(self._file))
        stands = standing(self._engine)
        uncertain = {reader for reader, status in stands.items() if status == MessageStatus.UNCERTAIN}
        never_came = [reader for reader, status in stands.items() if status == MessageStatus.SENT and reader not in at_server]
        nowhere = [status for status in stands.values() if status not in (MessageStatus.SENT, MessageStatus.UNCERTAIN)]
        twice = max(at_server.total() - len(at_server), names.total() - len(names))
        return Came(
            runs=1, kills=self.kills, mails=len(stands), duplicates=twice, lost=len(never_came) + len(nowhere),
            uncertain=len(uncertain), arrived=len(uncertain & at_server.keys()), bound=self.bound,
        ).judged()  # fmt: skip


def _fork(what: Any, *told: Any, **more: Any) -> tuple[ForkServerProcess, Connection]:
    """A process that runs `what`, with one end of a line as an argument; the process, and the other end."""
    ours, theirs = _PROCESSES.Pipe()
    process = _PROCESSES.Process(target=_with_line, args=(what, theirs, told, more), daemon=True)
    process.start()
    theirs.close()
    return process, ours


def _with_line(what: Any, line: Connection, told: tuple[Any, ...], more: dict[str, Any]) -> None:
    with suppress(KeyboardInterrupt, BrokenPipeError, EOFError):
        what(line, *told, **more)
