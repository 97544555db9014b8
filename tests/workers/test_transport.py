"""A worker whose Redis goes away, or is full, works on when Redis is well again."""

import logging
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from nurture.settings import Settings
from tests.support.servers import RedisServer
from tests.support.waiting import wait_until
from tests.workers.test_run import Worker
from workers.app import make_app


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


@pytest.fixture
def worker(own_redis: RedisServer, tmp_path: Path) -> Iterator[Worker]:
    running = Worker(own_redis.url, tmp_path)
    yield running
    if running.process.poll() is None:
        os.killpg(running.process.pid, signal.SIGKILL)
        running.process.wait()
    running.nudge.close()
    running.client.close()


def test_a_slot_is_free_again_though_redis_did_not_hear_that_its_message_is_done(own_redis: RedisServer) -> None:
    """With kombu 5.7.0 alone it never is, and a worker without a free slot takes no task any more until somebody kills it."""
    with held_message(own_redis) as (message, connection):
        assert not message.channel.qos.can_consume()
        own_redis.kill9()
        message.ack_log_error(logging.getLogger("test"), connection.connection_errors)
        assert message.channel.qos.can_consume()
        own_redis.start()


def test_a_task_that_ends_after_its_connection_was_given_up_ends_nothing_else(own_redis: RedisServer) -> None:
    """With kombu 5.7.0 alone an AttributeError ends the worker."""
    with held_message(own_redis) as (message, connection):
        errors = connection.connection_errors
        connection.collect()
        message.ack_log_error(logging.getLogger("test"), errors)


def test_a_channel_says_so_when_its_connection_was_given_up(own_redis: RedisServer) -> None:
    """With kombu 5.7.0 alone closing a channel that still holds messages may end the worker (AttributeError)."""
    with held_message(own_redis) as (message, connection):
        errors, channel = connection.connection_errors, message.channel
        connection.collect()
        with pytest.raises(errors):
            channel._connparams()


@contextmanager
def held_message(server: RedisServer) -> Iterator[tuple[Any, Any]]:
    """A message that fills a slot, and its connection."""
    app = make_app(Settings.model_validate({"redis_url": server.url}))
    held: list[Any] = []
    with app.connection_for_read() as connection:
        channel: Any = connection.channel()
        channel.do_restore = False  # who dies hands nothing back
        channel.basic_qos(0, 1, False)
        queue = app.amqp.queues["mail"]
        app.amqp.Producer(channel).publish({}, routing_key="mail", declare=[queue])
        app.amqp.Consumer(channel, [queue], on_message=held.append, accept=["json"]).consume()
        connection.drain_events(timeout=10)
        yield held[0], connection


def test_a_worker_outlives_a_redis_that_is_full(worker: Worker, own_redis: RedisServer, log: Path) -> None:
    os.killpg(worker.process.pid, signal.SIGSTOP)
    for _ in range(3):
        worker.nudge("absorb", 1)
    with own_redis.client() as client:
        client.config_set("maxmemory", "1")
        os.killpg(worker.process.pid, signal.SIGCONT)
        wait_until(lambda: "used memory" in log.read_text(errors="replace"), 30)
        client.config_set("maxmemory", "0")
    worker.nudge("absorb", 0)
    wait_until(lambda: worker.count("done:0"), 30)
    assert worker.process.poll() is None
