"""`nurture dead` lists what could not be absorbed, and does what a human decides."""

import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from redis.exceptions import ResponseError

from nurture.adapters.dead_letters import DeadLetters
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
        "action": "dropped", "dry_run": False, "ids": letters[:1], "gone": 0, "handoffs": 0,
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


@pytest.fixture
def many(installation: Installation) -> list[str]:
    """Twelve letters of three causes, an hour apart."""
    pipeline = installation.redis.pipeline()
    for number in range(12):
        event = page(f"/{number}", f"device-{number}", source="website" if number % 2 else "app")
        reason = (
            f"cannot be stored: refused 'p{number}@acme.test' at line {number}",
            "cannot be read: event: EOF",
            f"cannot be stored: {number:08x}-1111-2222-3333-444444444444 is there",
        )[0 if number < 8 else 1 if number < 11 else 2]
        at = f"2026-03-01T{number:02}:00:00+00:00"
        pipeline.xadd(DEAD, {FIELD: EVENT.dump_json(event), "reason": reason, "at": at, "partition": number % 4, "entry": "1-1"})
    pipeline.execute()
    return ids(installation)


@pytest.mark.parametrize(
    ("chosen", "numbers"),
    [
        (("--reason", "EOF"), [8, 9, 10]),
        (("--reason", "REFUSED"), list(range(8))),
        (("--reason", "refused '…' at line N"), list(range(8))),
        (("--reason", "[e-mail]"), list(range(8))),
        (("--event", "page_viewed", "--source", "app"), [0, 2, 4, 6, 8, 10]),
        (("--event", "form_submitted"), []),
        (("--since", "2026-03-01T09:00:00", "--until", "2026-03-01T11:00:00"), [9, 10]),
        (("--since", "25h"), [9, 10, 11]),  # the clock stands at nine on the next day
        (("--partition", "3", "--reason", "stored"), [3, 7, 11]),
    ],
)
def test_letters_are_chosen(nurture: Command, many: list[str], chosen: tuple[str, ...], numbers: list[int]) -> None:
    listed = json.loads(nurture("dead", "list", *chosen, "--json").stdout)
    assert [each["id"] for each in listed["letters"]] == [many[number] for number in numbers]
    assert (listed["count"], listed["matching"]) == (12, len(numbers))
    for action in ("retry", "drop"):
        told = json.loads(nurture("dead", action, *chosen, "--dry-run", "--json").stdout)
        assert told == {
            "action": told["action"],
            "dry_run": True,
            "ids": [many[number] for number in numbers],
            "gone": 0,
            "handoffs": 0,
        }


def test_what_is_chosen_is_put_back_or_dropped(nurture: Command, installation: Installation, many: list[str]) -> None:
    assert nurture("dead", "retry", "--reason", "EOF", "--limit", "2").stdout == "2 events put back\n"
    assert ids(installation) == many[:8] + many[10:]
    assert nurture("dead", "drop", "--reason", "EOF", stdin="n\n").exit_code == 1
    assert nurture("dead", "drop", "--reason", "EOF", "--yes").stdout == "1 event dropped\n"
    assert "9 dead letters" in nurture("dead", "list").stdout
    assert (
        "1 of 9 dead letters match" in nurture("dead", "list", "--source", "website", "--partition", "3", "--since", "1d").stdout
    )


def test_letters_of_one_cause_are_one_line(nurture: Command, many: list[str]) -> None:
    groups = json.loads(nurture("dead", "list", "--group", "--json").stdout)["groups"]
    assert [(each["cause"], each["count"], each["example"]) for each in groups] == [
        ("cannot be stored: refused '…' at line N", 8, many[0]),
        ("cannot be read: event: EOF", 3, many[8]),
        ("cannot be stored: … is there", 1, many[11]),
    ]
    told = nurture("dead", "list", "--group").stdout
    assert "acme.test" not in told
    assert "12 dead letters, 3 causes" in told
    assert "2026-03-01T00:00:00 … 2026-03-01T07:00:00" in told


def test_two_who_put_back_at_once_put_nothing_back_twice(installation: Installation, many: list[str]) -> None:
    letters = DeadLetters(installation.redis)
    found = list(letters.all())
    taken: list[str] = []

    def put_back() -> None:
        taken.extend(letter.id for letter, entry in DeadLetters(installation.redis).retry(found, 4) if entry is not None)

    threads = [threading.Thread(target=put_back) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == sorted(many)
    assert sum(installation.redis.xlen(events(partition)) for partition in range(4)) == 12


def test_what_somebody_else_took_meanwhile_is_told(installation: Installation, many: list[str]) -> None:
    letters = DeadLetters(installation.redis)
    found = list(letters.all())
    assert all(was_there for _, was_there in letters.drop(found[:2]))
    assert [entry is None for _, entry in letters.retry(found[:3], 4)] == [True, True, False]
    assert [was_there for _, was_there in letters.drop(found[:4])] == [False, False, False, True]


def test_nothing_is_lost_where_there_is_no_room(installation: Installation, many: list[str]) -> None:
    letters = DeadLetters(installation.redis)
    installation.redis.config_set("maxmemory", "1")
    try:
        with pytest.raises(ResponseError, match="maxmemory"):
            list(letters.retry(list(letters.all()), 4))
    finally:
        installation.redis.config_set("maxmemory", "0")
    assert ids(installation) == many


@pytest.fixture
def absorbing(installation: Installation) -> Iterator[None]:
    """A worker that absorbs what comes into the first partition."""
    over = threading.Event()

    def work() -> None:
        while not over.wait(0.05):
            installation.happen()

    worker = threading.Thread(target=work)
    worker.start()
    yield
    over.set()
    worker.join()


@pytest.mark.usefixtures("absorbing")
def test_whoever_waits_hears_how_many_came_back(nurture: Command, installation: Installation, letters: list[str]) -> None:
    installation.redis.xdel(DEAD, letters[0])
    installation.redis.xadd(
        DEAD, {FIELD: b"{", "reason": "cannot be read", "at": "2026-03-02T09:00:00+00:00", "partition": 0, "entry": "1-1"}
    )
    told = nurture("dead", "retry", "--all", "--wait", "--timeout", "90s")
    assert told.stdout == "2 events put back\n1 event absorbed, 1 came back\n"
    assert told.exit_code == 1
    nurture("dead", "drop", "--all", "--yes")
    assert json.loads(nurture("dead", "retry", "--all", "--wait", "--json").stdout)["absorbed"] == 0


def test_what_still_waits_is_told_with_what_holds_it(nurture: Command, letters: list[str]) -> None:
    nurture("pause", "queue", "events")
    told = nurture("dead", "retry", letters[1], "--wait", "--timeout", "1s")
    assert told.exit_code == 1
    assert "0 events absorbed, 0 came back; 1 event still waiting" in told.stdout
    assert "`nurture resume queue events` lets them go on" in told.stdout
