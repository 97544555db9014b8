"""A thousand people post a form while Redis is killed, and the web process, too: whoever was answered is stored, once, in their order."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import func, select

from nurture import bootstrap
from nurture.adapters import redis_keys
from nurture.adapters.agents import kind_of_agent
from nurture.adapters.database.tables import events
from nurture.adapters.journal import standing
from nurture.adapters.stream import held_partition
from nurture.domain.event import EVENT, FORM_SUBMITTED, Event
from nurture.flow.absorb import absorb
from nurture.settings import Settings
from tests.acceptance.conftest import ROOT, Start
from tests.support.servers import RedisServer
from tests.support.waiting import free_port, wait_until

pytestmark = [pytest.mark.engine, pytest.mark.timeout(300)]

VISITORS = 20
POSTS = 50
WAY_OF_A_FORM = 303


@pytest.fixture
def strict_redis() -> Iterator[RedisServer]:
    """A Redis that has on its disk what it acknowledges."""
    with RedisServer(appendonly=True, appendfsync="always") as server:
        yield server


@pytest.fixture
def settings(strict_redis: RedisServer, tmp_path: Path) -> Settings:
    settings = Settings(
        data_dir=tmp_path / "data", redis_url=SecretStr(strict_redis.url), port=free_port(), config_dir=ROOT / "config",
        templates_dir=ROOT / "templates/emails",
    ).with_kept_keys()  # fmt: skip
    bootstrap.prepare(settings)
    return settings


class WebProcess:
    """`nurture web`, which may be killed and started again."""

    def __init__(self, settings: Settings, log: Path) -> None:
        self.url = f"http://127.0.0.1:{settings.port}"
        self._environ = {**os.environ, **settings.as_environ(), "PYTHONPATH": str(ROOT)}
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "nurture.cli.main", "web"], cwd=ROOT, env=self._environ, stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        wait_until(self._answers, 60, what=f"the web process to answer; see {self._log}")

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/health/live", timeout=5).status_code == 200
        except httpx.TransportError:
            return False

    def end(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(30)
            self._process = None


@pytest.fixture
def web(settings: Settings, tmp_path: Path) -> Iterator[WebProcess]:
    process = WebProcess(settings, tmp_path / "web.log")
    process.start()
    yield process
    process.end(signal.SIGTERM)


class Crowd:
    """Visitors who post one form after the other, each after the last was answered; without an answer they post it again."""

    def __init__(self, web: WebProcess, pace: float) -> None:
        self._web, self._pace = web, pace
        self._lock = threading.Lock()
        self.answered = 0
        self.refused: list[int] = []
        self.again = 0

    @contextmanager
    def posting(self) -> Iterator[None]:
        """In the background; all have posted everything when the context ends."""
        with ThreadPoolExecutor(VISITORS) as pool:
            visitors = [pool.submit(self._visit, f"v{number}") for number in range(VISITORS)]
            yield
            for visitor in visitors:
                visitor.result(240)

    def wait_for(self, answers: int) -> None:
        wait_until(lambda: self.answered >= answers, 120, what=f"{answers} answers")

    def _visit(self, visitor: str) -> None:
        with httpx.Client(base_url=self._web.url, timeout=30, verify=False) as client:
            for number in range(POSTS):
                self._post(client, visitor, number)
                time.sleep(self._pace)

    def _post(self, client: httpx.Client, visitor: str, number: int) -> None:
        fields = {
            "email": f"{visitor}-{number}@example.com", "first_name": f"{number}", "_anonymous_id": visitor, "_id": f"{visitor}-{number}",
        }  # fmt: skip
        while True:
            try:
                answer = client.post("/f/guide", data=fields)
            except httpx.TransportError:
                with self._lock:
                    self.again += 1
                time.sleep(0.1)
                continue
            with self._lock:
                self.answered += 1
                if answer.status_code != WAY_OF_A_FORM:
                    self.refused.append(answer.status_code)
            return


def on_streams(redis: RedisServer) -> list[Event]:
    with redis.client() as client:
        entries: list[Any] = [each for number in range(4) for each in client.xrange(redis_keys.events(number))]
    return [EVENT.validate_json(fields[redis_keys.FIELD]) for _, fields in entries]


def assert_each_is_stored_once_and_in_order(settings: Settings, redis: RedisServer) -> None:
    folder = settings.data_dir / "journal"
    wait_until(lambda: standing(folder).events == 0, 60, what="the journal to be passed on")
    posted = on_streams(redis)
    for visitor in (f"v{number}" for number in range(VISITORS)):
        numbers = dict.fromkeys(int(event.traits["first_name"]) for event in posted if event.anonymous_id == visitor)
        assert list(numbers) == list(range(POSTS)), visitor
    database, client, clock = bootstrap.database(settings), bootstrap.redis_client(settings), bootstrap.clock(settings)
    for number in range(settings.partitions):
        with held_partition(client, number) as partition:
            assert partition is not None
            while absorb(partition, database, clock, kind_of_agent).read:
                pass
    with database.engine.connect() as connection:
        stored = connection.scalar(select(func.count()).where(events.c.name == FORM_SUBMITTED))
    assert stored == VISITORS * POSTS
    database.engine.dispose()
    client.close()


def test_redis_is_killed_while_a_thousand_forms_come(web: WebProcess, settings: Settings, strict_redis: RedisServer) -> None:
    crowd = Crowd(web, pace=0.05)
    with crowd.posting():
        crowd.wait_for(200)
        strict_redis.kill9()
        crowd.wait_for(600)
        assert standing(settings.data_dir / "journal").events > 0
        strict_redis.start()
    assert (crowd.answered, crowd.refused, crowd.again) == (VISITORS * POSTS, [], 0)
    assert_each_is_stored_once_and_in_order(settings, strict_redis)


def test_the_web_process_is_killed_while_redis_is_there(web: WebProcess, settings: Settings, strict_redis: RedisServer) -> None:
    crowd = Crowd(web, pace=0.02)
    with crowd.posting():
        for answers in (150, 400):
            crowd.wait_for(answers)
            web.end(signal.SIGKILL)
            web.start()
    assert crowd.refused == []
    assert_each_is_stored_once_and_in_order(settings, strict_redis)


def test_the_engine_goes_on_taking_forms_while_its_redis_is_killed_again_and_again(start: Start) -> None:
    """`nurture up` brings its Redis back; nobody who posts a form notices, and the workers store each once."""
    with start(clock_file=None) as engine, httpx.Client(base_url=engine.url, timeout=30, verify=False) as client:
        numbers = count()

        def post() -> None:
            number = next(numbers)
            fields = {"email": f"lead-{number}@example.com", "_id": str(number)}
            assert client.post("/f/guide", data=fields).status_code == WAY_OF_A_FORM

        def another_redis_than(dead: int) -> bool:
            post()
            return engine.pids().get("redis", dead) != dead

        for _ in range(2):
            for _ in range(10):
                post()
            running = wait_until(lambda: engine.pids().get("redis"), 60, what="the Redis to run")
            assert running is not None
            os.kill(running, signal.SIGKILL)
            wait_until(partial(another_redis_than, running), 60, what="another Redis")
        for _ in range(10):
            post()
        sent = next(numbers)
        database = bootstrap.database(engine.settings).engine

        def stored() -> int:
            with database.connect().execution_options(reading=True) as connection:
                return connection.scalar(select(func.count()).where(events.c.name == FORM_SUBMITTED)) or 0

        wait_until(lambda: stored() == sent, 120, every=0.2, what=f"the workers to have stored all of {sent} forms")
        assert standing(engine.settings.data_dir / "journal").events == 0
        database.dispose()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_the_web_process_dies_while_redis_is_away(
    web: WebProcess, settings: Settings, strict_redis: RedisServer, number: signal.Signals
) -> None:
    """The next one takes up what it left; who got no answer posts again, and counts once."""
    crowd = Crowd(web, pace=0.02)
    with crowd.posting():
        crowd.wait_for(100)
        strict_redis.kill9()
        crowd.wait_for(300)
        web.end(number)
        left = standing(settings.data_dir / "journal").events
        web.start()
        crowd.wait_for(700)
        strict_redis.start()
    assert left > 0
    assert crowd.refused == []
    assert_each_is_stored_once_and_in_order(settings, strict_redis)
