"""`nurture dead` lists what could not be absorbed, and does what a human decides."""

import json
from typing import Any

import pytest

from nurture.adapters.redis_keys import DEAD, FIELD, events
from nurture.domain.event import EVENT
from nurture.errors import Unavailable
from tests.cli.conftest import Command
from tests.support.events import page
from tests.support.installation import Installation


def ids(installation: Installation) -> list[str]:
    found: Any = installation.redis.xrange(DEAD)
    return [id_.decode() for id_, _ in found]


@pytest.fixture
def letters(installation: Installation) -> list[str]:
    """Two dead letters: an event that is none, and a good one set aside with a reason that quotes an address."""
    broken: dict[Any, Any] = {
        FIELD: b'{"message_id": "x',
        "reason": "cannot be read: event: EOF",
        "at": "2026-03-02T09:00:00+00:00",
        "partition": 9,
    }
    body = EVENT.dump_json(page("/pricing", email="ana@acme.test"))
    good: dict[Any, Any] = {
        FIELD: body,
        "reason": "cannot be stored: refused 'ana@acme.test'",
        "at": "2026-03-02T09:00:01+00:00",
        "partition": 0,
    }
    installation.redis.xadd(DEAD, broken)
    installation.redis.xadd(DEAD, good)
    return ids(installation)


def test_letters_are_listed_without_telling_who_they_are_about(nurture: Command, letters: list[str]) -> None:
    told = nurture("dead", "list")
    assert told.exit_code == 0, told.output
    assert all(id_ in told.stdout for id_ in letters)
    assert "page_viewed" in told.stdout
    assert "2 dead letters" in told.stdout
    assert "ana@acme.test" not in told.stdout
    found = json.loads(nurture("dead", "list", "--json", "--limit", "1").stdout)
    assert (found["count"], [each["id"] for each in found["letters"]]) == (2, letters[:1])
    assert "ana@acme.test" not in nurture("dead", "list", "--json").stdout


def test_one_letter_is_shown_with_its_event(nurture: Command, letters: list[str]) -> None:
    assert json.loads(nurture("dead", "show", letters[1]).stdout)["event"]["email"] == "ana@acme.test"
    assert json.loads(nurture("dead", "show", letters[0]).stdout)["event"] == '{"message_id": "x'


def test_a_letter_that_is_retried_is_absorbed(nurture: Command, installation: Installation, letters: list[str]) -> None:
    assert nurture("dead", "retry", letters[1], "--dry-run").stdout == "1 event would be put back\n"
    assert installation.redis.xlen(DEAD) == 2
    assert nurture("dead", "retry", letters[1]).stdout == "1 event put back\n"
    assert installation.redis.xlen(DEAD) == 1
    installation.happen()
    assert installation.person("ana@acme.test").heat > 0


def test_a_partition_that_is_no_more_does_not_swallow_an_event(
    nurture: Command, installation: Installation, letters: list[str]
) -> None:
    assert nurture("dead", "retry", "--all").stdout == "2 events put back\n"
    assert installation.redis.xlen(events(9 % 4)) == 1


def test_letters_are_dropped(nurture: Command, installation: Installation, letters: list[str]) -> None:
    assert json.loads(nurture("dead", "drop", letters[0], "--json").stdout) == {
        "action": "dropped", "dry_run": False, "ids": letters[:1],
    }  # fmt: skip
    assert ids(installation) == letters[1:]


def test_all_are_dropped_only_when_somebody_says_so(nurture: Command, installation: Installation, letters: list[str]) -> None:
    assert nurture("dead", "drop", "--all", stdin="n\n").exit_code == 1
    assert nurture("dead", "drop", "--all", "--dry-run").stdout == "2 events would be dropped\n"
    assert installation.redis.xlen(DEAD) == 2
    assert nurture("dead", "drop", "--all", "--yes").exit_code == 0
    assert installation.redis.xlen(DEAD) == 0


@pytest.mark.parametrize("action", ["retry", "drop"])
@pytest.mark.parametrize("wrong", ["1-1", "nonsense", "*", "-", "+", "1-1; DEL x", "9" * 40])
def test_an_id_that_is_none_stops_everything(
    nurture: Command, installation: Installation, letters: list[str], action: str, wrong: str
) -> None:
    told = nurture("dead", action, letters[0], "--", wrong)
    assert told.exit_code == 1
    assert f"there is no dead letter {wrong}" in told.stderr
    assert installation.redis.xlen(DEAD) == 2


@pytest.mark.parametrize("arguments", [(), ("1-1", "--all")])
def test_ids_or_all_must_be_named(nurture: Command, arguments: tuple[str, ...]) -> None:
    told = nurture("dead", "retry", *arguments)
    assert told.exit_code == 2
    assert "name ids, or say --all" in told.stderr


def test_more_letters_than_a_page_are_all_found(nurture: Command, installation: Installation) -> None:
    pipeline = installation.redis.pipeline()
    for _ in range(1_200):
        pipeline.xadd(DEAD, {FIELD: b"x", "reason": "r", "at": "2026-03-02T09:00:00+00:00", "partition": 0})
    pipeline.execute()
    assert nurture("dead", "retry", "--all").stdout == "1200 events put back\n"
    assert installation.redis.xlen(events(0)) == 1_200


def test_nothing_is_dead(nurture: Command) -> None:
    assert nurture("dead", "list").stdout == "0 dead letters\n"
    assert nurture("dead", "retry", "--all").stdout == "0 events put back\n"


def test_without_redis_it_says_what_to_do(nurture: Command, environment: pytest.MonkeyPatch) -> None:
    environment.setenv("NURTURE_REDIS_URL", "redis://127.0.0.1:1/0")
    told = nurture("dead", "list")
    assert isinstance(told.exception, Unavailable)
    assert "start it" in str(told.exception)


def test_what_is_no_event_becomes_a_letter(nurture: Command, installation: Installation) -> None:
    installation.garble()
    assert "cannot be read" in nurture("dead", "list").stdout
