"""Which facts are a problem, and which are not."""

from datetime import UTC, datetime, timedelta

import pytest

from nurture.adapters.broker import QUEUES
from nurture.reports.diagnosis import in_disk, in_journal, in_memory, in_migrations, in_stream
from nurture.reports.facts import Backlog, Disk, Journal, Memory, Migrations, Stream, Worker

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
MEMORY = Memory(used=1_000, limit=10_000, policy="noeviction", persistent=True, writes=True)
WORKER = Worker(name="all@h", host="h", pid=7, queues=QUEUES, concurrency=2, started=AT, seen=AT)
STREAM = Stream(workers=(WORKER,), beat_seconds=1.0, partitions=(), dead_letters=0, quarantined=0, memory=MEMORY)


@pytest.mark.parametrize(
    ("changed", "codes"),
    [
        ({}, []),
        ({"workers": ()}, ["no-worker"]),
        ({"workers": (WORKER.model_copy(update={"queues": ("events", "sequences", "handoff")}),)}, ["queue-unserved"]),
        ({"beat_seconds": None}, ["beat-silent"]),
        ({"beat_seconds": 31.0}, ["beat-silent"]),
        ({"beat_seconds": 29.0}, []),
        ({"mailbox_seconds": 1_000.0}, ["mailbox-unreadable"]),
        ({"dead_letters": 2}, ["dead-letters"]),
        ({"quarantined": 2}, []),
        ({"ahead_seconds": 4.9}, []),
        ({"ahead_seconds": -5.1}, ["clock-skew"]),
        ({"askew": {"h": 40.0}}, ["clock-skew"]),
        ({"partitions": (Backlog(partition=0, waiting=5, handed_out=1, oldest_seconds=61.0),)}, ["events-late"]),
        ({"partitions": (Backlog(partition=0, waiting=5, handed_out=1, oldest_seconds=59.0),)}, []),
        ({"memory": None}, []),
    ],
)
def test_the_stream(changed: dict[str, object], codes: list[str]) -> None:
    assert [each.code for each in in_stream(STREAM.model_copy(update=changed))] == codes


@pytest.mark.parametrize(
    ("changed", "production", "codes"),
    [
        ({}, True, []),
        ({"used": 10_000}, True, ["redis-full"]),
        ({"used": 10_000, "policy": "allkeys-lru"}, True, ["redis-evicts"]),
        ({"limit": None}, True, []),
        ({"persistent": False}, True, ["redis-forgets"]),
        ({"persistent": False}, False, []),
        ({"writes": False}, False, ["redis-disk"]),
        ({"replica": True}, False, ["redis-read-only"]),
    ],
)
def test_how_redis_keeps_its_data(changed: dict[str, object], production: bool, codes: list[str]) -> None:
    assert [each.code for each in in_memory(MEMORY.model_copy(update=changed), production=production)] == codes


@pytest.mark.parametrize(
    ("revision", "codes"), [("0005", []), ("0004", ["schema-behind"]), (None, ["schema-behind"]), ("0006", ["schema-ahead"])]
)
def test_migrations(revision: str | None, codes: list[str]) -> None:
    assert [each.code for each in in_migrations(Migrations(revision=revision, newest="0005"))] == codes


@pytest.mark.parametrize(
    ("disk", "codes"),
    [
        (Disk(free=10**9, total=10**10), []),
        (Disk(free=10**6, total=10**10), ["disk-full"]),
        (Disk(free=10**9, total=10**10, free_files=5), ["disk-full"]),
        (Disk(free=10**9, total=10**10, free_files=5_000), []),
    ],
)
def test_the_disk(disk: Disk, codes: list[str]) -> None:
    assert [each.code for each in in_disk(disk)] == codes


@pytest.mark.parametrize(
    ("events", "size", "age", "codes"),
    [
        (0, 0, None, []),
        (3, 500, timedelta(seconds=5), []),
        (3, 500, timedelta(seconds=20), ["journal-waiting"]),
        (9, 990, timedelta(seconds=5), ["journal-full"]),
        (9, 1_000, timedelta(minutes=5), ["journal-full", "journal-waiting"]),
    ],
)
def test_the_journal(events: int, size: int, age: timedelta | None, codes: list[str]) -> None:
    found = Journal(events=events, bytes=size, oldest=None if age is None else AT - age, bound=1_000)
    assert [each.code for each in in_journal(found, AT)] == codes
