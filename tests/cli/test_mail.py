"""`nurture mail`: from a mail server's pipe, from files, from a mailbox."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import pytest
from redis import Redis

from nurture.adapters.redis_keys import FIELD, events
from nurture.adapters.tokens import MailLink, Tokens
from nurture.domain.event import EVENT, Event
from tests.cli.conftest import Command
from tests.support.imap import ImapServer
from tests.support.installation import SECRET, Installation
from tests.support.returned import bounce, out_of_office, reply

NAME = Tokens(SECRET).mail_name(MailLink(5, 7))


@pytest.fixture(autouse=True)
def _secret(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("NURTURE_SECRET_KEY", SECRET)


def told(redis: Redis) -> list[Event]:
    entries: list[Any] = [entry for partition in range(4) for entry in cast("list[Any]", redis.xrange(events(partition)))]
    return [EVENT.validate_json(entry[FIELD]) for _, entry in entries]


def test_a_pipe_is_read_and_told_to_the_stream(nurture: Command, installation: Installation) -> None:
    done = nurture("mail", "read", "-", stdin=bounce(NAME).decode())
    assert done.exit_code == 0, done.output
    assert "bounced  address  5.1.1" in done.stdout
    assert "@" not in done.stdout
    [event] = told(installation.redis)
    assert (event.name, event.source, event.message, event.person, event.email) == ("email_bounced", "mailbox", 5, 7, None)


def test_a_pipe_waits_for_neither_the_database_nor_celery(redis_url: str, tmp_path: Path) -> None:
    """A mail server starts a process for each mail."""
    given = {"NURTURE_SECRET_KEY": SECRET, "NURTURE_REDIS_URL": redis_url, "NURTURE_DATA_DIR": str(tmp_path)}
    command = [sys.executable, "-X", "importtime", "-m", "nurture.cli.main", "mail", "read", "-"]
    done = subprocess.run(command, input=bounce(NAME), env={**os.environ, **given}, capture_output=True, check=True, timeout=60)
    imported = {line.rpartition(b"|")[2].strip() for line in done.stderr.splitlines()}
    assert b"nurture.adapters.stream_writer" in imported
    assert not imported & {b"sqlalchemy", b"celery", b"nurture.domain.definitions", b"structlog", b"jinja2"}


def test_a_pipe_that_tells_nothing_is_done_and_nobody_is_told_that_it_was_not_delivered(
    nurture: Command, installation: Installation
) -> None:
    done = nurture("mail", "read", "-", stdin="Subject: hello\n\nhello\n")
    assert (done.exit_code, done.stdout.split()[:2]) == (0, ["-", "unread"])
    assert told(installation.redis) == []


@pytest.mark.parametrize(
    ("variable", "value"),
    [("NURTURE_REDIS_URL", "redis://127.0.0.1:1/0"), ("NURTURE_REDIS_URL", "ftp://x"), ("NURTURE_PORT", "no")],
)
def test_whatever_fails_on_our_side_is_to_be_tried_again(
    variable: str, value: str, alone: Command, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv(variable, value)
    done = alone("mail", "read", "-", stdin=bounce(NAME).decode())
    assert done.exit_code == 75
    assert "Traceback" not in done.output


def test_without_room_in_the_stream_it_is_tried_again(nurture: Command, environment: pytest.MonkeyPatch) -> None:
    environment.setenv("NURTURE_MAX_BACKLOG", "1")
    assert nurture("mail", "read", "-", stdin=bounce(NAME).decode()).exit_code == 0
    assert nurture("mail", "read", "-", stdin=reply(NAME).decode()).exit_code == 75


def test_files_are_read_and_only_told_of_in_a_dry_run(nurture: Command, installation: Installation, tmp_path: Path) -> None:
    files = {"bounce": bounce(NAME), "away": out_of_office(NAME), "other": b"Subject: hello\r\n\r\nhello\r\n"}
    for name, raw in files.items():
        (tmp_path / name).write_bytes(raw)
    names = [str(tmp_path / name) for name in files]
    done = nurture("mail", "read", *names, "--dry-run", "--json")
    assert done.exit_code == 65
    first, second, third = json.loads(done.stdout)
    assert (first["told"][0]["kind"], first["told"][0]["code"], first["told"][0]["message"]) == ("bounced", "5.1.1", 5)
    assert second["told"][0]["kind"] == "auto_replied"
    assert third["unread"] == "it names no mail of ours"
    assert told(installation.redis) == []
    assert nurture("mail", "read", *names[:2]).exit_code == 0
    assert sorted(event.name for event in told(installation.redis)) == ["email_auto_replied", "email_bounced"]
    assert nurture("mail", "read", str(tmp_path / "nowhere")).exit_code == 66


def test_a_mailbox_is_fetched(nurture: Command, installation: Installation, environment: pytest.MonkeyPatch) -> None:
    with ImapServer() as server:
        environment.setenv("NURTURE_IMAP_URL", server.url)
        server.put(*(bounce(NAME, number=number) for number in range(60)), reply(NAME), b"Subject: hello\r\n\r\nhello\r\n")
        done = nurture("mail", "fetch", "--once")
        assert done.stdout == "62 mails, 60 bounced, 1 replied, 1 of nothing that concerns us\n"
        assert json.loads(nurture("mail", "fetch", "--once", "--json").stdout) == {"mails": 0, "unread": 0, "told": {}}
        assert len(told(installation.redis)) == 61
        assert len(server.mails()) == 2
    assert "IMAP" in str(nurture("mail", "fetch", "--once").exception)


def test_without_a_mailbox_nothing_is_fetched(nurture: Command) -> None:
    assert "NURTURE_IMAP_URL" in str(nurture("mail", "fetch", "--once").exception)
