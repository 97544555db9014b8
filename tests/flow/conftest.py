"""The flow's surroundings: a real database with definitions in force, a real stream, and time that stands still."""

from collections.abc import Iterable

import pytest
from redis import Redis
from sqlalchemy import Engine

from nurture.adapters.database.releases import apply
from nurture.adapters.database.store import Database
from nurture.adapters.redis_keys import FIELD, events
from nurture.adapters.stream import held_partition
from nurture.domain.event import EVENT, Event
from nurture.flow.absorb import Absorbed, absorb
from nurture.flow.advance import advance
from tests.flow.post import Post
from tests.support.definitions import definitions
from tests.support.events import download, form
from tests.support.smtp import SmtpSink
from tests.support.waiting import MovableClock


@pytest.fixture
def database(migrated_engine: Engine, clock: MovableClock) -> Database:
    with migrated_engine.begin() as connection:
        apply(connection, definitions(), clock.now())
    return Database(migrated_engine, "a secret of these tests")


@pytest.fixture
def redis(redis_url: str) -> Redis:
    return Redis.from_url(redis_url)


class Intake:
    """Puts events on the stream and absorbs them."""

    def __init__(self, redis: Redis, database: Database, clock: MovableClock) -> None:
        self.redis, self.database, self.clock = redis, database, clock

    def put(self, *bodies: Event | bytes) -> None:
        for body in bodies:
            self.redis.xadd(events(0), {FIELD: EVENT.dump_json(body) if isinstance(body, Event) else body})

    def absorb(self, limit: int = 500) -> Absorbed:
        with held_partition(self.redis, 0) as partition:
            assert partition is not None
            return absorb(partition, self.database, self.clock, lambda agent: "crawler" if "bot" in agent else "browser", limit)

    def take(self, items: Iterable[Event | bytes]) -> Absorbed:
        self.put(*items)
        return self.absorb()


@pytest.fixture
def intake(redis: Redis, database: Database, clock: MovableClock) -> Intake:
    return Intake(redis, database, clock)


@pytest.fixture
def post(database: Database, clock: MovableClock, smtp_sink: SmtpSink) -> Post:
    return Post(database, clock, smtp_sink)


def queue(intake: Intake, *addresses: str) -> None:
    for address in addresses:
        intake.put(form(address, device=address), download(address))
    intake.absorb(2 * len(addresses))
    while advance(intake.database, intake.clock, lambda *_: False).moved:
        pass
