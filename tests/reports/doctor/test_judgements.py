"""What each area makes of facts: tables. That the facts are what they say is shown on real servers by test_sicknesses.py."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from nurture.adapters.mail.server import parse_url
from nurture.adapters.presence import Process
from nurture.definitions.loader import Loaded
from nurture.definitions.mistakes import Mistake
from nurture.reports.doctor import (
    certificates_area,
    clock_area,
    database_area,
    definitions_area,
    disk_area,
    redis_area,
    settings_area,
    smtp_area,
    versions_area,
    work_area,
)
from nurture.reports.doctor.finding import Finding
from nurture.reports.facts import Disk, Memory
from nurture.settings import Settings
from tests.support.definitions import definitions

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)


def codes(found: Iterable[Finding]) -> list[str]:
    return [each.code for each in found]


REDIS = redis_area.Facts(
    Memory(used=10, limit=100, policy="noeviction", persistent=True, writes=True, version="8.0.1"),
    0, rewrite_failed=False, snapshot_failed=False, fsync="everysec", partitions=(0, 3), lingering=0, queues={"events": 3},
)  # fmt: skip


@pytest.mark.parametrize(
    ("memory", "facts", "expected"),
    [
        ({}, {}, ["fine"]),
        ({"version": "6.0.16"}, {}, ["redis-old"]),
        ({"version": "6.2"}, {}, ["fine"]),
        ({"version": "7"}, {}, ["fine"]),
        ({"limit": None}, {}, ["redis-no-limit"]),
        ({"used": 81}, {}, ["redis-nearly-full"]),
        ({"used": 100}, {}, ["fine"]),  # that it is full status says
        ({}, {"evicted": 5}, ["redis-evicted"]),
        ({}, {"fsync": "no"}, ["redis-no-fsync"]),
        ({}, {"fsync": None}, ["fine"]),
        ({}, {"rewrite_failed": True}, ["redis-rewrite-failed"]),
        ({}, {"snapshot_failed": True}, ["redis-snapshot-failed"]),
        ({}, {"partitions": (0, 4, 7)}, ["partition-unread"]),
        ({}, {"lingering": 2}, ["tasks-linger"]),
        ({}, {"queues": {"mail": 1_000}}, ["queue-long"]),
    ],
)
def test_redis(memory: dict[str, Any], facts: dict[str, Any], expected: list[str]) -> None:
    told = REDIS._replace(memory=REDIS.memory.model_copy(update=memory), **facts)
    assert codes(redis_area.judged(told, 4, production=True)) == expected


def test_redis_may_forget_in_development() -> None:
    told = REDIS._replace(memory=REDIS.memory.model_copy(update={"persistent": False, "limit": None}))
    assert [(each.code, each.level) for each in redis_area.judged(told, 4, production=False)] == [
        ("redis-no-limit", "note"),
        ("redis-volatile", "note"),
    ]


POSTGRESQL = database_area.Server(
    "16.4", {"fsync": "on", "synchronous_commit": "on", "max_connections": "100"}, "UTF8", standby=False, invalid=(),
    bloat=(database_area.Bloat("events", 50_000, 50_000),), activities=(database_area.Activity(7, "psql", "active", 20.0),),
    connections=12, age=5_000_000,
)  # fmt: skip


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({}, ["fine"]),
        ({"version": "13.11 (Debian)"}, ["database-old"]),
        ({"encoding": "SQL_ASCII"}, ["encoding-narrow"]),
        ({"standby": True}, ["database-read-only"]),
        ({"settings": {"default_transaction_read_only": "on"}}, ["database-read-only"]),
        ({"settings": {"fsync": "off"}}, ["database-forgets"]),
        ({"settings": {"default_transaction_isolation": "serializable"}}, ["isolation-changed"]),
        ({"settings": {"autovacuum": "off"}}, ["autovacuum-off"]),
        ({"invalid": ("ix_events_at",)}, ["index-invalid"]),
        ({"bloat": (database_area.Bloat("events", 200_000, 300_000),)}, ["table-bloated"]),
        ({"activities": (database_area.Activity(7, "psql", "idle in transaction", 301.0),)}, ["transaction-open"]),
        ({"connections": 86, "settings": {"max_connections": "100"}}, ["connections-short"]),
        ({"age": 1_200_000_000}, ["wraparound-near"]),
    ],
)
def test_postgresql(facts: dict[str, Any], expected: list[str]) -> None:
    assert codes(database_area.judge_server(POSTGRESQL._replace(**facts), production=True)) == expected


SQLITE = database_area.File("3.45.0", "wal", 4_096, 0, "")


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({}, ["fine"]),
        ({"version": "3.34.1"}, ["database-old"]),
        ({"damage": "row 3 missing from index"}, ["database-damaged"]),
        ({"damage": None}, ["fine"]),
        ({"mode": "delete"}, ["journal-mode"]),
        ({"log_bytes": 10**9}, ["log-large"]),
    ],
)
def test_sqlite(facts: dict[str, Any], expected: list[str]) -> None:
    assert codes(database_area.judge_file(SQLITE._replace(**facts))) == expected


@pytest.mark.parametrize(
    ("told", "expected"), [(1_000.0, "fine"), (1_004.0, "fine"), (1_012.0, "clock-skew"), (990.0, "clock-skew")]
)
def test_clocks(told: float, expected: str) -> None:
    """Asked between 1,000 and 1,002: what the answer took on its way is no skew."""
    assert codes(clock_area.compared(1_000.0, told, 1_002.0, "Redis")) == [expected]


def test_the_date_of_an_answer_is_a_clock() -> None:
    asked = AT.timestamp()
    date = "Mon, 02 Mar 2026 09:00:01 GMT"
    assert codes(clock_area.compared_with_date(date, asked, asked + 1, "the page")) == ["fine"]
    assert codes(clock_area.compared_with_date(date, asked - 60, asked - 59, "the page")) == ["clock-skew"]
    assert codes(clock_area.compared_with_date("yesterday", asked, asked, "the page")) == []


def test_packages_against_the_lock_file() -> None:
    pinned = {"Redis": "8.1", "colorama": "0.4.6"}
    assert codes(versions_area.compared(pinned, {"redis": "8.1"}, "Python")) == ["fine"]
    [found] = versions_area.compared(pinned, {"redis": "8.0"}, "Python")
    assert (found.code, found.what) == ("packages-differ", "Redis 8.0 instead of 8.1")


def test_versions_of_processes() -> None:
    assert codes(versions_area.judged({"1.0"}, "1.0")) == ["fine"]
    assert codes(versions_area.judged({"1.0", "1.1"}, "1.1")) == ["processes-differ"]
    assert codes(versions_area.judged({"1.0"}, "1.1")) == ["processes-other-version"]
    assert codes(versions_area.judged(set(), "1.1")) == []


def test_processes() -> None:
    web, beat = Process("web", "a", 1, "1.0", "0005"), Process("beat", "a", 2, "1.0", "0005")
    assert codes(work_area.judged([web, beat])) == ["fine"]
    assert codes(work_area.judged([beat])) == ["web-absent"]
    assert codes(work_area.judged([web, beat, beat._replace(host="b")])) == ["fine", "beats-several"]


@pytest.mark.parametrize(
    ("disk", "writable", "expected"),
    [
        (Disk(free=50 * 10**9, total=100 * 10**9), True, ["fine"]),
        (Disk(free=10**9, total=100 * 10**9), True, ["disk-short"]),
        (Disk(free=10**9, total=2 * 10**9), True, ["fine"]),
        (Disk(free=50 * 10**9, total=100 * 10**9, free_files=5_000), True, ["files-short"]),
        (Disk(free=50 * 10**9, total=100 * 10**9), False, ["folder-not-writable"]),
    ],
)
def test_disks(disk: Disk, writable: bool, expected: list[str]) -> None:
    assert codes(disk_area.judged(disk, Path("data"), writable=writable)) == expected


PRODUCTION: dict[str, Any] = {
    "mode": "production", "secret_key": SecretStr("q3W9xkT0vB7mZr5LpYc2"), "public_url": "https://events.acme-widgets.fr",
    "redis_url": SecretStr("redis://:pass@redis.internal/0"), "database_url": SecretStr("postgresql://db/nurture"),
    "smtp_url": SecretStr("smtp://user:pass@relay.net"), "imap_url": SecretStr("imaps://u:p@mail.net/INBOX"),
}  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, ["fine"]),
        ({"public_url": "https://localhost"}, ["public-url-local"]),
        ({"smtp_url": SecretStr("smtp://user:pass@relay.net?starttls=off")}, ["mail-in-the-clear"]),
        ({"redis_url": SecretStr("redis://redis.internal/0")}, ["redis-open"]),
        ({"redis_url": SecretStr("redis://127.0.0.1/0")}, ["fine"]),
        ({"imap_url": None}, ["bounces-unheard"]),
        ({"imap_url": None, "hook_secrets": {"postmark": "USER:PASSWORD"}}, ["fine"]),
        ({"database_url": SecretStr("sqlite:////data/n.db")}, ["database-one-machine"]),
    ],
)
def test_settings_of_production(changed: dict[str, Any], expected: list[str]) -> None:
    assert codes(settings_area.judged(Settings(**{**PRODUCTION, **changed}))) == expected


def test_settings_of_development() -> None:
    assert codes(settings_area.judged(Settings())) == ["settings-development"]
    elsewhere = Settings(public_url="http://localhost:9000", port=8000)
    assert codes(settings_area.judged(elsewhere)) == ["settings-development", "public-url-elsewhere"]


def test_files_of_keys_that_others_can_read(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    keys = tmp_path / "keys.json"
    keys.write_text("{}")
    keys.chmod(0o644)
    [found] = settings_area.open_files(settings_area.key_files(settings))
    assert (found.code, found.command) == ("key-file-open", f"chmod 600 {keys}")
    keys.chmod(0o600)
    assert codes(settings_area.open_files(settings_area.key_files(settings))) == []


def test_how_a_mail_server_received_us() -> None:
    server = parse_url("smtp://user:pass@relay.net")

    def told(**met: Any) -> list[str]:
        given = smtp_area.Met(**{"encrypted": True, "certificate_ends": AT + timedelta(days=60), "largest": 50_000_000, **met})
        return codes(smtp_area.judge_meeting("default", server, given, AT))

    assert told() == ["fine"]
    assert told(certificate_ends=AT + timedelta(days=13)) == ["smtp-certificate-ends"]
    assert told(largest=100_000) == ["smtp-small"]
    assert told(largest=None) == ["fine"]
    assert told(encrypted=False, certificate_ends=None) == ["smtp-plain"]


def test_what_answers_at_the_public_url() -> None:
    def told(**answer: Any) -> list[str]:
        given = {
            "code": 200,
            "body": '{"live":true}',
            "date": None,
            "asked": 0.0,
            "answered": 0.0,
            "ends": AT + timedelta(days=60),
        }
        return codes(certificates_area.judged("https://e.fr", certificates_area.Answer(**{**given, **answer}), AT))

    assert told() == ["fine"]
    assert told(ends=AT + timedelta(days=2)) == ["certificate-ends"]
    assert told(code=404, body="not here") == ["public-url-foreign"]
    assert told(body="<html>welcome</html>") == ["public-url-foreign"]


def test_the_configuration_folder() -> None:
    closed = Mistake("config/sequences/a.yaml", 3, 1, "nobody can enter: the trigger leads to 'lead'", "change one of them")
    wrong = Mistake("config/scoring.yaml", 9, 1, "unknown key 'pionts'", "did you mean 'points'?")
    doubtful = Mistake("config/zz.yaml", 1, 1, "nobody reads a file of this name", "", "warning")
    found = list(definitions_area.judge_folder(Loaded(None, [doubtful, wrong, closed]), []))
    assert codes(found) == ["definitions-wrong", "sequence-closed", "definitions-doubtful"]
    assert found[1].remedy == "change one of them"
    many = [Mistake("f.yaml", line, 1, "x", "y") for line in range(1, 31)]
    found = list(definitions_area.judge_folder(Loaded(None, many), []))
    assert len(found) == 11
    assert "20 more" in found[-1].what
    fine = list(definitions_area.judge_folder(Loaded(definitions(), []), [*definitions().emails(), "forgotten"]))
    assert codes(fine) == ["mail-unused", "fine"]


def test_what_is_in_force() -> None:
    ours = definitions()
    force = definitions_area.InForce(ours, ours.digest, AT - timedelta(days=60), [*ours.sequences], [*ours.emails()])

    def told(changed: definitions_area.InForce, *, production: bool = False) -> list[str]:
        return codes(definitions_area.judge_in_force(changed, ours, AT, production=production))

    assert told(force) == ["fine"]
    assert told(force._replace(digest="another")) == ["definitions-unapplied"]
    assert told(force._replace(figures_old=True)) == ["figures-old"]
    assert told(force._replace(entered=())) == ["sequence-unentered"] * len(ours.sequences)
    assert set(told(force._replace(mailed=()))) == {"mail-unsent"}
    assert told(force._replace(entered=(), since=AT)) == ["fine"]
    assert told(force, production=True) == ["sender-example"]
