"""`nurture messages`: mails one by one, and what becomes of those that are uncertain."""

import json
from datetime import timedelta
from typing import Any

import pytest

from nurture.adapters.tokens import MailLink, Tokens
from nurture.domain.mail.feedback import Feedback, as_event
from nurture.domain.mail.sending import LEASE
from nurture.errors import Refused
from tests.cli.conftest import Command
from tests.support.events import download, form
from tests.support.installation import Installation, claim

ANA, BEN = "ana@acme.test", "ben@acme.test"


@pytest.fixture
def unknown(installation: Installation) -> int:
    """Ana's mail went; the worker of Ben's died over it."""
    installation.happen(form(ANA, device="ana"), download(ANA))
    installation.work()
    installation.later(minutes=1)
    installation.happen(form(BEN, device="ben"), download(BEN))
    while_sending(installation)
    [id_] = [each["id"] for each in listed(installation)]
    return int(id_)


def while_sending(installation: Installation) -> None:
    from nurture.flow.advance import advance

    while advance(installation.database, installation.clock, lambda *_: False).moved:
        pass
    [waiting] = claim(installation.database, "host-17-abc", installation.clock.now())
    assert installation.database.sending.begin("host-17-abc", [waiting.letter.message], [], installation.clock.now())
    installation.clock.advance(LEASE + timedelta(seconds=1))
    installation.work()


def listed(installation: Installation) -> list[dict[str, Any]]:
    from nurture.reports.mails import uncertain_mails

    return [each.model_dump() for each in uncertain_mails(installation.engine, 10, lambda *_: "")]


def test_they_are_listed_by_status_sequence_and_person(nurture: Command, unknown: int) -> None:
    both = nurture("messages", "list")
    assert "2 messages\n" in both.stdout
    assert BEN in next(line for line in both.stdout.splitlines() if str(unknown) in line and "uncertain" in line)
    for options, to in (
        (["--status", "sent"], [ANA]),
        (["--status", "uncertain"], [BEN]),
        (["--person", ANA], [ANA]),
        (["--sequence", "guide-nurture"], [ANA, BEN]),
        (["--sequence", "another"], []),
        (["--limit", "1"], [BEN]),
    ):
        told = json.loads(nurture("messages", "list", "--json", *options).stdout)
        assert sorted(each["email"] for each in told["messages"]) == to, options
    assert "2 messages, the latest 1 of them shown" in nurture("messages", "list", "--limit", "1").stdout


def test_somebody_who_is_not_known_is_no_empty_list(nurture: Command, unknown: int) -> None:
    assert nurture("messages", "list", "--person", "eve@acme.test").exit_code == 1


def test_what_is_known_of_an_uncertain_mail_is_told(nurture: Command, installation: Installation, unknown: int) -> None:
    told = nurture("messages", "uncertain")
    assert told.exit_code == 1
    assert f"{unknown}  uncertain  guide-nurture/thanks  to {BEN}" in told.stdout
    for line in ("handed over  2026-03-02 09:01:00", "worker       host-17-abc", "detail       the worker died while sending"):
        assert line in told.stdout
    [facts] = json.loads(nurture("messages", "uncertain", "--json").stdout)
    assert (facts["handed_over_at"], facts["worker"], facts["heard"]) == ("2026-03-02T09:01:00Z", "host-17-abc", [])


def test_it_is_told_by_which_name_the_logs_of_servers_know_it(
    nurture: Command, installation: Installation, environment: pytest.MonkeyPatch, unknown: int
) -> None:
    environment.setenv("NURTURE_SECRET_KEY", "a secret of this test")
    name = Tokens("a secret of this test").mail_name(MailLink(unknown, installation.person(BEN).id))
    assert f"name         {name}\n" in nurture("messages", "uncertain").stdout


def test_what_was_heard_of_it_later_is_told(nurture: Command, installation: Installation, unknown: int) -> None:
    at, person = installation.clock.now(), installation.person(BEN).id
    said = Feedback("deferred", "hook:test", "1", at, message=unknown, person=person, detail="greylisted")
    installation.happen(as_event(said, at))
    [facts] = json.loads(nurture("messages", "uncertain", "--json").stdout)
    assert [(each["name"], each["source"], each["detail"]) for each in facts["heard"]] == [
        ("email_deferred", "hook:test", "greylisted")
    ]
    assert "email_deferred  hook:test  greylisted" in nurture("messages", "show", str(unknown)).stdout


def test_none_is_uncertain_any_more_when_a_provider_tells(nurture: Command, installation: Installation, unknown: int) -> None:
    at, person = installation.clock.now(), installation.person(BEN).id
    installation.happen(as_event(Feedback("delivered", "hook:test", "1", at, message=unknown, person=person), at))
    assert nurture("messages", "uncertain").stdout == "0 uncertain messages\n"
    assert json.loads(nurture("messages", "show", str(unknown), "--json").stdout)["status"] == "delivered"


@pytest.mark.parametrize(
    ("option", "words", "status"),
    [("--sent", "sent", "sent"), ("--not-sent", "queued again", "queued"), ("--failed", "failed", "failed")],
)
def test_one_is_resolved_by_hand(nurture: Command, unknown: int, option: str, words: str, status: str) -> None:
    told = nurture("messages", "resolve", str(unknown), option)
    assert (told.exit_code, told.stdout) == (0, f"1 message {words}\n")
    assert json.loads(nurture("messages", "show", str(unknown), "--json").stdout)["status"] == status
    again = json.loads(nurture("messages", "resolve", str(unknown), option, "--json").stdout)
    assert again == {"finding": option[2:].replace("-", "_"), "resolved": [], "already": [unknown]}


def test_one_that_is_queued_again_goes(nurture: Command, installation: Installation, unknown: int) -> None:
    nurture("messages", "resolve", str(unknown), "--not-sent")
    installation.later(minutes=1)
    installation.work()
    assert [mail.to[0] for mail in installation.sink.mails] == [ANA, BEN]


@pytest.mark.parametrize("options", [(), ("--sent", "--failed")])
def test_one_word_must_be_said(nurture: Command, unknown: int, options: tuple[str, ...]) -> None:
    told = nurture("messages", "resolve", str(unknown), *options)
    assert told.exit_code == 2
    assert "say one of" in told.stderr


def test_what_is_not_uncertain_is_refused(nurture: Command, unknown: int) -> None:
    refused = nurture("messages", "resolve", str(unknown), "7", "--sent")
    assert isinstance(refused.exception, Refused)
    assert nurture("messages", "uncertain").exit_code == 1


def test_a_mail_that_is_none(nurture: Command) -> None:
    told = nurture("messages", "show", "7")
    assert told.exit_code == 1
    assert "there is no message 7" in told.stderr
