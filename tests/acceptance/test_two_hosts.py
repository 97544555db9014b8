"""Workers on two hosts share one Redis and one PostgreSQL; one of them is cut off in the middle of its work, and comes back.

The cable is pulled while the second host has a transaction open and a mail on its way. No connection is closed by that, so nobody
is told: the servers must find out by themselves, and let go of what it held.
"""

import json
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

import httpx
import psycopg
import pytest
from pydantic import SecretStr
from redis import Redis
from sqlalchemy import func, select

from benchmarks.laboratory import frozen
from nurture import bootstrap
from nurture.adapters import redis_keys
from nurture.adapters.clock import set_shift
from nurture.adapters.database.engine import make_engine
from nurture.adapters.database.tables import enrollments, events, messages, people
from nurture.reports.verify import verify
from nurture.settings import Settings
from tests.acceptance.kill_crowd import Crowd, batches, make_crowd, write_definitions
from tests.acceptance.test_kill import check_scores
from tests.support.hosts import Network
from tests.support.servers import PostgresServer, RedisServer
from tests.support.smtp import Mail, SmtpSink
from tests.support.waiting import free_port, wait_until

pytestmark = [pytest.mark.engine, pytest.mark.timeout(900)]

EVENTS, LEADS, LETTERS = 3_000, 75, 3
CONNECTIONS: Final = 2
#: Seconds for anything, on a machine that does much else; alone it takes a few.
PATIENCE: Final = 150.0
WRITE_KEY: Final = "wk_two_hosts"
PASSWORD: Final = "as-long-as-in-production"
#: Longer than a lease on a message, so that moving the clock by it frees what a host that is gone had claimed. Seconds.
LEASES_ARE_OVER: Final = 300

FIRST, SECOND = "first", "second"
EVENTS_WORKER: Final = ("worker", "--queues", "events,sequences", "--concurrency", "1")
MAIL_WORKER: Final = ("worker", "--queues", "mail,handoff", "--concurrency", "1")


