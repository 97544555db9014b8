"""`nurture handoff` and `nurture dead` tell what other systems were told and what was given up, and tell it again under the same id."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from nurture.adapters.database.tables import deliveries
from nurture.adapters.webhook import WebhookCaller
from nurture.domain.outward import LOOPBACK
from nurture.domain.telling.calls import RETRY_DELAYS
from nurture.flow.hand_off import hand_off
from tests.cli.conftest import Command
from tests.support.definitions import definitions
from tests.support.events import download, form
from tests.support.installation import Installation
from tests.support.receiver import Receiver

SECRET = "whsec_" + "c2VjcmV0" * 4


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def crm(installation: Installation, receiver: Receiver) -> Installation:
    """Two people have become leads, and nobody has been told."""
    endpoint = {"url": receiver.url, "stages": ["lead"], "secret": "crm"}
    installation.apply(definitions(handoff={"endpoints": {"crm": endpoint}}))
    for address in ("ana@acme.test", "ben@acme.test"):
        installation.happen(form(address, device=address), download(address))
    return installation


def call(installation: Installation) -> None:
    caller = WebhookCaller({"crm": [SECRET]}, 5.0, allowed=LOOPBACK)
    hand_off(installation.database.handing_off, caller, installation.clock, lambda: 0.0)


def given_up(installation: Installation, receiver: Receiver) -> None:
    receiver.usually = 400
    for delay in (*RETRY_DELAYS, timedelta()):
        call(installation)
        installation.clock.advance(delay)
    receiver.usually = 204


def statuses(installation: Installation) -> list[str]:
    with installation.engine.connect() as connection:
        return list(connection.scalars(select(deliveries.c.status)))


def told(nurture: Command, *words: str) -> Any:
    result = nurture(*words, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_what_was_told_is_listed_without_telling_of_whom(nurture: Command, crm: Installation) -> None:
    call(crm)
    found = told(nurture, "handoff", "list")
    assert (found["count"], {each["status"] for each in found["handoffs"]}) == (2, {"delivered"})
    assert {(each["endpoint"], each["type"], each["detail"]) for each in found["handoffs"]} == {
        ("crm", "stage.changed.v1", "HTTP 204")
    }
    lines = nurture("handoff", "list", "--endpoint", "crm", "--status", "delivered").stdout
    assert lines.endswith("2 hand-offs\n")
    assert "acme.test" not in lines
    shown = nurture("handoff", "show", found["handoffs"][0]["id"])
    assert json.loads(shown.stdout)["id"] == found["handoffs"][0]["id"]
    assert nurture("handoff", "show", "5").exit_code == 1


def test_what_was_told_is_told_again_under_the_same_id(nurture: Command, crm: Installation, receiver: Receiver) -> None:
    call(crm)
    before = sorted(receiver.ids)
    assert nurture("handoff", "replay").exit_code == 2  # everything there ever was is nothing that one says by accident
    assert told(nurture, "handoff", "replay", "--since", "2026-01-01", "--dry-run") == {"count": 2, "dry_run": True}
    assert told(nurture, "handoff", "replay", "--since", "2026-01-01", "--endpoint", "crm")["count"] == 2
    assert told(nurture, "handoff", "replay", "--since", "2026-01-01")["count"] == 0  # they wait already
    call(crm)
    assert sorted(receiver.ids) == sorted(before * 2)
    assert told(nurture, "handoff", "replay", "--id", before[0])["count"] == 1
    call(crm)
    assert receiver.ids.count(before[0]) == 3


def test_what_was_given_up_lies_among_the_dead_letters(nurture: Command, crm: Installation, receiver: Receiver) -> None:
    given_up(crm, receiver)
    found = told(nurture, "dead", "list")
    assert (found["count"], found["handoffs"]["count"]) == (0, 2)
    assert {each["detail"] for each in found["handoffs"]["given_up"]} == {"HTTP 400"}
    assert "2 hand-offs given up" in nurture("dead", "list", "--endpoint", "crm").stdout
    assert told(nurture, "dead", "list", "--endpoint", "chat")["handoffs"]["count"] == 0
    shown = json.loads(nurture("dead", "show", found["handoffs"]["given_up"][0]["id"]).stdout)
    assert shown["status"] == "failed"


def test_dead_hand_offs_are_retried_and_dropped_like_letters(nurture: Command, crm: Installation, receiver: Receiver) -> None:
    given_up(crm, receiver)
    one, other = sorted(set(receiver.ids))
    assert told(nurture, "dead", "retry", "--endpoint", "crm", "--dry-run")["handoffs"] == 2
    assert told(nurture, "dead", "retry", one)["handoffs"] == 1
    assert told(nurture, "dead", "retry", one)["handoffs"] == 0
    assert told(nurture, "dead", "drop", "--all", "--yes")["handoffs"] == 1
    assert sorted(statuses(crm)) == ["dropped", "waiting"]
    receiver.taken.clear()
    call(crm)
    assert receiver.ids == [one]
    assert told(nurture, "handoff", "replay", "--id", other)["count"] == 1  # dropped is not deleted


def test_an_endpoint_is_held_and_let_go_on(nurture: Command, crm: Installation, receiver: Receiver) -> None:
    refused = nurture("pause", "endpoint", "crmm")
    assert "did you mean 'crm'?" in str(refused.exception)
    assert nurture("pause", "endpoint", "crm", "--reason", "they move house").exit_code == 0
    assert "the endpoint crm" in nurture("holds").stdout
    call(crm)
    assert receiver.taken == []
    assert nurture("drain", "endpoint", "crm").exit_code == 2
    assert nurture("resume", "endpoint", "crm").exit_code == 0
    call(crm)
    assert len(receiver.taken) == 2


def test_what_signs_hand_offs_is_made_and_turned(nurture: Command, environment: pytest.MonkeyPatch) -> None:
    environment.setenv("NURTURE_HANDOFF_SECRETS", json.dumps({"crm": SECRET, "hubspot": "pat-eu1-12345678"}))
    listed = nurture("keys").stdout
    assert "whsec_…cmV0" in listed
    assert "a token of another system" in listed
    assert SECRET not in listed
    assert nurture("keys", "new", "--handoff").stdout.startswith("whsec_")
    fresh = nurture("keys", "rotate", "crm")
    assert fresh.stdout.startswith("whsec_")
    assert "a signature by each" in fresh.stderr
    assert SECRET not in fresh.output
    assert nurture("keys", "rotate", "hubspot").exit_code == 2
