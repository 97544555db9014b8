"""`nurture drain` waits for what was begun, and says what it waits for."""

import json
import threading
import time
from typing import Any, Self

import pytest
from redis import Redis
from sqlalchemy import select

from nurture.adapters.database.tables import brakes, holds, messages
from nurture.adapters.redis_keys import worker
from nurture.errors import Refused, Unavailable
from tests.cli.conftest import Command
from tests.support.events import download, form
from tests.support.installation import Installation, claim

NOTHING: list[dict[str, Any]] = []


class Signs:
    """A worker that tells what it runs, as often as it can."""

    def __init__(self, redis: Redis, running: list[dict[str, Any]] | None = NOTHING) -> None:
        self._redis, self._queues, self.running = redis, "mail,handoff", running
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._go_on, daemon=True)

    def __enter__(self) -> Self:
        self._tell()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _go_on(self) -> None:
        while not self._over.wait(0.05):
            self._tell()

    def _tell(self) -> None:
        told: dict[Any, Any] = {"host": "here", "pid": 1, "queues": self._queues, "seen": f"{time.time():.3f}"}
        if self.running is not None:
            told["tasks"] = json.dumps(self.running)
        pipeline = self._redis.pipeline(transaction=True)
        pipeline.delete(worker("mail.1@here"))
        pipeline.hset(worker("mail.1@here"), mapping=told)
        pipeline.execute()


def test_without_workers_nothing_is_under_way(nurture: Command, installation: Installation) -> None:
    told = nurture("drain", "queue", "mail", "--reason", "an upgrade")
    assert told.exit_code == 0, told.output
    assert told.stdout == ("the queue mail is drained: nothing of it is under way; `nurture resume queue mail` lets it go on\n")
    with installation.engine.connect() as connection:
        row = connection.execute(select(holds)).one()
    assert (row.kind, row.name, row.how, row.reason) == ("queue", "mail", "draining", "an upgrade")


def test_it_waits_for_the_word_of_workers(nurture: Command, installation: Installation) -> None:
    with Signs(installation.redis) as signs:
        told = json.loads(nurture("drain", "all", "--timeout", "90s", "--json").stdout)
        assert (told["drained"], told["left"]["unheard"]) == (True, [])
        assert told["seconds"] > 1
        signs.running = [{"task": "nurture.send", "since": time.time() - 100, "batch": 100}]
        left = nurture("drain", "queue", "mail", "--timeout", "12s")
        assert left.exit_code == 1
        assert "running send of mail.1@here" in left.stdout
        assert "draining the queue mail" in left.stderr
        assert nurture("drain", "queue", "events", "--timeout", "90s").exit_code == 0, "the worker does not serve it"


def test_a_worker_that_knows_nothing_of_holds_is_named(nurture: Command, installation: Installation) -> None:
    with Signs(installation.redis, running=None):
        told = nurture("drain", "all", "--timeout", "0s")
    assert told.exit_code == 1
    assert "mail.1@here of an older version, which knows nothing of holds: restart it" in told.stdout


def test_mail_in_the_hand_of_a_worker_is_waited_for(nurture: Command, installation: Installation) -> None:
    installation.happen(form("ana@acme.test"), download("ana@acme.test"))
    installation.work()
    with installation.engine.begin() as connection:
        connection.execute(messages.update().values(status="queued", due_at=installation.clock.now()))
    claim(installation.database, "a worker", installation.clock.now())
    told = nurture("drain", "domain", "acme.test", "--timeout", "4s", "--json")
    assert told.exit_code == 1
    assert json.loads(told.stdout)["left"]["mails"] == 1
    assert nurture("drain", "domain", "example.com", "--timeout", "90s").exit_code == 0
    with installation.engine.begin() as connection:
        connection.execute(messages.update().values(lease_until=None, claimed_by=None))
    assert nurture("drain", "domain", "acme.test", "--timeout", "90s").exit_code == 0, "given again, it goes on waiting"
    with installation.engine.connect() as connection:
        assert sorted(connection.scalars(select(brakes.c.name))) == ["acme.test", "example.com"]


def test_a_sequence_is_drained_when_nobody_is_in_flight(nurture: Command, installation: Installation) -> None:
    installation.happen(form("ana@acme.test"), download("ana@acme.test"))
    installation.work()
    told = nurture("drain", "guide-nurture", "--timeout", "0s")
    assert told.exit_code == 1
    assert "1 person in flight, the next step at 2026-03-" in told.stdout
    assert nurture("person", "enroll", "ana@acme.test", "guide-nurture").stderr.startswith(
        "nurture: guide-nurture is being drained, and nobody enters it"
    )
    installation.happen(form("bob@acme.test", "bob"), download("bob@acme.test"))
    installation.later(days=60)
    for _ in range(5):
        installation.work()
        installation.later(days=5)
    assert nurture("drain", "sequence", "guide-nurture").exit_code == 0
    assert nurture("resume", "guide-nurture").stdout == "guide-nurture goes on: 0 people in flight; people enter again\n"


def test_what_cannot_be_drained_says_why(nurture: Command, environment: pytest.MonkeyPatch) -> None:
    nurture("pause", "guide-nurture")
    assert isinstance(nurture("drain", "guide-nurture").exception, Refused)
    assert nurture("drain", "all", "--timeout", "soon").exit_code == 2
    environment.setenv("NURTURE_REDIS_URL", "redis://127.0.0.1:1/0")
    away = nurture("drain", "all")
    assert isinstance(away.exception, Unavailable)
    assert "what is held stays held" in str(away.exception)