class Scene:
    """The servers on a host of their own, the whole engine on two others.

    To be used by a thread that is on the host of the servers.
    """

    def __init__(self, network: Network, redis: RedisServer, postgres: PostgresServer, folder: Path) -> None:
        self.network, self.redis, self.folder = network, redis, folder
        self.relays = {name: SmtpSink(host=network.address) for name in network.hosts}
        self.settings = self._settings(_database_for(postgres, network.address), folder)
        self.engine = make_engine(self.settings.database)
        self.processes: dict[tuple[str, str], subprocess.Popen[bytes]] = {}

    def _settings(self, database: str, folder: Path) -> Settings:
        definitions = write_definitions(folder)
        return Settings(
            database_url=SecretStr(database), redis_url=SecretStr(f"redis://:{PASSWORD}@{self.network.address}:{self.redis.port}/0"),
            secret_key=SecretStr("two-hosts-two-hosts-two-hosts"), write_keys={"website": WRITE_KEY}, port=free_port(),
            config_dir=definitions.config, templates_dir=definitions.templates, clock_file=folder / "clock", log_format="json",
            data_dir=folder / "servers", rate_events=0,
        )  # fmt: skip

    def start(self, stack: ExitStack) -> None:
        for relay in self.relays.values():
            stack.enter_context(relay)
        bootstrap.prepare(self.settings)
        stack.callback(self.engine.dispose)
        for name in self.network.hosts:
            for part in (("beat",), EVENTS_WORKER, MAIL_WORKER, ("web",)):
                self._start(stack, name, part)
        for name in self.network.hosts:
            wait_until(partial(self._web_answers, name), PATIENCE, every=0.1, what="the web process")
        wait_until(lambda: self.at_work() == [FIRST, FIRST, SECOND, SECOND], PATIENCE, every=0.2, what="all workers to be up")

    def _start(self, stack: ExitStack, name: str, words: Sequence[str]) -> None:
        log = self.folder / f"{name}-{'-'.join(words[:3]).replace(',', '-')}.log"
        with self.network.hosts[name].entered(), log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "nurture.cli.main", *words], env=self._environ(name), stdout=output, stderr=output,
                start_new_session=True,
            )  # fmt: skip
        stack.callback(_end, process)
        self.processes[name, words[2] if words[0] == "worker" else words[0]] = process

    def _environ(self, name: str) -> dict[str, str]:
        """Each host has a folder and a relay of its own."""
        settings = self.settings.model_copy(
            update={
                "data_dir": self.folder / name,
                "smtp_url": SecretStr(f"{self.relays[name].url}?connections={CONNECTIONS}"),
            }
        )
        return {**os.environ, **settings.as_environ()}

    def _web_answers(self, name: str) -> bool:
        with self.network.hosts[name].entered():
            try:
                return httpx.get(f"http://127.0.0.1:{self.settings.port}/health/live").status_code == 200
            except httpx.TransportError:
                return False

    def post(self, bodies: Sequence[bytes], name: str = FIRST) -> None:
        """Give a host's web process events; each must be accepted."""
        address = f"http://127.0.0.1:{self.settings.port}/v1/batch"
        with self.network.hosts[name].entered(), httpx.Client(auth=(WRITE_KEY, ""), timeout=30) as client:
            for body in bodies:
                answer = client.post(address, content=body, headers={"Content-Type": "application/json"})
                assert answer.status_code == 200, answer.text
                assert not answer.json().get("rejected")

    def status_on(self, name: str) -> dict[str, Any]:
        """What `nurture status` says on a host."""
        with self.network.hosts[name].entered():
            said = subprocess.run(
                [sys.executable, "-m", "nurture.cli.main", "status", "--json"], env=self._environ(name), stdout=subprocess.PIPE,
                check=False, timeout=PATIENCE,
            )  # fmt: skip
        told: dict[str, Any] = json.loads(said.stdout)
        return told | {"exit_code": said.returncode}

    def at_work(self) -> list[str]:
        """The hosts of the workers that show a sign of life."""
        with Redis.from_url(self.settings.redis, decode_responses=True) as client:
            return sorted(str(client.hget(key, "host")) for key in client.scan_iter(redis_keys.worker("*")))

    def stored(self) -> int:
        with self.engine.connect() as connection:
            return connection.scalar(select(func.count()).select_from(events)) or 0

    def unfinished(self, besides: str = "nobody") -> int:
        """Letters on their way (but for those of one host), runs that will still write one, and events and people that wait."""
        with self.engine.connect() as connection, Redis.from_url(self.settings.redis) as client:
            others = func.coalesce(messages.c.claimed_by, "").not_like(f"{besides}-%")
            letters = select(func.count()).where(messages.c.status.in_(["queued", "sending"]), others)
            runs = select(func.count()).where(enrollments.c.status.in_(["active", "waiting"]))
            recounts = select(func.count()).where(people.c.recount_at.is_not(None))
            waiting = sum(int(client.xlen(redis_keys.events(each))) for each in range(self.settings.partitions))
            return waiting + sum(connection.scalar(each) or 0 for each in (letters, runs, recounts))

    def come_to_rest(self, besides: str = "nobody") -> None:
        wait_until(lambda: self.unfinished(besides) == 0, PATIENCE, every=0.2, what="everything to be done")

    def mails(self) -> list[Mail]:
        return [mail for relay in self.relays.values() for mail in relay.mails]

    @contextmanager
    def scores_locked(self) -> Iterator[None]:
        """No transaction of absorb comes to its end meanwhile.

        To be used at rest: a host that goes to recount people whom the other's batch holds would wait for that one, and never absorb.
        """
        with psycopg.connect(self.settings.database.replace("+psycopg", "")) as connection:
            connection.execute("LOCK TABLE score_cells IN ACCESS EXCLUSIVE MODE")
            yield

    def wait_until_stuck(self, *names: str) -> None:
        """Until these hosts wait for that lock."""
        wanted = {self.network.address_of(name) for name in names}
        try:
            wait_until(lambda: wanted <= self._stuck(), PATIENCE, every=0.05, what=f"{' and '.join(names)} to hold a batch")
        except AssertionError as error:
            error.add_note(self._who_waits())
            raise

    def _stuck(self) -> set[str]:
        with self.engine.connect() as connection:
            rows = connection.exec_driver_sql(
                "SELECT host(client_addr) FROM pg_stat_activity JOIN pg_locks USING (pid) "
                "WHERE NOT granted AND relation = 'score_cells'::regclass"
            )
            return set(rows.scalars())

    def _who_waits(self) -> str:
        """What every connection does, and which others it waits for."""
        with self.engine.connect() as connection:
            rows = connection.exec_driver_sql(
                "SELECT host(client_addr), pid, state, wait_event, pg_blocking_pids(pid), left(query, 120) FROM pg_stat_activity "
                "WHERE datname = current_database()"
            )
            return "\n".join(str(tuple(row)) for row in rows)

    def letters_only_from(self, name: str) -> ExitStack:
        """Meanwhile the other host's worker for mail stands still."""
        stack = ExitStack()
        for host, queues in self.processes:
            if queues == MAIL_WORKER[2] and host != name:
                stack.enter_context(frozen(self.processes[host, queues]))
        return stack


def _database_for(postgres: PostgresServer, address: str) -> str:
    """A database that the engine enters by the network, with a password."""
    name = postgres.create_database().rpartition("/")[2]
    with postgres.connect() as connection:
        connection.execute(f"CREATE ROLE nurture LOGIN PASSWORD '{PASSWORD}'".encode())
        connection.execute(f"ALTER DATABASE {name} OWNER TO nurture".encode())
    return f"postgresql+psycopg://nurture:{PASSWORD}@{address}:{postgres.port}/{name}"


