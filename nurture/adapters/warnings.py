"""The latest warnings of all processes in one place, so that whoever watches the engine need not read the log of each.

They are masked like every log line and kept in a list of a fixed length. Whoever warns never waits for Redis: a thread writes, at most
once a second, and what it cannot write, or cannot keep up with, is in the process's own log alone.
"""

import json
import logging
import os
import queue
import socket
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Final

import redis
import structlog
from structlog.typing import EventDict, Processor

from nurture.adapters.redis_keys import WARNINGS
from nurture.adapters.warned import Warned
from nurture.observability import Mask

#: So many are kept, and none is longer. Characters.
KEPT: Final = 100
LONGEST: Final = 400

#: So many may wait for the thread that writes.
_WAITING: Final = 50

#: Seconds between two writes, and for which a process that ends waits for the last one.
_EVERY: Final = 1.0

#: What every line has, and what is told beside its text.
_FRAME: Final = ("event", "level", "logger", "timestamp", "exception", "stack")


class KeepWarnings(logging.Handler):
    """Keeps the warnings and errors of this process, and of those that it forks, in Redis. Raises nothing."""

    def __init__(self, url: str, process: str, secrets: Iterable[str] = ()) -> None:
        super().__init__(logging.WARNING)
        self._url, self._process = url, process
        self._lines: queue.Queue[str | None] = queue.Queue(_WAITING)
        self._thread: threading.Thread | None = None
        self._pid = 0
        before: list[Processor] = [
            structlog.stdlib.add_logger_name, structlog.stdlib.add_log_level, structlog.processors.format_exc_info,
        ]  # fmt: skip
        self.setFormatter(
            structlog.stdlib.ProcessorFormatter(
                foreign_pre_chain=before,
                processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, Mask(secrets), self._line],
            )
        )

    def emit(self, record: logging.LogRecord) -> None:
        if record.name.startswith("redis"):
            return  # it would be about the very connection that is to carry it
        try:
            line = self.format(record)
        except Exception:  # noqa: BLE001  # the process's own log has the line, and says what is wrong with it
            return
        self._start()
        with suppress(queue.Full):
            self._lines.put_nowait(line)

    def close(self) -> None:
        """Write what waits, for a second at most."""
        if self._thread is not None and self._pid == os.getpid():
            with suppress(queue.Full):
                self._lines.put_nowait(None)
            self._thread.join(_EVERY)
            self._thread = None
        super().close()

    def _line(self, _logger: Any, _method: str, event: EventDict) -> str:
        told = [str(event.get("event", ""))]
        told += [f"{name}={value}" for name, value in event.items() if name not in _FRAME]
        told += str(event.get("exception", "")).strip().splitlines()[-1:]
        warned = Warned(
            time.time(), self._process, socket.gethostname(), os.getpid(), str(event.get("level", "warning")),
            " ".join(" ".join(told).split())[:LONGEST],
        )  # fmt: skip
        return json.dumps(warned._asdict(), ensure_ascii=False)

    def _start(self) -> None:
        """A thread does not come along when a process forks, and what it was about to take from the queue is its parent's."""
        if self._pid != os.getpid():
            self._pid = os.getpid()
            self._lines = queue.Queue(_WAITING)
            self._thread = threading.Thread(target=_write, args=(self._url, self._lines), name="warnings", daemon=True)
            self._thread.start()


def _write(url: str, lines: "queue.Queue[str | None]") -> None:
    with redis.Redis.from_url(url, socket_timeout=1, socket_connect_timeout=1, retry=None) as client:
        goes_on = True
        while goes_on:
            found = [lines.get()]
            with suppress(queue.Empty):
                while len(found) < _WAITING:
                    found.append(lines.get_nowait())
            goes_on = None not in found
            with suppress(redis.RedisError):
                pipeline = client.pipeline(transaction=True)
                for line in found:
                    if line is not None:
                        pipeline.lpush(WARNINGS, line)
                pipeline.ltrim(WARNINGS, 0, KEPT - 1)
                pipeline.execute()
            if goes_on:
                time.sleep(_EVERY)


def keep_warnings(url: str, process: str, secrets: Iterable[str] = ()) -> None:
    """Keep the warnings of this process, called `process`, from now on; `secrets` are values never to be written."""
    root = logging.getLogger()
    for handler in [each for each in root.handlers if isinstance(each, KeepWarnings)]:
        root.removeHandler(handler)
    root.addHandler(KeepWarnings(url, process, secrets))
