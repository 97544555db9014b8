"""Segment's official client for Python, pointed at the engine by its `host` option and by nothing else."""

from collections import Counter
from typing import Any

import pytest
from segment.analytics.client import Client
from sqlalchemy import select

from nurture.adapters.database.engine import make_engine
from nurture.adapters.database.tables import events, people
from tests.acceptance.conftest import Start
from tests.support.waiting import wait_until

pytestmark = pytest.mark.engine

BATCH = 100


def test_everything_it_sends_is_stored(start: Start) -> None:
    """Track, identify, page, alias and a batch of a hundred, without any error."""
    errors: list[Any] = []
    with start() as engine:
        (written,) = engine.settings.write_keys.values()
        client = Client(written.key, host=engine.url, on_error=lambda *told: errors.append(told), upload_size=BATCH)
        client.page(
            anonymous_id="browser-1", name="Pricing", properties={"url": "https://www.example.com/pricing", "path": "/pricing"}
        )
        client.identify("u1", {"email": "ada@segment.example.com", "title": "Head of Marketing"}, anonymous_id="browser-1")
        client.track("u1", "demo_requested", {"plan": "team"})
        client.alias("browser-2", "u1")
        client.flush()
        for number in range(BATCH):
            client.track("u1", "podcast_played", {"seconds": 300, "episode": number})
        client.shutdown()
        assert errors == []
        database = make_engine(engine.settings.database)
        wait_until(lambda: sum(stored(database).values()) == BATCH + 4, 30, what="all events to be stored")
        assert stored(database) == {
            ("page_viewed", "human"): 1, ("identified", "human"): 1, ("demo_requested", "human"): 1, ("aliased", "human"): 1,
            ("podcast_played", "human"): BATCH,
        }  # fmt: skip
        with database.connect() as connection:
            person = connection.execute(select(people).where(people.c.email == "ada@segment.example.com")).one()
        assert person.stage == "sql", "a demo was requested"
        database.dispose()


def stored(database: Any) -> Counter[tuple[str, str]]:
    with database.connect() as connection:
        return Counter(tuple(row) for row in connection.execute(select(events.c.name, events.c.verdict)))
