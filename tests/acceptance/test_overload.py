"""A web process that is asked for far more than it can do: most are told at once to come again, memory stays flat, nothing is lost."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from benchmarks.laboratory import WRITE_KEY, Laboratory, await_port
from nurture import bootstrap
from nurture.adapters import redis_keys
from nurture.settings import Settings

pytestmark = pytest.mark.engine

#: What it works on at once, and how many ask at once.
MOST, ASKING = 32, 400


class Process:
    """The web process, and what lies behind it."""

    def __init__(self, laboratory: Laboratory, settings: Settings, pid: int) -> None:
        self._laboratory, self._settings, self._pid = laboratory, settings, pid
        self.base = f"http://127.0.0.1:{settings.port}"

    def asked(self, prefix: str, *, connections: int, batch: int = 1, seconds: float = 3.0) -> Any:
        """Load from a process of its own: how many were answered what, and how fast."""
        words = {
            "--url": f"{self.base}/v1/{'batch' if batch > 1 else 'track'}", "--prefix": prefix, "--seconds": seconds, "--batch": batch,
            "--connections": connections, "--write-key": WRITE_KEY,
        }  # fmt: skip
        return self._laboratory.answer_of("benchmarks.load", *[str(each) for pair in words.items() for each in pair])

    def memory(self) -> int:
        """Bytes in memory, as the kernel counts them."""
        found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{self._pid}/status").read_text())
        assert found is not None
        return int(found[1]) * 1024

    def kept(self, prefix: str) -> int:
        """Different events of a load in the streams."""
        with self._laboratory.redis.client() as client:
            entries: list[Any] = [each for p in range(self._settings.partitions) for each in client.xrange(redis_keys.events(p))]
        return len(
            {
                name
                for name in (json.loads(fields[redis_keys.FIELD])["message_id"] for _, fields in entries)
                if name.startswith(prefix)
            }
        )


@pytest.fixture(scope="module")
def process() -> Iterator[Process]:
    with Laboratory() as laboratory, laboratory.database() as database:
        settings = laboratory.settings(database).model_copy(update={"max_requests": MOST})
        bootstrap.prepare(settings)
        with laboratory.process("nurture.cli.main", "web", environ=settings.as_environ()) as web:
            await_port(web, settings.port)
            yield Process(laboratory, settings, web.pid)


@pytest.mark.parametrize("batch", [1, 50], ids=["single events", "batches"])
def test_too_much_is_refused_early_and_nothing_accepted_is_lost(process: Process, batch: int) -> None:
    """Twelve times as many ask at once as are worked on. Who is refused says so in its status, and costs no memory."""
    usual = process.asked(f"usual{batch}", connections=MOST // 2, batch=batch, seconds=1.5)
    assert set(usual["statuses"]) == {"200"}
    before = process.memory()
    told = process.asked(f"much{batch}", connections=ASKING, batch=batch)
    assert set(told["statuses"]) <= {"200", "503"}
    if batch == 1:  # a batch is decided in one go as soon as it is here, so hardly two are worked on at once
        assert told["statuses"]["503"] > MOST, "they are refused, and not left waiting"
    assert process.kept(f"much{batch}") >= told["accepted"] * batch, "what was accepted is there"
    assert process.memory() / before < 1.5
    after = process.asked(f"after{batch}", connections=MOST // 2, batch=batch, seconds=1.5)
    assert set(after["statuses"]) == {"200"}, "and then all is as before"


def test_who_is_refused_is_counted_and_who_watches_is_answered(process: Process) -> None:
    assert process.asked("refused", connections=ASKING, seconds=1.0)["statuses"].get("503", 0) > 0
    with httpx.Client(base_url=process.base, verify=False) as client:
        told = client.get("/metrics").text
        assert int(re.findall(r"^nurture_web_shed_total (\d+)$", told, re.MULTILINE)[0]) > 0
        assert client.get("/health/live").status_code == 200
