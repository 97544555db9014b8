"""The latest warnings of all processes: masked, few, and never waited for."""

import json
import logging
import multiprocessing
import os
import time
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from redis import Redis

from nurture.adapters.redis_keys import WARNINGS
from nurture.adapters.warned import Warned, warnings_in
from nurture.adapters.warnings import KEPT, LONGEST, KeepWarnings, keep_warnings
from nurture.observability import configure_logging
from tests.support.servers import RedisServer
from tests.support.waiting import wait_until

SECRET = "correct-horse-battery"


@pytest.fixture
def _logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    configure_logging()
    yield
    for handler in root.handlers:
        if isinstance(handler, KeepWarnings):
            handler.close()
    root.handlers[:], root.level = handlers, level
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


def kept(url: str) -> list[Warned]:
    with Redis.from_url(url) as client:
        lines: Any = client.lrange(WARNINGS, 0, -1)
    return warnings_in(lines)


@pytest.mark.usefixtures("_logging")
def test_warnings_of_structlog_and_of_libraries_are_kept_masked_and_nothing_below(redis_url: str) -> None:
    keep_warnings(redis_url, "worker mail", [SECRET])
    log = structlog.get_logger("nurture.tasks")
    log.info("sent", claimed=3)
    log.warning("send stopped", why=f"ana@acme.test is refused by {SECRET}", token="t")
    logging.getLogger("celery.worker").error("lost %s\n\x1b[2J", "ana@acme.test")
    try:
        int("ana@acme.test")
    except ValueError:
        log.exception("a task failed")
    wait_until(lambda: len(kept(redis_url)) == 3)
    found = kept(redis_url)
    assert [each.text for each in reversed(found)] == [
        "send stopped why=[e-mail] is refused by [secret] token=[secret]",
        "lost [e-mail] \ufffd[2J",
        "a task failed ValueError: invalid literal for int() with base 10: [e-mail]'",
    ]
    assert {(each.process, each.pid) for each in found} == {("worker mail", os.getpid())}
    assert [each.level for each in reversed(found)] == ["warning", "error", "error"]
    assert all(abs(time.time() - each.at) < 60 for each in found)


@pytest.mark.usefixtures("_logging")
def test_of_a_flood_only_the_latest_are_kept_and_none_is_long(redis_url: str) -> None:
    with Redis.from_url(redis_url) as client:
        client.lpush(WARNINGS, *(["{}"] * (KEPT + 5)))
    keep_warnings(redis_url, "web")
    for number in range(200):
        logging.getLogger("x").warning("flood %d %s", number, "y" * 1_000)
    found = wait_until(lambda: kept(redis_url))
    assert len(found) <= KEPT
    assert all(len(each.text) <= LONGEST for each in found)
    with Redis.from_url(redis_url) as client:
        assert client.llen(WARNINGS) == KEPT


def _warn_in_child() -> None:
    logging.getLogger("child").warning("from the child")
    for handler in logging.getLogger().handlers:
        handler.close()


@pytest.mark.usefixtures("_logging")
def test_a_forked_process_keeps_its_own(redis_url: str) -> None:
    keep_warnings(redis_url, "worker events")
    logging.getLogger("parent").warning("from the parent")
    child = multiprocessing.get_context("fork").Process(target=_warn_in_child)
    child.start()
    child.join(30)
    wait_until(lambda: len(kept(redis_url)) == 2)
    found = kept(redis_url)
    assert {(each.text, each.pid) for each in found} == {("from the parent", os.getpid()), ("from the child", child.pid)}


@pytest.mark.usefixtures("_logging")
def test_while_redis_is_away_nobody_waits_and_nothing_is_raised(own_redis: RedisServer) -> None:
    keep_warnings(own_redis.url, "web")
    own_redis.stop()
    began = time.monotonic()
    for _ in range(200):
        logging.getLogger("x").warning("Redis is away")
    assert time.monotonic() - began < 1
    own_redis.start()

    def told() -> list[Warned]:
        logging.getLogger("x").warning("it is back")
        return [each for each in kept(own_redis.url) if each.text == "it is back"]

    wait_until(told, 20, every=0.1)


def test_what_another_version_wrote_is_passed_over() -> None:
    good = {"at": 5.0, "process": "web", "host": "h", "pid": 1, "level": "error", "text": "x", "more": 1}
    odd = [b"", b"[]", b"7", b"{}", json.dumps({**good, "at": 1e300}).encode(), json.dumps({**good, "pid": "x"}).encode()]
    assert warnings_in([*odd, json.dumps(good).encode()]) == [Warned(5.0, "web", "h", 1, "error", "x")]
