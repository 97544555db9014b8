"""The stream holds events that another version wrote: what was written once is absorbed for ever, and what is not known yet costs only itself.

`events_0_1.jsonl` is what 0.1 writes, recorded; no line of it is ever changed.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from sqlalchemy import func, select

from nurture.adapters.database.store import Database
from nurture.adapters.database.tables import events
from nurture.adapters.redis_keys import DEAD, FIELD
from nurture.domain.event import EVENT
from tests.flow.conftest import Intake
from tests.support.events import page

RECORDED = (Path(__file__).parent / "events_0_1.jsonl").read_bytes().splitlines()


def stored(database: Database) -> int:
    with database.engine.connect() as connection:
        return connection.scalar(select(func.count()).select_from(events)) or 0


def of_later(**more: Any) -> bytes:
    """An event as a later version may write it."""
    return json.dumps({**json.loads(EVENT.dump_json(page("/a"), exclude_defaults=True)), **more}).encode()


def test_what_was_written_once_is_absorbed_in_one_batch(intake: Intake, database: Database, redis: Redis) -> None:
    absorbed = intake.take(RECORDED)
    assert (absorbed.read, absorbed.parked, redis.xlen(DEAD)) == (len(RECORDED), 0, 0)
    assert absorbed.stored + absorbed.dropped == len(RECORDED)
    again = intake.take(RECORDED)
    assert (again.stored, again.parked) == (0, 0)


@pytest.mark.parametrize("line", RECORDED, ids=lambda line: json.loads(line)["name"])
def test_it_is_read_as_it_was_meant(line: bytes) -> None:
    event = EVENT.validate_json(line)
    assert json.loads(EVENT.dump_json(event, exclude_defaults=True)) == json.loads(line)


@pytest.mark.parametrize(
    "later",
    [
        {"device_class": "watch"},
        {"device_class": {"deep": [1, None]}, "another": 7},
        {"kind": "purchase"},
        {"assurance": "sworn"},
        {"properties": [1, 2]},
        {"occurred_at": "a stardate"},
    ],
    ids="-".join,
)
def test_what_a_later_version_wrote_waits_among_the_dead_letters_and_holds_up_nothing(
    intake: Intake, database: Database, redis: Redis, later: dict[str, Any]
) -> None:
    absorbed = intake.take([page("/b"), of_later(**later), page("/c")])
    assert (absorbed.read, absorbed.stored, absorbed.parked) == (3, 2, 1)
    found: Any = redis.xrange(DEAD)
    [(_, letter)] = found
    assert b"cannot be read" in letter[b"reason"]
    assert json.loads(letter[FIELD])["message_id"], "whole, for the version that can read it"


def test_a_context_that_nobody_knows_yet_is_kept(intake: Intake, database: Database) -> None:
    absorbed = intake.take([of_later(context={"page": {"path": "/a"}, "headset": {"maker": "x"}})])
    assert (absorbed.stored, absorbed.parked) == (1, 0)
    with database.engine.connect() as connection:
        body: Any = connection.scalar(select(events.c.body))
    assert body["context"]["headset"] == {"maker": "x"}