def _end(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with ExitStack() as stack:
        network = stack.enter_context(Network(FIRST, SECOND))
        stack.enter_context(network.servers.entered())
        redis = stack.enter_context(RedisServer(appendonly=True, options={"bind": "0.0.0.0"}))
        with redis.client() as client:
            client.config_set("requirepass", PASSWORD)
        postgres = stack.enter_context(PostgresServer(options={"listen_addresses": f"127.0.0.1,{network.address}"}))
        postgres.let_in(f"{network.address}/24")
        scene = Scene(network, redis, postgres, tmp_path)
        scene.start(stack)
        yield scene


def test_a_host_is_cut_off_and_nothing_is_lost_or_done_twice(scene: Scene) -> None:
    crowd = make_crowd(datetime.now(UTC), random.Random(2), EVENTS, LEADS)
    bodies = batches(crowd, 50)
    part = len(bodies) // 5

    both_work(scene, bodies[:part])
    second_is_cut_off(scene, bodies[part : 2 * part], bodies[2 * part : 3 * part])
    first_goes_on_alone(scene, stored=len(unique(crowd, 3 * part * 50)))
    scene.post(bodies[3 * part : 4 * part], SECOND)  # it still has its journal
    second_comes_back(scene, bodies[4 * part :], stored=len(unique(crowd, 4 * part * 50)))

    wait_until(lambda: scene.stored() == EVENTS, PATIENCE, every=0.1, what="every event to be stored")
    scene.come_to_rest()
    check_scores(scene.engine, crowd)
    check_letters(scene)
    definitions = bootstrap.load_definitions(scene.settings).definitions
    assert definitions is not None
    assert verify(scene.engine, definitions) == []


def both_work(scene: Scene, bodies: Sequence[bytes]) -> None:
    """Each host absorbs and mails, and either of them knows of both."""
    with scene.letters_only_from(SECOND):
        with scene.scores_locked():
            scene.post(bodies)
            scene.wait_until_stuck(FIRST, SECOND)
        scene.relays[SECOND].wait_for(1, PATIENCE)
    with scene.letters_only_from(FIRST):
        scene.relays[FIRST].wait_for(1, PATIENCE)
    for name in (FIRST, SECOND):
        assert {worker["host"] for worker in scene.status_on(name)["stream"]["workers"]} == {FIRST, SECOND}


def second_is_cut_off(scene: Scene, early: Sequence[bytes], late: Sequence[bytes]) -> None:
    """Its relay takes a letter and it is not told; it has absorbed a batch and cannot commit."""
    relay = scene.relays[SECOND]
    scene.come_to_rest()
    relay.answers_mails = False
    taken = len(relay.mails)
    with scene.letters_only_from(SECOND):
        scene.post(early)
        relay.wait_for(taken + 1, PATIENCE)
    scene.come_to_rest(besides=SECOND)
    with scene.scores_locked():
        scene.post(late)
        scene.wait_until_stuck(SECOND)
        scene.network.cut(SECOND)


def first_goes_on_alone(scene: Scene, stored: int) -> None:
    """It takes over what the other one held, and says that nobody else is there."""
    wait_until(lambda: scene.stored() == stored, PATIENCE, every=0.1, what="the first to absorb all alone")
    wait_until(lambda: set(scene.at_work()) == {FIRST}, PATIENCE, every=0.2, what="the second to count as gone")
    scene.come_to_rest(besides=SECOND)
    assert scene.settings.clock_file is not None
    set_shift(scene.settings.clock_file, LEASES_ARE_OVER)
    scene.come_to_rest()
    assert {worker["host"] for worker in scene.status_on(FIRST)["stream"]["workers"]} == {FIRST}
    alone = scene.status_on(SECOND)
    assert alone["exit_code"] == 2
    assert {"redis-away", "database-away"} <= {problem["code"] for problem in alone["problems"]}


def second_comes_back(scene: Scene, bodies: Sequence[bytes], stored: int) -> None:
    """It works again by itself, and what its journal kept comes with it."""
    relay = scene.relays[SECOND]
    relay.answers_mails = True
    scene.network.mend(SECOND)
    relay.abort_sessions()
    wait_until(lambda: set(scene.at_work()) == {FIRST, SECOND}, PATIENCE, every=0.2, what="the second to be there again")
    wait_until(lambda: scene.stored() == stored, PATIENCE, every=0.1, what="its journal to be absorbed")
    scene.come_to_rest()
    taken = len(relay.mails)
    with scene.letters_only_from(SECOND):
        with scene.scores_locked():
            scene.post(bodies)
            scene.wait_until_stuck(FIRST, SECOND)
        relay.wait_for(taken + 1, PATIENCE)


def check_letters(scene: Scene) -> None:
    """Each lead got each letter once, but for the few that the second host had on the wire when it was cut off."""
    arrived = Counter(mail.message_id for mail in scene.mails())
    assert set(arrived.values()) == {1}, "a letter was mailed twice"
    with scene.engine.connect() as connection:
        by_status = Counter(connection.scalars(select(messages.c.status)))
    assert by_status["sent"] + by_status["uncertain"] == by_status.total() == LEADS * LETTERS
    assert 1 <= by_status["uncertain"] <= CONNECTIONS
    assert by_status["sent"] < len(arrived) <= by_status.total()  # the one that was taken without an answer did arrive


def unique(crowd: Crowd, calls: int) -> set[str]:
    """The ids of what is sent first."""
    return {call["messageId"] for call in crowd.calls[:calls]}
