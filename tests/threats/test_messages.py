"""A message in Redis that is no JSON is not read: unpickling it would run whatever somebody has put there."""

import base64
import json
import pickle
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from nurture.adapters.broker import configuration, queue_key, task_name
from tests.support.waiting import wait_until
from tests.workers.test_run import Worker, worker

__all__ = ["worker"]


class _Bomb:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def message(body: bytes, content_type: str, encoding: str = "binary") -> str:
    """A task's message as kombu writes it to Redis, in any encoding of its body."""
    id_ = str(uuid4())
    return json.dumps(
        {
            "body": base64.b64encode(body).decode(), "content-encoding": encoding, "content-type": content_type,
            "headers": {"lang": "py", "task": task_name("absorb"), "id": id_, "root_id": id_, "retries": 0, "timelimit": [None, None]},
            "properties": {
                "correlation_id": id_, "delivery_mode": 2, "delivery_info": {"exchange": "", "routing_key": "events"}, "priority": 0,
                "body_encoding": "base64", "delivery_tag": id_,
            },
        }
    )  # fmt: skip


@pytest.mark.parametrize("content_type", ["application/x-python-serialize", "application/x-yaml"])
def test_what_is_no_json_runs_nothing(worker: Worker, tmp_path: Path, content_type: str) -> None:
    trap = tmp_path / "trap"
    pickled = pickle.dumps(([1], {"number": _Bomb(trap)}, {}))
    yaml = f"!!python/object/apply:pathlib.Path.touch [!!python/object/apply:pathlib.Path ['{trap}']]".encode()
    worker.client.lpush(queue_key("events"), message(yaml if "yaml" in content_type else pickled, content_type))
    wait_until(lambda: worker.client.llen(queue_key("events")) == 0, 60, what="the message to be taken")
    worker.nudge("absorb", 0)
    wait_until(lambda: worker.count("done:0") == 1, 60, what="the worker to go on")
    assert not trap.exists()
    assert worker.count("begun:1") == 0
    assert worker.process.poll() is None


def test_nothing_else_is_accepted() -> None:
    assert configuration()["accept_content"] == ["json"]
    assert configuration()["task_serializer"] == "json"
