"""What an event takes is all of the log: its rows, what does not fit into them, and each of its indexes."""

from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID

import pytest
from sqlalchemy import Engine, insert, text

from benchmarks.storage import Part, Stored, columns, parts
from nurture.adapters.database.engine import make_engine
from nurture.adapters.database.tables import events, people

AT = datetime(2026, 3, 2, tzinfo=UTC)


@pytest.fixture
def engine(postgresql_url: str) -> Iterator[Engine]:
    engine = make_engine(postgresql_url)
    yield engine
    engine.dispose()


def test_tables_and_indexes_sum_to_what_postgresql_says(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(
            insert(people).values(
                id=1, stage="audience", stage_since=AT, attributes={}, grade="D", first_seen_at=AT, seen_at=AT, heat=0.0, fit=0
            )
        )
        rows = [
            {
                "id": UUID(int=number), "person_id": 1, "name": "page_viewed", "occurred_at": AT, "received_at": AT,
                "verdict": "human", "fingerprint": number, "body": {"properties": {"number": number}},
            }
            for number in range(500)
        ]  # fmt: skip
        connection.execute(insert(events), rows)
    found = parts(engine)
    with engine.connect() as connection:
        total = connection.scalar(text("SELECT pg_total_relation_size('events')"))
    theirs = [each for each in found if each.of == "events"]
    assert sum(each.bytes for each in theirs) == total
    indexes = {each.name for each in theirs if each.is_index}
    assert indexes == {"pk_events", *(str(index.name) for index in events.indexes)}
    stored = Stored(500, 1, found, columns(engine))
    assert stored.event_bytes == total / 500
    told = {name: size for name, (size,) in stored.event_made_of.parts.items()}
    assert sum(told.values()) == pytest.approx(stored.event_bytes, abs=3)  # what takes less than a byte is not told
    assert (told["column id"], told["column person_id"]) == (16, 8)
    assert "column verdict_reasons" not in told  # none of them has any
    assert 0 < told["column body"] < 60
    assert told["header, alignment, room in pages"] > 23  # the header alone takes so much


def test_people_and_rollups_are_no_part_of_an_event() -> None:
    found = [
        Part("events", "events", is_index=False, bytes=3_000, scans=None),
        Part("pk_events", "events", is_index=True, bytes=1_000, scans=0),
        Part("people", "people", is_index=False, bytes=500, scans=None),
        Part("score_cells", "score_cells", is_index=False, bytes=300, scans=None),
        Part("rollups", "rollups", is_index=False, bytes=70, scans=None),
        Part("releases", "releases", is_index=False, bytes=9_000, scans=None),
    ]
    stored = Stored(10, 4, found)
    assert (stored.event_bytes, stored.person_bytes, stored.rollup_bytes) == (400, 200, 7)
    assert stored.as_json()["parts"][1]["bytes_an_event"] == 100
    assert stored.person_made_of.parts == {"table people": (125,), "table score_cells": (75,)}
    assert Stored(10, 4, found, {"id": 16, "body": 250}).event_made_of.parts == {
        "column body": (250,), "index pk_events": (100,), "header, alignment, room in pages": (34,), "column id": (16,),
    }  # fmt: skip
