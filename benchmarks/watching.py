"""Records what `nurture top` sees of a running engine, healthy and then sick; README shows both.

    .venv/bin/python -m benchmarks.watching

An engine is started with data of its own, and people come for two minutes. Then the worker of mail is frozen, a partition is held by
somebody who does nothing, things that are no events come, and an operator pauses a queue; a minute and a half later the second frame is
taken. Nothing is made up: `WRITE_DOCS=1 .venv/bin/python -m pytest tests/docs/test_top.py` draws what was recorded.
"""

import json
import math
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import httpx
from redis import Redis

from nurture.adapters.embedded_redis import free_port
from nurture.adapters.redis_keys import FIELD, events, lease
from nurture.settings import Settings
from nurture.supervisor.engine import RunningEngine, running_engine

FOLDER: Final = Path(__file__).parents[1] / "tests" / "docs" / "sights"

_HEALTHY_AFTER, _SICK_AFTER = 120.0, 95.0

#: Nothing leaves this machine: in development all mail goes to the mailbox that the engine starts.
_DOMAINS: Final = ("gmail.com",) * 5 + ("orange.fr",) * 3 + ("outlook.com",) * 2 + ("laposte.net", "example.org")


class Crowd:
    """People who read, and of whom one in five takes the guide; more and fewer of them, as in a day."""

    def __init__(self, url: str, write_key: str) -> None:
        self._client = httpx.Client(base_url=url, timeout=30, headers={"User-Agent": "Mozilla/5.0 (X11; Linux) Firefox/140.0"})
        self._key = write_key
        self._random = random.Random(7)  # the same crowd each time
        self._ends = threading.Event()

    def come(self) -> None:
        """Come until it is over."""
        for number in range(1_000_000):
            if self._ends.wait(0.12 + 0.1 * math.sin(time.monotonic() / 9)):
                return
            with suppress(httpx.HTTPError):
                self._read(number)
                if number % 5 == 0:
                    self._take_the_guide(number)

    def go(self) -> None:
        self._ends.set()

    def _read(self, number: int) -> None:
        page = {"path": self._random.choice(["/blog/lead-gen", "/pricing", "/case-studies"]), "referrer": ""}
        call = {"type": "page", "anonymousId": f"browser-{number // 3}", "context": {"page": page}, "writeKey": self._key}
        self._client.post("/v1/batch", json={"batch": [call], "writeKey": self._key})

    def _take_the_guide(self, number: int) -> None:
        email = f"reader{number}@{self._random.choice(_DOMAINS)}"
        answer = self._client.post("/f/guide", data={"email": email, "first_name": "Ana"}, headers={"Accept": "application/json"})
        where = answer.json().get("redirect")
        if where:
            self._client.get(httpx.URL(where).raw_path.decode())


@contextmanager
def _coming(crowd: Crowd) -> Iterator[None]:
    thread = threading.Thread(target=crowd.come, daemon=True)
    thread.start()
    try:
        yield
    finally:
        crowd.go()
        thread.join(60)


def _nurture(engine: RunningEngine, *words: str) -> str:
    environ = {**{name: value for name, value in os.environ.items() if not name.startswith("NURTURE_")}, **engine.environ}
    ran = subprocess.run(
        [sys.executable, "-m", "nurture.cli.main", *words], env=environ, capture_output=True, text=True, check=False
    )
    if not ran.stdout:
        raise RuntimeError(ran.stderr)
    return ran.stdout


def _record(engine: RunningEngine, name: str) -> None:
    told: dict[str, Any] = json.loads(_nurture(engine, "top", "--json"))
    for worker in told["stream"]["workers"] + told["status"]["stream"]["workers"]:
        worker["host"] = "engine-1"  # whatever this machine is called
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / f"{name}.json").write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n")
    print(_nurture(engine, "top", "--once"))


def _sicken(engine: RunningEngine) -> int:
    """Make four things go wrong; the process that was frozen."""
    frozen = engine.pids()["worker-mail"]
    os.kill(frozen, signal.SIGSTOP)
    with Redis.from_url(engine.settings.redis) as redis:
        for number in range(3):
            redis.xadd(events(0), {FIELD: json.dumps({"source": "website", "number": number})})
        redis.set(lease(2), "somebody who does nothing", px=600_000)
    _nurture(engine, "pause", "queue", "handoff", "--reason", "the CRM is being moved")
    return frozen


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings.load({"NURTURE_DATA_DIR": folder, "NURTURE_PORT": str(free_port())})
        with running_engine(settings, Path(folder) / "log") as engine:
            write_key = next(iter(engine.settings.write_keys.values())).key
            with _coming(Crowd(engine.url, write_key)):
                time.sleep(_HEALTHY_AFTER)
                _record(engine, "healthy")
                frozen = _sicken(engine)
                try:
                    time.sleep(_SICK_AFTER)
                    _record(engine, "sick")
                finally:
                    os.kill(frozen, signal.SIGCONT)


if __name__ == "__main__":
    main()
