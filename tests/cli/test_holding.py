"""`nurture pause`, `resume` and `holds`."""

import json
from datetime import timedelta

import pytest
from sqlalchemy import select

from nurture.adapters.broker import queue_key
from nurture.adapters.database.tables import enrollments, messages, pauses
from nurture.errors import Refused
from tests.cli.conftest import Command
from tests.support.events import download, form
from tests.support.installation import Installation


def statuses(installation: Installation) -> list[str]:
    with installation.engine.connect() as connection:
        return list(connection.scalars(select(enrollments.c.status)))


def test_a_sequence_is_held_and_goes_on(nurture: Command, installation: Installation) -> None:
    installation.happen(form("ana@acme.test"), download("ana@acme.test"))
    installation.work()
    told = nurture("pause", "guide-nurture", "--reason", "the price list is wrong")
    assert told.exit_code == 0, told.output
    assert told.stdout == "guide-nurture is paused; 1 person in flight stay where they are\n"
    assert statuses(installation) == ["paused"]
    with installation.engine.connect() as connection:
        assert connection.execute(select(pauses)).one().reason == "the price list is wrong"
    gone_on = json.loads(nurture("resume", "guide-nurture", "--over", "2h", "--json").stdout)
    named = {"kind": "sequence", "name": "guide-nurture", "sequence": "guide-nurture"}
    assert gone_on == {**named, "people": 1, "mails": 0, "reopened": False}
    assert statuses(installation) == ["waiting"]


def test_what_cannot_be_done_says_why(nurture: Command, installation: Installation) -> None:
    for arguments, why in (
        (("pause", "guide"), "did you mean 'guide-nurture'?"),
        (("resume", "guide-nurture"), "guide-nurture is not paused"),
    ):
        told = nurture(*arguments)
        assert isinstance(told.exception, Refused)
        assert why in str(told.exception)
    spread = nurture("resume", "guide-nurture", "--over", "soon")
    assert spread.exit_code == 2
    assert "'soon' is no duration" in spread.stderr
    wordy = nurture("pause", "guide-nurture", "--reason", "x" * 201)
    assert wordy.exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("sequence", "guide-nurture"), "guide-nurture is paused; 0 people in flight stay where they are"),
        (("guide-nurture",), "guide-nurture is paused; 0 people in flight stay where they are"),
        (("queue", "mail"), "the queue mail is held; within a second no worker begins anything of it"),
        (("domain", "GMail.com."), "mail to gmail.com is held; within a second none begins any more"),
        (("domain", "gmail"), "mail to gmail is held; within a second none begins any more"),
        (("all",), "everything is held; within a second no worker begins anything. Events go on being accepted"),
    ],
)
def test_everything_that_can_be_held_is_held_and_goes_on(nurture: Command, arguments: tuple[str, ...], told: str) -> None:
    held = nurture("pause", *arguments, "--reason", "an upgrade")
    assert (held.exit_code, held.stdout) == (0, f"{told}\n"), held.output
    [listed] = json.loads(nurture("holds", "--json").stdout)["held"]
    assert (listed["how"], listed["reason"]) == ("paused", "an upgrade")
    assert listed["by"]
    assert "an upgrade" in nurture("holds").stdout
    again = nurture("pause", *arguments)
    assert isinstance(again.exception, Refused)
    assert "already, since" in str(again.exception)
    gone_on = nurture("resume", *arguments)
    assert gone_on.exit_code == 0, gone_on.output
    assert nurture("holds").stdout == "nothing is held\n"
    assert isinstance(nurture("resume", *arguments).exception, Refused)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("queue",), "say which queue"),
        (("queue", "mails"), "did you mean 'mail'?"),
        (("all", "mail"), "`all` needs no name"),
        (("queues", "mail"), "did you mean 'queue'?"),
        (("domain", "ana@gmail.com"), "write one such as gmail.com"),
        (("domain", "acme"), "is no domain"),
    ],
)
def test_what_is_not_understood_says_what_to_write(nurture: Command, arguments: tuple[str, ...], why: str) -> None:
    for command in ("pause", "resume", "drain"):
        told = nurture(command, *arguments)
        assert told.exit_code == 2
        assert why in " ".join(told.stderr.split())


@pytest.mark.parametrize(("word", "hint"), [("mail", "`queue mail`"), ("gmail.com", "`domain gmail.com`")])
def test_a_word_alone_is_a_sequence_and_others_are_asked_about(nurture: Command, word: str, hint: str) -> None:
    told = nurture("pause", word)
    assert isinstance(told.exception, Refused)
    assert hint in str(told.exception)


def test_only_a_sequence_is_spread(nurture: Command) -> None:
    assert nurture("resume", "queue", "mail", "--over", "1h").exit_code == 2


def test_a_queue_that_goes_on_is_woken_and_nothing_in_it_is_late(nurture: Command, installation: Installation) -> None:
    installation.happen(form("ana@acme.test"), download("ana@acme.test"))
    installation.work()
    with installation.engine.begin() as connection:
        connection.execute(messages.update().values(status="queued", planned_at=installation.clock.now()))
    nurture("pause", "queue", "mail")
    installation.clock.advance(timedelta(days=20))
    before = installation.redis.llen(queue_key("mail"))
    told = nurture("resume", "queue", "mail")
    assert "goes on after being held since 2026-03-02 09:00:" in told.stdout
    assert "1 row would be late by that, and are not" in told.stdout
    assert installation.redis.llen(queue_key("mail")) == before + 2
    with installation.engine.connect() as connection:
        planned_at = connection.scalar(select(messages.c.planned_at))
    assert planned_at is not None
    assert abs(planned_at - installation.clock.now()) < timedelta(minutes=5)


def test_what_is_still_held_is_told(nurture: Command) -> None:
    nurture("pause", "all")
    nurture("pause", "queue", "events")
    assert "still held: everything" in nurture("resume", "queue", "events").stdout
    nurture("pause", "queue", "handoff")
    assert json.loads(nurture("resume", "all", "--json").stdout)["still_held"][0]["name"] == "handoff"


def test_brakes_that_are_no_holds_stand_below(nurture: Command) -> None:
    nurture("brakes", "pull", "family", "default/gmail", "--reason", "they refuse us")
    told = nurture("holds").stdout
    assert "nothing is held" in told
    assert "a brake (see `nurture brakes`): mail to gmail by default waits until lifted: they refuse us" in told
